"""What TCPTUNE_QUICKACK=auto costs where no peer stalls: lighttpd and Apache, a small file over loopback."""

import contextlib
import os
import statistics
import subprocess

from cases import corks_itself
from harness import build, library, load, process, rounds, strace, table

TITLE = "TCPTUNE_QUICKACK=auto where nothing waits: CPU of lighttpd and Apache, within 1 % of default settings"
VARIANTS = {"plain": (False, {}), "library": (True, {}), "QUICKACK=auto": (True, {"TCPTUNE_QUICKACK": "auto"})}
PORTS = {name: 8081 + number for number, name in enumerate(VARIANTS)}
SIZE = 1_000
# In a round each variant has a server of its own, and they take turns: what else the machine does is then the same for all.
TURNS, REQUESTS = 6, 3_000
WANTED = 1.01
# Calls of which instructions are counted (tests/measure/overhead/calls.c); a server's exchange is `serve`, of four.
KINDS = "recv tcp,read tcp,send tcp,write tcp,writev tcp,serve"
# The run with the fewest system calls counts: strace makes a server slow, and the library asks once more where a thread came late.
TRIES = 3


def servers():
    """Name, and what gives the command for a port."""
    root = build.body(SIZE).parent

    def lighttpd(port):
        text = corks_itself.LIGHTTPD.replace("{port}", str(port))
        return ["lighttpd", "-D", "-f", corks_itself.config(f"lighttpd-{port}", text, root=root)]

    def apache(port):
        text = corks_itself.APACHE.replace("{port}", str(port))
        return ["apache2", "-D", "FOREGROUND", "-f", corks_itself.config(f"apache-{port}", text, root=root, sendfile="off")]
    yield "lighttpd", lighttpd
    yield "Apache", apache


def turns(net, command, count, ask):
    """CPU seconds per request of each variant: of each round the medians of its turns."""
    results = {name: [] for name in VARIANTS}
    for _ in range(count):
        with contextlib.ExitStack() as stack:
            running = {name: stack.enter_context(process.Server(net, command(PORTS[name]), PORTS[name], *VARIANTS[name]))
                       for name in VARIANTS}
            for server in running.values():
                ask(server, 500)
            costs = rounds.interleave(VARIANTS, lambda name, of=running: ask(of[name], REQUESTS).cpu_per_exchange, TURNS)
        for name, each in costs.items():
            results[name].append(statistics.median(each))
    return results


def run(net, quick):
    """Prints the table."""
    count = 8 if quick else 40

    def ask(server, requests, *options):
        return load.load(net, server, *options, get=f"/{SIZE}", body=build.body(SIZE), count=requests + 9, namespace=net.server)

    rows, added = [], []
    for name, command in servers():
        costs = turns(net, command, count, ask)
        calls = {}
        for variant, how in VARIANTS.items():
            with process.Server(net, command(PORTS[variant]), PORTS[variant], *how) as server:
                found = [strace.per_request(server, lambda n, s=server: ask(s, n, *strace.PAUSE), 200) for _ in range(TRIES)]
            calls[variant] = min(found, key=lambda each: sum(each.values()))
        for variant in VARIANTS:
            ratios = [rounds.ratio_of_medians(costs[variant], costs[other]) for other in ("plain", "library")]
            more, which = strace.extra(calls["plain"], calls[variant])
            added += [f"{name}, {variant}: {which}."] if which else []
            rows.append([
                name, variant, table.signed(more), f"{1 / rounds.median(costs[variant]):,.0f}",
                *("" if middle == least == most else f"{middle:.3f} ({least:.3f}-{most:.3f})" for middle, least, most in ratios),
                "" if variant != "QUICKACK=auto" else "yes" if ratios[1][0] <= WANTED else "NO",
            ])
    table.show(f"GET of {SIZE:,} bytes over loopback, keep-alive", ["server", "variant", "system calls added",
               "requests per CPU-second", "CPU to plain", "CPU to library", f"within {WANTED:.2f} of library"], rows,
               f"System calls are per request. CPU: user and system time of the server, {count} rounds of "
               f"{TURNS} turns of {REQUESTS:,} requests each; ratios of the medians of rounds, with 95 % of a bootstrap over rounds."
               + "".join(f" {text}" for text in added))
    print("### Instructions in user space added to a call, by default and with TCPTUNE_QUICKACK=auto\n", flush=True)
    file = library.path()
    argv = [library.ROOT / "scripts/check", "overhead", "instr", f"default@{file}", f"auto@{file}:TCPTUNE_QUICKACK=auto"]
    subprocess.run([str(word) for word in argv], env={**os.environ, "KINDS": KINDS}, check=True)
    print(flush=True)
