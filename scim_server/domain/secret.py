"""A secret between the request that brings it and the hash that is kept.

It is no JSON value, so that nothing can store or send it, and it does not show itself in a message or a traceback. In
the attributes of a resource a `Secret` is what a client sent, and a text is the hash that is kept.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from scim_server.domain.composition import composed

_HASH: Final = re.compile(r"\$[a-z0-9-]+(\$[A-Za-z0-9+/=.,-]+)+")
"""A hash with its algorithm and parameters before it, as `$argon2id$v=19$m=...$salt$hash`."""
_SPACE: Final = "Zs"
_CONTROLS: Final = frozenset({"Cc", "Cs"})


class Secret:
    """A prepared text, which equals another one where both mean the same password.

    No dataclass, since orjson writes those.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def length(self) -> int:
        """In characters."""
        return len(self._text)

    def reveal(self) -> str:
        """The text; for nobody but who makes a hash of it."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(...)"


def secret(text: str) -> Secret:
    """The secret that a text is, as an OpaqueString: case and width count, every space is the same, and it is composed
    (RFC 8265 section 4.2, R-I18N-05).

    Raises ValueError for a text with control characters.
    """
    categories = [unicodedata.category(character) for character in text]
    if not _CONTROLS.isdisjoint(categories):
        raise ValueError("a control character")
    spaced = (" " if category == _SPACE else character for character, category in zip(text, categories, strict=True))
    return Secret(composed("".join(spaced)))


def is_hash(text: str) -> bool:
    """Whether a stored text is a hash, and no secret in the clear from before it was to be one."""
    return _HASH.fullmatch(text) is not None
