"""What a decision does beside storing the attributes: seats, numbers, departures, events.

It is done in the transaction of the write, in one order for everybody: what is done with first (`reviewed`), seats by
their keys, then the number, then the guard, then what is told. Whatever is refused is undone with the transaction, or
with the savepoint of an operation.

What is refused because the stock has none of it is `Withheld` at a path, so that a leaver's write can do without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

from scim_server.domain.compare import from_datetime, to_wire
from scim_server.domain.resource import Attributes
from scim_server.domain.rules import Decision, Event, NumberChange, SeatChange, Wish
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import Exhausted, InvalidValue, Resting, ScimError, Uniqueness
from scim_server.profiles.decisions import TypeRules
from scim_server.service.context import Context, Effect
from scim_server.service.drafts import attributes_of
from scim_server.service.guard import check_departure
from scim_server.storage.base import Expand, Transaction
from scim_server.storage.ledgers import Refused, Taking

T = TypeVar("T")

SEAT_TAKEN: Final = "seat taken"
SEAT_FREED: Final = "seat freed"
SEAT_AWAITED: Final = "seat awaited"
SEAT_PASSED_ON: Final = "seat passed on"
NUMBER_TAKEN: Final = "number taken"
NUMBER_RELEASED: Final = "number released"
NUMBER_ALLOCATED: Final = "number allocated"
DEACTIVATED: Final = "deactivated"
REMOVED: Final = "removed"
EVENT: Final = "event"

_NOTHING: Final[Expand] = frozenset()


class Withheld(Exception):
    """The stock has none of what the write wants at the path; `error` is what a client is told."""

    def __init__(self, error: ScimError, path: str) -> None:
        super().__init__(error.detail)
        self.error = error
        self.path = path


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose effects they are. `created` is None for a resource that is being made."""

    resource_type: ResourceType
    id: str
    created: str | None = None


def has_stock(resource_type: ResourceType) -> bool:
    """Whether its resources have seats or numbers."""
    rules = resource_type.rules
    return isinstance(rules, TypeRules) and bool(rules.licences or rules.numbers)


