"""libtcptune.so and the command tcptune, for Python programs.

    import tcptune
    tcptune.reexec()

at the top of a program starts it anew with the library preloaded, once. `python3 -m tcptune` is the command.

What is not used is not imported: the plug-in for pytest needs none of it.
"""

import importlib

_HOME = {"command": "_files", "library": "_files", "Refusal": "_reexec", "is_loaded": "_reexec", "reexec": "_reexec"}
__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__():
    return __all__
