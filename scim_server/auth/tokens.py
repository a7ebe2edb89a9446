"""Bearer tokens: random text that stands for nothing but a row in the database (RFC 6750, R-AUTH-09).

A token carries 256 random bits, so a plain SHA-256 of it is kept: nothing can be guessed that a slow hash would
protect, and the look-up by digest takes the same time whatever the client sent.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

PREFIX: Final = "scim_"
"""Lets people and secret scanners tell where a leaked token belongs."""

BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Secret:
    """A token's text. It is shown once, to the one who asked for it; no log shows it by accident."""

    value: str = field(repr=False)


def issue(random: Callable[[int], str] = secrets.token_urlsafe) -> Secret:
    """A new token. `random` gives base64url text of that many random bytes: a `b64token` (RFC 6750 section 2.1)."""
    return Secret(PREFIX + random(BYTES))


def digest(secret: str) -> str:
    """The SHA-256 of a token, hexadecimal: the only thing of it that is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
