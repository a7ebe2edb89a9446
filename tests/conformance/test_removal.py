"""What a scenario made is taken away again."""

from typing import Any
from urllib.parse import unquote

import pytest

from tests.conformance.fakes import Answer, Scripted, play, session

POST: dict[str, Any] = {"send": "POST /Users", "body": {"userName": "{{unique}}"}, "expect": {}}


def test_what_was_made_is_removed_the_last_first() -> None:
    numbers = iter("123")
    server = Scripted(lambda method, target, body: (201, {"id": next(numbers)}) if method == "POST" else (204, None))
    within = session(server)
    play(server, POST, POST, {**POST, "send": "POST /Groups"}, within=within)
    removed = [line for line in server.lines if line.startswith("DELETE")]
    assert removed == ["DELETE /v2/Groups/3", "DELETE /v2/Users/2", "DELETE /v2/Users/1"]
    assert within.leftovers == []


@pytest.mark.parametrize(
    ("status", "stays"), [(204, False), (200, False), (404, False), (410, False), (405, True), (500, True)]
)
def test_what_cannot_be_removed_is_a_leftover(status: int, stays: bool) -> None:
    server = Scripted(lambda method, target, body: (201, {"id": "1"}) if method == "POST" else (status, None))
    within = session(server)
    play(server, POST, within=within)
    assert within.leftovers == (["/Users/1"] if stays else [])


def test_what_was_made_without_a_word_of_its_id_is_looked_for_by_name() -> None:
    """The server ignores the filter and shows everybody: only the one of our name is removed."""
    made: list[str] = []

    def respond(method: str, target: str, body: Any) -> Answer:
        if method == "POST":
            made.append(body["userName"])
            return 500, b"<h1>oops</h1>"
        if target.endswith("/ours") and method == "GET":
            return 200, {"id": "ours", "userName": made[0]}
        if method == "GET":
            assert unquote(target) == f'/v2/Users?filter=userName eq "{made[0]}"'
            others = [{"id": "boss", "userName": "boss"}, {"id": "odd"}, "odd"]
            return 200, {"Resources": [*others, {"id": "ours", "userName": made[0]}]}
        return 204, None

    server = Scripted(respond)
    play(server, POST)
    assert server.lines[2:] == ["GET /v2/Users/ours", "DELETE /v2/Users/ours"]


def test_what_a_scenario_removed_itself_is_no_leftover() -> None:
    gone: set[str] = set()

    def respond(method: str, target: str, body: Any) -> Answer:
        if method == "POST":
            return 201, {"id": "1"}
        status = 404 if target in gone else 204
        gone.add(target)
        return status, None

    within = session(server := Scripted(respond))
    play(
        server,
        {**POST, "save": {"id": "/id"}},
        {"send": "DELETE /Users/{{id}}", "expect": {"status": 204}},
        within=within,
    )
    assert within.leftovers == []


def test_what_was_made_is_removed_though_the_scenario_fails() -> None:
    server = Scripted(lambda method, target, body: (201, {"id": "1"}) if method == "POST" else (204, None))
    play(server, {**POST, "expect": {"status": 200}})
    assert server.lines == ["POST /v2/Users", "GET /v2/Users/1", "DELETE /v2/Users/1"]


def test_what_a_put_made_is_removed_too() -> None:
    server = Scripted(lambda method, target, body: (201 if method == "PUT" else 404, {}))
    play(server, {"send": "PUT /Users/{{uuid}}", "body": {}, "expect": {}})
    assert [request.method for request in server.sent] == ["GET", "PUT", "GET", "DELETE"]


def test_the_removal_does_not_wait_for_long_for_a_server_that_has_too_much_to_do() -> None:
    busy = (429, None, {"Retry-After": "30"})
    server = Scripted(lambda method, target, body: (201, {"id": "1"}) if method == "POST" else busy)
    within = session(server)
    play(server, POST, within=within)
    assert within.leftovers == ["/Users/1"]


def test_a_run_that_ends_at_once_says_what_it_leaves_by_its_name() -> None:
    def respond(method: str, target: str, body: Any) -> Answer:
        within.stop.ask()
        within.stop.ask()
        return 201, {"id": "boss", "userName": body["userName"]}

    within = session(server := Scripted(respond))
    play(server, POST, within=within)
    assert server.lines == ["POST /v2/Users"]
    assert within.leftovers == ["/Users with the userName run-1"]
