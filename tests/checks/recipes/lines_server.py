"""The far end of the recipes (docs/recipes): `lines_server.py PORT` answers each line with one of its own, and sets no
option. A client that sends a line in two pieces waits 40 ms for each answer."""

import socket
import sys
import threading


def serve(connection):
    with connection:
        for _ in connection.makefile("rb"):
            connection.sendall(b"ok\r\n")


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    threading.Thread(target=serve, args=listener.accept()[:1], daemon=True).start()
