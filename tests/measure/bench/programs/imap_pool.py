#!/usr/bin/env python3
"""Appends mails with imaplib and counts the data segments that it sends for each, from the first mail on, logins left out.

Usage: imap_pool.py PORT USER PASSWORD POOL MAILS [--nodelay]

POOL connections; where there are several, one mail in ten is appended on a new connection, and a file is opened for each mail,
so that the numbers of descriptors are used again. Prints one JSON line.
"""

import imaplib
import json
import random
import socket
import struct
import sys
import tempfile
import time

MAIL = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: mail\r\n\r\n" + b"One line of the mail, as any other.\r\n" * 30


class Session:
    """A connection that is logged in, and how many segments it had sent by then."""

    def __init__(self, port, user, password, nodelay):
        self.imap = imaplib.IMAP4("127.0.0.1", port)
        if nodelay:
            self.imap.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.imap.login(user, password)
        self.before = self._sent()

    def _sent(self):
        """tcpi_data_segs_out less tcpi_total_retrans."""
        info = self.imap.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 280)
        return struct.unpack_from("<I", info, 156)[0] - struct.unpack_from("<I", info, 100)[0]

    def end(self):
        """Logs out; gives the segments of the mails."""
        sent = self._sent() - self.before
        self.imap.logout()
        return sent


def main():
    """Prints the counts."""
    account = (int(sys.argv[1]), sys.argv[2], sys.argv[3], "--nodelay" in sys.argv)
    pool, mails = int(sys.argv[4]), int(sys.argv[5])
    choose = random.Random(1)
    sessions = [Session(*account) for _ in range(pool)]
    counted, took = 0, []
    with tempfile.NamedTemporaryFile() as file:
        file.write(MAIL)
        file.flush()
        for _ in range(mails):
            at = choose.randrange(pool)
            if pool > 1 and choose.random() < 0.1:
                counted += sessions[at].end()
                sessions[at] = Session(*account)
            with open(file.name, "rb") as mail:
                text = mail.read()
            begin = time.perf_counter()
            answer, _ = sessions[at].imap.append("INBOX", None, None, text)
            took.append(time.perf_counter() - begin)
            if answer != "OK":
                sys.exit(f"imap_pool: APPEND answered {answer}")
    counted += sum(session.end() for session in sessions)
    print(json.dumps({"answers": mails, "segments": counted, "took": took}))


main()
