"""Do tcptune's cures and verdicts hold at any distance? Programs that stall, at round trips from 0 to 200 ms, with and without losses:
plain, mended by hand, with the library at the end that writes in pieces, and at the other end only; what `tcptune doctor` says at
either end, and of captures of both; and whether it says anything of programs in which nothing waits. Prints tables; exits with 1 where
something is wrong. `scripts/check distance` is the way in."""

import argparse
import concurrent.futures
import json
import math
import pathlib
import queue
import subprocess
import sys
import time

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent), str(pathlib.Path(__file__).resolve().parents[1])]
import healthy  # noqa: E402
import judge  # noqa: E402
from cases import pgbench  # noqa: E402
from harness import build, far, library, net as network, process, table, verdicts  # noqa: E402
from stories import BY_HAND, HERE, PLAIN, STORIES, THERE  # noqa: E402

ROUND_TRIPS = (0, 0.5, 1, 3, 6, 10, 14, 20, 40, 80, 200)
QUICK = (0, 10, 40)
LOSS = 1
# So many paths at a time: programs that stall mostly wait, but those that look do so every 2 ms.
AT_ONCE = 3
# A delayed acknowledgement, in milliseconds.
DELAY = 42
# What was judged wrongly with looks so far apart, in milliseconds, is measured again, so often: the machine was busy.
LATE, TIMES = 40, 3


class Paths:
    """Pairs of namespaces, for so many paths at a time."""

    def __init__(self, count, servers):
        self.free = queue.Queue()
        self.postgres = {}
        nets = [network.Net(f"-{number}", link=False) for number in range(count)]
        for number, net in enumerate(nets):
            if servers:
                with far.Path(net, 0):
                    self.postgres[net] = pgbench.cluster(net, f"postgres-{number}")
            self.free.put(net)

    def on(self, work, milliseconds, loss, *more):
        """What work gives on a path of its own, which has carried nothing before."""
        net = self.free.get()
        try:
            before = sum(map(net.retransmissions, (net.server, net.client)))
            with far.Path(net, milliseconds, loss):
                result = work(net, milliseconds, loss, *more)
            return result, sum(map(net.retransmissions, (net.server, net.client))) - before
        finally:
            self.free.put(net)


def look(net, port, work, seconds):
    """Doctor at the server, at the client, and on captures of both, while work goes on; and what that gives."""
    captured = []
    target = ("--port", port)
    with verdicts.dumps(net, far.INTERFACE, captured, *target), concurrent.futures.ThreadPoolExecutor(1) as beside:
        working = beside.submit(work)
        time.sleep(0.4)
        ends = [verdicts.live(namespace, seconds, *target) for namespace in (net.server, net.client)]
        reports = [end() for end in ends]
        result = working.result()
    return result, reports + captured


def measure(story, net, milliseconds):
    """The times of an exchange by how the program is run, and the verdicts on it as it is."""
    taken = {}
    each = (story.rounds + 1) * milliseconds + DELAY + story.own
    seconds = max(4, math.ceil(14 * each / 1000 + milliseconds / 100))
    with story.server(net, PLAIN) as server:
        count = int(seconds * 1.2 * 1000 / each) + 2
        taken[PLAIN], reports = look(net, story.port(server), lambda: story.ask(net, server, PLAIN, count), seconds)
    for how in (BY_HAND, HERE, THERE):
        each = story.rounds * milliseconds + story.own
        with story.server(net, how) as server:
            taken[how] = story.ask(net, server, how, max(20, min(100, int(4000 / each))))
    return taken, reports


def judged(story, milliseconds, loss, taken, reports):
    """The rows of both tables, and what is wrong in each."""
    cures = list(judge.cure(story, milliseconds, taken))
    percent = f"{loss} %" if loss else "none"
    numbers = [f"{taken[how]:.1f}" for how in (PLAIN, BY_HAND, HERE, THERE)]
    first = [story.name, f"{milliseconds:g}", percent, *numbers, "; ".join(cures) or "right"]
    # As the reports come: the server, the client, and captures there.
    saved = {"nagle": taken[PLAIN] - taken[HERE], "peer": taken[PLAIN] - taken[THERE]}
    wrong, cells = [], []
    for place, (report, code) in zip(("server", "client", "capture at the server", "capture at the client"), reports):
        kind = "peer" if place in ("server", "client") and place != story.writer else "nagle"
        faults = list(judge.verdict(report, code, (kind, story.writer if kind == "nagle" else None), loss))
        ratio = judge.gain(report, story, saved[kind])
        if ratio and abs(ratio - 1) > judge.OFF:
            faults.append(f"gain {ratio:.2f}")
        wrong += [f"{place}: {fault}" for fault in faults]
        cells.append(judge.said(report, code, ratio))
        if faults:
            print(f"{story.name}, {milliseconds:g} ms, loss {percent}, {place}: {json.dumps(report, indent=1)}", file=sys.stderr)
    writer, reader = (1, 0) if story.writer == "client" else (0, 1)
    second = [story.name, f"{milliseconds:g}", percent, cells[writer], cells[reader], cells[2 + writer], cells[2 + reader],
              "; ".join(wrong) or "right"]
    return first, second, cures, wrong


def late(reports):
    """Did the looks of doctor lie far apart?"""
    return any(report["longest_gap_ms"] > LATE for report, _ in reports)


def excused(faults):
    """Can late looks have done this? They excuse an estimate, or that it could not be told, but no wrong verdict."""
    return all(" gain " in fault or "could not tell" in fault for fault in faults)


