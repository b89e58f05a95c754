"""What `tcptune run --supervise` does and costs. `scripts/check supervise` is the way in, and says what it needs."""

import os
import pathlib
import platform
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from harness import build, library, rounds, table

PROGRAMS = library.ROOT / "tests/programs"
STALLED, HEALTHY = 20.0, 4.0
ROUNDS = 40
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("TCPTUNE") and name != "LD_PRELOAD"}
PLAIN, SUPERVISED, FORCED = "plain", "--supervise", "--supervise --nodelay force"
BPF, BPF_FORCED = "--bpf", "--bpf --nodelay force"
# The kernel's way takes root.
WAYS, FORCED_WAYS = ([PLAIN, SUPERVISED, BPF], [FORCED, BPF_FORCED]) if NOBODY else ([PLAIN, SUPERVISED], [FORCED])


def command():
    """A copy of the command and the library where every user can reach them."""
    built = library.path().parent
    for name in ("tcptune", "libtcptune.so"):
        shutil.copy(built / name, build.scratch() / name)
    return build.scratch() / "tcptune"


def programs():
    """{title: file} of the programs, all without a loader."""
    files = {}
    for title, compiler in (("C, static glibc", "gcc"), ("C, static musl", "musl-gcc")):
        files[title] = build.scratch() / f"supervised-{compiler}"
        subprocess.run((compiler, "-O2", "-static", "-pthread", "-o", files[title], PROGRAMS / "supervised.c"), check=True)
    version = subprocess.run(("go", "env", "GOVERSION"), check=True, capture_output=True, text=True).stdout.strip()
    go = files[f"Go ({version}), SetNoDelay(false)"] = build.scratch() / "supervised-go"
    settings = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GO111MODULE": "off", "GOCACHE": str(build.scratch() / "go")}
    subprocess.run(("go", "build", "-o", go, PROGRAMS / "supervised.go"), check=True, env=settings)
    return files


def start(tcptune, options, *words, **more):
    """Starts a program as an ordinary user: plain, or with these options of `run`, which only root gives for --bpf."""
    run = [] if options == PLAIN else [tcptune, "run", *options.split(), "--"]
    words = [*run, *NOBODY, *words] if BPF in options else [*NOBODY, *run, *words]
    words = [str(word) for word in words]
    return subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, **more)


def printed(*arguments):
    """What a program prints, as numbers."""
    process = start(*arguments, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=60)
    if process.returncode != 0:
        sys.exit(f"supervise: {arguments}: {process.returncode} {err}")
    return [float(word) for word in out.split()]


def sink():
    """Accepts and drops connections; gives the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)

    def accept():
        while True:
            listener.accept()[0].close()

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


def exchanges(tcptune, files):
    """Median exchange of each program in each way. False where a stall is not cured."""
    server = subprocess.Popen((sys.executable, PROGRAMS / "exchanges.py", "server", "once"), stdout=subprocess.PIPE, text=True)
    port, rows, good = server.stdout.readline().strip(), [], True
    def add(title, file, words, ways, cured):
        nonlocal good
        medians = {way: printed(tcptune, way, file, *words)[0] for way in ways}
        good &= medians[PLAIN] > STALLED and all(medians[way] < HEALTHY for way in cured)
        rows.append([title, *(f"{medians[way]:.3f}" if way in medians else "" for way in head)])

    head = [*WAYS, *FORCED_WAYS]
    for title, file in files.items():
        if file.name.endswith("go"):
            add(title, file, (port, 25), head, FORCED_WAYS)
        else:
            add(title, file, ("client", port, 25), WAYS, WAYS[1:])
            add(f"{title}, turns it off", file, ("client", port, 25, "off"), head, FORCED_WAYS)
    server.kill()
    server.wait()
    note = "A program that turns TCP_NODELAY off is left alone unless it is forced."
    table.show("Median exchange in ms (two writes, then a read)", ["program", *head], rows, note)
    return good


def costs(tcptune, file):
    """What a system call and a connect cost, in interleaved rounds."""
    rows = []
    port, ways = sink(), [*WAYS[:2], FORCED, *WAYS[2:]]
    for title, unit, words, place in (("getppid", "ns", ("spin", 50_000), 0), ("socket and close", "ns", ("spin", 50_000), 1),
                                      ("socket, connect and close", "us", ("connects", port, 200), 0)):
        found = rounds.interleave(ways, lambda way, w=words, p=place: printed(tcptune, way, file, *w)[p], ROUNDS)
        quiet = {way: rounds.quiet(found[way]) for way in ways}
        rows += [[title, way, f"{quiet[way]:.1f} {unit}", f"{quiet[way] - quiet[PLAIN]:+.1f}",
                  table.compared(found[way], found[PLAIN])] for way in ways]
    table.show("Cost per call", ["call", "", "time", "more", "to plain"], rows,
               f"{ROUNDS} interleaved rounds; times of the quietest quarter, of CPU for the first two. {table.COMPARED}")


def memory(pid):
    """Proportional set size in kB."""
    return int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M).group(1))


def children(pid):
    """The processes that it has started and that live."""
    return [int(n) for n in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def killed(tcptune, file):
    """Kills both helpers in turns in the middle of load. False where a connect failed."""
    process = start(tcptune, SUPERVISED + " --verbose", file, "load", sink(), 4000, stderr=subprocess.PIPE)
    for line in process.stderr:
        found = re.search(r"processes (\d+) and (\d+)", line)
        if found:
            break
    one, other = (int(n) for n in found.groups())
    used, kills, end = memory(one) + memory(other), 0, time.monotonic() + 3
    while time.monotonic() < end:
        os.kill(one, signal.SIGKILL)
        kills += 1
        while not (born := [n for n in children(other) if n != one]):
            time.sleep(0.001)
        # Now the one that answers, now the one that watches.
        one, other = (other, born[0]) if kills % 2 else (born[0], other)
        time.sleep(0.05)
    out = process.communicate(timeout=60)[0]
    made, tuned, failed = (int(word) for word in out.split())
    table.show("Helpers killed (SIGKILL) in the middle of load", ["kills", "connects", "of them tuned", "failed"],
               [[kills, f"{made:,}", f"{tuned:,}", failed]], f"Both helpers together take {used} kB (Pss).")
    return made > 0 and failed == 0


def main():
    """All tables."""
    tcptune, files = command(), programs()
    print(f"## tcptune run --supervise\n\n- {library.fingerprint()}\n- Linux {platform.release()}, {os.cpu_count()} CPUs, "
          f"load {os.getloadavg()[0]:.1f}, as uid {65534 if NOBODY else os.getuid()}", flush=True)
    first = next(iter(files.values()))
    good = exchanges(tcptune, files)
    costs(tcptune, first)
    good &= killed(tcptune, first)
    sys.exit(0 if good else 1)


main()
