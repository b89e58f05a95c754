"""Many connections over loopback that never stall: `crowd.py CONNECTIONS EXCHANGES_PER_SECOND`.

One process listens, another connects; each exchange is one small piece and its answer, on the next connection in turn. Prints
"ready" when all are open, and ends with its standard input."""

import os
import resource
import select
import socket
import sys
import time

count, rate = int(sys.argv[1]), float(sys.argv[2])
limit = count + 100
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)


def serve():
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    connections = {}
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                connection, _ = listener.accept()
                connections[connection.fileno()] = connection
                poll.register(connection, select.EPOLLIN)
                continue
            if not connections[number].recv(100):
                os._exit(0)
            connections[number].sendall(b"a" * 200)


if os.fork() == 0:
    serve()
address = listener.getsockname()
listener.close()
connections = [socket.create_connection(address) for _ in range(count)]
print("ready", flush=True)
begin, done = time.monotonic(), 0
while not select.select([sys.stdin], [], [], 0)[0]:
    for _ in range(int((time.monotonic() - begin) * rate) - done):
        connection = connections[done % count]
        connection.sendall(b"q" * 100)
        connection.recv(300)
        done += 1
    time.sleep(0.001)
