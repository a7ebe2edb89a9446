"""Between attributes and what storage keeps: a resource is written as a Draft and read back from a Record."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson

from scim_server.domain import compare
from scim_server.domain.project import join, known, split
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Attributes, schemas
from scim_server.domain.schema import ID, META, SCHEMAS, Json, ResourceType
from scim_server.storage.base import Draft, Entries, Entry, Record


def dumps(value: Json) -> str:
    """JSON text; decimals keep their digits."""
    return orjson.dumps(value, default=_decimal).decode()


def loads(text: str) -> Any:
    """The JSON value of a stored text; decimals keep their digits."""
    return json.loads(text, parse_float=Decimal)


def draft(registry: Registry, resource_type: ResourceType, id: str, attributes: Attributes) -> Draft:
    """Everything that storage needs to keep a resource with these attributes."""
    visible, hidden = split(resource_type, attributes)
    found_by = entries(resource_type, attributes)
    head = {SCHEMAS: schemas(resource_type, attributes), ID: id}
    return Draft(
        id=id,
        stamp=registry.stamp,
        document=dumps(head | visible),
        hidden=dumps(hidden) if hidden else None,
        comparison=dumps(compare.form(resource_type, attributes)),
        label=_label(resource_type, attributes),
        unique=found_by.unique,
        indexed=found_by.indexed,
    )


def entries(resource_type: ResourceType, attributes: Attributes) -> Entries:
    """The look-up rows of a resource with these attributes."""
    unique, indexed = compare.entries(resource_type, attributes)
    return Entries(frozenset(Entry(*pair) for pair in unique), frozenset(Entry(*pair) for pair in indexed))


def attributes_of(record: Record, registry: Registry, resource_type: ResourceType) -> Attributes:
    """The attributes of a stored resource, without any that the schemas have lost since it was written."""
    attributes = loads(record.document)
    for name in (SCHEMAS, ID, META):
        attributes.pop(name, None)
    if record.hidden:
        attributes = join(attributes, loads(record.hidden), resource_type)
    return attributes if record.stamp == registry.stamp else known(resource_type, attributes)


def _label(resource_type: ResourceType, attributes: Attributes) -> str | None:
    if resource_type.label is None:
        return None
    value: Json = attributes
    for step in resource_type.label.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, str) else None


def _decimal(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(str(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
