"""A path with a round trip, and with losses if wanted, between two namespaces: tests/measure/field/relay.c, for kernels without netem."""

import functools
import subprocess
import sys

from . import build, library, net

FIELD = library.ROOT / "tests/measure/field"
INTERFACE = "relay"
# The two ends, where the namespaces' own addresses stay free for a path without distance.
SERVER, CLIENT = "10.203.78.1", "10.203.78.2"


@functools.cache
def binary():
    """The relay, compiled."""
    file = build.scratch() / "relay"
    subprocess.run(("gcc", "-O2", "-pthread", "-o", file, FIELD / "relay.c"), check=True)
    return file


class Path:
    """The path, while it is there. Of each direction `loss` per cent of the packets are lost, the same in every run."""

    def __init__(self, where, milliseconds, loss=0, addresses=(net.SERVER, net.CLIENT)):
        server, client = (f"/run/netns/{namespace}" for namespace in (where.server, where.client))
        self.argv = [binary(), server, addresses[0], client, addresses[1], milliseconds / 2, loss]

    def __enter__(self):
        # A path does not wait for a processor.
        argv = ["chrt", "-f", "10", *map(str, self.argv)]
        self.relay = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.relay.stdout.readline() != "ready\n":
            sys.exit("bench: relay does not start")
        return self

    def __exit__(self, *_):
        self.relay.stdin.close()
        self.relay.wait(10)
        self.relay.stdout.close()
