"""Searches: one statement for a page, and one for the total where the page does not tell it.

    keyed    of a sort: the ids and sort keys of all resources that the filter holds for
    page     what stands on the page, by LIMIT: record columns, or ids and sort keys
    fetched  of a sort: the record columns of the page
    record   the page, and what is aggregated for those resources alone

A first page that is not full tells the total. A later page by index without a sort begins at an id that is found by
a walk over an index that holds nothing but ids; a page by cursor begins at its position (`keyset`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    Label,
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

from scim_server.domain.filter import count_tests
from scim_server.domain.query import CursorPage, Order, Page, Position, Query, Selection
from scim_server.domain.schema import ResourceType
from scim_server.storage.base import Expand, Found, Record
from scim_server.storage.sql import keyset
from scim_server.storage.sql.connections import ONCE
from scim_server.storage.sql.lookups import Prepared
from scim_server.storage.sql.nodes import Condition
from scim_server.storage.sql.order import Rows, SortKey, SortKeys
from scim_server.storage.sql.records import COLUMNS, Records, Shape
from scim_server.storage.sql.tables import resources
from scim_server.storage.sql.where import Conditions

_MOST_PLANS = 500
_MOST_TESTS = 8

_COUNT = bindparam("count", type_=Integer)
_SKIPPED = bindparam("skipped", type_=BigInteger)


@dataclass(frozen=True, slots=True)
class Plan:
    """The statements of a search; parameters: tenant, the literals of a prepared filter, and for the page count and
    skipped, or those of `keyset`.

    The rows of a page end with their sort keys; of one by cursor, with the number of rows that were seen.
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
            return replace(found, options=ONCE) if _is_large(query) else found, {}
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
        whose = resources.c.type == query.selections[0].resource_type.name
        one = _records_of(named.columns[0], [key.expression for key in keys]).where(whose, condition)
        found = self._conditions.each_of(named, one)
        rows = Rows(select(found), found.c.id, [key.within(found) for key in keys])
        return self._plan_of(query, rows, select(func.count()).select_from(found), expand)

    def _condition(self, selection: Selection) -> Condition:
        if selection.filter is None:
            return true()
        return self._conditions.of_resource(selection.filter, selection.resource_type)

    def _planned(self, query: Query, conditions: Sequence[Condition], expand: Expand) -> Plan:
        where = _where(query.selections, conditions)
        total = select(func.count()).select_from(resources).where(where)
        keys = self._sort_keys.of(query)
        if not keys:
            plain = select(resources.c.tenant_id, *COLUMNS).where(where)
            return self._plan_of(query, Rows(plain, resources.c.id, ()), total, expand)
        # OFFSET 0: every key is made once, not again for each time that a condition or the order names it.
        made = select(resources.c.id, *(key.expression for key in keys)).where(where).offset(literal_column("0"))
        keyed = made.subquery("keyed")
        rows = Rows(select(keyed), keyed.c.id, [key.within(keyed) for key in keys])
        return self._plan_of(query, rows, total, expand)

    def _plan_of(self, query: Query, rows: Rows, total: Select[Any], expand: Expand) -> Plan:
        order = query.order or Order.ASCENDING
        page, seen = _paged(rows, query.page, order)
        if not rows.have_records:
            page = self._fetched(page, rows.keys)
        record = select(*(page.c[column.name] for column in COLUMNS))
        full, shape = self._records.complete(record, page, [s.resource_type for s in query.selections], expand)
        keys = [key.within(page) for key in rows.keys]
        whole = Rows(full.add_columns(*(key.expression for key in keys), *seen), page.c.id, keys)
        return Plan(whole.in_order(order), total, shape, rows.keys)

    def _fetched(self, page: CTE, keys: Sequence[SortKey]) -> CTE:
        """The records of a page of which only ids and sort keys are known: a sort carries no documents along."""
        one = _records_of(page.c.id, [key.within(page).expression for key in keys])
        return select(self._conditions.each_of(page, one)).cte("fetched")


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
        # The count is of a later moment than the page, as by index: it never denies what was seen.
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
    return any(s.filter is not None and count_tests(s.filter) > _MOST_TESTS for s in query.selections)


def _signature(selection: Selection, prepared: Prepared) -> tuple[ResourceType, str, str]:
    """The type itself, not its name: a tenant's variant of it may derive values in another way."""
    sort_by = selection.sort_by.key if selection.sort_by else ""
    return selection.resource_type, prepared.signature, sort_by


def _page_signature(page: Page | CursorPage) -> object:
    return keyset.signature(page) if isinstance(page, CursorPage) else page.start_index > 1


def _where(selections: Sequence[Selection], conditions: Sequence[Condition]) -> Condition:
    """Each type with its condition. Without conditions one list of types, which an index over types and ids serves."""
    tenant = resources.c.tenant_id == bindparam("tenant")
    names = [selection.resource_type.name for selection in selections]
    if len(names) > 1 and all(selection.filter is None for selection in selections):
        return and_(tenant, resources.c.type.in_(names))
    pairs = zip(names, conditions, strict=True)
    return and_(tenant, or_(*(and_(resources.c.type == name, condition) for name, condition in pairs)))


def _records_of(id: ColumnElement[str], keys: Iterable[ColumnElement[Any]]) -> Select[Any]:
    """The record columns of the resource with that id, with its sort keys."""
    return select(resources.c.tenant_id, *COLUMNS, *keys).where(
        resources.c.tenant_id == bindparam("tenant"), resources.c.id == id
    )


def _paged(rows: Rows, page: Page | CursorPage, order: Order) -> tuple[CTE, Sequence[Label[int]]]:
    """The rows of the page, and of one by cursor how many were seen."""
    if isinstance(page, CursorPage):
        shown, seen = keyset.page_of(rows, page, order)
        return shown, [seen]
    return _limited(rows, page, order).cte("page"), ()


def _limited(rows: Rows, page: Page, order: Order) -> Select[Any]:
    limited = rows.in_order(order).limit(_COUNT)
    if page.start_index == 1:
        return limited
    if rows.id is not resources.c.id:
        return limited.offset(_SKIPPED)
    first = rows.in_order(order).with_only_columns(rows.id).limit(1).offset(_SKIPPED)
    start = first.scalar_subquery().correlate(None)
    return limited.where(rows.id >= start if order is Order.ASCENDING else rows.id <= start)


def _tells_total(page: Page, found: int) -> bool:
    """Whether a page that is not full says how many there are: one that is empty says so only where it is the first."""
    return found < page.count and (found > 0 or page.start_index == 1)
