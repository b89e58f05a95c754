"""Starts the running program anew, with the library preloaded."""

import os
import sys

from ._files import command, library


class Refusal:
    """What `reexec` returns where it did nothing. It is false, and says why."""

    def __init__(self, reason):
        self.reason = reason

    def __bool__(self):
        return False

    def __str__(self):
        return self.reason

    def __repr__(self):
        return "tcptune.Refusal(%r)" % self.reason


def is_loaded():
    """Is libtcptune.so in this process?"""
    try:
        with open("/proc/self/maps", "rb") as maps:
            return any(_is_ours(line.split(None, 5)[-1]) for line in maps)
    except OSError:
        return False


def reexec():
    """Makes sure that this program runs with libtcptune.so.

    True: the library is loaded. Otherwise the program is started anew with it, in the same process, with the same
    arguments, interpreter flags and environment, and this call does not return. Where that cannot be done or would not help,
    nothing is done, and the `Refusal` that is returned says why.

    Call it before all else: what the program has done until then is done again, and no `atexit` function runs.
    """
    if is_loaded():
        return True
    reason = _obstacle()
    if reason is not None:
        return Refusal(reason)
    try:
        program, preloaded = command(), library()
    except FileNotFoundError as error:
        return Refusal(str(error))
    reason = _verdict(program, preloaded)
    if reason is not None:
        return Refusal(reason)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    arguments = ["run", "--library", preloaded, "--", sys.executable] + _arguments()[1:]
    try:
        os.execv(program, ["tcptune"] + arguments)
    except OSError as error:
        return Refusal("`%s` cannot be started: %s" % (program, error.strerror))


def _obstacle():
    """Why this process should not be replaced, as far as Python knows."""
    if not sys.platform.startswith("linux"):
        return "libtcptune.so is for Linux, this is %s" % sys.platform
    if not sys.executable or not _is_interpreter():
        return "Python is part of another program here: start that with `tcptune run`"
    if sys.argv[0] in ("", "-") or sys.flags.interactive:
        return "the program is read from standard input, which cannot be read again"
    arguments = _arguments()
    if not arguments:
        return "the arguments of this process cannot be read from /proc"
    # A relative path, and the program is elsewhere now.
    if sys.argv[0] in arguments and sys.argv[0] != "-c" and not os.path.exists(sys.argv[0]):
        return "`%s` does not exist from here: call reexec before the directory is changed" % sys.argv[0]
    if len(os.listdir("/proc/self/task")) > 1:
        return "there are other threads, which would be lost: call reexec before they are started"
    # The loader was told already. Once more would be no different, and for ever.
    try:
        with open("/proc/self/environ", "rb") as environment:
            variables = environment.read().split(b"\0")
    except PermissionError:
        return "this process is protected, mostly for set-id or file capabilities: nothing can be preloaded"
    except OSError as error:
        return "the environment that this process was started with cannot be read: %s" % error.strerror
    for variable in variables:
        name, _, value = variable.partition(b"=")
        if name == b"LD_PRELOAD" and any(map(_is_ours, value.replace(b":", b" ").split())):
            return "LD_PRELOAD names libtcptune.so, but the loader has not loaded it"
    return None


def _verdict(program, preloaded):
    """Why the library could not be loaded, as far as the command knows."""
    import json
    import subprocess

    def ask(*arguments):
        streams = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return subprocess.run([program] + list(arguments), **streams)

    try:
        said = ask("check", "--json", "--library", preloaded, str(os.getpid()))
        if said.returncode not in (0, 1):
            return _last_line(said.stderr)
        verdict = json.loads(said.stdout.decode())["verdict"]
        if not verdict["reachable"] or verdict["refuses"]:
            return verdict["reason"]
        # `tcptune run` would end instead of starting the program.
        if ask("env").returncode != 0:
            return "a setting is invalid: `tcptune env` says which"
    except OSError as error:
        return "`%s` cannot be started: %s" % (program, error.strerror)
    return None


def _arguments():
    """The words of the command line, the interpreter's own among them."""
    if hasattr(sys, "orig_argv"):  # from Python 3.10 on
        return list(sys.orig_argv)
    try:
        with open("/proc/self/cmdline", "rb") as words:
            return [os.fsdecode(word) for word in words.read().split(b"\0")[:-1]]
    except OSError:
        return []


def _is_interpreter():
    """Is this process a Python, and not a program that has one inside?"""
    try:
        return os.path.samefile("/proc/self/exe", sys.executable)
    except OSError:
        return False


def _is_ours(path):
    """`libtcptune.so`, or a versioned name of it."""
    name = path.strip().rpartition(b"/")[2].replace(b" (deleted)", b"")
    return name == b"libtcptune.so" or name.startswith(b"libtcptune.so.")


def _last_line(text):
    lines = text.decode(errors="replace").strip().splitlines()
    line = lines[-1] if lines else "tcptune check failed without a word"
    return line[len("tcptune: "):] if line.startswith("tcptune: ") else line
