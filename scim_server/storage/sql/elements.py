"""Reading the rows of one attribute of one resource: all of them in pieces, or a page of them.

All of them come in their order by one statement, so that the database sorts them, once, and only a piece of them is
in this process. Pages go by id, which is the primary key: a page costs the same wherever it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Integer, bindparam, func, literal, select, true
from sqlalchemy.sql import Select

from scim_server.domain.filter import BoundFilter
from scim_server.domain.query import CursorPage
from scim_server.storage.base import FoundElements
from scim_server.storage.sql.connections import ONCE
from scim_server.storage.sql.rows import OWNED
from scim_server.storage.sql.tables import membership_state, relations, resources

Condition: TypeAlias = ColumnElement[bool]

PIECE = 1_000
"""Rows in memory at a time."""

_ALL = select(relations.c.element).where(OWNED).order_by(relations.c.position, relations.c.target)
_PAIRS = select(relations.c.target, relations.c.element).where(OWNED)
_PAGE = (
    select(relations.c.target, relations.c.element)
    .where(OWNED)
    .order_by(relations.c.target)
    .limit(bindparam("fetched", type_=Integer))
)
_AFTER = relations.c.target > bindparam("after")
_TOTAL = select(func.count()).select_from(relations).where(OWNED)
_IS_THERE = select(literal(1)).where(
    resources.c.tenant_id == bindparam("tenant"),
    resources.c.id == bindparam("owner"),
    resources.c.type == bindparam("of_type"),
)
_VERSION = select(membership_state.c.version).where(
    membership_state.c.tenant_id == bindparam("tenant"), membership_state.c.owner == bindparam("owner")
)


class ElementsReader:
    """`condition` makes SQL over `relations` of a filter whose leaves are ElementTests. `whose` has tenant, kind and
    owner everywhere.
    """

    def __init__(self, condition: Callable[[BoundFilter], Condition]) -> None:
        self._condition = condition

    def pieces(self, connection: Connection, whose: Mapping[str, Any]) -> Iterator[Sequence[str]]:
        """The elements' JSON texts, oldest first."""
        for rows in _in_pieces(connection, _ALL, whose):
            yield [element for (element,) in rows]

    def pairs(self, connection: Connection, whose: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(id, JSON text) of the elements, in no order."""
        for rows in _in_pieces(connection, _PAIRS, whose):
            yield from rows

    def version(self, connection: Connection, whose: Mapping[str, Any]) -> int | None:
        """The membership version; None where there is no such resource."""
        version: int | None = connection.execute(_VERSION, whose).scalar()
        return version

    def page(
        self,
        connection: Connection,
        whose: Mapping[str, Any],
        of_type: str,
        condition: BoundFilter | None,
        page: CursorPage,
    ) -> FoundElements | None:
        """A page; None where there is no such resource."""
        if connection.execute(_IS_THERE, {**whose, "of_type": of_type}).first() is None:
            return None
        holds = true() if condition is None else self._condition(condition)
        options = {} if condition is None else ONCE
        rows: Sequence[Any] = ()
        if page.count:
            parameters = {**whose, "fetched": page.count + 1, "after": page.start.id if page.start else None}
            statement = _PAGE.where(holds) if page.start is None else _PAGE.where(holds, _AFTER)
            rows = connection.execute(statement, parameters, execution_options=options).all()
        shown = rows[: page.count]
        total = page.total
        if total is None:
            total = connection.execute(_TOTAL.where(holds), whose, execution_options=options).scalar_one()
        # The count is of a later moment than the page: it never denies what the page shows.
        total = max(total, len(rows))
        last = shown[-1][0] if shown else None
        return FoundElements(total, [row[1] for row in shown], last, len(rows) > len(shown))


def _in_pieces(connection: Connection, statement: Select[Any], whose: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    with connection.execute(statement, whose, execution_options={"yield_per": PIECE}) as result:
        yield from result.partitions()
