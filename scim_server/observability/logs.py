"""The log: one JSON object a line on standard output, in one write each, so that lines of several workers never mix.

Everything goes through here: requests, faults, and what libraries say through `logging`. Their exceptions are described
without their texts, and all but a few are named without their messages, because the text of a database error may hold
what a user sent.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from threading import Lock
from typing import Any, BinaryIO, Final

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from scim_server.observability.faults import describe

LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SILENT: Final = 50
_OUTSPOKEN: Final = ("scim_server", "gunicorn.error")
"""Loggers whose messages are known to hold nothing that a user sent, with those below them."""


class _Lines:
    """The end of the log: bytes go out at once, and a closed pipe or a full disk is not a request's fault."""

    def __init__(self, stream: BinaryIO | None) -> None:
        self._stream = stream
        self._lock = Lock()

    def msg(self, line: bytes) -> None:
        with self._lock, suppress(OSError, ValueError):
            stream = self._stream or sys.stdout.buffer
            stream.write(line)
            stream.flush()

    debug = info = warning = error = critical = msg


class _Bridge(logging.Handler):
    """Hands on what libraries log through the standard library: of most of them that they did and where, not what."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        facts = describe(error) if error else {}
        if _is_outspoken(record.name):
            logger().log(record.levelno, record.getMessage(), logger=record.name, **facts)
        else:
            place = f"{record.module}.{record.funcName}:{record.lineno}"
            logger().log(record.levelno, "library", logger=record.name, place=place, **facts)


def _is_outspoken(name: str) -> bool:
    return any(name == known or name.startswith(f"{known}.") for known in _OUTSPOKEN)


class _Process:
    """The one logger of a process; replaced by `configure`."""

    log: FilteringBoundLogger


def configure(log_format: str, log_level: str, stream: BinaryIO | None = None) -> None:
    """Log from now on: `log_format` json or console, `log_level` a key of LEVELS, to `stream` or standard output."""
    level = LEVELS[log_level]
    _Process.log = _build(log_format, level, stream)
    root = logging.getLogger()
    for handler in [kept for kept in root.handlers if isinstance(kept, _Bridge)]:
        root.removeHandler(handler)
    root.addHandler(_Bridge())
    root.setLevel(max(level, logging.INFO))
    logging.captureWarnings(True)


def logger() -> FilteringBoundLogger:
    """The process's logger: a constant as event, plain facts as keywords; never a secret, never a personal value."""
    return _Process.log


def _build(log_format: str, level: int, stream: BinaryIO | None) -> FilteringBoundLogger:
    render = _render_json if log_format == "json" else _ConsoleLine()
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        render,
    ]
    wrapper = structlog.make_filtering_bound_logger(level)
    log: FilteringBoundLogger = structlog.wrap_logger(
        _Lines(stream), processors=processors, wrapper_class=wrapper, context_class=dict
    ).bind()
    return log


def _render_json(_logger: WrappedLogger, _method: str, event: EventDict) -> bytes:
    return orjson.dumps(event, default=_type_name, option=orjson.OPT_APPEND_NEWLINE)


def _type_name(value: Any) -> str:
    """What is no JSON value is named by its type alone: its text could be anything."""
    return f"<{type(value).__name__}>"


class _ConsoleLine:
    """The same facts as coloured text."""

    def __init__(self) -> None:
        self._render = structlog.dev.ConsoleRenderer()

    def __call__(self, logger: WrappedLogger, method: str, event: EventDict) -> bytes:
        return f"{self._render(logger, method, event)}\n".encode()


_Process.log = _build("json", _SILENT, None)
