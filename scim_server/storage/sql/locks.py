"""Locks on many resources at once, before any of them changes.

Everybody takes them in the order of the ids: resources first, then membership versions, as the verbs of a transaction
do one by one. So of two transactions that change many of the same resources one waits for the other, whatever the order
in which they change them, and PostgreSQL has no circle to break, for which it waits a second each time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select

from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import membership_state, relations, resources

_TENANT: Any = bindparam("tenant")


class Locks:
    """The statements of one engine, built once. `kinds` are those of the rows that a deletion takes along."""

    def __init__(self, spelling: Spelling, kinds: Sequence[str]) -> None:
        self._is_needed = spelling.has_many_writers
        self._owners = _owners(spelling, kinds)
        self._resources = _in_order(spelling, resources, resources.c.id)
        self._states = _in_order(spelling, membership_state, membership_state.c.owner)

    def take(self, connection: Connection, tenant: int, changed: Collection[str], deleted: Collection[str]) -> None:
        """As `storage.base.Transaction.lock_all`."""
        if not self._is_needed or not (changed or deleted):
            return
        owners = self._owners_of(connection, tenant, deleted) if deleted else ()
        ids = json_list({*changed, *deleted, *owners})
        for statement in (self._resources, self._states):
            connection.execute(statement, {"tenant": tenant, "ids": ids})

    def _owners_of(self, connection: Connection, tenant: int, ids: Collection[str]) -> Sequence[str]:
        """Whose membership versions move when the resources are deleted, as far as that is known before the wait."""
        found: Sequence[str] = (
            connection.execute(self._owners, {"tenant": tenant, "ids": json_list(ids)}).scalars().all()
        )
        return found


def _owners(spelling: Spelling, kinds: Sequence[str]) -> Any:
    named = spelling.named_by(relations.c.target, select(spelling.texts("ids").value))
    of_them = (relations.c.tenant_id == _TENANT, relations.c.kind.in_(kinds), named)
    return select(relations.c.owner).where(*of_them).distinct()


def _in_order(spelling: Spelling, table: Table, id: Any) -> Any:
    named = spelling.named_by(id, select(spelling.texts("ids").value))
    return select(id).where(table.c.tenant_id == _TENANT, named).order_by(id).with_for_update()
