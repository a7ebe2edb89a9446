"""Where a run sends its requests, and what names it gives."""

import json

import pytest

from conformance.session import Elsewhere
from tests.conformance.fakes import Scripted, play, session

PATHS = [
    ("/Users", "/v2/Users"),
    ('/Users?filter=a eq "é"&', "/v2/Users?filter=a%20eq%20%22%C3%A9%22&"),
    ("/Users/1?", "/v2/Users/1?"),
    ("/Users?filter=a+eq+%22b%22", "/v2/Users?filter=a+eq+%22b%22"),
    ("/Users#x", "/v2/Users%23x"),
    ("http://scim.example/v2/Users/1?a=b", "/v2/Users/1?a=b"),
]


@pytest.mark.parametrize(("target", "path"), PATHS)
def test_a_target_is_sent_as_it_is_written_below_the_base_url(target: str, path: str) -> None:
    assert session(Scripted(lambda *_: (200, {}))).path_of(target) == path


@pytest.mark.parametrize(
    "target",
    [
        "https://scim.example/v2/Users/1",
        "http://scim.example:81/v2/Users",
        "http://scim.example/v1/Users",
        "http://scim.example/v20/Users",
        "http://x@scim.example/v2/",
    ],
)
def test_credentials_go_nowhere_else(target: str) -> None:
    with pytest.raises(Elsewhere):
        session(Scripted(lambda *_: (200, {}))).path_of(target)


def test_every_scenario_has_names_of_its_own() -> None:
    server = Scripted(lambda method, target, body: (200, {}))
    within = session(server)
    for _ in range(3):
        play(server, {"send": "PUT /x", "body": {"userName": "{{unique}}"}, "expect": {}}, within=within)
    names = [json.loads(request.body or b"")["userName"] for request in server.sent]
    assert names == ["run-1", "run-2", "run-3"]
