"""Where the values of a path are: in the comparison form, in columns, in rows, or derived from rows.

The one place that knows it; `where` and `order` read the `Values` that come from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, FromClause, Text, alias, case, cast, literal, select

from scim_server.domain import compare
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.registry import Registry
from scim_server.domain.schema import DISPLAY, REF, TYPE, VALUE, Attribute, Inverse, Kept, ResourceType
from scim_server.storage.sql.derived import Derivations, kind_of
from scim_server.storage.sql.nodes import ColumnNode, Condition, JsonNode, NumberNode, Values
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import membership_state, relations, resources

Expression: TypeAlias = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class Holder:
    """The elements of a multi-valued attribute: rows of `sources` that `where` leaves, in the order of `place`.

    `member` gives the values of a sub-attribute of one element, or the element itself for None.
    """

    sources: tuple[FromClause, ...]
    where: tuple[Condition, ...]
    place: Expression
    member: Callable[[Attribute | None], Values]

    def values(self, sub: Attribute | None) -> Values:
        """The values of a sub-attribute over all elements."""
        one = self.member(sub)
        return Values(one.node, (*self.sources, *one.sources), (*self.where, *one.where))


class Paths:
    """Finds the values of paths on one engine."""

    def __init__(self, spelling: Spelling, registry: Registry, derivations: Derivations) -> None:
        self._spelling = spelling
        self._registry = registry
        self._derivations = derivations

    def values(self, path: BoundPath, resource_type: ResourceType) -> Values:
        """All values of the path in a row of `resources`."""
        holder = self.holder(path, resource_type)
        if holder is not None:
            return holder.values(path.sub)
        if path.attribute.kept is Kept.RECORD:
            return Values(ColumnNode(self._column(path, resource_type)))
        derivation = resource_type.derivations.get(path.attribute_key)
        if derivation is not None and not isinstance(derivation, Inverse):
            simple = self._derivations.simple(resources, resource_type, path.attribute_key, derivation)
            return Values(NumberNode(simple))
        return _member(self._root(path), path.sub)

    def holder(self, path: BoundPath, resource_type: ResourceType) -> Holder | None:
        """The elements of the path's attribute, or None where it is single-valued."""
        if path.attribute.kept is Kept.ROWS:
            return self.rows(kind_of(resource_type.name, path.attribute_key))
        if path.attribute_key in resource_type.inverses:
            return self._derived(path.attribute, resource_type, resource_type.inverses[path.attribute_key])
        if not path.attribute.multi_valued:
            return None
        if path.attribute_key in resource_type.derivations:
            notes, about = self._derivations.notes(resources, path.attribute_key)
            return Holder((notes,), about, notes.c.value, lambda sub: Values(ColumnNode(notes.c.value)))
        elements = self._root(path).each()
        return Holder((elements.source,), (), elements.place, lambda sub: _member(elements.node, sub))

    def rows(self, kind: str) -> Holder:
        """The rows of one kind that a resource owns."""
        rows = alias(relations)
        mine = (
            rows.c.tenant_id == resources.c.tenant_id,
            rows.c.kind == kind,
            rows.c.owner == resources.c.id,
        )
        return Holder((rows,), mine, rows.c.position, lambda sub: self.row_member(rows, sub))

    def row_member(self, rows: FromClause, sub: Attribute | None) -> Values:
        """A sub-attribute of a row; `value` has a column of its own."""
        if sub is None or sub.name == VALUE:
            return Values(ColumnNode(rows.c.target))
        return _member(self._spelling.node(rows.c.comparison), sub)

    def member(self, path: BoundPath, sub: Attribute | None) -> Values:
        """A sub-attribute of a single-valued attribute in the comparison form."""
        return _member(self._root(path), sub)

    def _root(self, path: BoundPath) -> JsonNode:
        node = self._spelling.node(resources.c.comparison)
        if path.extension:
            node = node.at(path.extension)
        return node.at(path.attribute.name)

    def _derived(self, attribute: Attribute, resource_type: ResourceType, inverse: Inverse) -> Holder:
        rows, naming_me = self._derivations.owners(resources, resource_type, inverse)
        owner_type = self._registry.named(inverse.resource_type)
        endpoint = owner_type.endpoint if owner_type else ""

        def member(sub: Attribute | None) -> Values:
            name = VALUE if sub is None else sub.name
            make = _DERIVED.get(name)
            column = make(sub or attribute, rows, inverse, endpoint) if make else literal(None, Text)
            return Values(ColumnNode(self._spelling.by_code_point(column)))

        return Holder((rows,), naming_me, rows.c.owner, member)

    def _column(self, path: BoundPath, resource_type: ResourceType) -> Expression:
        return self._spelling.by_code_point(_RECORD[path.key](self._spelling, path.leaf, resource_type))


