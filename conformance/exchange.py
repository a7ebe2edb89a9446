"""A request as it is sent, an answer as it came, and what sends the one and brings the other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Json = Any
"""What `json.loads` gives: dict, list, str, int, float, bool or None."""


class NoAnswer(Exception):
    """The server could not be reached, or closed, or took too long; the message says which."""


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
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def is_json(self) -> bool:
        try:
            json.loads(self.body)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer, or why there was none."""

    request: Request
    response: Response | None
    fault: str | None = None


class Transport(Protocol):
    """Sends requests, from several threads at once."""

    def send(self, request: Request) -> Response:
        """The answer, whatever its status. Raises `NoAnswer`."""
        ...
