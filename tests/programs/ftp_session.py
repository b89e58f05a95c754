#!/usr/bin/env python3
"""An FTP session with Python's ftplib; prints every reply and the hash of every file.

Usage: ftp_session.py PORT files|control [--pause]

`control` uses the control connection alone. `--pause` says `waiting` after the login and goes on when its standard input
ends, so that a test can look at the server's processes.
"""

import ftplib
import hashlib
import sys


def main():
    port, scope = int(sys.argv[1]), sys.argv[2]
    ftp = ftplib.FTP()
    print(ftp.connect("127.0.0.1", port, timeout=10))
    print(ftp.login())
    if "--pause" in sys.argv:
        print("waiting", flush=True)
        sys.stdin.read()
    for command in ["NOOP", "TYPE I", "PWD", "SYST", "FEAT", "HELP", "MODE S", "STRU F", "NONSENSE"] * 3:
        try:
            print(command, ftp.sendcmd(command))
        except ftplib.Error as error:
            print(command, error)
    if scope == "files":
        lines = []
        ftp.retrlines("LIST", lines.append)
        # The time of a file is not the server's doing.
        print([" ".join(line.split()[:5] + line.split()[8:]) for line in lines])
        for name in sorted(ftp.nlst()):
            content = hashlib.sha256()
            print(ftp.retrbinary(f"RETR {name}", content.update), name, content.hexdigest())
    print(ftp.quit())


if __name__ == "__main__":
    main()
