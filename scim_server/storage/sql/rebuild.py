"""When the schemas change: comparison forms and look-up rows are made anew, in batches that may be interrupted.

Every resource carries the stamp of the registry that wrote it, so what is left to do is what has another stamp. A
resource keeps its version and times: what clients see of it did not change. What a new uniqueness finds twice stays,
without the entry, and is told, so that an operator can decide.

Rows carry no stamp. Their forms are gone through where a resource has another stamp, or the database as a whole, and
written where they differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import orjson
from sqlalchemy import (
    Connection,
    Text,
    bindparam,
    cast,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from scim_server.domain.registry import Registry
from scim_server.domain.resource import Meta
from scim_server.domain.schema import Attribute
from scim_server.storage.base import Draft, Duplicate, Progress, Record
from scim_server.storage.sql.connections import Connections
from scim_server.storage.sql.entries import drop_entries, pairs
from scim_server.storage.sql.records import columns, kept_as_rows
from scim_server.storage.sql.rows import comparison_of
from scim_server.storage.sql.spelling import json_list, spelling_of
from scim_server.storage.sql.statements import Statements
from scim_server.storage.sql.tables import json_form, membership_state, relations, resources, schema_state

BATCH = 500
ROWS_BATCH = 5000

DraftOf: TypeAlias = Callable[[int, Record], Draft | None]


def adopt(connections: Connections, stamp: str) -> None:
    """Take the stamp for a database without resources, where there is nothing to rebuild."""
    connections.write(lambda connection: _set_stamp(connection, stamp) if _is_bare(connection) else None)


class Rebuild:
    """Makes forms and entries anew for one registry."""

    def __init__(self, connections: Connections, statements: Statements, registry: Registry, draft_of: DraftOf) -> None:
        self._connections = connections
        self._statements = statements
        self._stamp = registry.stamp
        self._draft_of = draft_of
        self._with_rows = sorted({t.name for t in registry.every_type if t.rows_attributes})
        self._rows = kept_as_rows(registry)

    def run(self) -> Iterator[Progress]:
        """Rebuild whatever another registry wrote, then take the stamp. Several processes may run it at once."""
        total = self._connections.read(self._stale)
        if not total and self._connections.read(lambda connection: connection.execute(_STAMP).scalar()) == self._stamp:
            return
        self._rebuild_rows()
        yield from self._rebuild_resources(total)
        self._connections.write(self._finish)

    def _stale(self, connection: Connection) -> int:
        return int(connection.execute(_COUNT_STALE, {"stamp": self._stamp}).scalar_one())

    def _finish(self, connection: Connection) -> None:
        connection.execute(_ADD_STATES, {"types": self._with_rows})
        _set_stamp(connection, self._stamp)

    # Resources

    def _rebuild_resources(self, total: int) -> Iterator[Progress]:
        done, place = 0, _START

        def work(connection: Connection) -> tuple[Sequence[Any], list[Duplicate]]:
            rows = connection.execute(_STALE, {"stamp": self._stamp, "limit": BATCH, **place}).mappings().all()
            return rows, [duplicate for row in rows for duplicate in self._resource(connection, row)]

        while True:
            rows, duplicates = self._connections.write(work)
            if not rows:
                return
            done, place = done + len(rows), {"after_tenant": rows[-1]["tenant_id"], "after_id": rows[-1]["id"]}
            yield Progress(done, max(done, total), duplicates)

    def _resource(self, connection: Connection, row: Any) -> list[Duplicate]:
        whose = {"tenant": row["tenant_id"], "of_type": row["type"], "resource": row["id"]}
        draft = self._draft_of(row["tenant_id"], _record(row))
        if draft is None:
            # Should its type come back, it does so under another stamp, and the resource is made anew then.
            connection.execute(_MARK, {**whose, "stamp": self._stamp})
            return []
        drop_entries(connection, row["tenant_id"], draft.id)
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

    # Rows

    def _rebuild_rows(self) -> None:
        place: dict[str, Any] | None = _FIRST_ROW
        while place is not None:
            place = self._rows_batch(place)

    def _rows_batch(self, place: dict[str, Any]) -> dict[str, Any] | None:
        """Rewrite the forms that differ among the rows after a place; the place of the last one."""
        found = self._connections.read(
            lambda connection: connection.execute(_ROWS, {**place, "limit": ROWS_BATCH}).mappings().all()
        )
        known = [(self._rows[row["kind"]], row) for row in found if row["kind"] in self._rows]
        changes = [change for attribute, row in known if (change := _changed(attribute, row)) is not None]
        if changes:
            self._connections.write(lambda connection: connection.execute(_REWRITE_ROW, changes))
        return {f"after_{name}": found[-1][name] for name in _ROW_KEY} if found else None


def _changed(attribute: Attribute, row: Any) -> dict[str, Any] | None:
    """The parameters that rewrite a row's form, where it is another one now."""
    new = comparison_of(attribute, json.loads(row["element"], parse_float=Decimal))
    if _parsed(new) == _parsed(row["comparison"]):
        return None
    return {**{f"of_{name}": row[name] for name in _ROW_KEY}, "was": row["element"], "comparison": new}


