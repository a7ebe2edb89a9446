"""Access to SQLite: a file in WAL mode, for its owner alone."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL

from scim_server.storage.sql.access import Limits, arguments
from scim_server.storage.sql.queue import WriterQueue

_INSTRUCTIONS_BETWEEN_CHECKS = 20_000


class SqliteAccess:
    """Readers never wait; writers, of all processes, queue on a lock file beside the database (`queue`)."""

    begin_snapshot = "BEGIN"

    def __init__(self, url: URL, limits: Limits) -> None:
        self._read_time = limits.read_time
        self.reader = _engine(url, limits)
        self.writer = _engine(url, limits)
        event.listen(self.writer, "begin", _begin_immediate)
        self._queue = WriterQueue(_lock_file(url), limits.write_time)

    @contextmanager
    def deadline(self, connection: Connection) -> Iterator[None]:
        driver = connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        end = time.monotonic() + self._read_time
        driver.set_progress_handler(lambda: time.monotonic() > end, _INSTRUCTIONS_BETWEEN_CHECKS)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    def turn(self) -> Any:
        return self._queue.turn()


def _engine(url: URL, limits: Limits) -> Engine:
    # isolation_level None: the driver begins no transaction of its own accord.
    given = {"check_same_thread": False, "isolation_level": None, "timeout": limits.write_time / 2}
    engine = create_engine(url, connect_args=given, **arguments(limits))
    path = _path_of(url)

    @event.listens_for(engine, "do_connect")
    def create(*_: object) -> None:
        if path is not None:
            _create_private(path)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {limits.synchronous}")

    return engine


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _path_of(url: URL) -> Path | None:
    """The file of the database; None for a URI, whose path only SQLite can read."""
    database = url.database or ""
    return None if database.startswith("file:") else Path(database)


def _create_private(path: Path) -> None:
    """Make the file so that its owner alone reads it: it holds personal data. SQLite gives its journals the same mode.

    A file that is there keeps its mode, which the operator chose. What cannot be made, SQLite reports.
    """
    if path.exists():
        return
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _lock_file(url: URL) -> Path | None:
    """The file that writers queue on."""
    path = _path_of(url)
    return path and path.with_name(f"{path.name}-writer.lock")
