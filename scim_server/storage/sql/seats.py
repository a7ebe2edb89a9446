"""Seats of licence pools: `storage.ledgers.Seats` on one connection.

Each seat is a row, made with its pool: those that are permitted have the numbers from 1, and free ones have no holder.
Where more hold a key than there are seats, the others have rows with higher numbers. A seat that comes free is given to
one of them before anybody else, so that there is a free row exactly where a seat may be taken.

Who takes a seat passes over those that others are taking, and looks at the pool's own row only where none is left: then
it holds that row until its end. Who gives one back shares the pool's row before it looks for those who wait, so that it
sees the note of whoever found no seat. And what one transaction may yet give up is not passed over for good by another:
where there is nothing else, it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Integer, Text, and_, bindparam, cast, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError

from scim_server.storage.ledgers import Pool, Taking
from scim_server.storage.sql.connections import Retry
from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import licence_pools, licence_seats, notes

_TENANT: Any = bindparam("tenant")
_KEY: Any = bindparam("of_pool", type_=Text)
_HOLDER: Any = bindparam("who", type_=Text)
_NUMBER: Any = bindparam("seat")
_SEATS: Any = bindparam("permitted")
_PATH: Any = bindparam("of_path")
_LIMIT: Any = bindparam("limit")

# Pools ---------------------------------------------------------------------------------------------------------------

_POOL = and_(licence_pools.c.tenant_id == _TENANT, licence_pools.c.key == _KEY)
_SHARE_POOL = select(licence_pools.c.seats).where(_POOL).with_for_update(read=True)
_HOLD_POOL = select(licence_pools.c.seats).where(_POOL).with_for_update()
_USED = (
    select(func.count(licence_seats.c.holder))
    .where(licence_seats.c.tenant_id == licence_pools.c.tenant_id, licence_seats.c.pool == licence_pools.c.key)
    .scalar_subquery()
)
_POOLS = (
    select(licence_pools.c.key, licence_pools.c.resource_id, licence_pools.c.seats, _USED)
    .where(licence_pools.c.tenant_id == _TENANT)
    .order_by(licence_pools.c.key)
)
_ONE_POOL = _POOLS.where(licence_pools.c.key == _KEY)

# Seats ---------------------------------------------------------------------------------------------------------------

_COLUMNS = ("tenant_id", "pool")
_OWNER = (cast(_TENANT, licence_seats.c.tenant_id.type), cast(_KEY, licence_seats.c.pool.type))
_OF_POOL = and_(licence_seats.c.tenant_id == _TENANT, licence_seats.c.pool == _KEY)
_SEAT = and_(_OF_POOL, licence_seats.c.number == _NUMBER)
_FREE = and_(_OF_POOL, licence_seats.c.holder.is_(None))
_HAS_SEAT = select(licence_seats.c.number).where(_OF_POOL, licence_seats.c.holder == _HOLDER)
_LOCK_SEAT = _HAS_SEAT.with_for_update()
_HELD = (
    select(licence_seats.c.pool)
    .where(licence_seats.c.tenant_id == _TENANT, licence_seats.c.holder == _HOLDER)
    .order_by(licence_seats.c.pool)
)
_GIVE = update(licence_seats).where(_SEAT).values(holder=_HOLDER)
_RENUMBER = update(licence_seats).where(_SEAT).values(number=bindparam("to"))
_LOCK_SURPLUS = (
    select(licence_seats.c.number)
    .where(_OF_POOL, licence_seats.c.number > _SEATS)
    .order_by(licence_seats.c.number)
    .limit(_LIMIT)
    .with_for_update()
)
_LOCK_FREE = (
    select(licence_seats.c.number).where(_FREE).order_by(licence_seats.c.number).limit(_LIMIT).with_for_update()
)
_DROP_SEAT = delete(licence_seats).where(_SEAT)
_DROP_FREE_SURPLUS = delete(licence_seats).where(_FREE, licence_seats.c.number > _SEATS)
_COUNT_FREE = select(func.count()).select_from(licence_seats).where(_FREE)
_LAST_NUMBER = select(func.coalesce(func.max(licence_seats.c.number), 0)).where(_OF_POOL)

# Those who wait ------------------------------------------------------------------------------------------------------

_WAITING = and_(notes.c.tenant_id == _TENANT, notes.c.path == _PATH, notes.c.value == _KEY)
_DROP_NOTE = delete(notes).where(_WAITING, notes.c.resource_id == _HOLDER)
# A look-up for each, whatever the statistics are: EXISTS becomes a join, which may read all seats for each.
_THEIR_SEAT: Any = select(licence_seats.c.number).where(_OF_POOL, licence_seats.c.holder == notes.c.resource_id)
_SEATLESS = _THEIR_SEAT.scalar_subquery().is_(None)
_OLDEST = select(notes.c.resource_id).where(_WAITING, _SEATLESS).order_by(notes.c.since, notes.c.resource_id)
_LOCK_WAITING = _OLDEST.limit(_LIMIT).with_for_update()
_LOCK_WAITING_NOW = _OLDEST.limit(_LIMIT).with_for_update(skip_locked=True)


_DROP_POOL = delete(licence_pools).where(_POOL)
_DROP_SEATS = delete(licence_seats).where(_OF_POOL).returning(licence_seats.c.holder)
_DROP_NOTES = delete(notes).where(_WAITING)


# Taking --------------------------------------------------------------------------------------------------------------


def _take(**lock: Any) -> Any:
    """Give the holder the first free seat, unless it has one."""
    seat = licence_seats.alias("seat")
    ours = and_(seat.c.tenant_id == _TENANT, seat.c.pool == _KEY)
    free = select(seat.c.number).where(ours, seat.c.holder.is_(None)).order_by(seat.c.number).limit(1)
    first: Any = free.with_for_update(**lock).scalar_subquery()
    has_one = exists().where(ours, seat.c.holder == _HOLDER)
    taken = update(licence_seats).where(_OF_POOL, licence_seats.c.number == first, ~has_one)
    return taken.values(holder=_HOLDER).returning(licence_seats.c.number)


_TAKE = _take(skip_locked=True)
_WAIT_AND_TAKE = _take()


@contextmanager
def _one_for_each() -> Iterator[None]:
    """Run the transaction again where another one has just given a seat to the same holder."""
    try:
        yield
    except IntegrityError as error:
        raise Retry from error


class SeatStatements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        given = spelling.insert(licence_pools).values(
            tenant_id=_TENANT, key=_KEY, resource_id=bindparam("resource"), seats=_SEATS
        )
        self.set_pool = given.on_conflict_do_update(
            index_elements=[*licence_pools.primary_key], set_={"seats": given.excluded.seats}
        )
        self.add_seats = _add_seats(spelling)
        self.add_holders = _add_holders(spelling)


class SqlSeats(Ledger[SeatStatements]):
    """`storage.ledgers.Seats` on one connection."""

    def take(self, key: str, holder: str) -> Taking:
        if self._takes(_TAKE, key, holder):
            return Taking.TAKEN
        if not self._holds_pool(key):
            return Taking.UNKNOWN
        return Taking.TAKEN if self._takes(_WAIT_AND_TAKE, key, holder) else Taking.EXHAUSTED

    def free(self, key: str, holder: str, waiting: str | None, now: str) -> str | None:
        seats = self._shared_pool(key)
        if seats is None:
            return None
        if waiting is not None:
            # Before the look at the seat: who is passing one on to this holder has the note, and is waited for.
            self._run(_DROP_NOTE, of_pool=key, of_path=waiting, who=holder)
        number = self._run(_LOCK_SEAT, of_pool=key, who=holder).scalar()
        if number is None:
            return None
        if number > seats:
            self._run(_DROP_SEAT, of_pool=key, seat=number)
            return None
        return self._hand_on(key, number, seats, waiting)

    def held(self, holder: str) -> Sequence[str]:
        keys: Sequence[str] = self._run(_HELD, who=holder).scalars().all()
        return keys

    def pool(self, key: str) -> Pool | None:
        row = self._run(_ONE_POOL, of_pool=key).first()
        return None if row is None else Pool(*row)

    def pools(self) -> Sequence[Pool]:
        return [Pool(*row) for row in self._run(_POOLS)]

    def set_pool(self, pool: Pool, holders: Collection[str], waiting: str | None, now: str) -> Pool:
        key, seats = pool.key, pool.seats
        self._run(self._statements.set_pool, of_pool=key, resource=pool.resource, permitted=seats)
        self._run(_DROP_FREE_SURPLUS, of_pool=key, permitted=seats)
        if holders:
            self._add_holders(key, holders, waiting)
        numbers = json_list([number] for number in range(1, seats + 1))
        self._run(self._statements.add_seats, of_pool=key, numbers=numbers)
        self._move_down(key, seats)
        if waiting is not None:
            self._give_to_waiting(key, waiting)
        return Pool(*self._run(_ONE_POOL, of_pool=key).one())

    def remove_pool(self, key: str, waiting: str | None) -> int:
        if self._run(_HOLD_POOL, of_pool=key).first() is None:
            return 0
        holders = self._run(_DROP_SEATS, of_pool=key).scalars().all()
        self._run(_DROP_POOL, of_pool=key)
        if waiting is not None:
            self._run(_DROP_NOTES, of_pool=key, of_path=waiting)
        return sum(holder is not None for holder in holders)

    def _shared_pool(self, key: str) -> int | None:
        """How many seats the pool has, which stays as it is; None where there is none."""
        seats: int | None = self._run(_SHARE_POOL, of_pool=key).scalar()
        if seats is None:
            self._share()  # whoever is making it, and counts this holder
            seats = self._run(_SHARE_POOL, of_pool=key).scalar()
        return seats

    def _holds_pool(self, key: str) -> bool:
        """Whether there is the pool, which is held then."""
        if self._run(_HOLD_POOL, of_pool=key).first() is not None:
            return True
        self._share()  # whoever is making it
        return self._run(_HOLD_POOL, of_pool=key).first() is not None

    def _takes(self, statement: Any, key: str, holder: str) -> bool:
        """Whether the holder has a seat after the statement."""
        with _one_for_each():
            taken = self._run(statement, of_pool=key, who=holder).first()
        return taken is not None or self._run(_HAS_SEAT, of_pool=key, who=holder).first() is not None

    def _hand_on(self, key: str, number: int, seats: int, waiting: str | None) -> str | None:
        """Give a permitted seat to one who has one beyond those, else to one who waits, else to nobody."""
        surplus = self._run(_LOCK_SURPLUS, of_pool=key, permitted=seats, limit=1).scalar()
        if surplus is not None:
            self._renumber(key, [(surplus, number)])
            return None
        heir = None if waiting is None else self._oldest_waiting(key, waiting)
        with _one_for_each():
            self._run(_GIVE, of_pool=key, seat=number, who=heir)
        if heir is not None:
            self._run(_DROP_NOTE, of_pool=key, of_path=waiting, who=heir)
        return heir

    def _oldest_waiting(self, key: str, path: str) -> str | None:
        for statement in (_LOCK_WAITING_NOW, _LOCK_WAITING):
            oldest: str | None = self._run(statement, of_pool=key, of_path=path, limit=1).scalar()
            if oldest is not None:
                return oldest
        return None

    def _renumber(self, key: str, pairs: Sequence[tuple[int, int]]) -> None:
        """Move rows to the numbers of others, which go. The row stays the same one, so that its holder, who may be
        giving it back at this moment, finds it.
        """
        self._run_each(_DROP_SEAT, ({"seat": number} for _, number in pairs), of_pool=key)
        self._run_each(_RENUMBER, ({"seat": number, "to": to} for number, to in pairs), of_pool=key)

    def _add_holders(self, key: str, holders: Collection[str], waiting: str | None) -> None:
        """Rows beyond all others for those who have none, and do not wait for one."""
        last = self._run(_LAST_NUMBER, of_pool=key).scalar_one()
        pairs = json_list(enumerate(sorted(holders), last + 1))
        self._run(self._statements.add_holders, of_pool=key, pairs=pairs, of_path=waiting)

    def _move_down(self, key: str, seats: int) -> None:
        """Fill permitted seats that are free from those beyond."""
        surplus = self._run(_LOCK_SURPLUS, of_pool=key, permitted=seats, limit=seats).scalars().all()
        free = self._run(_LOCK_FREE, of_pool=key, limit=len(surplus)).scalars().all() if surplus else ()
        if free:
            self._renumber(key, [*zip(surplus, free, strict=False)])

    def _give_to_waiting(self, key: str, path: str) -> None:
        """Give what is free to those who wait, oldest first."""
        count = self._run(_COUNT_FREE, of_pool=key).scalar_one()
        heirs = self._run(_LOCK_WAITING, of_pool=key, of_path=path, limit=count).scalars().all() if count else ()
        free = self._run(_LOCK_FREE, of_pool=key, limit=len(heirs)).scalars().all() if heirs else ()
        if free:
            given = [{"seat": number, "who": heir} for number, heir in zip(free, heirs, strict=False)]
            with _one_for_each():
                self._run_each(_GIVE, given, of_pool=key)
            self._run_each(_DROP_NOTE, given, of_pool=key, of_path=path)


def _add_seats(spelling: Spelling) -> Any:
    """Add those of the listed seats that are not there."""
    given = spelling.lists("numbers")
    number = cast(given.field(0), Integer)
    rows = select(*_OWNER, number).select_from(given.source).where(number.is_not(None))
    return spelling.insert(licence_seats).from_select([*_COLUMNS, "number"], rows).on_conflict_do_nothing()


def _add_holders(spelling: Spelling) -> Any:
    """Add rows for the listed holders, save those that have one or wait for one."""
    given = spelling.lists("pairs")
    waits = exists().where(_WAITING, notes.c.resource_id == given.field(1))
    rows = select(*_OWNER, cast(given.field(0), Integer), given.field(1)).select_from(given.source).where(~waits)
    names = [*_COLUMNS, "number", "holder"]
    return spelling.insert(licence_seats).from_select(names, rows).on_conflict_do_nothing()
