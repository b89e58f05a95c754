"""Real servers and clients under the library, for minutes, with everything that goes wrong in a network: `scripts/check soak`.

Every answer is checked, memory is watched, logs are read. Nothing here may excuse a wrong byte, or an error that no fault of
our own making explains.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "measure/bench"))
from cases import haproxy_sse, imap_append, nginx  # noqa: E402
from harness import build, library, net as network, process, table  # noqa: E402
from harness.net import CLIENT, SERVER  # noqa: E402

SIZES = (500, 20_000, 1_000_000)
# All count (but Cyrus's processes, which have a user of their own and no right to the directory).
COUNTED = {"TCPTUNE_STATS": build.scratch() / "counters"}
# Half-open peers are noticed after a few seconds, also where the server has no timeout of its own.
SETTINGS = {"TCPTUNE_SET": "user_timeout=8s keepalive=4/1/3"}
# The address of clients that will vanish from the network.
VANISHING = "10.203.77.3"
UNEXPECTED = re.compile(r"tcptune|segfault|signal 11|core dumped|assert|alert|emerg|\bcrit|MemoryError", re.I)
# Memory after the first part may grow so much in the second.
FACTOR, ADDED = 1.25, 4 << 20


def rss(pids):
    """Bytes of memory that one of these processes has, on average: how many there are is the server's own affair."""
    pages = []
    for pid in pids:
        try:
            pages.append(int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]))
        except OSError:
            pass
    return sum(pages) * os.sysconf("SC_PAGE_SIZE") // max(len(pages), 1)


class Service:
    """A server under the library, and its client."""

    def __init__(self, name, net, kind, port, argv, kill=True, threads=3):
        self.name, self.net, self.kind, self.port, self.argv, self.kill = name, net, kind, port, argv, kill
        self.threads = threads
        self.down = build.scratch() / f"down-{name}"
        self.samples, self.logs, self.killed, self.vanished, self.restarted = [], "", 0, 0, 0
        self.server = self.start()

    def start(self):
        return process.Server(self.net, self.argv, self.port, True, SETTINGS | COUNTED, cwd=build.body(SIZES[0]).parent)

    def host(self):
        return SERVER

    def pids(self):
        return self.server.pids()

    def client(self, seconds, seed, *more, source=CLIENT):
        bodies = ",".join(f"{size}:{hashlib.sha256(build.body(size).read_bytes()).hexdigest()}" for size in SIZES)
        argv = [sys.executable, HERE / "client.py", self.kind, self.host(), self.port, seconds, seed, self.down,
                "--threads", self.threads, "--bodies", bodies, *(["--from", source] if source else []), *more]
        argv = process.command(self.net.client, argv, True, COUNTED)
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def restart(self):
        """Kills the server at once, and starts another."""
        self.down.touch()
        pids = self.pids()
        for pid in reversed(pids):
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        self.server.process.wait()
        self.logs += self.log()
        while any(os.path.exists(f"/proc/{pid}") for pid in pids[1:]):
            time.sleep(0.02)
        self.server = self.start()
        self.restarted += 1
        time.sleep(0.7)
        self.down.unlink()

    def log(self):
        return "".join(os.pread(file.fileno(), 1 << 24, 0).decode(errors="replace")
                       for file in (self.server.output, self.server.errors))

    def unexpected(self):
        return [line for line in (self.logs + self.log()).splitlines() if UNEXPECTED.search(line)]

    def stop(self):
        self.server.stop()


class Cyrus(Service):
    """Listens on loopback only, and starts its own processes: its clients are in its namespace, and nobody kills it."""

    def __init__(self, net):
        super().__init__("cyrus, imaplib", net, "imap", 0, None, kill=False)

    def start(self):
        server = imap_append.Cyrus(self.net, preload=True, settings=SETTINGS)
        self.port, *self.account = server.account
        return server

    def pids(self):
        pids = [self.server.process.pid]
        for pid in pids:
            pids += process._children(pid)
        return pids

    def client(self, seconds, seed, *more, source=None):
        argv = [sys.executable, HERE / "client.py", "imap", "127.0.0.1", self.port, seconds, seed, self.down,
                "--account", *self.account]
        argv = process.command(self.net.server, argv, True, COUNTED)
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def log(self):
        return ""

    def stop(self):
        self.server.__exit__()


