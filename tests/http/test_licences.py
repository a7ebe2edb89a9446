"""Licence pools as clients see them: readable resources that only the operator writes, there where there are pools."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from scim_server import app as composition
from scim_server.config import Settings
from scim_server.service.pools import Pools
from scim_server.storage.base import Tenant
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.http.server import LIST_RESPONSE, PATCH_OP, SEARCH_REQUEST, Client, Server, assert_error
from tests.stock import DESK, ENTITLEMENT, LICENCE, stock_folder
from tests.storage.meanwhile import meanwhile


@pytest.fixture(scope="module", params=ENGINES)
def server(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    extensions = stock_folder(tmp_path_factory.mktemp("stock") / "extensions")
    server = Server(Settings(database_url=new_database(request.param), extensions=extensions))
    yield server
    server.close()


def pools_of(server: Server, tenant: Tenant) -> Pools:
    return composition.pools(server.settings, server.database.storage, tenant)


def client_of(server: Server, tenant: Tenant) -> Client:
    """A client that sees the tenant as it is now."""
    return Client(server.app(), server.token(tenant))


@pytest.fixture(scope="module")
def tenant(server: Server) -> Tenant:
    """A tenant with three pools, which the tests only read."""
    tenant = server.tenant("desk")
    pools = pools_of(server, tenant)
    pools.set("Sidekick", 50, "Side kick", "voice")
    pools.set("connect", 200)
    pools.set("agent-full", 7)
    return tenant


@pytest.fixture(scope="module")
def client(server: Server, tenant: Tenant) -> Client:
    return client_of(server, tenant)


def found(client: Client, **query: Any) -> list[str]:
    """The ids of the licences that a query finds, in their order."""
    text = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    answer = client.get(f"/Licences?{text}")
    assert answer.status_code == 200, answer.text
    return [resource["id"] for resource in answer.get_json(force=True)["Resources"]]


def test_a_pool_is_a_resource_whose_id_is_its_key_as_it_compares(client: Client) -> None:
    answer = client.get("/Licences/sidekick")
    body = json.loads(answer.data)
    meta = body.pop("meta")
    assert body == {
        "schemas": [LICENCE],
        "id": "sidekick",
        "value": "Sidekick",
        "display": "Side kick",
        "type": "voice",
        "totalAssignmentsPermitted": 50,
        "totalAssignmentsUsed": 0,
    }
    assert meta["resourceType"] == "Licence"
    assert meta["location"] == "http://localhost/scim/v2/Licences/sidekick" == answer.headers["Content-Location"]
    assert_error(client.get("/Licences/nothing"), 404)


def test_a_pool_is_called_as_its_key_and_of_the_type_that_shows_it_where_nobody_said_more(client: Client) -> None:
    body = client.get("/Licences/connect").get_json(force=True)
    assert (body["value"], body["display"], body["type"]) == ("connect", "connect", "Licence")


# query, the ids that it finds in their order
QUERIES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["agent-full", "connect", "sidekick"]),
    ({"filter": 'value eq "SIDEKICK"'}, ["sidekick"]),
    ({"filter": "totalAssignmentsPermitted gt 7"}, ["connect", "sidekick"]),
    ({"filter": 'type eq "voice" or id eq "connect"'}, ["connect", "sidekick"]),
    ({"filter": f'{LICENCE}:value co "-"'}, ["agent-full"]),
    ({"sortBy": "totalAssignmentsPermitted", "sortOrder": "descending"}, ["connect", "sidekick", "agent-full"]),
    ({"sortBy": "display"}, ["agent-full", "connect", "sidekick"]),
    ({"startIndex": 2, "count": 1}, ["connect"]),
]


@pytest.mark.req("CC-55")
@pytest.mark.parametrize(("query", "ids"), QUERIES)
def test_pools_are_listed_filtered_sorted_and_paged(query: dict[str, Any], ids: list[str], client: Client) -> None:
    assert found(client, **query) == ids


def test_pools_are_searched_by_post_and_beside_all_other_resources(client: Client) -> None:
    body = {"schemas": [SEARCH_REQUEST], "filter": 'value eq "connect"', "attributes": ["value"]}
    for path in ("/Licences/.search", "/.search"):
        answer = client.send("POST", path, body).get_json(force=True)
        assert answer["schemas"] == [LIST_RESPONSE]
        assert answer["Resources"] == [{"schemas": [LICENCE], "id": "connect", "value": "connect"}]


def test_a_pool_is_projected(client: Client) -> None:
    assert client.get("/Licences/connect?attributes=totalAssignmentsPermitted").get_json(force=True) == {
        "schemas": [LICENCE],
        "id": "connect",
        "totalAssignmentsPermitted": 200,
    }
    assert "display" not in client.get("/Licences/connect?excludedAttributes=display").get_json(force=True)


def test_a_tenant_with_pools_is_told_of_them(client: Client) -> None:
    shown = client.get("/ResourceTypes/Licence").get_json(force=True)
    assert (shown["endpoint"], shown["schema"]) == ("/Licences", LICENCE)
    attributes = client.get(f"/Schemas/{LICENCE}").get_json(force=True)["attributes"]
    assert {attribute["mutability"] for attribute in attributes} == {"readOnly"}
    assert_error(client.get(f"/Schemas/{ENTITLEMENT}"), 404)
    assert_error(client.get("/ResourceTypes/Entitlement"), 404)
    assert_error(client.get("/Entitlements"), 404)


WRITES = [
    *((method, "/Licences") for method in ("POST", "PUT", "PATCH", "DELETE")),
    *((method, "/Licences/connect") for method in ("POST", "PUT", "PATCH", "DELETE")),
    ("DELETE", "/Licences/nothing"),
]


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_no_client_writes_a_pool_and_its_body_is_not_looked_at(method: str, path: str, client: Client) -> None:
    before = client.get("/Licences/connect").data
    answer = client.send(method, path, b"{not json", {"Content-Type": "text/plain"})
    assert_error(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert "/Licences can be read and searched alone" in answer.get_json(force=True)["detail"]
    assert client.get("/Licences/connect").data == before


@pytest.mark.parametrize("path", ["/Licences", "/Licences/connect"])
def test_the_methods_that_are_allowed_are_told(path: str, client: Client) -> None:
    answer = client.send("OPTIONS", path)
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert client.send("HEAD", path).status_code == 200


def test_an_operation_of_a_bulk_request_writes_no_pool_and_the_others_go_on(client: Client) -> None:
    patch = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "display", "value": "x"}]}
    operations = [
        {"method": "POST", "path": "/Licences", "bulkId": "1", "data": {"schemas": [LICENCE], "value": "more"}},
        {"method": "PUT", "path": "/Licences/connect", "data": {"schemas": [LICENCE], "value": "x"}},
        {"method": "PATCH", "path": "/Licences/connect", "data": patch},
        {"method": "DELETE", "path": "/Licences/connect"},
        {"method": "POST", "path": "/Users", "bulkId": "2", "data": {"userName": "bulk"}},
    ]
    before = client.get("/Licences").data
    answer = client.send("POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
    entries = answer.get_json(force=True)["Operations"]
    assert [entry["status"] for entry in entries] == ["405"] * 4 + ["201"]
    assert "/Licences can be read and searched alone" in entries[0]["response"]["detail"]
    assert client.get("/Licences").data == before


def test_a_tenant_without_a_pool_is_told_nothing_of_them(server: Server) -> None:
    client = client_of(server, server.tenant("desk"))
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert_error(client.send(method, "/Licences"), 404)
        assert_error(client.send(method, "/Licences/connect"), 404)
    assert_error(client.send("POST", "/Licences/.search", {"schemas": [SEARCH_REQUEST]}), 404)
    assert_error(client.get("/ResourceTypes/Licence"), 404)
    assert_error(client.get(f"/Schemas/{LICENCE}"), 404)
    listed = client.get("/ResourceTypes").get_json(force=True)["Resources"]
    assert {resource["id"] for resource in listed} == {"User", "Group"}
    assert LICENCE not in client.get("/Schemas").text
    assert client.get("?count=0").get_json(force=True)["totalResults"] == 0


def test_the_last_pool_takes_the_resource_type_along_and_the_first_one_brings_it(server: Server) -> None:
    tenant = server.tenant("desk")
    pools = pools_of(server, tenant)
    pools.set("one", 1)
    pools.set("two", 1)
    pools.remove("ONE")
    assert found(client_of(server, tenant)) == ["two"]
    pools.remove("two")
    assert_error(client_of(server, tenant).get("/Licences"), 404)
    pools.set("one", 3)
    assert client_of(server, tenant).get("/Licences/one").get_json(force=True)["totalAssignmentsPermitted"] == 3


@pytest.mark.req("R-TEN-02")
def test_a_pool_of_another_tenant_is_at_no_address_and_counts_none_of_ours(server: Server, tenant: Tenant) -> None:
    other = server.tenant("desk")
    holding = client_of(server, other)
    for name in ("ana", "ben"):
        holding.create(name, **{DESK: {"licence": "connect"}})
    pools_of(server, other).set("theirs", 1)
    assert pools_of(server, tenant).set("connect", 200).used == 0
    theirs = client_of(server, other)
    assert found(theirs) == ["theirs"]
    assert_error(theirs.get("/Licences/connect"), 404)
    assert pools_of(server, other).set("connect", 1).used == 2


def test_a_change_of_the_operator_moves_the_version_and_what_changes_nothing_does_not(server: Server) -> None:
    tenant = server.tenant("desk")
    pools = pools_of(server, tenant)
    pools.set("agent", 5)
    client = client_of(server, tenant)
    first = client.get("/Licences/agent").headers["ETag"]
    pools.set("agent", 5)
    assert client.get("/Licences/agent").headers["ETag"] == first
    pools.set("agent", 6, "Agents")
    second = client.get("/Licences/agent")
    assert second.headers["ETag"] != first
    assert second.get_json(force=True)["display"] == "Agents"
    pools.set("Agent", 6)
    assert client.get("/Licences/agent").get_json(force=True)["value"] == "Agent"
    assert client.get("/Licences/agent").get_json(force=True)["display"] == "Agents"


def holding(client: Client, *names: str) -> list[str]:
    return [client.create(name, **{DESK: {"licence": "agent"}})["id"] for name in names]


def switching(value: bool) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": value}]}


def totals(client: Client) -> tuple[int, int]:
    """The seats of `agent` that are taken, in its own representation and in a list."""
    one = client.get("/Licences/agent").get_json(force=True)
    (listed,) = client.get('/Licences?filter=value%20eq%20"agent"').get_json(force=True)["Resources"]
    return one["totalAssignmentsUsed"], listed["totalAssignmentsUsed"]


@pytest.mark.req("CC-02", "CC-52", "CC-53")
def test_the_total_follows_what_users_take_and_give_back(server: Server) -> None:
    tenant = server.tenant("desk")
    pools_of(server, tenant).set("agent", 3)
    client = client_of(server, tenant)
    first, second = holding(client, "ana", "ben")
    assert totals(client) == (2, 2)
    assert client.send("PATCH", f"/Users/{first}", switching(False)).status_code == 200
    assert totals(client) == (1, 1)
    assert client.send("PATCH", f"/Users/{first}", switching(True)).status_code == 200
    assert client.send("DELETE", f"/Users/{second}").status_code == 204
    assert totals(client) == (1, 1)
    assert pools_of(server, tenant).all()[0].used == 1


@pytest.mark.req("CC-50", "CC-54")
def test_a_pool_that_is_made_late_takes_nobodys_seat_and_gives_none_beyond_its_number(server: Server) -> None:
    tenant = server.tenant("desk")
    client = client_of(server, tenant)
    first, *_ = holding(client, "ana", "ben", "cem")
    assert pools_of(server, tenant).set("agent", 2).used == 3
    refused = client.send("POST", "/Users", {"userName": "dan", DESK: {"licence": "agent"}})
    assert_error(refused, 409)
    assert client.send("DELETE", f"/Users/{first}").status_code == 204
    assert_error(client.send("POST", "/Users", {"userName": "dan", DESK: {"licence": "agent"}}), 409)
    assert pools_of(server, tenant).set("agent", 3).free == 1
    holding(client, "dan")
    assert pools_of(server, tenant).all()[0].free == 0


@pytest.mark.req("R-ETAG-04")
def test_what_shows_how_many_seats_are_taken_is_sent_whatever_version_the_client_has(server: Server) -> None:
    tenant = server.tenant("desk")
    pools_of(server, tenant).set("agent", 3)
    client = client_of(server, tenant)
    version = client.get("/Licences/agent").headers["ETag"]
    holding(client, "ana")
    again = client.get("/Licences/agent", If_None_Match=version)
    assert (again.status_code, again.get_json(force=True)["totalAssignmentsUsed"]) == (200, 1)
    without = client.get("/Licences/agent?excludedAttributes=totalAssignmentsUsed", If_None_Match=version)
    assert without.status_code == 304


def test_pools_are_found_and_sorted_by_how_many_seats_are_taken(server: Server) -> None:
    tenant = server.tenant("desk")
    for key in ("agent", "empty"):
        pools_of(server, tenant).set(key, 3)
    client = client_of(server, tenant)
    holding(client, "ana", "ben")
    assert found(client, filter="totalAssignmentsUsed gt 1") == ["agent"]
    assert found(client, filter="totalAssignmentsUsed eq 0") == ["empty"]
    assert found(client, sortBy="totalAssignmentsUsed") == ["empty", "agent"]


def test_who_waits_for_a_seat_is_counted_and_gets_one_where_the_operator_gives_more(server: Server) -> None:
    tenant = server.tenant("queue")
    pools = pools_of(server, tenant)
    pools.set("agent", 1)
    client = client_of(server, tenant)
    _, *waiting = holding(client, "ana", "ben", "cem")
    assert (pools.all()[0].used, pools.all()[0].waiting) == (1, 2)
    assert client.get(f"/Users/{waiting[0]}").get_json(force=True)[DESK]["waitingFor"] == ["agent"]
    raised = pools.set("agent", 2)
    assert (raised.used, raised.waiting) == (2, 1)
    assert "waitingFor" not in client.get(f"/Users/{waiting[0]}").get_json(force=True)[DESK]
    pools.remove("agent")
    assert "waitingFor" not in client.get(f"/Users/{waiting[1]}").get_json(force=True)[DESK]
    assert pools.set("agent", 2).used == 3


# Pools as entitlements -----------------------------------------------------------------------------------------------


@pytest.mark.req("OKTA-50", "OKTA-51", "OKTA-52", "OKTA-54")
def test_a_profile_shows_pools_as_entitlements_with_an_id_that_users_hold(server: Server) -> None:
    tenant = server.tenant("entitled")
    pools_of(server, tenant).set("lic-pro", 5, "Pro licence")
    pools_of(server, tenant).set("lic-basic", 5)
    client = client_of(server, tenant)
    types = client.get("/ResourceTypes").get_json(force=True)["Resources"]
    (shown,) = (resource for resource in types if resource["schema"] == ENTITLEMENT)
    page = client.get(f"{shown['endpoint']}?startIndex=1&count=1&sortBy=displayName&sortOrder=descending")
    body = page.get_json(force=True)
    assert (body["totalResults"], body["itemsPerPage"], body["startIndex"]) == (2, 1, 1)
    (entitlement,) = body["Resources"]
    assert (entitlement["schemas"], entitlement["id"]) == ([ENTITLEMENT], "lic-pro")
    assert (entitlement["type"], entitlement["displayName"]) == (shown["name"], "Pro licence")
    assert_error(client.get("/Licences"), 404)
    assert_error(client.send("POST", "/Entitlements", {"displayName": "x"}), 405)


@pytest.mark.req("OKTA-53")
def test_who_holds_the_id_of_an_entitlement_is_counted(server: Server) -> None:
    tenant = server.tenant("entitled")
    client = client_of(server, tenant)
    client.create("ana", entitlements=[{"value": "lic-pro", "display": "Pro licence", "type": "Entitlement"}])
    client.create("ben", entitlements=[{"value": "lic-pro", "type": "Parking"}])
    assert pools_of(server, tenant).set("lic-pro", 5).used == 1


def test_when_a_profile_shows_pools_as_something_else_setting_one_again_makes_that_of_it(server: Server) -> None:
    tenant = server.tenant("desk")
    pools_of(server, tenant).set("pro", 5, "Pro licence")
    other = Tenant(tenant.id, tenant.name, "entitled", {})
    assert pools_of(server, other).set("pro", 5).display == "pro"
    assert found(client_of(server, tenant)) == []
    pools_of(server, other).remove("pro")
    assert pools_of(server, other).all() == []


@pytest.mark.parametrize("change", [lambda pools: pools.set("agent", 2), lambda pools: pools.remove("agent")])
def test_of_two_who_change_a_pool_one_waits_so_that_it_is_not_removed_between_look_and_change(
    server: Server, change: Callable[[Pools], Any]
) -> None:
    """A pool that is there counts nobody anew; made again from nothing it would lack those who hold its key."""
    tenant = server.tenant("desk")
    pools = pools_of(server, tenant)
    pools.set("agent", 1)
    waited, _ = meanwhile(
        lambda work: server.database.storage.write(tenant.id, work),
        lambda transaction: transaction.seats.hold(),
        lambda: change(pools),
    )
    assert waited
