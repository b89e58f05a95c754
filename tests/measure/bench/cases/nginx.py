"""nginx 1.22 with its own tcp_nopush off and on: segments and CPU per request."""

from harness import build
from harness.compare import Variant, compare

TITLE = "nginx, tcp_nopush off under the library against its own tcp_nopush on: segments, CPU per request"
PORT = 8080

CONFIG = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush {nopush};
    tcp_nodelay {nodelay};
    keepalive_requests 1000000000;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    server {{ listen {port}; root {root}; }}
}}
"""


def command(nopush, root, nodelay="on", port=PORT):
    """nginx in the foreground with everything it writes in a directory of its own."""
    directory = build.scratch() / f"nginx-{nopush}-{nodelay}-{port}"
    directory.mkdir(exist_ok=True)
    config = directory / "nginx.conf"
    config.write_text(CONFIG.format(directory=directory, nopush=nopush, nodelay=nodelay, port=port, root=root))
    return ["nginx", "-e", "stderr", "-p", directory, "-c", config]


def run(net, quick):
    """Prints a table per file size."""
    for size in (1_000,) if quick else (1_000, 20_000):
        body = build.body(size)
        off, on = command("off", body.parent), command("on", body.parent)
        variants = {
            "nopush off": Variant(off),
            "nopush off, library": Variant(off, library=True, calls_of="nopush off"),
            "nopush off, QUICKACK=auto": Variant(off, library=True, settings={"TCPTUNE_QUICKACK": "auto"},
                                                 calls_of="nopush off"),
            "nopush on": Variant(on),
            "nopush on, library": Variant(on, library=True, calls_of="nopush on"),
        }
        compare(net, f"nginx, {size:,}-byte file, keep-alive", PORT, variants, {"get": f"/{size}", "body": body},
                "nopush on",
                4 if quick else 24, 1_500, note="tcp_nodelay is on, as nginx has it by default.")