def services(net):
    """All of them; the relay comes after what it relays."""
    root = build.body(SIZES[0]).parent
    for size in SIZES:
        build.body(size)
    config = build.scratch() / "haproxy.cfg"
    config.write_text(haproxy_sse.CONFIG.replace(f"127.0.0.1:{haproxy_sse.BACKEND}", f"127.0.0.1:{nginx.PORT}"))
    scratch = build.scratch()
    yield Service("nginx", net, "http", nginx.PORT, nginx.command("off", root))
    yield Service("haproxy before nginx", net, "http", haproxy_sse.PORT, ["haproxy", "-db", "-f", config])
    yield Service("python http.server", net, "http", 8100, [sys.executable, "-m", "http.server", 8100])
    # Serves one connection at a time: no others may take its place, or vanish in it.
    yield Service("C, header and sendfile", net, "http", 8101, [build.program("header_body"), "--port", 8101],
                  threads=1)
    yield Service("redis", net, "redis", 6379, ["redis-server", "--port", 6379, "--bind", "0.0.0.0", "--protected-mode", "no",
                                                "--save", "", "--appendonly", "no", "--dir", scratch])
    yield Service("python, frames mirrored", net, "mirror", 8102, [sys.executable, HERE / "mirror.py", 8102])
    yield Cyrus(net)


def vanish(net, service, seed):
    """A client whose address leaves the network, and which is then killed: the server is left with half-open peers."""
    address = ("ip", "-n", net.client, "address")
    network.run(*address, "add", f"{VANISHING}/32", "dev", "link0")
    victim = service.client(30, seed, source=VANISHING)
    time.sleep(1.2)
    network.run(*address, "del", f"{VANISHING}/32", "dev", "link0")
    time.sleep(0.3)
    end(victim)
    service.vanished += 1


def end(victim):
    victim.kill()
    victim.communicate()


def soak(net, seconds, seed):
    """Runs it; gives the services and what their clients say."""
    dice = random.Random(seed)
    running = list(services(net))
    begin = time.monotonic()
    clients = {service.name: service.client(seconds, n) for n, service in enumerate(running)}
    http = [service for service in running if service.kill]
    # Each server is killed once, one after the other in the middle of the run.
    kills = {service.name: begin + seconds * (0.45 + 0.1 * n / len(http)) for n, service in enumerate(http)}
    sample, count = begin, 0
    while (now := time.monotonic()) < begin + seconds - 2:
        for service in http:
            if now > kills.get(service.name, now + 1):
                del kills[service.name]
                behind = [running[1]] if service.name == "nginx" else []
                for relay in behind:
                    relay.down.touch()
                service.restart()
                for relay in behind:
                    relay.down.unlink()
        if now >= sample:
            sample += seconds / 40
            for service in running:
                service.samples.append((now - begin, rss(service.pids())))
        count += 1
        service = dice.choice(running)
        if count % 4 == 0 and service.kill and service.threads > 1:
            vanish(net, service, count)
        elif service.threads > 1:
            victim = service.client(30, 1_000 + count)
            time.sleep(0.3 + dice.random())
            end(victim)
            service.killed += 1
    results = {name: client.communicate(timeout=60) for name, client in clients.items()}
    return running, results, {name: client.pid for name, client in clients.items()}


def counted():
    """What the library has counted: the report's processes by their numbers, and what it says of files that it cannot read."""
    command = [library.path().parent / "tcptune", "report", "--json", COUNTED["TCPTUNE_STATS"]]
    report = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(report.stdout)
    return {process["pid"]: process for process in found["processes"]}, report.stderr.splitlines()


