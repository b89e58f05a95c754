"""Exchanges over loopback on request, in a process that lives on: `server once|twice [PORT [ADDRESS]]`,
`client PORT once|twice [ADDRESS]`.

The side that writes twice stalls for 40 ms per exchange. Both set no option. The client reads commands from its standard
input, one a line: a number makes so many exchanges and prints their median in milliseconds; `open` changes to a new
connection. The server prints its port and serves each connection in a thread; it takes the listener that systemd passes
on, if one is there."""

import os
import socket
import sys
import threading
import time

FIRST, REST = b"h" * 100, b"\r\n"
WARM_UP = 5


def send(connection, twice):
    if twice:
        connection.sendall(FIRST)
        connection.sendall(REST)
    else:
        connection.sendall(FIRST + REST)


def receive(connection):
    left = len(FIRST + REST)
    while left:
        piece = connection.recv(left)
        if not piece:
            return False
        left -= len(piece)
    return True


def serve(connection, twice):
    while receive(connection):
        send(connection, twice)
    connection.close()


def listening(port, address):
    if os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=3)
    listener = socket.socket()
    listener.bind((address, port))
    listener.listen(1024)
    return listener


def server(twice, port, address="127.0.0.1"):
    listener = listening(port, address)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, twice), daemon=True).start()


def median(connection, count, twice):
    times = []
    for _ in range(count + WARM_UP):
        begin = time.monotonic()
        send(connection, twice)
        if not receive(connection):
            sys.exit("the server has gone")
        times.append(time.monotonic() - begin)
    return sorted(times[WARM_UP:])[count // 2] * 1000


def client(port, twice, host="127.0.0.1"):
    address = (host, port)
    connection = socket.create_connection(address)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "open":
            connection.close()
            connection = socket.create_connection(address)
            print("opened", flush=True)
        else:
            print(f"{median(connection, int(line), twice):.3f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "server":
        server(sys.argv[2] == "twice", int(sys.argv[3]) if len(sys.argv) > 3 else 0, *sys.argv[4:])
    else:
        client(int(sys.argv[2]), sys.argv[3] == "twice", *sys.argv[4:])