def _member(node: JsonNode, sub: Attribute | None) -> Values:
    if sub is None:
        return Values(node)
    member = node.at(sub.name)
    if not sub.multi_valued:
        return Values(member)
    elements = member.each()
    return Values(elements.node, (elements.source,))


def _folded(attribute: Attribute, text: str) -> Expression:
    """A constant as keys of that attribute spell it."""
    return literal(compare.key(attribute, text), Text)


# What a derived element holds (domain.schema.Inverse) ----------------------------------------------------------------


def _label(sub: Attribute, rows: FromClause) -> Expression:
    owners = alias(resources)
    label = owners.c.label if sub.case_exact else owners.c.label_key
    return (
        select(label)
        .where(owners.c.tenant_id == rows.c.tenant_id, owners.c.id == rows.c.owner)
        .correlate(rows)
        .scalar_subquery()
    )


def _kind(sub: Attribute, rows: FromClause, inverse: Inverse) -> Expression:
    if inverse.levels == 1:
        return _folded(sub, inverse.kind)
    return case((rows.c.level == 1, _folded(sub, inverse.kind)), else_=_folded(sub, inverse.indirect_kind))


_DERIVED: Final[Mapping[str, Callable[[Attribute, FromClause, Inverse, str], Expression]]] = {
    VALUE: lambda sub, rows, inverse, endpoint: rows.c.owner,
    DISPLAY: lambda sub, rows, inverse, endpoint: _label(sub, rows),
    TYPE: lambda sub, rows, inverse, endpoint: _kind(sub, rows, inverse),
    REF: lambda sub, rows, inverse, endpoint: _address(endpoint, rows.c.owner),
}


def _address(endpoint: str, id: Expression) -> Expression:
    """The comparison key of a resource's URI: its last two segments (`domain.compare`)."""
    return literal(f"{endpoint.strip('/')}/", Text) + id


# What stands in columns of the resource's own row (RFC 7643 section 3.1) ---------------------------------------------


def _changed(spelling: Spelling, leaf: Attribute, resource_type: ResourceType) -> Expression:
    if not resource_type.rows_attributes:
        return resources.c.last_modified
    return spelling.later(resources.c.last_modified, _state(membership_state.c.last_modified))


def _etag(spelling: Spelling, leaf: Attribute, resource_type: ResourceType) -> Expression:
    version = _folded(leaf, 'W/"') + cast(resources.c.version, Text)
    if resource_type.rows_attributes:
        version = version + "." + cast(_state(membership_state.c.version), Text)
    return version + '"'


def _state(column: Expression) -> Expression:
    return (
        select(column)
        .where(
            membership_state.c.tenant_id == resources.c.tenant_id,
            membership_state.c.owner == resources.c.id,
        )
        .scalar_subquery()
    )


_RECORD: Final[Mapping[str, Callable[[Spelling, Attribute, ResourceType], Expression]]] = {
    "id": lambda spelling, leaf, resource_type: resources.c.id,
    # Only whether it is there can be asked, and it always is.
    "meta": lambda spelling, leaf, resource_type: resources.c.id,
    "meta.resourceType": lambda spelling, leaf, resource_type: _folded(leaf, resource_type.name),
    "meta.created": lambda spelling, leaf, resource_type: resources.c.created,
    "meta.lastModified": _changed,
    "meta.location": lambda spelling, leaf, resource_type: _address(resource_type.endpoint, resources.c.id),
    "meta.version": _etag,
}
