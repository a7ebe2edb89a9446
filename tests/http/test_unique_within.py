"""A name that is unique under its parent, and not in the tenant: one by one and in bulk, on both engines."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from scim_server.config import Settings
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.http.server import GROUP, PATCH_OP, Client, Server, assert_error
from tests.http.stations import TEAM, extensions, names, patch, read, team

req = pytest.mark.req

PARENT = f"{TEAM}:parent"


@pytest.fixture(scope="module", params=ENGINES)
def server(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = extensions(tmp_path_factory.mktemp("within"))
    server = Server(Settings(database_url=new_database(request.param), extensions=folder))
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant()))


def body(name: str, parent: str | None) -> dict[str, Any]:
    return {"schemas": [GROUP], "displayName": name, **({TEAM: {"parent": parent}} if parent else {})}


@req("CC-30", "R-GRP-02")
def test_a_name_is_there_once_under_each_parent(client: Client) -> None:
    one, other = team(client, "One"), team(client, "Other")
    team(client, "Sales", **{TEAM: {"parent": one}})
    team(client, "Sales", **{TEAM: {"parent": other}})
    team(client, "Sales")
    for parent in (one, other, None):
        answer = client.send("POST", "/Groups", body("SALES", parent))
        assert_error(answer, 409, "uniqueness")
        detail = json.loads(answer.data)["detail"]
        assert detail == f"Another resource has that value of displayName within {PARENT}."
    by_name = 'displayName eq "sales"'
    assert len(read(client, f"/Groups?filter={quote(by_name)}")["Resources"]) == 3
    below = f'{by_name} and {PARENT} eq "{one}"'
    assert names(client, f"/Groups?filter={quote(below)}") == ["Sales"]


@req("CC-30", "CC-54")
def test_a_team_that_moves_meets_those_of_its_new_parent(client: Client) -> None:
    one, other = team(client, "One"), team(client, "Other")
    moved = team(client, "Sales", **{TEAM: {"parent": one}})
    team(client, "Sales", **{TEAM: {"parent": other}})
    before = read(client, f"/Groups/{moved}")
    operation = {"op": "replace", "path": PARENT, "value": other}
    sent = {"schemas": [PATCH_OP], "Operations": [operation]}
    assert_error(client.send("PATCH", f"/Groups/{moved}", sent), 409, "uniqueness")
    assert_error(client.send("PUT", f"/Groups/{moved}", body("Sales", other)), 409, "uniqueness")
    assert read(client, f"/Groups/{moved}") == before
    both = [{"op": "replace", "path": "displayName", "value": "Care"}, operation]
    assert patch(client, f"/Groups/{moved}", *both)[TEAM] == {"parent": other}
    team(client, "Sales", **{TEAM: {"parent": one}})


@req("CC-30", "R-BULK-19")
def test_a_bulk_request_is_held_to_it(client: Client) -> None:
    one = team(client, "One")
    created = [("Sales", one), ("Sales", None), ("sales", one), ("Care", one)]
    operations = [
        {"method": "POST", "path": "/Groups", "bulkId": str(number), "data": body(*each)}
        for number, each in enumerate(created)
    ]
    answer = client.send("POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
    assert [each["status"] for each in json.loads(answer.data)["Operations"]] == ["201", "201", "409", "201"]


@req("CC-30", "R-DISC-05")
def test_it_is_published_as_what_need_not_be_unique(client: Client) -> None:
    schema = read(client, f"/Schemas/{GROUP}")
    (published,) = (a["uniqueness"] for a in schema["attributes"] if a["name"] == "displayName")
    assert published == "none"


@req("R-GRP-02")
def test_a_tenant_may_let_it_go(server: Server) -> None:
    free = Client(server.app(), server.token(server.tenant(not_unique=[f"{GROUP}:displayName"])))
    assert team(free, "Sales") != team(free, "Sales")


@req("CC-30")
def test_a_name_and_a_parent_are_not_taken_for_others_that_look_alike(client: Client) -> None:
    alike = [("1", "12"), ("11", "2"), ("1:1", "2"), ("1", "1:2"), (None, "1:12"), (None, "0:12")]
    for parent, name in alike:
        assert client.send("POST", "/Groups", body(name, parent)).status_code == 201
    for parent, name in alike:
        assert client.send("POST", "/Groups", body(name, parent)).status_code == 409
