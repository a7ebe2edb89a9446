"""Schemas, attributes and resource types as values.

Everything that the server knows about an attribute is a characteristic of it (RFC 7643 section 2.2) or stands in
the binding of its resource type; both come from files. Code reads characteristics and never asks for a name, save
for the default sub-attributes of multi-valued attributes, whose meaning RFC 7643 section 2.4 itself fixes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from scim_server.domain.rules import Rules

if TYPE_CHECKING:
    from scim_server.domain.attrpath import BoundPath
    from scim_server.domain.filter import BoundFilter

Json: TypeAlias = Any
"""A JSON value as `json.loads` gives it: dict, list, str, int, Decimal, bool or None."""

# Default sub-attributes, RFC 7643 section 2.4.
TYPE, PRIMARY, DISPLAY, VALUE, REF = "type", "primary", "display", "value", "$ref"

# Common attributes that the protocol itself gives a meaning, RFC 7643 sections 3 and 3.1.
SCHEMAS, ID, META = "schemas", "id", "meta"


class AttributeType(StrEnum):
    """RFC 7643 section 2.3, with `binary` as erratum 5606 has it."""

    STRING = "string"
    BOOLEAN = "boolean"
    DECIMAL = "decimal"
    INTEGER = "integer"
    DATE_TIME = "dateTime"
    REFERENCE = "reference"
    BINARY = "binary"
    COMPLEX = "complex"


class Mutability(StrEnum):
    READ_ONLY = "readOnly"
    READ_WRITE = "readWrite"
    IMMUTABLE = "immutable"
    WRITE_ONLY = "writeOnly"


class Returned(StrEnum):
    ALWAYS = "always"
    NEVER = "never"
    DEFAULT = "default"
    REQUEST = "request"


class Uniqueness(StrEnum):
    NONE = "none"
    SERVER = "server"
    GLOBAL = "global"


class Kept(StrEnum):
    """Where the values of an attribute are."""

    DOCUMENT = "document"
    """In the resource's document."""
    ROWS = "rows"
    """A row for each element; the document never holds them, a change never loads them."""
    DERIVED = "derived"
    """Nowhere: computed when read."""
    RECORD = "record"
    """In columns of the resource's own row: `id`, `meta`."""
    DISCARDED = "discarded"
    """Nowhere: accepted and thrown away."""
    HASHED = "hashed"
    """In the document as a hash; nothing shows it, and nothing that is shown depends on it."""


class AbsentInPut(StrEnum):
    """What a PUT that does not name an attribute does to it (RFC 7644 section 3.5.1 leaves it open)."""

    CLEAR = "clear"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute with its characteristics (RFC 7643 section 7); `kept` and `holder` come from the binding and are
    not published.
    """

    name: str
    type: AttributeType = AttributeType.STRING
    multi_valued: bool = False
    description: str = ""
    required: bool = False
    canonical_values: tuple[str, ...] = ()
    case_exact: bool = False
    mutability: Mutability = Mutability.READ_WRITE
    returned: Returned = Returned.DEFAULT
    uniqueness: Uniqueness = Uniqueness.NONE
    reference_types: tuple[str, ...] = ()
    sub_attributes: tuple[Attribute, ...] = ()
    kept: Kept = Kept.DOCUMENT
    holder: str | None = None
    """The URN of the extension that has it, of an attribute kept as rows or derived; set by the binding."""
    _by_name: Mapping[str, Attribute] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        names = {sub.name.lower(): sub for sub in self.sub_attributes}
        object.__setattr__(self, "_by_name", MappingProxyType(names))

    def sub(self, name: str) -> Attribute | None:
        """The sub-attribute of that name in any case, or None."""
        return self._by_name.get(name.lower())

    @property
    def key(self) -> str:
        """The canonical text of its path, of an attribute kept as rows or derived (`path_key`)."""
        return path_key(self.holder, self.name)

    @property
    def is_in_document(self) -> bool:
        """Whether the document has its values, as they were sent or as hashes."""
        return self.kept in (Kept.DOCUMENT, Kept.HASHED)

    @property
    def is_complex(self) -> bool:
        return self.type is AttributeType.COMPLEX

    @property
    def is_read_only(self) -> bool:
        return self.mutability is Mutability.READ_ONLY

    @property
    def refers_to_resource(self) -> bool:
        """Whether values are URIs of SCIM resources (RFC 7643 section 2.3.7), not of anything else."""
        return any(kind not in ("external", "uri") for kind in self.reference_types)


@dataclass(frozen=True, slots=True)
class Schema:
    """A schema: its URI, and its attributes in the order in which they are published."""

    id: str
    name: str
    description: str
    attributes: tuple[Attribute, ...]
    _by_name: Mapping[str, Attribute] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        names = {attribute.name.lower(): attribute for attribute in self.attributes}
        object.__setattr__(self, "_by_name", MappingProxyType(names))

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name in any case, or None."""
        return self._by_name.get(name.lower())


