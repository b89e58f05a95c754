"""Counts data segments on an interface of a namespace while something runs, for programs without a TCP_INFO to ask."""

import json
import subprocess
import sys

from . import build, process


def count(namespace, interface, port, work):
    """{to, from, bytes_to, bytes_from}: segments with data towards and from the port while `work()` runs."""
    argv = process.command(namespace, [build.program("segments"), interface, port])
    counter = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        counter.stdout.readline()
        work()
    finally:
        output, error = counter.communicate()
    if counter.returncode != 0:
        sys.exit(f"bench: {error.strip()}")
    return json.loads(output)
