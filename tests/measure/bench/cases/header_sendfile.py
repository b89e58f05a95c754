"""A C server that writes a header and sends a body with sendfile: plain, with the library, and written by hand in the
three ways a person would (TCP_NODELAY, TCP_CORK on and off, MSG_MORE on the header)."""

import json
import math
import sys

from harness import build, load, process, rounds, strace, table

TITLE = "write(header) + sendfile(body): segments, system calls and rate against hand-written servers"
PORT, HEADER = 8080, 200
SIZES = (0, 100, 500, 1_248, 2_000, 5_000, 50_000, 1_000_000)
VARIANTS = {"plain": ("plain", False), "library": ("plain", True), "nodelay": ("nodelay", False),
            "cork": ("cork", False), "more": ("more", False)}


def server(net, variant, *options):
    """Starts one variant of the server."""
    how, preload = VARIANTS[variant]
    return process.Server(net, [build.program("header_body"), "--port", PORT, "--how", how, *options], PORT, preload)


def verify(net, size, close, chunk):
    """Both ends hash both streams under the library; they must agree."""
    running = server(net, "library", "--hash", *chunk)
    seen = load.load(net, running, "--hash", *close, get=f"/{size}", count=60, body=build.body(size))
    told = json.loads(running.stop())
    for name in ("sent", "received"):
        other = "received" if name == "sent" else "sent"
        if (told[name], told[name + "_hash"]) != (getattr(seen, other), getattr(seen, other + "_hash")):
            sys.exit(f"bench: the streams at both ends differ: {told} {seen}")


def system_calls(net, size, close, chunk):
    """Calls the library adds per response. The reference has TCP_NODELAY by hand: plain's calls without plain's stalls."""
    results = []
    for variant in ("nodelay", "library"):
        with server(net, variant, *chunk) as running:
            load.load(net, running, *close, get=f"/{size}", count=30)
            results.append(strace.per_request(
                running, lambda n, s=running: load.load(net, s, *strace.PAUSE, *close, get=f"/{size}", count=n), 100))
    return strace.extra(*results)


def one(net, size, one_shot, count, chunk=()):
    """All variants of one body size; a row."""
    close = ("--close",) if one_shot else ()

    def measure(variant):
        with server(net, variant, *chunk) as running:
            ideal = math.ceil((HEADER + size) / 1448)
            return load.load(net, running, *close, get=f"/{size}", count=4_000, seconds=0.2, body=build.body(size),
                             ideal=ideal)

    verify(net, size, close, chunk)
    added, which = system_calls(net, size, close, chunk)
    results = rounds.interleave(VARIANTS, measure, count)
    mss = results["plain"][0].mss
    assert mss == 1448, f"MSS {mss}: the ideal was computed for 1448"

    time = {variant: [result.time for result in results[variant]] for variant in VARIANTS}
    cpu = {variant: [result.cpu_per_exchange for result in results[variant]] for variant in VARIANTS}
    best = min(("cork", "more"), key=lambda variant: rounds.quiet(time[variant]))
    segments = {v: sum(r.segments - r.resent for r in results[v]) / sum(r.exchanges for r in results[v]) for v in VARIANTS}
    above, total = (sum(getattr(r, name) for r in results["library"]) for name in ("off_ideal", "exchanges"))
    late = f"{above} of {total}, last at {max(r.last_off_ideal for r in results['library'])}" if above else f"0 of {total}"
    middle = {v: rounds.median([r.median for r in results[v]]) for v in VARIANTS}
    name = [f"{size:,}" + (f" by {chunk[1]:,}" if chunk else ""), "one-shot" if one_shot else "keep-alive"]
    return (
        [*name, math.ceil((HEADER + size) / mss), *(table.number(round(segments[v], 2)) for v in VARIANTS), late,
         table.signed(added) + (f" ({which})" if which else "")],
        [*name, *(table.ms(middle[v]) for v in VARIANTS),
         *(table.ms(max(getattr(r, key) for r in results["library"])) for key in ("first_worst", "max")),
         best, table.compared(time["library"], time[best]), table.compared(cpu["library"], cpu[best])],
    )


def run(net, quick):
    """Prints the tables."""
    count = 3 if quick else 9
    sizes = (0, 500, 2_000, 50_000) if quick else SIZES
    rows = [one(net, size, one_shot, count) for one_shot in (False, True) for size in sizes]
    rows.append(one(net, 30_000, False, count, ("--chunk", 3_000)))
    table.show(
        f"write(header, {HEADER} B) + sendfile(body): data segments per response",
        ["body", "connection", "ideal", *VARIANTS, "library above ideal", "calls added"], [row[0] for row in rows],
        "From the 10th response of the service on. Calls added by the library per response: strace -c. "
        "Both ends hashed both streams: equal in every row.")
    table.show(
        f"write(header, {HEADER} B) + sendfile(body): time, {count} interleaved rounds",
        ["body", "connection", *(f"{v}, ms" for v in VARIANTS), "library's worst of first 9", "of the rest",
         "best by hand", "time to it", "CPU to it"], [row[1] for row in rows],
        "Median milliseconds per response, seen by the client. The library is compared with the faster of cork and more: time "
        f"per response (of the 99 % fastest), and the server's CPU. {table.COMPARED}")
