"""One operation of a PATCH: a verb, where it acts and what it brings (RFC 7644 section 3.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.filter import PatchPath
from scim_server.domain.schema import Attribute, Extension, Json


class Verb(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


MISSING: Final = object()
"""The value of an operation that has none; null is a value."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, its path parsed. `filtering.operations` makes it; a path-less value has become one operation
    for each key.

    `elements` is set for a removal that lists what goes: those elements and no others.
    """

    verb: Verb
    path: PatchPath | None
    value: Json = MISSING
    elements: tuple[Json, ...] | None = None
    from_pathless: bool = False

    def listed(self, attribute: Attribute) -> Json:
        """The value; as a list where an add gives a single object for an attribute that has several (R-MV-06)."""
        is_one = self.verb is Verb.ADD and attribute.multi_valued and not isinstance(self.value, list)
        return [self.value] if is_one and self.value is not None else self.value


def member_path(extension: Extension, name: str, leniency: Leniency) -> AttrPath:
    """The path that a member of an extension's object names; a sub-attribute where the dialect lets keys be paths."""
    attribute, _, sub = name.partition(".")
    if sub and leniency.allows(Tolerance.PATH_AS_KEY):
        return AttrPath(attribute, sub, extension.schema.id)
    return AttrPath(name, None, extension.schema.id)
