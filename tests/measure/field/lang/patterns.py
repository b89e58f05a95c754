#!/usr/bin/env python3
"""The core patterns in Python: `paced COUNT GAP_US`, paced by an event that never comes; `queue COUNT MEAN PAUSE_US`, a thread that writes
what it takes from a queue.Queue; `exchange COUNT PIECES`, pieces and then the answer; `asyncio COUNT PIECES`, the same by streams."""
import asyncio
import os
import queue
import random
import sys
import threading
import time

import field


def paced(count, gap):
    connection, never = field.connect(), threading.Event()
    for _ in range(count):
        connection.sendall(field.message(field.TIMED))
        never.wait(gap / 1e6)


def queued(count, mean, pause):
    connection, messages = field.connect(), queue.Queue()

    def write():
        for begun in iter(messages.get, None):
            connection.sendall(field.message(field.TIMED, begun))

    writer = threading.Thread(target=write)
    writer.start()
    choose = random.Random(1)
    while count > 0:
        while count > 0:
            messages.put(time.monotonic_ns())
            count -= 1
            if not choose.randrange(mean):
                break
        time.sleep(pause / 1e6)
    messages.put(None)
    writer.join()


def exchange(count, pieces):
    connection = field.connect()
    for _ in range(count):
        begun = time.monotonic_ns()
        for k in range(pieces):
            connection.sendall(field.message(field.ASKS if k == pieces - 1 else field.UNTIMED, begun))
        connection.recv(len(field.ANSWER))


async def streams(count, pieces):
    reader, writer = await asyncio.open_connection(os.environ["FIELD_ADDRESS"], os.environ["FIELD_PORT"])
    for _ in range(count):
        begun = time.monotonic_ns()
        for k in range(pieces):
            writer.write(field.message(field.ASKS if k == pieces - 1 else field.UNTIMED, begun))
            await writer.drain()
        await reader.readexactly(len(field.ANSWER))
    writer.close()


pattern, *numbers = sys.argv[1], *map(int, sys.argv[2:])
if pattern == "asyncio":
    asyncio.run(streams(*numbers))
else:
    {"paced": paced, "queue": queued, "exchange": exchange}[pattern](*numbers)
