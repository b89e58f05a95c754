"""The three programs that stall, and how each is run: as it is, mended by hand, with the library at the end that writes in pieces, and
with the library at the other end only."""

import itertools
import sys

from cases import imap_append, python_http
from harness import build, library, load, process
from harness.net import SERVER

PROGRAMS = library.ROOT / "tests/programs"
PLAIN, BY_HAND, HERE, THERE = "plain", "by hand", "library", "QUICKACK=auto at the other end"
# Another each time: who has just ended keeps the port of the connections for a while.
_ports = itertools.count(7000)


def preloaded(how, writes):
    """Whether an end has the library, and its settings. `writes`: it is the one that writes in pieces."""
    if how == HERE and writes:
        return True, {}
    if how == THERE and not writes:
        return True, {"TCPTUNE_QUICKACK": "auto"}
    return False, {}


class Pieces:
    """A client that writes 100 bytes and 2 more, and reads the answer."""

    name, writer, rounds = "write, write, read", "client", 1
    # What doctor counts as an exchange, of one of these.
    exchanges = 1
    # What it takes itself, in milliseconds.
    own = 1.5

    def server(self, net, how):
        """Started."""
        port = next(_ports)
        argv = [sys.executable, PROGRAMS / "exchanges.py", "server", "once", port, "0.0.0.0"]
        return process.Server(net, argv, port, *preloaded(how, False))

    def port(self, server):
        """Of the server."""
        return server.port

    def ask(self, net, server, how, count):
        """Makes so many exchanges; the milliseconds of the middle one."""
        argv = [sys.executable, PROGRAMS / "exchanges.py", "client", server.port, "once" if how == BY_HAND else "twice", SERVER]
        return float(process.client(net, argv, *preloaded(how, True), input=f"{count}\n").split()[-1])


class Mails:
    """imaplib: a command and its answer, then a mail, two bytes more, and their answer."""

    name, writer, rounds = "imaplib to Cyrus", "client", 2
    exchanges = 2
    own = 9

    def server(self, net, how):
        """See above."""
        return imap_append.Cyrus(net, *preloaded(how, False), listen="0.0.0.0")

    def port(self, server):
        """See above."""
        return int(server.account[0])

    def ask(self, net, server, how, count):
        """See above. The mail fits into one segment: of two the receiver acknowledges the second at once."""
        argv = [sys.executable, PROGRAMS / "migrate_imap.py", *server.account, count, "--host", SERVER, "--size", 1_200, "--median",
                *(["--nodelay"] if how == BY_HAND else [])]
        return float(process.client(net, argv, *preloaded(how, True)))


class Pages:
    """Python's web server, which writes header and body apart."""

    name, writer, rounds = "http.server, header and body", "server", 1
    exchanges = 1
    own = 4

    def server(self, net, how):
        """See above."""
        page, port = build.body(1_000), next(_ports)
        argv = [sys.executable, "-m", "http.server", port, "--protocol", "HTTP/1.1", "--directory", page.parent]
        if how == BY_HAND:
            argv = [sys.executable, "-c", python_http.BY_HAND, port, page.parent]
        return process.Server(net, argv, port, *preloaded(how, True))

    def port(self, server):
        """See above."""
        return server.port

    def ask(self, net, server, how, count):
        """See above."""
        preload, settings = preloaded(how, False)
        result = load.load(net, server, get="/1000", body=build.body(1_000), count=count + 9, preload=preload, settings=settings)
        return result.median * 1000


STORIES = (Pieces(), Mails(), Pages())
