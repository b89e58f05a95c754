"""Exact counts of a server's system calls per request, by strace -c attached to the running server.

Two attached runs, of N and of 2N requests: their difference leaves out connecting, attaching and waiting for the first
request. strace slows the program down, so nothing else is measured in these runs; and the client pauses between requests
(PAUSE), because how often a server polls in vain depends on whether the next request is there already.
"""

import os
import signal
import subprocess
import sys
import time

from . import build

PAUSE = ("--pause", 5_000)


def _attached(pids):
    return all(
        line.split()[1] != "0"
        for pid in pids
        for task in os.listdir(f"/proc/{pid}/task")
        for line in open(f"/proc/{pid}/task/{task}/status", encoding="ascii")
        if line.startswith("TracerPid")
    )


def counts(server, work):
    """System calls by name that the server makes while `work()` runs."""
    pids = server.pids()
    output = build.scratch() / "strace"
    argv = ["strace", "-f", "-c", "-U", "name,calls", "-o", str(output)]
    for pid in pids:
        argv += ["-p", str(pid)]
    tracer = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 10
    while not _attached(pids):
        if tracer.poll() is not None or time.monotonic() > until:
            tracer.kill()
            sys.exit(f"bench: strace: {tracer.stderr.read().decode().strip()}")
        time.sleep(0.005)
    try:
        work()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=10)
    table = {}
    for line in output.read_text().splitlines():
        words = line.split()
        if len(words) == 2 and words[1].isdigit() and words[0] != "total":
            table[words[0]] = int(words[1])
    return table


def per_request(server, work, requests=100):
    """System calls per request by name; `work(n)` makes n requests."""
    once = counts(server, lambda: work(requests))
    twice = counts(server, lambda: work(2 * requests))
    names = sorted(once.keys() | twice.keys())
    return {name: (twice.get(name, 0) - once.get(name, 0)) / requests for name in names}


def extra(plain, tuned, trivial=0.03):
    """(total difference, text naming the calls that differ) between two results of per_request. Below `trivial` are the
    calls of a server's clockwork, once a second or so."""
    differ = {name: tuned.get(name, 0) - plain.get(name, 0) for name in sorted(plain.keys() | tuned.keys())}
    differ = {name: value for name, value in differ.items() if abs(value) >= trivial}
    return sum(differ.values()), ", ".join(f"{name} {value:+.2f}" for name, value in differ.items())
