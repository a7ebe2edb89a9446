"""Text that every part of the server can keep."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from scim_server.domain.schema import Json


def is_storable(value: Json) -> bool:
    """Whether no name and no string in a JSON value holds NUL or half of a surrogate pair, which PostgreSQL's text
    cannot (R-I18N-09).
    """
    return all(unstorable_place(text) is None for text in _texts(value))


def unstorable_place(text: str) -> int | None:
    """Where the first such character of a text stands; None where all of it can be kept."""
    found = _UNSTORABLE.search(text)
    return None if found is None else found.start()


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for element in value:
            yield from _texts(element)
