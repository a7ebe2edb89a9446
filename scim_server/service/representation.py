"""What is sent: the JSON text of resources and of lists of them.

The stored document is the text that is sent. Where a request asks for the default attributes, meta, rows and
derived values are joined to it as text and nothing is parsed; any other projection parses, cuts and writes anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scim_server.domain.compare import to_wire
from scim_server.domain.project import Part, Shape, project
from scim_server.domain.registry import Registry
from scim_server.domain.resource import schemas
from scim_server.domain.schema import DISPLAY, ID, META, REF, SCHEMAS, TYPE, VALUE, Inverse, Json, ResourceType
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
    if shape.document_is_default and record.stamp == registry.stamp:
        return _spliced(record, resource_type, shape, registry, base_url)
    return dumps(project(_whole(record, resource_type, registry, base_url), shape))


def render_pieces(
    record: Record, resource_type: ResourceType, shape: Shape, registry: Registry, base_url: str, pieces: Pieces
) -> Iterator[str]:
    """The text that `render` makes, a piece at a time: of a record without rows, and of its rows."""
    # The rows stand behind the attributes of the document, of which `schemas` and `id` are always sent.
    document = render(replace(record, derived={}), resource_type, _without_meta(shape), registry, base_url)
    whole = render(record, resource_type, shape, registry, base_url)
    yield document[:-1]
    for attribute in resource_type.rows_attributes:
        if shape.sends(attribute.name):
            yield from _rows_member(attribute.name, pieces(attribute), shape.parts[None][attribute.name])
    yield whole[len(document) - 1 :]


def cut_elements(elements: Sequence[str], part: Part) -> Sequence[str]:
    """The JSON texts of what is sent of these elements; one of which nothing is left is not sent."""
    if part is None:
        return elements
    parsed = ({name: v for name, v in loads(text).items() if name in part} for text in elements)
    return [dumps(element) for element in parsed if element]


def _without_meta(shape: Shape) -> Shape:
    core = {name: part for name, part in shape.parts[None].items() if name != META}
    return replace(shape, parts={**shape.parts, None: core})


def _rows_member(name: str, pieces: Iterator[Sequence[str]], part: Part) -> Iterator[str]:
    begin = f',"{name}":['
    for piece in pieces:
        elements = cut_elements(piece, part)
        if elements:
            yield begin + ",".join(elements)
            begin = ","
    if begin == ",":
        yield "]"


def render_list(total: int, start_index: int, resources: Sequence[str]) -> bytes:
    """The ListResponse of one page (RFC 7644 section 3.4.2); `Resources` is always there (R-GET-06)."""
    head = f'{{"schemas":["{LIST_RESPONSE}"],"totalResults":{total},"startIndex":{start_index},'
    return f'{head}"itemsPerPage":{len(resources)},"Resources":[{",".join(resources)}]}}'.encode()


def render_walked(total: int, cursors: Mapping[str, str], resources: Sequence[str]) -> bytes:
    """The ListResponse of one page by cursor (RFC 9865 section 2): no startIndex, and the cursors by their names."""
    beside = "".join(f'"{name}":"{cursor}",' for name, cursor in cursors.items())
    head = f'{{"schemas":["{LIST_RESPONSE}"],"totalResults":{total},"itemsPerPage":{len(resources)},'
    return f'{head}{beside}"Resources":[{",".join(resources)}]}}'.encode()


def _spliced(record: Record, resource_type: ResourceType, shape: Shape, registry: Registry, base_url: str) -> str:
    parts = [record.document[:-1]]
    parts += (
        f',"{name}":{text}' for name, text in _apart(record, resource_type, registry, base_url) if shape.sends(name)
    )
    if shape.sends(META):
        meta = _meta(record, resource_type, base_url)
        part = shape.parts[None][META]
        parts.append(f',"{META}":{dumps(meta if part is None else {n: v for n, v in meta.items() if n in part})}')
    parts.append("}")
    return "".join(parts)


def _whole(record: Record, resource_type: ResourceType, registry: Registry, base_url: str) -> dict[str, Json]:
    attributes = attributes_of(record, registry, resource_type)
    apart = {name: loads(text) for name, text in _apart(record, resource_type, registry, base_url)}
    return {
        SCHEMAS: schemas(resource_type, attributes),
        ID: record.id,
        **attributes,
        **apart,
        META: _meta(record, resource_type, base_url),
    }


def _apart(record: Record, resource_type: ResourceType, registry: Registry, base_url: str) -> Iterator[tuple[str, str]]:
    """(name, JSON text) of the attributes that the document does not hold and that have elements."""
    for name, text in record.rows.items():
        if text and text != "[]":
            yield name, text
    for name, references in record.derived.items():
        inverse = resource_type.inverses[name]
        owner_type = registry.named(inverse.resource_type)
        if references and owner_type is not None:
            yield name, dumps([_reference(r, inverse, location(base_url, owner_type, r.id)) for r in references])


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
