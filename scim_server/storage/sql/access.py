"""How one engine is reached: what `connections` asks of SQLite and PostgreSQL, and the limits that both keep."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, Engine


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


def arguments(limits: Limits) -> dict[str, Any]:
    """What every engine is made with."""
    return {
        "pool_size": limits.pool_size,
        "max_overflow": 0,
        "pool_timeout": limits.pool_time,
        # A condition that can be met by nothing drops the joins beside it; the linter takes that for a forgotten one.
        "enable_from_linting": False,
    }
