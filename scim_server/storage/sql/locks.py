"""Locks on many resources at once, before any of them changes.

Everybody takes them in the order of the ids, and whoever changes what a resource keeps as rows holds the resource. So
of two transactions that change many of the same resources one waits for the other, whatever the order in which they
change them, and PostgreSQL has no circle to break, for which it waits a second each time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, union

from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import relations, resources

_TENANT: Any = bindparam("tenant")


class Locks:
    """The statement of one engine, built once. `kinds` are those of the rows that a deletion takes along."""

    def __init__(self, spelling: Spelling, kinds: Sequence[str]) -> None:
        self._is_needed = spelling.has_many_writers
        self._statement = _in_order(spelling, kinds)

    def take(self, connection: Connection, tenant: int, changed: Collection[str], deleted: Collection[str]) -> None:
        """As `storage.base.Transaction.lock_all`."""
        if self._is_needed and (changed or deleted):
            ids = {"changed": json_list(changed), "deleted": json_list(deleted)}
            connection.execute(self._statement, {"tenant": tenant, **ids})


def _in_order(spelling: Spelling, kinds: Sequence[str]) -> Any:
    """Lock what is listed, and whose rows a deletion takes along, as far as they are there before the wait."""
    changed, deleted = (select(spelling.texts(name).value) for name in ("changed", "deleted"))
    owners = select(relations.c.owner).where(
        relations.c.tenant_id == _TENANT,
        relations.c.kind.in_(kinds),
        spelling.named_by(relations.c.target, deleted),
    )
    named = spelling.named_by(resources.c.id, union(changed, deleted, owners))
    return (
        select(resources.c.id).where(resources.c.tenant_id == _TENANT, named).order_by(resources.c.id).with_for_update()
    )
