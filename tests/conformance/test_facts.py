"""What a server says of itself, and what is said where nothing can be."""

from typing import Any

import pytest

from conformance.facts import Unreachable, ask
from tests.conformance.fakes import Answer, Scripted, session

TYPES = [
    {"id": "User", "name": "User", "endpoint": "/Users", "schema": "urn:x:core:2.0:User"},
    {"name": "Role", "endpoint": "/Roles", "schema": "urn:x:core:1.0:Entitlement"},
    {"id": "License", "name": "License", "endpoint": "/Licenses", "schema": "urn:x:core:1.0:Entitlement"},
    {"id": "Odd", "name": "Odd", "endpoint": "/Odd"},
]
BASE = "/v2"


def server(answers: dict[str, Answer]) -> Scripted:
    """Answers these paths as said, /Users with an empty list and anything else with 404."""
    known: dict[str, Answer] = {"/Users": (200, {"totalResults": 0}), **answers}
    return Scripted(lambda method, target, body: known.get(target.removeprefix(BASE).partition("?")[0], (404, None)))


@pytest.mark.parametrize("published", [TYPES, {"totalResults": 4, "Resources": TYPES}])
def test_resource_types_are_known_by_id_and_by_schema(published: Any) -> None:
    facts = ask(session(server({"/ResourceTypes": (200, published)})))
    assert facts["resource_types"] == {"User": TYPES[0], "Role": TYPES[1], "License": TYPES[2], "Odd": TYPES[3]}
    assert facts["by_schema"] == {"urn:x:core:2.0:User": TYPES[0], "urn:x:core:1.0:Entitlement": TYPES[1]}


def test_what_is_not_served_is_not_known() -> None:
    assert ask(session(server({}))) == {"config": None, "resource_types": {}, "by_schema": {}, "schemas": {}}


UNREACHABLE: list[tuple[dict[str, Answer], str]] = [
    ({"/Users": (401, None)}, "refuses the credentials"),
    ({"/Users": (403, None)}, "refuses the credentials"),
    ({"/Users": (404, None)}, "no SCIM server"),
    ({"/Users": OSError("refused")}, "refused"),
]


@pytest.mark.parametrize(("answers", "said"), UNREACHABLE)
def test_a_server_that_cannot_be_asked_is_unreachable(answers: dict[str, Answer], said: str) -> None:
    with pytest.raises(Unreachable, match=said):
        ask(session(server(answers)))
