"""Requests to a WSGI application in this process, and layers around one: no socket, as many threads as there are."""

import io
import sys
import time
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import unquote_to_bytes
from wsgiref.types import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

from conformance.exchange import Request, Response
from conformance.transport import joined

HOST: Final = "scim.example.com"

Send = Callable[[Request], Response]
"""What brings the answer to a request."""

Layer = Callable[[Request, Send], Response]
"""What stands between a client and what brings the answers."""


class WsgiTransport:
    """A transport that calls the application."""

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def send(self, request: Request) -> Response:
        """The answer. What the application raises is raised."""
        began = time.monotonic()
        head: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> Callable[[bytes], object]:
            head.append((status, headers))
            return lambda _: None

        chunks = self._app(environ_of(request), start_response)
        try:
            body = b"".join(chunks)
        finally:
            getattr(chunks, "close", lambda: None)()
        ((status, headers),) = head
        return Response(int(status.split()[0]), joined(headers), body, time.monotonic() - began)


class Layered:
    """The application behind a layer: a WSGI application itself."""

    def __init__(self, app: WSGIApplication, layer: Layer) -> None:
        self._send = WsgiTransport(app).send
        self._layer = layer

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = self._layer(request_of(environ), self._send)
        headers = {**response.headers, "content-length": str(len(response.body))}
        start_response(f"{response.status} status", list(headers.items()))
        return [response.body]


def environ_of(request: Request) -> WSGIEnvironment:
    """The request as PEP 3333 has it, with the target as it was sent in RAW_URI, as servers give it."""
    path, _, query = request.target.partition("?")
    body = request.body or b""
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return {
        **headers,
        "CONTENT_TYPE": headers.pop("HTTP_CONTENT_TYPE", ""),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": HOST,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": request.target,
        "SERVER_NAME": HOST,
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def request_of(environ: WSGIEnvironment) -> Request:
    """What `environ_of` was made of; header names are in lower case."""
    names = {name: name.removeprefix("HTTP_").lower().replace("_", "-") for name in environ if name[:5] == "HTTP_"}
    headers = {said: str(environ[name]) for name, said in names.items()}
    if environ["CONTENT_TYPE"]:
        headers["content-type"] = environ["CONTENT_TYPE"]
    source: InputStream = environ["wsgi.input"]
    body = source.read(int(environ["CONTENT_LENGTH"])) or None
    return Request(environ["REQUEST_METHOD"], environ["RAW_URI"], headers, body)
