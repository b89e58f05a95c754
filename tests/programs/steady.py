"""Services that go on for as long as they are let: `server once|twice THINK`, `client PORT once|twice CONNECTIONS`,
`alone once|twice`: a server and a client of its own.

The side that writes twice stalls for 40 ms per exchange. A server prints its port, serves each connection in a thread, and thinks
for so many milliseconds before it answers. A client prints "ready" and makes one exchange after the other on each of its
connections, until its standard input ends. (One that paused itself would not stall: the kernel acknowledges at once what comes
after a pause.)"""

import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from exchanges import receive, send  # noqa: E402 (what they send and wait for is the same)


def serve(connection, twice, think):
    try:
        while receive(connection):
            time.sleep(think)
            send(connection, twice)
    except ConnectionError:
        pass
    connection.close()


def server(twice, think, own_client=False):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    if own_client:
        threading.Thread(target=client, args=(listener.getsockname(), False), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, twice, think), daemon=True).start()


def client(address, twice):
    connection = socket.create_connection(address)
    send(connection, twice)
    while receive(connection):
        send(connection, twice)


if sys.argv[1] == "server":
    server(sys.argv[2] == "twice", int(sys.argv[3]) / 1000)
elif sys.argv[1] == "alone":
    server(sys.argv[2] == "twice", 0, True)
else:
    address, twice = ("127.0.0.1", int(sys.argv[2])), sys.argv[3] == "twice"
    for _ in range(int(sys.argv[4])):
        threading.Thread(target=client, args=(address, twice), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()
