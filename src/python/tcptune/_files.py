"""Where the wheel has put its two files."""

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def library():
    """The path of libtcptune.so. It lies in this package."""
    file = os.path.join(_PACKAGE, "libtcptune.so")
    if not os.path.isfile(file):
        raise FileNotFoundError("`%s` is missing: install tcptune from a wheel" % file)
    return file


def command():
    """The path of the command tcptune, which an installer puts where the scripts of the environment are."""
    # `pip install --target` moves the scripts after it has noted where they are.
    for file in _recorded() + [os.path.join(os.path.dirname(_PACKAGE), "bin", "tcptune")]:
        if os.access(file, os.X_OK) and os.path.isfile(file):
            return file
    raise FileNotFoundError("the command tcptune is not where this package was installed: install tcptune from a wheel")


def _recorded():
    from importlib import metadata

    # Another tcptune may come first in sys.path: it is asked of the one that this file belongs to.
    place = os.path.dirname(_PACKAGE)
    found = []
    for distribution in metadata.distributions(name="tcptune", path=[place]):
        for file in distribution.files or []:
            if file.name == "tcptune" and file.parent.name == "bin":
                found.append(os.path.realpath(str(file.locate())))
    return found
