"""What a server says of itself before anything is sent to it: configuration, resource types, schemas."""

from typing import Final

from conformance.exchange import Json, Response
from conformance.session import Session
from conformance.span import Span

WAITING: Final = 60.0
"""Seconds that are waited for a server that has too much to do, for each answer."""


class Unreachable(Exception):
    """There is no SCIM server at the base URL, or it refuses the credentials; the message says which."""


def ask(session: Session) -> dict[str, Json]:
    """`config` is ServiceProviderConfig, `resource_types` and `schemas` are by id; None or empty if not served.

    `by_schema` has the resource types by the URN of their schema, so that a scenario can look for a kind of resource
    whatever the server calls it; of several with one schema it has the first. Raises `Unreachable`.
    """
    _check(session)
    resource_types = _by_id(_read(session, "/ResourceTypes"))
    return {
        "config": _read(session, "/ServiceProviderConfig"),
        "resource_types": resource_types,
        "by_schema": {str(one["schema"]): one for one in reversed(resource_types.values()) if "schema" in one},
        "schemas": _by_id(_read(session, "/Schemas")),
    }


def _check(session: Session) -> None:
    """What no scenario could be played without: an answer, and credentials that are taken."""
    response = _get(session, "/Users?startIndex=1&count=1")
    if response.status in (401, 403):
        raise Unreachable(f"{session.base_url} refuses the credentials: it answers {response.status} to GET /Users.")
    if response.status == 404 and not _get(session, "/ServiceProviderConfig").is_success:
        raise Unreachable(f"There is no SCIM server at {session.base_url}: it answers 404 to GET /Users.")


def _get(session: Session, target: str) -> Response:
    exchange = session.exchange("GET", target, session.signed, None, Span(WAITING))
    if exchange.response is None:
        raise Unreachable(f"{session.base_url}: {exchange.fault}.")
    return exchange.response


def _read(session: Session, path: str) -> Json:
    response = _get(session, path)
    return response.json() if response.is_success else None


def _by_id(answer: Json) -> dict[str, Json]:
    """A list as it is, or as a ListResponse has it; some servers answer with a bare array."""
    resources = answer.get("Resources") if isinstance(answer, dict) else answer
    if not isinstance(resources, list):
        return {}
    return {str(one.get("id") or one.get("name")): one for one in resources if isinstance(one, dict)}
