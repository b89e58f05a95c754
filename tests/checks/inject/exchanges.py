"""A client that sends each message in two pieces and waits for the answer, and its server: what an untuned client of this kind
loses is a delayed acknowledgement each time. Prints what an exchange took, and where the library is mapped."""

import os
import socket
import time

listener = socket.create_server(("127.0.0.1", 4000))
if os.fork() == 0:
    connection = listener.accept()[0]
    for line in connection.makefile("rb"):
        connection.sendall(b"ok\n")
    os._exit(0)
client = socket.create_connection(("127.0.0.1", 4000))
begin = time.monotonic()
for _ in range(20):
    client.sendall(b"x" * 300)
    client.sendall(b"\n")
    client.recv(100)
print(f"{(time.monotonic() - begin) / 20 * 1000:.2f} ms each")
for line in open("/proc/self/maps"):
    if "tcptune" in line and "r-x" in line:
        print(line.split()[-1])
