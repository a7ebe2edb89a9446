"""A request as it is sent, an answer as it came, and what sends the one and brings the other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

Json = Any
"""What `json.loads` gives: dict, list, str, int, float, bool or None."""


DEEPEST: Final = 100
"""Levels of JSON that are read: SCIM has less than ten, and what goes deeper could not be shown."""


class NoAnswer(Exception):
    """The server could not be reached, or closed, or took too long; the message says which."""


class Withheld(Exception):
    """A request that is not sent; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is what stands in the request line; `body` is None where none is sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """Header names are in lower case; of several fields of one name the values are joined by a comma and a blank."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Json:
        """The parsed body; None where there is none or where it is not JSON (`is_json` tells them apart)."""
        try:
            return parsed(self.body)
        except ValueError:
            return None

    @property
    def is_json(self) -> bool:
        try:
            parsed(self.body)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, or why there was none."""

    request: Request
    response: Response | None
    fault: str | None = None


def parsed(body: bytes) -> Json:
    """What a JSON text holds. NaN and Infinity are none (RFC 8259 section 6). Raises ValueError."""
    try:
        value = json.loads(body, parse_constant=_refused)
    except RecursionError:
        raise ValueError("too deep") from None
    _check_depth(value)
    if b"\\u" not in body:
        return value
    # A lone half of a surrogate pair ("\ud800") can be written in JSON, but neither sent nor shown.
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))


def _refused(constant: str) -> Json:
    raise ValueError(f"{constant} is no JSON")


def _check_depth(value: Json) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [member for one in level if isinstance(one, (dict, list)) for member in _within(one)]
        if not level:
            return
    raise ValueError("too deep")


def _within(one: Json) -> list[Json]:
    return list(one.values()) if isinstance(one, dict) else one


class Transport(Protocol):
    """Sends requests, from several threads at once."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status. Raises `NoAnswer`."""
        ...