@dataclass(frozen=True, slots=True)
class Settlement:
    """The effects of writes in one transaction. `made` has the attributes, by id, of resources that it is going to
    store.
    """

    transaction: Transaction
    context: Context
    now: str
    made: Mapping[str, Attributes] = field(default_factory=dict)

    def settle(self, subject: Subject, decision: Decision) -> Attributes:
        """Carry out the effects; the attributes to store. Raises Withheld, TooManyDepartures."""
        for path in decision.reviewed:
            self.transaction.notes.drop([subject.id], path)
        attributes = decision.attributes
        if decision.seats is not None:
            self._change_seats(subject, decision.seats)
        if decision.number is not None:
            attributes = self._change_number(subject, decision.number, attributes)
        if decision.leaves:
            self._let_go(subject, decision)
        for event in decision.events:
            self.tell(subject, event)
        return attributes

    def tell(self, subject: Subject, event: Event) -> None:
        """Write an event."""
        self.transaction.outbox.put(subject.resource_type.name, subject.id, event.kind, event.content, self.now)
        self._note(EVENT, subject.id, event.kind)

    def told(self, resource_type: ResourceType, number: NumberChange | None, error: Uniqueness) -> Uniqueness:
        """The refusal; one of a number tells who has it."""
        if number is None or error.path != number.path or error.holder is None:
            return error
        return self._held(resource_type, number, number.take or "", error.holder)

    def attempt(self, work: Callable[[], T]) -> T:
        """Run `work`; where it raises, what it did is undone, and is no effect."""
        done = len(self.context.effects)
        try:
            return self.transaction.attempt(work)
        except BaseException:
            del self.context.effects[done:]
            raise

    # Seats -----------------------------------------------------------------------------------------------------------

    def _change_seats(self, subject: Subject, change: SeatChange) -> None:
        had = frozenset(self.transaction.seats.held(subject.id)) if change.free else frozenset()
        freed, new = {wish.key for wish in change.free}, {wish.key for wish in change.new}
        for wish in sorted((*change.free, *change.take), key=lambda wish: wish.key):
            if wish.key in freed:
                self._free(subject, wish.key, change, had)
            elif self._take(subject, wish, change) is Taking.UNKNOWN:
                known = self._known_pools()
                if change.optional and not known:
                    return  # keys are plain values, all of them
                if wish.key in new:
                    raise _unknown(wish, known)
        taken = {wish.key for wish in change.take}
        self._check_known([wish for wish in change.new if wish.key not in taken], change)

    def _check_known(self, wishes: Sequence[Wish], change: SeatChange) -> None:
        """Raises Withheld for a key without a pool, unless the tenant has no pools and need not have any."""
        known = self._known_pools() if wishes else []
        unknown = [wish for wish in wishes if wish.key not in known]
        if unknown and (known or not change.optional):
            raise _unknown(unknown[0], known)

    def _known_pools(self) -> list[str]:
        return [pool.key for pool in self.transaction.seats.pools()]

    def _free(self, subject: Subject, key: str, change: SeatChange, had: frozenset[str]) -> None:
        heir = self.transaction.seats.free(key, subject.id, change.pending, self.now)
        if key in had:
            self._note(SEAT_FREED, subject.id, key)
        if heir is not None:
            self._note(SEAT_PASSED_ON, heir, key)

    def _take(self, subject: Subject, wish: Wish, change: SeatChange) -> Taking:
        taking = self.transaction.seats.take(wish.key, subject.id)
        if taking is Taking.TAKEN:
            self._note(SEAT_TAKEN, subject.id, wish.key)
        elif taking is Taking.EXHAUSTED:
            if change.pending is None:
                raise Withheld(self._exhausted(wish), wish.path)
            self.transaction.notes.add(subject.id, change.pending, wish.key, self.now)
            self._note(SEAT_AWAITED, subject.id, wish.key)
        return taking

    def _exhausted(self, wish: Wish) -> Exhausted:
        pool = self.transaction.seats.pool(wish.key)
        seats, used = (pool.seats, pool.used) if pool else (0, 0)
        return Exhausted(
            f"{wish.path}: the licence pool {wish.value!r} has {seats} {'seat' if seats == 1 else 'seats'}, "
            f"and {used} of them {'is' if used == 1 else 'are'} taken."
        )

    # Numbers ---------------------------------------------------------------------------------------------------------

    def _change_number(self, subject: Subject, change: NumberChange, attributes: Attributes) -> Attributes:
        """The attributes with the number that was allocated, if one was."""
        if change.release is not None:
            self._release(subject, change.release, change)
        if change.take is not None:
            self._take_number(subject, change.take, change)
        if change.allocate:
            return self._allocate(subject, change, attributes)
        return attributes

    def _release(self, subject: Subject, number: str, change: NumberChange) -> None:
        until = from_datetime(datetime.fromisoformat(self.now) + timedelta(days=change.days))
        if self.transaction.numbers.release(number, subject.id, change.name, until):
            self._note(NUMBER_RELEASED, subject.id, number)

    def _take_number(self, subject: Subject, number: str, change: NumberChange) -> None:
        refused = self.transaction.numbers.take(number, subject.id, change.name, self.now)
        if refused is None:
            self._note(NUMBER_TAKEN, subject.id, number)
        elif refused.holder is not None:
            raise Withheld(self._held(subject.resource_type, change, number, refused.holder), change.path)
        else:
            self._refuse_number(number, change, refused)

    def _refuse_number(self, number: str, change: NumberChange, refused: Refused) -> None:
        """Raises Withheld, unless the tenant has no ranges and need not have any."""
        if refused.until is not None:
            detail = f"{change.path}: {number[:64]!r} was given back and rests until {to_wire(refused.until)}."
            raise Withheld(Resting(detail), change.path)
        ranges = [f"{each.first}-{each.last}" for each in self.transaction.numbers.ranges(self.now)]
        if change.optional and not ranges:
            return
        expected = f"expected a number of {', '.join(ranges)}" if ranges else "there are no ranges of numbers yet"
        detail = f"{change.path}: {number[:64]!r} is in no range; {expected}."
        raise Withheld(InvalidValue(detail), change.path)

    def _allocate(self, subject: Subject, change: NumberChange, attributes: Attributes) -> Attributes:
        numbers = self.transaction.numbers
        number = numbers.allocate(subject.id, change.name, self.now)
        has_ranges = number is not None or numbers.has_ranges()
        if number is None and has_ranges:
            # The first range may have come between the two looks; from the second one on, none comes any more.
            number = numbers.allocate(subject.id, change.name, self.now)
        if number is not None:
            self._note(NUMBER_ALLOCATED, subject.id, number)
            return _with(attributes, change.path, number)
        if change.optional and not has_ranges:
            return attributes
        reason = "the ranges are exhausted" if has_ranges else "there are no ranges of numbers yet"
        raise Withheld(Exhausted(f"{change.path}: no number is free; {reason}."), change.path)

    def _held(self, resource_type: ResourceType, change: NumberChange, number: str, holder: str) -> Uniqueness:
        """The refusal of a number, with what its holder is known by."""
        name = self._name(resource_type, holder, change.name_path)
        whose = f"another {resource_type.name}" if name is None else repr(name)
        detail = f"{change.path}: {number[:64]!r} belongs to {whose}."
        return Uniqueness(detail, path=change.path, holder=holder)

    def _name(self, resource_type: ResourceType, id: str, path: str) -> str | None:
        attributes: Mapping[str, Json] | None = self.made.get(id)
        if attributes is None:
            record = self.transaction.read(resource_type, id, _NOTHING)
            attributes = attributes_of(record, self.context.registry, resource_type) if record else {}
        urn, name = _split(path)
        found: str | None = (attributes.get(urn, {}) if urn else attributes).get(name)
        return found

    # Departures ------------------------------------------------------------------------------------------------------

    def _let_go(self, subject: Subject, decision: Decision) -> None:
        if subject.created is not None:
            kind, id = subject.resource_type, subject.id
            check_departure(self.transaction, self.context, kind, id, subject.created, self.now)
        if not decision.is_removed and decision.attributes:
            self._note(DEACTIVATED, subject.id)

    def _note(self, kind: str, resource: str, value: str = "") -> None:
        self.context.effects.append(Effect(kind, resource, value))


def _unknown(wish: Wish, known: Sequence[str]) -> Withheld:
    """The refusal of a key that no pool has."""
    expected = f"expected one of {', '.join(known)}" if known else "there are no licence pools yet"
    detail = f"{wish.path}: there is no licence pool {wish.value[:64]!r}; {expected}."
    return Withheld(InvalidValue(detail), wish.path)


def _split(path: str) -> tuple[str | None, str]:
    """The URN, if any, and the name of an attribute's key; a name has no colon."""
    urn, _, name = path.rpartition(":")
    return urn or None, name


def _with(attributes: Attributes, path: str, value: Json) -> Attributes:
    """The attributes with that value at the key of a simple attribute."""
    urn, name = _split(path)
    if urn is None:
        return {**attributes, name: value}
    return {**attributes, urn: {**attributes.get(urn, {}), name: value}}
