"""A transaction in SQL: the `Transaction` protocol on one connection. Each verb is one statement, or a few."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from scim_server.domain.query import Query
from scim_server.domain.resource import Meta
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.storage.base import Claims, Creation, Draft, Entries, Entry, Expand, Found, PreparedRows, Record
from scim_server.storage.sql.connections import Retry
from scim_server.storage.sql.departures import SqlDepartures
from scim_server.storage.sql.derived import kind_of
from scim_server.storage.sql.entries import drop_entries, pairs, refusal
from scim_server.storage.sql.memberships import SqlMemberships
from scim_server.storage.sql.notes import SqlNotes
from scim_server.storage.sql.numbers import SqlNumbers
from scim_server.storage.sql.outbox import SqlOutbox
from scim_server.storage.sql.records import columns
from scim_server.storage.sql.rows import whose_rows
from scim_server.storage.sql.search import Searches
from scim_server.storage.sql.seats import SqlSeats
from scim_server.storage.sql.spelling import json_list
from scim_server.storage.sql.statements import COUNT_ROWS, LOCK, LOCK_MEMBERSHIP, TOUCH, UPDATE, Statements

T = TypeVar("T")

_NO_ENTRIES = Entries(frozenset(), frozenset())


class SqlTransaction:
    """`storage.base.Transaction` on one connection."""

    def __init__(self, connection: Connection, tenant: int, statements: Statements, searches: Searches) -> None:
        self._connection = connection
        self._tenant = tenant
        self._statements = statements
        self._searches = searches

    @property
    def seats(self) -> SqlSeats:
        return SqlSeats(self._connection, self._tenant, self._statements.seats)

    @property
    def numbers(self) -> SqlNumbers:
        return SqlNumbers(self._connection, self._tenant, self._statements.numbers)

    @property
    def notes(self) -> SqlNotes:
        return SqlNotes(self._connection, self._tenant, self._statements.notes)

    @property
    def memberships(self) -> SqlMemberships:
        return SqlMemberships(self._connection, self._tenant, self._statements.memberships)

    @property
    def departures(self) -> SqlDepartures:
        return SqlDepartures(self._connection, self._tenant, self._statements.departures)

    @property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self._connection, self._tenant, None)

    def lock(self, resource_type: ResourceType, id: str, expand: Expand) -> Record | None:
        if not resource_type.rows_attributes:
            return self._statements.lock(self._connection, self._tenant, resource_type, id, expand)
        # A row that was waited for comes back as it is now, but the version of its membership as it was before the
        # wait; so the record is read by a statement of its own.
        self._run(LOCK, of_type=resource_type.name, resource=id)
        return self.read(resource_type, id, expand)

    def lock_membership(self, resource_type: ResourceType, id: str) -> int:
        version: int = self._run(LOCK_MEMBERSHIP, resource=id).scalar_one()
        return version

    def lock_to_delete(self, resource_type: ResourceType, id: str) -> Record | None:
        return self._statements.locks.take_to_delete(self._connection, self._tenant, resource_type.name, id)

    def lock_all(self, changed: Collection[str], deleted: Collection[str]) -> None:
        self._statements.locks.take_all(self._connection, self._tenant, changed, deleted)

    def hold_stock(self) -> None:
        self._statements.locks.take_stock(self._connection, self._tenant)

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
            UPDATE, of_type=resource_type.name, resource=after.id, now=now, **columns(after)
        ).scalar_one()
        self._drop(self._statements.drop_indexed, resource_type, after.id, before.indexed - after.indexed)
        self._add_indexed(resource_type, after.id, after.indexed - before.indexed)
        return version

    def change_rows(
        self, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange | PreparedRows
    ) -> bool:
        whose = whose_rows(self._tenant, resource_type, id, attribute)
        if isinstance(change, RowsChange):
            return self._statements.rows.apply(self._connection, whose, attribute, change)
        # Who else changes these rows waits for the resource, save for the deletion of what they name: should that come
        # between this look and the change, it is as if it had come after both.
        if self._statements.elements.version(self._connection, whose) != change.version:
            return self._statements.rows.apply(self._connection, whose, attribute, change.change)
        return self._statements.rows.run(self._connection, whose, change.steps)

    def touch(self, resource_type: ResourceType, id: str, now: str) -> int:
        version: int = self._run(TOUCH, resource=id, now=now).scalar_one()
        return version

    def count_rows(self, resource_type: ResourceType, id: str, attribute: Attribute, limit: int) -> int:
        kind = kind_of(resource_type.name, attribute.key)
        count: int = self._run(COUNT_ROWS, kind=kind, resource=id, limit=limit).scalar_one()
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

    def search(self, query: Query, expand: Expand) -> Found:
        return self._searches.find(self._connection, self._tenant, query, expand)

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
        conflicts = [(path, holder) for path, holder in holders if holder != id]
        if conflicts:
            raise refusal(*conflicts[0])
        if len(holders) < len(entries):
            raise Retry  # the other resource went away in the meantime

    def _add_indexed(self, resource_type: ResourceType, id: str, entries: Collection[Entry]) -> None:
        if entries:
            listed = json_list(pairs(entries))
            self._run(self._statements.indexed, of_type=resource_type.name, resource=id, indexed=listed)

    def _drop(self, statement: Any, resource_type: ResourceType, id: str, entries: Collection[Entry]) -> None:
        if entries:
            self._run(statement, of_type=resource_type.name, resource=id, entries=json_list(pairs(entries)))
