"""Runs one module of CPython's test suite under CPython's own runner and writes down the outcome of each test.

Usage: one_module.py NOTES LIBRARY MODULE [ARGUMENT...]     (started by compare.py; the ARGUMENTs go to the runner)

NOTES gets one JSON list a line, [test, event, text], as the events happen, so that a crash or a kill leaves what was
reached. LIBRARY is the file that must be mapped into this process, or "none": then no such library may be. It must not
change what the tests see: no descriptor is kept open, nothing is printed, and a forked child writes no notes.
"""

import json
import os
import sys
import unittest


def check_mapping(library):
    """Ends the process unless it is preloaded exactly as asked: a comparison of two native runs would prove nothing."""
    with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        mapped = {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if "libtcptune" in line or library in line}
    if mapped != (set() if library == "none" else {library}):
        sys.exit(f"one_module: the library in this process should be {library}, but it is {sorted(mapped) or 'none'}")


def main():
    notes, library, module = sys.argv[1:4]
    check_mapping(library)
    process = os.getpid()

    def note(test, event, text=""):
        if os.getpid() == process:
            with open(notes, "a", encoding="utf-8") as file:
                file.write(json.dumps([test, event, text]) + "\n")

    # The runner's result class is told to note what it is told; what it does with it stays as it is.
    from test.support.testresult import RegressionTestResult as Result

    def noting(name, event, text_of):
        original = getattr(Result, name)

        def method(self, test, *rest):
            note(test.id(), event, text_of(self, test, *rest))
            return original(self, test, *rest)

        setattr(Result, name, method)

    def trace(self, test, error):
        return self._exc_info_to_string(error, test)

    noting("startTest", "started", lambda self, test: "")
    noting("addSuccess", "passed", lambda self, test: "")
    noting("addFailure", "failed", trace)
    noting("addError", "error", trace)
    noting("addSkip", "skipped", lambda self, test, reason: reason)
    noting("addExpectedFailure", "failed as expected", lambda self, test, error: "")
    noting("addUnexpectedSuccess", "passed unexpectedly", lambda self, test: "")

    original = unittest.TextTestResult.addSubTest

    def add_subtest(self, test, subtest, error):
        if error is not None:
            note(test.id(), "failed", f"{subtest._subDescription()}\n{trace(self, test, error)}")
        return original(self, test, subtest, error)

    Result.addSubTest = add_subtest

    sys.argv[1:] = sys.argv[4:] + [module]
    from test.libregrtest import main as run

    run()


if __name__ == "__main__":
    main()
