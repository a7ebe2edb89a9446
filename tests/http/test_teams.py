"""Teams through HTTP: levels, supervisors of one team, one team for each, and who moved from one to another."""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from scim_server.config import Settings
from scim_server.service.teams import MOST_TOLD
from scim_server.storage.base import Tenant
from scim_server.storage.sql.tables import notes, outbox
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.http.server import GROUP, PATCH_OP, Client, Server, assert_error

CREWS = Path(__file__).parents[1] / "data" / "crews"
USER_CREWS = "urn:example:params:scim:schemas:extension:crews:2.0:User"
GROUP_CREWS = "urn:example:params:scim:schemas:extension:crews:2.0:Group"


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    server = Server(Settings(database_url=new_database(request.param), extensions=CREWS))
    yield server
    server.close()


@dataclass
class Ship:
    """A tenant; sailors and crews by name."""

    server: Server
    tenant: Tenant
    ids: dict[str, str]

    def client(self, dialect: str = "generic") -> Client:
        return Client(self.server.app(), self.server.token(self.tenant, dialect))

    def sailors(self, *names: str) -> None:
        client = self.client()
        for name in names:
            self.ids[name] = client.create(name)["id"]

    def crew(self, name: str, members: Sequence[str] = (), mates: Sequence[str] = (), under: str | None = None) -> Any:
        """The answer to the creation of a crew."""
        more = {"under": self.ids.get(under, under) if under else None, "mates": self.listed(mates) or None}
        body = {"schemas": [GROUP], "displayName": name, "members": self.listed(members), GROUP_CREWS: more}
        answer = self.client().send("POST", "/Groups", body)
        if answer.status_code == 201:
            self.ids[name] = answer.get_json(force=True)["id"]
        return answer

    def patch(self, name: str, *operations: dict[str, Any], dialect: str = "generic") -> Any:
        body = {"schemas": [PATCH_OP], "Operations": operations}
        kind = "Groups" if name[0].isupper() else "Users"
        return self.client(dialect).send("PATCH", f"/{kind}/{self.ids[name]}", body)

    def listed(self, names: Sequence[str]) -> list[dict[str, str]]:
        return [{"value": self.ids.get(name, name)} for name in names]

    def operation(self, verb: str, path: str, *names: str) -> dict[str, Any]:
        return {"op": verb, "path": path, "value": self.listed(names)}

    def read(self, name: str) -> dict[str, Any]:
        kind = "Groups" if name[0].isupper() else "Users"
        found: dict[str, Any] = self.client().get(f"/{kind}/{self.ids[name]}").get_json(force=True)
        return found

    def named(self, crew: str, attribute: str = "members") -> set[str]:
        """The names of those that a crew has in an attribute."""
        held = self.read(crew)
        elements = (held if attribute == "members" else held.get(GROUP_CREWS, {})).get(attribute, [])
        names = {id: name for name, id in self.ids.items()}
        return {names[element["value"]] for element in elements}

    def notes(self) -> set[str]:
        """The ids that anything is noted about."""
        mine = select(notes.c.resource_id).where(notes.c.tenant_id == self.tenant.id)
        with self.server.database.connections.reader.connect() as connection:
            return {*connection.execute(mine).scalars()}

    def mates(self, crew: str) -> set[str]:
        return self.named(crew, "mates")

    def is_due(self, name: str) -> bool:
        due: bool = self.read(name)[USER_CREWS]["inspectionDue"]
        return due

    def events(self) -> list[tuple[str, Any]]:
        statement = select(outbox.c.kind, outbox.c.content).where(outbox.c.tenant_id == self.tenant.id)
        found = self.server.database.connections.read(
            lambda connection: connection.execute(statement.order_by(outbox.c.sequence)).all()
        )
        return [(kind, json.loads(content)) for kind, content in found]


@pytest.fixture
def ship(server: Server) -> Ship:
    return Ship(server, server.tenant(), {})


MATES = f"{GROUP_CREWS}:mates"


# Supervisors of one team ----------------------------------------------------------------------------------------------


