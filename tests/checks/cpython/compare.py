"""Compares CPython's own tests, run natively and with the library preloaded; scripts/check cpython starts it.

Usage: compare.py [MODULE...]     in a network namespace of its own, with TCPTUNE_LIB set

Each module runs natively, then preloaded, each time in a fresh process and directory, for at most LIMIT seconds. A test
whose two outcomes differ runs again, AGAIN times in each way. It is called flaky, and named, when natively it has
had every outcome that it had preloaded; else it is a difference. It must not judge an outcome: a test that fails in
both ways is no difference, but is named.
"""

import collections
import ctypes
import hashlib
import json
import os
import platform
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULES = """test_socket test_asyncio test_ssl test_imaplib test_smtplib test_ftplib test_httplib test_httpservers
test_socketserver test_selectors test_subprocess test_signal test_threading test_os""".split()
KINDS = ("tests", "passed", "skipped", "failed", "differences", "flaky")
LIMIT = 400
AGAIN = 5
PASSED = ("passed", "failed as expected")
SKIPPED = "skipped"
WHOLE = "(the module's exit status)"
PR_SET_CHILD_SUBREAPER = 36
# "network" for the tests that use it on loopback; those that want another host find none and are skipped.
RUNNER = ["-W", "--fail-env-changed", "-u", "network,cpu,subprocess"]
# Left out in both ways: in a virtual machine it waits for ever for a connection through the machine's host.
LEFT_OUT = ["ThreadedVSOCKSocketStreamTest"]


def children(process):
    found = []
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            pass  # that thread has ended
    return found


def end_children():
    """Ends what a test left behind: all of it comes to this process when its parent is gone."""
    while left := children(os.getpid()):
        for process in left:
            for descendant in [*children(process), process]:
                try:
                    os.kill(descendant, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for process in left:
            try:
                os.waitpid(process, 0)
            except ChildProcessError:
                pass


class Run:
    """One run of a module: `outcomes` maps each test to what became of it, `texts` to the runner's words about it."""

    def __init__(self, module, library, only=()):
        self.outcomes = {}
        self.texts = {}
        directory = Path(tempfile.mkdtemp(prefix="tcptune-cpython-"))
        try:
            self.run(directory, module, library, only)
        finally:
            end_children()
            shutil.rmtree(directory, ignore_errors=True)

    def run(self, directory, module, library, only):
        notes = directory / "notes"
        notes.touch()
        arguments = list(RUNNER)
        for test in LEFT_OUT:
            arguments += ["--ignore", test]
        if only:
            chosen = directory / "only"
            chosen.write_text("\n".join(only) + "\n")
            arguments += ["--matchfile", str(chosen)]
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(directory),
            "LANG": "C.UTF-8",
            "TMPDIR": str(directory),
        }
        if library:
            mine = {name: value for name, value in os.environ.items() if name.startswith("TCPTUNE")}
            mine.pop("TCPTUNE_LIB", None)
            environment.update(mine, LD_PRELOAD=library)
        command = ["/usr/bin/python3", HERE / "one_module.py", notes, library or "none", module, *arguments]
        started = time.monotonic()
        with open(directory / "output", "w+b") as output:
            process = subprocess.Popen(
                command, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                start_new_session=True,
            )
            try:
                status = process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                status = f"ended after {LIMIT} s"
            output.seek(0)
            self.output = output.read().decode(errors="replace")
        self.seconds = time.monotonic() - started
        self.read(notes)
        self.outcomes[WHOLE] = f"exit status {status}"
        self.texts[WHOLE] = self.output[-4000:]

    def read(self, notes):
        events = collections.defaultdict(list)
        for line in notes.read_text(encoding="utf-8").splitlines():
            test, event, text = json.loads(line)
            events[test].append(event)
            self.texts[test] = self.texts.get(test, "") + text
        for test, seen in events.items():
            ends = sorted({event for event in seen if event != "started"})
            self.outcomes[test] = " and ".join(ends) or "did not end"
            if ends == ["skipped"]:
                self.outcomes[test] += f" ({self.texts[test]})"


