#!/usr/bin/env python3
"""Does the library make any message wait that did not wait before?

Programs that stop doing what they did for their first fifty exchanges (two writes at once): they write and then compute,
hand over to a thread, fork, stream, spawn, close another socket ... Each message carries the time of its write; the peer,
never under the library, measures how long it was on its way. Every case runs plain and preloaded in turns. Printed: a
Markdown table in microseconds. "late" counts messages above plain's p99.9 + 1 ms; a case is fine when that is, in each
round, at most one (the first, which nothing can foresee) and one in a thousand more. Exit status 1 if one is not.

  tests/measure/bench/never_worse.py [--quick] [--library FILE] [--rounds N] [--count N] [--spin MS] [--set NAME=VALUE] [CASE ...]
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]

# name: (what the program does, letters asked for in turn, requests sent at once, new connection each time)
CASES = {
    "compute": ("write, compute, write", "B", 1, 0),
    "compute_new_connection": ("the same, a new connection each time", "B", 1, 1),
    "sleep": ("write, nanosleep, write", "B", 1, 0),
    "other_thread": ("write; a second thread computes and writes; condition variable", "B", 1, 0),
    "handover": ("write; a second thread writes at once; condition variable", "B", 1, 0),
    "fork_keeps": ("write, fork (the child keeps the socket), compute, write", "B", 1, 0),
    "child_exits": ("a child writes and _exits, the parent keeps the socket", "B", 1, 0),
    "tokens_spin": ("20 tokens 5 ms apart, computing between them", "B", 1, 0),
    "tokens_sleep": ("20 tokens 5 ms apart, sleeping between them", "B", 1, 0),
    "subprocess": ("write, run a program, write", "B", 1, 0),
    "lingering_close": ("write, close of another socket with SO_LINGER, write", "B", 1, 0),
    "head_get": ("header with body and header alone in turns", "TH", 1, 0),
    "head_only": ("header alone from now on", "H", 1, 0),
    "get_head_irregular": ("header with body, sometimes alone", "TTTHTTHTTTTTTHH", 1, 0),
    "pipelined": ("eight requests at once, header and body each", "T", 8, 0),
    "pipelined_heads": ("eight requests at once, header alone", "H", 8, 0),
    "two_services": ("a service of bursts and one of write, compute, write in turns", "TS", 1, 0),
    "relapse_9": ("nine bursts, then once write, compute, write", "T" * 9 + "B", 1, 0),
    "relapse_30": ("the same after thirty bursts each time", "T" * 30 + "B", 1, 0),
    "relapse_100": ("the same after a hundred bursts each time", "T" * 100 + "B", 1, 0),
    "random": ("one to three writes with random computing between", "B", 1, 0),
}
# Exchanges per round, as a factor of what is asked for: twenty tokens of 5 ms are long, bursts are short.
FACTOR = {"tokens_spin": 0.05, "tokens_sleep": 0.05, "relapse_9": 5, "relapse_30": 15, "relapse_100": 50, "head_get": 5, "head_only": 5,
          "get_head_irregular": 5, "pipelined": 5, "pipelined_heads": 5}


def build(directory):
    programs = {}
    for name in ("never_worse_actor", "never_worse_observer"):
        programs[name] = pathlib.Path(directory) / name
        command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", programs[name], HERE / f"{name}.c"]
        subprocess.run(command, check=True)
    return programs


def run(programs, case, library, settings, training, count, spin):
    """One actor and one observer; the delays of the behaviour phase in microseconds."""
    _, cycle, depth, reconnect = CASES[case]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TCPTUNE") and k != "LD_PRELOAD"}
    actor_environment = dict(environment, **settings, LD_PRELOAD=str(library)) if library else environment
    with subprocess.Popen(
        [programs["never_worse_actor"], case, str(spin)], stdout=subprocess.PIPE, env=actor_environment, text=True
    ) as actor:
        try:
            ports = actor.stdout.readline().split()
            arguments = [*ports, training, count, cycle, depth, reconnect]
            observer = subprocess.run(
                [programs["never_worse_observer"], *map(str, arguments)],
                stdout=subprocess.PIPE, env=environment, text=True, check=True, timeout=180,
            )
        finally:
            actor.kill()
    return [int(line) / 1000 for line in observer.stdout.split()]


def quantile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def row(name, mode, runs, limit, settle):
    every = sorted(delay for one in runs for delay in one)
    late = [sum(delay > limit for delay in one) for one in runs]
    cells = [f"{quantile(every, q):.0f}" for q in (0.5, 0.99, 0.999)] + [f"{every[-1]:.0f}"]
    print(f"| {name} | {mode} | {len(every)} | {' | '.join(cells)} | {' '.join(map(str, late))} | {settle} |", flush=True)
    return late


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--quick", action="store_true", help="60 exchanges of 10 ms instead of 400 of 50 ms")
    parser.add_argument("--library", default=ROOT / "target/release/libtcptune.so", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--count", type=int, help="exchanges per round")
    parser.add_argument("--training", type=int, default=50)
    parser.add_argument("--spin", type=int, help="milliseconds of computing")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the library")
    options = parser.parse_args()
    unknown = [case for case in options.cases if case not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}; there are {', '.join(CASES)}")
    if not options.library.is_file():
        parser.error(f"{options.library} is not there: cargo build --release, or --library FILE")
    count = options.count or (60 if options.quick else 400)
    spin = options.spin or (10 if options.quick else 50)
    settings = dict(pair.split("=", 1) for pair in options.set)
    failed = []
    with tempfile.TemporaryDirectory() as directory:
        programs = build(directory)
        print(f"Delays in microseconds; {options.training} exchanges of two writes at once, then {count} of the case; {options.rounds} rounds in turns.\n")
        print("| case | mode | messages | median | p99 | p99.9 | max | late in each round | verdict |")
        print("|---|---|---|---|---|---|---|---|---|")
        for case in options.cases or CASES:
            exchanges = max(5, int(count * FACTOR.get(case, 1)))
            plain, preloaded, empty = [], [], []
            for _ in range(options.rounds):
                plain.append(run(programs, case, None, {}, options.training, exchanges, spin))
                preloaded.append(run(programs, case, options.library.resolve(), settings, options.training, exchanges, spin))
                empty.append(run(programs, case, options.library.resolve(), settings, 0, exchanges, spin))
            every = sorted(delay for one in plain for delay in one)
            limit = quantile(every, 0.999) + 1000
            row(CASES[case][0], "plain", plain, limit, "")
            for mode, runs in (("trained", preloaded), ("not trained", empty)):
                late = [sum(delay > limit for delay in one) for one in runs]
                # One miss, and at most one message in a thousand, in each round.
                verdict = "fine" if all(n <= 1 + len(one) / 1000 for n, one in zip(late, runs)) else "LATE"
                row("", mode, runs, limit, verdict)
                if verdict != "fine":
                    failed.append(f"{case}, {mode}: {late} messages later than {limit:.0f} us, worst {max(map(max, runs)):.0f}")
    print()
    for line in failed:
        print(line)
    if not failed:
        print("no case is later than plain after its first miss")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
