"""What `tcptune doctor --pcap` says of captures of real programs, made by tcpdump at both ends at once, beside what `tcptune doctor`
says of the running program, and against the truth; two programs of which one writes twice, at several distances; and how fast a
capture of a gigabyte is read, in how much memory. Prints tables; exits with 1 on a false alarm, a stall that was missed, or a
capture that says another thing than doctor on the running program. `scripts/check captures` is the way in."""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import doctor  # noqa: E402
from harness import build, far, library, net as network, process, table  # noqa: E402
from harness.verdicts import LOOKED, dumps, grave, live, tcptune  # noqa: E402

PROGRAMS = library.ROOT / "tests/programs"
ROUND_TRIPS = (0, 1, 3, 10, 40, 100, 200)
# How far a wait in a capture may be from the one on the running program, in milliseconds.
OFF = 8


def said(report, code):
    """A verdict as a cell, its kind, and the wait in milliseconds."""
    first = grave(report)
    if not first:
        return LOOKED.get(code, str(code)), None, None
    wait = first["wait_ms"]
    return f"{first['kind']} of the {first['side']}, {wait:.1f} ms", (first["kind"], first["side"]), wait


def row(name, where, truth, running, captured, shown=True):
    """A row for both captures. `running`: what doctor says of the running program, if asked; `truth`: kind and side, or None; `shown`:
    a capture can show it."""
    texts, faults = [], []
    live_text, live_kind, live_wait = said(*running) if running else ("", None, None)
    for report, code in captured:
        text, kind, wait = said(report, code)
        texts.append(text)
        expected = truth if shown else None
        if kind != expected or code != (1 if expected else 0):
            faults.append("missed" if expected else "FALSE ALARM" if code == 1 else "in doubt")
        elif expected and live_wait and abs(wait - live_wait) > OFF:
            faults.append("another wait")
    # Doctor at the other end sees the one that writes twice by its pauses: that is the same stall.
    if running and (live_kind is None) != (truth is None):
        faults.append("not as on the running program")
    if faults:
        print(json.dumps([report["findings"] or report for report, _ in captured], indent=1), file=sys.stderr)
    said_truth = "nothing" if truth is None else " of the ".join(truth) + ("" if shown else ", which no capture shows")
    return [name, where, said_truth, live_text, *texts,
            ", ".join(dict.fromkeys(faults)) or "right"], faults


def servers(net, seconds, only):
    """The programs of scripts/check doctor, and a stream."""
    for case in (case for cases in (doctor.stalled, doctor.healthy) for case in cases(net) if only in case.name):
        captured = []
        with case.beside(), process.Server(net, case.argv, case.port, cwd=case.cwd) as server:
            with dumps(net, "link0", captured):
                end = live(net.server, seconds, "--pid", server.process.pid)
                time.sleep(0.3)
                case.load(server, seconds - 1)
                running = end()
        truth = case.truth and (case.truth, "server")
        # What HAProxy holds by MSG_MORE it lets go itself when the stream ends: as if it had been written then.
        yield row(case.name, "veth", truth, running, captured, shown=case.truth != "cork")


def path(net, milliseconds):
    """A path with a round trip between the namespaces; the server's address, and the interface at both ends."""
    if milliseconds == 0:
        return contextlib.nullcontext(), network.SERVER, "link0"
    return far.Path(net, milliseconds, addresses=(far.SERVER, far.CLIENT)), far.SERVER, far.INTERFACE


