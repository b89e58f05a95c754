"""Starts programs inside a namespace, with or without the library, and tells their CPU time. Ends them by their ids."""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from . import build, library, net

# (server's, client's). One and the same CPU for both ends: on two, waking an idle CPU for each exchange costs several times
# what is compared here, and not always the same. `together(False)` puts them on two.
_cpus = (os.cpu_count() - 1,) * 2


def together(yes):
    """Whether both ends run on one CPU."""
    global _cpus
    _cpus = (os.cpu_count() - 1, os.cpu_count() - 1 if yes else 0)


@contextlib.contextmanager
def anywhere():
    """Inside, what is started runs on whichever CPU the kernel likes: threads that wait for each other run at once."""
    global _cpus
    before, _cpus = _cpus, (f"0-{os.cpu_count() - 1}",) * 2
    try:
        yield
    finally:
        _cpus = before


def placement():
    """Where the ends run, for the head of a report."""
    return f"server on CPU {_cpus[0]}, client on CPU {_cpus[1]}"


# Before whatever else the machine does; both ends alike.
NICE = ["nice", "-n", "-20"]
_crowded = False


@contextlib.contextmanager
def crowd():
    """Inside, every CPU has a process that spins, and what is started runs where and when the kernel likes."""
    global _crowded
    argv = [sys.executable, "-c", "while True: pass"]
    spinning = [subprocess.Popen(["taskset", "-c", str(cpu), *argv]) for cpu in range(os.cpu_count())]
    _crowded = True
    try:
        yield
    finally:
        _crowded = False
        for one in spinning:
            one.kill()
            one.wait()


def command(namespace, argv, preload=False, settings=None, end=None, extra=()):
    """The argument vector that runs `argv` in a namespace; `end` is 0 for a server, 1 for a client. ip, nice, taskset and
    env replace themselves by the program: the pid stays."""
    place = [] if _crowded else NICE
    if end is not None and not _crowded:
        place = [*NICE, "taskset", "-c", str(_cpus[end])]
    prepare = ["ip", "netns", "exec", namespace, *place, "env", *library.environment(preload, settings)]
    return [*prepare, *extra, *map(str, argv)]


def _children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            found += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    except OSError:
        pass  # it has ended meanwhile
    return found


class Server:
    """A server process in the server namespace, on the servers' CPU."""

    def __init__(self, where, argv, port, preload=False, settings=None, extra=(), cwd=None, namespace=None, stdin=None):
        self.port = port
        self.namespace = namespace or where.server
        argv = command(self.namespace, argv, preload, settings, 0, extra)
        # Files, not pipes: some servers log every request, and nobody reads meanwhile.
        self.output, self.errors = (tempfile.TemporaryFile(dir=build.scratch()) for _ in range(2))
        self.process = subprocess.Popen(argv, stdin=stdin or subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.errors, cwd=cwd, start_new_session=True)
        self._wait_for_listener()
        if preload:
            self._check_library()

    def _wait_for_listener(self, limit=20):
        """Waits until the port is listened on, seen in /proc: a trial connection would be the service's first."""
        wanted = f":{self.port:04X}"
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if self.process.poll() is not None:
                sys.exit(f"bench: {self.process.args[-1]} ended: {_text(self.errors).strip()}")
            for table in ("tcp", "tcp6"):
                try:
                    lines = pathlib.Path(f"/proc/{self.process.pid}/net/{table}").read_text().splitlines()[1:]
                except OSError:
                    continue
                if any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" for line in lines):
                    return
            time.sleep(0.01)
        self.stop()
        sys.exit(f"bench: nothing listens on port {self.port} after {limit} s")

    def _check_library(self):
        """A server that runs without the library, or with its tuning off, would be measured for nothing."""
        mapped = str(library.path()) in pathlib.Path(f"/proc/{self.process.pid}/maps").read_text()
        complaint = [line for line in _text(self.errors).splitlines() if line.startswith(("tcptune:", "ERROR: ld.so"))]
        if complaint or not mapped:
            self.stop()
            sys.exit(f"bench: {' '.join(complaint) or 'the library is not in the server process'}")

    def pids(self):
        """The process and all its descendants."""
        pids = [self.process.pid]
        for pid in pids:
            pids += _children(pid)
        return pids

    def cpu(self):
        """Seconds of CPU the server has used, to the nanosecond, threads that have ended included."""
        total = 0
        for pid in self.pids():
            try:
                total += time.clock_gettime_ns((~pid << 3) | 2)
            except OSError:
                pass
        return total / 1e9

    def resent(self):
        """Segments that the server's namespace has sent again so far."""
        return net.resent(pathlib.Path(f"/proc/{self.process.pid}/net/snmp").read_text().splitlines())

    def stop(self):
        """Ends the server; gives what it wrote on standard output."""
        pids = self.pids()
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in pids[1:]:
            _wait_gone(pid)
        output = _text(self.output)
        self.output.close()
        self.errors.close()
        return output

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()


def _text(file):
    """What a process has written to a file so far."""
    return os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace")


def _wait_gone(pid, limit=3):
    """A descendant of a server that was told to end: waits for it, then insists."""
    until = time.monotonic() + limit
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < until:
        time.sleep(0.01)
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        pass


def client(where, argv, preload=False, settings=None, namespace=None, timeout=120, **more):
    """Runs a client in the client namespace, on the clients' CPU, and gives its standard output."""
    argv = command(namespace or where.client, argv, preload, settings, 1)
    done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False, **more)
    if preload and ("tcptune:" in done.stderr or "ERROR: ld.so" in done.stderr):
        sys.exit(f"bench: {done.stderr.strip()}")
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(argv[-8:])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
