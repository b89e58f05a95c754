"""A witness where the servers run: how often did the machine leave a process waiting while something was measured?"""

import subprocess

from . import build, process


def count(net, limit_ms, work):
    """(what work() gives, how many times a process that only sleeps woke more than `limit_ms` late)."""
    argv = process.command(net.server, [build.program("pauses"), limit_ms], end=0)
    witness = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        result = work()
    finally:
        output, _ = witness.communicate()
    return result, int(output)
