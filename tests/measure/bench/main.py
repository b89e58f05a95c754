"""Runs benches by name and prints Markdown tables. `scripts/bench` is the way in."""

import argparse
import importlib
import os
import pathlib
import platform
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from harness import library, net as network, process  # noqa: E402

CASES = sorted(path.stem for path in (pathlib.Path(__file__).parent / "cases").glob("*.py") if path.stem != "__init__")


def main():
    """Command line of the benches."""
    titles = {name: importlib.import_module(f"cases.{name}").TITLE for name in CASES}
    listing = "\n".join(f"  {name:16} {title}" for name, title in titles.items())
    parser = argparse.ArgumentParser(prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
                                     description="Measures the library on real programs; prints Markdown tables.",
                                     epilog=f"cases:\n{listing}\n\nTCPTUNE_LIB names another library file to measure.")
    parser.add_argument("case", nargs="+", choices=[*CASES, "all"], metavar="CASE", help="a case below, or all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sizes")
    parser.add_argument("--apart", action="store_true", help="server and client on a CPU each, not both on one")
    arguments = parser.parse_args()
    process.together(not arguments.apart)
    chosen = CASES if "all" in arguments.case else arguments.case
    setup = subprocess.run((library.ROOT / "scripts/setup", "--bench"), check=False, stdout=sys.stderr)
    if setup.returncode != 0:
        print("bench: some packages are missing; what needs them is left out or fails", file=sys.stderr)
    net = network.Net()
    print(f"## tcptune benches: {', '.join(chosen)}{' (quick)' if arguments.quick else ''}\n")
    print(f"- library: {library.fingerprint()}")
    print(f"- Linux {platform.release()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, "
          f"{process.placement()}, nice -20")
    print(f"- veth pair, MTU 1500, gso_max_segs 1, no offloads, {network.SYSCTL['net.ipv4.tcp_congestion_control']}"
          " (does not pace; nothing is lost here)", flush=True)
    ends = {"servers": net.server, "clients": net.client}
    before = {end: net.retransmissions(namespace) for end, namespace in ends.items()}
    for name in chosen:
        importlib.import_module(f"cases.{name}").run(net, arguments.quick)
        after = {end: net.retransmissions(namespace) for end, namespace in ends.items()}
        again = ", ".join(f"{after[end] - before[end]} by {end}" for end in ends if after[end] > before[end])
        if again:
            print(f"Segments sent again in {name}: {again}: loss probes, when a process was not scheduled for a while; each "
                  "is counted once too often above.", flush=True)
        before = after


main()
