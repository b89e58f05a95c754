"""The messages that tests/measure/field/arrival.c understands (see sender.h there), for the programs in Python."""
import os
import socket
import time

TIMED, ASKS, UNTIMED = "t", "a", "u"
ANSWER = b"answered.\n"


def connect():
    """A connection to arrival."""
    return socket.create_connection((os.environ["FIELD_ADDRESS"], int(os.environ["FIELD_PORT"])))


def message(kind, since=None):
    """A message that begins now, or began at this time."""
    return b"%019d%s%79s\n" % (since or time.monotonic_ns(), kind.encode(), b"")
