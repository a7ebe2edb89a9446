"""The answer to a dry run: a message that says what the write would have been answered, and what it would do beside.

It is 200 whatever the write would answer, unless that is an Error, which comes as it is. Nothing that it tells of is
there, so it has no ETag and no Location.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson
from flask import Response

from scim_server.http import write
from scim_server.service.context import Effect

DRY_RUN: Final = "urn:ietf:params:scim:api:messages:extension:2.0:DryRun"


def answer(of: Response, effects: Sequence[Effect]) -> Response:
    """The message about a write that would have this answer."""
    message: dict[str, Any] = {"schemas": [DRY_RUN], "status": str(of.status_code)}
    body = _body(of)
    if body:
        message["resource"] = orjson.Fragment(body)
    message["effects"] = [{"kind": e.kind, "resource": e.resource, "value": e.value} for e in effects]
    return write.json(orjson.dumps(message))


def _body(of: Response) -> bytes | None:
    """None for what would be sent in pieces: it is too large to stand in a message."""
    if of.is_sequence:
        return of.get_data()
    of.close()
    return None
