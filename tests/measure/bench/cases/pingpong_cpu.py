"""CPU time of one small message to and fro: what being preloaded costs a program that the library has nothing to do for."""

from harness import build, process, rounds, table
from harness.net import SERVER

TITLE = "CPU time of a ping-pong exchange, plain and preloaded: within 1 %"
PORT = 8092
EXCHANGES = 30_000
VARIANTS = {"plain": False, "library": True}
# The calls of either end.
ENDS = ("send, recv", "epoll_wait, recv, send", "both ends")
WANTED = 1.01


def run(net, quick):
    """Prints the table."""
    program, count = build.program("ping_pong"), 10 if quick else 30

    def measure(name):
        preload = VARIANTS[name]
        with process.Server(net, [program, "serve", PORT], PORT, preload) as server:
            before = server.cpu()
            argv = [program, "ask", SERVER, PORT, EXCHANGES]
            asks = float(process.client(net, argv, preload, namespace=net.server))
            answers = server.cpu() - before
        return [seconds / EXCHANGES for seconds in (asks, answers, asks + answers)]

    results = rounds.interleave(VARIANTS, measure, count)
    rows = []
    for number, calls in enumerate(ENDS):
        plain, library = ([one[number] for one in results[name]] for name in VARIANTS)
        ratio = rounds.ratio(library, plain)
        rows.append([calls, *(table.us(rounds.median(costs)) for costs in (plain, library)),
                     *(table.us(rounds.quiet(costs)) for costs in (plain, library)),
                     f"{ratio[0]:.3f} ({ratio[1]:.2f}-{ratio[2]:.2f})", "yes" if ratio[0] <= WANTED else "NO"])
    table.show("CPU time of an exchange of 64 bytes each way, loopback",
               ["calls of the end", "plain us", "library us", "plain, quiet", "library, quiet", "library to plain",
                f"within {WANTED:.2f}"], rows,
               f"{count} interleaved pairs of {EXCHANGES:,} exchanges, fresh processes; medians, and the mean of the quietest "
               "quarter. The last ratio is the median of the pairs', with its range.")
