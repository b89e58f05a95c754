#!/usr/bin/env python3
"""Starts a server with sockets that it did not open itself, as inetd, systemd and connection brokers do.

Usage: launch.py WAY LIBRARY|- PROGRAM [ARGUMENT]...

The launcher knows nothing of the library; only PROGRAM gets it as LD_PRELOAD (`-`: it does not). Prints `port N`.

inetd       accepts one connection and starts PROGRAM with it as descriptors 0, 1 and 2
listener    starts PROGRAM with the listener as descriptor 3, LISTEN_FDS=1 and LISTEN_PID
queue       the same, but only after two connections wait in the accept queue
connection  accepts one connection and starts PROGRAM with it as descriptor 3, LISTEN_FDS and LISTEN_PID likewise (that is
            what systemd does with Accept=yes)
broker      accepts connections and sends each over an AF_UNIX socket, descriptor 3 of PROGRAM

PROGRAM ends with the launcher, and the launcher when its standard input ends.
"""

import ctypes
import os
import select
import signal
import socket
import sys
import threading
import time

PR_SET_PDEATHSIG = 1


def start(program, library, fds, environment):
    """Forks and executes the program with these descriptors as 0, 1, 2, 3 (None: leave it)."""
    child = os.fork()
    if child:
        return child
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number, fd in enumerate(fds):
        if fd is not None:
            if fd == number:
                os.set_inheritable(fd, True)
            else:
                os.dup2(fd, number)
    if library != "-":
        os.environ["LD_PRELOAD"] = library
    if environment:
        os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
    os.execvp(program[0], program)


def wait_for_queue(listener, length):
    """Waits until this many connections can be accepted: tcpi_unacked of a listener is the length of its queue."""
    while listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 28)[24] < length:
        time.sleep(0.005)


def end_with_input():
    while os.read(0, 4096):
        pass
    os._exit(0)


def main():
    way, library, program = sys.argv[1], sys.argv[2], sys.argv[3:]
    threading.Thread(target=end_with_input, daemon=True).start()
    listener = socket.create_server(("127.0.0.1", 0), backlog=8)
    print("port", listener.getsockname()[1], flush=True)
    # Descriptor 3 may be the listener itself, which dup2 onto 3 would close: all of them move out of the way.
    high = os.dup2(listener.fileno(), 100)
    if way == "listener":
        child = start(program, library, [None, None, None, high], True)
    elif way == "queue":
        wait_for_queue(listener, 2)
        child = start(program, library, [None, None, None, high], True)
    elif way in ("inetd", "connection"):
        accepted, _ = listener.accept()
        connection = os.dup2(accepted.fileno(), 101)
        accepted.close()
        fds = [connection] * 3 if way == "inetd" else [None, None, None, connection]
        child = start(program, library, fds, way == "connection")
        os.close(connection)
    elif way == "broker":
        ours, theirs = socket.socketpair()
        child = start(program, library, [None, None, None, os.dup2(theirs.fileno(), 101)], False)
        while True:
            # One connection at a time is served; the next is sent when the child has room for it.
            connection, _ = listener.accept()
            select.select([], [ours], [])
            socket.send_fds(ours, [b"c"], [connection.fileno()])
            connection.close()
    else:
        raise SystemExit(f"launch.py: no way {way}")
    os.waitpid(child, 0)


if __name__ == "__main__":
    main()
