"""Seats of licence pools: `storage.ledgers.Seats` on one connection.

Each seat is a row, made with its pool: those that are permitted have the numbers from 1, and free ones have no holder.
Where more hold a key than there are seats, the others have rows with higher numbers, which go as soon as their holders
leave or a seat comes free: so there is a free row exactly where a seat may be taken.

Who takes a seat passes over those that others are taking, and looks at the pool's own row only where none is left.
Then it holds that row until its end. Whoever gives seats back shares the row before looking for those who wait, and so
sees a note that is written by the one that found none. Nobody who may give up what another one needs is passed over
for good: where there is nothing else, he is waited for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Text, and_, bindparam

from scim_server.storage.ledgers import Pool, Taking
from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import licence_pools, licence_seats, notes

_TENANT: Any = bindparam("tenant")
_KEY: Any = bindparam("key", type_=Text)
_HOLDER: Any = bindparam("holder", type_=Text)
_NUMBER: Any = bindparam("number")
_SEATS: Any = bindparam("seats")
_PATH: Any = bindparam("path")
_POOL = and_(licence_pools.c.tenant_id == _TENANT, licence_pools.c.key == _KEY)
_OF_POOL = and_(licence_seats.c.tenant_id == _TENANT, licence_seats.c.pool == _KEY)
_HELD = and_(_OF_POOL, licence_seats.c.holder == _HOLDER)
_SEAT = and_(_OF_POOL, licence_seats.c.number == _NUMBER)
_WAITING = and_(notes.c.tenant_id == _TENANT, notes.c.path == _PATH, notes.c.value == _KEY)


class SeatStatements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling


class SqlSeats(Ledger[SeatStatements]):
    """`storage.ledgers.Seats` on one connection."""

    def take(self, key: str, holder: str) -> Taking:
        raise NotImplementedError

    def free(self, key: str, holder: str, waiting: str | None, now: str) -> str | None:
        raise NotImplementedError

    def held(self, holder: str) -> Sequence[str]:
        raise NotImplementedError

    def pool(self, key: str) -> Pool | None:
        raise NotImplementedError

    def pools(self) -> Sequence[Pool]:
        raise NotImplementedError

    def set_pool(self, pool: Pool, holders: Collection[str], waiting: str | None, now: str) -> Pool:
        raise NotImplementedError
