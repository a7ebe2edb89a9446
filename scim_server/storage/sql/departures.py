"""Who was switched off or deleted: `storage.ledgers.Departures` on one connection.

A tenant's row of `guards` is what its transactions queue on that look before they let somebody go, so that two of them
cannot both be the last that is let through.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, delete, exists, func, select

from scim_server.storage.ledgers import Watch
from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import departures, guards, resources

_TENANT: Any = bindparam("tenant")
_NOW: Any = bindparam("now")
_OURS = departures.c.tenant_id == _TENANT

_WATCH = select(guards.c.stopped, guards.c.released).where(guards.c.tenant_id == _TENANT).with_for_update()
_COUNT = select(func.count()).select_from(departures).where(_OURS, departures.c.at >= bindparam("since"))
_THERE = exists().where(resources.c.tenant_id == _TENANT, resources.c.id == departures.c.resource_id)
_GONE = _COUNT.where(~_THERE)
_COUNT_RESOURCES = select(func.count()).select_from(
    select(resources.c.id)
    .where(
        resources.c.tenant_id == _TENANT,
        resources.c.type == bindparam("of_type"),
        resources.c.created < bindparam("before"),
    )
    .limit(bindparam("limit"))
    .subquery()
)
_FORGET = delete(departures).where(_OURS, departures.c.at < bindparam("before"))
_FORGET_ALL = delete(departures).where(_OURS)


class DepartureStatements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        guard = spelling.insert(guards).values(tenant_id=_TENANT)
        self.begin = guard.values(stopped=None).on_conflict_do_nothing()
        self.stop = _upsert(guard.values(stopped=_NOW), stopped=func.coalesce(guards.c.stopped, _NOW))
        self.release = _upsert(guard.values(released=bindparam("until")), stopped=None, released=bindparam("until"))
        note = spelling.insert(departures).values(tenant_id=_TENANT, resource_id=bindparam("resource"), at=_NOW)
        self.note = _upsert(note, at=spelling.later(departures.c.at, note.excluded.at))


def _upsert(statement: Any, **changed: Any) -> Any:
    return statement.on_conflict_do_update(index_elements=[*statement.table.primary_key], set_=changed)


class SqlDepartures(Ledger[DepartureStatements]):
    """`storage.ledgers.Departures` on one connection."""

    def watch(self) -> Watch:
        row = self._run(_WATCH).first()
        if row is None:
            self._run(self._statements.begin)
            row = self._run(_WATCH).one()
        return Watch(row.stopped, row.released)

    def count(self, since: str) -> int:
        count: int = self._run(_COUNT, since=since).scalar_one()
        return count

    def gone(self, since: str) -> int:
        count: int = self._run(_GONE, since=since).scalar_one()
        return count

    def count_resources(self, resource_type: str, created_before: str, limit: int) -> int:
        given = {"of_type": resource_type, "before": created_before, "limit": limit}
        count: int = self._run(_COUNT_RESOURCES, **given).scalar_one()
        return count

    def note(self, resource: str, now: str) -> None:
        self._run(self._statements.note, resource=resource, now=now)

    def forget(self, before: str) -> None:
        self._run(_FORGET, before=before)

    def stop(self, now: str) -> None:
        self._run(self._statements.stop, now=now)

    def release(self, until: str) -> None:
        self._run(self._statements.release, until=until)
        self._run(_FORGET_ALL)
