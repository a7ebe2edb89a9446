"""Nothing is touched that this run did not make, whatever a server says."""

from typing import Any

import pytest

from tests.conformance.fakes import Answer, Scripted, play, session

POST: dict[str, Any] = {"send": "POST /Users", "body": {"userName": "{{unique}}"}, "expect": {}}


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
