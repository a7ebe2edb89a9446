"""Requests over HTTP/1.1, on connections that are kept."""

import http.client
import select
import socket
import ssl
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from threading import Lock, Timer
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from conformance.exchange import NoAnswer, Request, Response, Transport

GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS
"""Tells zlib to see from the first bytes which of the two it is."""

READING: Final = ("GET", "HEAD", "OPTIONS")
"""Methods whose requests may be sent twice."""

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
    Host and Content-Length. `proxy` is the URL of an HTTP proxy; https goes through it in a tunnel.
    """

    def __init__(
        self, url: str, timeout: float = 30.0, tls: ssl.SSLContext | None = None, proxy: str | None = None
    ) -> None:
        self._server = urlsplit(url)
        self._timeout = timeout
        self._tls = tls
        self._proxy = urlsplit(proxy) if proxy else None
        self._idle: list[_Connection] = []
        self._lock = Lock()

    def send(self, request: Request) -> Response:
        """The answer. No request is sent twice that the server may have carried out. Raises `NoAnswer`."""
        kept = self._alive()
        try:
            return self._on(kept or self._connect(), request)
        except ConnectionError as error:
            # A server may close a kept connection at any time (RFC 9112 section 9.3.1).
            if kept is not None and request.method in READING:
                return self.send(request)
            raise NoAnswer(self._sentence(error)) from error
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(self._sentence(error)) from error

    def close(self) -> None:
        """Close the connections that are kept."""
        while (kept := self._take()) is not None:
            kept.close()

    def _alive(self) -> _Connection | None:
        """A kept connection that the server has not closed: on one that it has, there is something to read."""
        while (kept := self._take()) is not None:
            is_fresh = time.monotonic() - kept.since < KEPT
            if is_fresh and kept.sock is not None and not select.select([kept.sock], [], [], 0)[0]:
                return kept
            kept.close()
        return None

    def _take(self) -> _Connection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _connect(self) -> _Connection:
        there = self._proxy or self._server
        if self._server.scheme != "https":
            return _Connection(there.hostname or "", there.port, timeout=self._timeout)
        connection = _SecureConnection(there.hostname or "", there.port, timeout=self._timeout, context=self._tls)
        if self._proxy:
            connection.set_tunnel(self._server.hostname or "", self._server.port or 443)
        return connection

    def _on(self, connection: _Connection, request: Request) -> Response:
        """The answer on that connection, which is kept if it came whole and is closed otherwise."""
        began = time.monotonic()
        try:
            if connection.sock is None:
                connection.connect()
            with _hung_up_after(self._timeout, connection.sock):
                self._put(connection, request)
                answer = connection.getresponse()
                content = whole(answer)
            headers = _joined(answer.getheaders())
            body = decoded(content, headers.get("content-encoding", ""))
        except BaseException:
            connection.close()
            raise
        if answer.will_close or answer.status >= 500 or answer.status == TOO_LARGE or _has_rest(answer):
            # After a failure, or a body that they did not read, some servers close it without having said so.
            connection.close()
        else:
            connection.since = time.monotonic()
            with self._lock:
                self._idle.append(connection)
        return Response(answer.status, headers, body, time.monotonic() - began)

    def _put(self, connection: _Connection, request: Request) -> None:
        connection.putrequest(request.method, self._target(request.target), skip_accept_encoding=True)
        for name, value in request.headers.items():
            _put_header(connection, name, value)
        if request.body is not None:
            connection.putheader("Content-Length", str(len(request.body)))
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


def _joined(fields: list[tuple[str, str]]) -> dict[str, str]:
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


class Sleep(Protocol):
    """Waits so many seconds."""

    def __call__(self, seconds: float, /) -> None: ...


class Patient:
    """Repeats what was answered 429, after the time that the answer asks for, as connectors do.

    At most `attempts` times, and never waiting more than `longest` seconds for one; after that the 429 is the answer.
    """

    def __init__(
        self, transport: Transport, attempts: int = 5, longest: float = 60.0, sleep: Sleep = time.sleep
    ) -> None:
        self._transport = transport
        self._attempts = attempts
        self._longest = longest
        self._sleep = sleep
        self.repeated = 0

    def send(self, request: Request) -> Response:
        """The answer, or the last one of those that asked to wait."""
        for _ in range(self._attempts):
            response = self._transport.send(request)
            wait = retry_after(response)
            if wait is None or wait > self._longest:
                return response
            self.repeated += 1
            self._sleep(wait)
        return self._transport.send(request)


def retry_after(response: Response, now: float | None = None) -> float | None:
    """The seconds that a 429 asks to wait, 1 if it does not say (RFC 9110 section 10.2.3); None for other answers."""
    if response.status != 429:
        return None
    text = response.headers.get("retry-after", "")
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except ValueError:
        return 1.0
    return max(0.0, moment - (time.time() if now is None else now))
