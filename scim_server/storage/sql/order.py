"""What a search is sorted by: the key of one value of each resource, NULL where it has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from sqlalchemy import BigInteger, ColumnElement, FromClause, Select, Text, case, func, select
from sqlalchemy.types import TypeEngine

from scim_server.domain.attrpath import BoundPath
from scim_server.domain.query import Order, Query
from scim_server.domain.schema import PRIMARY, AttributeType, ResourceType
from scim_server.domain.text import is_storable
from scim_server.storage.sql.nodes import Node, Values
from scim_server.storage.sql.paths import Holder, Paths
from scim_server.storage.sql.tables import resources

Expression: TypeAlias = ColumnElement[Any]


class Kind(StrEnum):
    """What keys are: text, and numbers within int64 (booleans are 0 and 1). Decimals and times are text that orders
    as they do (`domain.compare`).
    """

    NUMBER = "number"
    TEXT = "text"

    @property
    def type(self) -> TypeEngine[Any]:
        """The type of a parameter that is compared with such keys."""
        return Text() if self is Kind.TEXT else BigInteger()

    def holds(self, key: object) -> bool:
        """Whether the key is of this kind."""
        if self is Kind.TEXT:
            return isinstance(key, str) and is_storable(key)
        return isinstance(key, int) and -(2**63) <= key < 2**63


_READERS: Final[dict[AttributeType, tuple[Kind, Callable[[Node], Expression]]]] = {
    AttributeType.INTEGER: (Kind.NUMBER, lambda node: node.number()),
    AttributeType.BOOLEAN: (Kind.NUMBER, lambda node: node.boolean()),
}


@dataclass(frozen=True, slots=True)
class SortKey:
    """One sort key: NULL where a resource has none of this kind."""

    kind: Kind
    name: str
    expression: Expression

    def within(self, rows: FromClause) -> SortKey:
        """The key as a column of a subquery."""
        return SortKey(self.kind, self.name, rows.c[self.name])


def _named(kind: Kind, key: Expression, name: str) -> SortKey:
    return SortKey(kind, name, key.label(name))


def directed(key: Expression, order: Order) -> Expression:
    """Absent values last ascending and first descending, on every engine (R-SORT-03)."""
    return key.asc().nulls_last() if order is Order.ASCENDING else key.desc().nulls_first()


@dataclass(frozen=True, slots=True)
class Rows:
    """A selection of resources to be put in order, by its own columns: sort keys, then ids."""

    selected: Select[Any]
    id: ColumnElement[str]
    keys: Sequence[SortKey]

    @property
    def have_records(self) -> bool:
        """Whether the record columns are among what is selected."""
        return "document" in self.selected.selected_columns

    def in_order(self, order: Order) -> Select[Any]:
        return self.selected.order_by(*(directed(key.expression, order) for key in self.keys), directed(self.id, order))


class SortKeys:
    """Makes the sort keys of a query on one engine."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def of(self, query: Query) -> Sequence[SortKey]:
        """None without an order; one; two where types of the search have keys of different kinds under the name."""
        found = self._of(query) if query.order is not None else []
        return [_named(kind, key, f"sort_{number}") for number, (kind, key) in enumerate(found)]

    def _of(self, query: Query) -> list[tuple[Kind, Expression]]:
        keys: dict[Kind, list[tuple[Any, Expression]]] = {}
        for selection in query.selections:
            if selection.sort_by is not None:
                kind, key = self._key(selection.sort_by, selection.resource_type)
                keys.setdefault(kind, []).append((resources.c.type == selection.resource_type.name, key))
        if len(query.selections) == 1:
            return [(kind, key) for kind, pairs in keys.items() for _, key in pairs]
        return [(kind, case(*pairs)) for kind, pairs in sorted(keys.items())]

    def _key(self, path: BoundPath, resource_type: ResourceType) -> tuple[Kind, Expression]:
        kind, read = _READERS.get(path.leaf.type, (Kind.TEXT, lambda node: node.text()))
        holder = self._paths.holder(path, resource_type)
        if holder is None:
            return kind, _first(self._paths.values(path, resource_type), read)
        return kind, _of_elements(path, holder, read)


def _first(values: Values, read: Any) -> Expression:
    """The value of a single-valued path; of a multi-valued sub-attribute the first."""
    if not values.sources:
        key: Expression = read(values.node)
        return key
    return select(read(values.node)).select_from(*values.sources).where(*values.where).limit(1).scalar_subquery()


def _of_elements(path: BoundPath, holder: Holder, read: Any) -> Expression:
    """The value of the primary element, else of the first (RFC 7644 section 3.4.2.3, R-SORT-04)."""
    primary = path.attribute.sub(PRIMARY)
    order = [holder.place]
    if primary is not None:
        order.insert(0, func.coalesce(_first(holder.member(primary), _boolean), 0).desc())
    value = _first(holder.member(path.sub), read)
    return select(value).select_from(*holder.sources).where(*holder.where).order_by(*order).limit(1).scalar_subquery()


def _boolean(node: Node) -> Expression:
    return node.boolean()
