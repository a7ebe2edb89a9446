"""A dry run says what a write would do, and changes nothing, in no table, on either engine."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from scim_server import app as composition
from scim_server.config import Settings
from scim_server.observability import RequestFacts, metrics_page
from scim_server.storage.base import Tenant
from scim_server.storage.sql.tables import credentials, metadata
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST, BULK_RESPONSE, delete, patch, titled, user
from tests.http.server import ERROR, GROUP, PATCH_OP, USER, Client, Server, assert_error
from tests.logs import Log

DRY_RUN = "urn:ietf:params:scim:api:messages:extension:2.0:DryRun"
HEADER = "SCIM-Dry-Run"
CONTACT_CENTRE = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    server = Server(Settings(database_url=new_database(request.param)))
    yield server
    server.close()


@pytest.fixture
def tenant(server: Server) -> Tenant:
    return server.tenant()


@pytest.fixture
def client(server: Server, tenant: Tenant) -> Client:
    return Client(server.app(), server.token(tenant))


def everything(server: Server) -> dict[str, list[Any]]:
    """Every row of every table, save when tokens were used last."""
    with server.database.connections.reader.connect() as connection:
        return {
            table.name: sorted(
                map(str, connection.execute(select(*(c for c in table.c if c is not credentials.c.last_used))))
            )
            for table in metadata.tables.values()
        }


def tried(
    server: Server, client: Client, method: str, path: str, body: Any = None, says: str = "true", **headers: str
) -> TestResponse:
    """The answer to a dry run, which left every table as it was."""
    before = everything(server)
    sent = {HEADER: says, **{name.replace("_", "-"): value for name, value in headers.items()}}
    answer = client.send(method, path, body, headers=sent)
    assert everything(server) == before
    return answer


def told(answer: TestResponse, status: str) -> dict[str, Any]:
    """The message of a dry run that would be answered with that status."""
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = json.loads(answer.data)
    assert (message["schemas"], message["status"]) == ([DRY_RUN], status)
    assert answer.headers[HEADER] == "true"
    assert not {"ETag", "Location", "Content-Location"} & {*answer.headers.keys()}
    return message


def operations(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [*steps]}


def group(client: Client, name: str, *members: str) -> str:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}
    answer = client.send("POST", "/Groups", body)
    assert answer.status_code == 201
    return str(json.loads(answer.data)["id"])


def without_moment(resource: dict[str, Any]) -> dict[str, Any]:
    """A resource without its id and times, which are others each time."""
    meta = {name: resource["meta"][name] for name in ("resourceType", "version")}
    return {**resource, "id": None, "meta": meta}


def test_a_create_shows_what_would_be_made(server: Server, client: Client) -> None:
    body = {"schemas": [USER], "userName": "ana", "emails": [{"value": "ana@example.com", "type": "work"}]}
    shown = told(tried(server, client, "POST", "/Users", body), "201")["resource"]
    assert_error(client.get(f"/Users/{shown['id']}"), 404)
    made = client.send("POST", "/Users", body)
    assert made.status_code == 201
    assert without_moment(shown) == without_moment(json.loads(made.data))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_change_shows_the_resource_as_it_would_be(server: Server, client: Client, method: str) -> None:
    made = client.create("ana", title="Agent")
    path = f"/Users/{made['id']}"
    body = {"PUT": {"schemas": [USER], "userName": "ana", "title": "Lead"}, "PATCH": operations(titled("Lead"))}[method]
    shown = told(tried(server, client, method, path, body), "200")["resource"]
    assert (shown["title"], shown["meta"]["version"]) == ("Lead", 'W/"2"')
    assert json.loads(client.get(path).data) == made
    real = client.send(method, path, body)
    assert real.headers["ETag"] == 'W/"2"'
    assert without_moment(json.loads(real.data)) == without_moment(shown)


def test_a_deletion_shows_that_nothing_would_be_left(server: Server, client: Client) -> None:
    made = client.create("ana")
    night = group(client, "Night", made["id"])
    message = told(tried(server, client, "DELETE", f"/Users/{made['id']}"), "204")
    assert "resource" not in message
    assert message["effects"] == [{"kind": "removed", "resource": made["id"], "value": ""}]
    assert json.loads(client.get(f"/Groups/{night}").data)["members"] == [{"value": made["id"]}]


def test_members_show_as_they_would_be(server: Server, client: Client) -> None:
    ana, bob = client.create("ana")["id"], client.create("bob")["id"]
    night = group(client, "Night", ana)
    body = operations({"op": "add", "path": "members", "value": [{"value": bob}]})
    shown = told(tried(server, client, "PATCH", f"/Groups/{night}", body), "200")["resource"]
    assert [member["value"] for member in shown["members"]] == [ana, bob]


def test_what_is_asked_for_is_what_is_shown(server: Server, client: Client) -> None:
    body = {"schemas": [USER], "userName": "ana", "title": "Agent"}
    shown = told(tried(server, client, "POST", "/Users?attributes=title", body), "201")["resource"]
    assert shown.keys() == {"schemas", "id", "title"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_group_with_very_many_members_is_not_shown(server: Server, client: Client, method: str) -> None:
    many = [{"value": f"m-{number}"} for number in range(1_001)]
    body: dict[str, Any] = {"schemas": [GROUP], "displayName": "All", "members": many}
    path, status = "/Groups", "201"
    if method != "POST":
        path, status = f"/Groups/{group(client, 'All')}", "200" if method == "PUT" else "204"
    if method == "PATCH":
        body = operations({"op": "add", "path": "members", "value": many})
    message = told(tried(server, client, method, path, body), status if method != "PUT" else "204")
    assert "resource" not in message
    if method == "POST":
        cut = told(tried(server, client, method, f"{path}?excludedAttributes=members", body), "201")
        assert cut["resource"]["displayName"] == "All"


def test_a_bulk_request_shows_its_whole_answer(server: Server, client: Client) -> None:
    ana = client.create("ana")["id"]
    sent = {
        "schemas": [BULK_REQUEST],
        "Operations": [
            user("bob"),
            patch("/Users/bulkId:bob", titled("Agent")),
            delete(f"/Users/{ana}"),
            delete("/Users/nobody"),
            user("bob2", "bob"),
        ],
    }
    response = told(tried(server, client, "POST", "/Bulk", sent), "200")["resource"]
    assert response["schemas"] == [BULK_RESPONSE]
    assert [entry["status"] for entry in response["Operations"]] == ["201", "200", "204", "404", "409"]
    real = json.loads(client.send("POST", "/Bulk", sent).data)
    assert [entry["status"] for entry in real["Operations"]] == ["201", "200", "204", "404", "409"]


def test_all_or_nothing_goes_together_with_it(server: Server, client: Client) -> None:
    sent = {"schemas": [BULK_REQUEST], "Operations": [user("bob"), delete("/Users/nobody")]}
    response = told(tried(server, client, "POST", "/Bulk", sent, SCIM_Bulk_Atomic="true"), "200")["resource"]
    assert [entry["status"] for entry in response["Operations"]] == ["424", "404"]


# what is sent, and the error that it would be answered with
REFUSED = [
    ("POST", "/Users", {"schemas": [USER], "userName": "ANA"}, 409, "uniqueness"),
    ("POST", "/Users", {"schemas": [USER]}, 400, "invalidValue"),
    ("POST", "/Users", b"{", 400, "invalidSyntax"),
    ("PUT", "/Users/nobody", {"schemas": [USER], "userName": "x"}, 404, None),
    ("PATCH", "/Users/{ana}", operations({"op": "replace", "path": "userName", "value": "bob"}), 409, "uniqueness"),
    ("PATCH", "/Users/{ana}", operations({"op": "replace", "path": "id", "value": "1"}), 400, "mutability"),
    ("DELETE", "/Users/nobody", None, 404, None),
    ("POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": []}, 400, "invalidSyntax"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "scim_type"), REFUSED)
def test_what_would_fail_is_answered_as_it_would_be(
    server: Server, client: Client, method: str, path: str, body: Any, status: int, scim_type: str | None
) -> None:
    ana = client.create("ana")["id"]
    client.create("bob")
    answer = tried(server, client, method, path.format(ana=ana), body)
    assert_error(answer, status, scim_type)
    assert answer.headers[HEADER] == "true"
    real = client.send(method, path.format(ana=ana), body)
    assert (real.status_code, real.data) == (answer.status_code, answer.data)
    assert HEADER not in real.headers


def test_conditions_count(server: Server, client: Client) -> None:
    ana = client.create("ana")["id"]
    assert_error(tried(server, client, "DELETE", f"/Users/{ana}", If_Match='W/"9"'), 412)
    told(tried(server, client, "DELETE", f"/Users/{ana}", If_Match='W/"1"'), "204")


@pytest.mark.parametrize("says", ["true", "TRUE", "True", " true "])
def test_the_header_says_true_in_any_case(server: Server, client: Client, says: str) -> None:
    told(tried(server, client, "POST", "/Users", {"schemas": [USER], "userName": "ana"}, says), "201")


@pytest.mark.parametrize("says", ["false", "False", "FALSE"])
def test_the_header_says_false_as_if_it_were_not_there(client: Client, says: str) -> None:
    answer = client.send("POST", "/Users", {"schemas": [USER], "userName": "ana"}, headers={HEADER: says})
    assert answer.status_code == 201
    assert HEADER not in answer.headers


@pytest.mark.parametrize("says", ["", "1", "yes", "true, true", "dry"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_any_other_word_is_refused_and_nothing_changes(server: Server, client: Client, method: str, says: str) -> None:
    made = client.create("ana")
    path = "/Users" if method == "POST" else f"/Users/{made['id']}"
    answer = tried(server, client, method, path, {"schemas": [USER], "userName": "bob"}, says)
    assert_error(answer, 400, "invalidValue")
    assert "SCIM-Dry-Run is either true or false." in answer.text


@pytest.mark.parametrize("says", ["true", "nonsense"])
def test_on_reads_it_means_nothing(client: Client, says: str) -> None:
    ana = client.create("ana")
    for path in ("/Users", f"/Users/{ana['id']}", "/Schemas", "/ServiceProviderConfig"):
        answer = client.send("GET", path, headers={HEADER: says})
        assert answer.status_code == 200
        assert HEADER not in answer.headers
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}
    found = client.send("POST", "/Users/.search", search, headers={HEADER: says})
    assert json.loads(found.data)["totalResults"] == 1


def test_who_may_not_write_may_not_try(server: Server, tenant: Tenant, client: Client) -> None:
    ana = client.create("ana")["id"]
    reader = Client(server.app(), server.token(tenant, read_only=True))
    assert_error(tried(server, reader, "DELETE", f"/Users/{ana}"), 403)
    assert_error(tried(server, reader, "POST", "/Users", {"schemas": [USER], "userName": "bob"}), 403)
    sent = {"schemas": [BULK_REQUEST], "Operations": [delete(f"/Users/{ana}")]}
    (entry,) = told(tried(server, reader, "POST", "/Bulk", sent), "200")["resource"]["Operations"]
    assert entry["response"]["schemas"] == [ERROR]
    assert entry["status"] == "403"


def test_without_a_good_token_the_header_is_not_looked_at(server: Server) -> None:
    assert_error(Client(server.app(), None).send("POST", "/Users", {}, headers={HEADER: "nonsense"}), 401)


def test_me_can_be_tried(server: Server, tenant: Tenant, client: Client) -> None:
    ana = client.create("ana", title="Agent")["id"]
    own = Client(server.app(), server.token(tenant, subject=ana))
    answer = tried(server, own, "PATCH", "/Me", operations(titled("Lead")))
    assert json.loads(answer.data)["resource"]["title"] == "Lead"
    assert json.loads(own.get("/Me").data)["title"] == "Agent"


def test_a_dry_run_stands_in_the_log_and_the_metrics_and_its_tolerances_are_not_counted(
    server: Server, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[RequestFacts] = []
    monkeypatch.setattr("scim_server.http.exchange.observe", seen.append)
    app = composition.assemble(server.settings, server.catalogue, server.database, composition.now, composition.new_id)
    client = Client(app, server.token(tenant))
    body = {"userName": "ana"}
    told(tried(server, client, "POST", "/Users", body), "201")
    composition.close(app)
    assert server.database.tenancy.tolerances(tenant.id) == []
    (facts,) = seen
    assert (facts.is_dry_run, facts.status, dict(facts.tolerances)) == (True, 200, {"missing-schemas": 1})


def test_the_log_line_and_the_counter_name_it(server: Server, client: Client, log: Log) -> None:
    def counted() -> float:
        lines = metrics_page()[0].decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith('scim_dry_runs_total{method="POST"'))

    before = counted()
    told(tried(server, client, "POST", "/Users", {"schemas": [USER], "userName": "ana"}), "201")
    client.create("ana")
    assert counted() == before + 1
    dry = [line.get("dry_run") for line in log.lines if line["event"] == "request"]
    assert dry == [True, None]


@dataclass
class Desk:
    """A tenant of a product with licences and numbers: one seat of the pool `voice`, ten numbers."""

    server: Server
    tenant: Tenant

    @property
    def client(self) -> Client:
        return Client(self.server.app(), self.server.token(self.tenant))

    def effects(self, status: str, method: str, path: str, body: Any = None) -> list[tuple[str, str, str]]:
        """(kind, value, resource) of each, in their order."""
        message = told(tried(self.server, self.client, method, path, body), status)
        return [(effect["kind"], effect["value"], effect["resource"]) for effect in message["effects"]]


@pytest.fixture
def desk(server: Server) -> Desk:
    tenant = server.tenant("connectel-customer-center")
    storage = server.database.storage
    composition.pools(server.settings, storage, tenant).set("voice", 1, None, None)
    composition.ranges(server.settings, storage, tenant).add("1000-1009")
    return Desk(server, tenant)


def agent(name: str) -> dict[str, Any]:
    return {"schemas": [USER, CONTACT_CENTRE], "userName": name, CONTACT_CENTRE: {"role": "user", "licence": "voice"}}


OFF = {"op": "replace", "path": "active", "value": False}


def test_seats_and_numbers_that_would_be_taken_are_told_and_are_not(desk: Desk) -> None:
    answer = tried(desk.server, desk.client, "POST", "/Users", agent("ana"))
    message = told(answer, "201")
    assert message["resource"][CONTACT_CENTRE]["extensionNumber"] == "1000"
    kinds = [(effect["kind"], effect["value"]) for effect in message["effects"]]
    assert kinds == [("seat taken", "voice"), ("number allocated", "1000")]
    made = json.loads(desk.client.send("POST", "/Users", agent("bob")).data)
    assert made[CONTACT_CENTRE]["extensionNumber"] == "1000"
    assert_error(tried(desk.server, desk.client, "POST", "/Users", agent("ana")), 409)


def test_what_would_be_given_back_is_told_and_is_not(desk: Desk) -> None:
    ana = json.loads(desk.client.send("POST", "/Users", agent("ana")).data)["id"]
    off = desk.effects("200", "PATCH", f"/Users/{ana}", operations(OFF))
    assert off == [("seat freed", "voice", ana), ("deactivated", "", ana)]
    gone = desk.effects("204", "DELETE", f"/Users/{ana}")
    assert gone == [("seat freed", "voice", ana), ("number released", "1000", ana), ("removed", "", ana)]
    assert_error(desk.client.send("POST", "/Users", agent("bob")), 409)


def test_of_a_bulk_request_the_effects_are_those_of_what_would_succeed(desk: Desk) -> None:
    ana = json.loads(desk.client.send("POST", "/Users", agent("ana")).data)["id"]
    plain = {"schemas": [USER, CONTACT_CENTRE], "userName": "bob", CONTACT_CENTRE: {"role": "user"}}
    sent = {
        "schemas": [BULK_REQUEST],
        "Operations": [
            patch(f"/Users/{ana}", OFF, version='W/"9"'),
            delete(f"/Users/{ana}"),
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": agent("bob")},
            {"method": "POST", "path": "/Users", "bulkId": "c", "data": plain},
        ],
    }
    message = told(tried(desk.server, desk.client, "POST", "/Bulk", sent), "200")
    statuses = [entry["status"] for entry in message["resource"]["Operations"]]
    kinds = [(effect["kind"], effect["value"]) for effect in message["effects"]]
    assert statuses == ["412", "204", "201", "409"]
    assert kinds == [
        ("seat freed", "voice"), ("number released", "1000"), ("removed", ""),
        ("seat taken", "voice"), ("number allocated", "1001"),
    ]  # fmt: skip
