"""What `tcptune doctor` says about real programs, against the truth: those that stall, and those that do not. Prints a table;
exits with 1 on a false alarm, on a stall that was missed, or on a predicted gain that is off by more than 20 %. `scripts/check doctor`
is the way in."""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import re
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import paced  # noqa: E402
from cases import corks_itself, haproxy_sse, imap_append, key_value, mosquitto, nginx, pgbench, python_http, ssh  # noqa: E402
from harness import build, library, load, net as network, process, rounds, table  # noqa: E402
from harness.net import SERVER  # noqa: E402
from harness.verdicts import grave, tcptune  # noqa: E402

PORT = 8080
# How far a predicted gain may be from the measured one.
OFF = 0.2
FOUND, NOTHING = 1, 0


@dataclasses.dataclass
class Case:
    """A program, how it is loaded, and the truth about it."""

    name: str
    argv: list
    port: int
    # Makes exchanges for about so many seconds, given the running server; gives the seconds of one.
    load: object
    # The kind of finding; None: nothing is wrong.
    truth: str = None
    # The server without the fault, by its own option.
    cured: list = None
    # What the proposal for upstream must name.
    proposal: str = ""
    cwd: str = None
    # Ways to look at it.
    ways: tuple = ("--pid", "command")
    # Runs beside the server.
    beside: object = contextlib.nullcontext


def http(net, size):
    """A load of GETs; gives the median: a machine that pauses must not decide."""
    body = build.body(size)

    def run(server, seconds):
        # Apache and lighttpd end a connection after 65,535 requests.
        result = load.load(net, server, get=f"/{size}", body=body, count=20_000, seconds=seconds)
        return result.median
    return run


def raw(net, **exchange):
    """A load of fixed requests."""
    def run(server, seconds):
        result = load.load(net, server, count=1_000_000, seconds=seconds, **exchange)
        return result.median
    return run


def stalled(net):
    """Programs with a known fault."""
    page = build.body(1_000)
    yield Case("python3 -m http.server", ["/usr/bin/python3", "-m", "http.server", PORT, "--protocol", "HTTP/1.1", "--directory",
                                          page.parent], PORT, http(net, 1_000), "nagle",
               ["/usr/bin/python3", "-c", python_http.BY_HAND, PORT, page.parent], "disable_nagle_algorithm")
    request, preamble = build.scratch() / "publish", build.scratch() / "subscribe"
    request.write_bytes(mosquitto.PUBLISH)
    preamble.write_bytes(mosquitto.CONNECT + mosquitto.SUBSCRIBE)
    yield Case("mosquitto 2, defaults", mosquitto.config("plain", ""), mosquitto.PORT,
               raw(net, request=request, expect=mosquitto.REPLIES, preamble=preamble, preamble_expect=9), "nagle",
               mosquitto.config("nodelay", "set_tcp_nodelay true\n"), "set_tcp_nodelay true")
    yield Case("nginx, tcp_nodelay off", nginx.command("off", page.parent, nodelay="off"), PORT, http(net, 1_000), "nagle",
               nginx.command("off", page.parent), "tcp_nodelay on")
    config = {name: build.scratch() / f"haproxy-{name}.cfg" for name in ("plain", "no-delay")}
    config["plain"].write_text(haproxy_sse.CONFIG)
    config["no-delay"].write_text(haproxy_sse.CONFIG.replace("mode http", "mode http\n    option http-no-delay"))

    def tokens(_server, seconds):
        streams = max(2, int(seconds / 0.15))
        output = process.client(net, [build.program("sse"), "read", SERVER, haproxy_sse.PORT, haproxy_sse.TOKENS, streams])
        delays = [delay for line in output.splitlines() for delay in json.loads(line)]
        return sum(delays) / len(delays)
    yield Case("HAProxy 2.6 streaming, defaults", ["haproxy", "-db", "-f", config["plain"]], haproxy_sse.PORT, tokens, "cork",
               ["haproxy", "-db", "-f", config["no-delay"]], "option http-no-delay",
               beside=lambda: process.Server(net, [build.program("sse"), "serve", haproxy_sse.BACKEND, haproxy_sse.TOKENS,
                                                   haproxy_sse.GAP_MS], haproxy_sse.BACKEND))
    static = build.scratch() / "static-server"
    subprocess.run(("gcc", "-O2", "-static", "-o", static, build.SOURCE / "header_body.c"), check=True)
    yield Case("a static C server, header and sendfile", [static, "--port", PORT, "--how", "plain"], PORT, http(net, 500), "nagle",
               [static, "--port", PORT, "--how", "nodelay"], "setsockopt")


