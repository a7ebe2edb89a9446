"""What every document says it should have, against what the tables have; and the tables put right.

The document is what counts: from it follow the look-up rows, the comparison form and the label, and by the rules of
the profile the seats and the number that its resource holds. What is left of a resource that is gone has no document,
so nothing of it should be there. A value is never shown, since a unique one may be a person's: a difference names the
resource and the path.

To look, the documents and the tables are read in snapshots. To put right, what differs is looked at again while it is
held, and repaired as far as it still differs, a bounded number of resources in a transaction: so both run while others
write, and an interrupted run leaves each resource as it was, or sound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Final, TypeAlias

import orjson

from scim_server.domain import compare
from scim_server.domain.catalogue import Catalogue
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Attributes
from scim_server.domain.rules import Verb, Write
from scim_server.domain.schema import ResourceType
from scim_server.profiles.decisions import TypeRules
from scim_server.service.drafts import attributes_of, draft
from scim_server.storage.base import Draft, Tenant
from scim_server.storage.examination import (
    Examination,
    Offer,
    PoolCount,
    Repairs,
    Row,
    RowKey,
    RowsBatch,
    Stand,
    Stock,
)
from scim_server.storage.ledgers import Pool, Taking

TOGETHER: Final = 100
"""Resources that are repaired in one transaction."""
MOST_AGAIN: Final = 10_000
"""Resources that are tried once more at the end: what one needed, another one had."""

_NOTHING: Final = "nothing"
_GONE: Final = "gone resource"


@dataclass(frozen=True, slots=True)
class Difference:
    """What something should have, and what it has."""

    about: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.about}: {self.what}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Round:
    """What came of one batch: how many resources were looked at, which differences there are still, and which there
    were.
    """

    looked: int
    left: Sequence[Difference] = ()
    repaired: Sequence[Difference] = ()


class Doctor:
    """Looks at all that tenants have; `clock` gives the time, aware."""

    def __init__(self, examination: Examination, catalogue: Catalogue, clock: Callable[[], datetime]) -> None:
        self._examination = examination
        self._catalogue = catalogue
        self._clock = clock

    def count(self, tenant: Tenant) -> int:
        """How many resources there are to look at."""
        return self._examination.count(tenant.id)

    def examine(self, tenant: Tenant) -> Iterator[Round]:
        """Look, and change nothing. Raises Unavailable where no file defines the tenant's profile."""
        return _Visit(self._examination, tenant.id, self._expectation(tenant)).rounds()

    def cure(self, tenant: Tenant) -> Iterator[Round]:
        """Look, and put right. Raises as `examine`."""
        return _Cure(self._examination, tenant.id, self._expectation(tenant), self._clock).rounds()

    def _expectation(self, tenant: Tenant) -> _Expectation:
        # What shows licence pools is there whether a tenant has some or not.
        return _Expectation(self._catalogue.of(tenant.profile).variant(replace(tenant.variation, has_pools=True)))


# What there should be ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What one id should have and does not, and what it has and should not. `draft` is what it should be stored as.

    `pending` is the path of the notes of those who wait for a seat.
    """

    stand: Stand
    resource_type: ResourceType | None = None
    draft: Draft | None = None
    is_misformed: bool = False
    unique: frozenset[Row] = frozenset()
    indexed: frozenset[Row] = frozenset()
    seats: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    stray_notes: frozenset[tuple[str, str]] = frozenset()
    pending: str | None = None
    number_path: str = ""
    has_state: bool = False

    def differences(self) -> Iterator[Difference]:
        """What differs, in one order."""
        about = f"{self.resource_type.name if self.resource_type else _GONE} {self.stand.id}"
        if self.is_misformed:
            yield Difference(about, "comparison form and label", "those of the document", "others")
        yield from _rows(about, "unique values", self.unique, self.stand.unique)
        yield from _rows(about, "index rows", self.indexed, self.stand.indexed)
        if self.seats != self.stand.seats:
            yield Difference(about, "seats", _listed(self.seats), _listed(self.stand.seats))
        if self.numbers != self.stand.numbers:
            what = f"numbers at {self.number_path}" if self.number_path else "numbers"
            yield Difference(about, what, *_compared(len(self.numbers), self.numbers, self.stand.numbers))
        for path, count in sorted(Counter(path for path, _ in self.stray_notes).items()):
            yield Difference(about, f"notes at {path}", _NOTHING, str(count))
        if self.has_state != self.stand.has_state:
            found = "one" if self.stand.has_state else _NOTHING
            yield Difference(about, "membership version", "one" if self.has_state else _NOTHING, found)


class _Expectation:
    """What follows from documents under one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.pending = next((path for t in registry.resource_types if (path := _pending(t)) is not None), None)

    def diagnosis(self, offer: Offer, stand: Stand) -> Diagnosis | None:
        """What is wrong with an id; None for a resource whose type the tenant does not have: nobody knows what it
        should have.
        """
        if stand.record is None or stand.forms is None:
            return Diagnosis(stand, stray_notes=stand.notes)
        resource_type = self._registry.named(stand.record.resource_type)
        if resource_type is None:
            return None
        attributes = attributes_of(stand.record, self._registry, resource_type)
        drafted = draft(self._registry, resource_type, stand.id, attributes)
        held = _held(resource_type, attributes, offer)
        awaited = frozenset(key for path, key in stand.notes if path == held.pending)
        return Diagnosis(
            stand=stand,
            resource_type=resource_type,
            draft=drafted,
            is_misformed=stand.record.stamp != drafted.stamp or not _fits(stand, drafted),
            unique=frozenset((resource_type.name, entry) for entry in drafted.unique),
            indexed=frozenset((resource_type.name, entry) for entry in drafted.indexed),
            # Who waits for a seat has a note in its place.
            seats=held.seats - (awaited - stand.seats),
            numbers=held.numbers,
            stray_notes=frozenset(
                (held.pending or "", key) for key in awaited if key not in held.seats or key in stand.seats
            ),
            pending=held.pending,
            number_path=held.number_path,
            has_state=bool(resource_type.rows_attributes),
        )


