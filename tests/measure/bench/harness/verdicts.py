"""Verdicts of `tcptune doctor`: on programs that run, and on captures that are made meanwhile at both ends."""

import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from . import build, library, process

LOOKED = {0: "nothing", 1: "found", 2: "could not tell"}
_numbers = itertools.count()


def tcptune():
    """The command under test."""
    file = library.ROOT / "target/release/tcptune"
    return pathlib.Path(os.environ.get("TCPTUNE_COMMAND", file))


class Dump:
    """A tcpdump in a namespace; leaves a file."""

    def __init__(self, namespace, interface):
        self.file = build.scratch() / f"capture-{next(_numbers)}.pcap"
        argv = ["ip", "netns", "exec", namespace, "tcpdump", "-i", interface, "-s", "128", "-B", "65536", "-Z", "root", "-U", "-w",
                self.file, "tcp"]
        self.process = subprocess.Popen([str(word) for word in argv], stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if "listening on" in line:
                return
        sys.exit("bench: tcpdump does not start")

    def end(self):
        time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
        return self.file


@contextlib.contextmanager
def dumps(net, interface, into, *more):
    """Captures at the server and at the client meanwhile; the reports on both come into a list. `more`: for doctor."""
    both = [Dump(namespace, interface) for namespace in (net.server, net.client)]
    yield
    for dump in both:
        file = dump.end()
        into.append(read(file, *more))
        file.unlink()


def read(file, *more):
    """The report on a capture, and doctor's exit status."""
    argv = [tcptune(), "doctor", "--json", "--pcap", file, *more]
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False)
    return json.loads(done.stdout), done.returncode


def live(namespace, seconds, *target):
    """Doctor in a namespace on what `target` says (--pid, --port), begun; gives what ends it and gives the same."""
    file = build.scratch() / f"live-{next(_numbers)}.json"
    argv = ["ip", "netns", "exec", namespace, *process.NICE, tcptune(), "doctor", "--json", "--output", file, *target, "--duration",
            seconds]
    watching = subprocess.Popen([str(word) for word in argv], start_new_session=True)

    def end():
        code = watching.wait(seconds + 30)
        return json.loads(file.read_text()), code
    return end


def grave(report):
    """The first finding that is a fault, or None."""
    return next((finding for finding in report["findings"] if finding["kind"] != "runts"), None)
