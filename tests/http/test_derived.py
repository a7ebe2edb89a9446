"""Derived attributes in the ways of a binding: shown, filtered and sorted by, and never stored, on both engines."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from scim_server.config import Settings
from scim_server.service import resources
from scim_server.storage.base import Transaction
from tests.databases import ENGINES
from tests.http.server import GROUP, USER, Client, Server, assert_error
from tests.http.stations import AGENT, SUPERVISED, TEAM, extensions, names, patch, read, team
from tests.statements import sent_to

req = pytest.mark.req

STATION = "urn:example:params:scim:schemas:extension:stations:2.0:User"
LEVEL = f"{TEAM}:level"
SUPERVISES = f"{AGENT}:supervises"
NOW = "2026-11-21T00:00:00.000000000Z"


@pytest.fixture(scope="module", params=ENGINES)
def server(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = extensions(tmp_path_factory.mktemp("derived"))
    server = Server(Settings(database_url=new_database(request.param), extensions=folder))
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant()))


def below(client: Client, name: str, parent: str | None) -> str:
    return team(client, name, **({TEAM: {"parent": parent}} if parent else {}))


def level(client: Client, id: str) -> Any:
    return read(client, f"/Groups/{id}?attributes={LEVEL}")[TEAM]["level"]


@dataclass
class Noting:
    """A client whose tenant is known, so that the product's own side can note something there."""

    server: Server
    tenant: int
    client: Client

    def note(self, id: str, name: str, *values: str) -> None:
        def work(transaction: Transaction) -> None:
            for value in values:
                transaction.notes.add(id, f"{STATION}:{name}", value, NOW)

        self.server.database.storage.write(self.tenant, work)


@pytest.fixture
def noting(server: Server) -> Noting:
    tenant = server.tenant()
    return Noting(server, tenant.id, Client(server.app(), server.token(tenant)))


# Depth ---------------------------------------------------------------------------------------------------------------


@req("CC-55", "CC-30")
def test_the_level_of_a_team_follows_its_parents(client: Client) -> None:
    top = below(client, "top", None)
    middle = below(client, "middle", top)
    low = below(client, "low", middle)
    stray = below(client, "stray", "nobody")
    of_a_user = below(client, "of a user", client.create("ana")["id"])
    assert [level(client, id) for id in (top, middle, low, stray, of_a_user)] == [1, 2, 3, 1, 1]
    listed = read(client, f"/Groups?attributes=displayName,{LEVEL}&sortBy={LEVEL}&sortOrder=descending")["Resources"]
    assert [team[TEAM]["level"] for team in listed] == [3, 2, 1, 1, 1]
    assert names(client, f"/Groups?filter={quote(f'{LEVEL} ge 2')}&sortBy=displayName") == ["low", "middle"]
    assert names(client, f"/Groups?filter={quote(f'not ({LEVEL} eq 1)')}&sortBy={LEVEL}") == ["middle", "low"]
    patch(client, f"/Groups/{middle}", {"op": "remove", "path": f"{TEAM}:parent"})
    assert [level(client, id) for id in (top, middle, low)] == [1, 1, 2]


@req("CC-30")
def test_a_circle_of_teams_ends_where_it_began(client: Client) -> None:
    one = below(client, "one", None)
    two = below(client, "two", one)
    three = below(client, "three", two)
    patch(client, f"/Groups/{one}", {"op": "add", "path": f"{TEAM}:parent", "value": two})
    own = below(client, "own", None)
    patch(client, f"/Groups/{own}", {"op": "add", "path": f"{TEAM}:parent", "value": own})
    assert [level(client, id) for id in (one, two, three, own)] == [2, 2, 3, 1]


@req("CC-30")
def test_no_more_levels_are_followed_than_anywhere(client: Client) -> None:
    id = None
    for number in range(18):
        id = below(client, f"team {number}", id)
    assert id is not None
    assert level(client, id) == 16


