#!/usr/bin/env python3
"""Serves one connection after the other, all under the same descriptor number: an answer of one byte to each 110 bytes."""

import socket

REQUEST = 110

server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    with connection:
        received = 0
        while data := connection.recv(REQUEST):
            received += len(data)
            if received % REQUEST == 0:
                connection.send(b"!")
