"""Access to PostgreSQL, through psycopg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL

from scim_server.storage.sql.access import Limits, arguments


class PostgresqlAccess:
    """A pool in AUTOCOMMIT for reads, another in READ COMMITTED for writes; the time limits are the server's own."""

    begin_snapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, url: URL, limits: Limits) -> None:
        read = {"statement_timeout": limits.read_time}
        write = {
            "lock_timeout": limits.write_time / 2,
            "idle_in_transaction_session_timeout": limits.write_time * 3,
        }
        self.reader = _engine(url, limits, "AUTOCOMMIT", read)
        self.writer = _engine(url, limits, "READ COMMITTED", write)

    @contextmanager
    def deadline(self, connection: Connection) -> Iterator[None]:
        yield

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield


# Statements here touch few rows, whatever the planner thinks of recursive ones: compiling such a one takes a second.
_NO_COMPILER: Final = "-c jit=off"


def _engine(url: URL, limits: Limits, isolation: Any, times: dict[str, float]) -> Engine:
    limited = (f"-c {name}={int(seconds * 1000)}" for name, seconds in times.items())
    settings = " ".join([_NO_COMPILER, *limited])
    given = url.query.get("options")
    options = f"{given} {settings}" if isinstance(given, str) else settings
    return create_engine(
        url.difference_update_query(["options"]),
        connect_args={"options": options, "connect_timeout": 5},
        **arguments(limits),
        isolation_level=isolation,
        skip_autocommit_rollback=True,
    )
