"""Resources in SQL: the `Storage` and `Transaction` protocols on either engine.

Statements are built once; each verb is one of them, or a few. A list of any length is one parameter (`spelling`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from scim_server import errors
from scim_server.domain.filter import BoundFilter
from scim_server.domain.query import CursorPage, Query
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Meta
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.storage.base import (
    Claims,
    Creation,
    Draft,
    Entries,
    Entry,
    Expand,
    Found,
    FoundElements,
    Pieces,
    PreparedRows,
    Record,
    Transaction,
)
from scim_server.storage.sql import migrate
from scim_server.storage.sql.elements import ElementsReader
from scim_server.storage.sql.engine import Connections, Retry
from scim_server.storage.sql.entries import (
    DROP_ENTRIES,
    drop_entries,
    entries_delete,
    entries_holders,
    entries_insert,
    pairs,
    refusal,
)
from scim_server.storage.sql.inserts import Inserts
from scim_server.storage.sql.locks import Locks
from scim_server.storage.sql.records import COLUMNS, PLAIN, Records, columns, kind_of
from scim_server.storage.sql.rows import RowsWriter, difference
from scim_server.storage.sql.search import Searches
from scim_server.storage.sql.spelling import Spelling, json_list, spelling_of
from scim_server.storage.sql.tables import (
    attribute_index,
    json_form,
    membership_state,
    relations,
    resources,
    schema_state,
    unique_values,
)
from scim_server.storage.sql.where import Conditions

T = TypeVar("T")

_TENANT: Any = bindparam("tenant")
_ID: Any = bindparam("resource")
_TYPE: Any = bindparam("of_type")


class SqlStorage:
    """`storage.base.Storage` over a database's connections."""

    def __init__(self, connections: Connections, registry: Registry) -> None:
        self._connections = connections
        spelling = spelling_of(connections.dialect_name)
        conditions = Conditions(spelling, registry)
        self.statements = Statements(spelling, registry, conditions)
        self._searches = Searches(conditions, self.statements.records)

    def read(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, most_rows: int | None = None
    ) -> Record | None:
        def work(connection: Connection) -> Record | None:
            return self.statements.read(connection, tenant, resource_type, id, expand, most_rows)

        return self._connections.read(work)

    def stream(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, take: Callable[[Record, Pieces], T]
    ) -> T | None:
        apart = expand - {attribute.name for attribute in resource_type.rows_attributes}

        def work(connection: Connection) -> T | None:
            def pieces(attribute: Attribute) -> Iterator[Sequence[str]]:
                return self.statements.elements.pieces(connection, _whose(tenant, resource_type, id, attribute))

            record = self.statements.read(connection, tenant, resource_type, id, apart)
            return None if record is None else take(record, pieces)

        return self._connections.snapshot(work)

    def elements(
        self,
        tenant: int,
        resource_type: ResourceType,
        id: str,
        attribute: Attribute,
        condition: BoundFilter | None,
        page: CursorPage,
    ) -> FoundElements | None:
        def work(connection: Connection) -> FoundElements | None:
            whose = _whose(tenant, resource_type, id, attribute)
            return self.statements.elements.page(connection, whose, resource_type.name, condition, page)

        return self._connections.search(work)

    def prepare(
        self, tenant: int, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange
    ) -> PreparedRows:
        whose = _whose(tenant, resource_type, id, attribute)

        def work(connection: Connection) -> PreparedRows:
            version = self.statements.elements.version(connection, whose)
            rows = self.statements.elements.pairs(connection, whose)
            return PreparedRows(change, version, difference(attribute, change, rows))

        return self._connections.snapshot(work)

    def search(self, tenant: int, query: Query, expand: Expand) -> Found:
        return self._connections.search(lambda connection: self._searches.find(connection, tenant, query, expand))

    def write(self, tenant: int, work: Callable[[Transaction], T]) -> T:
        return self._connections.write(lambda connection: work(SqlTransaction(connection, tenant, self.statements)))

    def readiness(self, stamp: str) -> str | None:
        try:
            return self._connections.read(lambda connection: _missing_for(connection, stamp))
        except errors.ScimError as error:
            return error.detail
        except SQLAlchemyError as error:
            return f"The database cannot be read ({type(getattr(error, 'orig', None) or error).__name__})."


