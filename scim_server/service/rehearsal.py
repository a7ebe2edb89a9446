"""A storage that is one transaction: what many writes come to, one after the other, before all of it is undone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from scim_server.domain.query import Query
from scim_server.domain.schema import ResourceType
from scim_server.service.trial import Trial
from scim_server.storage.base import Expand, Found, Record, Storage, Transaction

T = TypeVar("T")


def rehearse(storage: Storage, tenant: int, work: Callable[[Storage], T]) -> T:
    """What `work` comes to on a storage on which each write sees those before it; all of them are undone when this
    returns. `work` begins anew where only concurrency was in its way, as that of a transaction.

    Others wait for what is held until then: for the resources, seats and numbers of its writes, on SQLite with every
    write.
    """
    return Trial(storage).write(tenant, lambda transaction: work(_Within(storage, transaction)))


class _Within(Trial):
    """`storage.base.Storage` over the transaction; what only looks at resources from outside stays outside."""

    def __init__(self, storage: Storage, transaction: Transaction) -> None:
        super().__init__(storage)
        self._transaction = transaction

    def write(self, tenant: int, work: Callable[[Transaction], T]) -> T:
        return self._transaction.attempt(lambda: work(self._transaction))

    def search(self, tenant: int, query: Query, expand: Expand) -> Found:
        return self._transaction.search(query, expand)

    def read(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, most_rows: int | None = None
    ) -> Record | None:
        return self._transaction.read(resource_type, id, expand, most_rows)
