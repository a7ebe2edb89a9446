"""The statements on one resource: built once, those that both engines spell alike at import.

A list of any length is one parameter (`spelling`).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, case, cast, delete, exists, func, select, update

from scim_server.domain.registry import Registry
from scim_server.domain.schema import ResourceType
from scim_server.storage.base import Expand, Record
from scim_server.storage.sql.departures import DepartureStatements
from scim_server.storage.sql.elements import ElementsReader
from scim_server.storage.sql.entries import DROP_ENTRIES, entries_delete, entries_holders, entries_insert
from scim_server.storage.sql.inserts import Inserts
from scim_server.storage.sql.locks import Locks
from scim_server.storage.sql.memberships import MembershipStatements
from scim_server.storage.sql.notes import NoteStatements
from scim_server.storage.sql.numbers import NumberStatements
from scim_server.storage.sql.records import Records, kept_as_rows
from scim_server.storage.sql.rows import RowsWriter
from scim_server.storage.sql.seats import SeatStatements
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import (
    attribute_index,
    json_form,
    membership_state,
    notes,
    relations,
    resources,
    unique_values,
)
from scim_server.storage.sql.where import Conditions

_TENANT: Any = bindparam("tenant")
_ID: Any = bindparam("resource")
_TYPE: Any = bindparam("of_type")


class Statements:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling, registry: Registry, conditions: Conditions) -> None:
        self.records = Records(spelling, conditions.derivations)
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
        kinds = [*kept_as_rows(registry)]
        self.locks = Locks(spelling, kinds)
        related = and_(relations.c.tenant_id == _TENANT, relations.c.kind.in_(kinds))
        drop_named = delete(relations).where(related, relations.c.target == _ID).returning(relations.c.owner)
        drop_owned = delete(relations).where(related, relations.c.owner == _ID, relations.c.target != _ID)
        self.delete = spelling.together(drop_named, *_DELETE)
        self.delete_with_rows = spelling.together(drop_named, *_DELETE, drop_owned, _DELETE_STATE)
        self.seats = SeatStatements(spelling)
        self.numbers = NumberStatements(spelling)
        self.notes = NoteStatements(spelling)
        self.memberships = MembershipStatements(spelling, self.move_owners)
        self.departures = DepartureStatements(spelling)

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

    def lock(
        self, connection: Connection, tenant: int, resource_type: ResourceType, id: str, expand: Expand
    ) -> Record | None:
        """Lock and read in one statement a resource that keeps nothing as rows.

        One that was waited for comes back as it is now, and what is derived as it was before the wait: of another
        moment of the same request.
        """
        statement, shape = self.records.locked(resource_type, expand)
        parameters = {"tenant": tenant, "of_type": resource_type.name, "resource": id}
        row = connection.execute(statement, parameters).first()
        return None if row is None else shape.record(row)


# Statements that both engines spell alike ----------------------------------------------------------------------------

_THIS = and_(resources.c.tenant_id == _TENANT, resources.c.id == _ID, resources.c.type == _TYPE)
LOCK = select(resources.c.version).where(_THIS).with_for_update()
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


UPDATE = (
    update(resources)
    .where(_THIS)
    .values(version=resources.c.version + 1, **{**_CONTENT, "last_modified": _moved_to_now(resources.c.last_modified)})
    .returning(resources.c.version)
)
_STATE = and_(membership_state.c.tenant_id == _TENANT, membership_state.c.owner == _ID)
LOCK_MEMBERSHIP = select(membership_state.c.version).where(_STATE).with_for_update()
TOUCH = (
    update(membership_state)
    .where(_STATE)
    .values(version=membership_state.c.version + 1, last_modified=_moved_to_now(membership_state.c.last_modified))
    .returning(membership_state.c.version)
)
COUNT_ROWS = select(func.count()).select_from(
    select(relations.c.target)
    .where(relations.c.tenant_id == _TENANT, relations.c.kind == bindparam("kind"), relations.c.owner == _ID)
    .limit(bindparam("limit"))
    .subquery()
)
_DELETE = (
    *DROP_ENTRIES,
    delete(notes).where(notes.c.tenant_id == _TENANT, notes.c.resource_id == _ID),
    delete(resources).where(resources.c.tenant_id == _TENANT, resources.c.id == _ID),
)
_DELETE_STATE = delete(membership_state).where(_STATE)


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
