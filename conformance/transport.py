"""Requests over HTTP/1.1, on connections that are kept: one for each thread."""

import http.client
import ssl
import threading
import time
from urllib.parse import urlsplit

from conformance.exchange import NoAnswer, Request, Response


class HttpTransport:
    """Sends to one server. `timeout` is in seconds, for connecting and for each wait on the socket.

    What is sent is what the request says, to the letter: the target is not encoded again and no header is added but
    Host and Content-Length.
    """

    def __init__(self, base_url: str, timeout: float = 30.0, tls: ssl.SSLContext | None = None) -> None:
        self._address = urlsplit(base_url)
        self._timeout = timeout
        self._tls = tls
        self._local = threading.local()

    def send(self, request: Request) -> Response:
        """The answer. A kept connection that the server has closed meanwhile is replaced once. Raises `NoAnswer`."""
        kept = getattr(self._local, "connection", None)
        if kept is not None:
            try:
                return self._on(kept, request)
            except (http.client.RemoteDisconnected, ConnectionError):
                self._drop()
            except (OSError, http.client.HTTPException) as error:
                self._drop()
                raise NoAnswer(self._sentence(error)) from error
        try:
            self._local.connection = self._connect()
            return self._on(self._local.connection, request)
        except (OSError, http.client.HTTPException) as error:
            self._drop()
            raise NoAnswer(self._sentence(error)) from error

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address.hostname or "", self._address.port
        if self._address.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _on(self, connection: http.client.HTTPConnection, request: Request) -> Response:
        began = time.monotonic()
        connection.putrequest(request.method, request.target, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body)
        answer = connection.getresponse()
        body = answer.read()
        headers: dict[str, str] = {}
        for name, value in answer.getheaders():
            known = headers.get(name.lower())
            headers[name.lower()] = value if known is None else f"{known}, {value}"
        return Response(answer.status, headers, body, time.monotonic() - began)

    def _drop(self) -> None:
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} seconds"
        return f"no answer: {str(error) or type(error).__name__}"
