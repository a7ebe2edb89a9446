"""Locks on many resources at once, before any of them changes.

Everybody takes them in the order of the ids, and whoever changes what a resource keeps as rows holds the resource. So
of two transactions that change many of the same resources one waits for the other, whatever the order in which they
change them, and PostgreSQL has no circle to break, for which it waits a second each time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Text, bindparam, cast, exists, or_, select, union

from scim_server.storage.base import Record
from scim_server.storage.sql.records import COLUMNS, PLAIN
from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import licence_pools, number_ranges, relations, resources, tenants

_TENANT: Any = bindparam("tenant")
_ID: Any = bindparam("resource", type_=Text)
_TYPE: Any = bindparam("of_type", type_=Text)


class Locks:
    """The statements of one engine, built once. `kinds` are those of the rows that a deletion takes along."""

    def __init__(self, spelling: Spelling, kinds: Sequence[str]) -> None:
        self._is_needed = spelling.has_many_writers
        self._all = _all(spelling, kinds)
        self._to_delete = _to_delete(spelling, kinds) if self._is_needed else _TO_DELETE_ALONE

    def take_all(self, connection: Connection, tenant: int, changed: Collection[str], deleted: Collection[str]) -> None:
        """As `storage.base.Transaction.lock_all`."""
        if self._is_needed and (changed or deleted):
            ids = {"changed": json_list(changed), "deleted": json_list(deleted)}
            connection.execute(self._all, {"tenant": tenant, **ids})

    def take_stock(self, connection: Connection, tenant: int) -> None:
        """As `storage.base.Transaction.hold_stock`."""
        if self._is_needed:
            connection.execute(_STOCK, {"tenant": tenant})

    def take_to_delete(self, connection: Connection, tenant: int, of_type: str, id: str) -> Record | None:
        """As `storage.base.Transaction.lock_to_delete`, without the version of the membership."""
        row = connection.execute(self._to_delete, {"tenant": tenant, "of_type": of_type, "resource": id}).first()
        return None if row is None else PLAIN.record(row)


def _all(spelling: Spelling, kinds: Sequence[str]) -> Any:
    """Lock what is listed, and whose rows a deletion takes along, as far as they are there before the wait."""
    changed, deleted = (select(spelling.texts(name).value) for name in ("changed", "deleted"))
    owners = _owners(kinds, spelling.named_by(relations.c.target, deleted))
    return _in_order(spelling, union(changed, deleted, owners), resources.c.id)


def _to_delete(spelling: Spelling, kinds: Sequence[str]) -> Any:
    """The same for one that is deleted, which is read."""
    ids = union(select(cast(_ID, Text)), _owners(kinds, relations.c.target == _ID))
    held = _in_order(spelling, ids, *COLUMNS).cte("held")
    return select(held).where(held.c.id == _ID, held.c.type == _TYPE)


def _owners(kinds: Sequence[str], names: ColumnElement[bool]) -> Select[Any]:
    return select(relations.c.owner).where(relations.c.tenant_id == _TENANT, relations.c.kind.in_(kinds), names)


def _in_order(spelling: Spelling, ids: Any, *columns: Any) -> Select[Any]:
    named = spelling.named_by(resources.c.id, ids)
    return select(*columns).where(resources.c.tenant_id == _TENANT, named).order_by(resources.c.id).with_for_update()


# New resources share the key of the tenant's row, and nothing more of it: they are not in the way.
_STOCK = (
    select(tenants.c.id)
    .where(
        tenants.c.id == _TENANT,
        or_(*(exists().where(table.c.tenant_id == _TENANT) for table in (licence_pools, number_ranges))),
    )
    .with_for_update(key_share=True)
)

_TO_DELETE_ALONE = select(*COLUMNS).where(
    resources.c.tenant_id == _TENANT, resources.c.id == _ID, resources.c.type == _TYPE
)
