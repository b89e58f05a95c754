"""Python's own network stack: asyncio, socketserver, http, subprocess, multiprocessing, ctypes, selectors, sendfile.

Prints facts only, never a time. Hazard: every wrapper that Python puts around a socket call, exercised together.
"""
import asyncio
import ctypes
import hashlib
import http.client
import http.server
import multiprocessing
import os
import selectors
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading

BODY = bytes(range(256)) * 300


def pair():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    listener.close()
    return client, server


def bursts(client, server, rounds=8):
    """Header and body in two calls, so that there is something to learn."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(rounds):
        client.sendall(b"header")
        client.sendall(b"body")
        got = b""
        while len(got) < 10:
            got += server.recv(10 - len(got))
        assert got == b"headerbody"
        server.sendall(b"ok")
        assert client.recv(2) == b"ok"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(BODY)

    do_HEAD = do_GET

    def do_POST(self):
        got = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204 if not got else 200)
        text = hashlib.sha256(got).hexdigest().encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def http_program():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    connection = http.client.HTTPConnection(*server.server_address)
    for i in range(12):
        method = ["GET", "HEAD", "POST"][i % 3]
        connection.request(method, "/", body=BODY[: i * 1000] if method == "POST" else None)
        reply = connection.getresponse()
        print("http", method, reply.status, hashlib.sha256(reply.read()).hexdigest()[:16])
    connection.close()
    server.shutdown()
    server.server_close()


async def asyncio_program():
    async def serve(reader, writer):
        while data := await reader.read(65536):
            for i in range(0, len(data), 7000):
                writer.write(data[i : i + 7000])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)

    async def visit(number):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        digest = hashlib.sha256()
        for i in range(10):
            writer.write(b"head %d" % i)
            writer.write(BODY[: 500 * number])
            await writer.drain()
            if i % 3 == 0:
                await asyncio.sleep(0.002)
            digest.update(await reader.readexactly(6 + 500 * number))
        writer.close()
        await writer.wait_closed()
        return digest.hexdigest()[:16]

    print("asyncio", await asyncio.gather(*(visit(n) for n in range(6))))
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    with tempfile.TemporaryFile() as file:
        file.write(BODY)
        file.flush()
        writer.write(b"header")
        await writer.drain()
        sent = await loop.sendfile(writer.transport, file, 100, 5000)
        print("asyncio sendfile", sent, hashlib.sha256(await reader.readexactly(6 + sent)).hexdigest()[:16])
    writer.close()
    server.close()
    process = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print("asyncio subprocess", await process.communicate(b"through cat"))


def sockets():
    client, server = pair()
    bursts(client, server)
    print("nodelay reads", server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    client.sendall(b"last")
    print("child gets it", subprocess.run(["cat"], stdin=server, capture_output=True, timeout=1).stdout if client.shutdown(socket.SHUT_WR) is None else "")
    client.close(), server.close()
    client, server = pair()
    bursts(client, server)
    with tempfile.TemporaryFile() as file:
        file.write(BODY)
        file.flush()
        client.sendall(b"header")
        print("sendfile", client.sendfile(file, 10, 30000), os.sendfile(client.fileno(), file.fileno(), 0, 100))
        got = b""
        while len(got) < 30106:
            got += server.recv(65536)
        print(hashlib.sha256(got).hexdigest()[:16])
    left, right = socket.socketpair()
    client.sendall(b"held?")
    socket.send_fds(left, [b"x"], [client.fileno()])
    message, fds, flags, _ = socket.recv_fds(right, 10, 4)
    copy = socket.socket(fileno=fds[0])
    client.close()
    copy.sendall(b" from the copy")
    copy.close()
    print(message, flags, server.makefile("rb").read())
    client, server = pair()
    client.setblocking(False)
    sent = 0
    try:
        while True:
            sent += client.send(BODY)
    except BlockingIOError as error:
        print("non-blocking", error.errno)
    client.settimeout(0.05)
    try:
        client.sendall(BODY * 100)
    except TimeoutError as error:
        print("timeout", type(error).__name__, error)
    try:
        client.recv(1)
    except TimeoutError as error:
        print("timeout", type(error).__name__, error)
    server.close()
    try:
        for _ in range(100):
            client.sendall(BODY)
    except OSError as error:
        print("peer gone", type(error).__name__)
    selector = selectors.DefaultSelector()
    client, server = pair()
    selector.register(server, selectors.EVENT_READ)
    print("selector", len(selector.select(0)), len(selector.select(0.01)))
    client.sendall(b"x")
    print("selector", len(selector.select(1)))


def through_libc():
    libc = ctypes.CDLL("libc.so.6", use_errno=True)
    client, server = pair()
    bursts(client, server)
    client.sendall(b"python, ")
    print("ctypes", libc.write(client.fileno(), b"libc, ", 6), libc.send(client.fileno(), b"end", 3, 0))
    print("ctypes", libc.write(-1, b"x", 1), ctypes.get_errno())
    print("ctypes", libc.close(client.fileno()))
    client.detach()
    print(server.makefile("rb").read())


def child(connection, server):
    connection.send([hashlib.sha256(server.recv(100)).hexdigest()[:16], os.getpid() > 0])
    server.sendall(b"from the process")


def processes():
    for method in ("fork", "spawn"):
        context = multiprocessing.get_context(method)
        client, server = pair()
        bursts(client, server)
        client.sendall(b"for the child")
        here, there = context.Pipe()
        process = context.Process(target=child, args=(there, server))
        process.start()
        print(method, here.recv(), client.recv(100))
        process.join()
        print(method, process.exitcode)


def main():
    sockets()
    http_program()
    asyncio.run(asyncio_program())
    through_libc()
    processes()
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.StreamRequestHandler) as server:
        print("closed", server.fileno() >= 0)
    print(subprocess.run([sys.executable, "-c", "print('child')"], capture_output=True, close_fds=True).stdout)


if __name__ == "__main__":
    main()
