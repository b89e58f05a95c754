#!/usr/bin/env python3
"""Appends mails to an IMAP mailbox, one by one: the migration script that tcptune's first story is about.

Usage: migrate_imap.py PORT USER PASSWORD COUNT [--nodelay] [--size BYTES] [--host ADDRESS] [--median]

Prints one line: `COUNT mails in SECONDS s: RATE/s`. It is plain imaplib: each APPEND sends a literal, then a two-byte
CRLF, then waits. `--nodelay` is the cure by hand, for comparison: a subclass that sets TCP_NODELAY itself. `--median` prints
how long the middle one of the mails took instead, in milliseconds.
"""

import argparse
import imaplib
import socket
import statistics
import time


class NoDelay(imaplib.IMAP4):
    """imaplib with TCP_NODELAY set by hand."""

    def _create_socket(self, timeout):
        connection = super()._create_socket(timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def message(size):
    head = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: migrated mail\r\n\r\n"
    line = b"The quick brown fox jumps over the lazy dog, and then does so again.\r\n"
    body = line * (size // len(line) + 1)
    return head + body[: size - len(head) - 2] + b"\r\n"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("port", type=int)
    options.add_argument("user")
    options.add_argument("password")
    options.add_argument("count", type=int)
    options.add_argument("--nodelay", action="store_true", help="set TCP_NODELAY in the script itself")
    options.add_argument("--size", type=int, default=2400, help="bytes in a message (2400)")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--median", action="store_true", help="print the milliseconds of the middle mail")
    wanted = options.parse_args()

    server = (NoDelay if wanted.nodelay else imaplib.IMAP4)(wanted.host, wanted.port)
    server.login(wanted.user, wanted.password)
    mail = message(wanted.size)
    # Every mail carries the same date: what is measured is the connection, not the calendar.
    date = imaplib.Time2Internaldate(1_700_000_000)
    moments = [time.perf_counter()]
    for _ in range(wanted.count):
        answer, text = server.append("INBOX", None, date, mail)
        if answer != "OK":
            raise SystemExit(f"APPEND answered {answer} {text}")
        moments.append(time.perf_counter())
    seconds = moments[-1] - moments[0]
    server.logout()
    if wanted.median:
        times = (after - before for before, after in zip(moments, moments[1:]))
        print(f"{statistics.median(times) * 1000:.3f}")
        return
    print(f"{wanted.count} mails in {seconds:.3f} s: {wanted.count / seconds:.1f}/s")


if __name__ == "__main__":
    main()
