"""A client of the soak: several threads that talk to one service, check every byte that comes back, and misbehave now and then.

Usage: client.py KIND HOST PORT SECONDS SEED DOWN [--from ADDRESS] [--threads N] [--account USER PASSWORD] [--bodies SIZE:SHA256,...]
While the file DOWN exists the service is being restarted and errors are expected. Prints one line of JSON at the end.
"""

import argparse
import hashlib
import imaplib
import json
import os
import random
import socket
import struct
import threading
import time

END = 0xFFFFFFFF


class Worker(threading.Thread):
    """One thread: does what its service offers until the time is up."""

    def __init__(self, options, seed):
        super().__init__()
        self.options, self.random = options, random.Random(seed)
        self.until = time.monotonic() + options.seconds
        self.counts = {"exchanges": 0, "bytes": 0, "wrong": 0, "resets": 0, "slow": 0, "left": 0, "restarts": 0,
                       "received": 0}
        self.errors, self.longest = [], 0.0
        self.socket = None

    def run(self):
        act = getattr(self, self.options.kind)
        while time.monotonic() < self.until:
            begin = time.monotonic()
            try:
                act()
                self.longest = max(self.longest, time.monotonic() - begin)
            except (OSError, EOFError, imaplib.IMAP4.error) as error:
                self.close()
                # A restart may have begun or ended a moment ago.
                if os.path.exists(self.options.down):
                    self.counts["restarts"] += 1
                    time.sleep(0.05)
                else:
                    self.errors.append(f"{type(error).__name__}: {error}")
                    time.sleep(0.05)

    def connect(self, buffer=None):
        """A connection, kept from the last exchange or new."""
        if self.socket is None:
            fresh = socket.socket()
            if buffer:
                fresh.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            fresh.settimeout(20)
            if self.options.source:
                fresh.bind((self.options.source, 0))
            fresh.connect((self.options.host, self.options.port))
            self.socket, self.pending = fresh, b""
        return self.socket

    def close(self, reset=False):
        if self.socket is not None:
            if reset:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
            self.socket = None

    def exactly(self, length):
        """So many bytes."""
        while len(self.pending) < length:
            self.more()
        data, self.pending = self.pending[:length], self.pending[length:]
        return data

    def line(self):
        while b"\r\n" not in self.pending:
            self.more()
        line, self.pending = self.pending.split(b"\r\n", 1)
        return line

    def more(self):
        data = self.receive(1 << 16)
        if not data:
            raise EOFError("the connection is closed")
        self.pending += data

    def receive(self, most):
        data = self.socket.recv(most)
        self.counts["received"] += len(data)
        return data

    def count(self, good, length):
        self.counts["exchanges"] += 1
        self.counts["bytes"] += length
        self.counts["wrong"] += not good

    def misbehaves(self):
        """What to do instead of an honest exchange, if anything."""
        return self.random.choices((None, "resets", "slow", "left"), (92, 3, 3, 2))[0]

    def http(self):
        fault = self.misbehaves()
        size = max(self.options.bodies) if fault else self.random.choice(list(self.options.bodies))
        if fault:
            self.close()
        own = self.connect(4096 if fault == "slow" else None)
        own.sendall(f"GET /{size} HTTP/1.1\r\nHost: soak\r\n".encode())
        if fault == "left":
            # Half a request, and gone.
            time.sleep(self.random.random() / 2)
            self.counts["left"] += 1
            return self.close()
        own.sendall(b"\r\n")
        if fault == "resets":
            self.receive(1000)
            self.counts["resets"] += 1
            return self.close(reset=True)
        if fault == "slow":
            # The server's buffers fill.
            self.counts["slow"] += 1
            time.sleep(self.random.random())
        keep, length = False, 0
        while head := self.line():
            if head.startswith(b"HTTP/"):
                keep = head.startswith(b"HTTP/1.1 200")
                if b" 200 " not in head + b" ":
                    raise OSError(head.decode())
            name, _, value = head.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
            if name.lower() == b"connection" and b"close" in value.lower():
                keep = False
        body = self.exactly(length)
        self.count(hashlib.sha256(body).hexdigest() == self.options.bodies[size], length)
        if not keep or fault:
            self.close()

    def redis(self):
        key = f"k{self.random.randrange(50)}-{threading.get_ident()}".encode()
        value = self.random.randbytes(self.random.choice((10, 500, 5_000, 100_000)))
        own = self.connect()
        # What a client leaves behind that is killed is gone in a moment.
        own.sendall(b"*4\r\n$5\r\nSETEX\r\n$%d\r\n%s\r\n$1\r\n5\r\n$%d\r\n" % (len(key), key, len(value)))
        fault = self.misbehaves()
        if fault in ("resets", "left"):
            self.counts[fault] += 1
            return self.close(reset=fault == "resets")
        own.sendall(value + b"\r\n")
        good = self.line() == b"+OK"
        own.sendall(b"*2\r\n$3\r\nGET\r\n" + b"$%d\r\n%s\r\n" % (len(key), key))
        good &= self.line() == b"$%d" % len(value)
        good &= self.exactly(len(value) + 2) == value + b"\r\n"
        self.count(good, 2 * len(value))

    def mirror(self):
        """A stream of frames that come back, hashed at both ends."""
        self.close()
        own = self.connect()
        sent, got = hashlib.sha256(), hashlib.sha256()
        for _ in range(self.random.randrange(1, 60)):
            frame = self.random.randbytes(self.random.choice((1, 20, 300, 1_448, 9_000)))
            own.sendall(struct.pack("!I", len(frame)))
            own.sendall(frame)
            sent.update(frame)
            (length,) = struct.unpack("!I", self.exactly(4))
            got.update(self.exactly(length))
            self.counts["bytes"] += 2 * length
        fault = self.misbehaves()
        if fault == "resets":
            self.counts["resets"] += 1
            return self.close(reset=True)
        own.sendall(struct.pack("!I", END))
        theirs = self.exactly(32)
        self.count(sent.digest() == got.digest() == theirs, 0)

    def imap(self):
        """Mails appended and read back."""
        with imaplib.IMAP4(self.options.host, self.options.port, timeout=20) as server:
            server.login(*self.options.account)
            box = f"INBOX/soak{time.time_ns()}-{os.getpid()}-{threading.get_ident() % 1000}"
            done(server.create(box))
            for _ in range(5):
                text = b"Subject: soak\r\n\r\n" + self.random.randbytes(500).hex().encode() + b"\r\n"
                done(server.append(box, None, None, text))
                if self.misbehaves() == "resets":
                    self.counts["resets"] += 1
                    server.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    server.sock.close()
                    return
                (last,) = done(server.select(box))
                answer = done(server.fetch(last.decode(), "(BODY.PEEK[])"))
                self.count(answer[0][1] == text, 2 * len(text))
            done(server.close())
            done(server.delete(box))


def done(answer):
    """What an IMAP command has answered, if it was done."""
    if answer[0] != "OK":
        raise imaplib.IMAP4.error(str(answer))
    return answer[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("http", "redis", "mirror", "imap"))
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("seed", type=int)
    parser.add_argument("down")
    parser.add_argument("--from", dest="source")
    parser.add_argument("--threads", type=int, default=3)
    parser.add_argument("--account", nargs=2)
    parser.add_argument("--bodies", default="")
    options = parser.parse_args()
    options.bodies = {int(size): sha for size, sha in (pair.split(":") for pair in options.bodies.split(",") if pair)}
    workers = [Worker(options, options.seed * 100 + n) for n in range(options.threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    counts = {name: sum(worker.counts[name] for worker in workers) for name in workers[0].counts}
    errors = [error for worker in workers for error in worker.errors]
    print(json.dumps(counts | {"errors": len(errors), "first": errors[:5], "longest": max(w.longest for w in workers)}))


main()
