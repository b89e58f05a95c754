"""One application for WSGI (`application`) and ASGI (`asgi`). /N: N bytes; /chunked/N: N pieces without a length."""


def pieces(path):
    """The pieces of an answer, and its length where that is told."""
    first, _, number = path.strip("/").partition("/")
    if first == "chunked":
        return [b"x" * 100] * int(number), None
    return [b"x" * int(first)], int(first)


def application(environ, start_response):
    """WSGI."""
    body, length = pieces(environ["PATH_INFO"])
    start_response("200 OK", [] if length is None else [("Content-Length", str(length))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else (piece for piece in body)


async def asgi(scope, receive, send):
    """ASGI."""
    if scope["type"] != "http":
        return
    body, length = pieces(scope["path"])
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in body if scope["method"] != "HEAD" else ():
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