def _whose(tenant: int, resource_type: ResourceType, id: str, attribute: Attribute) -> dict[str, Any]:
    """Whose rows are meant, as parameters."""
    return {"tenant": tenant, "kind": kind_of(resource_type.name, attribute.name), "owner": id}


def _missing_for(connection: Connection, stamp: str) -> str | None:
    revision, head = migrate.revision(connection), migrate.head()
    if revision is None:
        return "The database is not migrated."
    if revision != head:
        return f"The database has the tables of revision {revision}, this server needs those of {head}; migrate it."
    if connection.execute(_STAMP).scalar() != stamp:
        return "The database holds comparison forms of other schemas than this server's; migrate it."
    return None


_STAMP = select(schema_state.c.stamp)


class Statements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling, registry: Registry, conditions: Conditions) -> None:
        self.records = Records(spelling)
        self._locked = select(*COLUMNS).where(_THIS).with_for_update()
        self.rows = RowsWriter(spelling, conditions.of_element)
        self.elements = ElementsReader(conditions.of_element)
        self.unique = entries_insert(spelling, unique_values, "entries").returning(unique_values.c.path)
        self.indexed = entries_insert(spelling, attribute_index, "indexed")
        self.drop_unique = entries_delete(spelling, unique_values)
        self.drop_indexed = entries_delete(spelling, attribute_index)
        self.holders = entries_holders(spelling)
        self.missing = _missing(spelling)
        self.move_owners = _move_owners(spelling)
        self.inserts = Inserts(spelling)
        kinds = [kind_of(t.name, a.name) for t in registry.resource_types for a in t.rows_attributes]
        self.locks = Locks(spelling, kinds)
        related = and_(relations.c.tenant_id == _TENANT, relations.c.kind.in_(kinds))
        drop_named = delete(relations).where(related, relations.c.target == _ID).returning(relations.c.owner)
        drop_owned = delete(relations).where(related, relations.c.owner == _ID, relations.c.target != _ID)
        self.delete = spelling.together(drop_named, *_DELETE)
        self.delete_with_rows = spelling.together(drop_named, *_DELETE, drop_owned, _DELETE_STATE)

    def read(
        self,
        connection: Connection,
        tenant: int,
        resource_type: ResourceType,
        id: str,
        expand: Expand,
        most_rows: int | None = None,
    ) -> Record | None:
        statement, shape = self.records.single(resource_type, expand, most_rows)
        parameters = {"tenant": tenant, "of_type": resource_type.name, "resource": id, "most_rows": most_rows}
        row = connection.execute(statement, parameters).first()
        return None if row is None else shape.record(row)

    def lock(self, connection: Connection, tenant: int, resource_type: ResourceType, id: str) -> Record | None:
        """Lock and read in one statement a resource that keeps nothing as rows, without what is derived."""
        row = connection.execute(
            self._locked, {"tenant": tenant, "of_type": resource_type.name, "resource": id}
        ).first()
        return None if row is None else PLAIN.record(row)