def path_key(extension: str | None, name: str, sub: str | None = None) -> str:
    """The canonical text of a path: `userName`, `emails.value`, `urn:...:User:manager.value`."""
    path = f"{extension}:{name}" if extension else name
    return f"{path}.{sub}" if sub else path


@dataclass(frozen=True, slots=True)
class Extension:
    """A schema bound to a resource type as an extension."""

    schema: Schema
    required: bool = False
    absent_in_put: AbsentInPut = AbsentInPut.CLEAR


MOST_LEVELS: Final = 16
"""How many steps of nesting are followed, where nesting is; cycles, which are accepted, end there (R-GRP-06)."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows that a derived attribute follows from: those of the attribute that has this key, for the resources for which
    the filter `where` holds. Its leaves are about the document.
    """

    attribute: str
    where: BoundFilter | None = None


@dataclass(frozen=True, slots=True)
class Inverse:
    """How a derived attribute follows from rows: who names this resource in one of the `sources` of `resource_type`?

    Its elements have `value` (the owner's id), `$ref`, `display` (the owner's label) and `type` (`kind`), as far as the
    attribute has these; each owner is there once. Where there are more `levels` than one, who names an owner in the
    same attribute owns too, up to so many steps away: by its shortest way, of type `kind` at the first step, else
    `indirect_kind` (RFC 7643 section 4.1.2).
    """

    resource_type: str
    sources: tuple[Source, ...]
    kind: str = "direct"
    levels: int = 1
    indirect_kind: str = "indirect"

    @property
    def attribute(self) -> str | None:
        """The key of the attribute whose rows alone it follows from, whatever the resource is like; else None."""
        (first, *others) = self.sources
        return first.attribute if not others and first.where is None else None

    def kind_at(self, level: int) -> str:
        """The `type` of an owner so many steps away, from 1."""
        return self.kind if level == 1 else self.indirect_kind


@dataclass(frozen=True, slots=True)
class Depth:
    """How deep a resource lies: 1 where nothing is above it. `above` has the id of the resource of the same type above
    it; a circle, and what lies above MOST_LEVELS of them, is not followed.
    """

    above: BoundPath


@dataclass(frozen=True, slots=True)
class Absence:
    """Whether the derived attribute that has the key `of` has no value; that one is an Inverse."""

    of: str


@dataclass(frozen=True, slots=True)
class Noted:
    """What is noted about a resource under the attribute's own key: whether anything is, of a boolean; else the values
    of the notes in their order.
    """


@dataclass(frozen=True, slots=True)
class TakenSeats:
    """How many seats are taken of the licence pool that the resource shows."""


Derivation: TypeAlias = Inverse | Depth | Absence | Noted | TakenSeats
"""How the values of a derived attribute come about."""


@dataclass(frozen=True, slots=True)
class Format:
    """The form that a text value should have: `fits` says whether one has it, `expected` what it is in plain words."""

    name: str
    expected: str
    fits: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class PoolForm:
    """In which core attributes a resource shows a licence pool: its key, what people call it, of what type it is, and
    how many seats it has; None for what it does not show.
    """

    key: str | None = None
    display: str | None = None
    type: str | None = None
    seats: str | None = None


@dataclass(frozen=True, slots=True)
class Password:
    """An attribute that is kept as a hash, and the core or extension attributes that the server writes with it, each by
    (extension's URN or None, name): that somebody else set it, so that it must be changed, and when it was set last.
    """

    place: tuple[str | None, str]
    minimum: int
    """Characters."""
    change_required: tuple[str | None, str] | None = None
    changed: tuple[str | None, str] | None = None


