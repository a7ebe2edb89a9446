"""What a profile may decide about a write: the values that go in and out. The rules themselves are in `profiles`.

A decision is pure: it follows from the attributes before and after. What it wants of the tenant's stock (seats,
numbers) are effects, which the service carries out in the transaction of the write, and which may refuse it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Verb(StrEnum):
    """How a resource comes to have other attributes."""

    CREATE = "create"
    REPLACE = "replace"
    PATCH = "patch"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Write:
    """The attributes of a resource before and after a write, as `resource.Attributes`; before a create, and after a
    delete, there are none.

    `named` has the keys of the attributes that the client gave (`schema.path_key`), `passing` the values of those among
    them that are not kept. `grants` has the roles, as they compare, that the credential may give; None for any.
    """

    verb: Verb
    before: Mapping[str, Any]
    after: dict[str, Any]
    named: Collection[str]
    grants: Collection[str] | None = None
    passing: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wish:
    """A value that is wanted of the stock: how it compares, how it was sent, and the attribute that has it."""

    key: str
    value: str
    path: str


@dataclass(frozen=True, slots=True)
class SeatChange:
    """Seats of licence pools that the resource gives back and takes, by key.

    `pending` is the path of the derived attribute that lists the pools whose seat it waits for; None where an exhausted
    pool refuses the write. `optional`: before the tenant has any pool, keys are plain values. `new` has the keys that
    the resource did not have before, whether they take a seat or not: there must be pools of these.
    """

    free: tuple[Wish, ...] = ()
    take: tuple[Wish, ...] = ()
    pending: str | None = None
    optional: bool = False
    new: tuple[Wish, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberChange:
    """A number that the resource gives back, and one that it takes, or one to be allocated into `path`.

    `name` is what the resource is known by when it returns, empty where that is nothing, and `name_path` the attribute
    that has it; a released number rests for so many `days`. `optional`: before the tenant has any range, any unique
    number will do.
    """

    path: str
    release: str | None
    take: str | None
    allocate: bool
    name: str
    days: int = 0
    optional: bool = False
    name_path: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the product's own side is to be told."""

    kind: str
    content: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TeamChange:
    """What must hold for a team after a write of it; attributes kept as rows by their keys (`schema.path_key`).

    `supervisors` are members. `one_each`: a member is in one team, so that who is added here leaves the other one; that
    is noted at the path `moved`. `parent` is the id of the team above where it is new, in the indexed attribute at
    `parent_path`; with `levels` that team is there and no team lies deeper.
    """

    members: str
    supervisors: str | None = None
    one_each: bool = False
    moved: str | None = None
    parent: str | None = None
    parent_path: str | None = None
    levels: int | None = None
    joined: Event | None = None
    """What is told where members join; their ids are added to it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a write: the attributes to store, the paths of the changes that were left out, and the effects.

    `leaves`: the resource is switched off by it, or deleted. `is_removed`: it is stored and deleted at once. `reviewed`
    has the paths of the notes about it that are done with. `is_leaver`: the request says that the resource is off, and
    what the stock refuses is left out as well (`Rules.without`).
    """

    attributes: dict[str, Any]
    skipped: tuple[str, ...] = ()
    seats: SeatChange | None = None
    number: NumberChange | None = None
    events: tuple[Event, ...] = ()
    leaves: bool = False
    is_removed: bool = False
    team: TeamChange | None = None
    reviewed: tuple[str, ...] = ()
    is_leaver: bool = False

    @property
    def has_effects(self) -> bool:
        """Whether more is to be done than to store the attributes."""
        changed = self.seats or self.number or self.events or self.team or self.reviewed
        return bool(changed or self.leaves or self.is_removed)


class Rules(Protocol):
    """What a tenant's profile asks of the resources of one type, beside what the schemas ask."""

    def decide(self, write: Write) -> Decision:
        """What to store and what else to do. Raises InvalidValue, MutabilityViolation, Forbidden."""

    def without(self, write: Write, path: str) -> Write:
        """The write without what it changes at the path of a Wish or a NumberChange."""