@pytest.mark.req("CC-06", "CC-07")
def test_members_and_mates_change_in_any_order_in_one_request(ship: Ship) -> None:
    ship.sailors("ana", "bob", "cid")
    ship.crew("Deck", ["ana", "bob"], ["ana"])
    operations = [
        ship.operation("add", MATES, "cid"),
        ship.operation("remove", "members", "ana"),
        ship.operation("add", "members", "cid"),
        ship.operation("remove", MATES, "ana"),
    ]
    answer = ship.patch("Deck", *operations)
    assert answer.status_code == 200, answer.text
    assert ship.named("Deck") == {"bob", "cid"}
    assert ship.mates("Deck") == {"cid"}


@pytest.mark.req("CC-06", "CC-54")
@pytest.mark.parametrize("form", ["create", "path", "no path", "put", "bulk"])
def test_a_mate_who_is_no_member_is_refused_and_nothing_changes(form: str, ship: Ship) -> None:
    ship.sailors("ana", "bob")
    ship.crew("Deck", ["ana"], ["ana"])
    before = ship.read("Deck")
    wanted = {"schemas": [GROUP], "displayName": "Sail", "members": [], GROUP_CREWS: {"mates": ship.listed(["bob"])}}
    match form:
        case "create":
            answer = ship.client().send("POST", "/Groups", wanted)
        case "path":
            answer = ship.patch("Deck", ship.operation("add", MATES, "bob"))
        case "no path":
            answer = ship.patch("Deck", {"op": "add", "value": {MATES: ship.listed(["bob"])}})
        case "put":
            answer = ship.client("okta").send("PUT", f"/Groups/{ship.ids['Deck']}", wanted)
        case _:
            operation = {"method": "POST", "path": "/Groups", "bulkId": "b", "data": wanted}
            sent = {"schemas": [BULK_REQUEST], "Operations": [operation]}
            (entry,) = ship.client().send("POST", "/Bulk", sent).get_json(force=True)["Operations"]
            assert (entry["status"], entry["response"]["scimType"]) == ("400", "invalidValue")
            assert ship.client().get("/Groups").get_json(force=True)["totalResults"] == 1
            return
    assert_error(answer, 400, "invalidValue")
    assert answer.get_json(force=True)["detail"].startswith(f"{MATES}: '{ship.ids['bob']}' is no member of the team")
    assert ship.read("Deck") == before
    assert ship.client().get("/Groups").get_json(force=True)["totalResults"] == 1


@pytest.mark.req("CC-06", "CC-53")
@pytest.mark.parametrize("form", ["remove", "replace", "put", "deletion"])
def test_who_leaves_a_team_is_its_mate_no_more(form: str, ship: Ship) -> None:
    ship.sailors("ana", "bob")
    ship.crew("Deck", ["ana", "bob"], ["ana", "bob"])
    match form:
        case "remove":
            ship.patch("Deck", ship.operation("remove", "members", "ana"), dialect="entra")
        case "replace":
            ship.patch("Deck", ship.operation("replace", "members", "bob"))
        case "put":
            body = {"schemas": [GROUP], "displayName": "Deck", "members": ship.listed(["bob"])}
            assert ship.client("okta").send("PUT", f"/Groups/{ship.ids['Deck']}", body).status_code == 200
        case _:
            assert ship.client().send("DELETE", f"/Users/{ship.ids['ana']}").status_code == 204
    assert ship.named("Deck") == {"bob"}
    assert ship.mates("Deck") == {"bob"}


# Levels ---------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-30")
def test_crews_lie_in_three_levels_and_a_fourth_is_refused(ship: Ship) -> None:
    for name, under in (("Fleet", None), ("Ship", "Fleet"), ("Watch", "Ship")):
        assert ship.crew(name, under=under).status_code == 201
    answer = ship.crew("Boat", under="Watch")
    assert_error(answer, 400, "invalidValue")
    detail = answer.get_json(force=True)["detail"]
    assert detail == f"{GROUP_CREWS}:under: this team would be at level 4; the levels are 1 to 3."
    assert ship.client().get("/Groups").get_json(force=True)["totalResults"] == 3
    shown = ship.client().get(f"/Groups/{ship.ids['Watch']}?attributes={GROUP_CREWS}:deck").get_json(force=True)
    assert shown[GROUP_CREWS] == {"deck": 3}


