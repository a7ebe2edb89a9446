"""The guard against mass deprovisioning through HTTP: by every verb, on both engines, with the clock in hand."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from scim_server import app as composition
from scim_server.config import Settings
from scim_server.errors import Unavailable
from scim_server.observability import metrics_page
from scim_server.storage.base import Tenant
from scim_server.storage.sql.departures import SqlDepartures
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST, delete, patch, user
from tests.http.server import GROUP, PATCH_OP, USER, Client, Server, assert_error
from tests.logs import Log

STOPPED = "Stopped by the guard against mass deprovisioning"


@dataclass
class Clock:
    """Stands still until a test moves it."""

    moment: datetime = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Clocked(Server):
    """A server whose application has the clock."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.clock = Clock()
        self.clocked = composition.assemble(settings, self.catalogue, self.database, self.clock, composition.new_id)

    def close(self) -> None:
        composition.close(self.clocked)
        super().close()


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Clocked]:
    server = Clocked(Settings(database_url=new_database(request.param)))
    yield server
    server.close()


@dataclass
class Directory:
    """A tenant with users who are older than any window."""

    server: Clocked
    tenant: Tenant
    ids: list[str]

    @property
    def client(self) -> Client:
        return Client(self.server.clocked, self.server.token(self.tenant))

    def there(self) -> dict[str, bool]:
        """Who is there, and who of them is active."""
        found = self.client.get("/Users?count=1000").get_json(force=True)["Resources"]
        return {one["id"]: one["active"] for one in found}

    def add(self, number: int) -> list[str]:
        """New users."""
        operations = [user(str(uuid4())) for _ in range(number)]
        sent = {"schemas": [BULK_REQUEST], "Operations": operations}
        answer = self.client.send("POST", "/Bulk", sent)
        return [entry["location"].rpartition("/")[2] for entry in answer.get_json(force=True)["Operations"]]

    def release(self, hours: int = 24) -> None:
        until = self.server.clock() + timedelta(hours=hours)
        composition.release_guard(self.server.database.storage, self.tenant, until)

    def state(self) -> Any:
        return composition.guard_state(
            self.server.settings, self.server.database.storage, self.tenant, self.server.clock()
        )


def directory(server: Clocked, size: int, **guard: Any) -> Directory:
    settings = {"guard": guard} if guard else {}
    made = Directory(server, server.tenant(None, **settings), [])
    made.ids = made.add(size) if size else []
    server.clock.move(hours=25)
    return made


def switch_off(client: Client, id: str) -> TestResponse:
    step = {"op": "Replace", "path": "active", "value": "False"}
    return client.send("PATCH", f"/Users/{id}", {"schemas": [PATCH_OP], "Operations": [step]})


def put_off(client: Client, id: str) -> TestResponse:
    name = client.get(f"/Users/{id}").get_json(force=True)["userName"]
    return client.send("PUT", f"/Users/{id}", {"schemas": [USER], "userName": name, "active": False})


def remove(client: Client, id: str) -> TestResponse:
    return client.send("DELETE", f"/Users/{id}")


VERBS = {"patch": (switch_off, 200), "put": (put_off, 200), "delete": (remove, 204)}


def assert_stopped(answer: TestResponse, departed: int, most: int) -> None:
    assert_error(answer, 429)
    assert answer.headers["Retry-After"] == "300"
    detail = answer.get_json(force=True)["detail"]
    assert detail.startswith(f"{STOPPED}: within 24 hours {departed} resources of type User have been switched off")
    assert f"no more than {most} may be" in detail
    assert "scim-server guard release tenant-" in detail


@pytest.mark.parametrize("verb", VERBS)
def test_beyond_the_percentage_nobody_more_leaves_and_nothing_changes(server: Clocked, verb: str) -> None:
    leave, status = VERBS[verb]
    made = directory(server, 20)
    assert [leave(made.client, id).status_code for id in made.ids[:4]] == [status] * 4
    before = made.there()
    for id in made.ids[4:7]:
        assert_stopped(leave(made.client, id), 4, 4)
    assert made.there() == before
    assert sum(before.values()) == 16


