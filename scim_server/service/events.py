"""The outbox, emptied by the product's own side: each event is handed over once at least.

It is read first and forgotten when it is known to have arrived, in two transactions, so that nobody who writes waits
for whoever reads; what is handed over twice, after an interruption, has the same sequence.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scim_server.storage.base import Storage
from scim_server.storage.ledgers import Posted


def oldest(storage: Storage, tenant: int, limit: int) -> Sequence[Posted]:
    """The oldest events of a tenant, as many at most."""
    return storage.write(tenant, lambda transaction: transaction.outbox.oldest(limit))


def forget(storage: Storage, tenant: int, sequences: Collection[int]) -> None:
    """Take these events out."""
    storage.write(tenant, lambda transaction: transaction.outbox.forget(sequences))
