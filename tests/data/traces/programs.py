"""The programs that record.py records: each is started, driven over loopback, and ended by its own id."""

import pathlib
import random
import re
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BENCH = ROOT / "tests/measure/bench/c"
# A pause in a trace is to be the program's own, not the machine's.
FIRST = ("nice", "-n", "-20")
# Events kept of each trace.
MOST = 12_000


def free_port():
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A program under the recorder (or not: `environment` None); ended when the block is left."""

    def __init__(self, recording, argv, port=None, record=True, **more):
        environment = recording.environment if record else None
        argv = [*FIRST, *argv]
        self.process = subprocess.Popen([str(word) for word in argv], env=environment, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE if port is None else subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True, text=True, **more)
        self.port = port

    def __enter__(self):
        until = time.monotonic() + 20
        while self.port is not None:
            # Looked up, not tried: a trial connection would be in the trace.
            listening = f":{self.port:04X} 00000000:0000 0A "
            tables = (pathlib.Path(f"/proc/net/{name}").read_text() for name in ("tcp", "tcp6"))
            if any(listening in table or f":{self.port:04X} {'0' * 32}:0000 0A " in table for table in tables):
                break
            if time.monotonic() > until or self.process.poll() is not None:
                self.__exit__()
                sys.exit(f"record: {self.process.args[0]} does not listen")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        # What it still had to do after its last answer is part of the trace.
        time.sleep(0.2)
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Client:
    """One connection that asks and reads whole answers."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        """Sends in one call."""
        self.socket.sendall(data)

    def take(self, count):
        """Reads so many bytes."""
        while len(self.buffer) < count:
            self._more()
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def http(self, path, method="GET", last=False):
        """One HTTP exchange; False where the server then closes."""
        word = "close" if last else "keep-alive"
        self.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: {word}\r\n\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, _ = self.buffer.partition(b"\r\n\r\n")
        self.take(len(head) + 4)
        length = re.search(rb"content-length: *(\d+)", head.lower())
        if method != "HEAD" and length:
            self.take(int(length[1]))
        return b"connection: close" not in head.lower()

    def _more(self):
        more = self.socket.recv(1 << 16)
        if not more:
            raise ConnectionError("the server closed")
        self.buffer += more

    def close(self):
        """Ends the connection."""
        self.socket.close()


def compiled(recording, name):
    """One of the benches' C programs."""
    binary = recording.directory / name
    subprocess.run(("gcc", "-O2", "-o", binary, BENCH / f"{name}.c", "-lpthread"), check=True)
    return binary


def documents(recording, *sizes):
    """A directory with a file of each size, named by it."""
    directory = recording.directory / "www"
    directory.mkdir()
    recording.directory.chmod(0o755)
    directory.chmod(0o755)
    for size in sizes:
        (directory / str(size)).write_bytes(b"x" * size)
    return directory


def keep_alive(port, paths, each=1):
    """All requests on one connection, or `each` requests a connection."""
    if each == 1:
        for method, path in paths:
            client = Client(port)
            client.http(path, method, last=True)
            client.close()
        return
    for start in range(0, len(paths), each):
        client = Client(port)
        for method, path in paths[start:start + each]:
            if not client.http(path, method):
                client.close()
                client = Client(port)
        client.close()


def gets(path, count):
    """The same GET so many times."""
    return [("GET", path)] * count


def mixed(paths, count, seed=1):
    """A fixed random order of (method, path, weight)."""
    order = random.Random(seed)
    return [(method, path) for method, path in
            order.choices([(m, p) for m, p, _ in paths], [w for _, _, w in paths], k=count)]


def imaplib_append(recording):
    with Running(recording, [sys.executable, ROOT / "tests/programs/cyrus_server.py"], record=False) as cyrus:
        account = cyrus.process.stdout.readline().split()[1:]
        subprocess.run([*FIRST, sys.executable, ROOT / "tests/programs/migrate_imap.py", *account, "300"],
                       env=recording.environment, check=True, stdout=subprocess.DEVNULL)
    return "Python imaplib, APPEND of 300 mails to Cyrus IMAP (the client)"


def header_sendfile(recording, paths, each, title, *options):
    port = free_port()
    with Running(recording, [compiled(recording, "header_body"), "--port", port, *options], port):
        keep_alive(port, paths, each)
    return title


def http_server(recording, paths, each, title):
    port = free_port()
    root = documents(recording, 100, 1_000, 50_000)
    argv = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "--protocol", "HTTP/1.1",
            "--directory", root]
    with Running(recording, argv, port):
        keep_alive(port, paths, each)
    return title


