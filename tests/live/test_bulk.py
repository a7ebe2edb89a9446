"""A worker that is killed in the middle of a bulk request leaves all of it or nothing."""

import json
import os
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from threading import Timer
from typing import Any
from uuid import uuid4

import pytest

from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.live.server import Client, Server, serving
from tests.live.test_concurrency import at_once
from tests.live.test_readme import blocks, masked, run

pytestmark = pytest.mark.unmeasured

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
OPERATIONS = 1_000
DELAYS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
"""Seconds between the beginning of a request and the kill."""


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    with serving(new_database(request.param), workers="1") as server:
        yield server


def workers(server: Server) -> list[int]:
    """The processes of the server's group that have no children: `make` waits for the master, and it for them."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # pid (name) state parent group ...; a name may hold anything, brackets too.
            head, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, parent, group = rest.split()[:3]
        if int(group) == server.process.pid and state != "Z":
            parents[int(head.partition(" ")[0])] = int(parent)
    return [pid for pid in parents if pid not in parents.values()]


def kill_after(server: Server, seconds: float) -> Timer:
    def kill() -> None:
        for pid in workers(server):
            os.kill(pid, signal.SIGKILL)

    timer = Timer(seconds, kill)
    timer.start()
    return timer


def stored(server: Server, marker: str) -> int:
    """How many users a request left its mark on, asked on a new connection."""
    client = server.client()
    return int(client.get(f"/Users?filter=title%20eq%20%22{marker}%22&count=0").expect(200)["totalResults"])


def bulk(client: Client, marker: str, path: str) -> bool:
    """Whether the answer to a bulk request arrived: many creates, behind a change to a user who is there."""
    change = [{"op": "replace", "path": "title", "value": marker}]
    operations: list[dict[str, Any]] = [{"method": "PATCH", "path": path, "data": change}]
    for n in range(OPERATIONS - 1):
        data = {"schemas": [USER], "userName": f"{marker}-{n}", "title": marker}
        operations.append({"method": "POST", "path": "/Users", "bulkId": str(n), "data": data})
    try:
        answer = client.post("/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
    except (OSError, HTTPException):
        return False
    assert {entry["status"] for entry in answer.expect(200)["Operations"]} == {"200", "201"}
    return True


@pytest.mark.req("R-BULK-09", "R-BULK-12", "R-BULK-14")
def test_the_request_of_the_page_answers_what_it_shows(server: Server) -> None:
    (request,), (shown,) = blocks("sh", "docs/bulk.md"), blocks("json", "docs/bulk.md")
    answered = run(server, request)
    assert masked(answered) == masked(json.loads(shown))
    group, user = (str(entry["location"]).rpartition("/")[2] for entry in answered["Operations"][:2])
    members = server.client().get(f"/Groups/{group}").expect(200)["members"]
    assert [member["value"] for member in members] == [user]


def test_a_killed_worker_leaves_all_or_nothing_of_a_bulk_request(server: Server) -> None:
    there = server.client().post("/Users", {"schemas": [USER], "userName": str(uuid4())}).expect(201)["id"]
    arrived = []
    for delay in DELAYS:
        marker = str(uuid4())
        timer = kill_after(server, delay)
        arrived.append(bulk(server.client(), marker, f"/Users/{there}"))
        timer.join()
        found = stored(server, marker)
        assert found == OPERATIONS if arrived[-1] else found in (0, OPERATIONS)
    assert not all(arrived), "no kill came in the middle of a request"


@pytest.mark.req("R-POST-04", "R-PATCH-58")
def test_bulk_requests_at_once_have_one_winner_for_each_name(server: Server) -> None:
    """Each in an order of its own, so that they lock each other out."""
    marker, calls = str(uuid4()), 6
    names = [f"{marker}-{n}" for n in range(30)]
    group = server.client().post("/Groups", {"schemas": [GROUP], "displayName": marker}).expect(201)["id"]

    def send(client: Client, number: int) -> list[dict[str, Any]]:
        operations: list[dict[str, Any]] = []
        for name in random.Random(number).sample(names, len(names)):
            data = {"schemas": [USER], "userName": name}
            member = [{"op": "add", "path": "members", "value": [{"value": f"bulkId:{name}"}]}]
            operations.append({"method": "POST", "path": "/Users", "bulkId": name, "data": data})
            operations.append({"method": "PATCH", "path": f"/Groups/{group}", "data": member})
        answer = client.post("/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
        return list(answer.expect(200)["Operations"])

    answers = at_once(server, calls, send)
    created = [(e["bulkId"], e["status"]) for entries in answers for e in entries if e["method"] == "POST"]
    patched = [e["status"] for entries in answers for e in entries if e["method"] == "PATCH"]
    assert sorted(name for name, status in created if status == "201") == sorted(names)
    assert Counter(status for _, status in created) == {"201": len(names), "409": len(names) * (calls - 1)}
    assert Counter(patched) == {"200": len(names), "400": len(names) * (calls - 1)}
    assert len(server.client().get(f"/Groups/{group}").expect(200)["members"]) == len(names)
