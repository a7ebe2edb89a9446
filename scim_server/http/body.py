"""A request body becomes JSON: media type, size, text, syntax, bounds.

The standard library reads and orjson does not, because only the former keeps decimals exact and shows duplicate member
names (R-TYPE-05, R-HTTP-15). What no part of the server could keep is refused here: NUL and lone surrogates, which
PostgreSQL's text cannot hold, integers beyond 64 bits, nesting beyond any schema (R-I18N-09, R-SEC-08).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

from werkzeug.wrappers import Request

from scim_server.domain.schema import Json
from scim_server.domain.text import is_storable
from scim_server.errors import InvalidSyntax, InvalidValue, PayloadTooLarge, UnsupportedMediaType

MAX_DEPTH: Final = 32
"""Objects and arrays inside each other. The deepest SCIM message, a group in a bulk request, has seven."""

_DRAINED: Final = 64 * 2**20
_CHUNK: Final = 64 * 2**10
_INT64: Final = range(-(2**63), 2**63)
_MAX_NUMBER: Final = 100
_MAX_EXPONENT: Final = 308
_SUSPECT_ESCAPE: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def read_object(request: Request, limit: int) -> dict[str, Json]:
    """The JSON object in the body of a request, of at most `limit` bytes.

    Raises UnsupportedMediaType, PayloadTooLarge, InvalidSyntax, InvalidValue.
    """
    _check_media_type(request)
    return parse_object(_read(request, limit))


def parse_object(body: bytes) -> dict[str, Json]:
    """A JSON text (RFC 8259) whose root is an object. Raises InvalidSyntax, InvalidValue."""
    text = _decode(body)
    value = _parse(text)
    if not isinstance(value, dict):
        raise InvalidSyntax("The body must be a JSON object.")
    _check_depth(text, value)
    if _SUSPECT_ESCAPE.search(text) and not is_storable(value):
        raise InvalidValue("A string in the body holds NUL or half of a surrogate pair.")
    return value


def _check_media_type(request: Request) -> None:
    """JSON under any of its names, with any parameters, or without a name (design, section 5; GOOG-02)."""
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and not kind.endswith(("/json", "+json")):
        raise UnsupportedMediaType
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise UnsupportedMediaType("Send the body without a content coding.", headers={"Accept-Encoding": "identity"})


def _read(request: Request, limit: int) -> bytes:
    try:
        return _bounded(request, limit)
    except OSError:
        # The client sends no more, or chunks that are none.
        raise _incomplete() from None


def _bounded(request: Request, limit: int) -> bytes:
    length = request.content_length
    if length is not None and length > limit:
        _refuse(request, limit)
    if length is None:
        body = b"".join(_take(request, limit + 1))
        return body if len(body) <= limit else _refuse(request, limit)
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


def _refuse(request: Request, limit: int) -> NoReturn:
    """413. Who still sends would not read it, so a bounded amount is taken first; then the connection ends."""
    with suppress(OSError):
        for _ in _take(request, _DRAINED):
            pass
    raise PayloadTooLarge(f"The request body is larger than {limit} bytes.", headers={"Connection": "close"})


def _decode(body: bytes) -> str:
    if not body.strip():
        raise InvalidSyntax("The request has no body.")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise InvalidSyntax("The body is not UTF-8.") from None


def _parse(text: str) -> Any:
    try:
        return _DECODER.decode(text)
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
