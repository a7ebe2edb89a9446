"""The operations of a PatchOp: JSON in, parsed operations out.

A path-less add or replace becomes one operation for each member of its value, so that the core knows only
operations with a path. A member's name is an attribute's name or an extension's URN (RFC 7644 sections 3.5.2.1,
3.5.2.3); where the dialect says so, any path: Entra writes `name.givenName` and `urn:...:User:department` there
(ENTRA-41).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from scim_server.domain.attrpath import AttrPath, bind_extension
from scim_server.domain.dialect import ELEMENTS, Leniency, Tolerance
from scim_server.domain.filter import PatchPath
from scim_server.domain.operation import MISSING, Operation, Verb, member_path
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import InvalidPath, InvalidSyntax, InvalidValue
from scim_server.filtering.limits import DEFAULT, Limits
from scim_server.filtering.paths import parse_path

MEMBERS: Final = frozenset({"op", "path", "value", ELEMENTS})


def read(raw: Json, resource_type: ResourceType, leniency: Leniency, limits: Limits = DEFAULT) -> list[Operation]:
    """The operations behind one element of `Operations`: several for a path-less value.

    Raises InvalidSyntax for a wrong shape, InvalidPath and InvalidFilter for a wrong path.
    """
    return [
        operation
        for rewritten in leniency.rewrite(raw, resource_type)
        for operation in _read(rewritten, resource_type, leniency, limits)
    ]


def _read(raw: Json, resource_type: ResourceType, leniency: Leniency, limits: Limits) -> Iterator[Operation]:
    if not isinstance(raw, Mapping):
        raise InvalidSyntax("Each element of Operations is an object.")
    if not raw.keys() <= MEMBERS and not leniency.allows(Tolerance.UNKNOWN_ATTRIBUTE):
        raise InvalidSyntax("An operation has the members op, path and value, and no others.")
    verb = _verb(raw.get("op"))
    path = raw.get("path")
    value = raw.get("value", MISSING)
    if path is not None and not isinstance(path, str):
        raise InvalidSyntax("The path of an operation is a string.")
    if path or verb is Verb.REMOVE:
        parsed = parse_path(path, leniency, limits) if path else None
        yield Operation(verb, parsed, value, _elements(raw))
        return
    yield from _without_path(verb, value, resource_type, leniency, limits)


def _verb(op: Json) -> Verb:
    try:
        return Verb(op)
    except ValueError:
        raise InvalidSyntax("The op of an operation is one of add, remove, replace.") from None


def _elements(raw: Mapping[str, Json]) -> tuple[Json, ...] | None:
    elements = raw.get(ELEMENTS)
    return tuple(elements) if isinstance(elements, list) else None


def _without_path(
    verb: Verb, value: Json, resource_type: ResourceType, leniency: Leniency, limits: Limits
) -> Iterator[Operation]:
    if value is MISSING:
        raise InvalidValue(f"{verb} needs a value.")
    if not isinstance(value, Mapping):
        raise InvalidValue("Without a path the value is an object of attributes.")
    for name, member in value.items():
        path = _key(name, resource_type, leniency, limits)
        extension = bind_extension(path, resource_type) if isinstance(path, AttrPath) else None
        if extension is None or not isinstance(member, Mapping):
            yield Operation(verb, path, member, from_pathless=True)
            continue
        for inner, inner_value in member.items():
            yield Operation(verb, member_path(extension, inner, leniency), inner_value, from_pathless=True)


def _key(name: str, resource_type: ResourceType, leniency: Leniency, limits: Limits) -> PatchPath:
    """The path that a member of a path-less value names."""
    if resource_type.schema.attribute(name) or resource_type.common.attribute(name):
        return AttrPath(name)
    extension = resource_type.extension(name)
    if extension is not None:
        urn, _, last = extension.schema.id.rpartition(":")
        return AttrPath(last, None, urn)
    return _path_as_key(name, leniency, limits)


def _path_as_key(name: str, leniency: Leniency, limits: Limits) -> PatchPath:
    try:
        path = parse_path(name, leniency, limits)
    except InvalidPath:
        if leniency.allows(Tolerance.UNKNOWN_ATTRIBUTE):
            return AttrPath(name)
        raise
    is_plain = isinstance(path, AttrPath) and path.sub is None and path.urn is None
    if not is_plain and not leniency.allows(Tolerance.PATH_AS_KEY):
        raise InvalidPath(f"{name!r} is not the name of an attribute.")
    return path
