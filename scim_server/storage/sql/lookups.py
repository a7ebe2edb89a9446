"""What indexes answer: look-ups in the narrow tables, and containment in the comparison form.

eq and sw on unique and indexed paths have tables of their own, eq on the elements of rows has `relations`, in both
directions. On PostgreSQL an index over the comparison form serves eq on everything else in it, by containment, which
also says "in the same element".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    alias,
    and_,
    bindparam,
    false,
    literal,
    or_,
    select,
    union_all,
)

from scim_server.domain import compare
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.filter import Operator
from scim_server.domain.schema import VALUE, Attribute, Json, Kept, ResourceType, Returned, Uniqueness
from scim_server.domain.text import is_storable
from scim_server.storage.sql import nesting
from scim_server.storage.sql.derived import kind_of
from scim_server.storage.sql.nodes import Condition, Expression
from scim_server.storage.sql.operators import begins
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import attribute_index, relations, resources, unique_values


@dataclass(frozen=True, slots=True)
class Lookup:
    """A condition on a narrow table whose rows name resources: `column` has their ids, `compared` the keys, and others
    have the values `fixed`.

    It is made into SQL when asked: of most look-ups the statement is there already.
    """

    column: Column[str]
    fixed: Mapping[Column[str], str]
    compared: Column[str]
    operator: Operator
    key: str

    @property
    def whose(self) -> Condition:
        tenant = self.column.table.c.tenant_id == bindparam("tenant")
        return and_(tenant, *(column == value for column, value in self.fixed.items()))

    def where(self, key: Expression | None = None) -> Condition:
        """The condition, for another expression than the key's literal where one is given."""
        if self.operator is Operator.SW:
            return and_(self.whose, begins(self.compared, self.key))
        return and_(self.whose, self.compared == (literal(self.key, Text) if key is None else key))

    def ids(self, key: Expression | None = None) -> Select[Any]:
        """The ids that it finds, each once."""
        return select(self.column).where(self.where(key))


