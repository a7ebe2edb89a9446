"""The tokens of a filter, found by position.

The library's own lexer takes words out of context: it ends a string at an escaped quote, knows only one-digit
numbers, and an attribute called `eq` or `nothing` is an operator to it. In a filter the position says what a word is,
so there are no reserved words:

    term         "("  "not" before "("  or a path           -> term, term, after_path
    after_path   "[" right behind it, else an operator      -> term, value; joint after "pr"
    value        a literal                                  -> joint
    joint        ")"  "]"  "and"  "or"                      -> joint, after_brackets, term
    after_brackets   ".sub" right behind it (ENTRA-05), else as joint

The tokens are those that the library's parser reads, with values decoded. Whether parentheses match is the parser's
business.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Tolerance
from scim_server.domain.filter import Literal, Operator, number
from scim_server.errors import InvalidFilter
from scim_server.filtering.limits import Limits


@dataclass(frozen=True, slots=True)
class Token:
    """`type` is one of the library's token names; `index` and `end` are positions in the text."""

    type: str
    value: Literal
    index: int
    end: int
    lineno: int = 1


_NAME: Final = r"[A-Za-z$][A-Za-z0-9_$-]*"
# The URI takes in every colon but the last (RFC 7644 section 3.10): dots in it separate nothing.
PATH: Final = re.compile(
    rf'(?:([A-Za-z][A-Za-z0-9+.-]*:[^\s"()\[\]]*|[A-Za-z][A-Za-z0-9+.-]*):)?({_NAME})(?:\.({_NAME}))?'
)
SUB: Final = re.compile(rf"\.({_NAME})")
_BLANKS: Final = re.compile(r"[ \t]*")
_NOT: Final = re.compile(r"not(?=[ \t]*\()", re.IGNORECASE)
_JOINT: Final = re.compile(r"(and|or)(?=[ \t(]|$)", re.IGNORECASE)
_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORD: Final = re.compile(r'[^\s"()\[\]]+')
_UNFIT: Final = re.compile("[\0\ud800-\udfff]")
_OPERATORS: Final = {operator.value: operator for operator in Operator}
_CONSTANTS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}

_State: TypeAlias = Callable[[], "_State"]


def attribute_path(match: re.Match[str]) -> AttrPath:
    """The path that PATH matched."""
    urn, name, sub = match.groups()
    return AttrPath(name, sub, urn)


