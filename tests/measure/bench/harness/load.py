"""Runs the C load client and gives what it measured, latencies included, as one record."""

import array
import dataclasses
import json

from . import build, process
from .net import SERVER


@dataclasses.dataclass
class Result:
    """One run of the load client. Times in seconds; segments are data segments received by the client, of which `resent` were
    loss probes. The skipped first exchanges count nowhere but in `first_worst`."""

    exchanges: int
    all_exchanges: int
    spent: float
    median: float
    max: float
    first_worst: float
    segments: int
    least: int
    most: int
    mss: int
    off_ideal: int
    last_off_ideal: int
    sent: int
    sent_hash: str
    received: int
    received_hash: str
    latencies: array.array
    cpu: float
    resent: int

    @property
    def time(self):
        """Mean seconds per exchange, of the 99 % fastest: one pause of the machine must not decide. What that hides, the
        columns of p99.9 and worst show."""
        fastest = sorted(self.latencies)[: max(1, len(self.latencies) * 99 // 100)]
        return sum(fastest) / len(fastest)

    @property
    def cpu_per_exchange(self):
        """Server CPU seconds per exchange."""
        return self.cpu / self.all_exchanges


def load(net, server, *options, get=None, count=1000, skip=9, seconds=None, body=None, ideal=None, request=None, expect=None,
         preamble=None, preamble_expect=None, preload=False, settings=None, namespace=None):
    """Loads `server`; other options go to the client as they are. `cpu` of the result is the server's for this run. `preload`: the
    client has the library too; `namespace`: where it is, if not in that of clients."""
    file = build.scratch() / f"latencies-{server.process.pid}"
    argv = [build.program("load"), SERVER, server.port, "--count", count, "--skip", skip, "--latencies", file, *options]
    for name, value in (("--get", get), ("--seconds", seconds), ("--body", body), ("--ideal", ideal),
                        ("--request", request), ("--expect", expect), ("--preamble", preamble),
                        ("--preamble-expect", preamble_expect)):
        if value is not None:
            argv += [name, value]
    resent, before = server.resent(), server.cpu()
    output = process.client(net, argv, preload, settings, namespace)
    used = server.cpu() - before
    latencies = array.array("d")
    latencies.frombytes(file.read_bytes())
    file.unlink()
    return Result(**json.loads(output), latencies=latencies, cpu=used, resent=server.resent() - resent)
