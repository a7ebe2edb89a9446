"""Connections: how they are made, pooled, and given out for reading and for writing.

Reads run in AUTOCOMMIT, each statement of its own, on connections that come back to their pool without a round trip.
Writes run in READ COMMITTED on PostgreSQL and behind BEGIN IMMEDIATE on SQLite, and are run again where only
concurrency was in the way. A connection that the server closed meanwhile costs one more try on a fresh one, not a
failed request.
"""

from __future__ import annotations

import fcntl
import os
import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from weakref import WeakMethod

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from scim_server import errors
from scim_server.storage.sql.faults import Fault, fault_of, unavailable

T = TypeVar("T")

ONCE: Mapping[str, Any] = {"compiled_cache": None}
"""How to execute a statement of any shape: a client that sends ever new filters must not fill the memory with them."""


class Synchronous(StrEnum):
    """When SQLite waits for the disk.

    NORMAL may lose the last commits in a power failure, though never the database.
    """

    FULL = "FULL"
    NORMAL = "NORMAL"


@dataclass(frozen=True, slots=True)
class Limits:
    """Times are in seconds."""

    pool_size: int = 8
    """Connections for reading, and as many for writing, of one process: never more."""
    read_time: float = 10.0
    """A search that runs longer ends in errors.TooMany."""
    write_time: float = 10.0
    """A write that still meets contention after this time ends in errors.Unavailable."""
    synchronous: Synchronous = Synchronous.FULL
    pool_time: float = 5.0
    """A thread that gets no connection of the pool within this time ends in errors.Unavailable."""


class Access(Protocol):
    """One engine's way to connect."""

    reader: Engine
    writer: Engine

    begin_snapshot: str
    """The statement that begins a transaction in which all statements see one moment."""

    def deadline(self, connection: Connection) -> Any:
        """A context in which statements on the connection run no longer than the read time."""

    def turn(self) -> Any:
        """A context in which this process and thread may write."""


def connect(url: str, limits: Limits) -> Connections:
    """Prepare pools for the database; nothing connects yet.

    Raises ValueError for a URL that the storage cannot serve.
    """
    parsed = _parse(url)
    access = SqliteAccess(parsed, limits) if parsed.get_backend_name() == "sqlite" else PostgresqlAccess(parsed, limits)
    return Connections(access, limits)


def _parse(url: str) -> URL:
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite", "postgresql+psycopg"):
        raise ValueError(f"A database URL starts with sqlite:/// or postgresql://, not with {parsed.drivername}://")
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ValueError("A SQLite database must be a file (sqlite:///path): one in memory is not shared by workers")
    return parsed


class Connections:
    """The pools of one process. A forked child builds pools of its own on first use and leaves the parent's alone."""

    def __init__(self, access: Access, limits: Limits) -> None:
        self._access = access
        self._limits = limits
        _in_child(self._forget)

    @property
    def dialect_name(self) -> str:
        return self._access.reader.dialect.name

    @property
    def writer(self) -> Engine:
        """The engine behind `write`, to look at."""
        return self._access.writer

    @property
    def reader(self) -> Engine:
        """The engine behind `read`, to look at."""
        return self._access.reader

    def close(self) -> None:
        self._access.reader.dispose()
        self._access.writer.dispose()

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, which only reads, on a connection in AUTOCOMMIT.

        Raises errors.Unavailable where the database cannot be reached, errors.TooMany where a statement ran too long.
        """
        try:
            return self._read_again(work)
        except SQLAlchemyError as error:
            raise _translated(error) from error

    def _read_again(self, work: Callable[[Connection], T]) -> T:
        try:
            return self._read_once(work)
        except SQLAlchemyError as error:
            if fault_of(error) not in (Fault.DISCONNECTED, Fault.CONTENTION):
                raise
        return self._read_once(work)

    def _read_once(self, work: Callable[[Connection], T]) -> T:
        with _recognised(self._access.reader), self._access.reader.connect() as connection:
            return work(connection)

    def search(self, work: Callable[[Connection], T]) -> T:
        """As `read`, under the time limit on every engine."""

        def limited(connection: Connection) -> T:
            with self._access.deadline(connection):
                return work(connection)

        return self.read(limited)

    def snapshot(self, work: Callable[[Connection], T]) -> T:
        """As `read`, in a transaction in which all statements see one moment; they keep nobody from writing."""

        def at_one_moment(connection: Connection) -> T:
            connection.exec_driver_sql(self._access.begin_snapshot)
            try:
                return work(connection)
            finally:
                _end_snapshot(connection)

        return self.read(at_one_moment)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and commit; run it again, from the start, where only concurrency was in the way.

        Raises errors.Unavailable where that does not help within the write time, and where the connection breaks.
        """
        deadline = time.monotonic() + self._limits.write_time
        lost_connections = 0
        for attempt in _attempts(deadline):
            try:
                return self._write_once(work)
            except _CommitLost as lost:
                raise unavailable("The connection broke at the commit; whether it took effect is unknown.") from lost
            except SQLAlchemyError as error:
                fault = fault_of(error)
                # Nothing was committed: PostgreSQL rolls back what a lost connection leaves.
                lost_connections += fault is Fault.DISCONNECTED
                if fault not in _RUN_AGAIN or lost_connections > _MOST_LOST:
                    raise _translated(error) from error
            except Retry:
                pass
            _pause(attempt)
        raise unavailable(_IN_THE_WAY)

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        writer = self._access.writer
        with self._access.turn(), _recognised(writer), writer.connect() as connection:
            transaction = connection.begin()
            try:
                result = work(connection)
            except BaseException:
                transaction.rollback()
                raise
            _commit(transaction)
            return result

    def _forget(self) -> None:
        """Leave the connections to the parent, which still uses them: they are not closed here."""
        self._access.reader.dispose(close=False)
        self._access.writer.dispose(close=False)


