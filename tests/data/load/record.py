#!/usr/bin/python3
"""Records what load tools print, for the tests of src/cli/ab/load: `record.py [NAME...]`, all that are there if none is given.

Servers and tools run on loopback, for some seconds each. From Debian: wrk, hey, ab (apache2-utils), pgbench (postgresql), redis-benchmark
(redis-tools), sysbench, with nginx-light, redis-server and postgresql as servers. Others are taken from PATH, or from directories in
LOAD_TOOLS (like PATH): wrk2 and memtier_benchmark are built from their repositories, `go install github.com/tsenart/vegeta/v12@latest`,
`cargo install oha`. A file is named for the tool, its version and what is special; a name's old files are removed."""

import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.environ.get("LOAD_TOOLS", "") + ":" + os.environ["PATH"]
NGINX = """
daemon off; pid %(dir)s/pid; error_log /dev/null; worker_processes 1;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path %(dir)s/body; proxy_temp_path %(dir)s/proxy; fastcgi_temp_path %(dir)s/fastcgi;
    uwsgi_temp_path %(dir)s/uwsgi; scgi_temp_path %(dir)s/scgi;
    server {
        listen 127.0.0.1:%(port)d;
        location / { return 200 "tcptune\\n"; }
        location /missing { return 404; }
    }
}
"""


def tool(*names):
    return next((found for found in (shutil.which(name, path=PATH) for name in names) if found), None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port):
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    sys.exit(f"record: nothing listens on port {port}")


@contextlib.contextmanager
def running(words, port, **options):
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        wait_for(port)
        yield
    finally:
        server.terminate()
        server.wait(20)


@contextlib.contextmanager
def http():
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        with open(f"{directory}/nginx.conf", "w", encoding="ascii") as conf:
            conf.write(NGINX % {"dir": directory, "port": port})
        with running([tool("nginx"), "-p", directory, "-c", f"{directory}/nginx.conf"], port):
            yield f"http://127.0.0.1:{port}/"


@contextlib.contextmanager
def redis():
    port = free_port()
    with running([tool("redis-server"), "--port", str(port), "--save", "", "--appendonly", "no"], port):
        yield str(port)


@contextlib.contextmanager
def postgres():
    port, binaries = free_port(), sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    with tempfile.TemporaryDirectory() as directory:
        shutil.chown(directory, "postgres")
        data = f"{directory}/data"
        as_user = {"user": "postgres", "group": "postgres", "cwd": directory}
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
        subprocess.run([f"{binaries}/initdb", "-D", data, "--no-sync", "-A", "trust"], **quiet, **as_user)
        with running([f"{binaries}/postgres", "-D", data, "-p", str(port), "-k", directory], port, **as_user):
            address = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
            subprocess.run([tool("pgbench"), *address, "-i", "-q", "postgres"], **quiet)
            yield address


def said(words):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    return done.stdout


def record(name, words, version, special=""):
    """What it prints, as it is; only paths of this machine and the port are not."""
    number = re.search(r"\d+\.\d+(\.\d+)*", version)
    version = number.group() if number else re.sub(r"\W+", "", version)
    for old in glob.glob(os.path.join(HERE, f"{name}-*{special}.txt")):
        if re.fullmatch(re.escape(name) + r"-[0-9a-z.]+" + re.escape(special) + r"\.txt", os.path.basename(old)):
            os.remove(old)
    file = f"{name}-{version}{special}.txt"
    text = said(words)
    with open(os.path.join(HERE, file), "w", encoding="utf-8", newline="") as out:
        out.write(text)
    print(file, len(text), "bytes")


def wrk():
    with http() as url:
        version = said([tool("wrk"), "-v"]).splitlines()[0]
        record("wrk", [tool("wrk"), "-t1", "-c4", "-d3s", "--latency", url], version)
        record("wrk", [tool("wrk"), "-t1", "-c4", "-d2s", url + "missing"], version, "-errors")


def wrk2():
    with http() as url:
        version = os.environ.get("WRK2_VERSION", "4.0.0")
        record("wrk2", [tool("wrk2"), "-t1", "-c4", "-d12s", "-R500", "--latency", url], version)


