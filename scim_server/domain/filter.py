"""Filters: what a client wrote, and the same bound to one resource type.

Two families of nodes, so that an unbound filter cannot reach `match` or storage:

    unbound                         bound
    Comparison  path op literal     Test       path op key        (PRESENT has no key)
    Presence    path pr             ElementTest  sub op key       (inside brackets: relative to one element)
    Elements    path [ filter ]     AnyElement path [ filter ]    (one element for which the filter holds)
    And Or Not                      BoundAnd BoundOr BoundNot
                                    Always     true or false      (an attribute that this resource type lacks)

`binding` makes the one of the other. The bound meaning is exact and two-valued (R-FILT-31, -32):

    values of a path    the comparison keys of all its values: several of a multi-valued attribute, none of an absent
    eq co sw ew gt ge lt le    some value satisfies it        ne    no value at all, or some value differs
    pr    some value that is not the empty string             not   the complement

`eq null` binds to not pr, `ne null` to pr.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from scim_server.domain.attrpath import AttrPath, BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.schema import Attribute

Literal: TypeAlias = str | bool | int | Decimal | None

_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,63})(\.[0-9]{1,64})?([eE][+-]?[0-9]{1,4})?")


def number(text: str) -> int | Decimal | None:
    """The number that a text is in JSON (RFC 8259 section 6); None for any other text, or one of too many digits."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return Decimal(text) if match[1] or match[2] else int(text)


class Operator(StrEnum):
    EQ = "eq"
    NE = "ne"
    CO = "co"
    SW = "sw"
    EW = "ew"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"
    PR = "pr"


@dataclass(frozen=True, slots=True)
class Comparison:
    path: AttrPath
    operator: Operator
    literal: Literal


@dataclass(frozen=True, slots=True)
class Presence:
    path: AttrPath


@dataclass(frozen=True, slots=True)
class Elements:
    path: AttrPath
    condition: Filter


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: Filter


Filter: TypeAlias = Comparison | Presence | Elements | And | Or | Not


@dataclass(frozen=True, slots=True)
class ValuePath:
    """A PATCH path with a filter: `emails[type eq "work"].value` (RFC 7644 figure 7)."""

    path: AttrPath
    condition: Filter
    sub: str | None = None


PatchPath: TypeAlias = AttrPath | ValuePath


@dataclass(frozen=True, slots=True)
class Test:
    path: BoundPath
    operator: Operator
    key: Key | None = None

    __test__ = False  # not a test class for pytest


@dataclass(frozen=True, slots=True)
class ElementTest:
    """`sub` is None where the elements are simple values: `schemas[value eq "..."]`."""

    sub: Attribute | None
    operator: Operator
    key: Key | None = None


@dataclass(frozen=True, slots=True)
class AnyElement:
    """Some element of the attribute satisfies the condition, whose leaves are ElementTests."""

    path: BoundPath
    condition: BoundFilter


@dataclass(frozen=True, slots=True)
class BoundAnd:
    terms: tuple[BoundFilter, ...]


@dataclass(frozen=True, slots=True)
class BoundOr:
    terms: tuple[BoundFilter, ...]


@dataclass(frozen=True, slots=True)
class BoundNot:
    term: BoundFilter


@dataclass(frozen=True, slots=True)
class Always:
    value: bool


BoundFilter: TypeAlias = Test | ElementTest | AnyElement | BoundAnd | BoundOr | BoundNot | Always


def count_tests(condition: BoundFilter) -> int:
    """How many comparisons a filter makes; `Always` counts as one."""
    match condition:
        case BoundAnd(terms) | BoundOr(terms):
            return sum(map(count_tests, terms))
        case BoundNot(inner) | AnyElement(_, inner):
            return count_tests(inner)
        case _:
            return 1
