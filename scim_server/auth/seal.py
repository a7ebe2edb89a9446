"""Text that a client carries and only this server can read or make: what a cursor consists of (RFC 9865 section 5).

    token = base64url without padding ( version | nonce, 12 bytes | AES-256-GCM ciphertext and tag )

The key is derived from the server's key and from what the token is bound to, so a token opens for exactly the same
bytes and for nothing else. It also keeps the number of random nonces under one key far below the 2**32 that NIST SP
800-38D section 8.3 allows, however many cursors a server gives out in its life.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
LONGEST: Final = 32 * 1024
"""Characters of a token. With the longest filter, percent-encoded, it fits into the longest request line, where the
limits of both are as they come; a client of a server with other ones sends it in the body of a search request.
"""

_VERSION: Final = b"\x01"
"""Of this form and of what is inside; a token of another one does not open."""
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_LEAST_BYTES: Final = len(_VERSION) + _NONCE_BYTES + _TAG_BYTES
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+")


class Seal:
    """Closes and opens tokens. `key` gives the 32 secret bytes, and is asked when the first token is."""

    def __init__(self, key: Callable[[], bytes], random: Callable[[int], bytes] = os.urandom) -> None:
        self._read_key = key
        self._random = random

    def close(self, plain: bytes, bound: bytes) -> str:
        """A token that holds `plain` and opens for `bound` alone; unreserved characters only (R-CUR-02)."""
        nonce = self._random(_NONCE_BYTES)
        return _text(_VERSION + nonce + self._cipher(bound).encrypt(nonce, plain, _VERSION))

    def open(self, token: str, bound: bytes) -> bytes | None:
        """What is in the token; None for one that this server did not make, or made for something else (R-CUR-16)."""
        sealed = _bytes(token)
        if len(sealed) < _LEAST_BYTES or not sealed.startswith(_VERSION):
            return None
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            return self._cipher(bound).decrypt(nonce, ciphertext, _VERSION)
        except InvalidTag:
            return None

    def _cipher(self, bound: bytes) -> AESGCM:
        return AESGCM(hmac.digest(self._key, bound, hashlib.sha256))

    @cached_property
    def _key(self) -> bytes:
        """Read once in a process, after its fork; two threads that come first at once read the same."""
        return self._read_key()


def _text(sealed: bytes) -> str:
    return urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _bytes(token: str) -> bytes:
    """The bytes of a token; none where the text is not exactly what `_text` makes.

    The last character has bits to spare, which a lenient decoder overlooks: a token that was changed there would open.
    """
    if len(token) > LONGEST or not _ALPHABET.fullmatch(token) or len(token) % 4 == 1:
        return b""
    sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return sealed if _text(sealed) == token else b""