@pytest.mark.req("CC-30", "CC-54")
def test_a_crew_with_crews_below_it_goes_no_deeper_than_they_can(ship: Ship) -> None:
    for name, under in (("Fleet", None), ("Ship", "Fleet"), ("Yard", None), ("Dock", "Yard")):
        ship.crew(name, under=under)
    path = f"{GROUP_CREWS}:under"
    assert ship.patch("Yard", {"op": "replace", "path": path, "value": ship.ids["Fleet"]}).status_code == 200
    before = ship.read("Fleet")
    ship.crew("Sea")
    answer = ship.patch("Fleet", {"op": "Replace", "path": path, "value": ship.ids["Sea"]}, dialect="entra")
    assert_error(answer, 400, "invalidValue")
    assert "a team below this one would be at level 4" in answer.get_json(force=True)["detail"]
    assert ship.read("Fleet") == before


@pytest.mark.req("CC-30")
@pytest.mark.parametrize("form", ["entra", "okta"])
def test_a_crew_is_put_neither_below_itself_nor_below_nothing(form: str, ship: Ship) -> None:
    for name, under in (("Fleet", None), ("Ship", "Fleet"), ("Watch", "Ship")):
        ship.crew(name, under=under)
    reasons = {
        ship.ids["Watch"]: "is this team or lies below it",
        ship.ids["Fleet"]: "is this team or lies below it",
        "nowhere": "there is no Group 'nowhere'",
    }
    before = ship.read("Fleet")
    for under, reason in reasons.items():
        if form == "entra":
            answer = ship.patch("Fleet", {"op": "Add", "path": f"{GROUP_CREWS}:under", "value": under}, dialect="entra")
        else:
            body = {"schemas": [GROUP], "displayName": "Fleet", GROUP_CREWS: {"under": under}}
            answer = ship.client("okta").send("PUT", f"/Groups/{ship.ids['Fleet']}", body)
        assert_error(answer, 400, "invalidValue")
        assert reason in answer.get_json(force=True)["detail"]
    assert ship.read("Fleet") == before


@pytest.mark.req("CC-30")
def test_two_crews_that_are_put_below_each_other_at_the_same_moment_make_no_circle(ship: Ship) -> None:
    def put(pair: tuple[str, str]) -> int:
        under = {"op": "replace", "path": f"{GROUP_CREWS}:under", "value": ship.ids[pair[1]]}
        status: int = ship.patch(pair[0], under).status_code
        return status

    for number in range(4):
        names = f"A{number}", f"B{number}"
        for name in names:
            ship.crew(name)
        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(put, [names, names[::-1]])) == [200, 400]


# One team for each, and moves -----------------------------------------------------------------------------------------


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("order", ["add first", "remove first"])
def test_a_move_is_an_add_here_and_a_remove_there_in_any_order(order: str, ship: Ship) -> None:
    ship.sailors("ana", "bob")
    ship.crew("Deck", ["ana", "bob"], ["ana"])
    ship.crew("Sail")
    assert not ship.is_due("ana")
    add = ("Sail", ship.operation("add", "members", "ana"))
    remove = ("Deck", {"op": "Remove", "path": "members", "value": ship.listed(["ana"])})
    for crew, operation in (add, remove) if order == "add first" else (remove, add):
        answer = ship.patch(crew, operation, dialect="entra")
        assert answer.status_code in (200, 204), answer.text
    assert ship.named("Deck") == {"bob"}
    assert ship.mates("Deck") == set()
    assert ship.named("Sail") == {"ana"}
    assert [group["value"] for group in ship.read("ana")["groups"]] == [ship.ids["Sail"]]
    assert ship.is_due("ana")
    assert not ship.is_due("bob")


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("form", ["entra", "okta"])
def test_the_review_is_due_until_somebody_makes_it(form: str, ship: Ship) -> None:
    ship.sailors("ana")
    ship.crew("Deck", ["ana"])
    ship.crew("Sail")
    ship.patch("Sail", ship.operation("add", "members", "ana"))
    ship.patch("ana", {"op": "replace", "path": "title", "value": "Cook"})
    assert ship.is_due("ana")
    if form == "entra":
        operation = {"op": "Add", "path": f"{USER_CREWS}:inspectedBy", "value": "cid"}
        assert ship.patch("ana", operation, dialect="entra").status_code == 200
    else:
        body = {"userName": "ana", USER_CREWS: {"inspectedBy": "cid"}}
        assert ship.client("okta").send("PUT", f"/Users/{ship.ids['ana']}", body).status_code == 200
    assert not ship.is_due("ana")
    found = ship.client().get(f"/Users?filter={USER_CREWS}:inspectionDue eq true").get_json(force=True)
    assert found["totalResults"] == 0


