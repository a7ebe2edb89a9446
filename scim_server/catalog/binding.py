"""What the binding of one resource type says: where values are kept, what is indexed, the defaults, the label.

Every path is bound to its attribute here, and what a binding asks is held to what the attribute can do.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from scim_server.catalog import formats
from scim_server.catalog.derivations import SNAKE, Wanted
from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.catalog.schemas import keep
from scim_server.domain import coerce
from scim_server.domain.attrpath import AttrPath, BoundPath, bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import (
    VALUE,
    AbsentInPut,
    Attribute,
    AttributeType,
    Extension,
    Format,
    Json,
    Kept,
    Mutability,
    PoolForm,
    ResourceType,
    Returned,
    Schema,
    Uniqueness,
)
from scim_server.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a schema as an extension, by a type's own file or by a profile; `indexed` and `defaults` have paths
    within it, `kept` says by name where values are, and `derived` how they come about.
    """

    place: Place
    key: str
    """The key that names the schema."""
    resource_type: str
    urn: str
    required: bool
    absent_in_put: AbsentInPut
    indexed: tuple[str, ...] = ()
    defaults: Mapping[str, Json] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource type whose schemas are known, beside what its file and the profiles say about it."""

    resource_type: ResourceType
    document: Document
    uses: tuple[Use, ...]

    @property
    def place(self) -> Place:
        return self.document.place


class Binding:
    """A draft's binding: `resource_type` has everything in it that is right, save its derivations, which need the other
    types: `wanted` is what it says about these. `faults` is what is not right.
    """

    def __init__(self, draft: Draft) -> None:
        self.faults: list[Fault] = []
        self.wanted: list[Wanted] = []
        self._draft = draft
        self._place = draft.place.member("binding")
        self._content: Mapping[str, Json] = draft.document.content.get("binding", {})
        kept = self._kept(draft.resource_type)
        extensions = tuple(map(self._extension, draft.resource_type.extensions, draft.uses))
        schema = keep(draft.resource_type.schema, kept)
        self._type = replace(draft.resource_type, schema=schema, extensions=extensions)
        self.wanted += self._derived()
        self._check_places({wanted.attribute.name for wanted in self.wanted if not wanted.extension})
        self._check_put_rules()
        self.resource_type = replace(
            self._type,
            indexed=self._indexed(),
            defaults=self._defaults(),
            label=self._label(),
            formats=self._formats(),
            is_subject=self._content.get("subject", False),
            pools=self._pools(),
        )

    def _kept(self, resource_type: ResourceType) -> dict[str, Kept]:
        kept = {}
        for name, where in self._content.get("kept", {}).items():
            attribute = resource_type.schema.attribute(name)
            if attribute is None:
                self._missing(name, self._place.member("kept").member(name))
            else:
                kept[attribute.name] = Kept(where)
        return kept

    def _extension(self, extension: Extension, use: Use) -> Extension:
        """The extension with the places where the values of some of its attributes are kept."""
        kept = {}
        for name, where in use.kept.items():
            place = use.place.member("kept").member(name)
            if attribute := self._of(extension, name, place):
                kept[attribute.name] = Kept(where)
                self.faults += [place.fault(*problem) for problem in UNFIT_FOR[Kept(where)](attribute)]
        for name, content in use.derived.items():
            place = use.place.member("derived").member(name)
            if attribute := self._of(extension, name, place):
                kept[attribute.name] = Kept.DERIVED
                self.faults += [place.fault(*problem) for problem in UNFIT_FOR[Kept.DERIVED](attribute)]
                self.wanted.append(Wanted(use.resource_type, attribute, extension.schema.id, content, place, SNAKE))
        return replace(extension, schema=_held(keep(extension.schema, kept))) if kept else extension

    def _of(self, extension: Extension, name: str, place: Place) -> Attribute | None:
        attribute = extension.schema.attribute(name)
        if attribute is None:
            problem = f"{extension.schema.id} has no attribute {shown(name)}"
            self.faults.append(place.fault(problem, "an attribute of the extension"))
        return attribute

    def _derived(self) -> Iterator[Wanted]:
        """What the type's own file says about derived attributes."""
        for name, content in self._content.get("derived", {}).items():
            place = self._place.member("derived").member(name)
            attribute = self._type.schema.attribute(name)
            if attribute is None:
                self._missing(name, place)
            else:
                yield Wanted(self._type.name, attribute, None, content, place, {})

    def _check_places(self, derived: Collection[str]) -> None:
        for attribute in self._type.schema.attributes:
            place = self._place.member("kept").member(attribute.name)
            self.faults += [place.fault(*fault) for fault in UNFIT_FOR[attribute.kept](attribute)]
            if (attribute.kept is Kept.DERIVED) == (attribute.name in derived):
                continue
            self.faults.append(
                self._place.member("derived").member(attribute.name).fault("is missing", "how it is derived")
                if attribute.kept is Kept.DERIVED
                else place.fault("is missing or another", "derived, since binding.derived has the attribute")
            )

    def _check_put_rules(self) -> None:
        own = {item["schema"].lower() for item in self._draft.document.content.get("schemaExtensions", ())}
        place = self._place.member("absentInPut")
        for urn in self._content.get("absentInPut", {}):
            if urn.lower() not in own:
                self.faults.append(
                    place.member(urn).fault("is not an extension of this file", "one of schemaExtensions")
                )

    def _indexed(self) -> frozenset[str]:
        place = self._place.member("indexed")
        found = [self._index(path, place.element(i)) for i, path in enumerate(self._content.get("indexed", ()))]
        for use in self._draft.uses:
            for index, path in enumerate(use.indexed):
                found.append(self._index(f"{use.urn}:{path}", use.place.member("indexed").element(index)))
        return frozenset(key for key in found if key)

    def _index(self, text: str, place: Place) -> str | None:
        path = self._path(text, place)
        return path.key if path and self._holds(place, _unindexable(path)) else None

    def _defaults(self) -> dict[str, Json]:
        defaults = {}
        for text, value, place in self._said_defaults():
            path = self._path(text, place)
            if path and self._holds(place, _unfit_default(path, value)):
                defaults[path.key] = value
        return defaults

    def _said_defaults(self) -> Iterator[tuple[str, Json, Place]]:
        for text, value in self._content.get("defaults", {}).items():
            yield text, value, self._place.member("defaults").member(text)
        for use in self._draft.uses:
            for name, value in use.defaults.items():
                yield f"{use.urn}:{name}", value, use.place.member("defaults").member(name)

    def _label(self) -> str | None:
        text = self._content.get("label")
        place = self._place.member("label")
        path = self._path(text, place) if text is not None else None
        return path.key if path and self._holds(place, _unfit_label(path)) else None

    def _formats(self) -> dict[str, Format]:
        chosen = {}
        for text, name in self._content.get("formats", {}).items():
            place = self._place.member("formats").member(text)
            path = self._path(text, place)
            if path and self._holds(place, _unfit_format(path, name)):
                chosen[path.key] = formats.known()[name]
        return chosen

    def _pools(self) -> PoolForm | None:
        named = self._content.get("pools")
        if named is None:
            return None
        place = self._place.member("pools")
        if self._content.get("subject"):
            self.faults.append(place.fault("clients write no pools, and /Me could be written", "no subject"))
        found = {}
        for role, text in named.items():
            path = self._path(text, place.member(role))
            if path and self._holds(place.member(role), _unfit_for_pools(path, POOL_TYPES[role])):
                found[role] = path.attribute.name
        return PoolForm(**found)

    def _path(self, text: str, place: Place) -> BoundPath | None:
        path = bind(parse(text), self._type)
        if path is None:
            self._missing(text, place)
        return path

    def _missing(self, name: str, place: Place) -> None:
        problem = f"{self._draft.resource_type.name} has no attribute {shown(name)}"
        self.faults.append(place.fault(problem, "an attribute of its schemas"))

    def _holds(self, place: Place, reason: tuple[str, str] | None) -> bool:
        if reason:
            self.faults.append(place.fault(*reason))
        return reason is None


