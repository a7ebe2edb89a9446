"""Look-up rows: what makes a value belong to one resource, and what resources are found by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, cast, delete, select, tuple_

from scim_server import errors
from scim_server.storage.base import Entry
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import attribute_index, unique_values

_TENANT: Any = bindparam("tenant")
_ID: Any = bindparam("resource")
_TYPE: Any = bindparam("of_type")


def pairs(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """In one order everywhere, so that two writers of the same values do not deadlock."""
    return sorted((entry.path, entry.key) for entry in entries)


def refusal(path: str, holder: str) -> errors.Uniqueness:
    """The refusal of a value that another resource has; which value and whose, its text does not tell."""
    return errors.Uniqueness(f"Another resource has that value of {path}.", path=path, holder=holder)


def drop_entries(connection: Connection, tenant: int, id: str) -> None:
    """Remove every look-up row of a resource."""
    for statement in DROP_ENTRIES:
        connection.execute(statement, {"tenant": tenant, "resource": id})


DROP_ENTRIES = tuple(
    delete(table).where(table.c.tenant_id == _TENANT, table.c.resource_id == _ID)
    for table in (unique_values, attribute_index)
)


def entries_insert(spelling: Spelling, table: Any, parameter: str) -> Any:
    """Insert the entries of a resource that are not there, in their order."""
    given = spelling.lists(parameter)
    rows = (
        select(
            cast(_TENANT, table.c.tenant_id.type),
            cast(_TYPE, table.c.type.type),
            given.field(0),
            given.field(1),
            cast(_ID, table.c.resource_id.type),
        )
        .select_from(given.source)
        .where(given.field(0).is_not(None))  # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
        .order_by(given.source.c.key)
    )
    names = ["tenant_id", "type", "path", "key", "resource_id"]
    return spelling.insert(table).from_select(names, rows).on_conflict_do_nothing()


def entries_delete(spelling: Spelling, table: Any) -> Any:
    """Delete the given entries of a resource."""
    given = spelling.lists("entries")
    return delete(table).where(
        table.c.tenant_id == _TENANT,
        table.c.type == _TYPE,
        table.c.resource_id == _ID,
        tuple_(table.c.path, table.c.key).in_(select(given.field(0), given.field(1))),
    )


def entries_holders(spelling: Spelling) -> Any:
    """(path, resource) of those given entries that are taken, in their order."""
    given = spelling.lists("entries")
    holder = holder_of(_TYPE, given.field(0), given.field(1))
    return (
        select(given.field(0), holder).select_from(given.source).where(holder.is_not(None)).order_by(given.source.c.key)
    )


def holder_of(type_: Any, path: Any, key: Any) -> ColumnElement[str | None]:
    """The resource that has a unique entry, or NULL.

    One look-up in the primary key for each entry, whatever the statistics are: IN or EXISTS become a join on
    PostgreSQL, and without statistics one that reads all entries of the tenant.
    """
    return (
        select(unique_values.c.resource_id)
        .where(
            unique_values.c.tenant_id == _TENANT,
            unique_values.c.type == type_,
            unique_values.c.path == path,
            unique_values.c.key == key,
        )
        .scalar_subquery()
    )
