"""Healthy traffic in time, for those who watch: `late ADDRESS MS` answers each request after so long, `source ADDRESS MS` sends
a piece so often and reads nothing; both print their port. `client ADDRESS PORT COUNT` makes so many exchanges, a tenth of a
second apart (none: without end, one after the other), `sink ADDRESS PORT` only reads; both say ready, and stay until they are
ended. Nobody writes twice."""

import itertools
import socket
import sys
import threading
import time

PIECE = b"p" * 100
role, address, number = sys.argv[1], sys.argv[2], int(sys.argv[3])


def serve(connection):
    while role == "source" or connection.recv(len(PIECE), socket.MSG_WAITALL):
        time.sleep(number / 1000)
        connection.sendall(PIECE)


if role in ("late", "source"):
    listener = socket.create_server((address, 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

connection = socket.create_connection((address, number))
print("ready", flush=True)
if role == "sink":
    while connection.recv(65536):
        pass
count = int(sys.argv[4])
for _ in range(count) if count else itertools.count():
    connection.sendall(PIECE)
    connection.recv(len(PIECE), socket.MSG_WAITALL)
    if count:
        time.sleep(0.1)
time.sleep(60)
