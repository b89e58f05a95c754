"""`tcptune doctor` on this process: started beside it, and read when it is told to end. Nothing is loaded into this process."""

import json
import os
import signal
import subprocess
import tempfile
import time

# Longer than any test run; doctor ends by itself when this process does.
DURATION = "24h"
# How long doctor may take to begin, and to write its report, on a busy machine.
PATIENCE_S = 20.0


class Refused(Exception):
    """Doctor does not watch: the line that it said."""


class Doctor:
    """Doctor, watching this process and what it starts."""

    def __init__(self, command):
        self._directory = tempfile.TemporaryDirectory(prefix="tcptune-")
        self._report = os.path.join(self._directory.name, "report.json")
        self._errors = os.path.join(self._directory.name, "errors")
        arguments = ["doctor", "--pid", str(os.getpid()), "--duration", DURATION, "--json", "--waits", "--output", self._report]
        try:
            with open(self._errors, "wb") as errors:
                # Ctrl-C is for the tests; doctor is told by us.
                self._process = subprocess.Popen(
                    [command, *arguments], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, start_new_session=True
                )
        except OSError as error:
            self._directory.cleanup()
            raise Refused(f"{command} cannot be run: {error.strerror}") from error
        self._wait_until_it_watches()

    def _wait_until_it_watches(self):
        """It takes notice of SIGTERM as its watch begins; before, the signal would end it without a report."""
        end = time.monotonic() + PATIENCE_S
        while not self._catches_sigterm():
            if self._process.poll() is not None:
                raise Refused(self._said())
            if time.monotonic() > end:
                self._process.kill()
                self._process.wait()
                raise Refused(f"it did not begin within {PATIENCE_S:.0f} s")
            time.sleep(0.005)

    def _catches_sigterm(self):
        try:
            with open(f"/proc/{self._process.pid}/status", encoding="ascii", errors="replace") as status:
                caught = next((line for line in status if line.startswith("SigCgt:")), "SigCgt: 0")
        except OSError:
            return False
        return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)

    def _said(self):
        """Its last word, and nothing left behind."""
        with open(self._errors, encoding="utf-8", errors="replace") as errors:
            lines = errors.read().strip().splitlines()
        self._directory.cleanup()
        return lines[-1] if lines else f"it ended with exit status {self._process.returncode}"

    def report(self):
        """Ends the watch. The document that docs/json.md describes."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.wait()
            self._directory.cleanup()
            raise Refused(f"it did not end within {PATIENCE_S:.0f} s") from error
        try:
            with open(self._report, encoding="utf-8") as report:
                document = json.load(report)
        except (OSError, ValueError) as error:
            raise Refused(self._said()) from error
        self._directory.cleanup()
        if document.get("schema") != 1:
            raise Refused(f"its report has schema {document.get('schema')}, and 1 is known here: they are of different versions")
        return document