def _end_snapshot(connection: Connection) -> None:
    """Nothing was written, so nothing is lost with it; a connection that cannot end it is of no more use."""
    try:
        connection.exec_driver_sql("ROLLBACK")
    except SQLAlchemyError:
        connection.invalidate()


def _in_child(method: Callable[[], None]) -> None:
    """Call the method in every child that is forked, as long as its object lives."""
    reference = WeakMethod(method)

    def call() -> None:
        live = reference()
        if live is not None:
            live()

    os.register_at_fork(after_in_child=call)


@contextmanager
def _recognised(engine: Engine) -> Iterator[None]:
    """Forget all pooled connections where one turned out to be dead: what ended it has ended the others.

    SQLAlchemy sees that only when the driver has noticed; the message of a server that shuts down comes before.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if fault_of(error) is Fault.DISCONNECTED:
            engine.dispose()
        raise


class Retry(Exception):
    """Raised by work that saw a state which only a concurrent transaction explains."""


class _CommitLost(Exception):
    """The connection broke while the commit was under way."""


def _commit(transaction: Any) -> None:
    try:
        transaction.commit()
    except SQLAlchemyError as error:
        if fault_of(error) is Fault.DISCONNECTED:
            raise _CommitLost from error
        raise


def _translated(error: SQLAlchemyError) -> Exception:
    fault = fault_of(error)
    if fault is Fault.TIME_LIMIT:
        return errors.TooMany()
    if fault is Fault.TOO_COMPLEX:
        return errors.InvalidFilter("The filter is nested too deeply, or too long.")
    if fault is Fault.EXHAUSTED:
        return unavailable("The database has no room for this now; try again later.")
    if fault in (Fault.DISCONNECTED, Fault.CONTENTION):
        return unavailable("The database cannot be reached; try again later.")
    return error


_RUN_AGAIN = frozenset({Fault.CONTENTION, Fault.DISCONNECTED})
_MOST_LOST = 2
_MOST_ATTEMPTS = 12
_LONGEST_PAUSE = 0.5
_IN_THE_WAY = "Other writes were in the way for too long."


def _attempts(deadline: float) -> Iterator[int]:
    for attempt in range(_MOST_ATTEMPTS):
        if attempt and time.monotonic() > deadline:
            return
        yield attempt


def _pause(attempt: int) -> None:
    """Wait a random time that grows with each attempt: short for those that met once, and soon long enough for a rival
    with much to write to be through.
    """
    longest = min(_LONGEST_PAUSE, 0.002 * 4**attempt)
    time.sleep(random.uniform(longest / 2, longest))


# A condition that can be met by nothing drops the joins beside it; the linter takes that for a forgotten one.
_QUIET: Mapping[str, Any] = {"enable_from_linting": False}


def _pool(limits: Limits) -> dict[str, Any]:
    return {"pool_size": limits.pool_size, "max_overflow": 0, "pool_timeout": limits.pool_time}


# SQLite --------------------------------------------------------------------------------------------------------------

_INSTRUCTIONS_BETWEEN_CHECKS = 20_000
_BETWEEN_ASKING = (0.0002, 0.001)


class SqliteAccess:
    """A SQLite file in WAL mode: readers never wait; writers, of all processes, queue on a lock file beside it.

    The queue is there because SQLite itself has none: a writer that finds another one sleeps and polls (busy_timeout).
    Measured with 2 processes of 4 threads, when the wait was the kernel's: p99 19 ms with the file, 110 to 135 without;
    the longest 39 and 340.
    """

    begin_snapshot = "BEGIN"

    def __init__(self, url: URL, limits: Limits) -> None:
        self._read_time = limits.read_time
        self.reader = _sqlite_engine(url, limits)
        self.writer = _sqlite_engine(url, limits)
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


def _sqlite_engine(url: URL, limits: Limits) -> Engine:
    # isolation_level None: the driver begins no transaction of its own accord.
    arguments = {"check_same_thread": False, "isolation_level": None, "timeout": limits.write_time / 2}
    engine = create_engine(url, connect_args=arguments, **_pool(limits), **_QUIET)
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


class WriterQueue:
    """One writer at a time among the threads of this process, and among processes through `flock` on a file.

    `flock` itself waits without end, so it is asked again and again. Measured as above, with a write of 2 ms: p99 43 to
    54 ms, and 41 to 45 where the kernel waits.
    """

    def __init__(self, path: Path | None, patience: float) -> None:
        self._path = path
        self._patience = patience
        self._thread = threading.Lock()
        self._file: int | None = None
        _in_child(self._renew)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises errors.Unavailable where other threads hold it for too long, or where there is no such folder."""
        deadline = time.monotonic() + self._patience
        if not self._thread.acquire(timeout=self._patience):
            raise unavailable(_IN_THE_WAY)
        try:
            yield from self._among_processes(deadline)
        finally:
            self._thread.release()

    def _among_processes(self, deadline: float) -> Iterator[None]:
        if self._path is None:
            yield
            return
        if self._file is None:
            self._file = _opened(self._path)
        _lock(self._file, deadline)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _renew(self) -> None:
        """A child opens the file anew: a file description that it inherits carries the parent's lock, which closing
        it here does not end.
        """
        self._thread = threading.Lock()
        if self._file is not None:
            os.close(self._file)
        self._file = None


