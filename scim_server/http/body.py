"""A request body becomes JSON: media type, size, text, syntax, bounds.

The standard library reads and orjson does not, because only the former keeps decimals exact and shows duplicate member
names (R-TYPE-05, R-HTTP-15). What no part of the server could keep is refused here: NUL and lone surrogates, which
PostgreSQL's text cannot hold, integers beyond 64 bits, nesting beyond any schema (R-I18N-09, R-SEC-08).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeVar

from werkzeug.wrappers import Request

from scim_server.domain.schema import Json
from scim_server.domain.text import is_storable
from scim_server.errors import InvalidSyntax, InvalidValue, PayloadTooLarge, UnsupportedMediaType

T = TypeVar("T")

MAX_DEPTH: Final = 32
"""Objects and arrays inside each other. The deepest SCIM message, a group in a bulk request, has seven."""

_DRAINED: Final = 64 * 2**20
_CHUNK: Final = 64 * 2**10
_INT64: Final = range(-(2**63), 2**63)
_MAX_NUMBER: Final = 100
_MAX_EXPONENT: Final = 308
_WHITESPACE: Final = " \t\n\r"
_BLANK: Final = re.compile(f"[{_WHITESPACE}]*")
_SUSPECT_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


@dataclass(frozen=True, slots=True)
class Size:
    """A bound on a body. `name` is what the bound is called where clients can read it."""

    most: int
    name: str | None = None

    def refusal(self) -> PayloadTooLarge:
        known_as = f", the {self.name}" if self.name else ""
        detail = f"The request body is larger than {self.most} bytes{known_as}."
        return PayloadTooLarge(detail, headers={"Connection": "close"})


@dataclass(frozen=True, slots=True)
class Count:
    """A bound on the elements of a member of the root, whose name counts in any case."""

    member: str
    most: int
    name: str

    def refusal(self) -> PayloadTooLarge:
        return PayloadTooLarge(f"{self.member} has more than {self.most} elements, the {self.name}.")


def read_object(request: Request, limit: int) -> dict[str, Json]:
    """The JSON object in the body of a request, of at most `limit` bytes.

    Raises UnsupportedMediaType, PayloadTooLarge, InvalidSyntax, InvalidValue.
    """
    _check_media_type(request)
    return parse_object(_read(request, Size(limit)))


def read_counted_object(request: Request, size: Size, count: Count) -> dict[str, Json]:
    """As `read_object`, with a bound on the elements of one of its members too: no more than one beyond it is parsed
    (R-BULK-03).
    """
    _check_media_type(request)
    return parse_counted_object(_read(request, size), count)


def parse_object(body: bytes) -> dict[str, Json]:
    """A JSON text (RFC 8259) whose root is an object. Raises InvalidSyntax, InvalidValue."""
    text = _decode(body)
    return _checked(text, _parse(text, _DECODER.decode))


def parse_counted_object(body: bytes, count: Count) -> dict[str, Json]:
    """As `parse_object`. Raises PayloadTooLarge once there are too many elements."""
    text = _decode(body)
    if not text.lstrip(_WHITESPACE).startswith("{"):
        return parse_object(body)
    return _checked(text, _parse(text, lambda text: _Counting(text, count).root()))


def _checked(text: str, value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise InvalidSyntax("The body must be a JSON object.")
    _check_depth(text, value)
    if _SUSPECT_ESCAPE.search(text) and not is_storable(value):
        raise InvalidValue("A string in the body holds NUL or half of a surrogate pair.")
    return value


def _check_media_type(request: Request) -> None:
    """JSON under any of its names, with any parameters, or without a name (GOOG-02)."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and not kind.endswith(("/json", "+json")):
        raise UnsupportedMediaType
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedMediaType("Send the body without a content coding.", headers={"Accept-Encoding": "identity"})


def _read(request: Request, size: Size) -> bytes:
    try:
        return _bounded(request, size)
    except OSError:
        # The client sends no more, or chunks that are none.
        raise _incomplete() from None


