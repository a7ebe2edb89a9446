"""Cursors: a place in a list, in a form that only this server reads (RFC 9865).

Inside: where the page begins, in which direction, how many resources it has, the total of the first page, and when the
cursor was given out. Bound to: the client with all of its rights, the schemas, the resource types and the query, so
that a cursor is worth nothing to anybody else, for anything else, or once the rights are others (R-CUR-07, -14, -15).
Nothing is kept on the server.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from scim_server.auth import Client
from scim_server.auth.seal import LONGEST, Seal
from scim_server.domain.query import CursorPage, Direction, Position
from scim_server.errors import ExpiredCursor, InvalidCount, InvalidCursor, InvalidValue
from scim_server.http.parameters import Limits, Parameters


class Cursors:
    """Makes and reads the cursors of all walks. `timeout` counts seconds from the moment a cursor is given out."""

    def __init__(self, seal: Seal, clock: Callable[[], datetime], timeout: int) -> None:
        self._seal = seal
        self._clock = clock
        self._timeout = timeout

    def walk(self, bound: bytes) -> Walk:
        """The walk over what `binding` describes."""
        return Walk(self._seal, bound, self._clock().timestamp(), self._timeout)


def binding(client: Client, stamp: str, listed: Sequence[str], parameters: Parameters, limits: Limits) -> bytes:
    """Everything that must be the same on every page; `stamp` is the registry's, `listed` names what the list is of.

    The count is not in it, since a wrong one has an error of its own. How the query came, by GET or POST, does not
    matter (R-SRCH-04).
    """
    query = replace(parameters, cursor=None, start_index=None, count=None)
    return orjson.dumps([client, stamp, listed, query, limits.page_max], option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Walk:
    """The pages of one query of one client. `now` is in seconds since 1970."""

    seal: Seal
    bound: bytes
    now: float
    timeout: int

    def page(self, parameters: Parameters, limits: Limits) -> CursorPage:
        """The page that is asked for; an empty cursor asks for the first one (R-CUR-01).

        A count that is not sent is the one that the walk began with: it contradicts nothing.
        Raises InvalidCursor, ExpiredCursor, InvalidCount.
        """
        if not parameters.cursor:
            return CursorPage(limits.bounded(parameters.count))
        page = self._read(parameters.cursor)
        if parameters.count is not None and limits.bounded(parameters.count) != page.count:
            raise InvalidCount
        return page

    def cursor(self, page: CursorPage) -> str:
        """The cursor of a page. Raises InvalidValue where the value to sort by is too long for a URL."""
        start = page.start and [page.start.keys, page.start.id]
        plain = orjson.dumps([self.now, page.count, page.total, page.direction, start])
        token = self.seal.close(plain, self.bound)
        if len(token) > LONGEST:
            raise InvalidValue("sortBy: a value is too long for a cursor; page by startIndex.")
        return token

    def _read(self, token: str) -> CursorPage:
        plain = self.seal.open(token, self.bound)
        if plain is None:
            raise InvalidCursor
        issued, count, total, direction, start = orjson.loads(plain)
        if self.now - issued > self.timeout:
            raise ExpiredCursor
        position = start and Position(tuple(start[0]), start[1])
        return CursorPage(count, position, Direction(direction), total)