@pytest.mark.parametrize("verb", VERBS)
def test_beyond_the_number_nobody_more_leaves(server: Clocked, verb: str) -> None:
    leave, status = VERBS[verb]
    made = directory(server, 30, users=3)
    assert [leave(made.client, id).status_code for id in made.ids[:3]] == [status] * 3
    assert_stopped(leave(made.client, made.ids[3]), 3, 3)


def test_the_verbs_count_together_and_each_user_once(server: Clocked) -> None:
    made = directory(server, 25)
    for id in made.ids[:4]:
        assert switch_off(made.client, id).status_code == 200
    for id in made.ids[:4]:
        assert remove(made.client, id).status_code == 204
    assert put_off(made.client, made.ids[4]).status_code == 200
    assert_stopped(remove(made.client, made.ids[5]), 5, 5)


def test_what_is_stopped_can_still_be_changed_otherwise(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    switch_off(made.client, made.ids[0])
    assert_stopped(switch_off(made.client, made.ids[1]), 1, 1)
    step = {"op": "replace", "path": "title", "value": "Lead"}
    sent = {"schemas": [PATCH_OP], "Operations": [step]}
    assert made.client.send("PATCH", f"/Users/{made.ids[1]}", sent).status_code == 200
    assert made.client.create("new")["active"] is True
    on = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": True}]}
    assert made.client.send("PATCH", f"/Users/{made.ids[0]}", on).status_code == 200


def test_a_tenant_of_19_users_is_let_alone(server: Clocked) -> None:
    made = directory(server, 19)
    assert {remove(made.client, id).status_code for id in made.ids} == {204}


def test_a_small_tenant_can_have_the_guard(server: Clocked) -> None:
    made = directory(server, 10, on=True)
    assert [remove(made.client, id).status_code for id in made.ids[:3]] == [204, 204, 429]
    made = directory(server, 10, users=5)
    assert [remove(made.client, id).status_code for id in made.ids[:6]] == [204] * 5 + [429]


def test_a_tenant_can_do_without(server: Clocked) -> None:
    made = directory(server, 25, on=False)
    assert {remove(made.client, id).status_code for id in made.ids} == {204}
    assert made.state() is None


def test_what_was_made_within_the_window_comes_and_goes(server: Clocked) -> None:
    """As a suite does that plays to a tenant in use."""
    made = directory(server, 20)
    new = made.add(30)
    server.clock.move(hours=23)
    assert {remove(made.client, id).status_code for id in new} == {204}
    assert [remove(made.client, id).status_code for id in made.ids[:5]] == [204] * 4 + [429]


def test_groups_are_not_guarded(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    ids = []
    for number in range(5):
        answer = made.client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": f"g-{number}"})
        ids.append(answer.get_json(force=True)["id"])
    server.clock.move(hours=30)
    assert {made.client.send("DELETE", f"/Groups/{id}").status_code for id in ids} == {204}


def test_with_time_others_may_leave(server: Clocked) -> None:
    made = directory(server, 20, users=2)
    remove(made.client, made.ids[0])
    server.clock.move(hours=12)
    remove(made.client, made.ids[1])
    assert_stopped(remove(made.client, made.ids[2]), 2, 2)
    server.clock.move(hours=12, seconds=1)
    assert remove(made.client, made.ids[2]).status_code == 204
    assert_stopped(remove(made.client, made.ids[3]), 2, 2)


def test_a_window_of_its_own(server: Clocked) -> None:
    made = directory(server, 20, users=1, hours=2)
    remove(made.client, made.ids[0])
    server.clock.move(minutes=119)
    answer = remove(made.client, made.ids[1])
    assert "within 2 hours 1 resources" in answer.get_json(force=True)["detail"]
    server.clock.move(minutes=2)
    assert remove(made.client, made.ids[1]).status_code == 204


def test_a_release_lets_all_pass_and_then_the_count_begins_anew(server: Clocked) -> None:
    made = directory(server, 30, users=2)
    assert [remove(made.client, id).status_code for id in made.ids[:3]] == [204, 204, 429]
    made.release(hours=2)
    assert {remove(made.client, id).status_code for id in made.ids[2:20]} == {204}
    server.clock.move(hours=2)
    assert [remove(made.client, id).status_code for id in made.ids[20:23]] == [204, 204, 429]


def test_it_is_known_since_when_it_stops_somebody(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    state = made.state()
    assert (state.departed, state.stopped, state.released) == (0, None, None)
    remove(made.client, made.ids[0])
    assert (made.state().departed, made.state().stopped) == (1, None)
    first = server.clock()
    remove(made.client, made.ids[1])
    server.clock.move(minutes=10)
    remove(made.client, made.ids[1])
    assert (made.state().departed, made.state().stopped) == (1, first)
    made.release()
    state = made.state()
    assert (state.departed, state.stopped, state.released) == (0, None, server.clock() + timedelta(hours=24))
    server.clock.move(hours=25)
    assert made.state().released is None


@pytest.mark.parametrize("form", ["delete", "bulk"])
def test_a_stop_that_cannot_be_noted_is_one_all_the_same(
    server: Clocked, form: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = directory(server, 20, users=1)
    remove(made.client, made.ids[0])

    def fail(*_: Any) -> None:
        raise Unavailable

    monkeypatch.setattr(SqlDepartures, "stop", fail)
    if form == "delete":
        assert_stopped(remove(made.client, made.ids[1]), 1, 1)
    else:
        entries = bulk(made.client, delete(f"/Users/{made.ids[1]}"), user("new"))
        assert [entry["status"] for entry in entries] == ["429", "201"]
    assert len([line for line in log.lines if line.get("logger") == "scim_server.service.guard"]) == 1
    assert made.state().stopped is None


def bulk(client: Client, *operations: dict[str, Any], **members: Any) -> list[dict[str, Any]]:
    sent = {"schemas": [BULK_REQUEST], "Operations": [*operations], **members}
    return list(client.send("POST", "/Bulk", sent).get_json(force=True)["Operations"])


OFF = {"op": "replace", "path": "active", "value": False}


def test_in_a_bulk_request_each_operation_is_stopped_alone(server: Clocked) -> None:
    made = directory(server, 20, users=2)
    a, b, c, d = made.ids[:4]
    title = {"op": "replace", "path": "title", "value": "Lead"}
    entries = bulk(
        made.client, delete(f"/Users/{a}"), patch(f"/Users/{b}", OFF), delete(f"/Users/{c}"), patch(f"/Users/{d}", OFF),
        patch(f"/Users/{d}", title), user("new"),
    )  # fmt: skip
    assert [entry["status"] for entry in entries] == ["204", "200", "429", "429", "200", "201"]
    assert entries[2]["response"]["detail"].startswith(STOPPED)
    there = made.there()
    assert (a in there, there[b], there[c], there[d]) == (False, False, True, True)
    assert made.state().stopped == server.clock()


def test_a_bulk_request_ends_at_as_many_failures_as_it_says(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    entries = bulk(made.client, *(delete(f"/Users/{id}") for id in made.ids), failOnErrors=3)
    assert [entry["status"] for entry in entries] == ["204", "429", "429", "429"]


def test_all_or_nothing_is_nothing(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    sent = {"schemas": [BULK_REQUEST], "Operations": [delete(f"/Users/{id}") for id in made.ids[:3]]}
    answer = made.client.send("POST", "/Bulk", sent, headers={"SCIM-Bulk-Atomic": "true"})
    assert [e["status"] for e in answer.get_json(force=True)["Operations"]] == ["424", "429", "424"]
    assert len(made.there()) == 20
    assert (made.state().departed, made.state().stopped) == (0, server.clock())


def test_a_dry_run_says_that_it_would_be_stopped_and_counts_for_nothing(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    dry = {"SCIM-Dry-Run": "true"}
    for id in made.ids[:3]:
        assert made.client.send("DELETE", f"/Users/{id}", headers=dry).get_json(force=True)["status"] == "204"
    remove(made.client, made.ids[0])
    assert_stopped(made.client.send("DELETE", f"/Users/{made.ids[1]}", headers=dry), 1, 1)
    assert (made.state().departed, made.state().stopped) == (1, None)


def test_a_failed_deletion_does_not_count(server: Clocked) -> None:
    made = directory(server, 20, users=1)
    stale = made.client.send("DELETE", f"/Users/{made.ids[0]}", headers={"If-Match": 'W/"9"'})
    assert_error(stale, 412)
    assert_error(remove(made.client, "nobody"), 404)
    assert made.state().departed == 0


def test_one_tenant_is_not_stopped_for_another(server: Clocked) -> None:
    one, other = directory(server, 20, users=1), directory(server, 20, users=1)
    assert [remove(one.client, id).status_code for id in one.ids[:2]] == [204, 429]
    assert remove(other.client, other.ids[0]).status_code == 204


CONTACT_CENTRE = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"


def member_of_product(number: int, name: str, value: str) -> dict[str, Any]:
    """Somebody with what the products require, and that value."""
    address = f"u{number}@example.com"
    person = {"schemas": [USER, CONTACT_CENTRE], "userName": address, "displayName": "Uma Vidal"}
    named = {"name": {"givenName": "Uma", "familyName": "Vidal"}, "emails": [{"type": "work", "value": address}]}
    return {**person, **named, CONTACT_CENTRE: {name: value}}


@pytest.mark.parametrize(
    ("profile", "name", "value", "becomes"),
    [("cosoft-sidekick", "licence", "sidekick", None), ("predictionhealth-sidekick", "role", "org_admin", False)],
)
def test_whom_a_rule_of_the_life_cycle_lets_go_is_counted(
    server: Clocked, profile: str, name: str, value: str, becomes: bool | None
) -> None:
    """The last licence, or the last role, is taken away: one product deletes then, the other switches off."""
    tenant = server.tenant(profile, guard={"users": 2})
    composition.pools(server.settings, server.database.storage, tenant).set("sidekick", 9, None, None)
    made = Directory(server, tenant, [])
    for number in range(3):
        answer = made.client.send("POST", "/Users", member_of_product(number, name, value))
        assert answer.status_code == 201, answer.text
        made.ids.append(answer.get_json(force=True)["id"])
    server.clock.move(hours=25)
    sent = {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": f"{CONTACT_CENTRE}:{name}"}]}
    answers = [made.client.send("PATCH", f"/Users/{id}", sent) for id in made.ids]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert_stopped(answers[2], 2, 2)
    assert [made.there().get(id) for id in made.ids] == [becomes, becomes, True]
    assert made.client.get(f"/Users/{made.ids[2]}").get_json(force=True)[CONTACT_CENTRE][name] == value


def test_of_many_who_leave_at_once_as_many_do_as_there_is_room_for(server: Clocked) -> None:
    made = directory(server, 40, users=5)
    client = made.client

    def leave(number: int) -> int:
        return (remove if number % 2 else switch_off)(client, made.ids[number]).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = Counter(threads.map(leave, range(24)))
    assert statuses[200] + statuses[204] == 5
    assert statuses[429] == 19
    there = made.there()
    assert sum(there.values()) == 35


def test_the_log_and_the_metrics_name_the_guard(server: Clocked, log: Log) -> None:
    def counted() -> float:
        lines = metrics_page()[0].decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("scim_guard_stops_total"))

    made = directory(server, 20, users=1)
    before = counted()
    remove(made.client, made.ids[0])
    remove(made.client, made.ids[1])
    bulk(made.client, delete(f"/Users/{made.ids[1]}"), delete(f"/Users/{made.ids[2]}"))
    assert counted() == before + 3
    named = [line.get("stopped_by_guard") for line in log.lines if line["event"] == "request"][-3:]
    assert named == [None, 1, 2]


def test_a_tenant_without_the_guard_or_with_new_users_alone_pays_nothing(server: Clocked) -> None:
    """Only who leaves and is old enough to count asks the ledger."""
    made = directory(server, 0)
    (new,) = made.add(1)
    assert remove(made.client, new).status_code == 204
    assert json.loads(made.client.get("/Users").data)["totalResults"] == 0
    assert made.state().departed == 0
