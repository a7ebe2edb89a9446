"""A database as the rest of the server gets it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, select

from scim_server.domain.registry import Registry
from scim_server.storage.base import Progress, Storage, Tenancy
from scim_server.storage.examination import Examination
from scim_server.storage.sql import migrate, rebuild
from scim_server.storage.sql.access import Limits, Synchronous
from scim_server.storage.sql.connections import Connections, connect
from scim_server.storage.sql.store import SqlStorage
from scim_server.storage.sql.tables import tenants
from scim_server.storage.sql.tenancy import SqlTenancy

_HAS_TENANT = select(exists(select(tenants.c.id)))


class Database:
    """One database: its `storage`, its `tenancy`, its `examination`, and the care for its tables."""

    def __init__(self, connections: Connections, registry: Registry) -> None:
        self.connections = connections
        self._registry = registry
        self._store = SqlStorage(connections, registry)
        self.storage: Storage = self._store
        self.tenancy: Tenancy = SqlTenancy(connections)
        self.examination: Examination = self._store.examination(registry)

    def migrate(self) -> None:
        """Bring the tables up to date; safe when several processes do so at once.

        Raises errors.Unavailable where the database cannot be reached.
        """
        migrate.migrate(self.connections)
        rebuild.adopt(self.connections, self._registry.stamp)

    def rebuild(self, draft_of: rebuild.DraftOf) -> Iterator[Progress]:
        """Make the comparison forms and look-up rows anew that another registry wrote; nothing where none did.

        The work is done while the iterator is consumed, a batch at a time; interrupted, the next one goes on where it
        was. `draft_of` gets the tenant and the record without rows and derived values, and answers None for a resource
        whose type is gone. What a new uniqueness finds a second time stays, and is told.
        """
        return rebuild.Rebuild(self.connections, self._store.statements, self._registry, draft_of).run()

    def is_empty(self) -> bool:
        """Whether there is no tenant yet; the tables must be there."""
        return not self.connections.read(lambda connection: connection.execute(_HAS_TENANT).scalar())

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        self.connections.close()


def open_database(
    url: str,
    registry: Registry,
    *,
    pool_size: int = Limits().pool_size,
    read_timeout: float = Limits().read_time,
    write_timeout: float = Limits().write_time,
    synchronous: Synchronous = Synchronous.FULL,
) -> Database:
    """The database at a URL: `sqlite:///path`, `postgresql://...` or `postgres://...`. Times are in seconds.

    Nothing connects before the first use. Raises ValueError for a URL that cannot be served.
    """
    return Database(connect(url, Limits(pool_size, read_timeout, write_timeout, synchronous)), registry)