def stalls(net, milliseconds, loss, story):
    """A story on a path. What a busy machine can have done is measured again: times, and looks that came late."""
    for again in range(TIMES):
        taken, reports = measure(story, net, milliseconds)
        first, second, slow, wrong = judged(story, milliseconds, loss, taken, reports)
        if not (slow or wrong and late(reports)) or not excused(wrong):
            break
    return first, second, bool(slow or wrong), again


def quiet(net, milliseconds, loss, number, postgres):
    """The programs in which nothing waits on a path: by name, what was said of each that is wrong."""
    seconds = 3 if milliseconds < 80 else 6
    found, repeated = {}, 0
    for program in healthy.programs(net, milliseconds, number, postgres[net]):
        for _ in range(TIMES):
            with program.running(net) as server:
                _, reports = look(net, program.port, lambda p=program, s=server: p.load(s, seconds + 0.5), seconds)
            faults = []
            for place, (report, code) in zip(("server", "client", "capture at the server", "capture at the client"), reports):
                wrong = list(judge.alarm(report, code, loss, program.one_way == place))
                faults += [f"{place}: {fault}" for fault in wrong]
                if wrong:
                    print(f"{program.name}, {milliseconds:g} ms, loss {loss}, {place}: {json.dumps(report, indent=1)}", file=sys.stderr)
            found[program.name] = "; ".join(faults) or "right"
            if not faults or not late(reports) or not excused(faults):
                break
            repeated += 1
    return found, repeated


def show_stalls(results):
    """Both tables of those that stall."""
    order = {story.name: number for number, story in enumerate(STORIES)}
    rows = sorted(results, key=lambda row: (order[row[0][0]], row[0][2] != "none", float(row[0][1])))
    table.show("Cures: milliseconds of the middle exchange", ["program", "round trip, ms", "loss", PLAIN, BY_HAND, HERE, THERE, ""],
               [first for first, *_ in rows])
    table.show("Verdicts of tcptune doctor on the program as it is",
               ["program", "round trip, ms", "loss", "at the end that writes in pieces", "at the other end", "by capture at the first",
                "by capture at the other", ""], [second for _, second, *_ in rows])


def show_quiet(results):
    """The table of those in which nothing waits: a row for each, a column for each path."""
    for loss in sorted({loss for _, loss in results}):
        distances = sorted(milliseconds for milliseconds, of in results if of == loss)
        names = list(results[distances[0], loss])
        table.show(f"Where nothing waits, {f'loss {loss} %' if loss else 'no loss'}: doctor at both ends, and captures",
                   ["program", *(f"{milliseconds:g} ms" for milliseconds in distances)],
                   [[name, *(results[milliseconds, loss][name] for milliseconds in distances)] for name in names])


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/check distance", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="programs that stall whose name has this in it, and no others")
    parser.add_argument("--at", metavar="MS,MS,...", help="these round trips")
    lossy = parser.add_mutually_exclusive_group()
    lossy.add_argument("--loss", action="store_true", help=f"only with losses ({LOSS} %%)")
    lossy.add_argument("--no-loss", action="store_true", help="only without losses")
    parser.add_argument("--quick", action="store_true", help="three round trips, no losses, only the programs that stall")
    parser.add_argument("--at-once", type=int, metavar="N", default=AT_ONCE, help=f"paths at a time ({AT_ONCE})")
    arguments = parser.parse_args()
    subprocess.run((library.ROOT / "scripts/setup", "--bench"), check=True, stdout=sys.stderr)
    distances = [float(word) for word in arguments.at.split(",")] if arguments.at else QUICK if arguments.quick else ROUND_TRIPS
    losses = [loss for loss, left_out in ((0, arguments.loss), (LOSS, arguments.no_loss or arguments.quick)) if not left_out]
    chosen = [story for story in STORIES if arguments.only in story.name]
    servers = not arguments.quick and not arguments.only
    begin = time.monotonic()
    # Compiled before there are threads.
    for each in (far.binary, lambda: build.program("load"), lambda: build.body(1_000)):
        each()
    paths = Paths(arguments.at_once, servers)
    # The longest first.
    jobs = [(milliseconds, loss) for milliseconds in sorted(distances, reverse=True) for loss in losses]
    with process.anywhere(), concurrent.futures.ThreadPoolExecutor(arguments.at_once) as pool:
        stalled = [pool.submit(paths.on, stalls, *job, story) for job in jobs for story in chosen]
        still = {job: pool.submit(paths.on, quiet, *job, number, paths.postgres) for number, job in enumerate(jobs)} if servers else {}
        rows = [future.result() for future in stalled]
        nothing = {job: future.result() for job, future in still.items()}
    results = [row for row, _ in rows]
    show_stalls(results)
    show_quiet({job: found for job, ((found, _), _) in nothing.items()})
    again = sum(repeated for *_, repeated in results) + sum(repeated for (_, repeated), _ in nothing.values())
    resent = sum(count for _, count in [*rows, *nothing.values()])
    wrong = sum(1 for *_, faulty, _ in results if faulty)
    false = sum(cell != "right" for (found, _), _ in nothing.values() for cell in found.values())
    cells = sum(len(found) for (found, _), _ in nothing.values())
    print(f"{len(results) - wrong} of {len(results)} rows right, {cells - false} of {cells} where nothing waits; {again} measured again; "
          f"{resent:,} segments sent again; {time.monotonic() - begin:.0f} s")
    if losses == [LOSS] and not resent:
        sys.exit("distance: nothing was lost on the paths with losses")
    sys.exit(1 if wrong or false else 0)


main()