@dataclass(frozen=True, slots=True)
class NestedLookup(Lookup):
    """Whom the rows of an owner name, and those of the owners among them, so many `levels` down."""

    spelling: Spelling
    kind: str
    levels: int

    def ids(self, key: Expression | None = None) -> Select[Any]:
        owner = literal(self.key, Text) if key is None else key
        return nesting.owned_in(self.spelling, bindparam("tenant"), owner, self.kind, self.levels)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A look-up whose literal is a parameter, None for all resources.

    Those of one signature are the same statement, which is made for the first of them alone.
    """

    signature: str
    lookup: Lookup | None
    parameters: Mapping[str, str]

    @property
    def ids(self) -> Select[Any] | None:
        """The selection of the ids that it finds."""
        if self.lookup is None:
            return None
        (parameter,) = self.parameters
        return self.lookup.ids(bindparam(parameter, type_=Text))


def among(spelling: Spelling, lookups: Sequence[Lookup]) -> Condition:
    """Whether a resource is named by one of the look-ups."""
    return spelling.named_by(resources.c.id, selected(lookups)) if lookups else false()


def selected(lookups: Sequence[Lookup | Containment]) -> Select[Any]:
    """The ids that at least one look-up names: one selection for each table."""
    by_column: dict[ColumnElement[str], list[Condition]] = {}
    found: list[Select[Any]] = []
    for lookup in lookups:
        if isinstance(lookup, NestedLookup):
            found.append(lookup.ids())
        else:
            by_column.setdefault(lookup.column, []).append(lookup.where())
    found += [select(column.label("id")).where(or_(*conditions)) for column, conditions in by_column.items()]
    return found[0] if len(found) == 1 else select(union_all(*found).subquery("named"))


_LONGEST_PREFIX: Final = 400
"""Bytes. Long keys stand in the tables as a prefix of 512 bytes and a hash (`compare.entry_text`)."""


def lookup_of(
    spelling: Spelling, path: BoundPath, operator: Operator, key: Key, resource_type: ResourceType
) -> Lookup | None:
    """The look-up that answers the test exactly, or None where there is none."""
    if operator not in (Operator.EQ, Operator.SW) or key == "" or not _is_kept(key):
        return None  # an empty string makes no unique entry: it is nobody's
    table = _table(path, resource_type)
    if table is None:
        if operator is not Operator.EQ or not isinstance(key, str):
            return None
        return _relation(spelling, path, key, resource_type)
    if operator is Operator.SW and (not isinstance(key, str) or len(key.encode()) > _LONGEST_PREFIX):
        return None
    fixed = {table.c.type: resource_type.name, table.c.path: path.key}
    return Lookup(table.c.resource_id, fixed, table.c.key, operator, compare.entry_text(key))


def _relation(spelling: Spelling, path: BoundPath, key: str, resource_type: ResourceType) -> Lookup | None:
    """Who owns a row with that target; or, the other way round, whom the rows of that owner name."""
    if path.sub is None or path.sub.name != VALUE:
        return None
    inverse = resource_type.inverses.get(path.attribute_key)
    if inverse is not None:
        if inverse.attribute is None:
            return None
        kind, column, compared = (
            kind_of(inverse.resource_type, inverse.attribute),
            relations.c.target,
            relations.c.owner,
        )
    elif path.attribute.kept is Kept.ROWS:
        kind, column, compared = kind_of(resource_type.name, path.attribute_key), relations.c.owner, relations.c.target
    else:
        return None
    fixed = {relations.c.kind: kind}
    if inverse is not None and inverse.levels > 1:
        return NestedLookup(column, fixed, compared, Operator.EQ, key, spelling, kind, inverse.levels)
    return Lookup(column, fixed, compared, Operator.EQ, key)


def candidates(path: BoundPath, key: Key, resource_type: ResourceType) -> list[Lookup]:
    """Look-ups that name, between them, every resource whose derived value the key may be, and some others: where it
    follows from several sources, or only for some resources.
    """
    inverse = resource_type.inverses.get(path.attribute_key)
    is_owner = path.sub is not None and path.sub.name == VALUE and isinstance(key, str) and _is_kept(key)
    if inverse is None or inverse.attribute is not None or not is_owner:
        return []
    kinds = [kind_of(inverse.resource_type, source.attribute) for source in inverse.sources]
    column, owner = relations.c.target, relations.c.owner
    return [Lookup(column, {relations.c.kind: kind}, owner, Operator.EQ, str(key)) for kind in kinds]


def _table(path: BoundPath, resource_type: ResourceType) -> Table | None:
    if path.attribute.kept is not Kept.DOCUMENT or path.leaf.returned is Returned.NEVER or path.leaf.is_complex:
        return None
    if path.leaf.uniqueness is not Uniqueness.NONE:
        return unique_values
    return attribute_index if path.key in resource_type.indexed else None


def _is_kept(key: Key) -> bool:
    return not isinstance(key, str) or is_storable(key)


# Containment ---------------------------------------------------------------------------------------------------------

_HOLDERS = alias(resources, "holders")


@dataclass(frozen=True, slots=True)
class Containment:
    """A condition on the comparison forms that an index over them serves."""

    condition: Condition
    column: ColumnElement[str] = _HOLDERS.c.id

    def where(self) -> Condition:
        return self.condition


def containments(
    spelling: Spelling, path: BoundPath, keys: Mapping[Attribute | None, Key], resource_type: ResourceType
) -> Sequence[Containment]:
    """A containment that every resource with such an element satisfies.

    None for booleans alone: half of all resources have one, and a walk that ends with the page is better.
    """
    if all(isinstance(key, bool) for key in keys.values()):
        return ()
    contained = contains(spelling, path, keys, resource_type, _HOLDERS)
    if contained is None:
        return ()
    whose = and_(_HOLDERS.c.tenant_id == bindparam("tenant"), _HOLDERS.c.type == resource_type.name)
    return [Containment(and_(whose, contained))]


def contains(
    spelling: Spelling,
    path: BoundPath,
    keys: Mapping[Attribute | None, Key],
    resource_type: ResourceType,
    table: FromClause = resources,
) -> Condition | None:
    """Whether one element has all these keys, by containment; None where that cannot be said."""
    if not _in_form(path, resource_type) or not all(map(_is_kept, keys.values())):
        return None
    return spelling.contains(table.c.comparison, _form(path, keys))


def _in_form(path: BoundPath, resource_type: ResourceType) -> bool:
    """Whether the values of a core, common or extension attribute are in the comparison form."""
    if path.attribute.kept is Kept.DERIVED:
        return path.attribute_key not in resource_type.derivations  # `schemas`: it follows from the form itself
    return path.attribute.kept is Kept.DOCUMENT


def _form(path: BoundPath, keys: Mapping[Attribute | None, Key]) -> Json:
    """The smallest comparison form in which one element of the path's attribute has all these keys."""
    value: Json = keys.get(None)
    if value is None:
        value = {sub.name: [key] if sub.multi_valued else key for sub, key in keys.items() if sub}
    value = {path.attribute.name: [value] if path.attribute.multi_valued else value}
    return {path.extension: value} if path.extension else value
