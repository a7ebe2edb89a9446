"""Records what a connector sends: as a WSGI middleware around a server, or as a proxy before it.

    application = Recorder(application, "/scim/v2", Recording(Path("recorded.json")))      in the server's wsgi.py
    python -m conformance record --target https://host/scim/v2 --output recorded.json

The file is written after each request, so that what was recorded is there however the recording ends. No request
fails because it is recorded: where the file cannot be written, that is said on stderr.
"""

import io
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import quote, urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from conformance.exchange import Exchange, NoAnswer, Request, Response, Transport
from conformance.recording import Note, file_of, noted
from conformance.scenario import Capability
from conformance.transport import decoded

HOP: Final = frozenset(
    {
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "content-length", "expect",
    }
)  # fmt: skip
"""Headers of one connection, which no proxy passes on (RFC 9110 section 7.6.1), and what the proxy says itself."""

NOT_SENT: Final = HOP | {"host", "accept-encoding"}
"""The host is the target's; what is not compressed can be read."""

CODINGS: Final = ("gzip", "x-gzip", "deflate")
"""Content codings that the transport has undone."""

LONGEST_LINE: Final = 65_536
ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Recording:
    """What was recorded so far, in a file that is always whole. May be added to from any thread.

    `id` is that of the scenario: small letters, digits and hyphens. Raises `ValueError` for another one.
    """

    def __init__(self, path: Path, capability: Capability = Capability.UPDATE, id: str = "recorded") -> None:
        if not ID.fullmatch(id):
            raise ValueError(f"{id!r} is no id of a scenario: small letters, digits and hyphens")
        self._path = path
        self._capability = capability
        self._id = id
        self._notes: list[Note] = []
        self._written = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._notes)

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange whose target is below the base URL, and write the file.

        What says something of the moment alone (429, 500 and above) is not kept.
        """
        note = noted(exchange)
        if note is None:
            return
        self._notes.append(note)
        number = len(self._notes)
        with self._lock:
            if self._written >= number:
                return  # another thread has written it with its own
            try:
                self._write()
            except OSError as error:
                sys.stderr.write(f"The recording cannot be written: {error}\n")

    def _write(self) -> None:
        notes = self._notes.copy()
        content = file_of(notes, self._capability, self._id)
        unfinished = self._path.with_name(f"{self._path.name}.new")
        unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(self._path)
        self._written = len(notes)


class Recorder:
    """A WSGI application that records what goes through it; `base` is the path below which SCIM is served.

    The bodies of requests and answers are held in memory: for a recording, not for every day.
    """

    def __init__(self, application: WSGIApplication, base: str, recording: Recording) -> None:
        self._application = application
        self._base = base.rstrip("/")
        self._recording = recording

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self._request(environ)
        if request is None:
            return self._application(environ, start_response)
        began = time.monotonic()
        started = _Started(start_response)
        answer = self._application(environ, started)
        try:
            content = b"".join(answer)
        finally:
            close = getattr(answer, "close", None)
            if close:
                close()
        response = started.response(content, time.monotonic() - began)
        self._recording.add(Exchange(request, response))
        return [content]

    def _request(self, environ: WSGIEnvironment) -> Request | None:
        """The request below the base; None for one that is not SCIM's. Its body can be read once more."""
        target = _target(environ)
        if not target.startswith(f"{self._base}/"):
            return None
        body = _read(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
        }
        return Request(str(environ["REQUEST_METHOD"]), target.removeprefix(self._base), headers, body or None)


class _Started:
    """A `start_response` that keeps what it is told, and what is written instead of returned (PEP 3333)."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self._status = ""
        self._headers: Sequence[tuple[str, str]] = ()
        self._written: list[bytes] = []

    def __call__(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
        self._status, self._headers = status, list(headers)
        write = self._start_response(status, headers, *error)

        def keep(content: bytes) -> object:
            self._written.append(content)
            return write(content)

        return keep

    def response(self, content: bytes, seconds: float) -> Response:
        headers = {name.lower(): value for name, value in self._headers}
        body = decoded(b"".join(self._written) + content, headers.get("content-encoding", ""))
        return Response(int(self._status[:3]), headers, body, seconds)


def _target(environ: WSGIEnvironment) -> str:
    """The request target as it came, where the server tells (gunicorn, uWSGI, mod_wsgi), or as WSGI has it."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw:
        return _below_authority(str(raw))
    path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
    query = str(environ.get("QUERY_STRING", ""))
    return quote(path.encode("latin-1")) + (f"?{query}" if query else "")


