"""What a request made, seen in its answer."""

from typing import Any

import pytest

from conformance.made import Made, made_by
from tests.conformance.fakes import answer

MAKES: list[tuple[str, str, Any, Any, list[Made]]] = [
    (
        "POST",
        "/Users",
        {"userName": "a"},
        answer(201, {"id": "x y"}),
        [Made("/Users/x%20y", "/Users", ("userName", "a"))],
    ),
    ("POST", "/Users/?x=1", {}, answer(200, {"id": 7}), [Made("/Users/7", "/Users", None)]),
    ("POST", "/Groups", {"displayName": "g"}, answer(201, b"<p>"), [Made(None, "/Groups", ("displayName", "g"))]),
    ("POST", "/Users", {"userName": "a"}, answer(500, {}), [Made(None, "/Users", ("userName", "a"))]),
    ("POST", "/Users", {"userName": "a"}, None, [Made(None, "/Users", ("userName", "a"))]),
    ("POST", "/Users", {"userName": "a"}, answer(409, {"id": "other"}), []),
    ("POST", "/Users/.search", {}, answer(200, {"id": "1"}), []),
    ("POST", "/.search", {}, answer(200, {"id": "1"}), []),
    ("PUT", "/Users/1", {"userName": "a"}, answer(200, {"id": "1"}), []),
    ("GET", "/Users/1", None, answer(200, {"id": "1"}), []),
    (
        "POST",
        "/Bulk",
        {"Operations": [{"method": "POST", "path": "/Users", "data": {"userName": "a"}}]},
        answer(
            200,
            {
                "Operations": [
                    {"method": "POST", "status": "201", "location": "http://scim.example/v2/Users/1"},
                    {"method": "POST", "status": "409"},
                    {"method": "PUT", "status": "200", "location": "http://scim.example/v2/Users/2"},
                ]
            },
        ),
        [Made("/Users/1", "", None)],
    ),
    (
        "POST",
        "/Bulk",
        {"Operations": [{"method": "post", "path": "/Users", "data": {"userName": "a"}}, {"method": "DELETE"}]},
        answer(500, b"oops"),
        [Made(None, "/Users", ("userName", "a"))],
    ),
]


@pytest.mark.parametrize(("method", "target", "sent", "response", "made"), MAKES)
def test_what_a_request_made_is_seen_in_its_answer(
    method: str, target: str, sent: Any, response: Any, made: list[Made]
) -> None:
    assert made_by(method, target, sent, response) == made
