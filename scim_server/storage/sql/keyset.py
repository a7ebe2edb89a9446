"""Pages by cursor: what stands next to a position in the order of a query, found without a walk to get there.

    ahead   one row more than the page has, nearest to the position first
    page    those rows without the last one, which says only that there is more

Going backward is going forward in the opposite order: with absent values on the other side and ids the other way.
The position travels as parameters, so that all pages of a walk are one statement; only which of its keys are absent
shapes the conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import CTE, Integer, Label, Text, and_, bindparam, func, or_, select

from scim_server.domain.query import CursorPage, Direction, Order, Position
from scim_server.errors import InvalidCursor
from scim_server.storage.base import Edges
from scim_server.storage.sql.nodes import Condition
from scim_server.storage.sql.order import Kind, Rows, SortKey

_COUNT = bindparam("count", type_=Integer)
_AHEAD = bindparam("ahead", type_=Integer)
_ID = "start_id"


def signature(page: CursorPage) -> tuple[object, ...]:
    """What of a page shapes its statement."""
    absent = None if page.start is None else tuple(key is None for key in page.start.keys)
    return page.direction, absent


def parameters(page: CursorPage) -> dict[str, Any]:
    """The parameters of the statement for that page."""
    counts = {"count": page.count, "ahead": page.count + 1}
    if page.start is None:
        return counts
    keys = {_name(number): key for number, key in enumerate(page.start.keys) if key is not None}
    return {**counts, **keys, _ID: page.start.id}


def check(start: Position, kinds: Sequence[Kind]) -> None:
    """Raise InvalidCursor where the position is none in an order by such keys.

    A second line of defence: a cursor is bound to the query and to the registry's stamp, and does not open for others.
    """
    if len(start.keys) != len(kinds) or not Kind.TEXT.holds(start.id):
        raise InvalidCursor
    if not all(key is None or kind.holds(key) for key, kind in zip(start.keys, kinds, strict=True)):
        raise InvalidCursor


def travel(order: Order, page: CursorPage) -> Order:
    """The order in which one meets the rows of a page, going from its start."""
    if page.direction is Direction.FORWARD:
        return order
    return Order.DESCENDING if order is Order.ASCENDING else Order.ASCENDING


def page_of(rows: Rows, page: CursorPage, order: Order) -> tuple[CTE, Label[int]]:
    """The page of those rows, and "seen": how many rows the page has, and one more where there is more."""
    towards = travel(order, page)
    if page.start is not None:
        rows = replace(rows, selected=rows.selected.where(_beyond(rows, page.start, towards)))
    ahead = rows.in_order(towards).limit(_AHEAD).cte("ahead")
    nearest = Rows(select(ahead), ahead.c.id, [key.within(ahead) for key in rows.keys])
    seen = select(func.count()).select_from(ahead).scalar_subquery().label("seen")
    return nearest.in_order(towards).limit(_COUNT).cte("page"), seen


def _beyond(rows: Rows, start: Position, towards: Order) -> Condition:
    """Whether a row comes after the position; absent keys come last ascending, first descending (R-SORT-03)."""
    from_there = bindparam(_ID, type_=Text)
    by_id = rows.id > from_there if towards is Order.ASCENDING else rows.id < from_there
    return or_(*_later(rows.keys, start, towards), and_(*_equal(rows.keys, start), by_id))


def _later(keys: Sequence[SortKey], start: Position, towards: Order) -> Iterator[Condition]:
    """For each key: whether those before it are equal to the position's, and this one is later."""
    for number, (key, there) in enumerate(zip(keys, start.keys, strict=False)):
        same = _equal(keys[:number], start)
        value, bound = key.expression, bindparam(_name(number), type_=key.kind.type)
        if towards is Order.DESCENDING:
            yield and_(*same, value.is_not(None) if there is None else value < bound)
        elif there is not None:
            yield and_(*same, or_(value > bound, value.is_(None)))


def _equal(keys: Sequence[SortKey], start: Position) -> list[Condition]:
    return [
        key.expression.is_(None) if there is None else key.expression == bindparam(_name(number), type_=key.kind.type)
        for number, (key, there) in enumerate(zip(keys, start.keys, strict=False))
    ]


def _name(number: int) -> str:
    return f"start_{number}"


def edges(page: CursorPage, positions: Sequence[Position], seen: int) -> Edges | None:
    """Where a page begins and ends; `positions` are those of its records in the order of the query.

    In the direction of travel the row that was seen beyond the page tells whether there is more; on the other side
    stands the resource that the page was asked to begin next to (R-CUR-04, R-CUR-05).
    """
    if not positions:
        return None
    more, behind = seen > len(positions), page.start is not None
    if page.direction is Direction.FORWARD:
        return Edges(positions[0], positions[-1], has_previous=behind, has_next=more)
    return Edges(positions[0], positions[-1], has_previous=more, has_next=behind)
