"""`tcptune doctor --all` on a host with ten real servers of which four stall, among 10, 1,000 and 10,000 other connections: does
it name those four, in the order of what they lose, and what does it take? Prints a table; exits with 1 where one was missed or
misplaced, where it named another, where the lost time is off by more than a quarter, and where it took more than its budget at
1,000 connections. `scripts/check host` is the way in."""

import argparse
import array
import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from cases import corks_itself, key_value, mosquitto, nginx, pgbench  # noqa: E402
from harness import build, library, net as network, process, table  # noqa: E402
from harness.net import SERVER  # noqa: E402
from harness.verdicts import tcptune  # noqa: E402

# The share of one core that doctor may take, in per cent.
BUDGET = 2.0
# How far the lost time may be from the true one.
OFF = 0.25
# A wait that is as long as this was a stall.
STALL = 0.02
CROWD_PORT = 9000
# Exchanges a second of the crowd, and of each client of a healthy server: what a busy service does, and the machine can.
CROWD_RATE = 500
PAUSE_US = 5_000


@dataclasses.dataclass
class Service:
    """A server, its load, and whether it stalls."""

    name: str
    argv: list
    port: int
    # What the load client is given.
    exchange: list
    # How many clients load it: of one that stalls each loses nearly all of its time.
    clients: int = 1
    stalls: bool = False
    # Between two exchanges of a client. (After a longer pause than 40 ms the kernel acknowledges at once.)
    pause_us: int = 0
    cwd: str = None


def services(net):
    """The ten."""
    page = build.body(1_000)
    root = page.parent
    get = ["--get", "/1000", "--body", page]
    request, preamble = build.scratch() / "publish", build.scratch() / "subscribe"
    request.write_bytes(mosquitto.PUBLISH)
    preamble.write_bytes(mosquitto.CONNECT + mosquitto.SUBSCRIBE)
    static = build.scratch() / "static-server"
    subprocess.run(("gcc", "-O2", "-static", "-o", static, build.SOURCE / "header_body.c"), check=True)
    yield Service("python3 -m http.server", ["/usr/bin/python3", "-m", "http.server", 8001, "--protocol", "HTTP/1.1", "--directory",
                                             root], 8001, get, 5, True)
    yield Service("nginx, tcp_nodelay off", nginx.command("off", root, nodelay="off", port=8002), 8002, get, 3, True)
    yield Service("a static C server", [static, "--port", 8003, "--how", "plain"], 8003, ["--get", "/500", "--body", build.body(500)],
                  1, True)
    yield Service("mosquitto 2", mosquitto.config("plain", ""), mosquitto.PORT,
                  ["--request", request, "--expect", mosquitto.REPLIES, "--preamble", preamble, "--preamble-expect", 9], 1, True, pause_us=25_000)
    yield Service("nginx, tcp_nopush on", nginx.command("on", root, port=8004), 8004, get, 2, pause_us=PAUSE_US)
    lighttpd = corks_itself.LIGHTTPD.replace("{port}", "8005")
    yield Service("lighttpd", ["lighttpd", "-D", "-f", corks_itself.config("lighttpd", lighttpd, root=root)], 8005, get, 2, pause_us=PAUSE_US)
    apache = corks_itself.APACHE.replace("{port}", "8006")
    yield Service("Apache", ["apache2", "-D", "FOREGROUND", "-f", corks_itself.config("apache", apache, root=root, sendfile="on")],
                  8006, get, 2, pause_us=PAUSE_US)
    for name, (port, argv, set_it, stored, asked, answer) in key_value.servers().items():
        yield Service(name, argv, port, ["--request", key_value.stored(f"{name}-get", asked), "--expect", answer, "--preamble",
                                         key_value.stored(f"{name}-set", set_it), "--preamble-expect", stored], 2, pause_us=PAUSE_US)
    yield Service("PostgreSQL", pgbench.cluster(net), pgbench.PORT, None, 2, cwd="/")


def load(net, service, seconds):
    """Starts the clients of a service: each with the file that it writes its latencies to."""
    started = []
    for number in range(service.clients):
        file = build.scratch() / f"latencies-{service.port}-{number}"
        if service.exchange is None:
            argv = [pgbench.binaries() / "pgbench", "-h", SERVER, "-U", "postgres", "-n", "-S", "-c", "1", "-R", 200, "-T",
                    round(seconds), "postgres"]
        else:
            argv = [build.program("load"), SERVER, service.port, "--count", 1_000_000, "--skip", 20, "--latencies", file, "--seconds",
                    seconds, *service.exchange]
            argv += ["--pause", service.pause_us] if service.pause_us else []
        argv = process.command(net.client, argv, end=1)
        started.append((subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), file))
    return started


