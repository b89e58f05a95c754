"""Scripts whose lines are to be named: `HOW PORT COUNT` makes so many exchanges over loopback, each of which stalls.

`plain`, `helper` and `branch` send twice and receive: at the same place, in a function of its own, and after a choice. In `threads` one
of three threads does so; the others wait too, one for another connection. `imap` appends mails by imaplib; `imap-server` serves that,
and prints its port. `private` lets nobody look into it before it does as `plain`."""

import ctypes
import imaplib
import socket
import sys
import threading

HEADER, BODY = b"h" * 100, b"\r\n"


def append(connection):
    connection.send(HEADER)
    connection.send(BODY)  # body
    return connection.recv(102, socket.MSG_WAITALL)


def answer(connection):
    left = len(HEADER + BODY)
    while left:
        left -= len(connection.recv(left))


def ask(connection):
    connection.send(HEADER)
    connection.send(BODY)  # asks
    answer(connection)


def choose(connection):
    connection.send(HEADER)
    if connection:
        connection.send(BODY)
    return connection.recv(102, socket.MSG_WAITALL)  # after a choice


def exchanges(exchange, port, count):
    connection = socket.create_connection(("127.0.0.1", port))
    for _ in range(count):
        exchange(connection)  # each


def idle(connection):
    connection.recv(1)


def threads(port, count):
    mine, theirs = socket.socketpair()
    threading.Thread(target=idle, args=(socket.create_connection(("127.0.0.1", port)),), daemon=True).start()
    threading.Thread(target=idle, args=(mine,), daemon=True).start()
    worker = threading.Thread(target=exchanges, args=(append, port, count))
    worker.start()
    worker.join()
    theirs.close()


def imap(port, count):
    mailbox = imaplib.IMAP4("127.0.0.1", port)
    mailbox.login("user", "password")
    for _ in range(count):
        mailbox.append("INBOX", None, None, HEADER)  # mail


def serve(stream):
    stream.write(b"* OK ready\r\n")
    for line in stream:
        words = line.split()
        if words[1] == b"CAPABILITY":
            stream.write(b"* CAPABILITY IMAP4rev1\r\n")
        if words[1] == b"APPEND":
            stream.write(b"+ go on\r\n")
            stream.read(int(words[-1].strip(b"{}")))
            stream.readline()
        stream.write(words[0] + b" OK done\r\n")


def imap_server():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        stream = connection.makefile("rwb", buffering=0)
        threading.Thread(target=serve, args=(stream,), daemon=True).start()


if __name__ == "__main__":
    if sys.argv[1] == "imap-server":
        imap_server()
    port, count = int(sys.argv[2]), int(sys.argv[3])
    match sys.argv[1]:
        case "plain":
            exchanges(append, port, count)
        case "private":
            ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE
            exchanges(append, port, count)
        case "helper":
            exchanges(ask, port, count)
        case "branch":
            exchanges(choose, port, count)
        case "threads":
            threads(port, count)
        case "imap":
            imap(port, count)