def _below_authority(target: str) -> str:
    """A target without scheme and host, which clients write for a proxy (RFC 9112 section 3.2.2)."""
    return re.sub(r"^https?://[^/?]*", "", target, flags=re.IGNORECASE)


def _read(environ: WSGIEnvironment) -> bytes:
    """The body: so many bytes as are said, or all where the server knows the end of a chunked one."""
    source = environ["wsgi.input"]
    length = str(environ.get("CONTENT_LENGTH") or "")
    if length.isascii() and length.isdecimal():
        return bytes(source.read(int(length)))
    return bytes(source.read()) if environ.get("wsgi.input_terminated") else b""


class Proxy(ThreadingHTTPServer):
    """Passes requests on to `target`, a base URL, and records them. What the proxy serves hangs below `/`."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], target: str, transport: Transport, recording: Recording) -> None:
        super().__init__(address, _Passing)
        self.base = urlsplit(target).path.rstrip("/")
        self.transport = transport
        self.recording = recording

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no fault of the proxy's."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Malformed(Exception):
    """A request that cannot be passed on, because it does not say where it ends."""


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Proxy

    def _pass(self) -> None:
        target = re.sub(r"[^!-~]", lambda byte: f"%{ord(byte[0]):02X}", _below_authority(self.path))
        try:
            body = self._body()
        except Malformed as error:
            self._refuse(400, str(error))
            return
        if not target.startswith("/"):
            self._refuse(400, f"{self.command} {target} is not below the base URL")
            return
        headers = self._headers()
        try:
            response = self.server.transport.send(Request(self.command, self.server.base + target, headers, body))
        except NoAnswer as error:
            self._refuse(502, str(error))
            return
        self.server.recording.add(Exchange(Request(self.command, target, headers, body), response))
        self._answer(response.status, response.headers, response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass  # noqa: N815

    def _headers(self) -> dict[str, str]:
        """The headers that are passed on; several of one name are joined (RFC 9110 section 5.3)."""
        own = {name.strip().lower() for name in ",".join(self.headers.get_all("connection", [])).split(",")}
        names = {name.lower(): name for name in self.headers if name.lower() not in NOT_SENT | own}
        return {name: ", ".join(map(_utf8, self.headers.get_all(name, []))) for name in names.values()}

    def _body(self) -> bytes | None:
        """The body, None where there is none. Raises `Malformed`."""
        if "transfer-encoding" in self.headers:
            if self.headers["transfer-encoding"].strip().lower() != "chunked":
                raise Malformed("only chunked is known of Transfer-Encoding")
            return b"".join(self._chunks())
        lengths = set(self.headers.get_all("content-length", []))
        if not lengths:
            return None
        (length, *others) = lengths
        if others or not (length.isascii() and length.strip().isdecimal()):
            raise Malformed("Content-Length is no number")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise Malformed("the body is shorter than Content-Length says")
        return body

    def _chunks(self) -> Iterator[bytes]:
        """The parts of a chunked body (RFC 9112 section 7.1); trailers are read and left out."""
        while True:
            size = self.rfile.readline(LONGEST_LINE).partition(b";")[0].strip()
            if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
                raise Malformed("the size of a chunk is no number")
            chunk = self.rfile.read(int(size, 16))
            if not chunk:
                break
            yield chunk
            if len(chunk) < int(size, 16) or self.rfile.readline(LONGEST_LINE).strip():
                raise Malformed("a chunk does not end where it says")
        while self.rfile.readline(LONGEST_LINE).strip():
            pass

    def _refuse(self, status: int, sentence: str) -> None:
        """Answer in the proxy's own name, and read nothing more on this connection."""
        self.close_connection = True
        self._answer(status, {"content-type": "text/plain; charset=utf-8"}, f"{sentence}\n".encode())

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        has_body = self.command != "HEAD" and status not in (204, 304)
        was_decoded = headers.get("content-encoding", "").strip().lower() in CODINGS
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in HOP and not (was_decoded and name == "content-encoding"):
                self.send_header(name.title(), value)
        if has_body:
            self.send_header("Content-Length", str(len(content)))
        elif self.command == "HEAD" and "content-length" in headers:
            self.send_header("Content-Length", headers["content-length"])
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content if has_body else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: addresses hold ids and names."""


def _utf8(value: str) -> str:
    """A header's value as the client wrote it: the transport sends UTF-8, and http.server reads ISO-8859-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value
