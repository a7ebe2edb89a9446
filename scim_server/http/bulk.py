"""A bulk request from its body to its answer (RFC 7644 section 3.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import orjson
from werkzeug.wrappers import Request as WebRequest

from scim_server.config import Settings
from scim_server.domain.dialect import Leniency
from scim_server.domain.schema import Json
from scim_server.errors import ScimError
from scim_server.http.body import Count, Size, read_counted_object
from scim_server.http.messages import MESSAGES, read_bulk
from scim_server.http.switches import BULK_ATOMIC, is_on
from scim_server.http.write import error_body
from scim_server.service.bulk import Request, Result


def read(request: WebRequest, settings: Settings, leniency: Leniency) -> Request:
    """The bulk request in a body. Raises InvalidSyntax, InvalidValue, PayloadTooLarge."""
    all_or_nothing = is_on(request, BULK_ATOMIC)
    size = Size(settings.bulk_max_payload, "maxPayloadSize")
    count = Count("Operations", settings.bulk_max_operations, "maxOperations")
    return replace(read_bulk(read_counted_object(request, size, count), leniency), all_or_nothing=all_or_nothing)


def response(results: Sequence[Result]) -> bytes:
    """The BulkResponse (R-BULK-04, -09 to -11). No resources: who wants them reads them."""
    message = {"schemas": [f"{MESSAGES}BulkResponse"], "Operations": [_entry(result) for result in results]}
    return orjson.dumps(message)


def _entry(result: Result) -> dict[str, Json]:
    operation, outcome = result.operation, result.outcome
    entry: dict[str, Json] = {
        "method": operation.method or None,
        "bulkId": operation.bulk_id,
        "location": result.location,
        "status": str(outcome.status),
    }
    if isinstance(outcome, ScimError):
        entry["response"] = error_body(outcome.status, outcome.detail, outcome.scim_type)
    else:
        entry["version"] = outcome.version
    return {name: value for name, value in entry.items() if value is not None}
