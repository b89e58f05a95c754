"""The runs of scripts/check pytest: a library's tests as they are, and with a stall planted in one of them."""

import os
import re
import resource
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCES = os.path.join(HERE, "..", "..", "..", "src", "python")
TESTS = "aiosmtpd.tests.test_smtp"
PLANTED = "TestResetCommands::test_rset"
CALL = r"(test_smtp|conftest)\.py"
COMMAND, LIBRARY = os.environ["TCPTUNE_BIN"], os.environ["TCPTUNE_LIB"]
PATIENCE_S = 300

failed = []


def run(words, planted=""):
    """Exit status, output, seconds, and seconds of processor time of these words."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TCPTUNE")}
    environment.update(PLANTED=planted, PYTHONPATH=f"{SOURCES}:{HERE}", PYTHONDONTWRITEBYTECODE="1", COLUMNS="200")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            words, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=PATIENCE_S, check=False,
        )
    took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.returncode, done.stdout, took, cpu


def pytest(*options):
    return ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "planted", *options, "--pyargs", TESTS]


def plugin(*options):
    return pytest("-p", "tcptune.pytest_plugin", "--tcptune-command", COMMAND, "--tcptune-fail-on", "stall", *options)


def doctor(*options):
    return [COMMAND, "doctor", "--library", LIBRARY, "--fail-on", "stall", *options, "--", *pytest()]


def row(what, planted, done, expected, says):
    code, out, took, cpu = done
    right = code == expected and re.search(says, out, re.MULTILINE | re.DOTALL)
    print(f"| {what} | {planted or 'none'} | {code} | {took:.1f} | {cpu:.1f} | {'right' if right else 'WRONG'} |", flush=True)
    if not right:
        failed.append(f"{what}, planted {planted}: exit status {code} for {expected}, and not `{says}`:\n{out[-3000:]}")


print("| run | planted in | exit status | s | processor time, s | |\n|---|---|--:|--:|--:|---|")
row("the tests alone", "", run(pytest()), 0, r"^\d+ passed")
row("plug-in", "", run(plugin()), 0, r"^no connection stalled$.*^\d+ passed")
# The test is named, the library's functions that wait and the lines of the test that call them; and no other test is.
calls = rf"(    \d+ in [^\n]*smtplib\.py[^\n]*{CALL}[^\n]*\n)+"
named = rf"::{PLANTED}: \d+ waits, \d+ ms lost \(nagle, client of [^\n]*\n{calls}1 test lost time to stalls"
row("plug-in", PLANTED, run(plugin(), PLANTED), 1, named)
row("doctor --fail-on", "", run(doctor()), 0, r"passed: no new finding of stall")
row("doctor --fail-on", PLANTED, run(doctor(), PLANTED), 1, r"stall found: .*failed: 1 new finding of stall")
for text in failed:
    print(text, file=sys.stderr)
sys.exit(bool(failed))
