#!/usr/bin/env python3
"""A listener and COUNT connections to it in Python; marks for strace around them: `begin` and `end`.

Memory management is outside the comparison as far as it can be: the first connection, on a listener of its own, is made
before `begin`.
"""

import gc
import os
import socket
import sys


def mark(name):
    try:
        os.write(-1, b"mark: " + name)
    except OSError:
        pass


def serve(count):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(count):
            with socket.create_connection(listener.getsockname()) as client:
                accepted, _ = listener.accept()
                with accepted:
                    for _ in range(5):
                        client.sendall(b"request\n")
                        accepted.recv(100)
                        accepted.sendall(b"reply\n")
                        client.recv(100)


gc.disable()
serve(1)
mark(b"begin")
serve(int(sys.argv[1]))
mark(b"end")
