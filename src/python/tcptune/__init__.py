"""libtcptune.so and the command tcptune, for Python programs.

    import tcptune
    tcptune.reexec()

at the top of a program starts it anew with the library preloaded, once. `python3 -m tcptune` is the command.
"""

from ._files import command, library
from ._reexec import Refusal, is_loaded, reexec

__all__ = ["Refusal", "command", "is_loaded", "library", "reexec"]
