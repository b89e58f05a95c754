"""One table that compares variants of a server under the same load: a row per variant."""

import dataclasses
import sys

from . import load, process, rounds, strace, table


@dataclasses.dataclass
class Variant:
    """How one row's server is started. `library`: preloaded, with `settings`."""

    argv: list
    library: bool = False
    settings: dict = dataclasses.field(default_factory=dict)
    # The row whose system calls this row's are compared with: the same program, not stalled, without the library.
    calls_of: str = None


def serve(net, port, variant, cwd=None):
    """Starts a variant's server."""
    return process.Server(net, variant.argv, port, variant.library, variant.settings, cwd=cwd)


def system_calls(net, port, variants, name, exchange):
    """(difference in all, text naming the calls that differ), or None for a row without a reference."""
    reference = variants[name].calls_of
    if not reference:
        return None
    results = []
    for each in (reference, name):
        with serve(net, port, variants[each]) as server:
            load.load(net, server, count=40, **exchange)
            results.append(strace.per_request(
                server, lambda n, s=server: load.load(net, s, *strace.PAUSE, count=n, **exchange)))
    return strace.extra(*results)


def same_bytes(net, port, variants, exchange):
    """All variants must send the same: byte for byte where a reply is always the same, else (headers with a date) as many
    bytes, while the load client compares each body with the file."""
    seen = {}
    for name, variant in variants.items():
        with serve(net, port, variant) as server:
            result = load.load(net, server, "--hash", count=60, **exchange)
        seen[name] = (result.sent, result.sent_hash, result.received, result.received_hash if "expect" in exchange else None)
    if len(set(seen.values())) != 1:
        sys.exit(f"bench: the byte streams differ: {seen}")


def compare(net, title, port, variants, exchange, reference, count, amount, seconds=None, note=""):
    """Measures all variants in interleaved rounds and prints the table.

    `exchange`: what load() needs to make one exchange; `reference`: the row that ratios are taken to; `amount`:
    exchanges per round, cut off after `seconds`.
    """
    def measure(name):
        with serve(net, port, variants[name]) as server:
            return load.load(net, server, count=amount, seconds=seconds, **exchange)

    same_bytes(net, port, variants, exchange)
    results = rounds.interleave(variants, measure, count)
    time = {name: [r.time for r in results[name]] for name in variants}
    cpu = {name: [r.cpu_per_exchange for r in results[name]] for name in variants}
    added = {name: system_calls(net, port, variants, name, exchange) for name in variants}
    rows = []
    for name, runs in results.items():
        pool = rounds.pooled(runs)
        segments, total = sum(r.segments - r.resent for r in runs), sum(r.exchanges for r in runs)
        rows.append([
            name, f"{total:,}", table.number(round(segments / total, 3)),
            f"{min(r.least for r in runs)}-{max(r.most for r in runs)}",
            table.signed(added[name][0]) if added[name] else "",
            table.ms(rounds.median(pool)), table.ms(rounds.percentile(pool, 0.99)), table.ms(rounds.percentile(pool, 0.999)),
            table.ms(max(pool)), table.ms(max(r.first_worst for r in runs)),
            table.compared(time[name], time[reference]),
            table.us(rounds.quiet(cpu[name])), table.compared(cpu[name], cpu[reference]),
        ])
    head = ["server", "responses", "segments", "least-most", "calls added", "median ms", "p99", "p99.9", "worst",
            "worst of first 9", f"time to {reference}", "CPU us", f"CPU to {reference}"]
    notes = [f"{count} interleaved rounds; segments, calls and the server's CPU are per response. {table.COMPARED}"]
    notes += [f"Calls added in {name}: {found[1]}." for name, found in added.items() if found and found[1]]
    table.show(title, head, rows, " ".join([*notes, note]).strip())
    return results