@req("CC-55", "R-CHAR-13")
def test_the_answer_to_a_write_shows_what_it_came_to(client: Client) -> None:
    top = below(client, "top", None)
    body = {"schemas": [], "displayName": "low", TEAM: {"parent": top}}
    made = json.loads(client.send("POST", f"/Groups?attributes={LEVEL}", body).data)
    assert made[TEAM] == {"level": 2}
    gone = {"op": "remove", "path": f"{TEAM}:parent"}
    assert patch(client, f"/Groups/{made['id']}?attributes={LEVEL}", gone)[TEAM] == {"level": 1}
    put = client.send("PUT", f"/Groups/{made['id']}?attributes={LEVEL}", body)
    assert json.loads(put.data)[TEAM] == {"level": 2}


@req("CC-55", "R-CUR-04")
def test_a_walk_goes_by_what_is_derived(client: Client) -> None:
    top = below(client, "top", None)
    middle = below(client, "middle", top)
    for name in ("a", "b"):
        below(client, name, middle)
    asked = f"/Groups?sortBy={LEVEL}&count=1&attributes={LEVEL}&cursor="
    pages = [read(client, asked)]
    while "nextCursor" in pages[-1]:
        pages.append(read(client, asked + pages[-1]["nextCursor"]))
    assert [found[TEAM]["level"] for page in pages for found in page["Resources"]] == [1, 2, 3, 3]


@req("CC-55", "R-GET-09")
def test_a_search_over_all_types_shows_what_each_has(client: Client) -> None:
    ana = client.create("ana")["id"]
    team(client, "top", ana)
    asked = f"/?attributes={LEVEL},{SUPERVISES},{STATION}:teamMissing,{SUPERVISED}:supervisors"
    user, group = sorted(read(client, asked)["Resources"], key=lambda found: len(found["schemas"]), reverse=True)
    assert group[TEAM] == {"level": 1}
    assert group[SUPERVISED] == {"supervisors": [{"value": ana}]}
    assert user[STATION] == {"teamMissing": False}
    assert [element["display"] for element in user[AGENT]["supervises"]] == ["top"]
    by_level = quote(f"{LEVEL} eq 1 or {STATION}:teamMissing eq true")
    assert [found["schemas"][0] for found in read(client, f"/?filter={by_level}")["Resources"]] == [GROUP]


# Inverses ------------------------------------------------------------------------------------------------------------


def supervised_teams(client: Client, id: str) -> list[Any]:
    found: list[Any] = read(client, f"/Users/{id}?attributes={SUPERVISES}").get(AGENT, {}).get("supervises", [])
    return found


@req("CC-06", "CC-55")
def test_who_supervises_does_so_by_the_flag_or_by_a_teams_own_list(client: Client) -> None:
    ana = client.create("ana", **{AGENT: {"supervisor": True}})["id"]
    bea = client.create("bea")["id"]
    north = team(client, "North", ana)
    south = team(client, "South", members=[{"value": ana}, {"value": bea}])
    west = team(client, "West", bea)
    assert supervised_teams(client, ana) == [
        {"value": id, "$ref": f"http://localhost/scim/v2/Groups/{id}", "display": name}
        for id, name in sorted([(north, "North"), (south, "South")])
    ]
    assert [element["value"] for element in supervised_teams(client, bea)] == [west]
    patch(client, f"/Users/{ana}", {"op": "replace", "path": f"{AGENT}:supervisor", "value": False})
    assert [element["value"] for element in supervised_teams(client, ana)] == [north]
    client.send("DELETE", f"/Groups/{north}")
    assert supervised_teams(client, ana) == []


