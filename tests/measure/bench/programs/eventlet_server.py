"""eventlet.wsgi serving the files of a directory, each in two pieces. Usage: eventlet_server.py PORT DIRECTORY"""

import pathlib
import sys

import eventlet
from eventlet import wsgi


def application(environ, start_response):
    """One file: eventlet sends the header with the first piece, and what is returned after it."""
    body = pathlib.Path(sys.argv[2], environ["PATH_INFO"][1:]).read_bytes()
    write = start_response("200 OK", [("Content-Length", str(len(body)))])
    write(body[:10])
    return [body[10:]]


wsgi.server(eventlet.listen(("", int(sys.argv[1]))), application, log_output=False)
