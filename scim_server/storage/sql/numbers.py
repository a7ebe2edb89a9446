"""Numbers of a tenant's ranges: `storage.ledgers.Numbers` on one connection.

Each number is a row, made with its range. A free one has the time from which it may be given out, and the empty text
before it is given out first, so that one index has them in the order in which they go. Who takes one passes over those
that others are taking at that moment; only where none is left it waits for them, since they may give theirs up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ScalarSelect,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
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
_NAME: Any = bindparam("name", type_=Text)
_NOW: Any = bindparam("now", type_=Text)
_OURS = number_ranges.c.tenant_id == _TENANT
_THIS = and_(numbers.c.tenant_id == _TENANT, numbers.c.number == bindparam("wanted"))

_LOOK = select(numbers.c.holder, numbers.c.free_from, numbers.c.last_name).where(_THIS).with_for_update()
_TAKE = update(numbers).where(_THIS).values(holder=_HOLDER)
_RELEASE = (
    update(numbers)
    .where(_THIS, numbers.c.holder == _HOLDER)
    .values(holder=None, free_from=bindparam("until"), last_name=_NAME)
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
        numbers.c.number >= _FIRST,
        numbers.c.number <= _LAST,
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
    # Ranges in the place of an equality, and both ends of them: without fresh statistics a planner takes any index for
    # as good as another one, and these leave it the one that has the order.
    known = and_(ours, free.c.last_name.is_not(None), free.c.last_name >= _NAME, free.c.last_name <= _NAME)
    ready = and_(ours, free.c.free_from >= "", free.c.free_from <= _NOW)

    def first(condition: Any, *order: Any) -> ScalarSelect[Any]:
        rows = select(free.c.number).where(condition).order_by(*order).limit(1)
        chosen: ScalarSelect[Any] = rows.with_for_update(**lock).scalar_subquery()
        return chosen

    had = first(known, free.c.last_name.desc(), free.c.free_from.desc(), free.c.number.desc())
    following = first(ready, free.c.free_from, free.c.number)
    chosen = and_(numbers.c.tenant_id == _TENANT, numbers.c.number == func.coalesce(had, following))
    return update(numbers).where(chosen).values(holder=_HOLDER).returning(numbers.c.number)


_ALLOCATE = _allocate(skip_locked=True)
_WAIT_AND_ALLOCATE = _allocate()


class NumberStatements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        self.add_numbers = _add_numbers(spelling)


class SqlNumbers(Ledger[NumberStatements]):
    """`storage.ledgers.Numbers` on one connection."""

    def take(self, number: str, holder: str, name: str, now: str) -> Refused | None:
        found = self._run(_LOOK, wanted=number).first()
        if found is None and self.has_ranges():
            found = self._run(_LOOK, wanted=number).first()  # one may have been added after the first look
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
        if self._releases(number, holder, name, until):
            return True
        self._share()  # whoever is adding a range with it, and counts this holder
        return self._releases(number, holder, name, until)

    def _releases(self, number: str, holder: str, name: str, until: str) -> bool:
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
        try:
            self._run(_ADD_RANGE, low=first, high=last)
            self._run(self._statements.add_numbers, listed=json_list(_listed(first, last, held)))
        except IntegrityError as error:
            raise Retry from error  # another transaction has added some of them meanwhile

    def remove_range(self, first: str, last: str) -> int | None:
        if self._run(_DROP_RANGE, low=first, high=last).first() is None:
            return None
        holders = self._run(_DROP_NUMBERS, low=first, high=last).scalars().all()
        return sum(holder is not None for holder in holders)


def _listed(first: str, last: str, held: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Each number of a range, with its holder where it has one."""
    for value in range(int(first), int(last) + 1):
        number = f"{value:0{len(first)}}"
        yield {"number": number, "holder": held[number]} if number in held else {"number": number}


def _add_numbers(spelling: Spelling) -> Any:
    given = spelling.records("listed", (numbers.c.number, numbers.c.holder))
    columns: Any = [cast(_TENANT, numbers.c.tenant_id.type), given.c.number, given.c.holder, literal("", Text)]
    return insert(numbers).from_select(["tenant_id", "number", "holder", "free_from"], select(*columns))