@req("CC-06", "CC-55")
def test_users_are_found_by_the_teams_that_they_supervise(client: Client) -> None:
    ana = client.create("ana", **{AGENT: {"supervisor": True}})["id"]
    bea = client.create("bea", **{AGENT: {"supervisor": False}})["id"]
    client.create("cy")
    north = team(client, "North", bea, members=[{"value": ana}, {"value": bea}])
    south = team(client, "South", members=[{"value": bea}])
    assert north != south

    def found(filter: str) -> list[str]:
        return names(client, f"/Users?filter={quote(filter)}&sortBy=userName", "userName")

    assert found(f'{SUPERVISES}.value eq "{north}"') == ["ana", "bea"]
    assert found(f'{SUPERVISES}.value eq "{south}"') == []
    assert found(f'{SUPERVISES}[display eq "north" and value eq "{north}"]') == ["ana", "bea"]
    assert found(f'{SUPERVISES}.display sw "No" and userName eq "ana"') == ["ana"]
    assert found(f'{SUPERVISES}.$ref eq "https://elsewhere.example.com/scim/v2/Groups/{north}"') == ["ana", "bea"]
    assert found(f"not ({SUPERVISES} pr)") == ["cy"]
    assert found(f'{SUPERVISES}.value ne "{north}"') == ["cy"]
    sort = f"/Users?filter={quote(f'{SUPERVISES} pr')}&sortBy={SUPERVISES}.display"
    assert names(client, sort, "userName") == ["ana", "bea"]


@req("CC-06", "R-SCH-02")
def test_what_is_returned_on_request_is_shown_in_a_list_too(client: Client) -> None:
    ana = client.create("ana")["id"]
    north = team(client, "North", ana)
    (found,) = read(client, f"/Users?attributes={SUPERVISES}")["Resources"]
    assert [element["value"] for element in found[AGENT]["supervises"]] == [north]
    assert AGENT in found["schemas"]
    (by_default,) = read(client, "/Users")["Resources"]
    assert AGENT not in by_default
    assert AGENT not in by_default["schemas"]


# Absence and notes ---------------------------------------------------------------------------------------------------


@req("CC-41")
def test_a_user_is_without_a_team_until_there_is_a_membership(client: Client) -> None:
    made = client.create("ana")
    assert made[STATION] == {"teamMissing": True, "review": False}
    assert STATION in made["schemas"]
    assert read(client, f"/Users/{made['id']}") == made
    north = team(client, "North", members=[{"value": made["id"]}])
    assert read(client, f"/Users/{made['id']}")[STATION]["teamMissing"] is False
    client.create("bea")
    missing = quote(f"{STATION}:teamMissing eq true")
    assert names(client, f"/Users?filter={missing}", "userName") == ["bea"]
    sort = f"sortBy={STATION}:teamMissing"
    assert names(client, f"/Users?{sort}", "userName") == ["ana", "bea"]
    assert names(client, f"/Users?{sort}&sortOrder=descending", "userName") == ["bea", "ana"]
    changed = patch(client, f"/Groups/{north}", {"op": "remove", "path": "members"})
    assert "members" not in changed
    assert names(client, f"/Users?filter={missing}&sortBy=userName", "userName") == ["ana", "bea"]


@req("CC-41", "CC-55")
def test_the_absence_of_what_depends_on_the_resource_follows_it(client: Client) -> None:
    ana = client.create("ana", **{AGENT: {"supervisor": False}})["id"]
    team(client, "North", members=[{"value": ana}])
    asked = f"/Users/{ana}?attributes={STATION}:unsupervising"
    assert read(client, asked)[STATION] == {"unsupervising": True}
    flag = {"op": "replace", "path": f"{AGENT}:supervisor", "value": True}
    assert patch(client, asked, flag)[STATION] == {"unsupervising": False}
    assert names(client, f"/Users?filter={quote(f'{STATION}:unsupervising eq false')}", "userName") == ["ana"]


@req("CC-34")
def test_a_note_shows_that_somebody_should_look_at_the_user(noting: Noting) -> None:
    client = noting.client
    ana, bea = client.create("ana")["id"], client.create("bea")["id"]
    noting.note(ana, "review", "moved", "again")
    assert read(client, f"/Users/{ana}")[STATION]["review"] is True
    assert read(client, f"/Users/{bea}")[STATION]["review"] is False
    found = quote(f"{STATION}:review eq true")
    assert names(client, f"/Users?filter={found}", "userName") == ["ana"]
    assert names(client, f"/Users?filter={quote(f'not ({STATION}:review eq true)')}", "userName") == ["bea"]


