"""What a tenant gives out and keeps count of, beside its resources: verbs of a transaction.

    Seats        of licence pools; a pool is written by the operator
    Numbers      of ranges; a range is written by the operator
    Notes        texts about a resource that derived attributes show
    Memberships  the rows of several resources beside each other
    Departures   who was switched off or deleted, and when
    Outbox       what the product's own side is to be told

Seats and numbers are rows made in advance: who takes one waits for nobody who takes another. What a transaction did to
them is there after its commit, or nothing of it is. Who touches several pools touches them in the order of their keys.

Keys and numbers are comparison keys; times are texts as `resource.Meta` has them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Pool:
    """A licence pool: `seats` are permitted, `used` are taken; more than permitted where it was made or lowered late.

    `resource` is the id of the resource that shows it.
    """

    key: str
    resource: str
    seats: int
    used: int


class Taking(StrEnum):
    """What became of the wish for a seat."""

    TAKEN = "taken"
    """The holder has it now, or had it already."""
    EXHAUSTED = "exhausted"
    """All are taken. Held until the end of the transaction, so that no seat comes free unseen."""
    UNKNOWN = "unknown"
    """There is no such pool, and none is made before the end of the transaction."""


class Seats(Protocol):
    """The seats of a tenant's licence pools; a holder is the id of a resource."""

    def hold(self) -> None:
        """Before a pool is made: whoever found that there is none, and so holds its key without a seat, is waited for,
        and whoever looks for it from now on, to take a seat or to give one back, waits for the end of the transaction.
        So nobody comes to hold the key, or ceases to, between a look for those who do and the commit.
        """

    def take(self, key: str, holder: str) -> Taking:
        """A seat of the pool for the holder. Of many who take the last ones at the same moment as many get one as
        there are, on every engine.
        """

    def free(self, key: str, holder: str, waiting: str | None, now: str) -> str | None:
        """Give the holder's seat back; nothing where it has none. Where `waiting` names the path of the notes of those
        who wait, the oldest of them gets it, loses its note, and its id is the answer; the holder's own note goes too.

        A seat beyond those that are permitted is not given on.
        """

    def held(self, holder: str) -> Sequence[str]:
        """The keys of the pools that the holder has a seat of, sorted."""

    def pool(self, key: str) -> Pool | None:
        """One pool."""

    def pools(self) -> Sequence[Pool]:
        """All pools, by key."""

    def set_pool(self, pool: Pool, holders: Collection[str], waiting: str | None, now: str) -> Pool:
        """Make a pool, with those who hold its key already, or change how many seats it has: from now on, whoever takes
        one at the same moment. `used` of the argument means nothing. Raised, those who wait get theirs; lowered below
        the use, nobody loses one.
        """

    def remove_pool(self, key: str, waiting: str | None) -> int:
        """Remove a pool with its seats, and the notes of those who wait; how many had a seat."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `first` to `last`, all of one width, with how many there are in each state."""

    first: str
    last: str
    size: int
    used: int
    resting: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a number was not given: who has it, or until when it rests, or neither: no range has it, and where there is
    no range, none is added before the end of the transaction.
    """

    holder: str | None = None
    until: str | None = None


class Numbers(Protocol):
    """The numbers of a tenant's ranges; a holder is the id of a resource, `name` what it is known by on its return."""

    def hold(self) -> None:
        """Before a range is added: as `Seats.hold`, of those who find that there is no range."""

    def take(self, number: str, holder: str, name: str, now: str) -> Refused | None:
        """This number; None where the holder has it now, or had it already. One that rests is given to who had it."""

    def allocate(self, holder: str, name: str, now: str) -> str | None:
        """The number that rests for that name, else one that was never given out, lowest first, else the one that has
        been free for longest; None where there is none. As fast in a range that is nearly full as in an empty one.
        """

    def release(self, number: str, holder: str, name: str, until: str) -> bool:
        """Give a number back: it rests until then. Nothing where the holder does not have it; whether it had it."""

    def ranges(self, now: str) -> Sequence[Range]:
        """All ranges, by first number, with what rests now."""

    def has_ranges(self) -> bool:
        """Whether there is any range; where not, none is added before the end of the transaction."""

    def add_range(self, first: str, last: str, held: Mapping[str, str]) -> None:
        """Make the numbers of a range; `held` has those that resources have already, by number. Raises
        errors.Uniqueness where a range has some of them.
        """

    def remove_range(self, first: str, last: str) -> int | None:
        """Remove exactly this range with its numbers; how many were held. None where there is no such range."""