def _parsed(form: Any) -> Any:
    """A form as a value: SQLite has it as text, PostgreSQL's driver has read it already."""
    return orjson.loads(form) if isinstance(form, str) else form


def _record(row: Any) -> Record:
    meta = Meta(row["created"], row["last_modified"], row["version"])
    return Record(row["type"], row["id"], meta, row["stamp"], row["document"], row["hidden"])


def _is_bare(connection: Connection) -> bool:
    return not connection.execute(select(exists(select(resources.c.id)))).scalar()


def _set_stamp(connection: Connection, stamp: str) -> None:
    """Two that come first at once both find no stamp to replace: the second waits, and replaces that of the first."""
    new = spelling_of(connection.dialect.name).insert(schema_state).values(id=1, stamp=stamp)
    connection.execute(new.on_conflict_do_update(index_elements=[schema_state.c.id], set_={"stamp": stamp}))


_STAMP = select(schema_state.c.stamp)
_START: dict[str, Any] = {"after_tenant": -1, "after_id": ""}
_COUNT_STALE = select(func.count()).select_from(resources).where(resources.c.stamp != bindparam("stamp"))
_STALE = (
    select(resources)
    .where(
        resources.c.stamp != bindparam("stamp"),
        tuple_(resources.c.tenant_id, resources.c.id) > tuple_(bindparam("after_tenant"), bindparam("after_id")),
    )
    .order_by(resources.c.tenant_id, resources.c.id)
    .limit(bindparam("limit"))
    .with_for_update()
)
_ONE = update(resources).where(resources.c.tenant_id == bindparam("tenant"), resources.c.id == bindparam("resource"))
_MARK = _ONE.values(stamp=bindparam("stamp"))
_REWRITE = _ONE.values(
    **{name: bindparam(name) for name in ("stamp", "label", "label_key", "document", "hidden")},
    comparison=cast(bindparam("comparison", type_=Text), json_form()),
)
_ROW_KEY = ("tenant_id", "kind", "owner", "target")
_FIRST_ROW: dict[str, Any] = {"after_tenant_id": -1, "after_kind": "", "after_owner": "", "after_target": ""}
_ROWS = (
    select(relations)
    .where(tuple_(*(relations.c[name] for name in _ROW_KEY)) > tuple_(*(bindparam(f"after_{n}") for n in _ROW_KEY)))
    .order_by(*(relations.c[name] for name in _ROW_KEY))
    .limit(bindparam("limit"))
)
_REWRITE_ROW = (
    update(relations)
    .where(
        *(relations.c[name] == bindparam(f"of_{name}") for name in _ROW_KEY),
        relations.c.element == bindparam("was"),  # whoever changed it meanwhile wrote its form too
    )
    .values(comparison=cast(bindparam("comparison", type_=Text), json_form()))
)
# A type that keeps rows only now has resources from before.
_ADD_STATES = insert(membership_state).from_select(
    ["tenant_id", "owner", "version", "last_modified"],
    select(resources.c.tenant_id, resources.c.id, literal(1), resources.c.last_modified).where(
        resources.c.type.in_(bindparam("types", expanding=True)),
        ~exists().where(
            membership_state.c.tenant_id == resources.c.tenant_id, membership_state.c.owner == resources.c.id
        ),
    ),
)
