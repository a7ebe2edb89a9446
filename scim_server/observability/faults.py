"""Unexpected faults: what failed and where, without what it failed on.

A traceback with source lines would be harmless, but the text of an exception is not: a database error repeats
parameters, a KeyError the key. So a fault is logged as the types of its chain, their places, and the database's
code of the error.
"""

from __future__ import annotations

from collections.abc import Iterator
from traceback import walk_tb
from typing import Any, Final

MOST_CAUSES: Final = 5
MOST_PLACES: Final = 40


def describe(error: BaseException) -> dict[str, Any]:
    """The facts of an exception that are safe to log.

    `error` is its type, `places` are `module.function:line` from the outermost to where it was raised, `code` is
    what the database called it, and `causes` describes the exceptions that led to it, the nearest first.
    """
    first, *causes = _chain(error)
    return {**_one(first), "causes": [_one(cause) for cause in causes]} if causes else _one(first)


def _chain(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    for _ in range(MOST_CAUSES):
        if found is None:
            return
        yield found
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)


def _one(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    facts = {"error": f"{kind.__module__}.{kind.__qualname__}", "places": list(_places(error))[-MOST_PLACES:]}
    code = _code(error)
    return {**facts, "code": code} if code else facts


def _places(error: BaseException) -> Iterator[str]:
    for frame, line in walk_tb(error.__traceback__):
        yield f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}:{line}"


def _code(error: BaseException) -> str | None:
    """The SQLSTATE of psycopg, the error name of sqlite3, or the operating system's errno."""
    for name in ("sqlstate", "sqlite_errorname", "errno"):
        value = getattr(error, name, None)
        if isinstance(value, str | int):
            return str(value)
    return None
