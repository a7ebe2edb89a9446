"""An attribute of an extension that is kept as rows behaves as `members` does: in every verb, on both engines."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from scim_server.config import Settings
from scim_server.service import resources
from scim_server.storage.sql.tables import relations
from tests.databases import ENGINES
from tests.http.server import GROUP, PATCH_OP, Client, Server
from tests.http.stations import SUPERVISED, TEAM, extensions, names, patch, read, supervisors, team

req = pytest.mark.req

PATH = f"{SUPERVISED}:supervisors"


@pytest.fixture(scope="module", params=ENGINES)
def server(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = extensions(tmp_path_factory.mktemp("rows"))
    server = Server(Settings(database_url=new_database(request.param), extensions=folder))
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant()))


@req("CC-06", "R-SCH-02", "R-SCH-05")
def test_what_was_sent_is_there_and_the_extension_is_listed(client: Client) -> None:
    body = {
        "schemas": [GROUP, SUPERVISED],
        "displayName": "North",
        SUPERVISED: {"supervisors": [{"value": "u-1", "display": "Ana"}, {"value": "u-2"}, {"value": "u-1"}]},
    }
    answer = client.send("POST", "/Groups", body)
    made = json.loads(answer.data)
    assert made["schemas"] == [GROUP, SUPERVISED]
    assert made[SUPERVISED] == {"supervisors": [{"value": "u-1", "display": "Ana"}, {"value": "u-2"}]}
    assert client.get(f"/Groups/{made['id']}").data == answer.data
    assert read(client, "/Groups")["Resources"] == [made]
    assert made["meta"]["version"] == 'W/"1.1"'


@req("CC-06", "R-SCH-02", "R-SCH-05", "R-PATCH-22")
def test_without_elements_the_extension_is_not_listed(client: Client) -> None:
    id = team(client, "North", "u-1")
    assert SUPERVISED in read(client, f"/Groups/{id}")["schemas"]
    left = patch(client, f"/Groups/{id}", {"op": "remove", "path": PATH})
    assert left["schemas"] == [GROUP]
    assert SUPERVISED not in left
    assert read(client, f"/Groups/{id}") == left


@req("CC-06", "R-SCH-02", "R-ATTR-02", "R-ATTR-03")
@pytest.mark.parametrize(
    ("query", "schemas", "shown"),
    [
        (f"attributes={PATH}", [GROUP, SUPERVISED], {"supervisors": [{"value": "u-1"}]}),
        (f"attributes={SUPERVISED}", [GROUP, SUPERVISED], {"supervisors": [{"value": "u-1"}]}),
        ("attributes=supervisors.value", [GROUP, SUPERVISED], {"supervisors": [{"value": "u-1"}]}),
        (f"attributes={PATH}.display", [GROUP, SUPERVISED], None),
        ("attributes=displayName", [GROUP], None),
        (f"excludedAttributes={PATH}", [GROUP], None),
        (f"excludedAttributes={SUPERVISED}", [GROUP], None),
    ],
)
def test_a_projection_shows_what_it_names(client: Client, query: str, schemas: list[str], shown: Any) -> None:
    id = team(client, "North", "u-1")
    for found in (read(client, f"/Groups/{id}?{query}"), read(client, f"/Groups?{query}")["Resources"][0]):
        assert found["schemas"] == schemas
        assert found.get(SUPERVISED) == shown


PATCHES: list[tuple[str, list[dict[str, Any]], list[str]]] = [
    ("add", [{"op": "add", "path": PATH, "value": [{"value": "c"}]}], ["a", "b", "c"]),
    ("add one", [{"op": "add", "path": PATH, "value": {"value": "c"}}], ["a", "b", "c"]),
    ("add again", [{"op": "add", "path": PATH, "value": [{"value": "a"}]}], ["a", "b"]),
    ("remove by filter", [{"op": "remove", "path": f'{PATH}[value eq "a"]'}], ["b"]),
    ("remove by display", [{"op": "remove", "path": f'{PATH}[display eq "Bea"]'}], ["a", "b"]),
    ("Entra", [{"op": "Remove", "path": PATH, "value": [{"value": "b"}]}], ["a"]),
    ("remove all", [{"op": "remove", "path": PATH}], []),
    ("replace", [{"op": "replace", "path": PATH, "value": [{"value": "c"}, {"value": "a"}]}], ["a", "c"]),
    ("by the bare name", [{"op": "add", "path": "supervisors", "value": [{"value": "c"}]}], ["a", "b", "c"]),
    ("no path", [{"op": "add", "value": {SUPERVISED: {"supervisors": [{"value": "c"}]}}}], ["a", "b", "c"]),
    ("Okta", [{"op": "replace", "value": {SUPERVISED: {"supervisors": [{"value": "c"}]}}}], ["c"]),
    ("the extension", [{"op": "add", "path": SUPERVISED, "value": {"supervisors": [{"value": "c"}]}}], ["a", "b", "c"]),
    (
        "instead of it",
        [{"op": "replace", "path": SUPERVISED, "value": {"supervisors": [{"value": "c"}]}}],
        ["c"],
    ),
    ("without it", [{"op": "remove", "path": SUPERVISED}], []),
    ("not listed", [{"op": "remove", "path": "schemas", "value": [SUPERVISED]}], []),
    (
        "in any order",
        [
            {"op": "remove", "path": f'{PATH}[value eq "a"]'},
            {"op": "add", "path": PATH, "value": [{"value": "c"}, {"value": "a"}]},
            {"op": "add", "path": "members", "value": [{"value": "c"}]},
            {"op": "remove", "path": f'{PATH}[value eq "c"]'},
        ],
        ["a", "b"],
    ),
]


@req("CC-06", "CC-07", "R-PATCH-07", "R-PATCH-21", "ENTRA-55")
@pytest.mark.parametrize(("operations", "left"), [case[1:] for case in PATCHES], ids=[case[0] for case in PATCHES])
def test_every_form_of_a_patch_means_what_it_means_for_members(
    client: Client, operations: list[dict[str, Any]], left: list[str]
) -> None:
    id = team(client, "North", "a", "b")
    answered = patch(client, f"/Groups/{id}", *operations)
    assert sorted(supervisors(answered)) == left
    assert read(client, f"/Groups/{id}") == answered
    assert (SUPERVISED in answered["schemas"]) is bool(left)


@req("CC-06", "R-ETAG-03", "R-PATCH-24")
def test_what_changes_nothing_leaves_the_version_and_a_change_moves_that_of_the_membership(client: Client) -> None:
    id = team(client, "North", "a")
    add = {"op": "add", "path": PATH, "value": [{"value": "a"}]}
    assert patch(client, f"/Groups/{id}", add)["meta"]["version"] == 'W/"1.1"'
    more = {"op": "add", "path": PATH, "value": [{"value": "b"}]}
    assert patch(client, f"/Groups/{id}", more)["meta"]["version"] == 'W/"1.2"'


@req("CC-06", "CC-56", "R-PUT-05")
@pytest.mark.parametrize(
    ("dialect", "given", "left"),
    [
        ("generic", {}, ["a"]),
        ("generic", {SUPERVISED: {}}, ["a"]),
        ("generic", {SUPERVISED: {"supervisors": []}}, []),
        ("generic", {SUPERVISED: {"supervisors": None}}, []),
        ("generic", {SUPERVISED: None}, []),
        ("generic", {SUPERVISED: {"supervisors": [{"value": "b"}]}}, ["b"]),
        ("strict", {}, []),
    ],
)
def test_a_put_clears_what_it_names_and_leaves_what_it_does_not(
    server: Server, dialect: str, given: dict[str, Any], left: list[str]
) -> None:
    tenant = server.tenant()
    id = team(Client(server.app(), server.token(tenant)), "North", "a")
    client = Client(server.app(), server.token(tenant, dialect))
    answer = client.send("PUT", f"/Groups/{id}", {"schemas": [GROUP], "displayName": "North", **given})
    assert answer.status_code == 200, answer.text
    found = json.loads(answer.data)
    assert supervisors(found) == left
    assert "members" not in found


def _sent(listed: list[dict[str, str]]) -> dict[str, Any]:
    return {"schemas": [GROUP, SUPERVISED], "displayName": "North", SUPERVISED: {"supervisors": listed}}


@req("CC-06", "CC-55")
@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (f'{PATH}.value eq "a"', ["North"]),
        (f'{PATH} eq "b"', ["North", "South"]),
        (f'{PATH}[value eq "b" and display eq "bea"]', ["South"]),
        (f"{PATH} pr", ["North", "South"]),
        (f"not ({PATH} pr)", ["West"]),
        (f'{PATH}.value ne "a"', ["North", "South", "West"]),
        (f'{PATH}.value eq "a" or displayName eq "west"', ["North", "West"]),
        ('members.value eq "b"', ["North"]),
    ],
)
def test_teams_are_found_by_their_supervisors(client: Client, filter: str, found: list[str]) -> None:
    team(client, "North", "a", "b")
    client.send("POST", "/Groups", {**_sent([{"value": "b", "display": "Bea"}]), "displayName": "South"})
    team(client, "West")
    assert names(client, f"/Groups?filter={quote(filter)}&sortBy=displayName") == found


@req("CC-06", "CC-53")
def test_a_user_who_is_deleted_supervises_nothing_and_the_teams_version_moves(client: Client) -> None:
    user = client.create("ana")["id"]
    id = team(client, "North", user, "b")
    assert client.send("DELETE", f"/Users/{user}").status_code == 204
    found = read(client, f"/Groups/{id}")
    assert supervisors(found) == ["b"]
    assert found["meta"]["version"] == 'W/"1.2"'


@req("CC-06", "R-DEL-01")
def test_nothing_is_left_of_a_team_that_is_deleted(server: Server, client: Client) -> None:
    id = team(client, "North", "a", "b")
    assert client.send("DELETE", f"/Groups/{id}").status_code == 204
    left = relations.select().where(relations.c.owner == id)
    assert server.database.connections.read(lambda connection: connection.execute(left).all()) == []


@req("CC-06", "X-02", "R-ATTR-01")
@pytest.mark.parametrize("more", [{}, {TEAM: {"parent": "p-1"}}], ids=["alone", "beside the document"])
@pytest.mark.parametrize(
    "shape",
    [
        "",
        f"?attributes={PATH}.value",
        f"?excludedAttributes={PATH}.display",
        f"?attributes={PATH}.display",
        "?attributes=id",
    ],
)
def test_the_bytes_are_the_same_whether_they_are_spooled_or_not(
    client: Client, shape: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [{"value": f"m-{number:03}"} for number in range(20)]
    made = client.send("POST", "/Groups", {**_sent(listed), "members": listed, **more})
    address = f"/Groups/{json.loads(made.data)['id']}"
    plain = client.get(address + shape).data
    monkeypatch.setattr(resources, "MOST_ROWS", 7)
    assert client.get(address + shape).data == plain
    if not shape:
        assert made.data == plain
        again = client.send("POST", "/Groups", {**_sent(listed), "members": listed, **more, "displayName": "South"})
        assert client.get(f"/Groups/{json.loads(again.data)['id']}").data == again.data


@req("CC-06", "X-02")
def test_a_large_list_replaces_another(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST_ROWS", 7)
    made = client.send("POST", "/Groups", _sent([{"value": f"m-{number:03}"} for number in range(20)]))
    address = f"/Groups/{json.loads(made.data)['id']}"
    answer = client.send("PUT", address, _sent([{"value": f"m-{number:03}"} for number in range(10, 30)]))
    assert supervisors(json.loads(answer.data)) == [f"m-{number:03}" for number in range(10, 30)]
    assert answer.headers["ETag"] == 'W/"1.2"'


@req("CC-06")
def test_a_bulk_request_makes_and_changes_them(client: Client) -> None:
    operations = [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": _sent([{"value": "a"}])},
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:g",
            "data": {
                "schemas": [PATCH_OP],
                "Operations": [{"op": "add", "path": PATH, "value": [{"value": "b"}]}],
            },
        },
    ]
    sent = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations}
    answer = json.loads(client.send("POST", "/Bulk", sent).data)
    assert [result["status"] for result in answer["Operations"]] == ["201", "200"]
    (found,) = read(client, "/Groups")["Resources"]
    assert supervisors(found) == ["a", "b"]
    assert isinstance(found["id"], str)


def test_the_schemas_of_the_vocabulary_are_those_that_come_along(tmp_path: Path) -> None:
    assert (extensions(tmp_path) / "stations/schemas/teamsupervisors-group.json").exists()
