"""Which attributes are kept as hashes: the `[[passwords]]` of a profile, bound to the attributes of the types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from scim_server.catalog.binding import Problem
from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.catalog.schemas import keep
from scim_server.domain.attrpath import AttrPath, BoundPath, bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import (
    AttributeType,
    Json,
    Kept,
    Mutability,
    Password,
    ResourceType,
    Returned,
    Uniqueness,
)
from scim_server.errors import BadRequest
from scim_server.filtering import parse_path
from scim_server.profiles.rules import LongEnough, Rule
from scim_server.profiles.targets import Target

Item: TypeAlias = Mapping[str, Json]
Check: TypeAlias = Callable[[BoundPath, ResourceType], Problem | None]

MINIMUM: Final = 8
"""Characters of a password, where its table does not say."""


class PasswordBook:
    """`resource_types` are those that were given, with the passwords that are right; `faults` is what is not."""

    def __init__(self, resource_types: Iterable[ResourceType], profiles: Sequence[Document]) -> None:
        self.faults: list[Fault] = []
        self._types = {t.name: t for t in resource_types}
        for profile in profiles:
            for index, item in enumerate(profile.content.get("passwords", ())):
                self._take(item, profile.place.member("passwords").element(index))
        self.resource_types = tuple(self._types.values())

    def _take(self, item: Item, place: Place) -> None:
        resource_type = self._types.get(item["resource_type"])
        if resource_type is None:
            problem = f"there is no resource type {shown(item['resource_type'])}"
            self.faults.append(place.member("resource_type").fault(problem, one_of(self._types)))
            return
        path = self._path(resource_type, item, "attribute", place, _unhashable)
        password = Password(
            place=_place(path) or (None, ""),
            minimum=item.get("minimum", MINIMUM),
            change_required=_place(self._path(resource_type, item, "change_required", place, _no_flag)),
            changed=_place(self._path(resource_type, item, "changed", place, _no_time)),
        )
        if path is not None:
            self._types[resource_type.name] = _with(resource_type, path, password)

    def _path(self, resource_type: ResourceType, item: Item, key: str, place: Place, check: Check) -> BoundPath | None:
        """The attribute that the item names, if it fits."""
        if key not in item:
            return None
        path, at = _bound(item[key], resource_type), place.member(key)
        if path is None:
            problem = f"{resource_type.name} has no attribute {shown(item[key])}"
            self.faults.append(at.fault(problem, "an attribute of its schemas"))
        elif unfit := check(path, resource_type):
            self.faults.append(at.fault(*unfit))
        else:
            return path
        return None


def length_rules(resource_type: ResourceType) -> list[Rule]:
    """What its passwords ask of new values."""
    return [LongEnough(_target(password, resource_type), password.minimum) for password in resource_type.passwords]


def _target(password: Password, resource_type: ResourceType) -> Target:
    urn, name = password.place
    path = bind(AttrPath(name, None, urn), resource_type)
    if path is None:
        raise LookupError(f"{resource_type.name} has lost {name}")
    return Target(path.key, path)


def _with(resource_type: ResourceType, path: BoundPath, password: Password) -> ResourceType:
    """The type, which keeps the attribute as a hash."""
    hashed = {path.attribute.name: Kept.HASHED}
    passwords = (*resource_type.passwords, password)
    if path.extension is None:
        return replace(resource_type, schema=keep(resource_type.schema, hashed), passwords=passwords)
    extensions = tuple(
        replace(extension, schema=keep(extension.schema, hashed))
        if extension.schema.id == path.extension
        else extension
        for extension in resource_type.extensions
    )
    return replace(resource_type, extensions=extensions, passwords=passwords)


def _unhashable(path: BoundPath, resource_type: ResourceType) -> Problem | None:
    attribute = path.attribute
    if path.sub or attribute.type is not AttributeType.STRING or attribute.multi_valued:
        return f"{path.key} is no password", "a string with one value"
    if attribute.kept is Kept.HASHED:
        return f"{path.key} is kept as a hash already", "another attribute"
    if attribute.returned is not Returned.NEVER or attribute.uniqueness is not Uniqueness.NONE:
        return f"{path.key} would be revealed", "an attribute that is never returned, and not unique"
    if attribute.mutability not in (Mutability.WRITE_ONLY, Mutability.READ_WRITE):
        return f"{path.key} is {attribute.mutability}", Mutability.WRITE_ONLY
    if attribute.kept not in (Kept.DISCARDED, Kept.DOCUMENT):
        return f"{path.key} is not in the document ({attribute.kept})", Kept.DISCARDED
    return (f"{path.key} has a default", "no default") if path.key in resource_type.defaults else None


def _no_flag(path: BoundPath, _: ResourceType) -> Problem | None:
    return _not_ours(path, AttributeType.BOOLEAN)


def _no_time(path: BoundPath, _: ResourceType) -> Problem | None:
    return _not_ours(path, AttributeType.DATE_TIME)


def _not_ours(path: BoundPath, kind: AttributeType) -> Problem | None:
    """Why the server cannot write an attribute of that type itself."""
    attribute = path.attribute
    if path.sub or attribute.type is not kind or attribute.multi_valued:
        return f"{path.key} is no {kind} with one value", f"an attribute of type {kind}"
    if not attribute.is_read_only or attribute.kept is not Kept.DOCUMENT:
        return f"{path.key} is not the server's to write", "a readOnly attribute that is in the document"
    return None


def _bound(text: str, resource_type: ResourceType) -> BoundPath | None:
    try:
        path = parse_path(text, Leniency(STRICT))
    except BadRequest:
        return None
    return bind(path, resource_type) if isinstance(path, AttrPath) else None


def _place(path: BoundPath | None) -> tuple[str | None, str] | None:
    return None if path is None else (path.extension, path.attribute.name)
