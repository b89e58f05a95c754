"""Which of the Debian packages that a case needs are missing here."""

import subprocess


def missing(*names):
    """The packages of `names` that are not installed."""
    def installed(name):
        argv = ("dpkg-query", "-W", "-f", "${db:Status-Status}", name)
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout == "installed"
    return [name for name in names if not installed(name)]


def skipped(subject, names):
    """Whether a subject must be left out; says so."""
    lacking = missing(*names)
    if lacking:
        print(f"Left out: {subject}: not installed: {', '.join(lacking)}.", flush=True)
    return bool(lacking)
