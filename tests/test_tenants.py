"""Tenants are isolated down to the SQL: every endpoint is tried across them."""

from collections.abc import Iterator
from typing import Any

import pytest

from scim_server.config import Settings
from tests.http.server import GROUP, PATCH_OP, SEARCH_REQUEST, USER, Client, Server, assert_error


@pytest.fixture
def server(database_url: str) -> Iterator[Server]:
    server = Server(Settings(database_url=database_url))
    yield server
    server.close()


@pytest.fixture
def clients(server: Server) -> tuple[Client, Client]:
    """Clients of two tenants."""
    app = server.app()
    return Client(app, server.token(server.tenant())), Client(app, server.token(server.tenant()))


def add_group(client: Client, name: str, *members: str) -> dict[str, Any]:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}
    answer = client.send("POST", "/Groups", body)
    assert answer.status_code == 201
    return dict(answer.get_json(force=True))


@pytest.mark.req("R-TEN-02", "R-GET-02", "R-ERR-08")
@pytest.mark.parametrize("endpoint", ["Users", "Groups"])
def test_a_resource_of_another_tenant_is_not_there(clients: tuple[Client, Client], endpoint: str) -> None:
    own, other = clients
    id = own.create("a")["id"] if endpoint == "Users" else add_group(own, "a")["id"]
    name = "userName" if endpoint == "Users" else "displayName"
    schema = USER if endpoint == "Users" else GROUP
    replacement = {"schemas": [schema], name: "taken"}
    operations = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": name, "value": "taken"}]}
    for method, body in (("GET", None), ("PUT", replacement), ("PATCH", operations), ("DELETE", None)):
        assert_error(other.send(method, f"/{endpoint}/{id}", body), 404)
    assert own.get(f"/{endpoint}/{id}").get_json(force=True)[name] == "a"


@pytest.mark.req("R-TEN-02", "R-ID-01")
def test_no_search_finds_anything_of_another_tenant(clients: tuple[Client, Client]) -> None:
    own, other = clients
    user = own.create("a", externalId="x", emails=[{"value": "a@example.com", "type": "work"}])
    group = add_group(own, "g", user["id"])
    filters = [
        'userName eq "a"',
        'externalId eq "x"',
        'emails.value eq "a@example.com"',
        'emails[type eq "work" and value co "a"]',
        f'id eq "{user["id"]}"',
        f'groups eq "{group["id"]}"',
        f'members eq "{user["id"]}"',
        'displayName eq "g"',
        'not (title eq "x")',
        "meta.created pr",
    ]
    for filter in (None, *filters):
        body = {"schemas": [SEARCH_REQUEST], **({"filter": filter} if filter else {})}
        assert other.send("POST", "/.search", body).get_json(force=True)["totalResults"] == 0
    assert other.get("/Users?sortBy=userName").get_json(force=True)["totalResults"] == 0
    assert other.get("/Groups").get_json(force=True)["Resources"] == []
    assert own.send("POST", "/.search", {"schemas": [SEARCH_REQUEST]}).get_json(force=True)["totalResults"] == 2


@pytest.mark.req("R-TEN-02", "R-CHAR-16")
def test_uniqueness_ends_at_the_tenant(clients: tuple[Client, Client]) -> None:
    for client in clients:
        client.create("a")
        add_group(client, "g")
        assert_error(client.send("POST", "/Users", {"schemas": [USER], "userName": "A"}), 409, "uniqueness")


@pytest.mark.req("R-TEN-02")
def test_a_membership_does_not_reach_into_another_tenant(clients: tuple[Client, Client]) -> None:
    own, other = clients
    user = own.create("a")
    group = add_group(other, "g", user["id"])
    assert "groups" not in own.get(f"/Users/{user['id']}").get_json(force=True)
    version = other.get(f"/Groups/{group['id']}").headers["ETag"]
    assert own.send("DELETE", f"/Users/{user['id']}").status_code == 204
    read = other.get(f"/Groups/{group['id']}")
    assert read.headers["ETag"] == version
    assert [m["value"] for m in read.get_json(force=True)["members"]] == [user["id"]]


@pytest.mark.req("R-TEN-01", "R-TEN-04")
def test_the_tenant_of_the_address_must_be_the_tenant_of_the_credential(server: Server) -> None:
    app = server.app()
    own, other = server.tenant(), server.tenant()
    token = server.token(own)
    through = Client(app, token, f"/t/{own.name}/scim/v2")
    created = through.create("a")
    assert created["meta"]["location"].endswith(f"/t/{own.name}/scim/v2/Users/{created['id']}")
    refused = [Client(app, token, f"/t/{name}/scim/v2").get("/Users") for name in (other.name, "nobody")]
    assert {answer.status_code for answer in refused} <= {401, 403, 404}
    assert len({(answer.status_code, answer.data) for answer in refused}) == 1, "whether a tenant exists stays unsaid"


@pytest.mark.req("R-GRP-02", "R-DISC-13")
def test_a_tenant_may_lift_the_uniqueness_of_an_attribute(server: Server) -> None:
    attribute = f"{GROUP}:displayName"
    relaxed = Client(server.app(), server.token(server.tenant(not_unique=[attribute])))
    add_group(relaxed, "g")
    add_group(relaxed, "G")
    (published,) = (
        a for a in relaxed.get(f"/Schemas/{GROUP}").get_json(force=True)["attributes"] if a["name"] == "displayName"
    )
    assert published["uniqueness"] == "none"
