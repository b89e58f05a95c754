"""lighttpd and Apache, which send header and body well by themselves: nothing may change."""

from harness import build
from harness.compare import Variant, compare

TITLE = "lighttpd and Apache, which cork by themselves: unchanged segment for segment, no added call"
PORT = 8080

LIGHTTPD = """
server.document-root = "{root}"
server.port = {port}
server.max-keep-alive-requests = 65535
"""

APACHE = """
ServerRoot {directory}
PidFile {directory}/pid
DefaultRuntimeDir {directory}
ErrorLog /dev/stderr
ServerName bench
Listen {port}
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
EnableSendfile {sendfile}
"""


def config(name, text, **values):
    directory = build.scratch() / name
    directory.mkdir(exist_ok=True)
    file = directory / "conf"
    file.write_text(text.format(directory=directory, port=PORT, **values))
    return file


def run(net, quick):
    """Prints a table per server and size."""
    for size in (1_000,) if quick else (1_000, 100_000):
        body = build.body(size)
        root = body.parent
        commands = {
            "lighttpd": ["lighttpd", "-D", "-f", config("lighttpd", LIGHTTPD, root=root)],
            "Apache": ["apache2", "-D", "FOREGROUND", "-f", config("apache", APACHE, root=root, sendfile="off")],
            "Apache, EnableSendfile": ["apache2", "-D", "FOREGROUND", "-f",
                                       config("apache-sendfile", APACHE, root=root, sendfile="on")],
        }
        for name, argv in commands.items():
            variants = {
                "plain": Variant(argv), "library": Variant(argv, library=True, calls_of="plain"),
                "library, RELEASE=all": Variant(argv, library=True, settings={"TCPTUNE_RELEASE": "all"}, calls_of="plain"),
            }
            results = compare(net, f"{name}, {size:,}-byte file, keep-alive", PORT, variants,
                              {"get": f"/{size}", "body": body}, "plain", 3 if quick else 7, 2_000)
            sums = {variant: sum(r.segments - r.resent for r in runs) for variant, runs in results.items()}
            print(f"Segments of the same {results['plain'][0].exchanges:,} responses, all rounds, less those sent again: "
                  + ", ".join(f"{variant} {total:,}" for variant, total in sums.items())
                  + f": {'equal' if len(set(sums.values())) == 1 else 'NOT EQUAL'}.\n", flush=True)
