"""The WSGI server: gunicorn, embedded, with threads in several processes.

    listener = listen(settings)         raises ServingError, before anything else happens
    serve(settings, listener)           until SIGTERM; requests in flight finish

The application is made in each worker, after the fork, so that no worker shares a connection with another.
gunicorn's own limits lie above the application's; what it refuses all the same is answered as a SCIM error.
"""

from __future__ import annotations

import errno
import os
import re
import selectors
import shutil
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.http import errors as faults
from gunicorn.http import message
from gunicorn.workers.gthread import ThreadWorker

from scim_server.app import create_app
from scim_server.config import Settings
from scim_server.observability import configure, logger, report, request_id
from scim_server.observability.metrics import FOLDER_VARIABLE, forget_worker

BACKLOG: Final = 2048
_LINGER: Final = 2.0
"""Seconds for which a connection that is over is read on, so that the end of the answer reaches the client."""
_LEFT_OVER: Final = 64 * 2**10
"""Bytes that are read meanwhile."""
_MEMORY: Final = Path("/dev/shm")
_COUNTERS: Final = re.compile(r"(?:counter|histogram|summary|gauge_[a-z]+)_\d+\.db")

# Where a name of `listen` says "every address", the one that a client on this machine can use.
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}

_REASONS: Final = {
    errno.EADDRINUSE: "is in use by another program; choose another with --port or SCIM_PORT",
    errno.EADDRNOTAVAIL: "is no address of this machine; choose another with --host or SCIM_HOST",
    errno.EACCES: "may not be listened on by this user; choose a port above 1023",
}

# What gunicorn refuses before the application sees it; the first that fits.
_REFUSALS: Final[tuple[tuple[type[Exception], int, str], ...]] = (
    (faults.LimitRequestLine, 414, "The URL is too long; send the query as a body, with POST to .search."),
    (faults.LimitRequestHeaders, 431, "A header is too long, or there are too many of them."),
    (faults.ExpectationFailed, 417, "The server does not meet that expectation."),
    (faults.UnsupportedTransferCoding, 501, "The server does not support that transfer coding."),
    (faults.ParseException, 400, "The request is not valid HTTP."),
    (faults.InvalidChunkSize, 400, "The chunks of the request body are not valid."),
    (faults.ChunkMissingTerminator, 400, "The chunks of the request body are not valid."),
    (faults.InvalidChunkExtension, 400, "The chunks of the request body are not valid."),
)


class ServingError(Exception):
    """The server cannot start; the text is one line for the operator."""


def listen(settings: Settings) -> socket.socket:
    """A listening socket. Raises ServingError where the address is taken, forbidden, or none of this machine."""
    host, port = settings.host, settings.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return _listening(socket.socket(family), settings)
    except socket.gaierror:
        raise ServingError(f"{host} is not known as a host; choose another with --host or SCIM_HOST.") from None
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, os.strerror(error.errno or 0))
        raise ServingError(f"{host} port {port} {reason}.") from None