def oha():
    with http() as url:
        version = said([tool("oha"), "--version"])
        words = [tool("oha"), "--no-tui", "--no-color", "-z", "2s", "-c", "4"]
        record("oha", [*words, url], version)
        record("oha", [*words, "-q", "200", "--latency-correction", url + "missing"], version, "-errors")


def vegeta():
    with http() as url, tempfile.NamedTemporaryFile() as results:
        version = said([tool("vegeta"), "--version"])
        version = os.environ.get("VEGETA_VERSION", version)
        for target, special in ((url, ""), (url + "missing", "-errors")):
            attack = f"echo GET {target} | {tool('vegeta')} attack -rate=200 -duration=2s -output={results.name}"
            subprocess.run(["sh", "-c", attack], check=True)
            record("vegeta", [tool("vegeta"), "report", results.name], version, special)


def hey():
    with http() as url:
        version = said(["dpkg-query", "-W", "-f", "${Version}", "hey"])
        record("hey", [tool("hey"), "-z", "2s", "-c", "4", url], version)
        record("hey", [tool("hey"), "-n", "200", "-c", "4", url + "missing"], version, "-errors")
    record("hey", [tool("hey"), "-n", "20", "-c", "4", f"http://127.0.0.1:{free_port()}/"], version, "-refused")


def ab():
    with http() as url:
        version = said([tool("ab"), "-V"])
        record("ab", [tool("ab"), "-k", "-n", "2000", "-c", "4", url], version)
        record("ab", [tool("ab"), "-n", "200", "-c", "4", url + "missing"], version, "-errors")


def pgbench():
    with postgres() as address:
        version = said([tool("pgbench"), "--version"])
        words = [tool("pgbench"), *address, "-n", "-S", "-c", "4", "-T", "2"]
        record("pgbench", [*words, "postgres"], version)
        record("pgbench", [*words, "-R", "200", "postgres"], version, "-rate")


def redis_benchmark():
    with redis() as port:
        version = said([tool("redis-benchmark"), "--version"])
        words = [tool("redis-benchmark"), "-p", port, "-n", "20000", "-c", "8"]
        record("redis-benchmark", [*words, "-t", "get"], version)
        record("redis-benchmark", [*words, "-t", "get", "-q"], version, "-quiet")
        record("redis-benchmark", [*words, "-t", "get,set", "--csv"], version, "-csv")


def memtier_benchmark():
    with redis() as port:
        # A build from the repository has no number, but the commit.
        version = re.search(r"sha=(\w+)", said([tool("memtier_benchmark"), "--version"])).group(1)
        words = [tool("memtier_benchmark"), "-p", port, "-t", "1", "-c", "4", "--test-time", "2", "--hide-histogram"]
        record("memtier_benchmark", words, version)
        record("memtier_benchmark", [*words, "--print-percentiles", "50,90,99,99.9"], version, "-percentiles")


def sysbench():
    version = said([tool("sysbench"), "--version"])
    with postgres() as address:
        database = [f"--pgsql-host={address[1]}", f"--pgsql-port={address[3]}", "--pgsql-user=postgres", "--pgsql-db=postgres"]
        words = [tool("sysbench"), "oltp_point_select", "--db-driver=pgsql", *database, "--table-size=1000", "--threads=2"]
        said([*words, "prepare"])
        record("sysbench", [*words, "--time=2", "run"], version)
        record("sysbench", [*words, "--time=2", "--percentile=99", "--rate=200", "run"], version, "-rate")
    record("sysbench", [tool("sysbench"), "cpu", "--time=1", "run"], version, "-cpu")


ALL = [wrk, wrk2, oha, vegeta, hey, ab, pgbench, redis_benchmark, memtier_benchmark, sysbench]
NAMES = {one.__name__.replace("_b", "-b") if one is redis_benchmark else one.__name__: one for one in ALL}

for wanted in sys.argv[1:] or NAMES:
    if wanted not in NAMES:
        sys.exit(f"record: {wanted}: allowed are {', '.join(NAMES)}")
    if tool(wanted) is None:
        print(f"record: {wanted} is not installed: its files stay as they are", file=sys.stderr)
        continue
    NAMES[wanted]()
