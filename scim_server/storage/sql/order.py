"""What a search is sorted by: the key of one value of each resource, NULL where it has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, case, func, select

from scim_server.domain.attrpath import BoundPath
from scim_server.domain.query import Query
from scim_server.domain.schema import PRIMARY, AttributeType, ResourceType
from scim_server.storage.sql.nodes import Node, Values
from scim_server.storage.sql.paths import Holder, Paths
from scim_server.storage.sql.tables import resources

Expression: TypeAlias = ColumnElement[Any]

_TEXT, _NUMBER = "text", "number"
_READERS = {
    AttributeType.INTEGER: (_NUMBER, lambda node: node.number()),
    AttributeType.BOOLEAN: (_NUMBER, lambda node: node.boolean()),
}


class SortKeys:
    """Makes the sort keys of a query on one engine."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def of(self, query: Query) -> Sequence[Expression]:
        """One expression; two where types of the search have keys of different kinds under the name."""
        keys: dict[str, list[tuple[Any, Expression]]] = {}
        for selection in query.selections:
            if selection.sort_by is not None:
                kind, key = self._key(selection.sort_by, selection.resource_type)
                keys.setdefault(kind, []).append((resources.c.type == selection.resource_type.name, key))
        if len(query.selections) == 1:
            return [key for pairs in keys.values() for _, key in pairs]
        return [case(*pairs) for _, pairs in sorted(keys.items())]

    def _key(self, path: BoundPath, resource_type: ResourceType) -> tuple[str, Expression]:
        kind, read = _READERS.get(path.leaf.type, (_TEXT, lambda node: node.text()))
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
