"""Sends data one way over loopback, with TCP_NODELAY on, and reads it at the other end in the same process.

`cork`: a token every 5 ms, each held back by the program's own MSG_MORE. `tokens`: the same without. `flood`: 50 bytes at a
time, as fast as it goes."""

import socket
import sys
import threading
import time


def drain(listener):
    connection, _ = listener.accept()
    while connection.recv(65536):
        pass


listener = socket.create_server(("127.0.0.1", 0))
reader = threading.Thread(target=drain, args=(listener,))
reader.start()
sender = socket.create_connection(listener.getsockname())
sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
if sys.argv[1] == "flood":
    for _ in range(20_000):
        sender.send(b"f" * 50)
else:
    for _ in range(200):
        sender.send(b"t" * 50, socket.MSG_MORE if sys.argv[1] == "cork" else 0)
        time.sleep(0.005)
sender.close()
reader.join()
