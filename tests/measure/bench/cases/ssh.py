"""Typing into an ssh session: the time from a key to its echo by the terminal at the far end. OpenSSH sets TCP_NODELAY
for it; nothing may change, in the server (whose children run in sandboxes) or the client."""

import functools
import os
import select
import subprocess
import sys
import time

from harness import build, process, rounds, table
from harness.net import SERVER

TITLE = "a key typed into an ssh session until its echo: unchanged"
PORT = 2222
VARIANTS = {"plain": (False, False), "library on the server": (True, False), "library on both": (True, True)}


@functools.cache
def server_command():
    """(directory with the keys, command of the server). It also serves SFTP."""
    directory = build.scratch() / "ssh"
    directory.mkdir(mode=0o700)
    for key in ("host", "user"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / key), check=True)
    config = directory / "sshd_config"
    config.write_text(f"""
Port {PORT}
ListenAddress {SERVER}
HostKey {directory}/host
AuthorizedKeysFile {directory}/user.pub
StrictModes no
PermitRootLogin yes
UsePAM no
PidFile none
PrintMotd no
Subsystem sftp internal-sftp
""")
    # sshd's privilege separation wants this directory, which Debian's service file would make.
    os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
    return directory, ["/usr/sbin/sshd", "-D", "-e", "-f", config]


def type_keys(net, directory, keys, preload):
    """Types `keys` keys, one after the echo of the other; gives the delays."""
    argv = process.command(net.client, [
        "ssh", "-tt", "-q", "-F", "none", "-p", PORT, "-i", directory / "user", "-o", "StrictHostKeyChecking=no",
        "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes", f"root@{SERVER}", "echo ready; cat >/dev/null"],
        preload, end=1)
    session = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    try:
        seen = b""
        while b"ready" not in seen:
            piece = session.stdout.read(100)
            if not piece:
                sys.exit(f"bench: ssh: {session.stderr.read().decode().strip()}")
            seen += piece
        time.sleep(0.1)
        while select.select([session.stdout], [], [], 0)[0]:
            session.stdout.read(100)
        delays = []
        for number in range(keys):
            # Lines stay short of the terminal's limit: one in a hundred keys is Enter, echoed as two characters.
            key, echo = (b"\n", 2) if number % 100 == 99 else (b"k", 1)
            begin = time.monotonic()
            session.stdin.write(key)
            while echo > 0:
                echo -= len(session.stdout.read(echo))
            delays.append(time.monotonic() - begin)
            time.sleep(0.001)
        return delays[9:]
    finally:
        session.terminate()
        session.communicate()


def run(net, quick):
    """Prints the table."""
    directory, command = server_command()
    keys = 300 if quick else 1_000

    def measure(name):
        on_server, on_client = VARIANTS[name]
        with process.Server(net, command, PORT, on_server):
            return type_keys(net, directory, keys, on_client)

    results = rounds.interleave(VARIANTS, measure, 3 if quick else 7)
    rows = []
    for name, runs in results.items():
        pool = [delay for one in runs for delay in one]
        rows.append([name, f"{len(pool):,}", *(table.ms(rounds.percentile(pool, share)) for share in (0.5, 0.99, 0.999)),
                     table.ms(max(pool)), table.compared(*([rounds.median(one) for one in results[v]] for v in (name, "plain")))])
    table.show("ssh session, key to echo", ["variant", "keys", "median ms", "p99", "p99.9", "worst", "median to plain"],
               rows, table.COMPARED)