def healthy(net):
    """Programs in which nothing is wrong."""
    page = build.body(1_000)
    root = page.parent
    yield Case("nginx, tcp_nopush on", nginx.command("on", root), PORT, http(net, 1_000))
    yield Case("nginx, defaults", nginx.command("off", root), PORT, http(net, 1_000))
    yield Case("lighttpd", ["lighttpd", "-D", "-f", corks_itself.config("lighttpd", corks_itself.LIGHTTPD, root=root)], PORT,
               http(net, 1_000))
    for sendfile in ("off", "on"):
        file = corks_itself.config(f"apache-{sendfile}", corks_itself.APACHE, root=root, sendfile=sendfile)
        yield Case(f"Apache, EnableSendfile {sendfile}", ["apache2", "-D", "FOREGROUND", "-f", file], PORT, http(net, 1_000))
    for name, (port, argv, set_it, stored, get, answer) in key_value.servers().items():
        exchange = {"request": key_value.stored(f"{name}-get", get), "expect": answer,
                    "preamble": key_value.stored(f"{name}-set", set_it), "preamble_expect": stored}
        yield Case(name, argv, port, raw(net, **exchange))

    def transactions(_server, seconds):
        process.client(net, [pgbench.binaries() / "pgbench", "-h", SERVER, "-U", "postgres", "-n", "-S", "-c", "4", "-T",
                             str(max(1, round(seconds))), "postgres"])
        return 0
    yield Case("PostgreSQL under pgbench", pgbench.cluster(net), pgbench.PORT, transactions, cwd="/")
    directory, command = ssh.server_command()

    def keys(_server, seconds):
        ssh.type_keys(net, directory, int(seconds * 250), False)
        return 0
    yield Case("sshd, keys typed over ssh", command, ssh.PORT, keys)


def diagnose(net, case, way, seconds):
    """The report of doctor on a server under load, its exit status, and the seconds of an exchange meanwhile."""
    file = build.scratch() / "report.json"
    options = ["doctor", "--json", "--output", file]
    if way == "--pid":
        with process.Server(net, case.argv, case.port, cwd=case.cwd) as server:
            argv = [*process.NICE, tcptune(), *options, "--pid", server.process.pid, "--duration", seconds]
            watching = subprocess.Popen([str(word) for word in argv], start_new_session=True)
            time.sleep(0.3)
            mean = case.load(server, seconds - 1)
            code = watching.wait(30)
    else:
        argv = [tcptune(), *options, "--library", library.path(), "--", *case.argv]
        with process.Server(net, argv, case.port, cwd=case.cwd) as server:
            mean = case.load(server, seconds - 1)
            server.process.terminate()
            code = server.process.wait(30)
    return json.loads(file.read_text()), code, mean


def cured(net, case, seconds):
    """Seconds of an exchange when the program's own option is set."""
    with process.Server(net, case.cured, case.port, cwd=case.cwd) as server:
        return case.load(server, seconds)