@dataclass(frozen=True, slots=True)
class _Held:
    """What a resource holds of the stock, if nothing is exhausted."""

    seats: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    pending: str | None = None
    number_path: str = ""


def _held(resource_type: ResourceType, attributes: Attributes, offer: Offer) -> _Held:
    """What it would give back if it were deleted; values that are in no pool and no range are plain ones."""
    if resource_type.rules is None:
        return _Held()
    decision = resource_type.rules.decide(Write(Verb.DELETE, attributes, {}, ()))
    keys = {wish.key for wish in decision.seats.free} if decision.seats else set()
    number = decision.number.release if decision.number else None
    return _Held(
        seats=offer.pools & keys,
        numbers=frozenset(n for n in (number,) if n is not None and any(span.has(n) for span in offer.spans)),
        pending=_pending(resource_type),
        number_path=decision.number.path if decision.number else "",
    )


def _pending(resource_type: ResourceType) -> str | None:
    rules = resource_type.rules
    return rules.licences.pending if isinstance(rules, TypeRules) and rules.licences else None


def _fits(stand: Stand, drafted: Draft) -> bool:
    forms = stand.forms
    label_key = None if drafted.label is None else compare.fold(drafted.label)
    return forms is not None and (
        forms.comparison == orjson.loads(drafted.comparison)
        and (forms.label, forms.label_key) == (drafted.label, label_key)
    )


# Looking -------------------------------------------------------------------------------------------------------------

_Sick: TypeAlias = Mapping[str, Sequence[Difference]]
"""Differences by the id of the resource."""


class _Visit:
    """Goes through what a tenant has, and reports."""

    def __init__(self, examination: Examination, tenant: int, expectation: _Expectation) -> None:
        self._examination = examination
        self._tenant = tenant
        self._expectation = expectation

    def rounds(self) -> Iterator[Round]:
        """Pools and ranges, then resources, then what is kept as rows."""
        yield self._treat_stock([*self._stock_differences(self._examination.stock(self._tenant))])
        yield from self._resource_rounds()
        yield from self._row_rounds()

    def _resource_rounds(self) -> Iterator[Round]:
        after: str | None = ""
        while after is not None:
            batch = self._examination.batch(self._tenant, after)
            sick = self._sick(batch.offer, batch.stands)
            looked = sum(stand.record is not None for stand in batch.stands)
            yield replace(self._treat_resources(sick), looked=looked)
            after = batch.last

    def _row_rounds(self) -> Iterator[Round]:
        after: RowKey | None = RowKey()
        while after is not None:
            batch = self._examination.rows(self._tenant, after)
            yield self._treat_rows(batch)
            after = batch.last

    def _sick(self, offer: Offer, stands: Iterable[Stand]) -> _Sick:
        found = ((stand.id, self._expectation.diagnosis(offer, stand)) for stand in stands)
        differing = ((id, [*diagnosis.differences()]) for id, diagnosis in found if diagnosis is not None)
        return {id: differences for id, differences in differing if differences}

    def _stock_differences(self, stock: Stock) -> Iterator[Difference]:
        for pool in stock.pools:
            yield from _pool_differences(pool, self._expectation.pending)
        for found in stock.ranges:
            if found.rows != found.span.size:
                about = f"range {found.span.first}-{found.span.last}"
                yield Difference(about, "numbers", str(found.span.size), str(found.rows))
        for key, rows in stock.lost_seats:
            yield Difference(f"pool {key}, which is gone", "seats", _NOTHING, str(rows))
        if stock.lost_numbers:
            yield Difference("no range", "numbers", _NOTHING, str(stock.lost_numbers))

    def _treat_stock(self, differences: Sequence[Difference]) -> Round:
        return Round(0, differences)

    def _treat_resources(self, sick: _Sick) -> Round:
        return Round(0, [difference for found in sick.values() for difference in found])

    def _treat_rows(self, batch: RowsBatch) -> Round:
        return Round(0, [*_row_differences(batch)])