def _held(schema: Schema) -> Schema:
    """The schema of an extension, in which what stands beside the document knows whose it is."""
    attributes = (replace(a, holder=schema.id) if a.kept in (Kept.ROWS, Kept.DERIVED) else a for a in schema.attributes)
    return replace(schema, attributes=tuple(attributes))


def parse(text: str) -> AttrPath:
    """`[URN:]name[.sub]` as a path; whether there is such an attribute is for `bind` to say."""
    urn, _, rest = text.rpartition(":")
    name, _, sub = rest.partition(".")
    return AttrPath(name, sub or None, urn or None)


TEXTS: Final = (AttributeType.STRING, AttributeType.REFERENCE, AttributeType.BINARY)
"""The types whose values are texts."""

Problem = tuple[str, str]
"""A problem, and what is expected instead."""


def _unfit_for_rows(attribute: Attribute) -> Iterator[Problem]:
    if not (attribute.multi_valued and attribute.is_complex and attribute.sub(VALUE)):
        yield (
            f"{attribute.name} cannot be kept as rows",
            "a multi-valued complex attribute with the sub-attribute value",
        )
    yield from _unfit_unique(attribute)


def _unfit_for_derived(attribute: Attribute) -> Iterator[Problem]:
    if not attribute.is_read_only:
        yield f"{attribute.name} is derived and {attribute.mutability}", Mutability.READ_ONLY
    yield from _unfit_unique(attribute)


