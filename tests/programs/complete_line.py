"""Types a line into a real shell on a terminal of its own, presses Tab, and prints what the line has become.

complete_line.py SHELL SCRIPT LINE: SCRIPT is the completion script for the shell (bash, zsh or fish).
"""

import os
import pty
import re
import select
import signal
import sys
import time

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source /usr/share/bash-completion/bash_completion; source '{}'"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit && compinit -u -D && source '{}'"),
    "fish": (["fish", "--no-config", "-i"], "source '{}'"),
}
ESCAPES = re.compile(rb"\x1b(\[[0-9;?<>=]*[a-zA-Z]|[()][A-Z0-9]|\][^\x07]*\x07|[=>])")
PATIENCE = 30


class Terminal:
    def __init__(self, arguments):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvp(arguments[0], arguments)
        self.seen = b""

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def read(self, within):
        ready, _, _ = select.select([self.descriptor], [], [], within)
        if not ready:
            return False
        try:
            self.seen += os.read(self.descriptor, 65536)
        except OSError:
            return False
        return True

    def until(self, pattern):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = re.search(pattern, ESCAPES.sub(b"", self.seen).replace(b"\r", b"\n"), re.MULTILINE)
            if found:
                return found
            self.read(0.2)
        sys.exit(f"nothing like {pattern} came: {self.seen!r}")

    def quiet(self):
        """Until nothing has come for a while."""
        end = time.monotonic() + PATIENCE
        while self.read(0.6) and time.monotonic() < end:
            pass

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def completed(shell, script, line):
    arguments, setup = SHELLS[shell]
    terminal = Terminal(arguments)
    try:
        # In two words, so that the echo of what was typed is no answer.
        terminal.type(setup.format(script) + "; echo set 'up'\n")
        terminal.until(rb"^set up$")
        terminal.quiet()
        terminal.type(line + "\t")
        terminal.quiet()
        # To the line's beginning, and have the shell print what follows.
        terminal.type("\x01echo DO''NE \n")
        return terminal.until(rb"^DONE (.*?) *$").group(1).decode()
    finally:
        terminal.end()


print(completed(*sys.argv[1:]))
