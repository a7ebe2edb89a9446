"""What is stored is stored: where the answer to a write cannot be made, the client is not told of an error."""

import errno
import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from scim_server.errors import Unavailable
from scim_server.service import resources
from scim_server.service.representation import Representation
from scim_server.service.spool import Spool
from scim_server.storage.sql.store import SqlStorage
from tests.http.server import BASE, GROUP, PATCH_OP, Client, assert_error
from tests.logs import Log

req = pytest.mark.req

SECRET = "bjensen@example.com"
MEMBERS = [f"m-{number:02}" for number in range(30)]
FEWER = MEMBERS[:20]

NO_ROOM = (Spool, "_write", OSError(errno.ENOSPC, SECRET))
NO_DATABASE = (SqlStorage, "stream", Unavailable(SECRET))
UNFORESEEN = (SqlStorage, "stream", RuntimeError(SECRET))

Failure = tuple[type, str, Exception]


def fail(monkeypatch: pytest.MonkeyPatch, failure: Failure) -> None:
    """From now on no answer with more than seven members can be made."""
    kind, name, error = failure

    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(resources, "MOST_ROWS", 7)
    monkeypatch.setattr(kind, name, refuse)


def body(members: list[str], name: str) -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}


def group(client: Client) -> str:
    """The address of a new group."""
    answer = client.send("POST", "/Groups", body(MEMBERS, "before"))
    assert answer.status_code == 201
    return f"/Groups/{json.loads(answer.data)['id']}"


def put(client: Client, address: str) -> TestResponse:
    return client.send("PUT", address, body(FEWER, "after"))


def patch(client: Client, address: str) -> TestResponse:
    operations = [
        {"op": "replace", "path": "displayName", "value": "after"},
        {"op": "replace", "path": "members", "value": [{"value": id} for id in FEWER]},
    ]
    return client.send("PATCH", f"{address}?attributes=members", {"schemas": [PATCH_OP], "Operations": operations})


def stored(client: Client, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], list[str | None]]:
    """All groups, and their versions, once answers can be made again."""
    monkeypatch.undo()
    found = json.loads(client.get("/Groups").data)["Resources"]
    return found, [client.get(f"/Groups/{one['id']}").headers["ETag"] for one in found]


@req("X-02", "R-PATCH-57")
@pytest.mark.parametrize("write", [put, patch])
@pytest.mark.parametrize("failure", [NO_ROOM, NO_DATABASE, UNFORESEEN])
def test_a_change_that_cannot_be_shown_is_answered_without_a_body(
    client: Client, monkeypatch: pytest.MonkeyPatch, write: Any, failure: Failure
) -> None:
    address = group(client)
    fail(monkeypatch, failure)
    answer = write(client, address)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Location"].endswith(BASE + address)
    ((found,), versions) = stored(client, monkeypatch)
    assert (found["displayName"], [member["value"] for member in found["members"]]) == ("after", FEWER)
    assert versions == [answer.headers["ETag"]]


@req("X-02", "R-POST-01", "R-POST-02")
def test_a_new_resource_that_cannot_be_shown_whole_is_answered_without_its_rows(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, NO_ROOM)
    answer = client.send("POST", "/Groups", body(MEMBERS, "new"))
    shown = json.loads(answer.data)
    assert answer.status_code == 201
    ((found,), versions) = stored(client, monkeypatch)
    assert [member["value"] for member in found.pop("members")] == MEMBERS
    assert shown == found
    assert answer.headers["Location"].endswith(f"{BASE}/Groups/{found['id']}")
    assert versions == [answer.headers["ETag"]]


@req("X-02", "R-POST-01")
@pytest.mark.parametrize("failure", [NO_DATABASE, UNFORESEEN])
def test_a_new_resource_is_shown_whole_without_reading_it(
    client: Client, monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    fail(monkeypatch, failure)
    answer = client.send("POST", "/Groups", body(MEMBERS, "new"))
    assert answer.status_code == 201
    assert stored(client, monkeypatch)[0] == [json.loads(answer.data)]


@req("X-02", "R-POST-02")
def test_a_new_resource_of_which_nothing_can_be_shown_has_an_address(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Representation:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(resources, "_rendered", refuse)
    answer = client.send("POST", "/Groups", body([], "new"))
    assert (answer.status_code, answer.data) == (201, b"")
    ((found,), versions) = stored(client, monkeypatch)
    assert answer.headers["Location"] == found["meta"]["location"]
    assert versions == [answer.headers["ETag"]]


@req("X-02")
@pytest.mark.parametrize("failure", [NO_ROOM, NO_DATABASE])
def test_a_read_that_cannot_be_shown_is_an_error_to_come_back_from(
    client: Client, monkeypatch: pytest.MonkeyPatch, failure: Failure
) -> None:
    address = group(client)
    fail(monkeypatch, failure)
    answer = client.get(address)
    assert_error(answer, 503)
    assert answer.headers["Retry-After"]


@req("X-02")
def test_what_is_not_shown_is_written_all_the_same_without_room(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(monkeypatch, NO_ROOM)
    answer = client.send("POST", "/Groups?excludedAttributes=members", body(MEMBERS, "new"))
    assert (answer.status_code, json.loads(answer.data)["displayName"]) == (201, "new")
    ((found,), _) = stored(client, monkeypatch)
    assert [member["value"] for member in found["members"]] == MEMBERS


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH"])
def test_the_log_says_in_one_line_why_an_answer_could_not_be_made(
    client: Client, monkeypatch: pytest.MonkeyPatch, log: Log, method: str
) -> None:
    address = group(client)
    before = len(log.lines)
    fail(monkeypatch, NO_ROOM)
    send = {
        "GET": lambda: client.get(address),
        "POST": lambda: client.send("POST", "/Groups", body(MEMBERS, "new")),
        "PUT": lambda: put(client, address),
        "PATCH": lambda: patch(client, address),
    }[method]
    send()
    cause, request = log.lines[before:]
    assert (cause["level"], cause["error"]) == ("error", "scim_server.errors.Unavailable")
    assert [(one["error"], one["code"]) for one in cause["causes"]] == [("builtins.OSError", str(errno.ENOSPC))]
    assert request["event"] == "request"
    assert SECRET not in log.text