class Notes(Protocol):
    """Texts about resources: `path` is that of the derived attribute that shows them."""

    def count(self, path: str, value: str) -> int:
        """About how many resources this is noted."""

    def add(self, resource: str, path: str, value: str, now: str) -> None:
        """Note it, if it is not noted yet."""

    def add_all(self, resources: Collection[str], path: str, value: str, now: str) -> None:
        """As `add`, about several resources in one statement."""

    def drop(self, resources: Collection[str], path: str) -> Sequence[str]:
        """Take back all notes of the path about these resources; those that there were some about."""


class Memberships(Protocol):
    """Attributes kept as rows, across the resources of a type; an attribute by its key (`schema.path_key`)."""

    def below(self, resource_type: str, path: str, ids: Collection[str]) -> Sequence[str]:
        """The ids of the resources whose indexed attribute at `path` has one of these as its value."""

    def named(self, resource_type: str, owner: str, attribute: str, among: Collection[str] | None) -> Sequence[str]:
        """Whom the rows of the owner name: those of `among`, or all where that is None."""

    def outside(self, resource_type: str, owner: str, attribute: str, within: str) -> Sequence[str]:
        """Whom the rows of one attribute name and those of another, `within`, do not."""

    def leave_others(
        self, resource_type: str, owner: str, attributes: Collection[str], targets: Collection[str], now: str
    ) -> Sequence[str]:
        """Take the targets out of the rows of all other owners, whose membership versions move. Answers those that were
        in the rows of the first of the attributes.
        """


@dataclass(frozen=True, slots=True)
class Watch:
    """What the guard knows: when it stopped somebody first and not released since, and until when it lets all pass."""

    stopped: str | None
    released: str | None


class Departures(Protocol):
    """Who was switched off or deleted."""

    def watch(self) -> Watch:
        """What the guard knows, held until the end of the transaction."""

    def count(self, since: str) -> int:
        """How many distinct resources have departed since then."""

    def gone(self, since: str) -> int:
        """How many of those who have departed since then are no longer there: deleted, not switched off."""

    def count_resources(self, resource_type: str, created_before: str, limit: int) -> int:
        """How many resources of the type are older, counted no further than `limit`."""

    def note(self, resource: str, now: str) -> None:
        """A resource departs."""

    def forget(self, before: str) -> None:
        """Departures that nobody will ask for any more."""

    def stop(self, now: str) -> None:
        """Note that the guard stopped somebody, if that is not noted yet."""

    def release(self, until: str) -> None:
        """Let all pass until then; what was stopped and counted before is forgotten."""


@dataclass(frozen=True, slots=True)
class Posted:
    """An event in the outbox; `content` is JSON text. A later one has a greater `sequence`, unless both were written at
    the same moment.
    """

    sequence: int
    resource_type: str
    resource: str
    kind: str
    content: str
    at: str


class Outbox(Protocol):
    """Events in the order in which they were written."""

    def put(self, resource_type: str, resource: str, kind: str, content: Mapping[str, Any], now: str) -> None:
        """Write an event; it is there for whoever asks once the transaction is committed."""

    def oldest(self, limit: int) -> Sequence[Posted]:
        """The oldest events, as many at most."""

    def forget(self, sequences: Collection[int]) -> None:
        """Take these events out, and no others: one that was written meanwhile may come before them."""


class Ledgers(Protocol):
    """All of them, on one transaction."""

    @property
    def seats(self) -> Seats: ...

    @property
    def numbers(self) -> Numbers: ...

    @property
    def notes(self) -> Notes: ...

    @property
    def memberships(self) -> Memberships: ...

    @property
    def departures(self) -> Departures: ...

    @property
    def outbox(self) -> Outbox: ...
