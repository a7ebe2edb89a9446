"""Texts about resources that derived attributes show: `storage.ledgers.Notes` on one connection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import bindparam, cast, delete, func, select

from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import notes

_COUNT = (
    select(func.count())
    .select_from(notes)
    .where(
        notes.c.tenant_id == bindparam("tenant"), notes.c.path == bindparam("path"), notes.c.value == bindparam("value")
    )
)


class NoteStatements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        self.add_all = _add_all(spelling)
        self.drop = (
            delete(notes)
            .where(
                notes.c.tenant_id == bindparam("tenant"),
                notes.c.path == bindparam("path"),
                notes.c.resource_id.in_(select(spelling.texts("resources").value)),
            )
            .returning(notes.c.resource_id)
        )


class SqlNotes(Ledger[NoteStatements]):
    """`storage.ledgers.Notes` on one connection."""

    def count(self, path: str, value: str) -> int:
        noted: int = self._run(_COUNT, path=path, value=value).scalar_one()
        return noted

    def add(self, resource: str, path: str, value: str, now: str) -> None:
        self.add_all([resource], path, value, now)

    def add_all(self, resources: Collection[str], path: str, value: str, now: str) -> None:
        listed = json_list(sorted(resources))  # in one order everywhere, so that no two wait for each other
        self._run(self._statements.add_all, resources=listed, path=path, value=value, now=now)

    def drop(self, resources: Collection[str], path: str) -> Sequence[str]:
        dropped = self._run(self._statements.drop, resources=json_list(resources), path=path).scalars()
        return sorted(set(dropped))


def _add_all(spelling: Spelling) -> Any:
    given = spelling.texts("resources")
    told = {"tenant_id": "tenant", "path": "path", "value": "value", "since": "now"}
    values = [cast(bindparam(parameter), notes.c[name].type) for name, parameter in told.items()]
    rows = (
        select(*values, given.value)
        .where(given.value.is_not(None))  # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
        .order_by(given.source.c.key)
    )
    return spelling.insert(notes).from_select([*told, "resource_id"], rows).on_conflict_do_nothing()