def nginx(recording, paths, each, title):
    port, root, at = free_port(), documents(recording, 0, 1_000, 20_000), recording.directory
    config = at / "nginx.conf"
    temporary = " ".join(f"{name}_temp_path {at}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config.write_text(f"daemon off; worker_processes 1; pid {at}/pid; error_log stderr; events {{}} http {{ access_log off; "
                      f"sendfile on; tcp_nopush off; keepalive_requests 100000; {temporary} "
                      f"server {{ listen 127.0.0.1:{port}; root {root}; }} }}")
    with Running(recording, ["nginx", "-e", "stderr", "-p", at, "-c", config], port):
        keep_alive(port, paths, each)
    return title


def lighttpd(recording):
    port, root = free_port(), documents(recording, 1_000, 20_000)
    config = recording.directory / "lighttpd.conf"
    config.write_text(f'server.document-root = "{root}"\nserver.port = {port}\nserver.bind = "127.0.0.1"\n'
                      "server.max-keep-alive-requests = 65535\n")
    with Running(recording, ["lighttpd", "-D", "-f", config], port):
        keep_alive(port, mixed([("GET", "/1000", 1), ("GET", "/20000", 1)], 400), 400)
    return "lighttpd, keep-alive GETs of 1,000 and 20,000 bytes (it corks by itself)"


def apache(recording):
    port, root, at = free_port(), documents(recording, 1_000, 20_000), recording.directory
    config = at / "apache.conf"
    config.write_text(f"""
ServerRoot {at}
PidFile {at}/pid
DefaultRuntimeDir {at}
ErrorLog /dev/null
ServerName traces
Listen 127.0.0.1:{port}
DocumentRoot {root}
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
User www-data
Group www-data
ServerLimit 1
StartServers 1
ThreadsPerChild 25
MaxRequestWorkers 25
MaxKeepAliveRequests 0
EnableSendfile on
""")
    with Running(recording, ["apache2", "-D", "FOREGROUND", "-f", config], port):
        keep_alive(port, mixed([("GET", "/1000", 1), ("GET", "/20000", 1)], 400), 400)
    return "Apache, EnableSendfile on, keep-alive GETs of 1,000 and 20,000 bytes"


def redis(recording):
    port = free_port()
    argv = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", recording.directory]
    with Running(recording, argv, port):
        client = Client(port)
        client.send(b"SET k " + b"v" * 100 + b"\r\n")
        client.take(5)
        for _ in range(400):
            client.send(b"GET k\r\n")
            client.take(6 + 100 + 2)
        for _ in range(20):
            client.send(b"GET k\r\n" * 16)
            client.take(16 * (6 + 100 + 2))
        client.close()
    return "redis, 400 GETs one by one, then 20 pipelines of 16"


def mosquitto(recording):
    port = free_port()
    config = recording.directory / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    with Running(recording, ["mosquitto", "-c", config], port):
        client = Client(port)
        client.send(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench")
        client.take(4)
        client.send(b"\x82\x06\x00\x01\x00\x01t\x00")
        client.take(5)
        for _ in range(400):
            client.send(b"\x32\x19\x00\x01t\x00\x02" + b"x" * 20)
            client.take(4 + 2 + 23)
        client.close()
    return "mosquitto, 400 publishes of QoS 1 to a topic that the publisher reads: two replies each"


def haproxy_stream(recording):
    port, backend = free_port(), free_port()
    config = recording.directory / "haproxy.cfg"
    config.write_text(f"defaults\n mode http\n timeout connect 5000\n timeout client 50000\n timeout server 50000\n"
                      f"frontend web\n bind 127.0.0.1:{port}\n default_backend tokens\n"
                      f"backend tokens\n server one 127.0.0.1:{backend}\n")
    sse = compiled(recording, "sse")
    with Running(recording, [sse, "serve", backend, 20, 5], backend, record=False):
        with Running(recording, ["haproxy", "-db", "-f", config], port):
            subprocess.run([sse, "read", "127.0.0.1", str(port), "20", "10"], check=True, stdout=subprocess.DEVNULL)
    return "HAProxy with its defaults relaying 10 streams of 20 tokens, 5 ms apart (it holds by itself)"


def token_stream(recording):
    port, sse = free_port(), compiled(recording, "sse")
    with Running(recording, [sse, "serve", port, 20, 5], port):
        subprocess.run([sse, "read", "127.0.0.1", str(port), "20", "20"], check=True, stdout=subprocess.DEVNULL)
    return "a server of 20 streams of 20 tokens, 5 ms apart"


PERL = """
use HTTP::Daemon; use HTTP::Response;
my $daemon = HTTP::Daemon->new(LocalAddr => '127.0.0.1', LocalPort => $ARGV[0], ReuseAddr => 1) or die;
while (my $client = $daemon->accept) {
    while (my $request = $client->get_request) {
        $client->send_response(HTTP::Response->new(200, 'OK', ['Content-Type' => 'text/plain'], 'x' x 1000));
    }
    $client->close;
}
"""


def perl_daemon(recording):
    port = free_port()
    with Running(recording, ["perl", "-e", PERL, port], port):
        keep_alive(port, gets("/", 300), 30)
    return "Perl HTTP::Daemon, send_response of 1,000 bytes, 30 requests a connection"


URLLIB = """
import sys, urllib.request
for n in range(200):
    data = b"x" * 300 if n % 3 else None
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/1000", data).read()
"""
HTTP_CLIENT = """
import sys, http.client
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for n in range(300):
    if n % 4 == 3:
        connection.request("GET", "/1000")
    else:
        connection.request("POST", "/1000", b"x" * 300)
    connection.getresponse().read()
"""
ANSWERING = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    do_GET = do_POST
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def python_client(recording, script, title):
    port = free_port()
    with Running(recording, [sys.executable, "-c", ANSWERING, port], port, record=False):
        subprocess.run([*FIRST, sys.executable, "-c", script, str(port)], env=recording.environment, check=True)
    return title


def tiny_writes(recording):
    port, program = free_port(), compiled(recording, "tiny_writes")
    with Running(recording, [program, "serve", port, 1_000 * 50], port, record=False):
        subprocess.run([*FIRST, program, "send", "127.0.0.1", str(port), "1000", "50", "4"], env=recording.environment,
                       check=True, stdout=subprocess.DEVNULL)
    return "four bursts of 1,000 writes of 50 bytes, a wait after each"


HEADS = [("GET", "/500", 3), ("GET", "/0", 1)]
WEB = [("GET", "/1000", 6), ("HEAD", "/1000", 3), ("GET", "/missing", 1)]
PROGRAMS = {
    "imaplib-append": imaplib_append,
    "sendfile-keepalive": lambda r: header_sendfile(
        r, gets("/500", 400), 400, "C server, header and sendfile of 500 bytes, one connection"),
    "sendfile-one-request": lambda r: header_sendfile(
        r, gets("/5000", 300), 1, "C server, header and sendfile of 5,000 bytes, a connection per request"),
    "sendfile-chunks": lambda r: header_sendfile(
        r, gets("/30000", 120), 120, "C server, header and a body of 30,000 bytes in sendfile calls of 3,000", "--chunk", 3000),
    "sendfile-some-bodies": lambda r: header_sendfile(
        r, mixed(HEADS, 3_000), 3_000, "C server, one response in four has no body (in random order)"),
    "python-http-server": lambda r: http_server(
        r, gets("/1000", 300), 300, "python3 -m http.server, keep-alive GETs of 1,000 bytes"),
    "python-http-mixed": lambda r: http_server(
        r, mixed(WEB, 1_500), 50, "python3 -m http.server, GET, HEAD and missing files in random order, 50 a connection"),
    "nginx": lambda r: nginx(r, gets("/1000", 500), 500, "nginx, tcp_nopush off, keep-alive GETs of 1,000 bytes"),
    "nginx-mixed": lambda r: nginx(
        r, mixed([("GET", "/1000", 6), ("HEAD", "/1000", 3), ("GET", "/20000", 3), ("GET", "/missing", 1)], 3_000), 20,
        "nginx, tcp_nopush off, GET of two sizes, HEAD and missing files in random order, 20 a connection"),
    "lighttpd": lighttpd,
    "apache": apache,
    "redis": redis,
    "mosquitto": mosquitto,
    "haproxy-stream": haproxy_stream,
    "token-stream": token_stream,
    "perl-http-daemon": perl_daemon,
    "urllib-client": lambda r: python_client(
        r, URLLIB, "Python urllib client, a connection per request, two of three with a body"),
    "http-client-keepalive": lambda r: python_client(
        r, HTTP_CLIENT, "Python http.client, one connection, three of four requests with a body"),
    "tiny-writes": tiny_writes,
}