class Lexer:
    """The tokens of one text, an iterator. `needs` has, once it is read, what the RFC's grammar has not."""

    def __init__(self, text: str, limits: Limits) -> None:
        if len(text) > limits.length:
            raise InvalidFilter(f"The filter is longer than {limits.length} characters.")
        self.needs: set[Tolerance] = set()
        self._text = text
        self._limits = limits
        self._index = 0
        self._blank = True
        self._tokens: list[Token] = []
        self._terms = 0
        self._open: list[str] = []

    def __iter__(self) -> Iterator[Token]:
        state: _State = self._term
        while self._skip_blanks():
            state = state()
            yield from self._tokens
            self._tokens.clear()

    def _skip_blanks(self) -> bool:
        """Whether there is text behind the blanks."""
        match = _BLANKS.match(self._text, self._index)
        end = match.end() if match else self._index
        self._blank = end > self._index
        self._index = end
        return end < len(self._text)

    def _term(self) -> _State:
        if self._take_character("("):
            return self._term
        if negation := _NOT.match(self._text, self._index):
            self._emit("NOT", "not", negation.end())
            return self._term
        found = PATH.match(self._text, self._index)
        if found is None:
            raise self._fault("an attribute name")
        self._emit_path(found)
        return self._operator if found[3] else self._after_path

    def _after_path(self) -> _State:
        if not self._blank and self._take_character("["):
            return self._term
        return self._operator()

    def _operator(self) -> _State:
        word = _WORD.match(self._text, self._index)
        operator = _OPERATORS.get(word[0].lower()) if word and self._blank else None
        if word is None or operator is None:
            raise self._fault("a blank and an operator such as eq")
        self._terms += 1
        if self._terms > self._limits.terms:
            raise InvalidFilter(f"The filter has more than {self._limits.terms} comparisons.")
        self._emit(operator.name, operator.value, word.end())
        return self._joint if operator is Operator.PR else self._value

    def _value(self) -> _State:
        if not self._blank:
            raise self._fault("a blank before the value")
        if string := _STRING.match(self._text, self._index):
            self._emit("COMP_VALUE", _decoded(string[0]), string.end())
        elif word := _WORD.match(self._text, self._index):
            self._emit_word(word)
        else:
            raise self._fault("a value: a string in double quotes, a number, true, false or null")
        return self._joint

    def _joint(self) -> _State:
        if self._take_character(")"):
            return self._after_group
        if self._take_character("]"):
            return self._after_brackets
        return self._conjunction() if self._blank else self._unseparated()

    def _after_group(self) -> _State:
        self._blank = True  # a parenthesis separates as well as a blank does
        return self._joint()

    def _after_brackets(self) -> _State:
        sub = SUB.match(self._text, self._index)
        if sub is None or self._blank:
            return self._after_group()
        self.needs.add(Tolerance.COMPARED_VALUE_PATH)
        self._emit("SUBATTR", sub[1], sub.end())
        return self._operator

    def _conjunction(self) -> _State:
        word = _JOINT.match(self._text, self._index)
        if word is None:
            raise self._fault("and, or, or the end")
        self._emit(word[1].upper(), word[1].lower(), word.end())
        return self._term

    def _unseparated(self) -> _State:
        raise self._fault("a blank, a closing parenthesis or the end")

    def _emit(self, name: str, value: Literal, end: int) -> None:
        self._tokens.append(Token(name, value, self._index, end))
        self._index = end

    def _emit_path(self, found: re.Match[str]) -> None:
        urn, name, sub = found.groups()
        if urn is not None:
            self._emit("SCHEMA_URI", urn, found.start(2))
        self._emit("ATTRNAME", name, found.end(2))
        if sub is not None:
            self._emit("SUBATTR", sub, found.end())

    def _emit_word(self, word: re.Match[str]) -> None:
        """A literal without quotes: a constant in any case, a number, or else a word, unknown to the RFC (ENTRA-04)."""
        text = word[0]
        if text.lower() in _CONSTANTS:
            self._emit(text.upper(), _CONSTANTS[text.lower()], word.end())
        elif (value := number(text)) is not None:
            self._emit("NUMBER", value, word.end())
        elif text.startswith("'"):
            raise self._fault("double quotes")
        else:
            self.needs.add(Tolerance.BARE_WORD)
            self._emit("COMP_VALUE", _checked(text), word.end())

    def _take_character(self, character: str) -> bool:
        if self._text[self._index] != character:
            return False
        self._nest(character)
        self._emit(_CHARACTERS[character], character, self._index + 1)
        return True

    def _nest(self, character: str) -> None:
        if character in ")]":
            del self._open[-1:]
            return
        self._open.append(character)
        if len(self._open) > self._limits.depth:
            raise InvalidFilter(f"The filter nests deeper than {self._limits.depth} levels.")
        if self._open.count("[") > self._limits.brackets:
            raise InvalidFilter("Brackets inside brackets are not supported.")

    def _fault(self, expected: str) -> InvalidFilter:
        rest = self._text[self._index : self._index + 32]
        return InvalidFilter(f"At character {self._index + 1} of the filter {expected} is expected, not {rest!r}.")


_CHARACTERS: Final = {"(": "LPAREN", ")": "RPAREN", "[": "LBRACKET", "]": "RBRACKET"}


def _decoded(quoted: str) -> str:
    """The text that a JSON string stands for (R-FILT-09)."""
    if "\\" not in quoted:
        return _checked(quoted[1:-1])
    try:
        text: str = json.loads(quoted)
    except ValueError:
        raise InvalidFilter(f"JSON does not know an escape in the string {quoted[:64]!r}.") from None
    return _checked(text)


def _checked(text: str) -> str:
    """The text, which no stored value could equal were there a NUL or half a surrogate pair in it (R-I18N-09)."""
    if _UNFIT.search(text):
        raise InvalidFilter("The filter has a string with a NUL or a lone surrogate.")
    return text