class SqlTransaction:
    """`storage.base.Transaction` on one connection."""

    def __init__(self, connection: Connection, tenant: int, statements: Statements) -> None:
        self._connection = connection
        self._tenant = tenant
        self._statements = statements

    def lock(self, resource_type: ResourceType, id: str, expand: Expand) -> Record | None:
        if not resource_type.rows_attributes and not expand:
            return self._statements.lock(self._connection, self._tenant, resource_type, id)
        # A row that was waited for comes back as it is now, but what is joined to it as it was before the wait;
        # so the record is read by a statement of its own.
        self._run(_LOCK, of_type=resource_type.name, resource=id)
        return self.read(resource_type, id, expand)

    def lock_membership(self, resource_type: ResourceType, id: str) -> int:
        version: int = self._run(_LOCK_MEMBERSHIP, resource=id).scalar_one()
        return version

    def lock_to_delete(self, resource_type: ResourceType, id: str) -> Record | None:
        return self._statements.locks.take_to_delete(self._connection, self._tenant, resource_type.name, id)

    def lock_all(self, changed: Collection[str], deleted: Collection[str]) -> None:
        self._statements.locks.take_all(self._connection, self._tenant, changed, deleted)

    def insert(self, creation: Creation, now: str) -> Meta:
        return self._statements.inserts.one(self._connection, self._tenant, creation, now)

    def claims(self, creations: Sequence[Creation]) -> Claims:
        return self._statements.inserts.claims(self._connection, self._tenant, creations)

    def insert_all(self, creations: Sequence[Creation], now: str) -> Sequence[Meta]:
        return self._statements.inserts.all(self._connection, self._tenant, creations, now)

    def attempt(self, work: Callable[[], T]) -> T:
        savepoint = self._connection.begin_nested()
        try:
            result = work()
        except SQLAlchemyError:
            # It ends the whole transaction, and must not hide behind a savepoint that went with it.
            with suppress(SQLAlchemyError):
                savepoint.rollback()
            raise
        except BaseException:
            savepoint.rollback()
            raise
        savepoint.commit()
        return result

    def update(self, resource_type: ResourceType, before: Entries | None, after: Draft, now: str) -> int:
        if before is None:
            drop_entries(self._connection, self._tenant, after.id)
            before = _NO_ENTRIES
        self._drop(self._statements.drop_unique, resource_type, after.id, before.unique - after.unique)
        self._add_unique(resource_type, after.id, after.unique - before.unique)
        version: int = self._run(
            _UPDATE, of_type=resource_type.name, resource=after.id, now=now, **columns(after)
        ).scalar_one()
        self._drop(self._statements.drop_indexed, resource_type, after.id, before.indexed - after.indexed)
        self._add_indexed(resource_type, after.id, after.indexed - before.indexed)
        return version

    def change_rows(
        self, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange | PreparedRows
    ) -> bool:
        whose = _whose(self._tenant, resource_type, id, attribute)
        if isinstance(change, RowsChange):
            return self._statements.rows.apply(self._connection, whose, attribute, change)
        # Who else changes these rows waits for the resource, save for the deletion of what they name: should that come
        # between this look and the change, it is as if it had come after both.
        if self._statements.elements.version(self._connection, whose) != change.version:
            return self._statements.rows.apply(self._connection, whose, attribute, change.change)
        return self._statements.rows.run(self._connection, whose, change.steps)

    def touch(self, resource_type: ResourceType, id: str, now: str) -> int:
        version: int = self._run(_TOUCH, resource=id, now=now).scalar_one()
        return version

    def count_rows(self, resource_type: ResourceType, id: str, attribute: Attribute, limit: int) -> int:
        kind = kind_of(resource_type.name, attribute.name)
        count: int = self._run(_COUNT_ROWS, kind=kind, resource=id, limit=limit).scalar_one()
        return count

    def missing(self, ids: Sequence[str]) -> Sequence[str]:
        if not ids:
            return ()
        missing: Sequence[str] = self._run(self._statements.missing, ids=json_list(ids)).scalars().all()
        return missing

    def delete(self, resource_type: ResourceType, id: str, now: str) -> None:
        delete = self._statements.delete_with_rows if resource_type.rows_attributes else self._statements.delete
        owners = {owner for (owner,) in delete(self._connection, {"tenant": self._tenant, "resource": id})} - {id}
        if owners:
            self._run(self._statements.move_owners, owners=json_list(owners), now=now)

    def read(self, resource_type: ResourceType, id: str, expand: Expand, most_rows: int | None = None) -> Record | None:
        return self._statements.read(self._connection, self._tenant, resource_type, id, expand, most_rows)

    def _run(self, statement: Any, **parameters: Any) -> Any:
        return self._connection.execute(statement, {"tenant": self._tenant, **parameters})

    def _add_unique(self, resource_type: ResourceType, id: str, entries: Collection[Entry]) -> None:
        if not entries:
            return
        listed = json_list(pairs(entries))
        added = self._run(self._statements.unique, of_type=resource_type.name, resource=id, entries=listed)
        if len(added.all()) < len(entries):
            self._refuse(resource_type, id, entries)

    def _refuse(self, resource_type: ResourceType, id: str, entries: Collection[Entry]) -> None:
        """Some entries were there already: fine where they are the resource's own, a conflict otherwise."""
        listed = json_list(pairs(entries))
        holders = self._run(self._statements.holders, of_type=resource_type.name, entries=listed).all()
        conflicts = [path for path, holder in holders if holder != id]
        if conflicts:
            raise refusal(conflicts[0])
        if len(holders) < len(entries):
            raise Retry  # the other resource went away in the meantime

    def _add_indexed(self, resource_type: ResourceType, id: str, entries: Collection[Entry]) -> None:
        if entries:
            listed = json_list(pairs(entries))
            self._run(self._statements.indexed, of_type=resource_type.name, resource=id, indexed=listed)

    def _drop(self, statement: Any, resource_type: ResourceType, id: str, entries: Collection[Entry]) -> None:
        if entries:
            self._run(statement, of_type=resource_type.name, resource=id, entries=json_list(pairs(entries)))