def _unfit_for_discarding(attribute: Attribute) -> Iterator[Problem]:
    if attribute.returned is not Returned.NEVER:
        yield f"{attribute.name} is discarded, and clients expect it back", "an attribute that is never returned"
    yield from _unfit_unique(attribute)


def _unfit_unique(attribute: Attribute) -> Iterator[Problem]:
    for leaf in (attribute, *attribute.sub_attributes):
        if leaf.uniqueness is not Uniqueness.NONE:
            yield f"{leaf.name} is unique, which is only held for values in the document", "document"


def _fits_anywhere(_: Attribute) -> Iterator[Problem]:
    return iter(())


UNFIT_FOR: Final[Mapping[Kept, Callable[[Attribute], Iterator[Problem]]]] = {
    Kept.DOCUMENT: _fits_anywhere,
    Kept.RECORD: _fits_anywhere,
    Kept.ROWS: _unfit_for_rows,
    Kept.DERIVED: _unfit_for_derived,
    Kept.DISCARDED: _unfit_for_discarding,
    Kept.HASHED: _fits_anywhere,
}


def _unindexable(path: BoundPath) -> Problem | None:
    if path.leaf.is_complex:
        subs = ", ".join(f"{path.key}.{sub.name}" for sub in path.leaf.sub_attributes if not sub.is_complex)
        return f"{path.key} is complex", f"one of {subs}"
    return _hidden(path)


def _hidden(path: BoundPath) -> Problem | None:
    if path.attribute.kept is not Kept.DOCUMENT:
        return f"{path.key} is not in the document ({path.attribute.kept})", "an attribute kept in the document"
    if Returned.NEVER in (path.attribute.returned, path.leaf.returned):
        return f"{path.key} is never returned", "an attribute that is"
    return None


def _unfit_default(path: BoundPath, value: Json) -> Problem | None:
    attribute = path.attribute
    if path.sub or attribute.is_complex or attribute.is_read_only:
        return f"{path.key} cannot have a default", "a simple attribute that clients can write"
    if attribute.kept is not Kept.DOCUMENT:
        return _hidden(path)
    try:
        coerce.value(attribute, value, Leniency(STRICT))
    except InvalidValue:
        kind = f"a list of {attribute.type} values" if attribute.multi_valued else f"a value of type {attribute.type}"
        return f"{shown(value)} does not fit", kind
    return None


def _unfit_format(path: BoundPath, name: str) -> Problem | None:
    if name not in formats.known():
        return f"{shown(name)} is not a format", one_of(sorted(formats.known()))
    if path.leaf.type not in TEXTS:
        return f"{path.key} is of type {path.leaf.type}, which has no format", f"one of the types {', '.join(TEXTS)}"
    if path.attribute.kept is not Kept.DOCUMENT:
        return _hidden(path)
    return None


POOL_TYPES: Final = {
    "key": AttributeType.STRING,
    "display": AttributeType.STRING,
    "type": AttributeType.STRING,
    "seats": AttributeType.INTEGER,
}
"""The type of the attribute that shows each part of a licence pool."""


def _unfit_for_pools(path: BoundPath, kind: AttributeType) -> Problem | None:
    is_core = not (path.extension or path.sub)
    if not is_core or path.leaf.multi_valued or path.leaf.type is not kind or not path.leaf.is_read_only:
        return f"{path.key} cannot show a part of a pool", f"a core attribute of type {kind}, readOnly, with one value"
    return _hidden(path)


def _unfit_label(path: BoundPath) -> Problem | None:
    plural = path.attribute.multi_valued or path.leaf.multi_valued
    if plural or path.extension or path.leaf.type is not AttributeType.STRING:
        return f"{path.key} is no label", "a string attribute of the core schema with one value"
    return _hidden(path)
