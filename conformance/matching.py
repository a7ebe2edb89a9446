"""What came back, held against what is expected.

An expectation is JSON. An object expects its members and leaves others alone; a list expects as many elements, in
order; a text, a number, true, false and null expect themselves. An object with one member that starts with `$` says
something else:

    {"$any": true}                      something, and not null
    {"$absent": true}                   no such member, or null (RFC 7643 section 2.5: null is "not there")
    {"$unassigned": true}               absent, or "", [] or {}: what a connector reads as "no value"
    {"$type": "integer"}                string, integer, number, boolean, object, array
    {"$matches": "^[a-z]+$"}            a text in which the expression is found
    {"$folded": "Ana"}                  a text, whatever its case
    {"$datetime": true}                 an xsd:dateTime
    {"$exactly": ...}                   this and no member more
    {"$not": ...}  {"$all": [...]}  {"$some": [...]}
    {"$has": [...]}                     a list with an element for each of these
    {"$lacks": [...]}                   a list (or nothing) with an element for none of these
    {"$only": ...}                      a list of which each element is this
    {"$set": [...]}                     a list of these in any order and no others
    {"$length": 3}                      a list or text of that length; the length may be {"$at_least": 2}
    {"$at_least": 1}  {"$at_most": 5}   a number
    {"$distinct": true}                 a list in which no element is there twice
    {"$sorted": {"by": "/userName", "order": "descending", "folded": true}}     by a JSON pointer into each element
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Final

from conformance.exchange import Json
from conformance.templates import PLACEHOLDER


class _Missing:
    """What is not there at all."""

    def __repr__(self) -> str:
        return "nothing"


MISSING: Final = _Missing()
DATETIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?")
SHOWN: Final = 300
"""Characters of a value that are shown in a mismatch."""


def mismatches(expected: Json, actual: Json, place: str = "") -> list[str]:
    """What of `actual` is not as expected, one sentence each with the JSON pointer of the place; empty if all is."""
    return list(_compare(expected, actual, place))


def matches(expected: Json, actual: Json) -> bool:
    """Whether `actual` is as expected."""
    return next(_compare(expected, actual, ""), None) is None


def point(pointer: str, value: Json) -> Json:
    """The value behind a JSON pointer (RFC 6901), or MISSING."""
    for part in pointer.split("/")[1:]:
        value = _member(value, part.replace("~1", "/").replace("~0", "~"))
    return value


def _member(value: Json, key: str) -> Json:
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
        return value[int(key)]
    return MISSING


def shown(value: Json) -> str:
    """A value as a mismatch shows it: JSON, shortened."""
    return shortened(repr(value) if value is MISSING else json.dumps(value, ensure_ascii=False))


def shortened(text: str) -> str:
    """A text as a mismatch shows it."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text)} characters)"


def fault_of(name: str, argument: Json) -> str | None:
    """What is wrong with what a matcher is given in a file, where that can be seen before it is filled in."""
    if name != "$matches":
        return None
    try:
        re.compile(PLACEHOLDER.sub("x", argument))
    except TypeError:
        return "must be a text"
    except re.error as error:
        return f"is no regular expression: {error}"
    return None


def _compare(expected: Json, actual: Json, place: str) -> Iterator[str]:
    if isinstance(expected, dict) and len(expected) == 1:
        (key,) = expected
        if key in MATCHERS:
            yield from MATCHERS[key](expected[key], actual, place)
            return
    if isinstance(expected, dict):
        yield from _members(expected, actual, place)
    elif isinstance(expected, list):
        yield from _elements(expected, actual, place)
    elif not _equal(expected, actual):
        yield _wanted(shown(expected), actual, place)


def _equal(expected: Json, actual: Json) -> bool:
    """Equal and of one type: true is not 1."""
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)


def _wanted(what: str, actual: Json, place: str) -> str:
    return f"{place or 'the body'}: expected {what}, got {shown(actual)}"


def _members(expected: Mapping[str, Json], actual: Json, place: str) -> Iterator[str]:
    if not isinstance(actual, dict):
        yield _wanted("an object", actual, place)
        return
    for key, member in expected.items():
        escaped = key.replace("~", "~0").replace("/", "~1")
        yield from _compare(member, actual.get(key, MISSING), f"{place}/{escaped}")


def _elements(expected: list[Json], actual: Json, place: str) -> Iterator[str]:
    if not isinstance(actual, list):
        yield _wanted(f"a list of {len(expected)}", actual, place)
    elif len(actual) != len(expected):
        yield _wanted(f"{len(expected)} elements, not {len(actual)}: {shown(expected)}", actual, place)
    else:
        for position, (wanted, found) in enumerate(zip(expected, actual, strict=True)):
            yield from _compare(wanted, found, f"{place}/{position}")


Matcher = Callable[[Json, Json, str], Iterator[str]]


def _predicate(says: Callable[[Json, Json], bool], what: Callable[[Json], str]) -> Matcher:
    """A matcher that is a question, and how its expectation is called."""

    def match(argument: Json, actual: Json, place: str) -> Iterator[str]:
        if not says(argument, actual):
            yield _wanted(what(argument), actual, place)

    return match


def _is_absent(actual: Json) -> bool:
    return actual is MISSING or actual is None


def _is_type(name: Json, actual: Json) -> bool:
    if isinstance(actual, bool):
        return bool(name == "boolean")
    return isinstance(actual, TYPES[name])


TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
}