def _lock(file: int, deadline: float) -> None:
    """Raises errors.Unavailable where another process holds the lock until the deadline."""
    while not _locked(file):
        if time.monotonic() > deadline:
            raise unavailable(_IN_THE_WAY)
        time.sleep(random.uniform(*_BETWEEN_ASKING))


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise unavailable("The database cannot be reached; try again later.") from error


# PostgreSQL ----------------------------------------------------------------------------------------------------------


class PostgresqlAccess:
    """A pool in AUTOCOMMIT for reads, another in READ COMMITTED for writes; the time limits are the server's own."""

    begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: URL, limits: Limits) -> None:
        read = {"statement_timeout": limits.read_time}
        write = {
            "lock_timeout": limits.write_time / 2,
            "idle_in_transaction_session_timeout": limits.write_time * 3,
        }
        self.reader = _postgresql_engine(url, limits, "AUTOCOMMIT", read)
        self.writer = _postgresql_engine(url, limits, "READ COMMITTED", write)

    @contextmanager
    def deadline(self, connection: Connection) -> Iterator[None]:
        yield

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield


# Statements here touch few rows, whatever the planner thinks of recursive ones: compiling such a one takes a second.
_NO_COMPILER: Final = "-c jit=off"


def _postgresql_engine(url: URL, limits: Limits, isolation: Any, times: dict[str, float]) -> Engine:
    limited = (f"-c {name}={int(seconds * 1000)}" for name, seconds in times.items())
    settings = " ".join([_NO_COMPILER, *limited])
    given = url.query.get("options")
    options = f"{given} {settings}" if isinstance(given, str) else settings
    return create_engine(
        url.difference_update_query(["options"]),
        connect_args={"options": options, "connect_timeout": 5},
        **_pool(limits),
        isolation_level=isolation,
        skip_autocommit_rollback=True,
        **_QUIET,
    )