@dataclass(frozen=True, eq=False)
class ResourceType:
    """A resource type with everything that its binding says; compared and hashed by identity, so that plans can
    hang on it.

    `common` holds the attributes of RFC 7643 section 3.1 (schemas, id, externalId, meta). `defaults`, `indexed`,
    `label`, `formats` and `derivations` are keyed by the text of `BoundPath.key`.
    """

    id: str
    name: str
    endpoint: str
    """With its leading slash, as it is published: `/Users`."""
    description: str
    schema: Schema
    common: Schema
    extensions: tuple[Extension, ...] = ()
    defaults: Mapping[str, Json] = field(default_factory=dict)
    """Values that a create without the attribute stores; a PUT without it keeps what is there."""
    indexed: frozenset[str] = frozenset()
    """Paths with rows in the index table, on top of the unique ones."""
    unique_within: Mapping[str, BoundPath] = field(default_factory=dict)
    """Paths of attributes that are unique among the resources with the same value of another one: that one."""
    label: str | None = None
    """The path of the attribute that others show as `display` of this resource."""
    derivations: Mapping[str, Derivation] = field(default_factory=dict)
    formats: Mapping[str, Format] = field(default_factory=dict)
    """Looked at where the dialect has no ANY_FORMAT alone."""
    is_subject: bool = False
    """Whether credentials are bound to resources of it, so that `/Me` means one of them (RFC 7644 section 3.11)."""
    rules: Rules | None = None
    """What the tenant's profile asks of its resources."""
    passwords: tuple[Password, ...] = ()
    """Which attributes are kept as hashes."""
    pools: PoolForm | None = None
    """How its resources show the tenant's licence pools, where that is what they are."""

    @cached_property
    def containers(self) -> tuple[tuple[str | None, Schema], ...]:
        """The places that hold attributes: (None, core schema), then (URN, schema) for each extension."""
        return ((None, self.schema), *((e.schema.id, e.schema) for e in self.extensions))

    @cached_property
    def default_values(self) -> tuple[tuple[str, str | None, str, Json], ...]:
        """(path, extension's URN or None, attribute's name, value) of each default."""
        return tuple(
            (key, urn, attribute.name, self.defaults[key])
            for urn, schema in self.containers
            for attribute in schema.attributes
            if (key := path_key(urn, attribute.name)) in self.defaults
        )

    @cached_property
    def formatted(self) -> tuple[tuple[str | None, str, str | None, Format], ...]:
        """(extension's URN or None, attribute's name, sub-attribute's name or None, format) of each format."""
        return tuple(
            (urn, attribute.name, sub, self.formats[key])
            for urn, schema in self.containers
            for attribute in schema.attributes
            for sub in (None, *(sub.name for sub in attribute.sub_attributes))
            if (key := path_key(urn, attribute.name, sub)) in self.formats
        )

    @cached_property
    def on_request(self) -> tuple[tuple[str, str], ...]:
        """(path of the attribute, path) of the attributes and sub-attributes that are returned on request."""
        return tuple(
            (path_key(urn, attribute.name), path)
            for urn, schema in self.containers
            for attribute in schema.attributes
            for path in _on_request(attribute, urn)
        )

    @cached_property
    def rows_attributes(self) -> tuple[Attribute, ...]:
        """The attributes kept as rows; a type that has some has a membership version too."""
        return tuple(a for _, schema in self.containers for a in schema.attributes if a.kept is Kept.ROWS)

    @property
    def is_read_only(self) -> bool:
        """Whether no client writes its resources: licence pools are the operator's."""
        return self.pools is not None

    def rows_attribute(self, key: str) -> Attribute:
        """The one of `rows_attributes` that has exactly that key, which is known to be there."""
        return next(a for a in self.rows_attributes if a.key == key)

    @cached_property
    def derived_attributes(self) -> tuple[Attribute, ...]:
        """The attributes that are computed when read."""
        return tuple(
            a for urn, schema in self.containers for a in schema.attributes if path_key(urn, a.name) in self.derivations
        )

    @cached_property
    def inverses(self) -> Mapping[str, Inverse]:
        """The derived attributes that follow from rows, by key."""
        return {key: derivation for key, derivation in self.derivations.items() if isinstance(derivation, Inverse)}

    @cached_property
    def steady(self) -> frozenset[str]:
        """The keys of the derived attributes that no write of the resource's own document changes."""
        return frozenset(key for key, inverse in self.inverses.items() if inverse.attribute is not None)

    @cached_property
    def kept_apart(self) -> Mapping[str, Attribute]:
        """What stands beside the document, by key: the attributes kept as rows, and the derived ones."""
        apart = {id(a) for a in (*self.rows_attributes, *self.derived_attributes)}
        return {
            path_key(urn, a.name): a for urn, schema in self.containers for a in schema.attributes if id(a) in apart
        }

    def extension(self, urn: str) -> Extension | None:
        """The extension of that URN in any case (RFC 7644 section 3.10), or None."""
        return self._extensions.get(urn.lower())

    @cached_property
    def _extensions(self) -> Mapping[str, Extension]:
        return {e.schema.id.lower(): e for e in self.extensions}


def _on_request(attribute: Attribute, urn: str | None) -> Iterator[str]:
    if attribute.returned is Returned.REQUEST:
        yield path_key(urn, attribute.name)
    for sub in attribute.sub_attributes:
        if sub.returned is Returned.REQUEST:
            yield path_key(urn, attribute.name, sub.name)
