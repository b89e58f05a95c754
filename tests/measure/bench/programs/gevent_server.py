"""gevent.pywsgi serving the files of a directory. Usage: gevent_server.py PORT DIRECTORY"""

import pathlib
import sys

from gevent.pywsgi import WSGIServer


def application(environ, start_response):
    """One file."""
    body = pathlib.Path(sys.argv[2], environ["PATH_INFO"][1:]).read_bytes()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


WSGIServer(("", int(sys.argv[1])), application, log=None).serve_forever()
