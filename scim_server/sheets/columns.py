"""Columns: what a header means in a resource type, and what a resource has there.

A header is an attribute's path as filters write it, the URN left out where the name alone tells which one is meant:

    userName  name.familyName  urn:...:User:role  role     ONE      the value of a singular attribute
    emails[type eq "work"].value                           ELEMENT  a part of the element that the filter holds for
    members  members.display  emails.value                 LIST     all values, separated by commas
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from scim_server.domain.attrpath import AttrPath, BoundPath, bind, comparable
from scim_server.domain.binding import bind_condition
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.elements import as_list
from scim_server.domain.filter import BoundFilter, ValuePath
from scim_server.domain.match import element_matches
from scim_server.domain.schema import (
    ID,
    META,
    REF,
    SCHEMAS,
    TYPE,
    VALUE,
    Attribute,
    Json,
    Kept,
    ResourceType,
    Returned,
    Schema,
    Uniqueness,
    path_key,
)
from scim_server.errors import BadRequest
from scim_server.filtering import parse_path
from scim_server.sheets.cells import joined, text_of
from scim_server.sheets.faults import SheetError


class Kind(Enum):
    """How the values of a column are found."""

    ONE = auto()
    ELEMENT = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True)
class Column:
    """A bound header: `header` is as it was written, `path` what the operation of a PATCH would name, `condition` that
    of an ELEMENT.
    """

    header: str
    path: str
    bound: BoundPath
    kind: Kind
    brackets: ValuePath | None = None
    condition: BoundFilter | None = None

    @property
    def key(self) -> tuple[str, BoundFilter | None]:
        """What it means: columns that mean the same have the same key."""
        return self.bound.key, self.condition

    @property
    def leaf(self) -> Attribute:
        """The attribute whose values stand in the cells."""
        return self.bound.leaf

    @property
    def root(self) -> AttrPath:
        """The whole attribute, of which a value is a part."""
        return AttrPath(self.bound.attribute.name, None, self.bound.extension)

    @property
    def is_read_only(self) -> bool:
        """Whether the server alone writes it."""
        is_kept_apart = self.bound.attribute.kept in (Kept.RECORD, Kept.DERIVED)
        return is_kept_apart or self.bound.attribute.is_read_only or self.leaf.is_read_only

    @property
    def is_secret(self) -> bool:
        """Whether its values are returned never, so that nobody can see whether one differs."""
        return Returned.NEVER in (self.bound.attribute.returned, self.leaf.returned)

    @property
    def is_listed_part(self) -> bool:
        """Whether it is a part of several elements that says nothing of which element has it."""
        sub = self.bound.sub
        return self.kind is Kind.LIST and sub is not None and sub.name != VALUE

    def elements(self, resource: Mapping[str, Json]) -> list[Json]:
        """The elements, or the one value, that the column is about; of the attribute, not of its part."""
        holder = resource.get(self.bound.extension, {}) if self.bound.extension else resource
        found = as_list(holder.get(self.bound.attribute.name))
        if self.condition is None:
            return found
        return [e for e in found if element_matches(self.condition, e, self.bound.attribute)]

    def values(self, resource: Mapping[str, Json]) -> list[Json]:
        """The values that the resource has there."""
        sub = self.bound.sub
        if sub is None:
            return self.elements(resource)
        return [value for e in self.elements(resource) for value in as_list(e.get(sub.name))]

    def text(self, resource: Mapping[str, Json]) -> str:
        """The cell of the resource, not guarded: empty where it has no value. Of several elements that a filter holds
        for the first one counts.
        """
        texts = [text_of(value) for value in self.values(resource)]
        return joined(texts) if self.kind is Kind.LIST else next(iter(texts), "")


def column(header: str, resource_type: ResourceType) -> Column | None:
    """What a header means, or None where it names no attribute of the type.

    Raises SheetError where it names one that does not fit into a cell.
    """
    try:
        path = parse_path(header, Leniency(STRICT))
    except BadRequest:
        return None
    bound = bind(path.path if isinstance(path, ValuePath) else path, resource_type)
    if bound is None:
        return None
    if isinstance(path, ValuePath):
        return _element(header, path, bound)
    bound = _simple(header, comparable(bound))
    kind = Kind.LIST if _has_several(bound) else Kind.ONE
    return Column(header, bound.key if kind is Kind.ONE else _root(bound), bound, kind)


def defaults(resource_type: ResourceType) -> tuple[Column, ...]:
    """The columns of an export that names none: the id, what may be written and has one value, and of attributes that
    have several and are looked for by value the first of their kinds. Where clients only read, what they read.
    """
    places = ((None, resource_type.common), *resource_type.containers)
    paths = (path for urn, schema in places for path in _flat(schema, urn, resource_type))
    found = (column(_short(path, resource_type), resource_type) for path in paths)
    return tuple(each for each in found if each is not None)


def matching(resource_type: ResourceType) -> str | None:
    """The header of the attribute whose value belongs to one resource alone."""
    unique = (a.name for a in resource_type.schema.attributes if a.uniqueness is not Uniqueness.NONE)
    return next(unique, None)


def _element(header: str, path: ValuePath, holder: BoundPath) -> Column | None:
    if not holder.attribute.multi_valued or holder.sub is not None:
        raise SheetError(f"{header}: brackets follow an attribute that has several values.")
    sub = holder.attribute.sub(path.sub or VALUE)
    if sub is None:
        return None
    bound = _simple(header, BoundPath(holder.attribute, sub, holder.extension))
    try:
        condition = bind_condition(path.condition, holder.attribute, Leniency(STRICT))
    except BadRequest as error:
        raise SheetError(f"{header}: {error.detail}") from None
    written = header if path.sub else f"{header}.{sub.name}"
    return Column(header, written, bound, Kind.ELEMENT, path, condition)


def _simple(header: str, bound: BoundPath) -> BoundPath:
    if bound.leaf.is_complex:
        parts = ", ".join(f"{header}.{sub.name}" for sub in bound.leaf.sub_attributes)
        raise SheetError(f"{header} has parts, of which a column shows one: {parts}.")
    return bound


def _has_several(bound: BoundPath) -> bool:
    return bound.attribute.multi_valued or bound.leaf.multi_valued


def _root(bound: BoundPath) -> str:
    """The path of the attribute that has the elements."""
    return path_key(bound.extension, bound.attribute.name)


def _flat(schema: Schema, urn: str | None, resource_type: ResourceType) -> Iterator[str]:
    """The paths of a schema's columns."""
    for attribute in schema.attributes:
        root = path_key(urn, attribute.name)
        if attribute.name == ID:
            yield root
        elif attribute.name in (SCHEMAS, META) or _is_hidden(attribute, resource_type):
            continue
        elif attribute.multi_valued:
            yield from _of_first_kind(attribute, root, resource_type)
        elif attribute.is_complex:
            yield from (f"{root}.{sub.name}" for sub in attribute.sub_attributes if _is_plain(sub, resource_type))
        else:
            yield root


