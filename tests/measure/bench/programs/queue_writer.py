#!/usr/bin/env python3
"""A thread writes each message that it takes from a queue, which the main thread fills at a steady rate.

Usage: queue_writer.py HOST PORT RATE COUNT. The far end is c/sink.c: 100-byte messages that begin with the time.
"""

import queue
import socket
import struct
import sys
import threading
import time


def main():
    """Sends all messages."""
    connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    rate, count = int(sys.argv[3]), int(sys.argv[4])
    messages = queue.Queue()

    def write():
        for _ in range(count):
            connection.sendall(messages.get())

    writer = threading.Thread(target=write)
    writer.start()
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0, begin + number / rate - time.monotonic()))
        messages.put(struct.pack("<q", time.monotonic_ns()) + bytes(92))
    writer.join()


main()
