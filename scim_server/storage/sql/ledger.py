"""What the ledgers have in common: statements of an engine that run on one connection for one tenant."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from sqlalchemy import Connection

S = TypeVar("S")


class Ledger(Generic[S]):
    """A ledger on one connection; `statements` are those of its engine."""

    def __init__(self, connection: Connection, tenant: int, statements: S) -> None:
        self._connection = connection
        self._tenant = tenant
        self._statements = statements

    def _run(self, statement: Any, **parameters: Any) -> Any:
        return self._connection.execute(statement, {"tenant": self._tenant, **parameters})
