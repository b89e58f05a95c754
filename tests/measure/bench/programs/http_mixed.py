#!/usr/bin/env python3
"""Asks a server for a random mixture on several connections at once, and tells how long each answer took.

Usage: http_mixed.py HOST PORT CONNECTIONS ANSWERS FILE METHOD:PATH...

Each connection has a thread; a request is one of METHOD:PATH. Writes seconds, as doubles, to FILE.
"""

import array
import http.client
import random
import sys
import threading
import time


def ask(address, answers, choices, seed, took):
    """The requests of one connection."""
    connection, choose = http.client.HTTPConnection(*address, timeout=30), random.Random(seed)
    for _ in range(answers):
        method, path = choose.choice(choices)
        # waitress closes the connection after a HEAD and does not say so: once more, on a new one.
        for again in (True, False):
            try:
                begin = time.perf_counter()
                connection.request(method, path)
                answer = connection.getresponse()
                break
            except ConnectionError:
                connection.close()
                if not again:
                    raise
        answer.read()
        took.append(time.perf_counter() - begin)
        if answer.status != 200:
            raise ValueError(f"http_mixed: status {answer.status}")


def main():
    """Asks and writes."""
    address, connections, answers = (sys.argv[1], int(sys.argv[2])), int(sys.argv[3]), int(sys.argv[4])
    choices = [choice.split(":") for choice in sys.argv[6:]]
    took = array.array("d")
    threads = [threading.Thread(target=ask, args=(address, answers // connections, choices, seed, took))
               for seed in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) != answers // connections * connections:
        sys.exit("http_mixed: answers are missing")
    with open(sys.argv[5], "wb") as file:
        took.tofile(file)


main()
