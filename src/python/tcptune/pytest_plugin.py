"""`pytest -p tcptune.pytest_plugin --tcptune-doctor`: names the tests in which a connection stalled (Nagle's algorithm and a
delayed acknowledgement, or a cork), and the call that waited. `tcptune doctor` watches the process of the tests from outside; waits
and tests are put together by time. Needs pytest and the command `tcptune`, nothing else. docs/doctor.md describes it.

With pytest-xdist each worker watches itself, and the results come together where the summary is printed."""

import collections
import os
import shutil
import threading
import time

import pytest

from . import doctor, stacks

CLASSES = {"stall": ("nagle", "cork"), "nagle": ("nagle",), "cork": ("cork",)}
OUTSIDE = "(outside of a test)"
# So many frames of a stack are shown: the innermost, and those nearest to the test.
FRAMES = 6


def pytest_addoption(parser):
    group = parser.getgroup("tcptune")
    group.addoption("--tcptune-doctor", action="store_true", help="name the tests in which a connection stalled")
    group.addoption(
        "--tcptune-fail-on",
        action="append",
        default=[],
        metavar="KIND",
        choices=sorted(CLASSES),
        help="fail if there is such a wait: stall (either), nagle, cork; implies --tcptune-doctor",
    )
    group.addoption("--tcptune-command", metavar="FILE", help="the command, if it is not `tcptune` in PATH")


def pytest_configure(config):
    if not (config.getoption("--tcptune-doctor") or config.getoption("--tcptune-fail-on")):
        return
    command = config.getoption("--tcptune-command") or shutil.which("tcptune")
    if command is None:
        raise pytest.UsageError("--tcptune-doctor: `tcptune` is not in PATH: --tcptune-command FILE names it")
    # The process that only hands tests out to workers has none of its own.
    hands_out = not hasattr(config, "workerinput") and config.getoption("dist", "no") != "no"
    config.pluginmanager.register(Plugin(config, command, watches=not hands_out), "tcptune-doctor")


class Plugin:
    def __init__(self, config, command, watches):
        self.config, self.command, self.watches = config, command, watches
        self.doctor = self.stacks = None
        self.tests = []
        self.waits, self.problems = [], []

    def pytest_sessionstart(self):
        if not self.watches:
            return
        try:
            self.doctor = doctor.Doctor(self.command)
        except doctor.Refused as refused:
            self.problems.append(str(refused))
        else:
            self.stacks = stacks.Stacks()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        began = time.monotonic()
        yield
        self.tests.append((began, time.monotonic(), item.nodeid))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        self.finish()
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["tcptune"] = {"waits": self.waits, "problems": self.problems}
            return
        classes = self.config.getoption("--tcptune-fail-on")
        kinds = {kind for name in classes for kind in CLASSES[name]}
        fails = any(wait["kind"] in kinds for wait in self.waits) or (kinds and self.problems)
        if fails and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        output = getattr(node, "workeroutput", {}).get("tcptune")
        if output is not None:
            self.waits += output["waits"]
            self.problems += [problem for problem in output["problems"] if problem not in self.problems]

    def finish(self):
        """Ends the watch. Each wait by its test."""
        if self.doctor is None:
            return
        watched, self.doctor = self.doctor, None
        stays = self.stacks.stays()
        try:
            report = watched.report()
        except doctor.Refused as refused:
            self.problems.append(str(refused))
            return
        main = threading.main_thread().ident
        for wait in report["waits"]:
            if not wait["delayed"]:
                continue
            began = wait["began_monotonic_s"]
            ended = began + wait["took_ms"] / 1e3
            self.waits.append(
                {
                    "test": test_of(self.tests, began, ended),
                    "kind": wait["kind"],
                    "took_ms": wait["took_ms"],
                    "where": where(wait),
                    "call": call_of(stays, began, ended, main),
                }
            )

    def pytest_unconfigure(self):
        # A session that did not finish: nobody reads the report any more.
        if self.doctor is not None:
            try:
                self.doctor.report()
            except doctor.Refused:
                pass

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.section("tcptune doctor")
        for problem in self.problems:
            terminalreporter.line(f"could not watch: {problem}", red=True)
        groups = {}
        for wait in self.waits:
            groups.setdefault((wait["test"], wait["kind"]), []).append(wait)
        for (test, kind), waits in groups.items():
            lost = sum(wait["took_ms"] for wait in waits)
            count = "1 wait" if len(waits) == 1 else f"{len(waits)} waits"
            terminalreporter.line(f"{test}: {count}, {lost:.0f} ms lost ({kind}, {waits[0]['where']})", red=True)
            calls = collections.Counter(wait["call"] or "a call that was not seen" for wait in waits)
            for call, number in calls.most_common():
                terminalreporter.line(f"    {number} in {call}")
        tests = {wait["test"] for wait in self.waits}
        if tests:
            lost = sum(wait["took_ms"] for wait in self.waits)
            count = "1 test" if len(tests) == 1 else f"{len(tests)} tests"
            terminalreporter.line(f"{count} lost time to stalls, {lost:.0f} ms in all; `tcptune doctor --help` says more")
        elif not self.problems:
            terminalreporter.line("no connection stalled")


def test_of(tests, began, ended):
    """The test that ran for most of that time."""
    overlaps = [(min(end, ended) - max(begin, began), name) for begin, end, name in tests]
    overlap, name = max(overlaps, default=(0.0, OUTSIDE))
    return name if overlap > 0 else OUTSIDE


def where(wait):
    port = wait["peer"] if wait["side"] == "client" else wait["local"].rpartition(":")[2]
    side = f"client of {port}" if wait["side"] == "client" else f"server at port {port}"
    return f"the other end, {side}" if wait["other_end"] else side


def call_of(stays, began, ended, main):
    """The calls of the thread that stood still for most of that time: the test's own before others, which may stand for ever."""
    best, most = None, (ended - began) / 2
    for stay in stays:
        overlap = stay.overlap(began, ended)
        if overlap < most:
            continue
        rank = (stay.thread != main, stay.ended - stay.began)
        if best is None or rank < best[0]:
            best = (rank, stay)
    return text(best[1].frames) if best else None


def text(frames):
    """Who called whom, the innermost first, down to the tests."""
    shown = []
    for code, line in frames:
        if is_runner(code):
            break
        shown.append(f"{code.co_name} ({os.path.basename(code.co_filename)}:{line})")
    if len(shown) > FRAMES:
        shown = [shown[0], "…", *shown[2 - FRAMES :]]
    return " < ".join(shown) or None


def is_runner(code):
    """Is it below a test, or below a thread?"""
    if code.co_filename == threading.__file__:
        return code.co_name in ("_bootstrap", "_bootstrap_inner", "run")
    above = code.co_filename.split(os.sep)[:-1]
    return "_pytest" in above or "pluggy" in above or above[-1:] == ["unittest"]


