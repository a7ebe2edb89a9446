"""What clients write where a filter is expected."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.filter import Filter
from scim_server.errors import InvalidFilter
from scim_server.filtering import grammar
from scim_server.filtering.lexer import Lexer
from scim_server.filtering.limits import DEFAULT, Limits


def parse_filter(text: str, leniency: Leniency, limits: Limits = DEFAULT) -> Filter:
    """The filter that a text is (RFC 7644 figure 1, with errata 4670, 4690, 7319 and 7322). Raises InvalidFilter."""
    read = _remembered if len(text) <= _MEMORABLE else _read
    parsed, has_words = read(text, limits)
    if has_words and not leniency.allows(Tolerance.BARE_WORD):
        raise InvalidFilter("The filter has a value that is no string in double quotes, number, true, false or null.")
    return parsed


_MEMORABLE: Final = 512
"""Longer texts are not worth the memory."""


def _read(text: str, limits: Limits) -> tuple[Filter, bool]:
    """The filter, and whether it needs BARE_WORD: the same for every client."""
    if not text.strip(" \t"):
        raise InvalidFilter("The filter is empty.")
    lexer = Lexer(text, limits)
    parsed = grammar.parse(iter(lexer))
    return parsed, lexer.has_words


_remembered = lru_cache(maxsize=1024)(_read)
