"""A client that sends 20,000 writes of 50 bytes and then waits: TCP_NODELAY alone would make a packet of each."""

import json

from harness import build, process, rounds, table
from harness.net import SERVER

TITLE = "20,000 writes of 50 bytes, then a wait: time and packets"
PORT, COUNT, EACH, BURSTS = 8085, 20_000, 50, 5
VARIANTS = {
    "plain": (False, {}, ()),
    "library": (True, {}, ()),
    "NODELAY only": (True, {"TCPTUNE_CORK": "off"}, ()),
    "by hand: TCP_NODELAY": (False, {}, ("--nodelay",)),
    "by hand: MSG_MORE": (False, {}, ("--more",)),
}


def run(net, quick):
    """Prints the table."""
    count = 3 if quick else 9

    def measure(name):
        preload, settings, options = VARIANTS[name]
        argv = [build.program("tiny_writes"), "send", SERVER, PORT, COUNT, EACH, BURSTS, *options]
        return [json.loads(line) for line in process.client(net, argv, preload, settings).splitlines()]

    with process.Server(net, [build.program("tiny_writes"), "serve", PORT, COUNT * EACH], PORT):
        results = rounds.interleave(VARIANTS, measure, count)
    rows = []
    for name, runs in results.items():
        first, later = [one[0] for one in runs], [burst for one in runs for burst in one[1:]]
        rows.append([name, *(f(rounds.median([burst[key] for burst in group])) for group in (first, later)
                             for key, f in (("seconds", table.ms), ("segments", "{:,.0f}".format))),
                     table.ms(max(burst["seconds"] for burst in later)),
                     table.compared(*([rounds.median([b["seconds"] for b in one[1:]]) for one in results[v]]
                                      for v in (name, "plain")))])
    table.show(f"{COUNT:,} writes of {EACH} bytes, then a wait; {BURSTS} such bursts per connection, {count} rounds",
               ["sender", "first burst ms", "segments", "later bursts ms", "segments", "worst", "time to plain"], rows,
               f"Fewest possible: {-(-COUNT * EACH // 1448):,} segments. The receiver's hash of every burst is "
               f"the sender's. {table.COMPARED}")
