"""What an error of a driver means: try again, give up for now, or a fault of this program."""

from __future__ import annotations

import sqlite3
from enum import Enum, auto

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from scim_server import errors

_SECONDS_TO_WAIT = "1"
IN_THE_WAY = "Other writes were in the way for too long."
UNREACHABLE = "The database cannot be reached; try again later."


class Fault(Enum):
    CONTENTION = auto()
    """Another transaction was in the way; the same work may succeed if it runs again."""
    DISCONNECTED = auto()
    """The connection is gone, or there is none to be had."""
    EXHAUSTED = auto()
    """No connection of the pool was free in time, or the disk is full: nothing that trying at once again would mend."""
    TIME_LIMIT = auto()
    """The statement ran longer than it may."""
    TOO_COMPLEX = auto()
    """The engine cannot take a statement of that shape."""
    OTHER = auto()


# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
_CONTENTION = frozenset({"40001", "40P01", "55P03"})
_QUERY_CANCELED = "57014"
# Class 08: connection exceptions; 53300: too many connections; 57P01-57P03, 57P05: shut down, starting up, ended
# while idle; 25006: read-only, as the former primary is after a failover.
_DISCONNECTED = frozenset({"53300", "57P01", "57P02", "57P03", "57P05", "25P03", "25006"})
_DISK_FULL = "53100"
_SQLITE = {
    sqlite3.SQLITE_BUSY: Fault.CONTENTION,
    sqlite3.SQLITE_LOCKED: Fault.CONTENTION,
    sqlite3.SQLITE_INTERRUPT: Fault.TIME_LIMIT,
    sqlite3.SQLITE_CANTOPEN: Fault.DISCONNECTED,
    sqlite3.SQLITE_FULL: Fault.EXHAUSTED,
}
# SQLite has no codes of their own for the limits of its parser.
_SQLITE_LIMITS = ("parser stack overflow", "Expression tree is too large", "too many SQL variables")
_PRIMARY_CODE = 0xFF  # the rest of a SQLite code tells variants apart


def fault_of(error: Exception) -> Fault:
    """The meaning of an exception that SQLAlchemy raised."""
    if isinstance(error, PoolTimeout):
        return Fault.EXHAUSTED
    if not isinstance(error, DBAPIError):
        return Fault.OTHER
    if isinstance(error.orig, sqlite3.Error):
        if str(error.orig).startswith(_SQLITE_LIMITS):
            return Fault.TOO_COMPLEX
        code = getattr(error.orig, "sqlite_errorcode", 0)
        return _SQLITE.get(code & _PRIMARY_CODE, Fault.OTHER)
    return _of_postgresql(error)


def _of_postgresql(error: DBAPIError) -> Fault:
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state in _CONTENTION:
        return Fault.CONTENTION
    if state == _QUERY_CANCELED:
        return Fault.TIME_LIMIT
    if state == _DISK_FULL:
        return Fault.EXHAUSTED
    if error.connection_invalidated or state in _DISCONNECTED or (state or "").startswith("08"):
        return Fault.DISCONNECTED
    if state is None and isinstance(error, OperationalError):
        return Fault.DISCONNECTED  # the connection could not be made
    return Fault.OTHER


def unavailable(detail: str) -> errors.Unavailable:
    """503 with the time after which it makes sense to come back."""
    return errors.Unavailable(detail, headers={"Retry-After": _SECONDS_TO_WAIT})


def translated(error: SQLAlchemyError) -> Exception:
    """What the rest of the server is told; the error itself where that is a fault of this program."""
    fault = fault_of(error)
    if fault is Fault.TIME_LIMIT:
        return errors.TooMany()
    if fault is Fault.TOO_COMPLEX:
        return errors.InvalidFilter("The filter is nested too deeply, or too long.")
    if fault is Fault.EXHAUSTED:
        return unavailable("The database has no room for this now; try again later.")
    if fault in (Fault.DISCONNECTED, Fault.CONTENTION):
        return unavailable(UNREACHABLE)
    return error
