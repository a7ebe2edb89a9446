"""What clients write where a filter is expected."""

from __future__ import annotations

from collections.abc import Mapping
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
    parsed, needs = read(text, limits)
    for tolerance in needs:
        if not leniency.allows(tolerance):
            raise InvalidFilter(_REFUSALS[tolerance])
    return parsed


_REFUSALS: Final[Mapping[Tolerance, str]] = {
    Tolerance.BARE_WORD: "The filter has a value that is no string in double quotes, number, true, false or null.",
    Tolerance.COMPARED_VALUE_PATH: "In a filter a path ends with its brackets; put the comparison into them.",
}

_MEMORABLE: Final = 512
"""Longer texts are not worth the memory."""


def _read(text: str, limits: Limits) -> tuple[Filter, tuple[Tolerance, ...]]:
    """The filter, and what it needs beyond the RFC's grammar: the same for every client."""
    if not text.strip(" \t"):
        raise InvalidFilter("The filter is empty.")
    lexer = Lexer(text, limits)
    parsed = grammar.parse(iter(lexer))
    return parsed, tuple(sorted(lexer.needs))


_remembered = lru_cache(maxsize=1024)(_read)
