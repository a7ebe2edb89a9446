"""Searches: one statement for a page, and one for the total where the page does not tell it.

    page     the record columns and the sort keys of the resources on it, by LIMIT
    record   the page, and what is aggregated for those resources alone

A first page that is not full tells the total. A later page by index without a sort begins at an id that is found by
a walk over an index that holds nothing but ids; a page by cursor begins at its position (`keyset`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    CursorResult,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
)

from scim_server.domain.filter import AnyElement, BoundAnd, BoundFilter, BoundNot, BoundOr
from scim_server.domain.query import CursorPage, Order, Page, Position, Query, Selection
from scim_server.storage.base import Expand, Found, Record
from scim_server.storage.sql import keyset
from scim_server.storage.sql.nodes import Condition
from scim_server.storage.sql.order import SortKey, SortKeys, directed
from scim_server.storage.sql.records import COLUMNS, Records, Shape
from scim_server.storage.sql.tables import resources
from scim_server.storage.sql.where import Conditions, Prepared

_MOST_PLANS = 500
_MOST_LEAVES = 8
_ONCE: Mapping[str, Any] = {"compiled_cache": None}
"""Compile and forget: a client that sends ever new large filters must not fill the memory with their statements."""

_COUNT = bindparam("count", type_=Integer)
_SKIPPED = bindparam("skipped", type_=BigInteger)


@dataclass(frozen=True, slots=True)
class Plan:
    """The statements of a search; parameters: tenant, the literals of a prepared filter, and for the page count and
    skipped, or those of `keyset`.

    The rows of a page by cursor end with their sort keys and the number of rows that were seen.
    """

    page: Select[Any]
    total: Select[Any]
    shape: Shape
    keys: Sequence[SortKey]
    options: Mapping[str, Any] = field(default_factory=dict)
    """How to execute both."""

    def position(self, row: Row[Any]) -> Position:
        return Position(tuple(_plain(row._mapping[key.name]) for key in self.keys), row.id)


class Searches:
    """Builds and runs searches on one engine."""

    def __init__(self, conditions: Conditions, records: Records) -> None:
        self._conditions = conditions
        self._records = records
        self._sort_keys = SortKeys(conditions.paths)
        self._plans: dict[Any, Plan] = {}

    def find(self, connection: Connection, tenant: int, query: Query, expand: Expand) -> Found:
        page = query.page
        plan, literals = self._plan(query, expand)
        run = _Run(connection, plan, {"tenant": tenant, **literals})
        return run.by_cursor(page) if isinstance(page, CursorPage) else run.by_index(page)

    def _plan(self, query: Query, expand: Expand) -> tuple[Plan, Mapping[str, str]]:
        prepared = [
            self._conditions.prepared(selection.filter, selection.resource_type, f"key_{number}")
            for number, selection in enumerate(query.selections)
        ]
        known = [each for each in prepared if each is not None]
        if len(known) < len(prepared):
            found = self._ad_hoc(query, expand)
            return replace(found, options=_ONCE) if _is_large(query) else found, {}
        literals = {name: key for each in known for name, key in each.parameters.items()}
        signature = (*map(_signature, query.selections, known), query.order, _page_signature(query.page), expand)
        plan = self._plans.get(signature)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[signature] = self._prepared(query, known, expand)
        return plan, literals

    def _prepared(self, query: Query, known: Sequence[Prepared], expand: Expand) -> Plan:
        ids = known[0].ids if len(known) == 1 else None
        if ids is not None:
            return self._looked_up(query, ids, true(), expand)
        return self._planned(query, list(map(self._conditions.named_by, known)), expand)

    def _ad_hoc(self, query: Query, expand: Expand) -> Plan:
        conditions = list(map(self._condition, query.selections))
        if len(conditions) == 1:
            selection = query.selections[0]
            ids = self._conditions.driver(selection.filter, selection.resource_type)
            if ids is not None:
                return self._looked_up(query, ids, conditions[0], expand)
        return self._planned(query, conditions, expand)

    def _looked_up(self, query: Query, ids: Select[Any], condition: Condition, expand: Expand) -> Plan:
        """Those resources of a look-up for which the condition holds, fetched one by one by their ids.

        OFFSET 0 and LATERAL leave PostgreSQL no other plan: without fresh statistics it would walk all resources of the
        type instead, and the look-up before a create would grow with the directory.
        """
        named = ids.offset(literal_column("0")).subquery("named")
        keys = self._sort_keys.of(query)
        one = select(resources.c.tenant_id, *COLUMNS, *(key.expression for key in keys)).where(
            resources.c.tenant_id == bindparam("tenant"),
            resources.c.type == query.selections[0].resource_type.name,
            resources.c.id == named.columns[0],
            condition,
        )
        found = self._conditions.each_of(named, one)
        total = select(func.count()).select_from(found)
        outside = [key.within(found) for key in keys]
        if isinstance(query.page, CursorPage):
            page, seen = keyset.page_of(select(found), found.c.id, outside, query.page, _order(query))
            return self._plan_of(query, page, total, keys, expand, seen)
        rows = _sorted(select(found), found.c.id, outside, _order(query))
        return self._plan_of(query, rows.limit(_COUNT).offset(_SKIPPED).cte("page"), total, keys, expand)

    def _condition(self, selection: Selection) -> Condition:
        if selection.filter is None:
            return true()
        return self._conditions.of_resource(selection.filter, selection.resource_type)

    def _planned(self, query: Query, conditions: Sequence[Condition], expand: Expand) -> Plan:
        where = _where(query.selections, conditions)
        keys = self._sort_keys.of(query)
        plain = select(resources.c.tenant_id, *COLUMNS, *(key.expression for key in keys)).where(where)
        total = select(func.count()).select_from(resources).where(where)
        if isinstance(query.page, CursorPage):
            page, seen = keyset.page_of(plain, resources.c.id, keys, query.page, _order(query))
            return self._plan_of(query, page, total, keys, expand, seen)
        page = _limited(plain, query.page, where, keys, _order(query)).cte("page")
        return self._plan_of(query, page, total, keys, expand)

    def _plan_of(
        self,
        query: Query,
        page: CTE,
        total: Select[Any],
        keys: Sequence[SortKey],
        expand: Expand,
        seen: Select[Any] | None = None,
    ) -> Plan:
        types = [selection.resource_type for selection in query.selections]
        record = select(*(page.c[column.name] for column in COLUMNS))
        full, shape = self._records.complete(record, page, types, expand)
        outside = [key.within(page) for key in keys]
        if seen is not None:
            full = full.add_columns(*(key.expression for key in outside), seen.scalar_subquery().label("seen"))
        return Plan(_sorted(full, page.c.id, outside, _order(query)), total, shape, keys)


@dataclass(frozen=True, slots=True)
class _Run:
    """One search: a plan with its parameters."""

    connection: Connection
    plan: Plan
    parameters: Mapping[str, Any]

    def by_index(self, page: Page) -> Found:
        records: list[Record] = []
        if page.count:
            rows = self._execute(self.plan.page, {"count": page.count, "skipped": page.start_index - 1})
            records = self.plan.shape.records(rows)
        seen = page.start_index - 1 + len(records)
        if _tells_total(page, len(records)):
            return Found(seen, records)
        total = self._total()
        # The count is of a later moment than the page: it never denies what the page shows.
        return Found(max(total, seen) if records else total, records)

    def by_cursor(self, page: CursorPage) -> Found:
        if page.start is not None:
            keyset.check(page.start, [key.kind for key in self.plan.keys])
        rows = self._execute(self.plan.page, keyset.parameters(page)).all() if page.count else []
        seen = rows[0].seen if rows else 0
        edges = keyset.edges(page, [self.plan.position(row) for row in rows], seen)
        return Found(self._total_beside(page, seen), self.plan.shape.records(rows), edges)

    def _total_beside(self, page: CursorPage, seen: int) -> int:
        if page.total is not None:
            return page.total
        if page.start is None and seen < page.count:
            return seen
        return max(self._total(), seen)

    def _total(self) -> int:
        total: int = self._execute(self.plan.total, {}).scalar_one()
        return total

    def _execute(self, statement: Select[Any], more: Mapping[str, Any]) -> CursorResult[Any]:
        return self.connection.execute(statement, {**self.parameters, **more}, execution_options=self.plan.options)


def _plain(key: Any) -> str | int | None:
    """A sort key as JSON has it: PostgreSQL's numbers come as decimals."""
    return int(key) if isinstance(key, Decimal) else key


