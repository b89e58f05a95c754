#!/usr/bin/env python3
"""Gets a page again and again on one keep-alive connection; prints the median time in milliseconds.

Usage: http_get.py ADDRESS PORT PATH COUNT
"""

import http.client
import statistics
import sys
import time


def main():
    address, port, path, count = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    for _ in range(200):
        try:
            connection = http.client.HTTPConnection(address, port, timeout=10)
            connection.connect()
            break
        except ConnectionRefusedError:
            time.sleep(0.02)
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.perf_counter() - begin)
        if answer.status != 200 or not body:
            raise SystemExit(f"GET {path}: {answer.status}")
    # A fresh connection does not stall yet.
    print(f"{statistics.median(times[3:]) * 1000:.3f}")


if __name__ == "__main__":
    main()
