"""The library under test and how a program is started with it: TCPTUNE_LIB first, else the release build of the tree."""

import functools
import hashlib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[4]


@functools.cache
def path():
    """The library file; built once when the tree has none."""
    chosen = os.environ.get("TCPTUNE_LIB")
    if chosen:
        file = pathlib.Path(chosen).resolve()
    else:
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
        file = (ROOT / target / "release/libtcptune.so").resolve()
        if not file.exists():
            subprocess.run(("cargo", "build", "--release", "-p", "tcptune-shim"), cwd=ROOT, check=True)
    if not file.exists():
        sys.exit(f"bench: no library at {file}: build it with cargo build --release, or name one in TCPTUNE_LIB")
    return file


def fingerprint():
    """Which library was measured, for the head of a report."""
    data = path().read_bytes()
    return f"{path().name}, {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()[:12]}"


def environment(preload, settings=None):
    """NAME=VALUE words for env(1): the library where `preload`, and its settings."""
    words = ["-u", "LD_PRELOAD"]
    words += [word for name in os.environ if name.startswith("TCPTUNE") for word in ("-u", name)]
    if preload:
        words.append(f"LD_PRELOAD={path()}")
        words += [f"{name}={value}" for name, value in (settings or {}).items()]
    return words
