"""Searches: one statement for a page, and one for the total where the page does not tell it.

    page     the record columns and the sort keys of the resources on it, by LIMIT
    record   the page, and what is aggregated for those resources alone

A first page that is not full tells the total. A later page without a sort begins at an id that is found by a walk
over an index that holds nothing but ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Label,
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
from scim_server.domain.query import Order, Page, Query, Selection
from scim_server.storage.base import Expand, Found, Record
from scim_server.storage.sql.nodes import Condition
from scim_server.storage.sql.order import SortKeys
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
    """The statements of a search; parameters: tenant, count, skipped, and the literals of a prepared filter."""

    page: Select[Any]
    total: Select[Any]
    shape: Shape
    options: Mapping[str, Any] = field(default_factory=dict)
    """How to execute both."""


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
        parameters = {"tenant": tenant, "count": page.count, "skipped": page.start_index - 1, **literals}
        records: list[Record] = []
        if page.count:
            records = plan.shape.records(connection.execute(plan.page, parameters, execution_options=plan.options))
        seen = page.start_index - 1 + len(records)
        if _tells_total(page, len(records)):
            return Found(seen, records)
        total = connection.execute(plan.total, parameters, execution_options=plan.options).scalar_one()
        # The count is of a later moment than the page: it never denies what the page shows.
        return Found(max(total, seen) if records else total, records)

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
        signature = (*map(_signature, query.selections, known), query.order, query.page.start_index > 1, expand)
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
        keys, order = self._keys(query)
        one = select(resources.c.tenant_id, *COLUMNS, *keys).where(
            resources.c.tenant_id == bindparam("tenant"),
            resources.c.type == query.selections[0].resource_type.name,
            resources.c.id == named.columns[0],
            condition,
        )
        found = self._conditions.each_of(named, one)
        sorted_by = [_directed(found.c[key.name], order) for key in keys]
        page = select(found).order_by(*sorted_by, _directed(found.c.id, order)).limit(_COUNT).offset(_SKIPPED)
        return self._plan_of(query, page.cte("page"), select(func.count()).select_from(found), keys, expand)

    def _keys(self, query: Query) -> tuple[list[Label[Any]], Order]:
        """The labelled sort keys of a query and the direction; without an order there are none, and ids ascend."""
        if query.order is None:
            return [], Order.ASCENDING
        return [key.label(f"sort_{number}") for number, key in enumerate(self._sort_keys.of(query))], query.order

    def _condition(self, selection: Selection) -> Condition:
        if selection.filter is None:
            return true()
        return self._conditions.of_resource(selection.filter, selection.resource_type)

    def _planned(self, query: Query, conditions: Sequence[Condition], expand: Expand) -> Plan:
        where = _where(query.selections, conditions)
        keys, order = self._keys(query)
        plain = select(resources.c.tenant_id, *COLUMNS, *keys).where(where)
        page = _limited(plain, query.page, where, keys, order).cte("page")
        total = select(func.count()).select_from(resources).where(where)
        return self._plan_of(query, page, total, keys, expand)

    def _plan_of(self, query: Query, page: CTE, total: Select[Any], keys: Sequence[Label[Any]], expand: Expand) -> Plan:
        order = query.order or Order.ASCENDING
        types = [selection.resource_type for selection in query.selections]
        record = select(*(page.c[column.name] for column in COLUMNS))
        full, shape = self._records.complete(record, page, types, expand)
        sorted_by = [_directed(page.c[key.name], order) for key in keys]
        return Plan(full.order_by(*sorted_by, _directed(page.c.id, order)), total, shape)


def _is_large(query: Query) -> bool:
    return any(s.filter is not None and _leaves(s.filter) > _MOST_LEAVES for s in query.selections)


def _signature(selection: Selection, prepared: Prepared) -> tuple[str, str, str]:
    sort_by = selection.sort_by.key if selection.sort_by else ""
    return selection.resource_type.name, prepared.signature, sort_by


def _where(selections: Sequence[Selection], conditions: Sequence[Condition]) -> Condition:
    """Each type with its condition. Without conditions one list of types, which an index over types and ids serves."""
    tenant = resources.c.tenant_id == bindparam("tenant")
    names = [selection.resource_type.name for selection in selections]
    if len(names) > 1 and all(selection.filter is None for selection in selections):
        return and_(tenant, resources.c.type.in_(names))
    pairs = zip(names, conditions, strict=True)
    return and_(tenant, or_(*(and_(resources.c.type == name, condition) for name, condition in pairs)))


def _limited(plain: Select[Any], page: Page, where: Condition, keys: Sequence[Label[Any]], order: Order) -> Select[Any]:
    by_id = _directed(resources.c.id, order)
    if page.start_index == 1:
        return plain.order_by(*(_directed(key, order) for key in keys), by_id).limit(_COUNT)
    if keys:
        return plain.order_by(*(_directed(key, order) for key in keys), by_id).limit(_COUNT).offset(_SKIPPED)
    first = select(resources.c.id).where(where).order_by(by_id).limit(1).offset(_SKIPPED)
    start = first.scalar_subquery().correlate(None)
    from_there = resources.c.id >= start if order is Order.ASCENDING else resources.c.id <= start
    return plain.where(from_there).order_by(by_id).limit(_COUNT)


def _tells_total(page: Page, found: int) -> bool:
    """Whether a page that is not full says how many there are: one that is empty says so only where it is the first."""
    return found < page.count and (found > 0 or page.start_index == 1)


def _directed(key: ColumnElement[Any], order: Order) -> ColumnElement[Any]:
    """Absent values last ascending and first descending, on every engine (R-SORT-03)."""
    return key.asc().nulls_last() if order is Order.ASCENDING else key.desc().nulls_first()


def _leaves(bound: BoundFilter) -> int:
    """How many tests a filter has."""
    match bound:
        case BoundAnd(terms) | BoundOr(terms):
            return sum(map(_leaves, terms))
        case BoundNot(inner) | AnyElement(_, inner):
            return _leaves(inner)
        case _:
            return 1
