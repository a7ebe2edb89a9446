"""Schema files: a document of the right shape becomes a Schema, and its attributes are held to the rules of RFC 7643.

A rule is a small function from an attribute, as it was written and as it was understood, to the faults in it; the rules
stand in tables. What only holds for schemas of resources stands apart, because the schema of schemas itself breaks it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.domain.publish import HAS_CASE, HAS_UNIQUENESS
from scim_server.domain.schema import (
    DISPLAY,
    PRIMARY,
    REF,
    TYPE,
    Attribute,
    AttributeType,
    Json,
    Kept,
    Mutability,
    Returned,
    Schema,
    Uniqueness,
)

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9$_-]*")
# An absolute URI that can stand before an attribute's name in a path, and in a filter.
URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"()\[\]]*[^\s\"()\[\]:]")
MESSAGES: Final = "urn:ietf:params:scim:api:messages:"
# RFC 7643 sections 2.3.6 and 2.3.7: the case of these always counts.
ALWAYS_EXACT: Final = frozenset({AttributeType.REFERENCE, AttributeType.BINARY})
# RFC 7643 section 2.4 gives these sub-attributes their meaning.
STANDARD_SUBS: Final = {
    TYPE: AttributeType.STRING,
    DISPLAY: AttributeType.STRING,
    PRIMARY: AttributeType.BOOLEAN,
    REF: AttributeType.REFERENCE,
}


@dataclass(frozen=True, slots=True)
class Definition:
    """A schema, the file that it comes from, and how its document says it."""

    schema: Schema
    document: Document

    @property
    def place(self) -> Place:
        return self.document.place


@dataclass(frozen=True, slots=True)
class Written:
    """An attribute beside the words of the file that define it."""

    attribute: Attribute
    content: dict[str, Json]
    place: Place

    @property
    def subs(self) -> list[Written]:
        return _written(
            self.attribute.sub_attributes, self.content.get("subAttributes", []), self.place, "subAttributes"
        )


Rule: TypeAlias = Callable[[Written], Iterable[Fault]]


def define(document: Document) -> Definition:
    """The schema that a document of the right shape defines; a common one has no URI and may carry a binding."""
    content = document.content
    schema = Schema(
        id=content.get("id", ""),
        name=content["name"],
        description=content.get("description", ""),
        attributes=tuple(_attribute(item) for item in content["attributes"]),
    )
    return Definition(_kept(schema, content.get("binding", {}).get("kept", {})), document)


def keep(schema: Schema, kept: dict[str, Kept]) -> Schema:
    """The schema with the places where the values of some attributes are kept."""
    attributes = (replace(a, kept=kept[a.name]) if a.name in kept else a for a in schema.attributes)
    return replace(schema, attributes=tuple(attributes))


def faults(definition: Definition) -> list[Fault]:
    """What is wrong with a schema by itself, wherever it is used."""
    attributes = written(definition)
    found = [*_uri(definition), *_repeated(attributes)]
    for attribute in attributes:
        found += _broken(attribute, RULES)
    return found


def repeated_uris(definitions: Iterable[Definition]) -> list[Fault]:
    """URIs of schemas that do not differ in more than case (RFC 7644 section 3.10)."""
    first: dict[str, Definition] = {}
    found = []
    for definition in definitions:
        uri = definition.schema.id
        other = first.setdefault(uri.lower(), definition)
        if other is not definition:
            place = definition.place.member("id")
            found.append(place.fault(f"{shown(uri)} is defined in {other.place.file} already", "another URI"))
    return found


def resource_faults(definition: Definition, common: Schema) -> list[Fault]:
    """What makes a schema unfit for resources: complex in complex, and attributes that every resource has anyway."""
    attributes = written(definition)
    nested = [fault for attribute in attributes for sub in attribute.subs for fault in _nested(sub)]
    shadowed = (item for item in attributes if common.attribute(item.attribute.name))
    return nested + [
        item.place.member("name").fault(
            f"{shown(item.attribute.name)} is an attribute that every resource has (RFC 7643 section 3.1)",
            "another name",
        )
        for item in shadowed
    ]


def written(definition: Definition) -> list[Written]:
    """The attributes of a schema with their places in the file."""
    content = definition.document.content
    return _written(definition.schema.attributes, content["attributes"], definition.place, "attributes")


def _kept(schema: Schema, kept: dict[str, str]) -> Schema:
    return keep(schema, {name: Kept(where) for name, where in kept.items()})


def _attribute(content: dict[str, Json]) -> Attribute:
    """An attribute with the defaults of RFC 7643 section 2.2."""
    kind = AttributeType(content.get("type", AttributeType.STRING))
    return Attribute(
        name=content["name"],
        type=kind,
        multi_valued=content.get("multiValued", False),
        description=content.get("description", ""),
        required=content.get("required", False),
        canonical_values=tuple(content.get("canonicalValues", ())),
        case_exact=content.get("caseExact", kind in ALWAYS_EXACT),
        mutability=Mutability(content.get("mutability", Mutability.READ_WRITE)),
        returned=Returned(content.get("returned", Returned.DEFAULT)),
        uniqueness=Uniqueness(content.get("uniqueness", Uniqueness.NONE)),
        reference_types=tuple(content.get("referenceTypes", ())),
        sub_attributes=tuple(_attribute(sub) for sub in content.get("subAttributes", ())),
    )


def _written(attributes: Sequence[Attribute], contents: Sequence[Json], place: Place, key: str) -> list[Written]:
    pairs = enumerate(zip(attributes, contents, strict=True))
    return [Written(attribute, content, place.member(key).element(i)) for i, (attribute, content) in pairs]


def _broken(item: Written, rules: Iterable[Rule]) -> Iterator[Fault]:
    for rule in rules:
        yield from rule(item)
    yield from _repeated(item.subs)
    for sub in item.subs:
        yield from _broken(sub, SUB_RULES)


def _uri(definition: Definition) -> Iterator[Fault]:
    uri = definition.schema.id
    if not uri:
        return
    place = definition.place.member("id")
    if not URI.fullmatch(uri):
        yield place.fault(
            f"{shown(uri)} is not a URI", "a URI such as urn:ietf:params:scim:schemas:extension:name:2.0:User"
        )
    elif uri.lower().startswith(MESSAGES):
        yield place.fault(f"{shown(uri)} is the URI of a message", "the URI of a schema")


def _repeated(items: Iterable[Written]) -> Iterator[Fault]:
    """Names differ in more than case (RFC 7643 section 2.1)."""
    seen: set[str] = set()
    for item in items:
        name = item.attribute.name
        if name.lower() in seen:
            yield item.place.member("name").fault(
                f"{shown(name)} is there already", "a name that differs in more than case"
            )
        seen.add(name.lower())


def _badly_named(item: Written) -> Iterator[Fault]:
    if not NAME.fullmatch(item.attribute.name):
        problem = f"{shown(item.attribute.name)} is not an attribute name"
        yield item.place.member("name").fault(
            problem, "a letter, then letters, digits, $, - or _ (RFC 7643 section 2.1)"
        )


def _badly_named_sub(item: Written) -> Iterator[Fault]:
    return _badly_named(item) if item.attribute.name != REF else iter(())


def _parts(item: Written) -> Iterator[Fault]:
    place, subs = item.place.member("subAttributes"), item.attribute.sub_attributes
    if item.attribute.is_complex and not subs:
        yield place.fault("is missing or empty", "the sub-attributes that a complex attribute consists of")
    if subs and not item.attribute.is_complex:
        yield place.fault(f"a {item.attribute.type} attribute has no sub-attributes", "none, or the type complex")


def _references(item: Written) -> Iterator[Fault]:
    place, kinds = item.place.member("referenceTypes"), item.attribute.reference_types
    refers = item.attribute.type is AttributeType.REFERENCE
    if refers and not kinds:
        yield place.fault("is missing or empty", "names of resource types, external or uri")
    if kinds and not refers:
        yield place.fault(f"a {item.attribute.type} attribute refers to nothing", "none, or the type reference")


def _case(item: Written) -> Iterator[Fault]:
    place, kind = item.place.member("caseExact"), item.attribute.type
    if kind not in HAS_CASE and item.attribute.case_exact:
        yield place.fault(
            f"a {kind} has no case", f"false or nothing, or one of the types {', '.join(sorted(HAS_CASE))}"
        )
    if kind in ALWAYS_EXACT and not item.attribute.case_exact:
        yield place.fault(f"the case of a {kind} always counts", "true or nothing")


def _unique(item: Written) -> Iterator[Fault]:
    attribute, place = item.attribute, item.place.member("uniqueness")
    if attribute.uniqueness is Uniqueness.NONE:
        return
    if attribute.type not in HAS_UNIQUENESS:
        yield place.fault(
            f"a {attribute.type} cannot be unique", f"none, or one of the types {', '.join(sorted(HAS_UNIQUENESS))}"
        )
    if attribute.returned is Returned.NEVER:
        yield place.fault("what is never returned cannot be unique: a refusal would reveal it", "none")


def _suggestions(item: Written) -> Iterator[Fault]:
    if item.attribute.canonical_values and item.attribute.type is not AttributeType.STRING:
        place = item.place.member("canonicalValues")
        yield place.fault(f"a {item.attribute.type} has no canonical values", "none, or the type string")


def _secrets(item: Written) -> Iterator[Fault]:
    attribute = item.attribute
    if attribute.mutability is Mutability.WRITE_ONLY and attribute.returned is not Returned.NEVER:
        yield item.place.member("returned").fault("what is writeOnly is never returned", Returned.NEVER)


def _standard_subs(item: Written) -> Iterator[Fault]:
    """The default sub-attributes of a multi-valued attribute keep their meaning (R-MV-01)."""
    if not item.attribute.multi_valued:
        return
    for sub in item.subs:
        expected = STANDARD_SUBS.get(sub.attribute.name)
        if expected and sub.attribute.type is not expected:
            name = shown(sub.attribute.name)
            problem = f"{name} of a multi-valued attribute has a meaning of its own (RFC 7643 section 2.4)"
            yield sub.place.member("type").fault(problem, expected)


def _nested(sub: Written) -> Iterator[Fault]:
    if sub.attribute.is_complex:
        problem = "a sub-attribute is never complex (RFC 7643 section 2.3.8)"
        simple = [kind.value for kind in AttributeType if kind is not AttributeType.COMPLEX]
        yield sub.place.member("type").fault(problem, one_of(simple))


VALUE_RULES: Final[tuple[Rule, ...]] = (
    *(_parts, _references, _case, _unique),
    *(_suggestions, _secrets, _standard_subs),
)
RULES: Final[tuple[Rule, ...]] = (_badly_named, *VALUE_RULES)
SUB_RULES: Final[tuple[Rule, ...]] = (_badly_named_sub, *VALUE_RULES)
