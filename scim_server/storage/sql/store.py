"""Resources in SQL: the `Storage` protocol on either engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from scim_server import errors
from scim_server.domain.filter import BoundFilter
from scim_server.domain.query import CursorPage, Query
from scim_server.domain.registry import Registry
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.storage.base import Expand, Found, FoundElements, Pieces, PreparedRows, Record, Transaction
from scim_server.storage.sql import migrate
from scim_server.storage.sql.connections import Connections
from scim_server.storage.sql.examination import SqlExamination
from scim_server.storage.sql.rows import difference, first_steps, whose_rows
from scim_server.storage.sql.search import Searches
from scim_server.storage.sql.spelling import spelling_of
from scim_server.storage.sql.statements import Statements
from scim_server.storage.sql.tables import schema_state
from scim_server.storage.sql.transaction import SqlTransaction
from scim_server.storage.sql.where import Conditions

T = TypeVar("T")

_STAMP = select(schema_state.c.stamp)


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
        apart = expand - {attribute.key for attribute in resource_type.rows_attributes}

        def work(connection: Connection) -> T | None:
            def pieces(attribute: Attribute) -> Iterator[Sequence[str]]:
                return self.statements.elements.pieces(connection, whose_rows(tenant, resource_type, id, attribute))

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
            whose = whose_rows(tenant, resource_type, id, attribute)
            return self.statements.elements.page(connection, whose, resource_type.name, condition, page)

        return self._connections.search(work)

    def prepare(
        self, tenant: int, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange
    ) -> PreparedRows:
        whose = whose_rows(tenant, resource_type, id, attribute)

        def work(connection: Connection) -> PreparedRows:
            version = self.statements.elements.version(connection, whose)
            if version is None:
                return PreparedRows(change, 1, first_steps(attribute, change))
            rows = self.statements.elements.pairs(connection, whose)
            return PreparedRows(change, version, difference(attribute, change, rows))

        return self._connections.snapshot(work)

    def search(self, tenant: int, query: Query, expand: Expand) -> Found:
        return self._connections.search(lambda connection: self._searches.find(connection, tenant, query, expand))

    def write(self, tenant: int, work: Callable[[Transaction], T]) -> T:
        def transact(connection: Connection) -> T:
            return work(SqlTransaction(connection, tenant, self.statements, self._searches))

        return self._connections.write(transact)

    def examination(self, registry: Registry) -> SqlExamination:
        """What looks at all that there is."""
        return SqlExamination(self._connections, self.statements, self._searches, registry)

    def readiness(self, stamp: str) -> str | None:
        try:
            return self._connections.read(lambda connection: _missing_for(connection, stamp))
        except errors.ScimError as error:
            return error.detail
        except SQLAlchemyError as error:
            return f"The database cannot be read ({type(getattr(error, 'orig', None) or error).__name__})."


def _missing_for(connection: Connection, stamp: str) -> str | None:
    revision, head = migrate.revision(connection), migrate.head()
    if revision is None:
        return "The database is not migrated."
    if revision != head:
        return f"The database has the tables of revision {revision}, this server needs those of {head}; migrate it."
    if connection.execute(_STAMP).scalar() != stamp:
        return "The database holds comparison forms of other schemas than this server's; migrate it."
    return None