def _listening(listener: socket.socket, settings: Settings) -> socket.socket:
    """The socket with its options, which every accepted connection inherits, bound and listening."""
    # Without a limit, a client that sends or takes nothing would hold a thread for ever.
    pause = struct.pack("ll", settings.client_timeout, 0)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, pause)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, pause)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(settings.host != "::"))
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def root_url(settings: Settings, listener: socket.socket) -> str:
    """The URL to reach the server by, without a slash at its end: the public one, or one that works on this machine."""
    if settings.public_url:
        return settings.public_url
    port = listener.getsockname()[1]
    host = _EVERYWHERE.get(settings.host, settings.host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(settings: Settings, listener: socket.socket) -> NoReturn:
    """Serve until the process is told to stop, then end it."""
    configure(settings.log_format, settings.log_level)
    with _counters(settings.metrics_dir):
        Arbiter(_Server(settings, listener)).run()
    sys.exit()


class _Server(BaseApplication):  # type: ignore[misc]
    """gunicorn's view of the application and of its own settings, none of which come from anywhere else."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self._settings = settings
        self._fd = listener.detach()
        super().__init__()

    def load_config(self) -> None:
        for name, value in _options(self._settings, self._fd).items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called in a worker."""
        return _closing(create_app(self._settings))


class _Input:
    """A request body, whose faults of framing are those of any stream: OSError, not gunicorn's own."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def read(self, size: int | None = None) -> bytes:
        try:
            return bytes(self._body.read(size))
        except faults.ParseException as error:
            raise OSError(errno.EBADMSG, type(error).__name__) from None


def _closing(application: Any) -> Any:
    """The application, whose `Connection: close` counts: gunicorn drops the header, says keep-alive, and would read on.

    The client is told, and what it is being sent still reaches it.
    """

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if ("Connection", "close") in headers:
                start_response.__self__.force_close()
            return start_response(status, headers, exc_info)

        environ["wsgi.input"] = _Input(environ["wsgi.input"])
        return application(environ, start)

    return call


def _options(settings: Settings, fd: int) -> dict[str, Any]:
    return {
        "bind": f"fd://{fd}",
        "workers": settings.workers,
        "threads": settings.threads,
        "worker_class": ScimWorker,
        "keepalive": settings.keepalive,
        "graceful_timeout": settings.graceful_timeout,
        "limit_request_line": settings.max_request_line,
        "limit_request_field_size": settings.max_header,
        "proc_name": "scim-server",
        # The heartbeat of a worker is a file; on a disk, a slow disk looks like a dead worker.
        "worker_tmp_dir": str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None,
        # The application decides whom to believe, by its trusted_proxies; here nobody is.
        "forwarded_allow_ips": "",
        "secure_scheme_headers": {},
        "control_socket_disable": True,
        "accesslog": None,
        "logger_class": _Log,
        # At debug gunicorn logs what it read of broken requests, tokens included.
        "loglevel": "info" if settings.log_level == "debug" else settings.log_level,
        "child_exit": _worker_ended,
    }


class _Log(Logger):  # type: ignore[misc]
    """gunicorn's messages in the log of the server."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in list(self.error_log.handlers):
            self.error_log.removeHandler(handler)
        self.error_log.propagate = True


class ScimWorker(ThreadWorker):  # type: ignore[misc]
    """A gunicorn worker whose refusals are SCIM errors, and whose other clients wait for none that is leaving."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._leaving: dict[Any, int] = {}
        """Connections that are over, and how many bytes are still read from them; the oldest first."""

    def init_process(self) -> None:
        # gunicorn 27 takes no more than 8,190 bytes of request line, whatever limit_request_line says; without a limit
        # it would take any number. A long filter, percent-encoded, is longer than that.
        message.MAX_REQUEST_LINE = self.cfg.limit_request_line
        super().init_process()

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer for a request that never became one of the application's, or whose answer broke."""
        status, detail = _refusal(exc)
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            report(exc, request_id(None))
        else:
            # Neither the exception's text nor the request: both hold what the client sent.
            logger().warning("refused", status=status, reason=type(exc).__name__)
        with suppress(OSError):
            util.write_nonblock(client, _answer(status, detail))

    def finish_request(self, conn: Any, fs: Any) -> None:
        """gunicorn 27 would wait here, in the loop that accepts and closes all connections, until the client closes
        its end of this one too.
        """
        if fs.cancelled() or (fs.exception() is None and not fs.result()):
            self._begin_to_leave(conn)
        else:
            super().finish_request(conn, fs)

    def _begin_to_leave(self, conn: Any) -> None:
        """Say that no more comes. Closed at once, with anything unread, the client could lose what it was sent last
        (RFC 9112 section 9.6).
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.setblocking(False)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._read_on, conn))
        except (OSError, ValueError):  # the client, or an error before, has closed it
            self.nr_conns -= 1
            conn.close()
            return
        conn.timeout = time.monotonic() + _LINGER
        self._leaving[conn] = _LEFT_OVER

    def _read_on(self, conn: Any, client: socket.socket) -> None:
        try:
            data = client.recv(_LEFT_OVER)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._leaving[conn] -= len(data)
        if not data or self._leaving[conn] <= 0:
            self._leave(conn)

    def _leave(self, conn: Any) -> None:
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()

    def murder_pending(self) -> None:
        """Called at least once a second, by a worker that is stopping too."""
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn in self._leaving if conn.timeout <= now]:
            self._leave(conn)


def _refusal(error: Exception) -> tuple[int, str]:
    for kind, status, detail in _REFUSALS:
        if isinstance(error, kind):
            return status, detail
    return HTTPStatus.INTERNAL_SERVER_ERROR, "The server failed on this request."


def _answer(status: int, detail: str) -> bytes:
    """A whole HTTP response: the SCIM error of RFC 7644 section 3.12."""
    schemas = ["urn:ietf:params:scim:api:messages:2.0:Error"]
    body = orjson.dumps({"schemas": schemas, "status": str(status), "detail": detail})
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "Connection: close\r\n"
        "Cache-Control: no-store\r\n"
        "Content-Type: application/scim+json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _worker_ended(_arbiter: Any, worker: Any) -> None:
    forget_worker(worker.pid)


@contextmanager
def _counters(chosen: Path | None) -> Iterator[None]:
    """Name the folder that the workers count in.

    A temporary one is removed by the process that made it, not by its workers, which leave through here too.
    """
    folder = Path(tempfile.mkdtemp(prefix="scim-metrics-")) if chosen is None else _emptied(chosen)
    os.environ[FOLDER_VARIABLE] = str(folder)
    process = os.getpid()
    try:
        yield
    finally:
        if chosen is None and os.getpid() == process:
            shutil.rmtree(folder, ignore_errors=True)


def _emptied(folder: Path) -> Path:
    """The folder, without the counters of an earlier start; whatever else is in it stays."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            if _COUNTERS.fullmatch(path.name):
                path.unlink()
    except OSError as error:
        raise ServingError(f"The folder for the counters, {folder}: {os.strerror(error.errno or 0)}.") from None
    return folder
