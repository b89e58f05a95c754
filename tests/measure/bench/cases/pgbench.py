"""PostgreSQL and pgbench, which set TCP_NODELAY and send once per message: nothing may change."""

import pathlib
import subprocess

from harness import build, process, rounds, table
from harness.net import SERVER

TITLE = "pgbench, select only: latency unchanged"
PORT = 5432
VARIANTS = {"plain": (False, False), "library on the server": (True, False), "library on both": (True, True)}
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


def binaries():
    return max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


def cluster(net, name="postgres"):
    """A new cluster, filled by pgbench; gives the server's command."""
    directory = build.scratch() / name
    subprocess.run(("install", "-d", "-o", "postgres", "-m", "700", directory), check=True)
    subprocess.run((*AS_POSTGRES, binaries() / "initdb", "-D", directory, "-A", "trust", "--no-sync"), check=True,
                   stdout=subprocess.DEVNULL, cwd="/")
    with (directory / "pg_hba.conf").open("a", encoding="ascii") as access:
        access.write("host all all 10.203.77.0/24 trust\n")
    command = [*AS_POSTGRES, binaries() / "postgres", "-D", directory, "-h", "0.0.0.0", "-p", PORT, "-k", directory,
               "-c", "fsync=off"]
    with process.Server(net, command, PORT, cwd="/"):
        process.client(net, [binaries() / "pgbench", "-h", SERVER, "-U", "postgres", "-q", "-i", "-s", "1", "postgres"])
    return command


def run(net, quick):
    """Prints the table."""
    command = cluster(net)
    transactions = 1_000 if quick else 3_000
    logs = build.scratch() / "pgbench"
    logs.mkdir()

    def measure(name):
        on_server, on_client = VARIANTS[name]
        for old in logs.iterdir():
            old.unlink()
        with process.Server(net, command, PORT, on_server, cwd="/"):
            process.client(net, [binaries() / "pgbench", "-h", SERVER, "-U", "postgres", "-n", "-S", "-c", "1", "-t",
                                 transactions, "-l", "postgres"], on_client, cwd=logs)
        lines = [line.split() for log in logs.iterdir() for line in log.read_text().splitlines()]
        return [int(words[2]) / 1e6 for words in lines][9:]

    results = rounds.interleave(VARIANTS, measure, 3 if quick else 9)
    rows = []
    for name, runs in results.items():
        pool = [latency for one in runs for latency in one]
        rows.append([name, f"{len(pool):,}", *(table.ms(rounds.percentile(pool, share)) for share in (0.5, 0.99, 0.999)),
                     table.ms(max(pool)), table.compared(*([rounds.median(one) for one in results[v]] for v in (name, "plain")))])
    table.show("pgbench -S, one client", ["variant", "transactions", "median ms", "p99", "p99.9", "worst",
               "median to plain"], rows, table.COMPARED)
