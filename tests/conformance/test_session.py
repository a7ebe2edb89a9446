"""What a run made, and that nothing else is touched when it is removed."""

import json
from typing import Any
from urllib.parse import unquote

import pytest

from conformance.session import Elsewhere, Made, made_by
from tests.conformance.fakes import Answer, Scripted, answer, play, session

POST: dict[str, Any] = {"send": "POST /Users", "body": {"userName": "{{unique}}"}, "expect": {}}

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


# Nothing of others ---------------------------------------------------------------------------------------------------


class Company(Scripted):
    """A directory in which there was `boss` before; filters are ignored, and `given` says which id a POST answers."""

    def __init__(self, given: str | None = None, location: str = "") -> None:
        self.people: dict[str, Any] = {"boss": {"id": "boss", "userName": "boss@example.org"}}
        self.made: set[str] = set()
        self.harmed: list[str] = []
        self._given = given
        self._location = location
        super().__init__(self._answered)

    def _answered(self, method: str, target: str, body: Any) -> Answer:
        id = target.partition("?")[0].rstrip("/").rpartition("/")[2]
        if method == "POST":
            return self._made(target, body)
        if method in ("PUT", "PATCH", "DELETE") and id not in self.made:
            self.harmed.append(f"{method} {target}")
        if method == "DELETE":
            return (204, None) if self.people.pop(id, None) else (404, None)
        if id in self.people:
            return 200, self.people[id]
        return 200, {"totalResults": len(self.people), "Resources": list(self.people.values())}

    def _made(self, target: str, body: Any) -> Answer:
        for operation in body.get("Operations", ()):
            self.harmed += [operation["path"]] if operation["method"] != "POST" else []
        if target.endswith("/Bulk"):
            return 200, {"Operations": [{"method": "POST", "status": "201", "location": self._location}]}
        id = f"new{len(self.made)}"
        self.made.add(id)
        self.people[id] = {**body, "id": id}
        return 201, {**body, "id": self._given or id}


FIND = {"send": "GET /Users?filter=x", "expect": {"status": 200}, "save": {"id": "/Resources/0/id"}}
MADE = {**POST, "save": {"id": "/id"}}
WRITES: list[dict[str, Any]] = [
    {"send": "PUT /Users/{{id}}", "body": {"userName": "{{unique}}"}, "expect": {}},
    {"send": "PATCH /Users/{{id}}?x=1", "body": {}, "expect": {}},
    {"send": "DELETE /Users/{{id}}", "expect": {}},
    {"send": "DELETE //Users/{{id}}/", "expect": {}},
    {"send": "DELETE {{base_url|raw}}/Users/{{id}}", "expect": {}},
    {"send": "POST /Bulk", "body": {"Operations": [{"method": "Delete", "path": "/Users/{{id}}"}]}, "expect": {}},
]


@pytest.mark.parametrize("write", WRITES)
def test_a_server_that_ignores_filters_does_not_get_a_stranger_changed(write: dict[str, Any]) -> None:
    company = Company()
    result = play(company, FIND, write)
    assert company.harmed == []
    assert "boss was not made by this run, it is boss@example.org" in result.findings[0].mismatches[0]


@pytest.mark.parametrize("write", WRITES)
def test_a_server_that_answers_a_post_with_the_id_of_a_stranger_does_not_get_him_changed(write: dict[str, Any]) -> None:
    company = Company(given="boss")
    within = session(company)
    play(company, MADE, MADE, MADE, MADE, write, within=within)
    assert company.harmed == []
    assert list(company.people) == ["boss"]
    assert within.leftovers == []


def test_nothing_is_believed_at_an_endpoint_where_a_stranger_was_found() -> None:
    company = Company()
    within = session(company)
    play(company, *[MADE] * 4, within=within)
    play(company, FIND, WRITES[0], within=within)
    company._given = "boss"
    play(company, MADE, within=within)
    assert company.harmed == []


def test_what_an_answer_says_is_believed_once_it_has_proved_right() -> None:
    company = Company()
    play(company, *[MADE] * 9)
    assert sum(line.startswith("GET") for line in company.lines) < 9
    assert list(company.people) == ["boss"]


@pytest.mark.parametrize(
    "location",
    ["/v2/Users/boss", "http://scim.example/v2/Users/boss", "https://x.example/Users/boss", "Users/boss"],
)
def test_a_location_in_an_answer_to_bulk_does_not_get_a_stranger_removed(location: str) -> None:
    company = Company(location=location)
    play(company, {"send": "POST /Bulk", "body": {"Operations": []}, "expect": {}})
    assert company.harmed == []
    assert list(company.people) == ["boss"]


@pytest.mark.parametrize("id", ["", ".", ".."])
def test_an_id_that_names_another_address_is_not_written_to(id: str) -> None:
    server = Scripted(lambda method, target, body: (201, {"id": id}))
    result = play(server, MADE, {"send": "DELETE /Users/{{id}}", "expect": {}})
    assert "nothing was sent" in result.findings[0].mismatches[0]
    assert [line for line in server.lines if line.startswith("DELETE")] == []


def test_what_a_put_made_is_removed_too() -> None:
    server = Scripted(lambda method, target, body: (201 if method == "PUT" else 404, {}))
    play(server, {"send": "PUT /Users/{{uuid}}", "body": {}, "expect": {}})
    assert [request.method for request in server.sent] == ["GET", "PUT", "GET", "DELETE"]


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
        play(server, {**POST, "send": "PUT /x"}, within=within)
    names = [json.loads(request.body or b"")["userName"] for request in server.sent]
    assert names == ["run-1", "run-2", "run-3"]
