"""What TCPTUNE_QUICKACK=auto costs where no peer stalls: lighttpd and Apache, a small file over loopback."""

from cases import corks_itself
from harness import build, callgrind, load, process, rounds, strace, table

TITLE = "TCPTUNE_QUICKACK=auto where nothing waits: CPU of lighttpd and Apache, within 1 % of default settings"
PORT = corks_itself.PORT
VARIANTS = {"plain": (False, {}), "library": (True, {}), "QUICKACK=auto": (True, {"TCPTUNE_QUICKACK": "auto"})}
SIZE = 1_000
REQUESTS = 10_000
WANTED = 1.01
# The run with the fewest system calls counts: strace makes a server slow, and the library asks once more where a thread came late.
TRIES = 3


def servers():
    """Name and command."""
    root = build.body(SIZE).parent
    yield "lighttpd", ["lighttpd", "-D", "-f", corks_itself.config("lighttpd", corks_itself.LIGHTTPD, root=root)]
    yield "Apache", ["apache2", "-D", "FOREGROUND", "-f", corks_itself.config("apache", corks_itself.APACHE, root=root, sendfile="off")]


def run(net, quick):
    """Prints the table."""
    count = 5 if quick else 25
    exchange = {"get": f"/{SIZE}", "body": build.body(SIZE), "namespace": net.server}
    rows = []
    for name, argv in servers():
        def measure(variant, argv=argv):
            with process.Server(net, argv, PORT, *VARIANTS[variant]) as server:
                load.load(net, server, count=500, **exchange)
                return load.load(net, server, count=REQUESTS, **exchange).cpu_per_exchange

        costs = rounds.interleave(VARIANTS, measure, count)
        for variant, (preload, settings) in VARIANTS.items():
            with process.Server(net, argv, PORT, preload, settings) as server:
                calls = min((strace.per_request(server, lambda n, s=server: load.load(net, s, *strace.PAUSE, count=n + 10, skip=9,
                                                                                      **exchange)) for _ in range(TRIES)),
                            key=lambda found: sum(found.values()))
            instructions = callgrind.per_request(net, PORT, argv, preload, settings,
                                                 lambda server, n: load.load(net, server, count=n + 10, skip=9, **exchange))
            ratios = [rounds.ratio_of_medians(costs[variant], costs[other]) for other in ("plain", "library")]
            rows.append([
                name, variant, f"{sum(calls.values()):.2f}", f"{instructions:,.0f}", f"{1 / rounds.median(costs[variant]):,.0f}",
                *(f"{middle:.3f} ({least:.3f}-{most:.3f})" for middle, least, most in ratios),
                "" if variant != "QUICKACK=auto" else "yes" if ratios[1][0] <= WANTED else "NO",
            ])
    table.show(f"GET of {SIZE:,} bytes over loopback, keep-alive", ["server", "variant", "system calls", "instructions",
               "requests per CPU-second", "CPU to plain", "CPU to library", f"within {WANTED:.2f} of library"], rows,
               f"System calls and instructions in user space: per request. CPU: user and system time of the server, {count} interleaved "
               f"rounds of {REQUESTS:,} requests; ratios of medians, with 95 % of a bootstrap over rounds.")
