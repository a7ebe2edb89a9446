"""The operators of filters on values, as SQL.

A literal may hold text that no database can store; it is compared by what lies beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Final

from sqlalchemy import BigInteger, Text, and_, false, literal, or_

from scim_server.domain.compare import Key
from scim_server.domain.filter import Operator
from scim_server.domain.text import is_storable, unstorable_place
from scim_server.storage.sql.nodes import Condition, Expression, Node, Values, negated
from scim_server.storage.sql.spelling import Spelling


class Operators:
    """The operators on one value, and on all values of a path."""

    def __init__(self, spelling: Spelling) -> None:
        self._spelling = spelling

    def on(self, values: Values, operator: Operator, key: Key | None) -> Condition:
        """Whether the test holds for the values of a path (`domain.filter`); NULL is no."""
        if operator is Operator.PR:
            return values.some(lambda node: node.present())
        assert key is not None
        holds = values.some(lambda node: self._holds(node, operator, key))
        if operator is not Operator.NE:
            return holds
        return or_(negated(values.some(lambda node: node.exists())), holds)

    def _holds(self, node: Node, operator: Operator, key: Key) -> Condition:
        if isinstance(key, str):
            return self._text_holds(node.text(), operator, key)
        value = node.boolean() if isinstance(key, bool) else node.number()
        return _COMPARISONS[operator](value, literal(int(key), BigInteger))

    def _text_holds(self, value: Expression, operator: Operator, key: str) -> Condition:
        if not is_storable(key):
            return _beside(value, operator, key)
        match operator:
            case Operator.CO:
                return self._spelling.place_of(literal(key, Text), value) > 0
            case Operator.SW:
                return begins(value, key)
            case Operator.EW:
                return self._spelling.last(value, len(key)) == key if key else value.is_not(None)
            case _:
                return _COMPARISONS[operator](value, literal(key, Text))


_COMPARISONS: Final[Mapping[Operator, Callable[[Expression, Expression], Condition]]] = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.GT: gt,
    Operator.GE: ge,
    Operator.LT: lt,
    Operator.LE: le,
}


def _beside(value: Expression, operator: Operator, key: str) -> Condition:
    """A test with a text that no value can be, but that lies between values."""
    if operator in (Operator.GT, Operator.GE):
        return value >= _least_above(key)
    if operator in (Operator.LT, Operator.LE):
        return value < _least_above(key)
    return value.is_not(None) if operator is Operator.NE else false()


def begins(value: Expression, prefix: str) -> Condition:
    """Whether a text begins with the prefix, as a range, which an index can serve."""
    end = _successor(prefix)
    return value >= prefix if end is None else and_(value >= prefix, value < end)


_LAST: Final = "\U0010ffff"


def _successor(prefix: str) -> str | None:
    """The least text that is greater than all that begin with the prefix, by code point; None where there is none."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + ("\ue000" if following == 0xD800 else chr(following))


_AFTER: Final[Mapping[bool, str]] = {True: "\x01", False: "\ue000"}


def _least_above(text: str) -> str:
    """The least storable text that is not less than an unstorable one: the same bound for every stored value."""
    place = unstorable_place(text)
    return text if place is None else text[:place] + _AFTER[text[place] == "\0"]