def _is_large(query: Query) -> bool:
    return any(s.filter is not None and _leaves(s.filter) > _MOST_LEAVES for s in query.selections)


def _signature(selection: Selection, prepared: Prepared) -> tuple[str, str, str]:
    sort_by = selection.sort_by.key if selection.sort_by else ""
    return selection.resource_type.name, prepared.signature, sort_by


def _page_signature(page: Page | CursorPage) -> object:
    return keyset.signature(page) if isinstance(page, CursorPage) else page.start_index > 1


def _order(query: Query) -> Order:
    """The direction of a query; without an order ids ascend."""
    return query.order or Order.ASCENDING


def _where(selections: Sequence[Selection], conditions: Sequence[Condition]) -> Condition:
    """Each type with its condition. Without conditions one list of types, which an index over types and ids serves."""
    tenant = resources.c.tenant_id == bindparam("tenant")
    names = [selection.resource_type.name for selection in selections]
    if len(names) > 1 and all(selection.filter is None for selection in selections):
        return and_(tenant, resources.c.type.in_(names))
    pairs = zip(names, conditions, strict=True)
    return and_(tenant, or_(*(and_(resources.c.type == name, condition) for name, condition in pairs)))


def _limited(plain: Select[Any], page: Page, where: Condition, keys: Sequence[SortKey], order: Order) -> Select[Any]:
    rows = _sorted(plain, resources.c.id, keys, order).limit(_COUNT)
    if page.start_index == 1:
        return rows
    if keys:
        return rows.offset(_SKIPPED)
    first = select(resources.c.id).where(where).order_by(directed(resources.c.id, order)).limit(1).offset(_SKIPPED)
    start = first.scalar_subquery().correlate(None)
    return rows.where(resources.c.id >= start if order is Order.ASCENDING else resources.c.id <= start)


def _sorted(rows: Select[Any], id: ColumnElement[str], keys: Sequence[SortKey], order: Order) -> Select[Any]:
    return rows.order_by(*(directed(key.expression, order) for key in keys), directed(id, order))


def _tells_total(page: Page, found: int) -> bool:
    """Whether a page that is not full says how many there are: one that is empty says so only where it is the first."""
    return found < page.count and (found > 0 or page.start_index == 1)


def _leaves(bound: BoundFilter) -> int:
    """How many tests a filter has."""
    match bound:
        case BoundAnd(terms) | BoundOr(terms):
            return sum(map(_leaves, terms))
        case BoundNot(inner) | AnyElement(_, inner):
            return _leaves(inner)
        case _:
            return 1
