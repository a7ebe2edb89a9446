"""A server that answers as a test says, and a run against it."""

import json
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from conformance.exchange import NoAnswer, Request, Response
from conformance.masking import Masking
from conformance.player import Player
from conformance.reading import Node, fixture_of, scenario_of
from conformance.results import Result
from conformance.scenario import Capability, Suite
from conformance.session import Session

Answer = tuple[int, Any] | tuple[int, Any, Mapping[str, str]] | Exception


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """A Response; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    return Response(status, {name.lower(): value for name, value in (headers or {}).items()}, content, 0.01)


def parsed(body: bytes | None) -> Any:
    """The body as JSON, or as it is where it is none."""
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body


class Scripted:
    """A transport whose answers come from a function of the request; it keeps what was sent."""

    def __init__(self, respond: Callable[[str, str, Any], Answer]) -> None:
        self._respond = respond
        self.sent: list[Request] = []
        self._lock = Lock()

    def send(self, request: Request) -> Response:
        with self._lock:
            self.sent.append(request)
        given = self._respond(request.method, request.target, parsed(request.body))
        if isinstance(given, Exception):
            raise NoAnswer(str(given))
        return answer(*given)

    @property
    def lines(self) -> list[str]:
        """Method and target of each request."""
        return [f"{request.method} {request.target}" for request in self.sent]


def session(transport: Scripted, **changes: Any) -> Session:
    """A session at http://scim.example/v2, signed in with the token `t0ken`, whose run is called `run`."""
    values: dict[str, Any] = {
        "base_url": "http://scim.example/v2",
        "transport": transport,
        "credentials": {"Authorization": "Bearer t0ken"},
        "run": "run",
        "masking": Masking(["t0ken"]),
    }
    return Session(**{**values, **changes})


STAKE = {"items": ["ENTRA-03"], "level": "must", "breaks": "It stops.", "fix": "Mend it."}


def suite(fixtures: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Suite:
    """A suite without scenarios."""
    made = {name: fixture_of(Node(each, name)) for name, each in (fixtures or {}).items()}
    return Suite("test", "Test", "", headers or {}, made, (), ())


def play(
    transport: Scripted,
    *steps: Any,
    of: Suite | None = None,
    within: Session | None = None,
    limit: float = 10.0,
    **members: Any,
) -> Result:
    """What becomes of a scenario of these steps."""
    node = Node({"id": "test", "title": "It is so", **STAKE, "steps": list(steps), **members}, "test")
    scenario = scenario_of(node, Capability.READ)
    return Player(within or session(transport), of or suite(), scenario, lambda exchange: None, limit).play()