@req("CC-34", "CC-55")
def test_the_values_of_notes_are_shown_in_their_order(noting: Noting) -> None:
    client = noting.client
    ana, bea = client.create("ana")["id"], client.create("bea")["id"]
    client.create("cy")
    noting.note(ana, "waiting", "voice", "chat")
    noting.note(bea, "waiting", "voice")
    assert read(client, f"/Users/{ana}")[STATION]["waiting"] == ["chat", "voice"]

    def found(filter: str) -> list[str]:
        return names(client, f"/Users?filter={quote(filter)}&sortBy=userName", "userName")

    assert found(f'{STATION}:waiting eq "chat"') == ["ana"]
    assert found(f'{STATION}:waiting sw "vo"') == ["ana", "bea"]
    assert found(f"not ({STATION}:waiting pr)") == ["cy"]
    assert found(f'{STATION}:waiting[value eq "voice"]') == ["ana", "bea"]
    assert names(client, f"/Users?sortBy={STATION}:waiting", "userName") == ["ana", "bea", "cy"]


# Writing -------------------------------------------------------------------------------------------------------------


@req("CC-54", "R-CHAR-09", "R-PATCH-13")
def test_what_is_derived_is_not_written(client: Client) -> None:
    given = {STATION: {"teamMissing": False, "review": True}, AGENT: {"supervises": [{"value": "x"}]}}
    made = client.create("ana", **given)
    assert made[STATION] == {"teamMissing": True, "review": False}
    assert AGENT not in made
    body = {"schemas": [USER], "userName": "ana", **given}
    put = json.loads(client.send("PUT", f"/Users/{made['id']}", body).data)
    assert put[STATION] == made[STATION]
    assert put["meta"]["version"] == made["meta"]["version"]
    operation = {"op": "replace", "path": f"{STATION}:teamMissing", "value": False}
    sent = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}
    assert_error(client.send("PATCH", f"/Users/{made['id']}", sent), 400, "mutability")
    without_path = {"op": "replace", "value": {STATION: {"teamMissing": False}, "title": "Agent"}}
    changed = patch(client, f"/Users/{made['id']}", without_path)
    assert (changed["title"], changed[STATION]) == ("Agent", made[STATION])


@req("R-ETAG-04")
def test_what_shows_derived_values_is_sent_whatever_the_version(client: Client) -> None:
    made = client.create("ana")
    version = made["meta"]["version"]
    assert client.get(f"/Users/{made['id']}", If_None_Match=version).status_code == 200
    named = f"/Users/{made['id']}?attributes=userName"
    assert client.get(named, If_None_Match=version).status_code == 304


@req("CC-55")
def test_what_is_not_asked_for_is_not_computed(server: Server, client: Client) -> None:
    id = below(client, "top", None)
    with sent_to(server.database.connections.reader) as statements:
        read(client, f"/Groups/{id}")
    assert not [one for one in statements if "RECURSIVE" in one.text]
    with sent_to(server.database.connections.reader) as statements:
        level(client, id)
    assert [one for one in statements if "RECURSIVE" in one.text]


def test_a_large_team_shows_what_is_derived_beside_its_rows(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    top = below(client, "top", None)
    id = team(client, "low", "a", "b", "c", "d", **{TEAM: {"parent": top}})
    asked = f"/Groups/{id}?attributes={LEVEL},{SUPERVISED}:supervisors,members,{TEAM}:parent"
    plain = client.get(asked).data
    monkeypatch.setattr(resources, "MOST_ROWS", 2)
    assert client.get(asked).data == plain
    assert json.loads(plain)[TEAM] == {"parent": top, "level": 2}