def row(name, way, truth, proposal, report, code, saved):
    """A row of the table, and what is wrong with it."""
    first = grave(report)
    said = ", ".join(f["kind"] for f in report["findings"]) or "nothing"
    faults = []
    if code != (FOUND if truth else NOTHING):
        faults.append("missed" if truth else "FALSE ALARM")
    if truth and first:
        if first["kind"] != truth:
            faults.append(f"kind {first['kind']}")
        if proposal not in " ".join(first["upstream"]):
            faults.append("wrong cure")
    ratio = ""
    if truth and first and saved:
        ratio = first["gain"]["saved_ms"] / 1000 / saved
        if abs(ratio - 1) > OFF:
            faults.append("gain")
        ratio = f"{ratio:.2f}"
    cells = [name, way, truth or "nothing", said,
             f"{first['waits']} of {first['exchanges']}" if first else f"0 of {report['exchanges']}",
             f"{first['wait_ms']:.1f}" if first else "",
             f"{first['gain']['saved_ms']:.1f}" if truth and first else "", f"{saved * 1000:.1f}" if saved else "", ratio,
             ", ".join(faults) or "right"]
    if faults:
        print(json.dumps(report, indent=1), file=sys.stderr)
    return cells, faults


def mails(net, seconds):
    """The first story: imaplib against Cyrus, as a command and as a process."""
    count = int(seconds * 20)
    with imap_append.Cyrus(net) as cyrus:
        best = 1 / cyrus.append(count, "--nodelay")
        file = build.scratch() / "report.json"
        script = ["/usr/bin/python3", imap_append.PROGRAMS / "migrate_imap.py", *cyrus.account, count]
        options = ["doctor", "--json", "--output", file]
        for way in ("--pid", "command"):
            if way == "command":
                argv = process.command(net.server, [tcptune(), *options, "--library", library.path(), "--", *script], end=1)
                client = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False)
                code, output = client.returncode, client.stdout
            else:
                client = subprocess.Popen(process.command(net.server, script, end=1), stdout=subprocess.PIPE, text=True)
                argv = [*process.NICE, tcptune(), *options, "--pid", client.pid, "--duration", seconds + 5]
                # ip, nice and taskset become the script; the namespace must be entered by then.
                time.sleep(0.5)
                code = subprocess.run([str(word) for word in argv], check=False).returncode
                output = client.communicate(timeout=60)[0]
            saved = 1 / float(re.search(r"([\d.]+)/s", output)[1]) - best
            report = json.loads(file.read_text())
            # A mail is one exchange for the command and one for the mail itself; doctor's gain is per exchange.
            finding = report["findings"][0] if report["findings"] else None
            if finding:
                finding["gain"]["saved_ms"] *= finding["exchanges"] / finding["waits"]
            yield row("imaplib appends to Cyrus", way, "nagle", "setsockopt", report, code, saved)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(prog="scripts/check doctor", description=__doc__)
    parser.add_argument("--only", metavar="TEXT", default="", help="cases whose name has this in it")
    parser.add_argument("--seconds", type=float, default=3, help="seconds that doctor watches each (3)")
    arguments = parser.parse_args()
    subprocess.run((library.ROOT / "scripts/setup", "--bench"), check=True, stdout=sys.stderr)
    net = network.Net()
    network.run("ip", "netns", "exec", net.server, "ip", "link", "set", "lo", "mtu", "65536")
    rows = []
    if arguments.only in "imaplib appends to Cyrus":
        rows += mails(net, arguments.seconds)
    for case in (case for cases in (stalled, healthy) for case in cases(net) if arguments.only in case.name):
        with case.beside():
            best = cured(net, case, arguments.seconds - 1) if case.truth else None
            for way in case.ways:
                report, code, mean = diagnose(net, case, way, arguments.seconds)
                saved = mean - best if case.truth else None
                rows.append(row(case.name, way, case.truth, case.proposal, report, code, saved))
    head = ["program", "by", "truth", "verdict", "waits of exchanges", "each, ms", "predicted gain, ms", "measured", "ratio", ""]
    table.show("tcptune doctor on real programs", head, [cells for cells, _ in rows],
               "Gain: what the median exchange (HAProxy: the average token; imaplib: a mail) takes less once the program's own option is "
               "set.")
    faults = [faults for _, faults in rows]
    if arguments.only in paced.TITLE:
        faults += paced.show(net, tcptune(), arguments.seconds)
    wrong = sum(1 for each in faults if each)
    print(f"{len(faults) - wrong} of {len(faults)} right")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
