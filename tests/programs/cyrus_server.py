#!/usr/bin/env python3
"""A real Cyrus IMAP server on a port of its own, in a throw-away directory.

Usage: cyrus_server.py [--preload LIBRARY] [--env NAME=VALUE]... [--log FILE] [--listen ADDRESS]

Sets the server up, starts it, prints one line `ready PORT USER PASSWORD` and serves until standard input ends or
SIGTERM/SIGINT arrives; then it ends every process it started and removes the directory. `--preload` and `--env` reach
`master` and, through it, every `imapd`: for measuring the library on the server's side.

Needs root (Cyrus drops to the user `cyrus`) and Debian's cyrus-imapd, sasl2-bin and libsasl2-modules-db. It changes
nothing outside its directory, and uses no port but its own.
"""

import argparse
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

MASTER = "/usr/lib/cyrus/bin/master"
IMAPD = "/usr/lib/cyrus/bin/imapd"
USER = "mail"
ADMIN = "admin"
PASSWORD = "loopback"

IMAPD_CONF = """\
configdirectory: {top}/conf
partition-default: {top}/spool
defaultpartition: default
proc_path: {top}/run/proc
mboxname_lockpath: {top}/run/lock
lmtpsocket: {top}/run/lmtp
idlesocket: {top}/run/idle
notifysocket: {top}/run/notify
syslog_prefix: tcptune
servername: localhost
admins: {admin}
allowplaintext: yes
sasl_mech_list: PLAIN LOGIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {top}/sasldb2
unixhierarchysep: yes
altnamespace: no
"""

CYRUS_CONF = """\
START {{
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {top}/imapd.conf -r"
}}
SERVICES {{
  imap cmd="{imapd} -C {top}/imapd.conf -U 30" listen="{address}:{port}" prefork=1
}}
EVENTS {{
  checkpoint cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C {top}/imapd.conf -c" period=30
}}
"""


def memory_or_tmp():
    """Where the mails go: into memory, where a machine has it. On a disk every append waits for its fsync, and that noise
    would hide the connection."""
    return "/dev/shm" if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK) else "/tmp"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def own(path):
    """Gives a path to the user that imapd runs as."""
    account = pwd.getpwnam("cyrus")
    os.chown(path, account.pw_uid, account.pw_gid)


def prepare(top, address, port):
    os.chmod(top, 0o755)
    own(top)
    for name in ("conf", "spool", "run", "run/proc", "run/lock"):
        os.mkdir(f"{top}/{name}", 0o755)
        own(f"{top}/{name}")
    with open(f"{top}/imapd.conf", "w") as conf:
        conf.write(IMAPD_CONF.format(top=top, admin=ADMIN))
    with open(f"{top}/cyrus.conf", "w") as conf:
        conf.write(CYRUS_CONF.format(top=top, imapd=IMAPD, address=address, port=port))
    for user in (USER, ADMIN):
        subprocess.run(
            ["saslpasswd2", "-p", "-c", "-f", f"{top}/sasldb2", "-u", "localhost", user],
            input=PASSWORD.encode(), check=True, stdout=subprocess.DEVNULL)
    own(f"{top}/sasldb2")


def create_mailbox(port, master, deadline):
    """Waits for the first login to work, and creates the user's mailbox with it."""
    trouble = None
    while time.monotonic() < deadline:
        if master.poll() is not None:
            raise SystemExit(f"cyrus_server: master ended with {master.returncode}")
        try:
            admin = imaplib.IMAP4("127.0.0.1", port, timeout=5)
            admin.login(ADMIN, PASSWORD)
            answer, text = admin.create(f"user/{USER}")
            admin.logout()
            if answer == "OK":
                return
            trouble = f"CREATE answered {answer} {text}"
        except (OSError, imaplib.IMAP4.error) as error:
            trouble = error
        time.sleep(0.05)
    raise SystemExit(f"cyrus_server: no mailbox after 20 s: {trouble}")


def session_members(session):
    """The processes of a session: master makes one of its own, and all its children stay in it."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stat:
                    fields = stat.read().rsplit(b") ", 1)[1].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != b"Z":
                found.append(int(entry))
    return found


def stop(master):
    if master.poll() is None:
        master.terminate()
        try:
            master.wait(5)
        except subprocess.TimeoutExpired:
            master.kill()
            master.wait()
    for _ in range(50):
        left = session_members(master.pid)
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--preload", metavar="LIBRARY", help="LD_PRELOAD of the server")
    options.add_argument("--env", metavar="NAME=VALUE", action="append", default=[], help="more environment for it")
    options.add_argument("--log", metavar="FILE", default=os.devnull, help="where the server's output goes")
    options.add_argument("--listen", metavar="ADDRESS", default="127.0.0.1", help="where it listens (127.0.0.1); 0.0.0.0: everywhere")
    wanted = options.parse_args()

    environment = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD" and not k.startswith("TCPTUNE")}
    environment.update(pair.split("=", 1) for pair in wanted.env)
    if wanted.preload:
        environment["LD_PRELOAD"] = os.path.abspath(wanted.preload)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    top = tempfile.mkdtemp(prefix="tcptune-cyrus-", dir=memory_or_tmp())
    master = None
    try:
        port = free_port()
        prepare(top, wanted.listen, port)
        with open(wanted.log, "ab") as log:
            master = subprocess.Popen(
                [MASTER, "-C", f"{top}/imapd.conf", "-M", f"{top}/cyrus.conf", "-p", f"{top}/master.pid", "-D"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, cwd="/", start_new_session=True)
        create_mailbox(port, master, time.monotonic() + 20)
        print(f"ready {port} {USER} {PASSWORD}", flush=True)
        while sys.stdin.buffer.read(4096):
            pass
    finally:
        # The clean-up is short and must happen whole.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if master is not None:
            stop(master)
        shutil.rmtree(top, ignore_errors=True)


if __name__ == "__main__":
    main()
