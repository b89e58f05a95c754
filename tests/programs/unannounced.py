"""unannounced.py LIBRARY|-: passes an open connection to a child over exec, under a number that nothing announces; the
child, under the library, sends on it once. Prints the kernel's TCP_NODELAY of that connection before and after."""
import os
import socket
import subprocess
import sys

CHILD = "import socket, sys; socket.socket(fileno=int(sys.argv[1])).send(b'x')"

listener = socket.create_server(("127.0.0.1", 0))
near = socket.create_connection(listener.getsockname())
far, _ = listener.accept()


def state():
    return near.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


before = state()
environment = dict(os.environ)
if sys.argv[1] != "-":
    environment["LD_PRELOAD"] = sys.argv[1]
number = near.fileno()
subprocess.run([sys.executable, "-c", CHILD, str(number)], pass_fds=[number], env=environment, check=True, timeout=20)
assert far.recv(2) == b"x"
print(before, state())
