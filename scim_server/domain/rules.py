"""What a profile may decide about a write: the values that go in and out. The rules themselves are in `profiles`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


class Verb(StrEnum):
    """How a resource comes to have other attributes."""

    CREATE = "create"
    REPLACE = "replace"
    PATCH = "patch"


@dataclass(frozen=True, slots=True)
class Write:
    """The attributes of a resource before and after a write, as `resource.Attributes`; before a create there are none.

    `named` has the keys of the attributes that the client gave (`schema.path_key`).
    """

    verb: Verb
    before: Mapping[str, Any]
    after: dict[str, Any]
    named: Collection[str]


@dataclass(frozen=True, slots=True)
class Decision:
    """The attributes to store, and the paths of the changes that were left out."""

    attributes: dict[str, Any]
    skipped: tuple[str, ...] = ()


class Rules(Protocol):
    """What a tenant's profile asks of the resources of one type, beside what the schemas ask."""

    def decide(self, write: Write) -> Decision:
        """What to store. Raises InvalidValue, MutabilityViolation."""
