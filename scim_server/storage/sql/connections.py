"""Connections: how they are made, pooled, and given out for reading and for writing.

Reads run in AUTOCOMMIT, each statement of its own, on connections that come back to their pool without a round trip.
Writes run in READ COMMITTED on PostgreSQL and behind BEGIN IMMEDIATE on SQLite, and are run again where only
concurrency was in the way. A connection that the server closed meanwhile costs one more try on a fresh one, not a
failed request.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from scim_server.storage.sql.access import Access, Limits
from scim_server.storage.sql.faults import IN_THE_WAY, Fault, fault_of, translated, unavailable
from scim_server.storage.sql.forks import in_child
from scim_server.storage.sql.postgresql import PostgresqlAccess
from scim_server.storage.sql.sqlite import SqliteAccess

T = TypeVar("T")

ONCE: Mapping[str, Any] = {"compiled_cache": None}
"""How to execute a statement of any shape: a client that sends ever new filters must not fill the memory with them."""


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
        in_child(self._forget)

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
            raise translated(error) from error

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
                    raise translated(error) from error
            except Retry:
                pass
            _pause(attempt)
        raise unavailable(IN_THE_WAY)

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


_RUN_AGAIN = frozenset({Fault.CONTENTION, Fault.DISCONNECTED})
_MOST_LOST = 2
_MOST_ATTEMPTS = 12
_LONGEST_PAUSE = 0.5


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
