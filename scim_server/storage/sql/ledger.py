"""What the ledgers have in common: statements of an engine that run on one connection for one tenant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, bindparam, select

from scim_server.storage.sql.tables import tenants

S = TypeVar("S")

# A row that is always there stands for what is not: who needs that it stays away shares it, who makes it holds it.
# Neither is in the way of new resources, whose foreign key shares its key alone.
_TENANT = select(tenants.c.id).where(tenants.c.id == bindparam("tenant"))
_SHARE = _TENANT.with_for_update(read=True)
_HOLD = _TENANT.with_for_update(key_share=True)


class Ledger(Generic[S]):
    """A ledger on one connection; `statements` are those of its engine."""

    def __init__(self, connection: Connection, tenant: int, statements: S) -> None:
        self._connection = connection
        self._tenant = tenant
        self._statements = statements

    def hold(self) -> None:
        """As `storage.ledgers.Seats.hold`."""
        self._run(_HOLD)

    def _share(self) -> None:
        """Wait for whoever holds, and be waited for."""
        self._run(_SHARE)

    def _run(self, statement: Any, **parameters: Any) -> Any:
        return self._connection.execute(statement, {"tenant": self._tenant, **parameters})

    def _run_each(self, statement: Any, each: Iterable[Mapping[str, Any]], **parameters: Any) -> None:
        """Run a statement on one row for each of several: a look-up by key each, whatever the statistics are."""
        same = {"tenant": self._tenant, **parameters}
        self._connection.execute(statement, [{**same, **one} for one in each])
