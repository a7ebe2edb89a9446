"""What is sent: the JSON text of resources and of lists of them.

The stored document is the text that is sent. Where a request asks for the default attributes, meta, rows and
derived values are joined to it as text and nothing is parsed; any other projection parses, cuts and writes anew, and
so does one that shows rows or derived values of an extension, which stand inside its object.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from scim_server.domain.compare import to_wire
from scim_server.domain.project import Part, Shape, project
from scim_server.domain.registry import Registry
from scim_server.domain.resource import schemas
from scim_server.domain.schema import (
    DISPLAY,
    ID,
    META,
    REF,
    SCHEMAS,
    TYPE,
    VALUE,
    Attribute,
    Inverse,
    Json,
    ResourceType,
)
from scim_server.service.drafts import attributes_of, dumps, loads
from scim_server.service.spool import Spool
from scim_server.storage.base import Pieces, Record, Reference

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass(frozen=True, slots=True)
class Representation:
    """The answer about one resource: its JSON text (None: nothing to show), its entity tag and its address.

    A Spool is closed by whoever sends it.
    """

    body: bytes | Spool | None
    etag: str
    location: str


def location(base_url: str, resource_type: ResourceType, id: str) -> str:
    """The address of a resource under the base URL that the request came through."""
    return f"{base_url}{resource_type.endpoint}/{id}"


def render(record: Record, resource_type: ResourceType, shape: Shape, registry: Registry, base_url: str) -> str:
    """The JSON text of one resource in that shape."""
    apart = [*_apart(record, resource_type, registry, base_url)]
    is_text = shape.document_is_default and record.stamp == registry.stamp
    if is_text and not any(attribute.holder for attribute, _ in apart):
        return _spliced(record, resource_type, shape, apart, base_url)
    parsed = [(attribute, loads(text)) for attribute, text in apart]
    return dumps(project(_whole(record, resource_type, registry, parsed, base_url), shape))


def render_pieces(
    record: Record, resource_type: ResourceType, shape: Shape, registry: Registry, base_url: str, pieces: Pieces
) -> Iterator[str]:
    """The text that `render` makes, a piece at a time: of a record without rows, and of its rows."""
    shown = [a for a in resource_type.rows_attributes if shape.sends(a.name, a.holder)]
    streams = [(a, _Stream(pieces(a), shape.parts[a.holder][a.name])) for a in shown]
    derived = [(a, loads(text)) for a, text in _apart(record, resource_type, registry, base_url)]
    apart = [*((a, stream) for a, stream in streams if stream.has_elements), *derived]
    whole = _whole(record, resource_type, registry, apart, base_url)
    yield from _object_pieces(project(whole, _uncut(shape, shown)))


class _Stream:
    """The value of an attribute whose elements come in pieces, where the whole value would stand."""

    def __init__(self, pieces: Iterator[Sequence[str]], part: Part) -> None:
        self._first: Sequence[str] = next(pieces, ())
        self._others = pieces
        self._part = part

    @property
    def has_elements(self) -> bool:
        return bool(self._first)

    def texts(self) -> Iterator[str]:
        """The JSON text of the list; none at all where nothing is left of its elements."""
        begin = "["
        for piece in chain([self._first], self._others):
            elements = cut_elements(piece, self._part)
            if elements:
                yield begin + ",".join(elements)
                begin = ","
        if begin == ",":
            yield "]"


def _uncut(shape: Shape, attributes: Iterable[Attribute]) -> Shape:
    """The shape that leaves the values of these attributes as they are."""
    parts = {urn: dict(inner) for urn, inner in shape.parts.items()}
    for attribute in attributes:
        parts[attribute.holder][attribute.name] = None
    return replace(shape, parts=parts)


def _object_pieces(members: Mapping[str, Json]) -> Iterator[str]:
    """The JSON text of an object; none at all where it has nothing but streams, of which nothing is left."""
    begin = "{"
    for name, value in members.items():
        texts = _value_pieces(value)
        first = next(texts, None)
        if first is not None:
            yield f"{begin}{dumps(name)}:{first}"
            yield from texts
            begin = ","
    if begin == ",":
        yield "}"


def _value_pieces(value: Json) -> Iterator[str]:
    if isinstance(value, _Stream):
        return value.texts()
    if isinstance(value, dict) and any(isinstance(member, _Stream) for member in value.values()):
        return _object_pieces(value)
    return iter([dumps(value)])


def cut_elements(elements: Sequence[str], part: Part) -> Sequence[str]:
    """The JSON texts of what is sent of these elements; one of which nothing is left is not sent."""
    if part is None:
        return elements
    parsed = ({name: v for name, v in loads(text).items() if name in part} for text in elements)
    return [dumps(element) for element in parsed if element]


def render_list(total: int, start_index: int, resources: Sequence[str]) -> bytes:
    """The ListResponse of one page (RFC 7644 section 3.4.2); `Resources` is always there (R-GET-06)."""
    head = f'{{"schemas":["{LIST_RESPONSE}"],"totalResults":{total},"startIndex":{start_index},'
    return f'{head}"itemsPerPage":{len(resources)},"Resources":[{",".join(resources)}]}}'.encode()


def render_walked(total: int, cursors: Mapping[str, str], resources: Sequence[str]) -> bytes:
    """The ListResponse of one page by cursor (RFC 9865 section 2): no startIndex, and the cursors by their names."""
    beside = "".join(f'"{name}":"{cursor}",' for name, cursor in cursors.items())
    head = f'{{"schemas":["{LIST_RESPONSE}"],"totalResults":{total},"itemsPerPage":{len(resources)},'
    return f'{head}{beside}"Resources":[{",".join(resources)}]}}'.encode()


def _spliced(
    record: Record,
    resource_type: ResourceType,
    shape: Shape,
    apart: Sequence[tuple[Attribute, str]],
    base_url: str,
) -> str:
    """The document joined with what stands apart from it, all of which is of the core schema."""
    parts = [record.document[:-1]]
    parts += (f',"{attribute.name}":{text}' for attribute, text in apart if shape.sends(attribute.name))
    if shape.sends(META):
        meta = _meta(record, resource_type, base_url)
        part = shape.parts[None][META]
        parts.append(f',"{META}":{dumps(meta if part is None else {n: v for n, v in meta.items() if n in part})}')
    parts.append("}")
    return "".join(parts)


def _whole(
    record: Record,
    resource_type: ResourceType,
    registry: Registry,
    apart: Iterable[tuple[Attribute, Json]],
    base_url: str,
) -> dict[str, Json]:
    """Everything. An extension of which there is nothing but what stands apart is in `schemas` too (R-SCH-02)."""
    attributes = attributes_of(record, registry, resource_type)
    core: dict[str, Json] = {}
    for attribute, value in apart:
        container = attributes.setdefault(attribute.holder, {}) if attribute.holder else core
        container[attribute.name] = value
    return {
        SCHEMAS: schemas(resource_type, attributes),
        ID: record.id,
        **attributes,
        **core,
        META: _meta(record, resource_type, base_url),
    }


def _apart(
    record: Record, resource_type: ResourceType, registry: Registry, base_url: str
) -> Iterator[tuple[Attribute, str]]:
    """The attributes that the document does not hold and that have a value, with its JSON text."""
    for key, text in record.rows.items():
        if text and text != "[]":
            yield resource_type.kept_apart[key], text
    for key, derived in record.derived.items():
        attribute, derivation = resource_type.kept_apart[key], resource_type.derivations[key]
        value = derived
        if isinstance(derivation, Inverse):
            value = _references(attribute, derivation, derived, registry, base_url)
        if value not in ([], ()):
            yield attribute, dumps(value)


def _references(attribute: Attribute, inverse: Inverse, derived: Any, registry: Registry, base_url: str) -> list[Json]:
    """The elements of an inverse; none where the type of the owners is not served."""
    owner_type = registry.named(inverse.resource_type)
    if owner_type is None:
        return []
    whole = (_reference(reference, inverse, location(base_url, owner_type, reference.id)) for reference in derived)
    return [{name: value for name, value in element.items() if attribute.sub(name)} for element in whole]


def _reference(reference: Reference, inverse: Inverse, address: str) -> dict[str, Json]:
    element = {VALUE: reference.id, REF: address}
    if reference.label is not None:
        element[DISPLAY] = reference.label
    return element | {TYPE: inverse.kind_at(reference.level)}


def _meta(record: Record, resource_type: ResourceType, base_url: str) -> dict[str, Json]:
    """RFC 7643 section 3.1; the version is the entity tag to the letter."""
    return {
        "resourceType": resource_type.name,
        "created": to_wire(record.meta.created),
        "lastModified": to_wire(record.meta.last_modified),
        "location": location(base_url, resource_type, record.id),
        "version": record.meta.etag,
    }
