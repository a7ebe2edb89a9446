"""When the schemas change: comparison forms and look-up rows are made anew, in batches that may be interrupted.

Every resource carries the stamp of the registry that wrote it, so what is left to do is what has another stamp. A
resource keeps its version and times: what clients see of it did not change. What a new uniqueness finds twice stays,
without the entry, and is listed, so that an operator can decide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Text, bindparam, cast, delete, exists, insert, select, update

from scim_server.domain.registry import Registry
from scim_server.domain.resource import Meta
from scim_server.storage.base import Draft, Record
from scim_server.storage.sql.engine import Connections
from scim_server.storage.sql.spelling import json_list
from scim_server.storage.sql.store import Statements, columns, pairs
from scim_server.storage.sql.tables import attribute_index, json_form, resources, schema_state, unique_values

BATCH = 500


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A resource without the unique entry for `path` that it should have: `holder` has the same value."""

    tenant: int
    resource_type: str
    id: str
    path: str
    holder: str


def adopt(connections: Connections, stamp: str) -> None:
    """Take the stamp for a database without resources, where there is nothing to rebuild."""
    connections.write(lambda connection: _set_stamp(connection, stamp) if _is_bare(connection) else None)


class Rebuild:
    """Makes forms and entries anew for one registry."""

    def __init__(
        self,
        connections: Connections,
        statements: Statements,
        registry: Registry,
        draft_of: Callable[[int, Record], Draft],
    ) -> None:
        self._connections = connections
        self._statements = statements
        self._stamp = registry.stamp
        self._draft_of = draft_of

    def run(self) -> Sequence[Duplicate]:
        """Rebuild whatever another registry wrote, then take its stamp. Several processes may run it at once."""
        if self._connections.read(lambda connection: connection.execute(_STAMP).scalar()) == self._stamp:
            return ()
        found: list[Duplicate] = []
        while (batch := self._connections.write(self._batch)) is not None:
            found += batch
        self._connections.write(lambda connection: _set_stamp(connection, self._stamp))
        return found

    def _batch(self, connection: Connection) -> list[Duplicate] | None:
        rows = connection.execute(_STALE, {"stamp": self._stamp, "limit": BATCH}).mappings().all()
        if not rows:
            return None
        return [duplicate for row in rows for duplicate in self._resource(connection, row)]

    def _resource(self, connection: Connection, row: Any) -> list[Duplicate]:
        draft = self._draft_of(row["tenant_id"], _record(row))
        whose = {"tenant": row["tenant_id"], "of_type": row["type"], "resource": row["id"]}
        for statement in _DROP:
            connection.execute(statement, whose)
        connection.execute(_REWRITE, {**whose, **columns(draft)})
        entries = {"entries": json_list(pairs(draft.unique)), "indexed": json_list(pairs(draft.indexed))}
        connection.execute(self._statements.unique, {**whose, **entries})
        connection.execute(self._statements.indexed, {**whose, **entries})
        return self._duplicates(connection, whose, draft) if draft.unique else []

    def _duplicates(self, connection: Connection, whose: dict[str, Any], draft: Draft) -> list[Duplicate]:
        given = {**whose, "entries": json_list(pairs(draft.unique))}
        holders = connection.execute(self._statements.holders, given)
        return [
            Duplicate(whose["tenant"], whose["of_type"], draft.id, path, holder)
            for path, holder in holders
            if holder != draft.id
        ]


def _record(row: Any) -> Record:
    meta = Meta(row["created"], row["last_modified"], row["version"])
    return Record(row["type"], row["id"], meta, row["stamp"], row["document"], row["hidden"])


def _is_bare(connection: Connection) -> bool:
    return not connection.execute(select(exists(select(resources.c.id)))).scalar()


def _set_stamp(connection: Connection, stamp: str) -> None:
    connection.execute(delete(schema_state))
    connection.execute(insert(schema_state).values(id=1, stamp=stamp))


_STAMP = select(schema_state.c.stamp)
_STALE = (
    select(resources)
    .where(resources.c.stamp != bindparam("stamp"))
    .order_by(resources.c.tenant_id, resources.c.id)
    .limit(bindparam("limit"))
    .with_for_update()
)
_REWRITE = (
    update(resources)
    .where(resources.c.tenant_id == bindparam("tenant"), resources.c.id == bindparam("resource"))
    .values(
        **{name: bindparam(name) for name in ("stamp", "label", "label_key", "document", "hidden")},
        comparison=cast(bindparam("comparison", type_=Text), json_form()),
    )
)
_DROP = tuple(
    delete(table).where(table.c.tenant_id == bindparam("tenant"), table.c.resource_id == bindparam("resource"))
    for table in (unique_values, attribute_index)
)
