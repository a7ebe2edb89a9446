"""What a client is told that may not pass: RFC 6750 section 3.

    no token, or none that this server takes    401   Bearer realm="scim"                             no error code
    token unknown, malformed, expired, revoked  401   ... error="invalid_token"
    a token in more than one place              400   ... error="invalid_request"
    a token that must not do this               403   ... error="insufficient_scope", scope="..."

Each attribute stands at most once, and its text is fixed here, inside the character set of section 3: nothing
that a client sent is ever repeated (R-AUTH-05 to R-AUTH-08).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scim_server.errors import BadRequest, Forbidden, Unauthorized

REALM: Final = "scim"
WRITE_SCOPE: Final = "scim:write"


def token_needed() -> Unauthorized:
    """Nothing that could be a token of this server was sent (R-AUTH-05)."""
    return Unauthorized("Send a token: `Authorization: Bearer <token>`.", headers=_challenge())


def token_in_url() -> Unauthorized:
    """A token in the query ends up in logs and histories, so it is not even looked at (R-AUTH-03)."""
    detail = "A token must not stand in the URL, which is logged on its way; send it in the Authorization header."
    return Unauthorized(detail, headers=_challenge())


def bad_token(detail: str) -> Unauthorized:
    """The token is malformed, unknown, expired or revoked (R-AUTH-06)."""
    return Unauthorized(detail, headers=_challenge(error="invalid_token", error_description=detail))


def two_transports() -> BadRequest:
    """Which of the two would count (R-AUTH-04)?"""
    detail = "Send the token in the Authorization header alone."
    return BadRequest(detail, headers=_challenge(error="invalid_request", error_description=detail))


def may_not_write() -> Forbidden:
    """The credential is good, but made for reading alone (R-AUTH-07)."""
    detail = "This credential may only read."
    return Forbidden(
        detail, headers=_challenge(error="insufficient_scope", scope=WRITE_SCOPE, error_description=detail)
    )


def _challenge(**attributes: str) -> Mapping[str, str]:
    pairs = {"realm": REALM, **attributes}
    return {"WWW-Authenticate": "Bearer " + ", ".join(f'{name}="{value}"' for name, value in pairs.items())}
