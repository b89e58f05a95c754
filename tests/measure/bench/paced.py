"""Requests in flight at several distances (tests/programs/pipelined.c): how many are answered in a second without and with the library,
and whether `tcptune doctor` finds those that wait for each other, predicts what they would take, and is silent about the others. A part
of `scripts/check doctor`."""

import json
import subprocess
import time

from harness import build, far, library, process, table

ROUND_TRIPS = (1, 5, 20, 40)
DEPTH = 8
# How far a prediction may be from what was measured.
OFF = 0.2
TITLE = "requests in flight at a distance"
HEAD = ["program", "round trip, ms", "plain, requests/s", "TCP_NODELAY", "with the library", "a request takes, ms", "doctor says",
        "with the cure, ms", "doctor says", "verdict", ""]


def binary():
    """The client, and the server that only sends back."""
    file = build.scratch() / "pipelined"
    if not file.exists():
        source = library.ROOT / "tests/programs/pipelined.c"
        subprocess.run(("gcc", "-O2", "-Wall", "-pthread", "-o", file, source), check=True)
    return file


class Echo:
    """A server on a port of its choice; busy with each request for so many microseconds."""

    def __init__(self, net, busy_us):
        argv = process.command(net.server, [binary(), "serve", far.SERVER, busy_us], end=0)
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Asking:
    """A client that has so many requests in flight."""

    def __init__(self, net, protocol, port, depth, seconds, *more, preload=False):
        argv = [binary(), "ask", protocol, far.SERVER, port, depth, seconds, *more]
        self.process = subprocess.Popen(process.command(net.client, argv, preload, end=1), stdout=subprocess.PIPE, text=True)

    def rate(self):
        """Requests in a second."""
        return float(self.process.communicate(timeout=60)[0].split()[0])


def doctor(tcptune, client, seconds):
    """What is said of the client while it runs, and the exit status."""
    file = build.scratch() / "paced.json"
    # ip, nice and taskset become the client, and its first requests are over.
    time.sleep(0.7)
    argv = [*process.NICE, tcptune, "doctor", "--json", "--output", file, "--pid", client.process.pid, "--duration", seconds]
    done = subprocess.run([str(word) for word in argv], check=False, timeout=60)
    return json.loads(file.read_text()), done.returncode


def near(predicted, measured):
    """Is it about as predicted?"""
    return abs(predicted / measured - 1) <= OFF


def row(net, tcptune, name, trip, seconds, protocol, port, depth=DEPTH, more=(), lost=True):
    """A row of the table, and what is wrong with it. `lost`: its requests wait for each other."""
    client = Asking(net, protocol, port, depth, seconds + 1.5, *more)
    report, code = doctor(tcptune, client, seconds)
    plain = client.rate()
    nodelay = Asking(net, protocol, port, depth, seconds - 1, "nodelay").rate()
    tuned = Asking(net, protocol, port, depth, seconds - 1, *more, preload=True).rate()
    grave = [finding for finding in report["findings"] if finding["kind"] != "runts"]
    faults = []
    says = ["", ""]
    takes = [depth * 1000 / rate for rate in (plain, nodelay)]
    if code != (1 if lost else 0):
        faults.append("missed" if lost else "FALSE ALARM")
    elif lost:
        gain = grave[0]["gain"]
        said = [gain["before_ms"], gain["after_ms"]]
        says = [f"{value:.2f}" for value in said]
        if grave[0]["kind"] != "paced":
            faults.append(f"kind {grave[0]['kind']}")
        if not all(near(*pair) for pair in zip(said, takes)):
            faults.append("gain")
        if tuned < nodelay * (1 - OFF):
            faults.append("not cured")
    cells = [name, trip, *(f"{rate:,.0f}" for rate in (plain, nodelay, tuned)), f"{takes[0]:.2f}", says[0], f"{takes[1]:.2f}", says[1],
             ", ".join(finding["kind"] for finding in report["findings"]) or "nothing", ", ".join(faults) or "right"]
    return cells, faults


def rows(net, tcptune, seconds):
    """All rows, at all distances."""
    redis = ["redis-server", "--port", 6379, "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--appendonly", "no", "--dir",
             build.scratch()]
    with process.anywhere(), process.Server(net, redis, 6379) as server:
        for trip in ROUND_TRIPS:
            with far.Path(net, trip, addresses=(far.SERVER, far.CLIENT)), Echo(net, 0) as echo, Echo(net, 2000) as busy:
                yield row(net, tcptune, f"{DEPTH} requests in flight", trip, seconds, "echo", echo.port)
                yield row(net, tcptune, f"{DEPTH} in flight, redis", trip, seconds, "redis", server.port)
                yield row(net, tcptune, "2 in flight, TCP_NODELAY on", trip, seconds, "echo", echo.port, 2, ["nodelay"], lost=False)
                yield row(net, tcptune, "1 at a time", trip, seconds, "echo", echo.port, 1, lost=False)
                yield row(net, tcptune, "64 in flight, a server that is busy for 2 ms with each", trip, seconds, "echo", busy.port, 64,
                          lost=False)


def show(net, tcptune, seconds):
    """Prints the table; gives all faults."""
    found = list(rows(net, tcptune, seconds))
    table.show(TITLE, HEAD, [cells for cells, _ in found],
               "A request takes so long on average, from when it is written to its answer, without and with TCP_NODELAY: as many as are in "
               "flight, divided by those answered in a second.")
    return [faults for _, faults in found]
