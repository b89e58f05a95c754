"""Segments per answer of programs that send an answer in several calls, from the first answer on: learning is included.

Each program is asked on one connection, on eight whose numbers are used again, and, started anew, on one while every CPU has
a process that spins."""

import contextlib
import dataclasses
import json
import sys

from cases import imap_append, nginx
from harness import build, packages, process, rounds, segments, table
from harness.net import SERVER

TITLE = "segments per answer of real programs, learning included: 1 and 8 connections, and at full load"
PORT = 8090
# Debian's own interpreter: its packages' modules are not those of another one.
PYTHON = "/usr/bin/python3"
ANSWERS = 400
# Rows of a program: name, connections, and whether the CPUs are busy.
WAYS = (("1", 1, False), ("8", 8, False), ("1, full load", 1, True))
# What is wanted of the library at most: on one connection, on eight. Perl's server makes six calls an answer, and each must be
# learnt: five times as much above one segment.
STRICT, LOOSE, IMAP, PERL = (1.03, 1.1), (1.2, 1.4), (2.03, 2.2), (1.15, 1.5)

# Python's web server with header and body in one buffer.
BUFFERED = """
import functools, http.server, sys
http.server.SimpleHTTPRequestHandler.wbufsize = 1 << 16
http.server.SimpleHTTPRequestHandler.protocol_version = "HTTP/1.1"
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[2])
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), handler).serve_forever()
"""


HTTPLIB = ("-lcpp-httplib", "-lssl", "-lcrypto")


@dataclasses.dataclass
class Program:
    """A server, asked for a file of `size` bytes. `by_hand`: the same cured by its own means, where that is known."""

    name: str
    argv: list
    wanted: tuple
    by_hand: list = None
    size: int = 100

    def more(self):
        """Segments that the body needs beside the one that it shares with the header."""
        return -(-self.size // 1448) - 1

    def measure(self, net, pool, count, preload=False, by_hand=False):
        """(segments per answer, seconds of each answer)."""
        with process.Server(net, self.by_hand if by_hand else self.argv, PORT, preload) as server:
            before = server.resent()
            argv = [sys.executable, build.PROGRAMS / "http_pool.py", SERVER, PORT, f"/{self.size}", pool, count]
            result = json.loads(process.client(net, argv))
            return (result["segments"] - (server.resent() - before)) / count, result["took"]


class BothEnds(Program):
    """cpp-httplib posts to cpp-httplib, the library on both ends or neither: segments there, or back, whichever is more."""

    def measure(self, net, pool, count, preload=False, by_hand=False):
        with process.Server(net, self.argv, PORT, preload):
            before = {end: net.retransmissions(end) for end in (net.server, net.client)}
            argv = [build.linked("httplib.cpp", *HTTPLIB), "post", SERVER, PORT, pool, count]
            seen = segments.count(net.client, "link0", PORT, lambda: process.client(net, argv, preload))
            again = {end: net.retransmissions(end) - number for end, number in before.items()}
            return max(seen["to"] - again[net.client], seen["from"] - again[net.server]) / count, []


class Mail(Program):
    """imaplib appends to Cyrus on the loopback device at MTU 1500; the library is on imaplib."""

    def measure(self, net, pool, count, preload=False, by_hand=False):
        with imap_append.Cyrus(net) as cyrus:
            argv = [PYTHON, build.PROGRAMS / "imap_pool.py", *cyrus.account, pool, count]
            argv += ["--nodelay"] if by_hand else []
            result = json.loads(process.client(net, argv, preload, namespace=net.server))
            return result["segments"] / count, result["took"]


def programs():
    """All whose packages are there."""
    www = build.body(100).parent
    build.body(20_000)

    def script(interpreter, name, *more):
        return [interpreter, build.PROGRAMS / name, PORT, www, *more]

    def httplib():
        return [build.linked("httplib.cpp", *HTTPLIB), "serve", PORT, www]

    def whole(name, interpreter, file, wanted):
        return Program(name, script(interpreter, file), wanted, script(interpreter, file, "--whole"))

    python = [PYTHON, "-m", "http.server", PORT, "--protocol", "HTTP/1.1", "--directory", www]
    buffered = [PYTHON, "-c", BUFFERED, PORT, www]
    # Name, Debian packages, how it is made.
    everything = (
        ("python3 -m http.server, 100 B", ("python3",), lambda name: Program(name, python, STRICT, buffered)),
        ("python3 -m http.server, 20 kB", ("python3",), lambda name: Program(name, python, STRICT, buffered, 20_000)),
        ("cpp-httplib", ("g++", "libcpp-httplib-dev"), lambda name: Program(name, httplib(), STRICT)),
        ("cpp-httplib, both ends", ("g++", "libcpp-httplib-dev"), lambda name: BothEnds(name, httplib(), STRICT)),
        ("eventlet", ("python3-eventlet",), lambda name: Program(name, script(PYTHON, "eventlet_server.py"), STRICT)),
        ("Perl HTTP::Daemon", ("libhttp-daemon-perl",), lambda name: whole(name, "perl", "http_daemon.pl", PERL)),
        ("nginx, tcp_nopush off", ("nginx-light",), lambda name: Program(
            name, nginx.command("off", www, port=PORT), STRICT, nginx.command("on", www, port=PORT))),
        ("gevent", ("python3-gevent",), lambda name: Program(name, script(PYTHON, "gevent_server.py"), LOOSE)),
        ("node http", ("nodejs",), lambda name: whole(name, "node", "node_server.js", LOOSE)),
        ("JDK com.sun.net.httpserver", ("default-jdk-headless",), lambda name: Program(
            name, ["java", "-cp", build.classes(), "FileServer", PORT, www], LOOSE)),
        ("WEBrick", ("ruby-webrick",), lambda name: Program(name, script("ruby", "webrick.rb"), LOOSE)),
        ("imaplib to Cyrus", ("cyrus-imapd",), lambda name: Mail(name, [], IMAP, [])),
    )
    return [make(name) for name, needs, make in everything if not packages.skipped(name, needs)]


def row(net, program, way, pool, busy, quick):
    """One row of the table."""
    def measured(count, **how):
        return f"{program.measure(net, pool, count, **how)[0]:.2f}"

    # Plain is stalled in many of these programs, and learns nothing: fewer answers do.
    plain = "" if busy else measured(20 if quick else 50)
    by_hand = "" if busy or program.by_hand is None else measured(100, by_hand=True)
    counts, took = [], []
    for _ in range(1 if quick else 3):
        count, times = program.measure(net, pool, ANSWERS, preload=True)
        counts.append(count)
        took += times
    middle, wanted = rounds.median(counts), program.more() + program.wanted[pool > 1 or busy]
    times = [table.ms(rounds.median(took)), table.ms(max(took))] if took else ["", ""]
    return [program.name, way, plain, by_hand, f"{middle:.3f}", f"{min(counts):.2f}-{max(counts):.2f}", f"{wanted:.2f}",
            "yes" if round(middle, 3) <= wanted else "NO", *times]


def run(net, quick):
    """Prints the table."""
    rows = []
    for program in programs():
        for way, pool, busy in WAYS:
            with process.crowd() if busy else contextlib.nullcontext():
                rows.append(row(net, program, way, pool, busy, quick))
    table.show("Segments per answer, learning included",
               ["program", "connections", "plain", "by hand", "library", "least-most", "wanted", "met",
                "median ms", "worst"], rows,
               f"Library: the median of {1 if quick else 3} runs of {ANSWERS} answers, each with a fresh program. Wanted at full "
               "load is what is wanted on eight connections. Times are the library's.")
