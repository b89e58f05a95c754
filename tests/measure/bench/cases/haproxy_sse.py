"""HAProxy 2.6 in its default configuration relays a token stream. It holds what it relays by its own MSG_MORE, so
TCP_NODELAY alone changes nothing; TCPTUNE_RELEASE=all lets go before the wait."""

import json

from harness import build, process, rounds, table
from harness.net import SERVER

TITLE = "HAProxy relaying 20 tokens 5 ms apart: delay of the tokens"
PORT, BACKEND, TOKENS, GAP_MS = 8081, 8090, 20, 5

# The defaults of Debian's /etc/haproxy/haproxy.cfg, without its logging.
CONFIG = f"""
defaults
    mode http
    timeout connect 5000
    timeout client 50000
    timeout server 50000
frontend web
    bind :{PORT}
    default_backend tokens
backend tokens
    server one 127.0.0.1:{BACKEND}
"""

VARIANTS = {
    "direct, no relay": None,
    "plain": (False, {}),
    "library, defaults": (True, {}),
    "library, TCPTUNE_RELEASE=all": (True, {"TCPTUNE_RELEASE": "all"}),
}


def run(net, quick):
    """Prints the table."""
    config = build.scratch() / "haproxy.cfg"
    config.write_text(CONFIG)
    streams = 5 if quick else 10
    delays = {name: [] for name in VARIANTS}

    def measure(name):
        port = BACKEND
        relay = None
        if VARIANTS[name]:
            preload, settings = VARIANTS[name]
            relay = process.Server(net, ["haproxy", "-db", "-f", config], PORT, preload, settings)
            port = PORT
        try:
            output = process.client(net, [build.program("sse"), "read", SERVER, port, TOKENS, streams])
        finally:
            if relay:
                relay.stop()
        delays[name] += [json.loads(line) for line in output.splitlines()]

    with process.Server(net, [build.program("sse"), "serve", BACKEND, TOKENS, GAP_MS], BACKEND):
        rounds.interleave(VARIANTS, measure, 2 if quick else 5)
    rows = []
    for name, runs in delays.items():
        every = [delay for one in runs for delay in one]
        rows.append([name, len(runs), table.ms(rounds.median(every)), table.ms(rounds.percentile(every, 0.99)),
                     table.ms(max(every)), table.ms(rounds.median([one[0] for one in runs])),
                     table.ms(max(one[0] for one in runs))])
    table.show(f"HAProxy, stream of {TOKENS} tokens {GAP_MS} ms apart, one connection per stream",
               ["relay", "streams", "median ms", "p99", "worst", "first token median", "first token worst"], rows,
               "Delay from the backend's write of a token to its arrival at the client.")
