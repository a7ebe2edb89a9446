"""Requests over HTTP/1.1, on connections that are kept."""

import http.client
import selectors
import socket
import ssl
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock, Timer
from typing import Any, Final
from urllib.parse import urlsplit

from conformance.exchange import NoAnswer, Request, Response
from conformance.login import to_proxy

GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
"""Tells zlib to see from the first bytes which of the two it is."""

READING: Final = ("GET", "HEAD", "OPTIONS")
"""Methods whose requests may be sent twice; PUT and DELETE too, but their second answer would be another."""

KEPT: Final = 1.0
"""Seconds for which a connection is kept without use. Servers close one after two or more, without a word before."""


LARGEST: Final = 32 * 1024 * 1024
"""Bytes that are read of an answer, unpacked: more is an attack or a fault, and would fill the memory."""


class TooLarge(http.client.HTTPException):
    """An answer of more than LARGEST bytes."""

    def __str__(self) -> str:
        return f"more than {LARGEST // 1024 // 1024} MiB"


class _Answer(http.client.HTTPResponse):
    """http.client passes over 100 alone; 102 and 103 are not the answer either (RFC 9110 section 15.2)."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        return version, 100 if 101 < status < 200 else status, reason


TOO_LARGE: Final = 413


class _Connection(http.client.HTTPConnection):
    """Sends the head of a request and its body in one piece.

    Of two, a server whose queue of new connections is full may drop the first and then answer the second by a reset.
    """

    response_class = _Answer
    since: float = 0.0
    """When it was last used."""

    _pieces: list[bytes] | None = None

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        self._pieces = []
        super().endheaders(message_body, encode_chunked=encode_chunked)
        whole, self._pieces = b"".join(self._pieces), None
        self.send(whole)

    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class _SecureConnection(_Connection, http.client.HTTPSConnection):
    """The same over TLS."""


class HttpTransport:
    """Sends to the server of one URL. `timeout` is in seconds, for connecting and then for the whole answer.

    What is sent is what the request says, to the letter: the target is not encoded again and no header is added but
    Host, Content-Length and what signs in at a proxy. `proxy` is the URL of one for HTTP, with a name and a password if
    it wants some; https goes through it in a tunnel.
    """

    def __init__(
        self, url: str, timeout: float = 30.0, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._server = urlsplit(url)
        self._timeout = timeout
        self._tls = tls
        self._proxy = urlsplit(proxy) if proxy else None
        self._to_proxy = to_proxy(proxy) if proxy else {}
        self._idle: list[_Connection] = []
        self._used: set[socket.socket] = set()
        self._is_closed = False
        self._lock = Lock()

    def send(self, request: Request) -> Response:
        """The answer. No request is sent twice that the server may have carried out. Raises `NoAnswer`."""
        try:
            return self._on_kept(request) or self._on(self._connect(), request)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(self._sentence(error)) from error

    def close(self) -> None:
        """Close the connections that are kept, and end the requests that are under way: they have no answer."""
        with self._lock:
            self._is_closed = True
            for used in self._used:
                _hang_up(used)
        while (kept := self._take()) is not None:
            kept.close()

    def _on_kept(self, request: Request) -> Response | None:
        """The answer on a connection that is kept; None where there is none, or none that may be used.

        A server may close one while a request is on its way (RFC 9112 section 9.3.1), and nobody knows then whether it
        was carried out. So there goes only what may be sent again; all else has a new one, in the place of a kept one.
        """
        kept = self._alive()
        if kept is None:
            return None
        if request.method not in READING:
            kept.close()
            return None
        try:
            return self._on(kept, request)
        except ConnectionError:
            return None

    def _alive(self) -> _Connection | None:
        """A kept connection that the server has not closed: on one that it has, there is something to read."""
        while (kept := self._take()) is not None:
            is_fresh = time.monotonic() - kept.since < KEPT
            if is_fresh and kept.sock is not None and not _has_come(kept.sock):
                return kept
            kept.close()
        return None

    def _take(self) -> _Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _connect(self) -> _Connection:
        there = self._server
        host, port = there.hostname or "", there.port
        if self._proxy:
            host, port = self._proxy.hostname or "", self._proxy.port or http.client.HTTP_PORT
        if there.scheme != "https":
            return _Connection(host, port, timeout=self._timeout)
        connection = _SecureConnection(host, port, timeout=self._timeout, context=self._tls)
        if self._proxy:
            target = there.hostname or ""
            connection.set_tunnel(target, there.port or http.client.HTTPS_PORT, dict(self._to_proxy))
        return connection

    def _on(self, connection: _Connection, request: Request) -> Response:
        """The answer on that connection, which is kept if it came whole and is closed otherwise."""
        began = time.monotonic()
        try:
            if connection.sock is None:
                connection.connect()
            with self._using(connection.sock), _hung_up_after(self._timeout, connection.sock):
                self._put(connection, request)
                answer = connection.getresponse()
                content = whole(answer)
            headers = joined(answer.getheaders())
            body = decoded(content, headers.get("content-encoding", ""))
        except BaseException:
            connection.close()
            raise
        if answer.will_close or answer.status >= 500 or answer.status == TOO_LARGE or _has_rest(answer):
            # After a failure, or a body that they did not read, some servers close it without having said so.
            connection.close()
        else:
            self._keep(connection)
        return Response(answer.status, headers, body, time.monotonic() - began)

    @contextmanager
    def _using(self, connection: socket.socket) -> Iterator[None]:
        """From here on `close` ends what is under way. Raises ConnectionError where that was before."""
        with self._lock:
            if self._is_closed:
                raise ConnectionAbortedError("the run has ended")
            self._used.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._used.discard(connection)

    def _keep(self, connection: _Connection) -> None:
        connection.since = time.monotonic()
        with self._lock:
            if not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def _put(self, connection: _Connection, request: Request) -> None:
        connection.putrequest(request.method, self._target(request.target), skip_accept_encoding=True)
        for name, value in request.headers.items():
            _put_header(connection, name, value)
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
        for name, value in self._to_proxy.items() if self._server.scheme == "http" else ():
            connection.putheader(name, value)
        connection.endheaders(request.body)

    def _target(self, target: str) -> str:
        """A proxy for http wants the whole URL in the request line (RFC 9112 section 3.2.2)."""
        if self._proxy and self._server.scheme == "http":
            return f"http://{self._server.netloc}{target}"
        return target

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout:g} seconds"
        return f"no answer: {str(error) or type(error).__name__}"


def _put_header(connection: _Connection, name: str, value: str) -> None:
    """Python's own message would show the value, which may be a secret."""
    try:
        connection.putheader(name, value.encode("utf-8"))
    except ValueError:
        raise http.client.HTTPException(f"a value of the header {name} that cannot be sent") from None