@pytest.mark.req("CC-34")
def test_who_joins_a_first_crew_did_not_move(ship: Ship) -> None:
    ship.sailors("ana")
    ship.crew("Deck")
    ship.patch("Deck", ship.operation("add", "members", "ana"))
    ship.patch("Deck", ship.operation("add", "members", "ana"))
    assert not ship.is_due("ana")


@pytest.mark.req("CC-34")
def test_nothing_is_noted_about_a_member_that_is_no_resource(ship: Ship) -> None:
    """Entra adds members that were never created; nobody would ever read the note, or take it back."""
    ship.sailors("ana")
    ship.crew("Deck")
    ship.crew("Sail")
    for verb, crew in (("add", "Deck"), ("add", "Sail"), ("remove", "Sail")):
        operation = ship.operation(verb, "members", "ana", "nobody")
        assert ship.patch(crew, operation, dialect="entra").status_code in (200, 204)
    assert ship.is_due("ana")
    assert ship.notes() == {ship.ids["ana"]}


@pytest.mark.req("CC-34")
def test_two_crews_that_take_a_sailor_at_the_same_moment_do_not_both_have_him(ship: Ship) -> None:
    def add(crew: str) -> int:
        status: int = ship.patch(crew, ship.operation("add", "members", "ana")).status_code
        return status

    ship.sailors("ana")
    ship.crew("Deck")
    ship.crew("Sail")
    for _ in range(4):
        with ThreadPoolExecutor(2) as pool:
            assert [*pool.map(add, ["Deck", "Sail"])] == [200, 200]
        assert len(ship.read("ana")["groups"]) == 1
        for crew in ("Deck", "Sail"):
            ship.patch(crew, {"op": "remove", "path": "members"})


@pytest.mark.req("CC-34")
def test_the_event_of_a_move_says_who_and_what_was_sent_with_it(ship: Ship) -> None:
    ship.sailors("ana", "bob")
    ship.crew("Deck", ["ana"])
    gear = {"op": "add", "path": f"{GROUP_CREWS}:takesGear", "value": True}
    ship.crew("Sail")
    assert ship.patch("Sail", gear, ship.operation("add", "members", "ana", "bob")).status_code == 200
    ana, bob = ship.ids["ana"], ship.ids["bob"]
    assert ship.events() == [
        ("signed-on", {"joined": [ana], "moved": []}),
        ("signed-on", {f"{GROUP_CREWS}:takesGear": True, "joined": sorted([ana, bob]), "moved": [ana]}),
    ]
    assert "takesGear" not in str(ship.read("Sail"))


@pytest.mark.req("CC-34")
def test_many_who_join_are_told_in_several_events(ship: Ship) -> None:
    ids = [f"sailor-{number:04}" for number in range(MOST_TOLD + 1)]
    assert ship.crew("Deck", ids).status_code == 201
    told = [content["joined"] for _, content in ship.events()]
    assert told == [ids[:MOST_TOLD], ids[MOST_TOLD:]]


@pytest.mark.req("CC-41")
def test_who_has_no_crew_is_ashore(ship: Ship) -> None:
    ship.sailors("ana")
    assert ship.read("ana")[USER_CREWS]["ashore"] is True
    ship.crew("Deck", ["ana"])
    assert ship.read("ana")[USER_CREWS]["ashore"] is False
    ship.client().send("DELETE", f"/Groups/{ship.ids['Deck']}")
    assert ship.read("ana")[USER_CREWS]["ashore"] is True
