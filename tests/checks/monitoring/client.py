"""Asks a web server again and again, ten times on each connection, until it ends: PORT PAUSE (seconds, between requests)."""

import http.client
import sys
import time

port, pause = int(sys.argv[1]), float(sys.argv[2])
while True:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    for _ in range(10):
        connection.request("GET", "/")
        connection.getresponse().read()
        time.sleep(pause)
    connection.close()
