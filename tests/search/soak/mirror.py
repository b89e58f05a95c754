"""A server that sends every frame back, in two calls, and at the end of a stream the hash of all that it has received."""

import hashlib
import socket
import socketserver
import struct
import sys

END = 0xFFFFFFFF


class Stream(socketserver.BaseRequestHandler):
    def exactly(self, length):
        data = b""
        while len(data) < length:
            piece = self.request.recv(length - len(data))
            if not piece:
                raise ConnectionResetError
            data += piece
        return data

    def handle(self):
        got = hashlib.sha256()
        try:
            while True:
                head = self.exactly(4)
                (length,) = struct.unpack("!I", head)
                if length == END:
                    break
                frame = self.exactly(length)
                got.update(frame)
                self.request.sendall(head)
                self.request.sendall(frame)
            self.request.sendall(got.digest())
        except OSError:
            pass  # the peer has gone: that is what the soak is about


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64


Server(("0.0.0.0", int(sys.argv[1])), Stream).serve_forever()
