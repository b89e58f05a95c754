"""The first story: mails appended one by one with Python's imaplib to a Cyrus IMAP server. With the library on the
client, on neither, by hand; and with the library on the server only, the client untouched."""

import math
import re
import subprocess
import sys

from harness import library, net as network, process, rounds, segments, table

TITLE = "imaplib appends to Cyrus: rate and segments per message; library on the client, or on the server only"
PROGRAMS = library.ROOT / "tests/programs"
# Name: (MTU of the loopback device, bytes per mail). On loopback as it is, 2,400 bytes are one segment; at MTU 1500
# 1,200 are, and 2,400 are two, which the receiver acknowledges at once: there Nagle costs nothing.
LINKS = {"loopback": (65_536, 2_400), "MTU 1500": (1_500, 1_200)}
# IP and TCP headers with timestamps.
HEADERS = 52


class Cyrus:
    """A Cyrus server in the server namespace. It listens on that namespace's loopback only, so its client goes there too, unless
    told otherwise."""

    def __init__(self, net, preload=False, settings=None, listen="127.0.0.1"):
        self.net = net
        argv = [sys.executable, PROGRAMS / "cyrus_server.py", "--listen", listen]
        if preload:
            argv += ["--preload", library.path()]
            for name, value in (settings or {}).items():
                argv += ["--env", f"{name}={value}"]
        self.process = subprocess.Popen(process.command(net.server, argv, end=0), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if words[:1] != ["ready"]:
            sys.exit(f"bench: cyrus: {self.process.communicate()[1].strip()}")
        self.account = words[1:]

    def append(self, count, *options, preload=False, settings=None, script="migrate_imap.py"):
        """Appends `count` mails; gives mails per second."""
        interpreter = "perl" if script.endswith(".pl") else sys.executable
        argv = [interpreter, PROGRAMS / script, *self.account, count, *options]
        output = process.client(self.net, argv, preload, settings, namespace=self.net.server)
        return float(re.search(r"([\d.]+)/s", output)[1])

    def segments(self, count, *options, **more):
        """Data segments per mail from the client and from the server, and bytes from the client: 2N mails less N mails, so
        without the login."""
        def sent(n):
            return segments.count(self.net.server, "lo", int(self.account[0]), lambda: self.append(n, *options, **more))
        once, twice = sent(count), sent(2 * count)
        return tuple((twice[way] - once[way]) / count for way in ("to", "from", "bytes_to"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()
        self.process.stderr.close()


# Name: (options of the script, preloaded, settings, mails per round, script)
CLIENTS = {
    "plain": ((), False, {}, 25, "migrate_imap.py"),
    "library": ((), True, {}, 1_000, "migrate_imap.py"),
    "NODELAY only": ((), True, {"TCPTUNE_CORK": "off"}, 1_000, "migrate_imap.py"),
    "by hand": (("--nodelay",), False, {}, 1_000, "migrate_imap.py"),
    "Perl Mail::IMAPClient": ((), False, {}, 1_000, "append.pl"),
}


def from_the_client(net, count, link):
    """The table with the library on the client."""
    mtu, size = LINKS[link]

    def arguments(name):
        own, preload, settings, mails, script = CLIENTS[name]
        sized = () if script.endswith(".pl") else ("--size", size)
        return mails, (*own, *sized), {"preload": preload, "settings": settings, "script": script}

    def measure(name):
        mails, words, more = arguments(name)
        return cyrus.append(mails, *words, **more)

    # The Perl script has a size of its own, 2,400 bytes.
    clients = [name for name in CLIENTS if size == 2_400 or not name.startswith("Perl")]
    with Cyrus(net) as cyrus:
        cyrus.append(50, "--nodelay")
        rates = rounds.interleave(clients, measure, count)
        rows, sent = [], {}
        for name in clients:
            _, words, more = arguments(name)
            to, back, sent[name] = cyrus.segments(50, *words, **more)
            rows.append([name, f"{rounds.median(rates[name]):.1f}", table.number(round(to, 2)), table.number(round(back, 2)),
                         table.faster(rates[name], rates["plain"]), table.faster(rates[name], rates["by hand"])])
    if len({sent[name] for name in clients if not name.startswith("Perl")}) != 1:
        sys.exit(f"bench: imaplib sent different numbers of bytes per mail: {sent}")
    ideal = 1 + math.ceil((size + 2) / (mtu - HEADERS))
    table.show(f"imaplib APPEND to Cyrus, {link}, {size:,}-byte mails", ["client", "mails/s", "segments per mail",
               "and back", "rate to plain", "rate to by hand"], rows,
               f"{count} interleaved rounds. Fewest segments per mail: {ideal} (the command; mail and CRLF). The mail store is "
               f"in memory. {table.COMPARED}")


def from_the_server(net, count):
    """The table with the library on the server and an untouched client."""
    servers = {"plain": (False, {}), "library, TCPTUNE_QUICKACK=auto": (True, {"TCPTUNE_QUICKACK": "auto"}),
               "library, TCPTUNE_QUICKACK=on": (True, {"TCPTUNE_QUICKACK": "on"}), "library, defaults": (True, {})}
    running = {name: Cyrus(net, *how) for name, how in servers.items()}
    try:
        for cyrus in running.values():
            cyrus.append(50, "--nodelay")
        rates = rounds.interleave(servers, lambda name: running[name].append(100 if "ACK" in name else 25), count)
    finally:
        for cyrus in running.values():
            cyrus.__exit__()
    rows = [[name, f"{rounds.median(rates[name]):.1f}", table.faster(rates[name], rates["plain"])]
            for name in servers]
    table.show("plain imaplib (with Nagle) to Cyrus, loopback, library on the server only",
               ["server", "mails/s", "rate to plain"], rows,
               f"{count} interleaved rounds of 25 or 100 mails of 2,400 bytes, a login each; mail store in memory. "
               f"{table.COMPARED}")


def run(net, quick):
    """Prints the tables."""
    count = 3 if quick else 9
    for link, (mtu, _) in LINKS.items():
        network.run("ip", "netns", "exec", net.server, "ip", "link", "set", "lo", "mtu", str(mtu))
        from_the_client(net, count, link)
    network.run("ip", "netns", "exec", net.server, "ip", "link", "set", "lo", "mtu", str(LINKS["loopback"][0]))
    from_the_server(net, count)
    network.run("ip", "netns", "exec", net.server, "ip", "link", "set", "lo", "mtu", "1500")
