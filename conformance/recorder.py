"""Records what a connector sends: as a WSGI middleware around a server, or as a proxy before it.

    application = Recorder(application, "/scim/v2", Recording(Path("recorded.json")))      in the server's wsgi.py
    python -m conformance record --target https://host/scim/v2 --output recorded.json

The file is written after each request, so that what was recorded is there however the recording ends.
"""

import io
import json
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.parse import quote, urlsplit

from conformance.exchange import Exchange, NoAnswer, Request, Response, Transport
from conformance.recording import scenario_file
from conformance.scenario import Capability

HOP: Final = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
)
"""Headers of one connection, which no proxy passes on (RFC 9110 section 7.6.1)."""

Environ = MutableMapping[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Recording:
    """What was recorded so far, in a file that is always whole. May be added to from any thread."""

    def __init__(self, path: Path, capability: Capability = Capability.UPDATE, id: str = "recorded") -> None:
        self._path = path
        self._capability = capability
        self._id = id
        self._exchanges: list[Exchange] = []
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._exchanges)

    def add(self, exchange: Exchange) -> None:
        """Keep an exchange whose target is below the base URL, and write the file."""
        with self._lock:
            self._exchanges.append(exchange)
            content = scenario_file(self._exchanges, self._capability, self._id)
            unfinished = self._path.with_name(f"{self._path.name}.new")
            unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            unfinished.replace(self._path)


class Recorder:
    """A WSGI application that records what goes through it; `base` is the path below which SCIM is served.

    The bodies of requests and answers are held in memory: for a recording, not for every day.
    """

    def __init__(self, application: Application, base: str, recording: Recording) -> None:
        self._application = application
        self._base = base.rstrip("/")
        self._recording = recording

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = self._request(environ)
        if request is None:
            return self._application(environ, start_response)
        began = time.monotonic()
        started: list[tuple[str, Sequence[tuple[str, str]]]] = []

        def start(status: str, headers: Sequence[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:
            started.append((status, headers))
            return start_response(status, headers, *error)  # type: ignore[no-any-return]

        answer = self._application(environ, start)
        try:
            content = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        status, headers = started[-1]
        response = Response(int(status[:3]), _lower(headers), content, time.monotonic() - began)
        self._recording.add(Exchange(request, response))
        return [content]

    def _request(self, environ: Environ) -> Request | None:
        """The request below the base; None for one that is not SCIM's. Its body can be read once more."""
        target = _target(environ)
        if not target.startswith(f"{self._base}/"):
            return None
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").title(): str(value)
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
        }
        return Request(str(environ["REQUEST_METHOD"]), target.removeprefix(self._base), headers, body or None)


def _target(environ: Environ) -> str:
    """The request target as it came, where the server tells (gunicorn, uWSGI, mod_wsgi), or as WSGI has it."""
    raw = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if raw:
        return str(raw)
    path = str(environ.get("SCRIPT_NAME", "")) + str(environ.get("PATH_INFO", ""))
    query = str(environ.get("QUERY_STRING", ""))
    return quote(path.encode("latin-1")) + (f"?{query}" if query else "")


def _lower(fields: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in fields}


class Proxy(ThreadingHTTPServer):
    """Passes requests on to `target`, a base URL, and records them. What the proxy serves hangs below `/`."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], target: str, transport: Transport, recording: Recording) -> None:
        super().__init__(address, _Passing)
        self.base = urlsplit(target).path.rstrip("/")
        self.transport = transport
        self.recording = recording


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in (*HOP, "host")}
        try:
            response = self.server.transport.send(
                Request(self.command, f"{self.server.base}{self.path}", headers, body)
            )
        except NoAnswer as error:
            self._answer(502, {"content-type": "text/plain"}, f"{error}\n".encode())
            return
        self.server.recording.add(Exchange(Request(self.command, self.path, headers, body), response))
        self._answer(response.status, response.headers, response.body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _pass  # noqa: N815

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in (*HOP, "content-encoding"):
                self.send_header(name.title(), value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: addresses hold ids and names."""
