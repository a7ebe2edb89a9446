"""What a load balancer, an orchestrator and a monitoring system ask; none of it is SCIM and none needs a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import orjson
from flask import Flask, Response

from scim_server.http.write import Answer
from scim_server.observability import metrics_page

PATHS: Final = ("/healthz", "/readyz", "/metrics")
_JSON = "application/json"


def register(app: Flask, readiness: Callable[[], str | None]) -> None:
    """Add /healthz (the process answers), /readyz (so does the database, and it is migrated) and /metrics."""

    def readyz() -> Response:
        missing = readiness()
        if missing is None:
            return _status(200, status="ready")
        answer = _status(503, status="not ready", detail=missing)
        answer.headers["Retry-After"] = "5"
        return answer

    for path, view in zip(PATHS, (_healthz, readyz, _metrics), strict=True):
        app.add_url_rule(path, path.removeprefix("/"), view)


def _healthz() -> Response:
    return _status(200, status="up")


def _metrics() -> Response:
    page, content_type = metrics_page()
    return Answer(page, content_type=content_type)


def _status(code: int, **members: str) -> Response:
    return Answer(orjson.dumps(members), code, content_type=_JSON)