def lost(clients, seconds):
    """How many seconds the exchanges of these clients waited in each second."""
    total = 0
    for client, file in clients:
        client.wait(60)
        latencies = array.array("d")
        latencies.frombytes(file.read_bytes())
        total += sum(latency for latency in latencies if latency >= STALL)
    return total / seconds


@contextlib.contextmanager
def crowd(net, count):
    """So many connections beside the servers'."""
    program = ["/usr/bin/python3", build.PROGRAMS / "crowd.py"]
    with process.Server(net, [*program, "serve", SERVER, CROWD_PORT], CROWD_PORT):
        argv = process.command(net.client, [*program, "connect", SERVER, CROWD_PORT, count, min(CROWD_RATE, count * 50)], end=1)
        client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert client.stdout.readline() == "ready\n"
            yield
        finally:
            client.stdin.close()
            client.wait(60)


def diagnose(net, seconds):
    """The ranking, and the share of one core that it took, in per cent: all of the process, from its start to its end."""
    file = build.scratch() / "ranking.json"
    argv = ["ip", "netns", "exec", net.server, tcptune(), "doctor", "--all", "--duration", seconds, "--json", "--output", file]
    watching = subprocess.Popen([str(word) for word in argv])
    _, status, usage = os.wait4(watching.pid, 0)
    watching.returncode = os.waitstatus_to_exitcode(status)
    return json.loads(file.read_text()), watching.returncode, (usage.ru_utime + usage.ru_stime) / seconds * 100


def row(net, servers, count, seconds):
    """A row of the table, and what is wrong with it."""
    with crowd(net, count):
        running = {service.port: load(net, service, seconds + 3) for service in servers}
        time.sleep(1.5)
        ranking, code, took = diagnose(net, seconds)
        truth = {service.port: lost(running[service.port], seconds + 3) for service in servers if service.stalls}
        for clients in running.values():
            for client, _ in clients:
                client.wait(60)
    expected = sorted(truth, key=lambda port: -truth[port])
    found = [one["port"] for one in ranking["services"]]
    ratios = [one["lost_ms_per_s"] / 1000 / truth[one["port"]] for one in ranking["services"] if one["port"] in truth]
    faults = []
    if found != expected:
        faults.append("missed" if set(expected) - set(found) else "FALSE ALARM" if set(found) - set(expected) else "order")
    if any(abs(ratio - 1) > OFF for ratio in ratios):
        faults.append("lost time")
    if count <= 1_000 and took > BUDGET:
        faults.append("cost")
    if code != 1:
        faults.append(f"exit {code}")
    if faults:
        print(json.dumps(ranking, indent=1), file=sys.stderr)
    extent = ranking["extent"]
    cells = [f"{count:,}", f"{extent['connections']:,}", f"{len([port for port in expected if port in found])} of {len(expected)}",
             "yes" if found == expected else "no", " ".join(f"{ratio:.2f}" for ratio in ratios),
             extent["surveys"], f"{extent['apart_ms']:,.0f}", extent["closely"], f"{took:.2f}", ", ".join(faults) or "right"]
    return cells, faults


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/check host", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="seconds that doctor watches (10)")
    parser.add_argument("connections", type=int, nargs="*", default=[10, 1_000, 10_000], help="other connections (10 1000 10000)")
    arguments = parser.parse_args()
    subprocess.run((library.ROOT / "scripts/setup", "--bench"), check=True, stdout=sys.stderr)
    net = network.Net()
    with process.anywhere(), contextlib.ExitStack() as stack:
        servers = list(services(net))
        for service in servers:
            stack.enter_context(process.Server(net, service.argv, service.port, cwd=service.cwd))
        rows = [row(net, servers, count, arguments.seconds) for count in arguments.connections]
    head = ["other connections", "in all", "stalled services found", "in order", "lost time, of the true", "looks at all", "apart, ms",
            "closely at once", "% of one core", ""]
    table.show("tcptune doctor --all on a host with ten servers, of which four stall", head, [cells for cells, _ in rows],
               "Lost time: of each stalled service what doctor says, divided by what its clients measured; apart: the longest time "
               "between two looks at all connections; % of one core: all that the command used, from its start to its end.")
    wrong = sum(1 for _, faults in rows if faults)
    print(f"{len(rows) - wrong} of {len(rows)} right")
    sys.exit(1 if wrong else 0)


main()