def _pool_differences(pool: PoolCount, pending: str | None) -> Iterator[Difference]:
    about = f"pool {pool.key}"
    if pool.rows != pool.seats:
        yield Difference(about, "seats", str(pool.seats), str(pool.rows))
    if pool.free_beyond:
        yield Difference(about, "free seats beyond those permitted", _NOTHING, str(pool.free_beyond))
    if pool.free and pool.taken_beyond:
        yield Difference(about, "seats beyond those permitted, while others are free", _NOTHING, str(pool.taken_beyond))
    waiting = pool.waiting.get(pending, 0) if pending else 0
    if pool.free and waiting:
        yield Difference(about, "who waits for a seat, while some are free", "nobody", str(waiting))


def _row_differences(batch: RowsBatch) -> Iterator[Difference]:
    misformed = Counter((row.kind, row.owner) for row in batch.misformed)
    for (kind, owner), count in sorted(misformed.items()):
        type_name, _, attribute = kind.partition(".")
        what = f"forms of rows of {attribute}"
        yield Difference(f"{type_name} {owner}", what, "those of their elements", f"{count} others")
    for kind, owner, rows in batch.lost:
        yield Difference(f"{_GONE} {owner}", f"rows of {kind.partition('.')[2]}", _NOTHING, str(rows))


# Putting right -------------------------------------------------------------------------------------------------------


