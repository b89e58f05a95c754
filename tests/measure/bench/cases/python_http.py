"""Python's own web server, whose header and body are two sends: 1,000-byte file, keep-alive."""

import sys

from harness import build
from harness.compare import Variant, compare

TITLE = "python3 -m http.server, keep-alive: the 40 ms stall, segments, calls"
PORT = 8000

# The same server with the option that its authors left off.
BY_HAND = """
import functools, http.server, socketserver, sys
socketserver.StreamRequestHandler.disable_nagle_algorithm = True
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])
http.server.SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), handler).serve_forever()
"""


def run(net, quick):
    """Prints the table."""
    body = build.body(1_000)
    argv = [sys.executable, "-m", "http.server", PORT, "--protocol", "HTTP/1.1", "--directory", body.parent]
    by_hand = [sys.executable, "-c", BY_HAND, PORT, body.parent]
    variants = {
        "plain": Variant(argv),
        "library": Variant(argv, library=True, calls_of="by hand"),
        "NODELAY only": Variant(argv, library=True, settings={"TCPTUNE_CORK": "off"}),
        "by hand": Variant(by_hand),
    }
    compare(net, "python3 -m http.server --protocol HTTP/1.1, 1,000-byte file", PORT, variants,
            {"get": "/1000", "body": body}, "by hand", 3 if quick else 9, 300 if quick else 600, 1.0,
            "By hand: disable_nagle_algorithm of its handler class.")
