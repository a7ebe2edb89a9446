"""Searches: one statement for a page, and one for the total where the page does not tell it.

    page     the record columns and the sort keys of the resources on it, by LIMIT
    record   the page, and what is aggregated for those resources alone

A first page that is not full tells the total. A later page without a sort begins at an id that is found by a walk
over an index that holds nothing but ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, or_, select

from scim_server.domain.query import Order, Page, Query, Selection
from scim_server.storage.base import Expand, Found, Record
from scim_server.storage.sql.order import SortKeys
from scim_server.storage.sql.records import COLUMNS, Records
from scim_server.storage.sql.tables import resources
from scim_server.storage.sql.where import Conditions

_FIRST = 1
"""Pages that begin after this one are found by a walk over ids."""


class Searches:
    """Builds and runs searches on one engine."""

    def __init__(self, conditions: Conditions, records: Records) -> None:
        self._conditions = conditions
        self._records = records
        self._sort_keys = SortKeys(conditions.paths)

    def find(self, connection: Connection, tenant: int, query: Query, expand: Expand) -> Found:
        where = self._where(query.selections)
        parameters = {"tenant": tenant}
        page = query.page
        records = self._page(connection, parameters, query, where, expand) if page.count else []
        seen = page.start_index - 1 + len(records)
        if _tells_total(page, len(records)):
            return Found(seen, records)
        total = connection.execute(select(func.count()).select_from(resources).where(where), parameters).scalar_one()
        # The count is of a later moment than the page: it never denies what the page shows.
        return Found(max(total, seen) if records else total, records)

    def _where(self, selections: Sequence[Selection]) -> ColumnElement[bool]:
        tenant = resources.c.tenant_id == bindparam("tenant")
        names = [s.resource_type.name for s in selections]
        if all(s.filter is None for s in selections) and len(names) > 1:
            return and_(tenant, resources.c.type.in_(names))
        return and_(tenant, or_(*map(self._selected, selections)))

    def _selected(self, selection: Selection) -> ColumnElement[bool]:
        of_type = resources.c.type == selection.resource_type.name
        if selection.filter is None:
            return of_type
        return and_(of_type, self._conditions.of_resource(selection.filter, selection.resource_type))

    def _page(
        self,
        connection: Connection,
        parameters: dict[str, Any],
        query: Query,
        where: ColumnElement[bool],
        expand: Expand,
    ) -> list[Record]:
        keys = self._sort_keys.of(query) if query.order else []
        order = query.order or Order.ASCENDING
        plain = select(resources.c.tenant_id, *COLUMNS, *(key.label(f"sort_{n}") for n, key in enumerate(keys)))
        limited = self._limited(plain.where(where), query.page, where, keys, order)
        page = limited.cte("page")
        types = [selection.resource_type for selection in query.selections]
        record = select(*(page.c[column.name] for column in COLUMNS))
        full, shape = self._records.complete(record, page, types, expand)
        sorted_by = [_directed(page.c[f"sort_{n}"], order) for n in range(len(keys))]
        statement = full.order_by(*sorted_by, _directed(page.c.id, order))
        return [shape.record(row) for row in connection.execute(statement, parameters)]

    def _limited(
        self,
        plain: Select[Any],
        page: Page,
        where: ColumnElement[bool],
        keys: Sequence[ColumnElement[Any]],
        order: Order,
    ) -> Select[Any]:
        skipped = page.start_index - 1
        if not keys and skipped:
            first = select(resources.c.id).where(where).order_by(_directed(resources.c.id, order)).limit(1)
            start = first.offset(skipped).scalar_subquery().correlate(None)
            from_there = resources.c.id >= start if order is Order.ASCENDING else resources.c.id <= start
            plain, skipped = plain.where(from_there), 0
        limited = plain.order_by(*(_directed(key, order) for key in keys), _directed(resources.c.id, order))
        return limited.limit(page.count).offset(skipped) if skipped else limited.limit(page.count)


def _tells_total(page: Page, found: int) -> bool:
    if page.count == 0 or found == page.count:
        return False
    return found > 0 or page.start_index == _FIRST


def _directed(key: ColumnElement[Any], order: Order) -> ColumnElement[Any]:
    """Absent values last ascending and first descending, on every engine (R-SORT-03)."""
    return key.asc().nulls_last() if order is Order.ASCENDING else key.desc().nulls_first()
