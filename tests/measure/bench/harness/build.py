"""Compiles the benches' C programs, each once per run, into a directory that is removed at exit."""

import atexit
import functools
import pathlib
import shutil
import subprocess
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "c"
# Programs in other languages, and those that need a library.
PROGRAMS = SOURCE.parent / "programs"


@functools.cache
def scratch():
    """The run's temporary directory: binaries, configurations, documents. Any user may enter it (servers drop root)."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="tcptune-bench-"))
    directory.chmod(0o755)
    atexit.register(shutil.rmtree, directory, True)
    return directory


@functools.cache
def program(name):
    """The compiled form of c/NAME.c."""
    binary = scratch() / name
    subprocess.run(("gcc", "-O2", "-Wall", "-o", binary, SOURCE / f"{name}.c", "-lpthread"), check=True)
    return binary


@functools.cache
def linked(name, *flags):
    """The compiled form of programs/NAME (C or C++), with the libraries it needs."""
    source = PROGRAMS / name
    binary = scratch() / source.stem
    compiler = "g++" if source.suffix == ".cpp" else "gcc"
    subprocess.run((compiler, "-O2", "-Wall", "-o", binary, source, *flags, "-lpthread"), check=True)
    return binary


@functools.cache
def classes():
    """The directory with the classes of programs/*.java."""
    directory = scratch() / "classes"
    subprocess.run(("javac", "-d", directory, *sorted(PROGRAMS.glob("*.java"))), check=True)
    return directory


def body(size):
    """A file of `size` bytes with the content every server of the benches serves for that size."""
    file = scratch() / "www" / str(size)
    if not file.exists():
        file.parent.mkdir(exist_ok=True, mode=0o755)
        file.write_bytes(bytes((i * 2654435761 & 0xFFFFFFFF) >> 24 for i in range(size)))
    return file
