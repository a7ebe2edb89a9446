"""Records: the columns that make one, the SELECT that brings them, and how a result row becomes a `Record`.

What is kept as rows, and what is derived from rows, comes as one text of the same statement, so that it is of the
same moment as the version. Only what is asked for is aggregated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    select,
)

from scim_server.domain import compare
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Meta
from scim_server.domain.schema import Attribute, Depth, Inverse, Noted, ResourceType, TakenSeats
from scim_server.storage.base import Derived, Draft, Expand, Record, Reference
from scim_server.storage.sql.derived import Derivations, kind_of
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import membership_state, relations, resources

COLUMNS = tuple(
    resources.c[name] for name in ("type", "id", "version", "created", "last_modified", "stamp", "document", "hidden")
)


def kept_as_rows(registry: Registry) -> Mapping[str, Attribute]:
    """The attributes of all tenants that are kept as rows, by kind."""
    return {kind_of(t.name, a.key): a for t in registry.every_type for a in t.rows_attributes}


def columns(draft: Draft) -> dict[str, str | None]:
    """What a draft puts into columns of its resource."""
    return {
        "stamp": draft.stamp,
        "label": draft.label,
        "label_key": None if draft.label is None else compare.fold(draft.label),
        "document": draft.document,
        "hidden": draft.hidden,
        "comparison": draft.comparison,
    }


Joined: TypeAlias = Callable[[Select[Any]], ColumnElement[Any]]
"""Makes one text of a selection of (text, position, tie)."""

Columns: TypeAlias = tuple[tuple[int, str], ...]
"""(place in a result row, attribute's key)."""

DerivedColumns: TypeAlias = tuple[tuple[int, str, Callable[[Any], Derived]], ...]
"""The same with what reads the value."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What follows the plain columns in a result row: the membership's version and time where `has_state`; then the
    aggregated rows and the derived values, by the names of resource types.
    """

    has_state: bool
    rows: Mapping[str, Columns]
    derived: Mapping[str, DerivedColumns]

    def records(self, rows: Iterable[Sequence[Any]]) -> list[Record]:
        return [self.record(row) for row in rows]

    def record(self, row: Sequence[Any]) -> Record:
        name, id, version, created, last_modified, stamp, document, hidden = row[:8]
        membership_version = None
        if self.has_state and row[8] is not None:
            membership_version, changed = row[8:10]
            last_modified = max(last_modified, changed)
        return Record(
            name,
            id,
            Meta(created, last_modified, version, membership_version),
            stamp,
            document,
            hidden,
            {attribute: row[place] for place, attribute in self.rows.get(name, ()) if row[place] is not None},
            {attribute: read(row[place]) for place, attribute, read in self.derived.get(name, ())},
        )


PLAIN = Shape(False, {}, {})
"""No aggregated columns."""


def _references(listed: str) -> Sequence[Reference]:
    return tuple(Reference(*values) for values in orjson.loads(listed))


def _texts(listed: str) -> Sequence[str]:
    return tuple(text for (text,) in orjson.loads(listed))


class Records:
    """Builds the SELECTs of records for one engine."""

    def __init__(self, spelling: Spelling, derivations: Derivations) -> None:
        self._spelling = spelling
        self._derivations = derivations
        self._single: dict[tuple[ResourceType, Expand, bool], tuple[Select[Any], Shape]] = {}
        self._locked: dict[tuple[ResourceType, Expand], tuple[Select[Any], Shape]] = {}

    def locked(self, resource_type: ResourceType, expand: Expand) -> tuple[Select[Any], Shape]:
        """As `single`; the resource is held, and what is joined to it is not. Built once."""
        cached = self._locked.get((resource_type, expand))
        if cached is None:
            plain, shape = self.single(resource_type, expand, None)
            cached = self._locked[(resource_type, expand)] = (plain.with_for_update(of=resources), shape)
        return cached

    def single(self, resource_type: ResourceType, expand: Expand, most_rows: int | None) -> tuple[Select[Any], Shape]:
        """The SELECT of one resource by the parameters tenant, of_type and resource, and most_rows where it is given;
        built once.
        """
        few = most_rows is not None
        cached = self._single.get((resource_type, expand, few))
        if cached is None:
            condition = and_(
                resources.c.tenant_id == bindparam("tenant"),
                resources.c.id == bindparam("resource"),
                resources.c.type == bindparam("of_type"),
            )
            plain = select(*COLUMNS).where(condition)
            joined = self._few_joined if few else self._spelling.joined
            cached = self.complete(plain, resources, [resource_type], expand, joined)
            self._single[(resource_type, expand, few)] = cached
        return cached

    def complete(
        self,
        plain: Select[Any],
        source: FromClause,
        types: Sequence[ResourceType],
        expand: Expand,
        joined: Joined | None = None,
    ) -> tuple[Select[Any], Shape]:
        """Add to a selection of record columns what the types and `expand` demand.

        `source` is what the selection reads: `resources`, or a subquery that has its columns. `joined` says how rows
        become one text, if not all of them do.
        """
        joined = joined or self._spelling.joined
        has_state = any(t.rows_attributes for t in types)
        place = len(COLUMNS) + 2 * has_state
        rows: dict[str, list[tuple[int, str]]] = {t.name: [] for t in types}
        derived: dict[str, list[tuple[int, str, Callable[[Any], Derived]]]] = {t.name: [] for t in types}
        extra: list[ColumnElement[Any]] = []
        for type_ in types:
            for attribute in _asked(type_.rows_attributes, expand):
                rows[type_.name].append((place + len(extra), attribute))
                extra.append(_only_for(type_.name, source, joined(_elements(source, type_.name, attribute))))
            for attribute in _asked(type_.derived_attributes, expand):
                value, read = self._derived(source, type_, attribute)
                derived[type_.name].append((place + len(extra), attribute, read))
                extra.append(_only_for(type_.name, source, value))
        if has_state:
            plain = _with_state(plain, source)
        labelled = (column.label(f"extra_{number}") for number, column in enumerate(extra))
        return plain.add_columns(*labelled), Shape(
            has_state,
            {name: tuple(columns) for name, columns in rows.items()},
            {name: tuple(columns) for name, columns in derived.items()},
        )

    def _few_joined(self, rows: Select[Any]) -> ColumnElement[Any]:
        return self._spelling.few_joined(rows, bindparam("most_rows", type_=Integer))

    def _derived(
        self, source: FromClause, resource_type: ResourceType, key: str
    ) -> tuple[ColumnElement[Any], Callable[[Any], Derived]]:
        """The column with the value of a derived attribute, and what reads it."""
        derivation = resource_type.derivations[key]
        if isinstance(derivation, Inverse):
            references = self._derivations.references(source, resource_type, derivation)
            return self._spelling.listed(references), _references
        if isinstance(derivation, Noted) and resource_type.kept_apart[key].multi_valued:
            rows, about = self._derivations.notes(source, key)
            return self._spelling.listed(select(rows.c.value).where(*about).correlate(source)), _texts
        is_number = isinstance(derivation, Depth | TakenSeats)
        return self._derivations.simple(source, resource_type, key, derivation), int if is_number else bool


def _elements(source: FromClause, type_name: str, attribute: str) -> Select[Any]:
    elements = select(relations.c.element, relations.c.position, relations.c.target).where(
        relations.c.tenant_id == source.c.tenant_id,
        relations.c.kind == kind_of(type_name, attribute),
        relations.c.owner == source.c.id,
    )
    return elements.correlate(source)


def _only_for(type_name: str, source: FromClause, value: ColumnElement[Any]) -> ColumnElement[Any]:
    return case((source.c.type == type_name, value))


def _asked(attributes: Iterable[Attribute], expand: Expand) -> list[str]:
    return [attribute.key for attribute in attributes if attribute.key in expand]


def _with_state(plain: Select[Any], source: FromClause) -> Select[Any]:
    same = and_(membership_state.c.tenant_id == source.c.tenant_id, membership_state.c.owner == source.c.id)
    return plain.add_columns(
        membership_state.c.version.label("membership_version"),
        membership_state.c.last_modified.label("membership_changed"),
    ).outerjoin_from(source, membership_state, same)
