"""Text that every part of the server can keep."""

from __future__ import annotations

from collections.abc import Iterator

from scim_server.domain.schema import Json


def is_storable(value: Json) -> bool:
    """Whether no name and no string in a JSON value holds NUL or half of a surrogate pair, which PostgreSQL's text
    cannot (R-I18N-09).
    """
    return all(map(_is_storable, _texts(value)))


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


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
