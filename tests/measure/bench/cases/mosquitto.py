"""Mosquitto 2 with its defaults (set_tcp_nodelay false): a client publishes to a topic it also reads, so that each request
brings two replies, the acknowledgement and the message, in two writes."""

from harness import build
from harness.compare import Variant, compare

TITLE = "mosquitto 2 with its defaults, a request and two replies"
PORT = 1883

CONNECT = b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench"
SUBSCRIBE = b"\x82\x06\x00\x01\x00\x01t\x00"
PUBLISH = b"\x32\x19\x00\x01t\x00\x02" + b"x" * 20  # QoS 1, packet 2
REPLIES = 4 + 2 + 23  # PUBACK, and PUBLISH with QoS 0 to the subscriber


def config(name, text):
    file = build.scratch() / f"mosquitto-{name}.conf"
    file.write_text(f"listener {PORT} 0.0.0.0\nallow_anonymous true\n{text}")
    return ["mosquitto", "-c", file]


def run(net, quick):
    """Prints the table."""
    request, preamble = build.scratch() / "publish", build.scratch() / "subscribe"
    request.write_bytes(PUBLISH)
    preamble.write_bytes(CONNECT + SUBSCRIBE)
    plain = config("plain", "")
    variants = {
        "plain": Variant(plain),
        "library": Variant(plain, library=True, calls_of="by hand"),
        "by hand": Variant(config("nodelay", "set_tcp_nodelay true\n")),
    }
    exchange = {"request": request, "expect": REPLIES, "preamble": preamble, "preamble_expect": 4 + 5}
    compare(net, "mosquitto, QoS 1 publish: acknowledgement and message back", PORT, variants, exchange, "by hand",
            3 if quick else 9, 2_000, 0.8, "By hand: set_tcp_nodelay true in its configuration.")
