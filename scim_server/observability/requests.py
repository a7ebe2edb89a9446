"""One request in the log: who, what kind, how it ended, how long, and which tolerances it needed.

Never the query, a filter, a body, a header or a URL: they hold personal data and, from careless clients, secrets.
An id that is not of the form that this server gives out is whatever the client made up, so it is not logged either.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

from scim_server.observability import logs
from scim_server.observability.facts import RequestFacts
from scim_server.observability.faults import describe
from scim_server.observability.metrics import metrics

_REQUEST_ID: Final = re.compile(r"(?!scim_)[A-Za-z0-9._-]{1,128}", re.IGNORECASE)
"""Not what begins as a token does: a client that sends one there has mixed up its headers."""
_RESOURCE_ID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def request_id(sent: str | None) -> str:
    """The client's X-Request-Id where it is a plain word of at most 128 characters and no credential, else a new id."""
    if sent and _REQUEST_ID.fullmatch(sent):
        return sent
    return uuid4().hex


def observe(facts: RequestFacts) -> None:
    """Log and count a request; at level error where the server failed it."""
    metrics().count(facts)
    log = logs.logger()
    write = log.error if facts.status >= 500 else log.info
    write("request", **_line(facts))


def report(error: BaseException, request_id: str) -> str:
    """Log a fault that nobody expected; the id under which it stands in the log, which the client may be told."""
    error_id = uuid4().hex
    logs.logger().error("fault", error_id=error_id, request_id=request_id, **describe(error))
    return error_id


def _line(facts: RequestFacts) -> dict[str, object]:
    known = facts.resource_id and _RESOURCE_ID.fullmatch(facts.resource_id)
    line = {
        "request_id": facts.request_id,
        "tenant": facts.tenant,
        "client": facts.client,
        "dialect": facts.dialect,
        "method": facts.known_method,
        "route": facts.route,
        "type": facts.resource_type,
        "id": facts.resource_id if known else None,
        "operations": facts.operations,
        "status": facts.status,
        "scim_type": facts.scim_type,
        "duration_ms": round(facts.seconds * 1000, 2),
        "tolerances": dict(facts.tolerances) or None,
        "dry_run": facts.is_dry_run or None,
        "stopped_by_guard": facts.stopped or None,
    }
    return {name: value for name, value in line.items() if value is not None}
