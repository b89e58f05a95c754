"""Redis and memcached answer each request in one write: nothing to win, and nothing may be lost."""

from harness import build
from harness.compare import Variant, compare

TITLE = "redis and memcached: one write per reply, unchanged"
VALUE = b"v" * 100


def stored(name, data):
    file = build.scratch() / name
    file.write_bytes(data)
    return file


def servers():
    """Name: port, command, what to store and the length of the answer, what to ask for and the length of that answer."""
    return {
        "redis": (6379, ["redis-server", "--port", 6379, "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "",
                         "--appendonly", "no", "--dir", build.scratch()],
                  b"SET k " + VALUE + b"\r\n", 5, b"GET k\r\n", 6 + 100 + 2),
        "memcached": (11211, ["memcached", "-u", "nobody", "-p", 11211, "-U", 0, "-l", "0.0.0.0", "-t", 2],
                      b"set k 0 0 100\r\n" + VALUE + b"\r\n", 8, b"get k\r\n", 15 + 100 + 2 + 5),
    }


def run(net, quick):
    """Prints a table per server."""
    for name, (port, argv, preamble, preamble_expect, request, expect) in servers().items():
        exchange = {"request": stored(f"{name}-get", request), "expect": expect,
                    "preamble": stored(f"{name}-set", preamble), "preamble_expect": preamble_expect}
        variants = {"plain": Variant(argv), "library": Variant(argv, library=True, calls_of="plain")}
        compare(net, f"{name}, GET of 100 bytes", port, variants, exchange, "plain", 3 if quick else 11, 4_000)