@contextmanager
def _hung_up_after(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Ends a connection that is not done in time: its own timeout starts anew with every byte. Raises TimeoutError."""
    ends = time.monotonic() + seconds
    alarm = Timer(seconds, _hang_up, [connection])
    alarm.daemon = True
    alarm.start()
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        if time.monotonic() >= ends:
            raise TimeoutError from error
        raise
    finally:
        alarm.cancel()
    if time.monotonic() >= ends:
        raise TimeoutError


def _has_come(connection: socket.socket) -> bool:
    """Whether there is something to read; select() alone knows no descriptor from 1024 on."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        # Not that of SSLSocket, which would take away what the reading thread holds.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def whole(answer: http.client.HTTPResponse) -> bytes:
    """The body as it came. Raises `TooLarge`, and IncompleteRead where the connection ended too early."""
    body = bytearray()
    while piece := answer.read(65536):
        body += piece
        if len(body) > LARGEST:
            raise TooLarge
    if answer.length:
        raise http.client.IncompleteRead(bytes(body), answer.length)
    return bytes(body)


def _has_rest(answer: http.client.HTTPResponse) -> bool:
    """Whether a body is announced where none can be: what comes of it would be taken for the next answer."""
    return answer.status in (204, 304) and answer.getheader("Content-Length", "0") != "0"


def joined(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Header fields by name in lower case; several of one name are joined (RFC 9110 section 5.3)."""
    headers: dict[str, str] = {}
    for name, value in fields:
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return headers


def decoded(body: bytes, coding: str) -> bytes:
    """The body without its content coding (connectors offer gzip and deflate); what cannot be read is left as it is."""
    if coding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        return body
    unpacking = zlib.decompressobj(GZIP_OR_ZLIB)
    try:
        unpacked = unpacking.decompress(body, LARGEST)
    except zlib.error:
        return body
    if unpacking.unconsumed_tail:
        raise TooLarge
    return unpacked if unpacking.eof else body


def tls_context(ca_file: str | None, certificate: str | None, key: str | None) -> ssl.SSLContext:
    """TLS that trusts the authorities of the system or of `ca_file`, and shows a client certificate if there is one."""
    context = ssl.create_default_context(cafile=ca_file)
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def trusting(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context without a look at the server's certificate: for test systems with one of their own."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
