"""The reference meaning of a filter: what the docstring of `filter` says, evaluated on one resource.

Storage answers searches from the database; this says what it must answer, and PATCH selects elements with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import contains, eq, ge, gt, le, lt
from typing import Any, Final, assert_never

from scim_server.domain import compare
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.filter import (
    Always,
    AnyElement,
    BoundAnd,
    BoundFilter,
    BoundNot,
    BoundOr,
    ElementTest,
    Operator,
    Test,
)
from scim_server.domain.schema import Attribute, Json


def matches(condition: BoundFilter, attributes: Mapping[str, Json]) -> bool:
    """Whether the filter holds for a resource.

    `attributes` is the whole resource as canonical JSON: `schemas`, `id`, `meta`, rows and derived attributes included.
    """
    match condition:
        case Test(path, operator, key):
            return _holds(operator, _at(path, attributes), path.leaf, key)
        case AnyElement(path, inner):
            elements = _at(path, attributes)
            return any(element_matches(inner, element, path.attribute) for element in elements)
        case BoundAnd(terms):
            return all(matches(term, attributes) for term in terms)
        case BoundOr(terms):
            return any(matches(term, attributes) for term in terms)
        case BoundNot(term):
            return not matches(term, attributes)
        case Always(value):
            return value
        case ElementTest():
            raise TypeError("a test of an element stands outside of brackets")
        case _:
            assert_never(condition)


def element_matches(condition: BoundFilter, element: Json, attribute: Attribute) -> bool:
    """Whether the filter in brackets holds for one canonical element of `attribute`."""
    match condition:
        case ElementTest(sub, operator, key):
            return _holds(operator, _members(element, sub), sub or attribute, key)
        case BoundAnd(terms):
            return all(element_matches(term, element, attribute) for term in terms)
        case BoundOr(terms):
            return any(element_matches(term, element, attribute) for term in terms)
        case BoundNot(term):
            return not element_matches(term, element, attribute)
        case Always(value):
            return value
        case Test() | AnyElement():
            raise TypeError("a test of a resource stands inside brackets")
        case _:
            assert_never(condition)


_RELATIONS: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    Operator.EQ: eq,
    Operator.CO: contains,
    Operator.SW: str.startswith,
    Operator.EW: str.endswith,
    Operator.GT: gt,
    Operator.GE: ge,
    Operator.LT: lt,
    Operator.LE: le,
}


def _holds(operator: Operator, values: Iterable[Json], attribute: Attribute, key: Key | None) -> bool:
    if operator is Operator.PR:
        return any(map(_is_present, values))
    keys = [compare.key(attribute, value) for value in values]
    if operator is Operator.NE:
        return not keys or any(found != key for found in keys)
    holds = _RELATIONS[operator]
    return any(holds(found, key) for found in keys)


def _is_present(value: Json) -> bool:
    """Whether it is, or holds, a value that is not the empty string; false and 0 are values (R-FILT-28)."""
    if isinstance(value, dict):
        return any(map(_is_present, value.values()))
    if isinstance(value, list):
        return any(map(_is_present, value))
    return value is not None and value != ""


def _at(path: BoundPath, attributes: Mapping[str, Json]) -> list[Json]:
    """The values at a path: several of a multi-valued attribute, none of an absent one."""
    values: list[Json] = [attributes]
    for step in path.steps:
        values = [member for value in values for member in _spread(value.get(step))]
    return values


def _members(element: Json, sub: Attribute | None) -> list[Json]:
    return [element] if sub is None else _spread(element.get(sub.name))


def _spread(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
