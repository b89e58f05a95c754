"""`python3 -m tcptune` becomes the command, with the same arguments."""

import os
import signal
import sys

from ._files import command


def main():
    try:
        program = command()
    except FileNotFoundError as error:
        sys.exit("tcptune: %s" % error)
    # Python ignores these. A program that `tcptune run` starts would inherit that.
    for name in ("SIGPIPE", "SIGXFSZ"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execv(program, ["tcptune"] + sys.argv[1:])


if __name__ == "__main__":
    main()