def differing(one, other):
    tests = [test for test in {**one.outcomes, **other.outcomes} if one.outcomes.get(test) != other.outcomes.get(test)]
    # The status of the module follows from its tests; alone it says something of its own.
    return tests if tests == [WHOLE] else [test for test in tests if test != WHOLE]


def tally(runs, test):
    counts = collections.Counter(run.outcomes.get(test, "not run") for run in runs)
    return ", ".join(f"{outcome} {count} of {len(runs)}" for outcome, count in sorted(counts.items()))


def compare(module, library):
    """Returns the table's row for a module, its differences and its flaky tests."""
    native, preloaded = [Run(module, None)], [Run(module, library)]
    tests = differing(native[0], preloaded[0])
    if tests:
        print(f"{module}: runs again for {', '.join(tests)}", file=sys.stderr, flush=True)
        only = () if tests == [WHOLE] else tests
        for _ in range(AGAIN):
            native.append(Run(module, None, only))
            preloaded.append(Run(module, library, only))
    differences, flaky = [], []
    for test in tests:
        had = {run.outcomes.get(test, "not run") for run in native}
        got = {run.outcomes.get(test, "not run") for run in preloaded}
        line = f"{test}: natively {tally(native, test)}; preloaded {tally(preloaded, test)}"
        if got <= had:
            flaky.append(line)
        else:
            differences.append(line)
            words = next(run.texts.get(test, "") for run in preloaded if run.outcomes.get(test) not in had)
            print(f"--- {line}\n{words}", file=sys.stderr, flush=True)
    return native[0], preloaded[0], differences, flaky


def main():
    library = os.environ.get("TCPTUNE_LIB", "")
    if not os.path.isfile(library):
        sys.exit(f"compare: TCPTUNE_LIB={library}: there is no such file")
    modules = sys.argv[1:] or MODULES
    for module in modules:
        if module not in MODULES:
            print(f"cpython: {module}: no such module; allowed are {', '.join(MODULES)}", file=sys.stderr)
            return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    package = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Version}", "libpython{}.{}-testsuite".format(*sys.version_info)],
        stdout=subprocess.PIPE, text=True, check=False,
    ).stdout
    print(
        f"Python {platform.python_version()} (Debian {package}), {ssl.OPENSSL_VERSION}, "
        f"{' '.join(platform.libc_ver())}, Linux {platform.release()}"
    )
    digest = hashlib.sha256(Path(library).read_bytes()).hexdigest()
    print(f"libtcptune.so: {os.path.getsize(library)} bytes, SHA-256 {digest[:16]}...\n")
    print("| module | tests | passed | skipped | failed in both | differences | flaky natively | native, preloaded |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    totals = collections.Counter()
    named = collections.defaultdict(list)
    for module in modules:
        native, preloaded, differences, flaky = compare(module, library)
        kinds = collections.Counter()
        for test, outcome in native.outcomes.items():
            if test == WHOLE:
                continue
            kinds["tests"] += 1
            kinds["passed"] += outcome in PASSED
            kinds["skipped"] += outcome.startswith(SKIPPED)
            if outcome == preloaded.outcomes.get(test) and outcome not in PASSED and not outcome.startswith(SKIPPED):
                kinds["failed"] += 1
                named["Failed in both ways"].append(f"{test}: {outcome}")
        if kinds["tests"] == 0:
            differences.append(f"{module}: no test ran: {native.output[-600:].strip()}")
        kinds["differences"], kinds["flaky"] = len(differences), len(flaky)
        named["Differences"] += differences
        named["Flaky natively"] += flaky
        totals.update(kinds)
        columns = " | ".join(str(kinds[kind]) for kind in KINDS)
        print(f"| {module} | {columns} | {native.seconds:.0f} s, {preloaded.seconds:.0f} s |", flush=True)
    columns = " | ".join(str(totals[kind]) for kind in KINDS)
    print(f"| all | {columns} | |\n")
    tests, differences = totals["tests"], totals["differences"]
    print(f"{tests} tests in {len(modules)} modules, run natively and preloaded: {differences} differences.")
    for title in ("Differences", "Flaky natively", "Failed in both ways"):
        if named[title]:
            print(f"\n{title}:\n")
            print("\n".join(f"- {line}" for line in named[title]), flush=True)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
