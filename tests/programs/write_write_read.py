"""Exchanges of two small writes and an answer, as programs make them that set no option.

write_write_read.py serve ADDRESS           prints the port; answers until it is ended
write_write_read.py ask ADDRESS PORT COUNT  prints the median of the times that exchanges took, in ms
"""

import socket
import sys
import time

REQUEST, ANSWER = 110, 20


def receive(connection, count):
    """So many bytes, or fewer at the end."""
    data = b""
    while len(data) < count and (piece := connection.recv(count - len(data))):
        data += piece
    return data


def serve(address):
    listener = socket.create_server((address, 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        with connection:
            while len(receive(connection, REQUEST)) == REQUEST:
                connection.sendall(b"y" * ANSWER)


def ask(address, port, count):
    times = []
    with socket.create_connection((address, port)) as connection:
        for _ in range(count):
            begin = time.monotonic()
            connection.sendall(b"x" * (REQUEST - 10))
            connection.sendall(b"x" * 10)
            receive(connection, ANSWER)
            times.append(time.monotonic() - begin)
    # The kernel acknowledges the first ones at once.
    times = sorted(times[count // 3:])
    print(f"{times[len(times) // 2] * 1e3:.2f}")


if sys.argv[1] == "serve":
    serve(sys.argv[2])
else:
    ask(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
