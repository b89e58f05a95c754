"""Programs in which nothing waits, as their packages have them, and a stream: nothing may be found."""

import contextlib
import dataclasses
import sys

from cases import key_value, nginx, pgbench
from harness import build, load, process
from harness.net import SERVER

STREAM_PORT = 9999
# Data one way, as fast as 5 MB/s go: enough that something is always under way, and little enough for what measures.
READ = """
import socket, sys
listener = socket.create_server(("0.0.0.0", int(sys.argv[1])))
while True:
    connection, _ = listener.accept()
    while connection.recv(1 << 16): pass
"""
SEND = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
connection.setsockopt(socket.SOL_SOCKET, 47, 5_000_000)  # SO_MAX_PACING_RATE
end = time.monotonic() + float(sys.argv[3])
while time.monotonic() < end: connection.sendall(b"s" * 70_000)
"""
# Between two exchanges on a short path: that many leave time to those that measure.
NEAR, PAUSE_US, RATE = 3, 1_000, 500


@dataclasses.dataclass
class Healthy:
    """A server and its load, given the running server and seconds."""

    name: str
    argv: list
    port: int
    load: object
    cwd: str = None
    # Data only comes there: doctor says that it cannot tell what the other end holds.
    one_way: str = None

    @contextlib.contextmanager
    def running(self, net):
        """The server, meanwhile."""
        with process.Server(net, self.argv, self.port, cwd=self.cwd) as server:
            yield server


def programs(net, milliseconds, number, postgres):
    """All of them. `number`: of the path, for ports and files; `postgres`: the command of a cluster."""
    near = milliseconds < NEAR
    pause = ("--pause", PAUSE_US) if near else ()
    page = build.body(1_000)

    def raw(**exchange):
        return lambda server, seconds: load.load(net, server, *pause, count=1_000_000, seconds=seconds, **exchange)

    port = 8100 + number
    yield Healthy("nginx", nginx.command("off", page.parent, port=port), port, raw(get="/1000", body=page))
    port, argv, set_it, stored, get, answer = key_value.servers()["redis"]
    yield Healthy("redis", argv, port, raw(request=key_value.stored(f"get-{number}", get), expect=answer,
                                           preamble=key_value.stored(f"set-{number}", set_it), preamble_expect=stored))

    def transactions(_server, seconds):
        process.client(net, [pgbench.binaries() / "pgbench", "-h", SERVER, "-U", "postgres", "-n", "-S", "-c", "1", "-T",
                             max(1, round(seconds)), *(("-R", RATE) if near else ()), "postgres"])
    yield Healthy("PostgreSQL", postgres, pgbench.PORT, transactions, cwd="/")

    def stream(_server, seconds):
        process.client(net, [sys.executable, "-c", SEND, SERVER, STREAM_PORT, seconds])
    yield Healthy("a stream", [sys.executable, "-c", READ, STREAM_PORT], STREAM_PORT, stream, one_way="server")
