#!/usr/bin/env python3
"""Asks a server again and again for one file and counts the data segments of its answers, from the first answer on.

Usage: http_pool.py HOST PORT PATH POOL ANSWERS

POOL connections; where there are several, one request in ten is made on a new connection, so that the server uses the numbers
of its descriptors again. Segments are what each connection's TCP_INFO says, so they are exact on a link without segment offload.
Prints one JSON line.
"""

import json
import random
import re
import socket
import struct
import sys
import time


def connect(address):
    """A connection that delays nothing by itself."""
    connection = socket.create_connection(address, timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def segments(connection):
    """tcpi_data_segs_in of a connection."""
    return struct.unpack_from("<I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 280), 152)[0]


def receive(connection):
    """Some bytes of an answer."""
    data = connection.recv(1 << 16)
    if not data:
        sys.exit("http_pool: the server closed inside an answer")
    return data


def exchange(connection, request):
    """One request and its whole answer."""
    connection.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n")[0]:
        sys.exit(f"http_pool: {head.decode(errors='replace')}")
    left = int(re.search(rb"content-length: *(\d+)", head, re.I)[1]) - len(body)
    while left > 0:
        left -= len(receive(connection))


def main():
    """Prints the counts."""
    address, path = (sys.argv[1], int(sys.argv[2])), sys.argv[3]
    pool, answers = int(sys.argv[4]), int(sys.argv[5])
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    choose = random.Random(1)
    connections = [connect(address) for _ in range(pool)]
    counted, took = 0, []
    for _ in range(answers):
        at = choose.randrange(pool)
        if pool > 1 and choose.random() < 0.1:
            counted += segments(connections[at])
            connections[at].close()
            connections[at] = connect(address)
        begin = time.perf_counter()
        exchange(connections[at], request)
        took.append(time.perf_counter() - begin)
    counted += sum(map(segments, connections))
    print(json.dumps({"answers": answers, "segments": counted, "took": took}))


main()
