"""What the tables have beside the documents, and the verbs that put it right: for `scim-server doctor`.

What is read together is of one moment, so that nothing looks wrong which is only being written. What is put right is
held, so that nothing is put right against what somebody writes at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from scim_server.storage.base import Draft, Entry, Record, Transaction

T = TypeVar("T")

Row = tuple[str, Entry]
"""A look-up row: (resource type, entry)."""


@dataclass(frozen=True, slots=True)
class Forms:
    """What a resource's row has beside the document. `comparison` is a JSON value."""

    comparison: Any
    label: str | None
    label_key: str | None


@dataclass(frozen=True, slots=True)
class Stand:
    """What the tables have about one id; `record`, without its rows, and `forms` are None where it is of no resource.

    `seats` are the keys of pools, `notes` are (path, value); `has_state` says whether there is a membership version.
    """

    id: str
    record: Record | None = None
    forms: Forms | None = None
    unique: frozenset[Row] = frozenset()
    indexed: frozenset[Row] = frozenset()
    seats: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    notes: frozenset[tuple[str, str]] = frozenset()
    has_state: bool = False


@dataclass(frozen=True, slots=True)
class PoolCount:
    """A pool and its rows, counted: those of permitted seats, of these the free ones; those beyond, free and taken.

    `waiting` has, by path, how many without a seat have a note with its key.
    """

    key: str
    resource: str
    seats: int
    rows: int
    free: int
    free_beyond: int
    taken_beyond: int
    waiting: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers of a range."""

    first: str
    last: str

    @property
    def size(self) -> int:
        return int(self.last) - int(self.first) + 1

    def has(self, number: str) -> bool:
        return len(number) == len(self.first) and self.first <= number <= self.last


@dataclass(frozen=True, slots=True)
class RangeCount:
    """A range and how many rows of numbers it has."""

    span: Span
    rows: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What resources can hold: the keys of the tenant's pools, and the numbers of its ranges."""

    pools: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Stock:
    """A tenant's pools and ranges; the rows of seats whose pool is gone, by its key, and of numbers in no range."""

    pools: Sequence[PoolCount]
    ranges: Sequence[RangeCount]
    lost_seats: Sequence[tuple[str, int]]
    lost_numbers: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The stands of the next ids in their order, with the offer of the same moment. `last` is None at the end."""

    stands: Sequence[Stand]
    offer: Offer
    last: str | None


@dataclass(frozen=True, slots=True)
class RowKey:
    """An element that is kept as a row; empty texts stand before all."""

    kind: str = ""
    owner: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class RowsBatch:
    """Of the next rows, those whose form is another one than their element's, and the owners (kind, id) that are of no
    resource, with how many rows they have there. `last` is None at the end.
    """

    misformed: Sequence[RowKey]
    lost: Sequence[tuple[str, str, int]]
    last: RowKey | None


class Repairs(Protocol):
    """Verbs on one write transaction."""

    @property
    def transaction(self) -> Transaction:
        """The transaction itself: seats and notes have verbs of their own."""

    def stand(self, id: str) -> Stand:
        """What the tables have about the id."""

    def offer(self) -> Offer:
        """What resources can hold."""

    def stock(self) -> Stock:
        """As `Examination.stock`."""

    def rewrite(self, resource_type: str, draft: Draft) -> None:
        """Make the forms of a resource those of the draft. Its version and times stay: clients see nothing of it."""

    def drop_rows(self, id: str, unique: Collection[Row], indexed: Collection[Row]) -> None:
        """Take look-up rows of the id away."""

    def add_rows(self, id: str, unique: Collection[Row], indexed: Collection[Row]) -> None:
        """Give the id look-up rows; unique ones that another one has stay that one's."""

    def drop_notes(self, id: str, notes: Collection[tuple[str, str]]) -> None:
        """Take notes of the id away."""

    def free_numbers(self, id: str, numbers: Collection[str]) -> None:
        """Free numbers of the id; they do not rest."""

    def give_numbers(self, id: str, numbers: Collection[str]) -> None:
        """Give the id numbers that nobody holds."""

    def add_state(self, id: str, version: int, now: str) -> None:
        """Give the id a membership version."""

    def drop_state(self, id: str) -> None:
        """Take the membership version of the id away."""

    def drop_lost_seats(self, keys: Collection[str]) -> None:
        """Remove the seats of these pools, which are gone."""

    def fill_range(self, span: Span) -> None:
        """Add the numbers of the range that have no row, free ones."""

    def drop_lost_numbers(self) -> None:
        """Remove the numbers that are in no range."""

    def reform(self, rows: Collection[RowKey]) -> None:
        """Make the forms of rows those of their elements."""

    def drop_lost_owners(self, owners: Collection[tuple[str, str]]) -> None:
        """Remove the rows whose owner (kind, id) is of no resource."""


class Examination(Protocol):
    """Looks at all that a tenant has, a bounded number of ids or rows at a time."""

    def count(self, tenant: int) -> int:
        """How many resources the tenant has."""

    def stock(self, tenant: int) -> Stock:
        """The tenant's pools and ranges, counted."""

    def batch(self, tenant: int, after: str) -> Batch:
        """The next ids that any table has."""

    def rows(self, tenant: int, after: RowKey) -> RowsBatch:
        """The next elements that are kept as rows, in the order of their keys."""

    def repair(self, tenant: int, work: Callable[[Repairs], T]) -> T:
        """As `Storage.write`."""
