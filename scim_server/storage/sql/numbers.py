"""Numbers of a tenant's ranges: `storage.ledgers.Numbers` on one connection.

Each number is a row, made with its range. A free one has the time from which it may be given out, and the empty text
before it is given out first, so that one index has them in the order in which they go. Who takes one passes over those
that others are taking at that moment; only where none is left it waits for them, since they may give theirs up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ScalarSelect, Text, and_, bindparam, case, delete, exists, func, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from scim_server import errors
from scim_server.storage.ledgers import Range, Refused
from scim_server.storage.sql.connections import Retry
from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import number_ranges, numbers

_TENANT: Any = bindparam("tenant")
_HOLDER: Any = bindparam("who")
_FIRST: Any = bindparam("low")
_LAST: Any = bindparam("high")
_NOW: Any = bindparam("now", type_=Text)
_OURS = number_ranges.c.tenant_id == _TENANT
_THIS = and_(numbers.c.tenant_id == _TENANT, numbers.c.number == bindparam("wanted"))

_LOOK = select(numbers.c.holder, numbers.c.free_from, numbers.c.last_name).where(_THIS).with_for_update()
_TAKE = update(numbers).where(_THIS).values(holder=_HOLDER)
_RELEASE = (
    update(numbers)
    .where(_THIS, numbers.c.holder == _HOLDER)
    .values(holder=None, free_from=bindparam("until"), last_name=bindparam("name"))
)
_HAS_RANGES = select(exists().where(_OURS))
_SAME_WIDTH = func.length(number_ranges.c.first) == func.length(_FIRST)
_OVERLAP = (
    select(number_ranges.c.first, number_ranges.c.last)
    .where(_OURS, _SAME_WIDTH, number_ranges.c.first <= _LAST, number_ranges.c.last >= _FIRST)
    .order_by(number_ranges.c.first)
    .limit(1)
)
_ADD_RANGE = insert(number_ranges).values(tenant_id=_TENANT, first=_FIRST, last=_LAST)
_DROP_RANGE = (
    delete(number_ranges)
    .where(_OURS, number_ranges.c.first == _FIRST, number_ranges.c.last == _LAST)
    .returning(number_ranges.c.first)
)
_DROP_NUMBERS = (
    delete(numbers)
    .where(
        numbers.c.tenant_id == _TENANT,
        numbers.c.number.between(_FIRST, _LAST),
        func.length(numbers.c.number) == func.length(_FIRST),
    )
    .returning(numbers.c.holder)
)
_IN_RANGE = and_(
    numbers.c.tenant_id == number_ranges.c.tenant_id,
    numbers.c.number >= number_ranges.c.first,
    numbers.c.number <= number_ranges.c.last,
    func.length(numbers.c.number) == func.length(number_ranges.c.first),
)
_RESTS = and_(numbers.c.holder.is_(None), numbers.c.free_from > _NOW)
_RANGES = (
    select(
        number_ranges.c.first,
        number_ranges.c.last,
        func.count(numbers.c.number),
        func.count(numbers.c.holder),
        func.count(case((_RESTS, 1))),
    )
    .select_from(number_ranges.outerjoin(numbers, _IN_RANGE))
    .where(_OURS)
    .group_by(number_ranges.c.first, number_ranges.c.last)
    .order_by(number_ranges.c.first)
)


def _allocate(**lock: Any) -> Any:
    """Give the holder a free number: the one that it had when it was here last, else the next one."""
    free = numbers.alias("free")
    ours = and_(free.c.tenant_id == _TENANT, free.c.holder.is_(None))
    had = select(free.c.number).where(ours, free.c.last_name == bindparam("name"))
    ready = select(free.c.number).where(ours, free.c.free_from <= _NOW)

    def first(rows: Any, *order: Any) -> ScalarSelect[Any]:
        chosen: ScalarSelect[Any] = rows.order_by(*order).limit(1).with_for_update(**lock).scalar_subquery()
        return chosen

    last_had = first(had, free.c.free_from.desc(), free.c.number)
    next_one = first(ready, free.c.free_from, free.c.number)
    chosen = numbers.c.number == func.coalesce(last_had, next_one)
    return (
        update(numbers).where(numbers.c.tenant_id == _TENANT, chosen).values(holder=_HOLDER).returning(numbers.c.number)
    )


_ALLOCATE = _allocate(skip_locked=True)
_WAIT_AND_ALLOCATE = _allocate()


class NumberStatements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        self.add_numbers = _add_numbers(spelling)
        self.hold = _hold(spelling)


class SqlNumbers(Ledger[NumberStatements]):
    """`storage.ledgers.Numbers` on one connection."""

    def take(self, number: str, holder: str, name: str, now: str) -> Refused | None:
        found = self._run(_LOOK, wanted=number).first()
        if found is None:
            return Refused()
        if found.holder is not None:
            return None if found.holder == holder else Refused(holder=found.holder)
        if found.free_from > now and found.last_name != name:
            return Refused(until=found.free_from)
        self._run(_TAKE, wanted=number, who=holder)
        return None

    def allocate(self, holder: str, name: str, now: str) -> str | None:
        for statement in (_ALLOCATE, _WAIT_AND_ALLOCATE):
            number: str | None = self._run(statement, who=holder, name=name, now=now).scalar()
            if number is not None:
                return number
        return None

    def release(self, number: str, holder: str, name: str, until: str) -> bool:
        # Nobody is known by an empty name.
        released = self._run(_RELEASE, wanted=number, who=holder, name=name or None, until=until)
        return bool(released.rowcount)

    def ranges(self, now: str) -> Sequence[Range]:
        rows = self._run(_RANGES, now=now)
        return [Range(first, last, size, used, resting) for first, last, size, used, resting in rows]

    def has_ranges(self) -> bool:
        if self._run(_HAS_RANGES).scalar():
            return True
        self._share()  # whoever is adding the first one
        return bool(self._run(_HAS_RANGES).scalar())

    def add_range(self, first: str, last: str, held: Mapping[str, str]) -> None:
        other = self._run(_OVERLAP, low=first, high=last).first()
        if other is not None:
            raise errors.Uniqueness(f"The range {other.first}-{other.last} has some of these numbers already.")
        width = len(first)
        listed = json_list(f"{number:0{width}}" for number in range(int(first), int(last) + 1))
        try:
            self._run(_ADD_RANGE, low=first, high=last)
            self._run(self._statements.add_numbers, numbers=listed)
        except IntegrityError as error:
            raise Retry from error  # another transaction has added them meanwhile
        if held:
            self._run(self._statements.hold, held=json_list(sorted(held.items())), low=first, high=last)

    def remove_range(self, first: str, last: str) -> int | None:
        if self._run(_DROP_RANGE, low=first, high=last).first() is None:
            return None
        holders = self._run(_DROP_NUMBERS, low=first, high=last).scalars().all()
        return sum(holder is not None for holder in holders)


def _add_numbers(spelling: Spelling) -> Any:
    given = spelling.texts("numbers")
    never: Any = literal("", Text)
    rows = select(bindparam("tenant", type_=numbers.c.tenant_id.type), given.value, never).select_from(given.source)
    return insert(numbers).from_select(["tenant_id", "number", "free_from"], rows)


def _hold(spelling: Spelling) -> Any:
    """Give those numbers of the range that resources have already to them."""
    given = spelling.lists("held")
    return (
        update(numbers)
        .where(
            numbers.c.tenant_id == _TENANT,
            numbers.c.number == given.field(0),
            numbers.c.number >= _FIRST,
            numbers.c.number <= _LAST,
            func.length(numbers.c.number) == func.length(_FIRST),
        )
        .values(holder=given.field(1))
    )
