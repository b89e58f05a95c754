#!/usr/bin/env python3
"""The main thread writes one to three pieces and waits for an event that a reader thread sets (the shape of paramiko). The event is a
lock of the interpreter, which a library does not see. usage: condvar.py TURNS [PAUSE_MS]"""
import random
import sys
import threading
import time

sys.path.insert(0, __file__.rpartition("/")[0] + "/lang")
import field

turns = int(sys.argv[1])
pause = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0
connection = field.connect()
wanted = threading.Event()
lock = threading.Lock()
missing = 0


def reader():
    global missing
    while data := connection.recv(65536):
        with lock:
            missing -= len(data)
            if missing <= 0:
                wanted.set()


threading.Thread(target=reader, daemon=True).start()
choose = random.Random(3)
for _ in range(turns):
    pieces = choose.choice((1, 2, 2, 2, 2, 2, 2, 3))
    with lock:
        missing = len(field.ANSWER) * pieces
        wanted.clear()
    for _ in range(pieces):
        connection.sendall(field.message(field.ASKS))
    wanted.wait()
    if pause:
        time.sleep(pause)