def judge(running, results, pids, seconds):
    """Prints the tables; how many things were not as they should be."""
    bad, rows, memory = 0, [], []
    processes, said_of_files = counted()
    for line in said_of_files:
        print(f"counters: {line}")
    bad += len(said_of_files)
    for service in running:
        out, err = results[service.name]
        said = [line for line in err.splitlines() if line.strip()]
        if not out:
            print(f"{service.name}: the client ended: {' '.join(said[-3:])}")
            bad += 1
            continue
        counts = json.loads(out)
        lines = service.unexpected()
        # What imaplib reads is not counted by the client itself.
        received = sum(of["tuned"]["counters"]["bytes_received"] for of in processes[pids[service.name]]["services"])
        if counts["received"] not in (0, received):
            print(f"{service.name}: the client received {counts['received']:,} bytes, the library counted {received:,}")
            bad += 1
        rows.append([service.name, f"{counts['exchanges']:,}", f"{counts['bytes'] / 1e6:,.0f}", counts["wrong"], counts["errors"],
                     counts["resets"], counts["slow"], counts["left"], service.killed, service.vanished, service.restarted,
                     f"{received / 1e6:,.1f}", len(lines) + len(said)])
        for line in [*lines, *said, *counts["first"]][:6]:
            print(f"{service.name}: {line}")
        bad += counts["wrong"] + counts["errors"] + len(lines) + len(said) + (counts["exchanges"] == 0)
        # Two parts: before the servers were killed and after; the first fifth of each is their warming up.
        parts = [(0.12, 0.44), (0.65, 1.0)]
        cells = []
        for low, high in parts:
            values = [value for at, value in service.samples if low * seconds <= at <= high * seconds]
            half = max(len(values) // 2, 1)
            first, last = sorted(values[:half])[half // 2], sorted(values[-half:])[half // 2]
            cells += [f"{first / 1e6:.1f}", f"{last / 1e6:.1f}"]
            if last > first * FACTOR + ADDED:
                print(f"{service.name}: memory grew from {first:,} to {last:,} bytes")
                bad += 1
        memory.append([service.name, *cells])
    table.show("Exchanges and faults", ["service", "exchanges", "MB", "wrong", "errors", "resets", "slow readers", "left halfway",
                                        "clients killed", "half-open", "server killed", "MB counted", "log lines"], rows,
               "Wrong: an answer that differs from what was sent or from the file. Errors: those that no fault explains. MB counted: "
               "what the library has counted as received by the client, which is what the client has received itself.")
    print(f"{len(processes):,} processes were counted, those that were killed too.")
    table.show("Memory of a process of each server in MB: medians of the first and last half of each part",
               ["service", "before", "until killed", "after", "until the end"], memory)
    return bad


def main():
    parser = argparse.ArgumentParser(prog="scripts/check soak", description=__doc__.splitlines()[0])
    parser.add_argument("seconds", nargs="?", type=int, default=600, help="how long (default 600, at least 30)")
    parser.add_argument("--seed", type=int, default=1, help="which faults, in which order")
    options = parser.parse_args()
    if options.seconds < 30:
        parser.error("seconds: at least 30")
    subprocess.run((library.ROOT / "scripts/setup", "--bench"), check=True, stdout=sys.stderr)
    process.together(False)
    process.NICE[:] = []
    net = network.Net()
    print(f"## Soak, {options.seconds} s\n\n- library: {library.fingerprint()}\n- {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}",
          flush=True)
    COUNTED["TCPTUNE_STATS"].mkdir(mode=0o700)
    running, results, pids = soak(net, options.seconds, options.seed)
    bad = judge(running, results, pids, options.seconds)
    for service in running:
        service.stop()
    print("soak: everything as it should be" if bad == 0 else f"soak: {bad} things are not as they should be")
    sys.exit(bad != 0)


main()
