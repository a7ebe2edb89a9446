"""Events for the product's own side: `storage.ledgers.Outbox` on one connection."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import Integer, bindparam, delete, insert, select

from scim_server.storage.ledgers import Posted
from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.tables import outbox

_MINE: Any = outbox.c.tenant_id == bindparam("tenant")
_PUT: Final = insert(outbox).inline()
_OLDEST: Final = (
    select(*(outbox.c[name] for name in ("sequence", "resource_type", "resource_id", "kind", "content", "at")))
    .where(_MINE)
    .order_by(outbox.c.sequence)
    .limit(bindparam("limit", type_=Integer))
)
_FORGET: Final = delete(outbox).where(_MINE, outbox.c.sequence == bindparam("gone"))


class SqlOutbox(Ledger[None]):
    """`storage.ledgers.Outbox` on one connection."""

    def put(self, resource_type: str, resource: str, kind: str, content: Mapping[str, Any], now: str) -> None:
        event = {"tenant_id": self._tenant, "resource_type": resource_type, "resource_id": resource, "kind": kind}
        text = orjson.dumps(dict(content)).decode()
        self._connection.execute(_PUT, {**event, "content": text, "at": now})

    def oldest(self, limit: int) -> Sequence[Posted]:
        return [Posted(*row) for row in self._run(_OLDEST, limit=limit)]

    def forget(self, sequences: Collection[int]) -> None:
        if sequences:
            gone = [{"tenant": self._tenant, "gone": sequence} for sequence in sequences]
            self._connection.execute(_FORGET, gone)