def exchanges(net, milliseconds, client_writes, server_writes, seconds):
    """A client and a server that write once or twice, at a distance."""
    captured = []
    argv = [*process.NICE, "/usr/bin/python3", PROGRAMS / "exchanges.py"]
    start = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}

    def run(namespace, *words):
        return subprocess.Popen([str(word) for word in ("ip", "netns", "exec", namespace, *argv, *words)], **start)
    between, address, interface = path(net, milliseconds)
    with between:
        server = run(net.server, "server", server_writes, 0, "0.0.0.0")
        port = server.stdout.readline().strip()
        with dumps(net, interface, captured):
            client = run(net.client, "client", port, client_writes, address)
            client.stdout.readline()
            twice = client if client_writes == "twice" else server
            end = live(net.client if twice is client else net.server, seconds, "--pid", twice.pid)
            time.sleep(0.3)
            # A number that takes about as long as doctor looks.
            stalled = "twice" in (client_writes, server_writes)
            each = milliseconds * (2 if stalled else 1) + (44 if stalled else 0.3)
            print(max(20, int((seconds - 1) * 1000 / each)), file=client.stdin, flush=True)
            client.stdout.readline()
            running = end()
        for one in (client, server):
            one.kill()
            one.wait()
    truth = ("nagle", "client") if client_writes == "twice" else ("nagle", "server") if server_writes == "twice" else None
    return row(f"client writes {client_writes}, server {server_writes}", f"{milliseconds} ms", truth, running, captured)


def stream(net, milliseconds):
    """Data one way, as fast as it goes; nothing waits."""
    captured = []
    code = """
import socket, sys, threading
listener = socket.create_server(("0.0.0.0", 9999))
print("ready", flush=True)
connection, _ = listener.accept()
while connection.recv(1 << 16): pass
"""
    send = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], 9999))
end = time.monotonic() + 2
while time.monotonic() < end: connection.sendall(b"s" * 70_000)
"""
    between, address, interface = path(net, milliseconds)
    with between:
        argv = process.command(net.server, ["/usr/bin/python3", "-c", code], end=0)
        reader = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        reader.stdout.readline()
        with dumps(net, interface, captured):
            process.client(net, ["/usr/bin/python3", "-c", send, address])
        reader.wait(20)
    return row("a stream of 70,000-byte writes", f"{milliseconds} ms", None, None, captured)


def speed(megabytes):
    """How long a large capture takes, and how much memory: exchanges of many connections over and over."""
    small = build.scratch() / "speed.pcap"
    subprocess.run(("/usr/bin/python3", pathlib.Path(__file__).with_name("make_capture.py"), small, str(megabytes)), check=True)
    begin = time.monotonic()
    child = subprocess.Popen([str(tcptune()), "doctor", "--json", "--pcap", str(small)], stdout=subprocess.PIPE)
    report = json.load(child.stdout)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.monotonic() - begin
    size = small.stat().st_size / 1e6
    return [f"{size:,.0f}", f"{report['capture']['packets']:,}", f"{report['connections']:,}", f"{took:.1f}", f"{size / took:,.0f}",
            f"{usage.ru_maxrss / 1024:.0f}", LOOKED.get(os.waitstatus_to_exitcode(status), "?")]


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/check captures", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="servers whose name has this in it")
    parser.add_argument("--seconds", type=float, default=3, help="seconds of each (3)")
    parser.add_argument("--quick", action="store_true", help="three distances, no servers, and a capture of 200 MB")
    arguments = parser.parse_args()
    subprocess.run((library.ROOT / "scripts/setup", *([] if arguments.quick else ["--bench"])), check=True, stdout=sys.stderr)
    net = network.Net()
    network.run("ip", "netns", "exec", net.server, "ip", "link", "set", "lo", "mtu", "65536")
    rows = []
    for milliseconds in (0, 10, 40) if arguments.quick else ROUND_TRIPS:
        for writes in (("twice", "once"), ("once", "twice"), ("once", "once")):
            rows.append(exchanges(net, milliseconds, *writes, arguments.seconds))
        rows.append(stream(net, milliseconds))
    if not arguments.quick:
        rows += servers(net, arguments.seconds, arguments.only)
    head = ["program", "path", "truth", "doctor on the one that writes twice, or the server", "capture at the server", "at the client", ""]
    table.show("tcptune doctor on captures of both ends", head, [cells for cells, _ in rows])
    table.show("A large capture", ["MB", "packets", "connections", "seconds", "MB/s", "peak memory, MB", "verdict"],
               [speed(200 if arguments.quick else 1000)])
    wrong = sum(1 for _, faults in rows if faults)
    print(f"{len(rows) - wrong} of {len(rows)} right")
    sys.exit(1 if wrong else 0)


main()
