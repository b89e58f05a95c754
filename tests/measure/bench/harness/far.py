"""A path with a round-trip time between the two namespaces, by tests/measure/field/relay.c: for kernels without netem."""

import subprocess
import sys

from . import build, library, net, process

RELAY = library.ROOT / "tests/measure/field/relay.c"
SERVER, CLIENT = "10.203.78.1", "10.203.78.2"


class Far:
    """A path with a round trip between the namespaces."""

    def __init__(self, where, milliseconds):
        self.net, self.milliseconds, self.relay = where, milliseconds, None

    def __enter__(self):
        if self.milliseconds == 0:
            return net.SERVER, "link0"
        binary = build.scratch() / "relay"
        if not binary.exists():
            subprocess.run(("gcc", "-O2", "-pthread", "-o", binary, RELAY), check=True)
        argv = [binary, f"/run/netns/{self.net.server}", SERVER, f"/run/netns/{self.net.client}", CLIENT, self.milliseconds / 2]
        self.relay = subprocess.Popen([*process.NICE, *(str(word) for word in argv)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True)
        if self.relay.stdout.readline() != "ready\n":
            sys.exit("bench: relay does not start")
        return SERVER, "relay"

    def __exit__(self, *_):
        if self.relay:
            self.relay.stdin.close()
            self.relay.wait(10)
