"""Passwords become argon2id hashes (RFC 9106), with the parameters of OWASP's Password Storage Cheat Sheet.

A hash takes 19 MiB and a core for some 30 ms. One at a time in a process: a burst of new users, each with a password,
must neither exhaust the memory nor keep every thread from answering.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

MEMORY: Final = 19 * 1024
"""KiB."""
PASSES: Final = 2
LANES: Final = 1


class Argon2:
    """`service.passwords.Hasher`; one for each process, for all of its threads."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY, parallelism=LANES)
        self._lock = Lock()

    def hash(self, text: str) -> str:
        """A new hash, with a salt of its own and its parameters in it."""
        with self._lock:
            return self._hasher.hash(text)

    def fits(self, made: str, text: str) -> bool:
        """Whether that hash was made of this text; one that is no hash was not."""
        with self._lock:
            try:
                return self._hasher.verify(made, text)
            except (VerifyMismatchError, InvalidHashError):
                return False