class _Cure(_Visit):
    """Goes through what a tenant has, and puts right what differs."""

    def __init__(
        self, examination: Examination, tenant: int, expectation: _Expectation, clock: Callable[[], datetime]
    ) -> None:
        super().__init__(examination, tenant, expectation)
        self._clock = clock
        self._again: list[str] = []

    def rounds(self) -> Iterator[Round]:
        rounds = super().rounds()
        # What is left of the stock's differences is looked at again at the end.
        yield replace(next(rounds), left=())
        yield from rounds
        yield _joined(self._cured(self._again).values())
        # What the stock was short of may be there by now: the seats of those who are gone.
        yield self._treat_stock([*self._stock_differences(self._examination.stock(self._tenant))])

    def _treat_stock(self, differences: Sequence[Difference]) -> Round:
        if not differences:
            return Round(0)

        def work(repairs: Repairs) -> Round:
            repairs.transaction.seats.hold()
            before = repairs.stock()
            self._mend_stock(repairs, before)
            return _round(self._stock_differences(before), self._stock_differences(repairs.stock()))

        return self._examination.repair(self._tenant, work)

    def _mend_stock(self, repairs: Repairs, stock: Stock) -> None:
        pending = self._expectation.pending
        for pool in stock.pools:
            if any(_pool_differences(pool, pending)):
                as_it_is = Pool(pool.key, pool.resource, pool.seats, 0)
                repairs.transaction.seats.set_pool(as_it_is, (), pending, self._now())
        for found in stock.ranges:
            if found.rows != found.span.size:
                repairs.fill_range(found.span)
        repairs.drop_lost_seats([key for key, _ in stock.lost_seats])
        repairs.drop_lost_numbers()

    def _treat_resources(self, sick: _Sick) -> Round:
        mended = self._cured(sick)
        room = MOST_AGAIN - len(self._again)
        self._again += islice((id for id, done in mended.items() if done.left), room)
        later = frozenset(self._again)
        return _joined(replace(done, left=()) if id in later else done for id, done in mended.items())

    def _cured(self, ids: Iterable[str]) -> Mapping[str, Round]:
        """What came of each id."""
        rest = iter(sorted(ids))
        mended: dict[str, Round] = {}
        while together := [*islice(rest, TOGETHER)]:
            mended |= self._mended(together)
        return mended

    def _mended(self, ids: Sequence[str]) -> Mapping[str, Round]:
        def work(repairs: Repairs) -> Mapping[str, Round]:
            repairs.transaction.lock_all(ids, ())
            offer = repairs.offer()
            return {id: self._mend(repairs, offer, id) for id in ids}

        return self._examination.repair(self._tenant, work)

    def _mend(self, repairs: Repairs, offer: Offer, id: str) -> Round:
        """Put one id right, as it is now that it is held."""
        before = self._expectation.diagnosis(offer, repairs.stand(id))
        if before is None:
            return Round(0)
        wrong = [*before.differences()]
        if not wrong:
            return Round(0)
        self._take_away(repairs, before)
        self._add(repairs, before)
        after = self._expectation.diagnosis(offer, repairs.stand(id))
        return _round(wrong, after.differences() if after else ())

    def _take_away(self, repairs: Repairs, found: Diagnosis) -> None:
        stand = found.stand
        repairs.drop_rows(stand.id, stand.unique - found.unique, stand.indexed - found.indexed)
        repairs.drop_notes(stand.id, found.stray_notes)
        for key in sorted(stand.seats - found.seats):
            repairs.transaction.seats.free(key, stand.id, self._expectation.pending, self._now())
        repairs.free_numbers(stand.id, stand.numbers - found.numbers)
        if stand.has_state and not found.has_state:
            repairs.drop_state(stand.id)

    def _add(self, repairs: Repairs, found: Diagnosis) -> None:
        stand = found.stand
        if found.is_misformed and found.draft and found.resource_type:
            repairs.rewrite(found.resource_type.name, found.draft)
        repairs.add_rows(stand.id, found.unique - stand.unique, found.indexed - stand.indexed)
        for key in sorted(found.seats - stand.seats):
            self._seat(repairs, found, key)
        repairs.give_numbers(stand.id, found.numbers - stand.numbers)
        if found.has_state and not stand.has_state:
            # No client has seen this version, whatever the lost one was (R-ETAG-02).
            repairs.add_state(stand.id, int(self._clock().timestamp()), self._now())

    def _seat(self, repairs: Repairs, found: Diagnosis, key: str) -> None:
        """A seat of the pool; where it is exhausted, what the profile has for that: a note, or a seat beyond."""
        seats, id = repairs.transaction.seats, found.stand.id
        if seats.take(key, id) is not Taking.EXHAUSTED:
            return
        pool = seats.pool(key)
        if found.pending is not None:
            repairs.transaction.notes.add(id, found.pending, key, self._now())
        elif pool is not None:
            seats.set_pool(pool, [id], None, self._now())

    def _treat_rows(self, batch: RowsBatch) -> Round:
        differences = [*_row_differences(batch)]
        if not differences:
            return Round(0)

        def work(repairs: Repairs) -> None:
            repairs.reform(batch.misformed)
            repairs.drop_lost_owners([(kind, owner) for kind, owner, _ in batch.lost])

        self._examination.repair(self._tenant, work)
        return Round(0, (), differences)

    def _now(self) -> str:
        return compare.from_datetime(self._clock())


def _round(before: Iterable[Difference], after: Iterable[Difference]) -> Round:
    left = [*after]
    places = {(difference.about, difference.what) for difference in left}
    return Round(0, left, [each for each in before if (each.about, each.what) not in places])


def _joined(rounds: Iterable[Round]) -> Round:
    listed = [*rounds]
    left = [difference for done in listed for difference in done.left]
    return Round(0, left, [difference for done in listed for difference in done.repaired])


# Words ---------------------------------------------------------------------------------------------------------------


def _rows(about: str, what: str, expected: frozenset[Row], found: frozenset[Row]) -> Iterator[Difference]:
    """The differences by path; what the values are is not told."""
    for path in sorted({entry.path for _, entry in expected ^ found}):
        wanted, there = (frozenset(row for row in rows if row[1].path == path) for rows in (expected, found))
        yield Difference(about, f"{what} at {path}", *_compared(len(wanted), wanted, there))


def _compared(count: int, expected: Collection[object], found: Collection[object]) -> tuple[str, str]:
    missing, others = len({*expected} - {*found}), len({*found} - {*expected})
    parts = [f"{missing} missing"] * bool(missing) + [f"{others} that should not be there"] * bool(others)
    return str(count), " and ".join(parts)


def _listed(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys)) or _NOTHING
