"""Many connections that never stall: `crowd.py serve ADDRESS PORT`, `crowd.py connect ADDRESS PORT CONNECTIONS PER_SECOND`.

Each exchange is one small piece and its answer, on the next connection in turn; so many a second in all. Who connects prints
"ready" when all connections are open, and ends with its standard input."""

import resource
import select
import socket
import sys
import time

LIMIT = 20_000
resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT, max(LIMIT, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))


def serve(address):
    listener = socket.create_server(address, backlog=4096)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
            elif connections[number].recv(1000):
                connections[number].sendall(b"a" * 200)
            else:
                connections.pop(number).close()


def connect(address, count, rate):
    connections = [socket.create_connection(address) for _ in range(count)]
    print("ready", flush=True)
    begin, done = time.monotonic(), 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(int((time.monotonic() - begin) * rate) - done):
            connection = connections[done % count]
            connection.sendall(b"q" * 100)
            connection.recv(1000)
            done += 1
        time.sleep(0.001)


where = (sys.argv[2], int(sys.argv[3]))
if sys.argv[1] == "serve":
    serve(where)
else:
    connect(where, int(sys.argv[4]), float(sys.argv[5]))
