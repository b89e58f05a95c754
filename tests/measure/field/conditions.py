"""Where the rows of the field grid run (scripts/check field): each condition is entered, and says how arrival is started in it."""

import os
import subprocess
import sys

ONE_WAY = 10.0


class Loopback:
    """The machine's own loopback."""
    name, base, times = "loopback", 0.0, 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def wrap(self, arrival):
        return [arrival]


class Busy(Loopback):
    """The same, and every processor has something else to do."""
    # The scheduler decides here: as much again as plain takes says nothing yet; what is held waits far longer.
    name, times = "busy", 2

    def __enter__(self):
        self.others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
        return self

    def __exit__(self, *_):
        for other in self.others:
            other.kill()
            other.wait()


class Spaces:
    """Two network namespaces; the program runs in the first, arrival listens in the second."""
    base, times = 0.0, 1

    def __init__(self, built):
        self.built = built
        self.spaces = [f"field-{self.name}-{end}-{os.getpid()}" for end in "ab"]
        self.paths = [f"/run/netns/{space}" for space in self.spaces]

    def __enter__(self):
        try:
            for space in self.spaces:
                ip("netns", "add", space)
                ip("-n", space, "link", "set", "lo", "up")
            self.join()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for space in self.spaces:
            subprocess.run(["ip", "netns", "delete", space], stderr=subprocess.DEVNULL)

    def wrap(self, arrival):
        return ["ip", "netns", "exec", self.spaces[0], arrival, "-n", self.paths[1], "-a", self.address(1)]


class Ethernet(Spaces):
    """A veth pair with Ethernet's MTU, one segment a packet."""
    name = "ethernet"

    @staticmethod
    def address(end):
        return f"10.77.2.{end + 1}"

    def join(self):
        ip("link", "add", "field0", "netns", self.spaces[0], "mtu", "1500", "type", "veth", "peer", "name", "field1", "netns",
           self.spaces[1], "mtu", "1500")
        for end, space in enumerate(self.spaces):
            ip("-n", space, "address", "add", f"{self.address(end)}/24", "dev", f"field{end}")
            ip("-n", space, "link", "set", f"field{end}", "up", "gso_max_segs", "1")


class Distance(Spaces):
    """A path of 20 ms there and back."""
    name, base = "distance", ONE_WAY

    @staticmethod
    def address(end):
        return f"10.77.3.{end + 1}"

    def join(self):
        words = [word for end in (0, 1) for word in (self.paths[end], self.address(end))]
        self.relay = subprocess.Popen([self.built.directory / "relay", *words, str(ONE_WAY)], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        if self.relay.stdout.readline() != "ready\n":
            raise RuntimeError("relay does not start")

    def __exit__(self, *_):
        if relay := getattr(self, "relay", None):
            relay.kill()
            relay.wait()
        super().__exit__()


def ip(*words):
    subprocess.run(["ip", *words], check=True)
