r"""JSON text inside the `value` of an element.

    {"value": "{\"id\":\"0a11\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}
    is read as
    {"value": "Admin", "display": "Admin"}

ENTRA-26: the mapping AppRoleAssignmentsComplex PATCHes roles so (SCIM-SDK#516, azure-docs#50772, entra-docs#215). A
string in a `value` fits its schema, so that no repair is asked: the text has to be found. It is looked for in lists
of complex elements that the resource's own document keeps; an element kept as a row is known by its `value`, whatever
text that is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from scim_server.connectors.paths import target
from scim_server.domain.schema import DISPLAY, VALUE, Attribute, AttributeType, Json, Kept, ResourceType, Schema
from scim_server.domain.text import is_storable

_OTHER_NAMES: Final[Mapping[str, str]] = {"displayname": DISPLAY}
"""A name in the text, in lower case -> the sub-attribute that is meant where the attribute has none of that name."""


def unpack_json_text(operation: Json, resource_type: ResourceType) -> Json:
    """In an operation: an element whose `value` is JSON text of an object with a `value` is that object (ENTRA-26)."""
    if not isinstance(operation, dict):
        return operation
    value = operation.get("value")
    if not isinstance(value, list | dict):
        return operation
    path = operation.get("path")
    if not path and isinstance(value, dict):
        unpacked: Json = _container(value, resource_type.schema, resource_type)
    elif isinstance(path, str) and _holds_text(value):
        named = target(path, resource_type)
        unpacked = _elements(value, named.attribute if named and named.sub is None else None)
    else:
        return operation
    return operation if unpacked is value else {**operation, "value": unpacked}


def unpack_json_text_in_body(body: Json, resource_type: ResourceType) -> Json:
    """The same in a POST or PUT, so that a value does not depend on the method that brought it (ENTRA-26)."""
    if not isinstance(body, dict):
        return body
    return _container(body, resource_type.schema, resource_type)


def _container(container: dict[str, Json], schema: Schema, resource_type: ResourceType) -> dict[str, Json]:
    changed: dict[str, Json] = {}
    for name, value in container.items():
        if isinstance(value, list) and _holds_text(value):
            unpacked = _elements(value, schema.attribute(name))
        elif isinstance(value, dict) and ":" in name and (extension := resource_type.extension(name)):
            unpacked = _container(value, extension.schema, resource_type)
        else:
            continue
        if unpacked is not value:
            changed[name] = unpacked
    return {**container, **changed} if changed else container


def _holds_text(value: Json) -> bool:
    """Whether some element may be a text to unpack: cheaper to ask than what the attribute is, and most often no."""
    for element in value if isinstance(value, list) else [value]:
        if isinstance(element, dict):
            text = element.get(VALUE)
            if isinstance(text, str) and text.startswith("{"):
                return True
    return False


def _elements(value: Json, attribute: Attribute | None) -> Json:
    """The list, or the single element, with its texts unpacked; the same object where there are none."""
    if attribute is None or not attribute.multi_valued or attribute.kept is not Kept.DOCUMENT:
        return value
    if not isinstance(value, list):
        return _element(value, attribute)
    unpacked = [_element(element, attribute) for element in value]
    same = all(new is old for new, old in zip(unpacked, value, strict=True))
    return value if same else unpacked


def _element(element: Json, attribute: Attribute) -> Json:
    text = element.get(VALUE) if isinstance(element, dict) else None
    if not isinstance(text, str) or not text.startswith("{"):
        return element
    sub = attribute.sub(VALUE)
    inner = _object(text)
    if sub is None or sub.type is not AttributeType.STRING or not isinstance(inner.get(VALUE), str):
        return element
    # What the element says beside the text is the client's own word and goes before what the text says.
    return {**_known(inner, attribute), **element, VALUE: inner[VALUE]}


def _object(text: str) -> dict[str, Json]:
    """The object that the text is, or an empty one; the checks that the request's body went through are made up for."""
    try:
        inner = json.loads(text, parse_float=Decimal, parse_constant=_refuse)
        storable = is_storable(inner)
    except (ValueError, RecursionError):
        return {}
    return inner if storable and isinstance(inner, dict) else {}


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _known(inner: Mapping[str, Json], attribute: Attribute) -> dict[str, Json]:
    known: dict[str, Json] = {}
    for name, member in inner.items():
        if sub := attribute.sub(name):
            known[sub.name] = member
        elif other := attribute.sub(_OTHER_NAMES.get(name.lower(), "")):
            known.setdefault(other.name, member)
    return known
