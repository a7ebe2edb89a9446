"""What can be asked of a value. Values are looked at as they were sent, and kept so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import phonenumbers

from scim_server.domain import compare
from scim_server.domain.schema import Attribute, Json

# A complete number with its country code and no other characters (CC-43); ITU-T E.164 has at most 15 digits.
_TELEPHONE: Final = re.compile(r"\+?[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True)
class ValueTest:
    """`fits` says whether a value is as it should be, `expected` how that is, in plain words."""

    expected: str
    fits: Callable[[Json], bool]


def pattern(expression: str) -> ValueTest:
    """The whole value matches the regular expression. Raises re.error where it is none."""
    compiled = re.compile(expression)
    return ValueTest(f"a value that matches {expression}", lambda value: compiled.fullmatch(value) is not None)


def minimum(least: int | Decimal) -> ValueTest:
    return ValueTest(f"at least {least}", lambda value: bool(value >= least))


def maximum(most: int | Decimal) -> ValueTest:
    return ValueTest(f"at most {most}", lambda value: bool(value <= most))


def length(least: int, most: int | None) -> ValueTest:
    """The value has so many characters."""
    expected = f"at least {least} characters" if most is None else f"{least} to {most} characters"
    return ValueTest(expected, lambda value: least <= len(value) and (most is None or len(value) <= most))


def one_of(attribute: Attribute, values: Iterable[Json]) -> ValueTest:
    """The value equals one of these, as values of the attribute compare."""
    listed = [*values]
    keys = frozenset(compare.key(attribute, value) for value in listed)
    return ValueTest(f"one of {_joined(listed)}", lambda value: compare.key(attribute, value) in keys)


def each_one_of(attribute: Attribute, values: Iterable[str]) -> ValueTest:
    """The value is a list with commas, and each item of it, blanks around it aside, equals one of these."""
    listed = [*values]
    keys = frozenset(compare.key(attribute, value) for value in listed)

    def fits(value: Json) -> bool:
        return all(compare.key(attribute, item.strip()) in keys for item in value.split(","))

    return ValueTest(f"a list with commas, each item one of {_joined(listed)}", fits)


def is_telephone(text: str) -> bool:
    """Whether a country has that code and numbers of that length.

    Which of its numbers are given out is not asked: new ones are, before a library hears of them.
    """
    if not _TELEPHONE.fullmatch(text):
        return False
    try:
        number = phonenumbers.parse(f"+{text.lstrip('+')}")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number)


TELEPHONE: Final = ValueTest(
    "a complete telephone number with country code and no other characters, such as +12015550123", is_telephone
)


def _joined(values: Iterable[Json]) -> str:
    return ", ".join(map(str, values))
