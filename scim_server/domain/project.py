"""Projection: which attributes a representation has (RFC 7643 section 7 `returned`, RFC 7644 section 3.9).

A `Projection` is what a request asked for. Bound to a resource type it is a `Shape`: for each place that holds
attributes, the attributes that are sent, and of complex ones which sub-attributes. Shapes of small projections are
made once and kept, since most requests ask for the same few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from scim_server.domain import coerce
from scim_server.domain.attrpath import AttrPath, BoundPath, bind, bind_extension
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import META, Attribute, Json, Kept, ResourceType, Returned, Schema
from scim_server.domain.secret import is_hash
from scim_server.errors import InvalidValue

Part: TypeAlias = frozenset[str] | None
"""The sub-attributes that are sent, or None for the whole value."""


@dataclass(frozen=True, slots=True)
class Projection:
    """`attributes` and `excludedAttributes` of a request; both empty for the default."""

    attributes: tuple[AttrPath, ...] = ()
    excluded: tuple[AttrPath, ...] = ()

    @staticmethod
    def of(attributes: Iterable[AttrPath], excluded: Iterable[AttrPath]) -> Projection:
        """Raises InvalidValue where both are given (RFC 7644 section 3.9: they exclude each other)."""
        projection = Projection(tuple(attributes), tuple(excluded))
        if projection.attributes and projection.excluded:
            raise InvalidValue("Give attributes or excludedAttributes, not both.")
        return projection

    @property
    def is_small(self) -> bool:
        """Whether it is like what ordinary clients send, so that much of it can be kept."""
        paths = (*self.attributes, *self.excluded)
        return len(paths) <= _FEW_PATHS and sum(len(str(path)) for path in paths) <= _SHORT_PATHS


_FEW_PATHS: Final = 20
_SHORT_PATHS: Final = 1_000
DEFAULT = Projection()


@dataclass(frozen=True, slots=True)
class Shape:
    """A projection of one resource type: container (None, or an extension's URN) -> attribute -> part."""

    parts: Mapping[str | None, Mapping[str, Part]]
    expand: frozenset[str]
    """The keys of the attributes that storage must bring along: rows and derived ones."""
    document_is_default: bool
    """Whether the stored document can be sent as it is, joined with rows and derived values as they are."""

    def sends(self, name: str, urn: str | None = None) -> bool:
        """Whether an attribute is sent at all: a core or common one, or one of the extension of that URN."""
        return name in self.parts[urn]


def shape(projection: Projection, resource_type: ResourceType, supplied: frozenset[str] = frozenset()) -> Shape:
    """The shape; `supplied` has the keys of attributes returned on request that a write itself named (RFC 7643
    section 7).
    """
    return (_remembered_shape if projection.is_small else _shape)(projection, resource_type, supplied)


def _shape(projection: Projection, resource_type: ResourceType, supplied: frozenset[str]) -> Shape:
    chosen = _Chosen(projection, resource_type, supplied)
    parts = {urn: _parts(chosen, urn, schema) for urn, schema in _places(resource_type)}
    default = parts if projection == DEFAULT and not supplied else shape(DEFAULT, resource_type).parts
    apart = {key: (a.holder, a.name) for key, a in resource_type.kept_apart.items()}
    expand = {key: parts[urn][name] for key, (urn, name) in apart.items() if name in parts[urn]}
    is_whole = all(part is None for part in expand.values())
    beside = {*apart.values(), (None, META)}
    is_default = is_whole and _documents(parts, beside) == _documents(default, beside)
    return Shape(parts, frozenset(expand), is_default)


_remembered_shape: Final = lru_cache(maxsize=1024)(_shape)


def project(attributes: Attributes, shape: Shape) -> Attributes:
    """The part of a full representation (`schemas`, `id`, `meta`, rows and derived values included) that is sent."""
    projected: Attributes = {}
    for name, value in attributes.items():
        if name in shape.parts:
            inner = _project_members(value, shape.parts[name])
        elif name in shape.parts[None]:
            inner = _cut(value, shape.parts[None][name])
        else:
            continue
        if inner not in ({}, []):
            projected[name] = inner
    return projected


def split(resource_type: ResourceType, attributes: Attributes) -> tuple[Attributes, Attributes]:
    """(what is sent by default, the whole values of attributes that are not, or not wholly, sent by default)."""
    by_default = shape(DEFAULT, resource_type)
    visible = project(attributes, by_default)
    return visible, {} if visible == attributes else _difference(attributes, visible, resource_type)


def join(visible: Attributes, hidden: Attributes, resource_type: ResourceType) -> Attributes:
    """The attributes that `split` took apart."""
    joined = dict(visible)
    for name, value in hidden.items():
        if resource_type.extension(name):
            joined[name] = {**joined.get(name, {}), **value}
        else:
            joined[name] = value
    return joined


def known(resource_type: ResourceType, attributes: Attributes) -> Attributes:
    """The attributes without anything that the schemas no longer have, from a document written under other schemas.

    A value that has not the attribute's shape or type any more is one of an attribute that is no longer there.
    """
    kept: Attributes = {}
    for name, value in attributes.items():
        extension = resource_type.extension(name)
        if extension:
            kept[extension.schema.id] = _known_members(value, extension.schema.attribute)
        else:
            kept |= _known_members({name: value}, lambda n: _core_attribute(resource_type, n))
    return {name: value for name, value in kept.items() if value != {}}


def _core_attribute(resource_type: ResourceType, name: str) -> Attribute | None:
    return resource_type.schema.attribute(name) or resource_type.common.attribute(name)


def _known_members(members: Attributes, find: Callable[[str], Attribute | None]) -> Attributes:
    found = ((find(name), value) for name, value in members.items())
    known = {a.name: _known_value(a, value) for a, value in found if a and a.is_in_document}
    return {name: value for name, value in known.items() if value is not None}


def _known_value(attribute: Attribute, value: Json) -> Json:
    if attribute.multi_valued != isinstance(value, list):
        return None
    if not attribute.multi_valued:
        return _known_element(attribute, value)
    return [e for e in (_known_element(attribute, element) for element in value) if e is not None] or None


def _known_element(attribute: Attribute, element: Json) -> Json:
    if not coerce.fits(attribute, element) or (attribute.kept is Kept.HASHED and not is_hash(element)):
        return None
    return (_known_members(element, attribute.sub) or None) if attribute.is_complex else element


class _Chosen:
    """What a projection names, by the keys of bound paths; names that the type does not have are ignored
    (R-ATTR-09).
    """

    def __init__(self, projection: Projection, resource_type: ResourceType, supplied: frozenset[str]) -> None:
        self.only = bool(projection.attributes)
        self.attributes = _keys(projection.attributes, resource_type)
        self.excluded = _keys(projection.excluded, resource_type)
        self.supplied = supplied

    def part(self, attribute: Attribute, extension: str | None) -> Part | _Nothing:
        """What is sent of an attribute: some sub-attributes, the whole, or NOTHING."""
        key = BoundPath(attribute, None, extension).key
        if attribute.returned is Returned.NEVER or attribute.kept is Kept.DISCARDED:
            return NOTHING
        if not attribute.sub_attributes:
            return None if self._sends(attribute, key, key) else NOTHING
        subs = {s.name for s in attribute.sub_attributes if self._sends_sub(attribute, s, key)}
        return _part(attribute, frozenset(subs))

    def _sends_sub(self, attribute: Attribute, sub: Attribute, key: str) -> bool:
        if sub.returned is Returned.NEVER:
            return False
        if attribute.returned is Returned.ALWAYS and sub.returned is Returned.DEFAULT:
            return True
        return self._sends(sub, f"{key}.{sub.name}", key) and self._parent_sends(attribute, sub, key)

    def _sends(self, attribute: Attribute, key: str, parent: str) -> bool:
        if attribute.returned is Returned.ALWAYS:
            return True
        if attribute.returned is Returned.REQUEST and key not in self.supplied:
            return key in self.attributes
        if self.only:
            return key in self.attributes or parent in self.attributes
        return not (key in self.excluded or parent in self.excluded)

    def _parent_sends(self, attribute: Attribute, sub: Attribute, key: str) -> bool:
        """A complex attribute that is returned on request hides its sub-attributes until one of the two is named."""
        if attribute.returned is not Returned.REQUEST or sub.returned is Returned.ALWAYS:
            return True
        return key in self.supplied or key in self.attributes or f"{key}.{sub.name}" in self.attributes


class _Nothing:
    """The part of an attribute that is not sent."""


NOTHING = _Nothing()


def _part(attribute: Attribute, subs: frozenset[str]) -> Part | _Nothing:
    if not subs:
        return NOTHING
    return None if len(subs) == len(attribute.sub_attributes) else subs


def _parts(chosen: _Chosen, urn: str | None, attributes: Sequence[Attribute]) -> dict[str, Part]:
    found = ((a.name, chosen.part(a, urn)) for a in attributes)
    return {name: part for name, part in found if not isinstance(part, _Nothing)}


def _places(resource_type: ResourceType) -> list[tuple[str | None, Sequence[Attribute]]]:
    core: list[tuple[str | None, Sequence[Attribute]]] = [
        (None, (*resource_type.common.attributes, *resource_type.schema.attributes))
    ]
    return core + [(e.schema.id, e.schema.attributes) for e in resource_type.extensions]


def _keys(paths: Iterable[AttrPath], resource_type: ResourceType) -> frozenset[str]:
    return frozenset(key for path in paths for key in _keys_of(path, resource_type))


def _keys_of(path: AttrPath, resource_type: ResourceType) -> Iterable[str]:
    schema = _bare_schema(path, resource_type)
    if schema is not None:
        urn = None if schema is resource_type.schema else schema.id
        return [BoundPath(a, None, urn).key for a in schema.attributes]
    bound = bind(path, resource_type)
    return [bound.key] if bound else []


def _bare_schema(path: AttrPath, resource_type: ResourceType) -> Schema | None:
    extension = bind_extension(path, resource_type)
    if extension:
        return extension.schema
    return resource_type.schema if str(path).lower() == resource_type.schema.id.lower() else None


def _documents(
    parts: Mapping[str | None, Mapping[str, Part]], beside: set[tuple[str | None, str]]
) -> dict[str | None, dict[str, Part]]:
    """The parts that concern the stored document: not rows, derived values or meta, which are added to it."""
    return {
        urn: {name: part for name, part in inner.items() if (urn, name) not in beside} for urn, inner in parts.items()
    }


def _project_members(members: Attributes, parts: Mapping[str, Part]) -> Attributes:
    cut = {name: _cut(value, parts[name]) for name, value in members.items() if name in parts}
    return {name: value for name, value in cut.items() if value not in ({}, [])}


def _cut(value: Json, part: Part) -> Json:
    if part is None:
        return value
    if isinstance(value, list):
        return [cut for cut in (_cut(element, part) for element in value) if cut != {}]
    return {name: member for name, member in value.items() if name in part}


def _difference(attributes: Attributes, visible: Attributes, resource_type: ResourceType) -> Attributes:
    hidden: Attributes = {}
    for name, value in attributes.items():
        shown = visible.get(name)
        if shown == value:
            continue
        if resource_type.extension(name):
            inner = shown or {}
            hidden[name] = {n: v for n, v in value.items() if inner.get(n) != v}
        else:
            hidden[name] = value
    return hidden
