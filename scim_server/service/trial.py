"""A storage on which a write comes to what it would come to, and nothing of it stays: what a dry run works on.

The use cases run over it as they do over the storage itself. Everything is found out by doing it, in the transaction
that the write would have: what it waits for, what refuses it, who gets the last seat. Then it is undone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from scim_server.domain.filter import BoundFilter
from scim_server.domain.query import CursorPage, Query
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.storage.base import (
    Expand,
    Found,
    FoundElements,
    Pieces,
    PreparedRows,
    Record,
    Storage,
    Transaction,
)

T = TypeVar("T")


class Trial:
    """`storage.base.Storage` over another one, whose every transaction is rolled back."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def write(self, tenant: int, work: Callable[[Transaction], T]) -> T:
        """What `work` comes to; undone when this returns."""

        def undone(transaction: Transaction) -> T:
            raise _Done(work(transaction))

        try:
            return self._storage.write(tenant, undone)
        except _Done as done:
            result: T = done.result
            return result

    def stream(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, take: Callable[[Record, Pieces], T]
    ) -> T | None:
        """None: it is asked for what was written, which is undone by now."""
        return None

    def read(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, most_rows: int | None = None
    ) -> Record | None:
        return self._storage.read(tenant, resource_type, id, expand, most_rows)

    def elements(
        self,
        tenant: int,
        resource_type: ResourceType,
        id: str,
        attribute: Attribute,
        condition: BoundFilter | None,
        page: CursorPage,
    ) -> FoundElements | None:
        return self._storage.elements(tenant, resource_type, id, attribute, condition, page)

    def prepare(
        self, tenant: int, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange
    ) -> PreparedRows:
        return self._storage.prepare(tenant, resource_type, id, attribute, change)

    def search(self, tenant: int, query: Query, expand: Expand) -> Found:
        return self._storage.search(tenant, query, expand)

    def readiness(self, stamp: str) -> str | None:
        return self._storage.readiness(stamp)


class _Done(Exception):
    """Rolls everything back, and carries what it came to."""

    def __init__(self, result: Any) -> None:
        super().__init__()
        self.result = result
