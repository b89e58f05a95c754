"""The Debian packages the benches need: listed in scripts/packages-bench.txt, installed when missing."""

import os
import pathlib
import subprocess
import sys

from .library import ROOT

LIST = ROOT / "scripts/packages-bench.txt"
# dpkg asks this file whether an installed service may start. Servers of the benches are started by the benches only.
POLICY = pathlib.Path("/usr/sbin/policy-rc.d")


def missing():
    """Packages of the list that are not installed."""
    wanted = [line.strip() for line in LIST.read_text().splitlines() if line.strip() and not line.startswith("#")]
    done = subprocess.run(("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n", *wanted), capture_output=True,
                          text=True, check=False)
    present = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("ii")}
    return [package for package in wanted if package not in present]


def install_missing():
    """Installs what is missing; services that the packages bring are not started."""
    packages = missing()
    if not packages:
        return
    if os.geteuid() != 0:
        sys.exit(f"bench: missing packages, install them as root: apt-get install {' '.join(packages)}")
    forbids = POLICY.exists()
    if not forbids:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        apt = ("apt-get", "-q", "-o", "DPkg::Lock::Timeout=300")
        subprocess.run((*apt, "update"), env=environment, check=True, stdout=sys.stderr)
        subprocess.run((*apt, "install", "-y", "--no-install-recommends", *packages), env=environment, check=True,
                       stdout=sys.stderr)
    finally:
        if not forbids:
            POLICY.unlink()
