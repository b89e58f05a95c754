#!/usr/bin/env python3
"""serve.c's `receive N` in Python: connections come over the AF_UNIX socket N through socket.recv_fds.

Answers every line with two sends; the second tells TCP_NODELAY: `kernel=K libc=L`. The kernel's word comes through
libc's syscall(), which passes by every hook on getsockopt.
"""

import ctypes
import platform
import socket
import sys

SYS_GETSOCKOPT = {"x86_64": 55, "aarch64": 209}[platform.machine()]


def kernel_nodelay(fd):
    value, length = ctypes.c_int(-1), ctypes.c_uint(4)
    made = ctypes.CDLL(None).syscall(
        SYS_GETSOCKOPT, fd, socket.IPPROTO_TCP, socket.TCP_NODELAY, ctypes.byref(value), ctypes.byref(length))
    return -1 if made else value.value


def main():
    channel = socket.socket(fileno=int(sys.argv[2]))
    while True:
        data, fds, _, _ = socket.recv_fds(channel, 1, 1)
        if not data:
            return
        with socket.socket(fileno=fds[0]) as connection:
            while connection.recv(256):
                libc = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                connection.send(b"reply: ")
                connection.send(b"kernel=%d libc=%d\n" % (kernel_nodelay(connection.fileno()), libc))


if __name__ == "__main__":
    main()