def _is_number(actual: Json) -> bool:
    return isinstance(actual, (int, float)) and not isinstance(actual, bool)


def _has_length(length: Json, actual: Json) -> bool:
    return isinstance(actual, (list, str)) and matches(length, len(actual))


def _is_distinct(_: Json, actual: Json) -> bool:
    if not isinstance(actual, list):
        return False
    texts = [json.dumps(element, sort_keys=True) for element in actual]
    return len(texts) == len(set(texts))


def _exactly(expected: Json, actual: Json) -> bool:
    """Equal to the last member. True is not 1, wherever it stands."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return expected.keys() == actual.keys() and all(_exactly(expected[key], actual[key]) for key in expected)
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(map(_exactly, expected, actual))
    return _equal(expected, actual)


def _all(expected: Json, actual: Json, place: str) -> Iterator[str]:
    for one in expected:
        yield from _compare(one, actual, place)


def _has(expected: Json, actual: Json, place: str) -> Iterator[str]:
    found = actual if isinstance(actual, list) else []
    for one in expected:
        if not any(matches(one, element) for element in found):
            yield _wanted(f"an element like {shown(one)}", actual, place)


def _lacks(expected: Json, actual: Json, place: str) -> Iterator[str]:
    found = actual if isinstance(actual, list) else []
    for one in expected:
        if any(matches(one, element) for element in found):
            yield _wanted(f"no element like {shown(one)}", actual, place)


def _only(expected: Json, actual: Json, place: str) -> Iterator[str]:
    if not isinstance(actual, list):
        yield _wanted("a list", actual, place)
        return
    for position, element in enumerate(actual):
        yield from _compare(expected, element, f"{place}/{position}")


def _set(expected: Json, actual: Json, place: str) -> Iterator[str]:
    if len(expected) == 0 and _is_absent(actual):
        return
    if not isinstance(actual, list) or len(actual) != len(expected):
        yield _wanted(f"these {len(expected)} elements in any order: {shown(expected)}", actual, place)
        return
    missing = list(_has(expected, actual, place))
    yield from missing
    if not missing and not _pairs_off([[matches(one, element) for element in actual] for one in expected]):
        yield _wanted(f"an element of its own for each of {shown(expected)}", actual, place)


def _pairs_off(fits: list[list[bool]]) -> bool:
    """Whether each row can have a column of its own in which it fits (augmenting paths, after Kuhn)."""
    taken: dict[int, int] = {}

    def finds(row: int, tried: set[int]) -> bool:
        for column, fitting in enumerate(fits[row]):
            if fitting and column not in tried:
                tried.add(column)
                if column not in taken or finds(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    return all(finds(row, set()) for row in range(len(fits)))


def _sorted(how: Json, actual: Json, place: str) -> Iterator[str]:
    """Neighbours are in order; where a value is missing the pair is left alone."""
    if not isinstance(actual, list):
        yield _wanted("a list", actual, place)
        return
    values = [point(how.get("by", ""), element) for element in actual]
    values = [value.casefold() if how.get("folded") and isinstance(value, str) else value for value in values]
    for position, (first, second) in enumerate(pairwise(values)):
        if first is MISSING or second is MISSING:
            continue
        pair = (second, first) if how.get("order") == "descending" else (first, second)
        if type(first) is not type(second) or pair[0] > pair[1]:
            order = how.get("order", "ascending")
            yield f"{place}/{position + 1}{how.get('by', '')}: {shown(second)} after {shown(first)} is not {order}"


MATCHERS: Final[Mapping[str, Matcher]] = {
    "$any": _predicate(lambda _, actual: not _is_absent(actual), lambda _: "a value"),
    "$absent": _predicate(lambda _, actual: _is_absent(actual), lambda _: "nothing"),
    "$unassigned": _predicate(
        lambda _, actual: _is_absent(actual) or actual in ("", [], {}), lambda _: "no value, or an empty one"
    ),
    "$type": _predicate(_is_type, lambda name: f"a value of type {name}"),
    "$matches": _predicate(
        lambda expression, actual: isinstance(actual, str) and re.search(expression, actual) is not None,
        lambda expression: f"a text like {expression}",
    ),
    "$folded": _predicate(
        lambda text, actual: isinstance(actual, str) and actual.casefold() == text.casefold(),
        lambda text: f"{shown(text)} in any case",
    ),
    "$datetime": _predicate(
        lambda _, actual: isinstance(actual, str) and DATETIME.fullmatch(actual) is not None, lambda _: "a dateTime"
    ),
    "$exactly": _predicate(_exactly, lambda value: f"exactly {shown(value)}"),
    "$not": _predicate(lambda one, actual: not matches(one, actual), lambda one: f"anything but {shown(one)}"),
    "$some": _predicate(
        lambda those, actual: any(matches(one, actual) for one in those), lambda those: f"one of {shown(those)}"
    ),
    "$all": _all,
    "$has": _has,
    "$lacks": _lacks,
    "$only": _only,
    "$set": _set,
    "$length": _predicate(_has_length, lambda length: f"a length of {shown(length)}"),
    "$at_least": _predicate(
        lambda number, actual: _is_number(actual) and actual >= number, lambda number: f"at least {number}"
    ),
    "$at_most": _predicate(
        lambda number, actual: _is_number(actual) and actual <= number, lambda number: f"at most {number}"
    ),
    "$distinct": _predicate(_is_distinct, lambda _: "elements that differ"),
    "$sorted": _sorted,
}
