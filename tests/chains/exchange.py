"""An ordinary network program in Python: http, asyncio, threads, a subprocess, sendfile, over loopback.

Prints facts only, never a time or a port. Hazard: as exchange.c, with the calls that Python makes.
"""
import asyncio
import hashlib
import http.client
import http.server
import os
import select
import socket
import socketserver
import subprocess
import tempfile
import threading

BODY = bytes(range(256)) * 120


def digest(data):
    return hashlib.sha256(data).hexdigest()[:16]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        got = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(got) + len(BODY)))
        self.end_headers()
        self.wfile.write(got)
        self.wfile.write(BODY)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        # Without the name of the host, for which http.server asks the resolver.
        socketserver.TCPServer.server_bind(self)


def http_exchanges():
    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=20)
    for number in range(10):
        connection.request("POST", "/", body=BODY[: number * 400])
        answer = connection.getresponse()
        print("http", answer.status, digest(answer.read()))
    connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


async def asyncio_exchanges():
    async def serve(reader, writer):
        while data := await reader.read(65536):
            for start in range(0, len(data), 700):
                writer.write(data[start : start + 700])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def visit(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        got = b""
        for _ in range(8):
            writer.write(b"header")
            writer.write(BODY[: 300 * number])
            await writer.drain()
            got += await reader.readexactly(6 + 300 * number)
        writer.close()
        await writer.wait_closed()
        return digest(got)

    print("asyncio", await asyncio.gather(*(visit(number) for number in range(5))))
    server.close()
    await server.wait_closed()
    process = await asyncio.create_subprocess_exec("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print("asyncio subprocess", await process.communicate(b"through cat"))


def read_exactly(sock, length):
    got = b""
    while len(got) < length and (piece := sock.recv(length - len(got))):
        got += piece
    return got


def sockets():
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname(), timeout=20)
    server, _ = listener.accept()
    server.settimeout(20)
    print("nodelay", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    print("nodelay", client.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
    with tempfile.TemporaryFile() as file:
        file.write(BODY)
        file.flush()
        for number in range(8):
            client.sendall(b"header")
            file.seek(0)
            print("sendfile", client.sendfile(file, 0, 1000 * (number + 1)))
            print(digest(read_exactly(server, 6 + 1000 * (number + 1))))
            server.sendall(b"ok")
            print("answer", client.recv(10), len(select.select([client], [], [], 0)[0]))
    copy = client.dup()
    client.close()
    copy.sendall(b"first, ")
    child = os.fork()
    if child == 0:
        copy.sendall(b"child, ")
        os._exit(3)
    print("child", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    copy.sendall(b"last")
    copy.close()
    print(server.makefile("rb").read())
    server.close()
    port = listener.getsockname()[1]
    listener.close()
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5)
    except OSError as error:
        print("nobody there", type(error).__name__)


def main():
    sockets()
    http_exchanges()
    asyncio.run(asyncio_exchanges())
    print(subprocess.run(["cat"], input=b"done", capture_output=True, check=True).stdout)


main()