# Statements that both engines spell alike ----------------------------------------------------------------------------

_THIS = and_(resources.c.tenant_id == _TENANT, resources.c.id == _ID, resources.c.type == _TYPE)
_LOCK = select(resources.c.version).where(_THIS).with_for_update()
_CONTENT = {
    **{name: bindparam(name) for name in ("last_modified", "stamp", "label", "label_key", "document", "hidden")},
    "comparison": cast(bindparam("comparison", type_=Text), json_form()),
}


def _moved_to_now(column: Any) -> Any:
    """The time of a change. A writer reads the clock before it waits for the row, so another one's may be later: it
    stays (RFC 7643 section 3.1: the most recent change).
    """
    now: Any = bindparam("now", type_=column.type)
    return case((column > now, column), else_=now)


_UPDATE = (
    update(resources)
    .where(
        resources.c.tenant_id == _TENANT,
        resources.c.id == bindparam("resource"),
        resources.c.type == bindparam("of_type"),
    )
    .values(version=resources.c.version + 1, **{**_CONTENT, "last_modified": _moved_to_now(resources.c.last_modified)})
    .returning(resources.c.version)
)
_STATE = and_(membership_state.c.tenant_id == _TENANT, membership_state.c.owner == bindparam("resource"))
_LOCK_MEMBERSHIP = select(membership_state.c.version).where(_STATE).with_for_update()
_TOUCH = (
    update(membership_state)
    .where(_STATE)
    .values(version=membership_state.c.version + 1, last_modified=_moved_to_now(membership_state.c.last_modified))
    .returning(membership_state.c.version)
)
_COUNT_ROWS = select(func.count()).select_from(
    select(relations.c.target)
    .where(
        relations.c.tenant_id == _TENANT,
        relations.c.kind == bindparam("kind"),
        relations.c.owner == bindparam("resource"),
    )
    .limit(bindparam("limit"))
    .subquery()
)
_NO_ENTRIES = Entries(frozenset(), frozenset())
_DELETE = (
    *DROP_ENTRIES,
    delete(resources).where(resources.c.tenant_id == _TENANT, resources.c.id == _ID),
)
_DELETE_STATE = delete(membership_state).where(membership_state.c.tenant_id == _TENANT, membership_state.c.owner == _ID)


# Statements over lists -----------------------------------------------------------------------------------------------


def _missing(spelling: Spelling) -> Any:
    given = spelling.texts("ids")
    there = exists().where(resources.c.tenant_id == _TENANT, resources.c.id == given.value)
    return select(given.value).where(~there).order_by(given.source.c.key)


def _move_owners(spelling: Spelling) -> Any:
    """Move the membership versions of the listed owners, locking them in the order of their ids."""
    locked = (
        select(membership_state.c.owner)
        .where(
            membership_state.c.tenant_id == _TENANT,
            membership_state.c.owner.in_(select(spelling.texts("owners").value)),
        )
        .order_by(membership_state.c.owner)
        .with_for_update()
    )
    return (
        update(membership_state)
        .where(membership_state.c.tenant_id == _TENANT, membership_state.c.owner.in_(locked))
        .values(version=membership_state.c.version + 1, last_modified=_moved_to_now(membership_state.c.last_modified))
    )
