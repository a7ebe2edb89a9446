"""Events for the product's own side: `storage.ledgers.Outbox` on one connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, insert

from scim_server.storage.sql.tables import outbox

_PUT = insert(outbox).inline()


class SqlOutbox:
    """`storage.ledgers.Outbox` on one connection."""

    def __init__(self, connection: Connection, tenant: int) -> None:
        self._connection = connection
        self._tenant = tenant

    def put(self, resource_type: str, resource: str, kind: str, content: Mapping[str, Any], now: str) -> None:
        event = {"tenant_id": self._tenant, "resource_type": resource_type, "resource_id": resource, "kind": kind}
        text = orjson.dumps(dict(content)).decode()
        self._connection.execute(_PUT, {**event, "content": text, "at": now})
