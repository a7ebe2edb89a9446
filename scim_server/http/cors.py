"""Cross-origin requests: what a browser must be told before a page of another site may call the server.

Microsoft's validator is such a page (ENTRA-95). Without these headers the browser keeps every answer from it, and all
that it can say is "Failed to fetch". They are defined in the Fetch Standard, under "CORS protocol".

Without a credential a preflight alone is answered, and it tells nothing: the same methods for every path, known or not.
Cookies are never used, so Access-Control-Allow-Credentials is never sent.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response, request

from scim_server.http import health, write

_ANY: Final = "*"
_METHODS: Final = "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"
# What the server reads, then whatever pages add of their own: the wildcard stands for all but Authorization.
_SENT: Final = (
    "Authorization, Content-Type, Accept, If-Match, If-None-Match, SCIM-Bulk-Atomic, SCIM-Dry-Run, X-Request-Id, *"
)
_SHOWN: Final = "Allow, Content-Location, ETag, Location, Retry-After, SCIM-Dry-Run, WWW-Authenticate, X-Request-Id"
_MAX_AGE: Final = "600"
"""Seconds for which a browser may remember a preflight; after that a setting that was taken back counts."""


def register(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of these origins in. Without origins nothing is added, and every answer is as it was.

    Comes after the hook that begins the exchange and before the one that asks for the credential.
    """
    if not origins:
        return

    @app.before_request
    def answer_preflight() -> Response | None:
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return _preflight() if is_preflight and _allowed(origins) else None

    @app.after_request
    def mark(answer: Response) -> Response:
        """Failures too: a page that cannot read a 401 takes it for a fault of the network."""
        answer.vary.add("Origin")
        if origin := _allowed(origins):
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = _SHOWN
        return answer


def _preflight() -> Response:
    headers = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": _SENT,
        "Access-Control-Max-Age": _MAX_AGE,
    }
    return write.Answer(status=204, headers=headers)


def _allowed(origins: tuple[str, ...]) -> str | None:
    """The value of Access-Control-Allow-Origin; None where the request gets none.

    /metrics and its like are for no page: they ask for no token, and any site that somebody behind the firewall has
    open could read them.
    """
    sent = request.headers.get("Origin")
    if sent is None or request.path in health.PATHS:
        return None
    if _ANY in origins:
        return _ANY
    return sent if sent in origins else None
