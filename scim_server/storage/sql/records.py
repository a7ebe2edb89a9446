"""Records: the columns that make one, the SELECT that brings them, and how a result row becomes a `Record`.

What is kept as rows, and what is derived from rows, comes as one text of the same statement, so that it is of the
same moment as the version. Only what is asked for is aggregated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    RowMapping,
    Select,
    and_,
    bindparam,
    case,
    select,
)

from scim_server.domain.resource import Meta
from scim_server.domain.schema import Attribute, Inverse, ResourceType
from scim_server.storage.base import Expand, Record, Reference
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import membership_state, relations, resources

COLUMNS = tuple(
    resources.c[name] for name in ("type", "id", "version", "created", "last_modified", "stamp", "document", "hidden")
)


def kind_of(resource_type: str, attribute: str) -> str:
    """The `kind` of the relations that are the elements of an attribute."""
    return f"{resource_type}.{attribute}"


@dataclass(frozen=True, slots=True)
class Shape:
    """Which aggregated columns follow the plain ones, per resource type: (label in the result, attribute's name)."""

    state: bool
    rows: Mapping[str, tuple[tuple[str, str], ...]]
    derived: Mapping[str, tuple[tuple[str, str], ...]]

    def record(self, row: Row[Any]) -> Record:
        values = row._mapping
        name = values["type"]
        return Record(
            name,
            values["id"],
            _meta(values),
            values["stamp"],
            values["document"],
            values["hidden"],
            {attribute: values[label] for label, attribute in self.rows.get(name, ())},
            {attribute: _references(values[label]) for label, attribute in self.derived.get(name, ())},
        )


def _meta(values: RowMapping) -> Meta:
    changed = values.get("membership_changed")
    last_modified = values["last_modified"]
    if changed is not None:
        last_modified = max(last_modified, changed)
    return Meta(values["created"], last_modified, values["version"], values.get("membership_version"))


def _references(pairs: str) -> Sequence[Reference]:
    return tuple(Reference(id, label) for id, label in orjson.loads(pairs))


class Records:
    """Builds the SELECTs of records for one engine."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling
        self._single: dict[tuple[str, Expand], tuple[Select[Any], Shape]] = {}

    def single(self, resource_type: ResourceType, expand: Expand) -> tuple[Select[Any], Shape]:
        """The SELECT of one resource by the parameters tenant, of_type and resource; built once."""
        cached = self._single.get((resource_type.name, expand))
        if cached is None:
            condition = and_(
                resources.c.tenant_id == bindparam("tenant"),
                resources.c.id == bindparam("resource"),
                resources.c.type == bindparam("of_type"),
            )
            plain = select(*COLUMNS).where(condition)
            cached = self.complete(plain, resources, [resource_type], expand)
            self._single[(resource_type.name, expand)] = cached
        return cached

    def complete(
        self, plain: Select[Any], source: FromClause, types: Sequence[ResourceType], expand: Expand
    ) -> tuple[Select[Any], Shape]:
        """Add to a selection of record columns what the types and `expand` demand.

        `source` is what the selection reads: `resources`, or a subquery that has its columns.
        """
        rows = {t.name: self._labelled(t, t.rows_attributes, expand, "rows") for t in types}
        derived = {t.name: self._labelled(t, t.derived_attributes, expand, "derived") for t in types}
        shape = Shape(any(t.rows_attributes for t in types), rows, derived)
        extra = [
            *(self._rows(source, name, *pair).label(pair[0]) for name, pairs in rows.items() for pair in pairs),
            *(
                self._derived(source, t, t.inverses[attribute]).label(label)
                for t in types
                for label, attribute in derived[t.name]
            ),
        ]
        return _with_state(plain, source, shape).add_columns(*extra), shape

    def _labelled(
        self, resource_type: ResourceType, attributes: Iterable[Attribute], expand: Expand, prefix: str
    ) -> tuple[tuple[str, str], ...]:
        asked = [attribute.name for attribute in attributes if attribute.name in expand]
        return tuple((f"{prefix}_{resource_type.name}_{number}", name) for number, name in enumerate(asked))

    def _rows(self, source: FromClause, type_name: str, label: str, attribute: str) -> ColumnElement[Any]:
        elements = select(relations.c.element, relations.c.position, relations.c.target).where(
            relations.c.tenant_id == source.c.tenant_id,
            relations.c.kind == kind_of(type_name, attribute),
            relations.c.owner == source.c.id,
        )
        return _only_for(type_name, source, self._spelling.joined(elements.correlate(source)))

    def _derived(self, source: FromClause, resource_type: ResourceType, inverse: Inverse) -> ColumnElement[Any]:
        owners = resources.alias("owners")
        named_by = (
            select(relations.c.owner, owners.c.label)
            .join_from(
                relations,
                owners,
                and_(owners.c.tenant_id == relations.c.tenant_id, owners.c.id == relations.c.owner),
            )
            .where(
                relations.c.tenant_id == source.c.tenant_id,
                relations.c.kind == kind_of(inverse.resource_type, inverse.attribute),
                relations.c.target == source.c.id,
            )
        )
        return _only_for(resource_type.name, source, self._spelling.pairs(named_by.correlate(source)))


def _only_for(type_name: str, source: FromClause, value: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((source.c.type == type_name, value))


def _with_state(plain: Select[Any], source: FromClause, shape: Shape) -> Select[Any]:
    if not shape.state:
        return plain
    same = and_(membership_state.c.tenant_id == source.c.tenant_id, membership_state.c.owner == source.c.id)
    return plain.add_columns(
        membership_state.c.version.label("membership_version"),
        membership_state.c.last_modified.label("membership_changed"),
    ).outerjoin_from(source, membership_state, same)
