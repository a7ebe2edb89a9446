"""PATCH: select targets, then one of three verbs (RFC 7644 section 3.5.2, rfc-checklist T-9)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from scim_server.domain.filter import PatchPath
from scim_server.domain.schema import Json


class Verb(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


MISSING: Final = object()
"""The value of an operation that has none; null is a value."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, its path parsed. `filtering.operations` makes it; a path-less value has become one operation for each key.

    `elements` is set for a removal that lists what goes: those elements and no others.
    """

    verb: Verb
    path: PatchPath | None
    value: Json = MISSING
    elements: tuple[Json, ...] | None = None
    from_pathless: bool = False
