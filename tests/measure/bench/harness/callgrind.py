"""Instructions in user space that a server takes per request, counted by callgrind: two runs, of N and of 2N requests, each of a server
of its own; their difference leaves out start and end.

Exact but for what a server does by the clock, which is slow under callgrind: some fifty times."""

import shutil

from . import build, process


def _total(net, port, argv, preload, settings, work):
    """Instructions of the server and its children, from start to end, with `work(server)` between."""
    directory = build.scratch() / "callgrind"
    # Servers that drop root write theirs too.
    directory.mkdir()
    directory.chmod(0o777)
    tool = ["valgrind", "-q", "--tool=callgrind", "--trace-children=yes", f"--callgrind-out-file={directory}/%p"]
    try:
        with process.Server(net, argv, port, preload, settings, extra=tool) as server:
            work(server)
        lines = (line for file in directory.iterdir() for line in file.read_text().splitlines())
        return sum(int(line.split()[1]) for line in lines if line.startswith("totals:"))
    finally:
        shutil.rmtree(directory)


def per_request(net, port, argv, preload, settings, work, requests=200):
    """Instructions per request; `work(server, n)` makes n requests."""
    once, twice = (_total(net, port, argv, preload, settings, lambda server, n=n: work(server, n)) for n in (requests, 2 * requests))
    return (twice - once) / requests
