"""Request headers of this server's own that are either true or false; leaving one out says false."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Request

from scim_server.errors import InvalidValue

BULK_ATOMIC: Final = "SCIM-Bulk-Atomic"
"""All or nothing, which the RFC has no member for (docs/bulk.md)."""

DRY_RUN: Final = "SCIM-Dry-Run"
"""Say what the write would do, and change nothing (docs/dry-run.md)."""

_SAYS: Final = {"true": True, "false": False}


def is_on(request: Request, name: str) -> bool:
    """What the header says, in any case. Raises InvalidValue for any other word."""
    says = _SAYS.get(request.headers.get(name, "false").strip().lower())
    if says is None:
        raise InvalidValue(f"{name} is either true or false.")
    return says