def _bounded(request: Request, size: Size) -> bytes:
    length = request.content_length
    if length is not None and length > size.most:
        _refuse(request, size)
    if length is None:
        body = b"".join(_take(request, size.most + 1))
        return body if len(body) <= size.most else _refuse(request, size)
    body = request.get_data(cache=False)
    if len(body) < length:
        raise _incomplete()
    return body


def _incomplete() -> InvalidSyntax:
    return InvalidSyntax("The request body did not arrive whole.", headers={"Connection": "close"})


def _take(request: Request, most: int) -> Iterator[bytes]:
    """Up to `most` bytes of a body, in pieces; a stream may give less than it is asked for."""
    while most > 0 and (chunk := request.stream.read(min(most, _CHUNK))):
        most -= len(chunk)
        yield chunk


def _refuse(request: Request, size: Size) -> NoReturn:
    """413. Who still sends would not read it, so a bounded amount is taken first; then the connection ends."""
    with suppress(OSError):
        for _ in _take(request, _DRAINED):
            pass
    raise size.refusal()


def _decode(body: bytes) -> str:
    if not body.strip():
        raise InvalidSyntax("The request has no body.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidSyntax("The body is not UTF-8.") from None


def _parse(text: str, decode: Callable[[str], Any]) -> Any:
    try:
        return decode(text)
    except json.JSONDecodeError as error:
        raise InvalidSyntax(f"The body is not valid JSON: line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise _too_deep() from None


def _object(members: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(members)
    if len(value) < len(members):
        raise InvalidSyntax("An object in the body has two members of the same name.")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) <= _MAX_NUMBER else _INT64.stop
    if value not in _INT64:
        raise InvalidValue("An integer in the body does not fit into 64 bits.")
    return value


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _unfit_number() from None
    if len(text) > _MAX_NUMBER or abs(value.adjusted()) > _MAX_EXPONENT:
        raise _unfit_number()
    return value


def _unfit_number() -> InvalidValue:
    return InvalidValue("A number in the body is too long, too large or too close to zero.")


def _constant(text: str) -> NoReturn:
    raise InvalidSyntax(f"{text} is not JSON.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_decimal, parse_constant=_constant
)


class _Counting:
    """Reads an object member by member, and the counted member element by element, with the decoder's own scanner."""

    def __init__(self, text: str, count: Count) -> None:
        self._text = text
        self._count = count
        self._at = 0

    def root(self) -> dict[str, Json]:
        self._expect("{")
        members = [] if self._follows("}") else [*self._items(self._member, "}")]
        if self._next():
            raise self._fault()
        return _object(members)

    def _items(self, read: Callable[[], T], end: str) -> Iterator[T]:
        """What stands between commas, up to the end."""
        while True:
            yield read()
            if self._follows(end):
                return
            self._expect(",")

    def _member(self) -> tuple[str, Json]:
        if self._next() != '"':
            raise self._fault()
        name = self._value()
        self._expect(":")
        is_counted = name.lower() == self._count.member.lower() and self._follows("[")
        return name, self._elements() if is_counted else self._value()

    def _elements(self) -> list[Json]:
        elements: list[Json] = []
        if self._follows("]"):
            return elements
        for element in self._items(self._value, "]"):
            if len(elements) == self._count.most:
                raise self._count.refusal()
            elements.append(element)
        return elements

    def _value(self) -> Any:
        self._next()
        value, self._at = _DECODER.raw_decode(self._text, self._at)
        return value

    def _next(self) -> str:
        """The next character that is no white space; empty at the end."""
        self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing too
        return self._text[self._at : self._at + 1]

    def _follows(self, character: str) -> bool:
        found = self._next() == character
        self._at += found
        return found

    def _expect(self, character: str) -> None:
        if not self._follows(character):
            raise self._fault()

    def _fault(self) -> json.JSONDecodeError:
        return json.JSONDecodeError("Unexpected character", self._text, self._at)


def _check_depth(text: str, value: Json) -> None:
    """Level by level, and only where there are enough brackets for it."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _members(outer) if isinstance(inner, (dict, list))]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> InvalidSyntax:
    return InvalidSyntax(f"The body has more than {MAX_DEPTH} objects and arrays inside each other.")


def _members(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value