def _of_first_kind(attribute: Attribute, root: str, resource_type: ResourceType) -> Iterator[str]:
    kind = attribute.sub(TYPE)
    if kind is not None and kind.canonical_values and f"{root}.{VALUE}" in resource_type.indexed:
        yield f'{root}[{TYPE} eq "{kind.canonical_values[0]}"].{VALUE}'


def _is_hidden(attribute: Attribute, resource_type: ResourceType) -> bool:
    """What no request can write though it can write others, or nobody ever sees."""
    is_of_the_server = attribute.is_read_only or attribute.kept is Kept.DERIVED
    return (
        (is_of_the_server and not resource_type.is_read_only)
        or attribute.kept in (Kept.ROWS, Kept.DISCARDED)
        or attribute.returned is Returned.NEVER
    )


def _is_plain(sub: Attribute, resource_type: ResourceType) -> bool:
    """A part of a single value that stands for itself: no address of what another part names."""
    return not (_is_hidden(sub, resource_type) or sub.multi_valued or sub.is_complex or sub.name == REF)


def _short(path: str, resource_type: ResourceType) -> str:
    """The path without its URN, where the name alone means the same."""
    try:
        full = parse_path(path, Leniency(STRICT))
    except BadRequest:
        return path
    if not isinstance(full, AttrPath) or full.urn is None:
        return path
    short = AttrPath(full.name, full.sub)
    return str(short) if bind(short, resource_type) == bind(full, resource_type) else path
