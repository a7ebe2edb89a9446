"""Tenants are isolated down to the SQL: every route is tried across them, and every statement looked at."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from scim_server.config import Settings
from scim_server.domain.schema import ResourceType
from tests.databases import ENGINES
from tests.every_resource_type import body, extensions
from tests.http.bulk import BULK_REQUEST
from tests.http.server import BASE, GROUP, PATCH_OP, SEARCH_REQUEST, USER, Client, Server, assert_error
from tests.statements import sent_to


@pytest.fixture
def server(on_both: Server) -> Server:
    return on_both


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


NO_RESOURCES = {
    "service_provider_config", "schemas", "schema", "resource_types", "resource_type", "other_version",
    "healthz", "readyz", "metrics", "refuse",
}  # fmt: skip
"""Views that neither read nor write a resource."""

WITHOUT_ID = {"create", "query", "search", "query_all", "search_all"}
WITH_ID = {"read", "replace", "patch", "delete"}
OF_ELEMENTS = {"elements"}
"""Views of the elements that one resource has in one attribute."""
MANY = {"bulk"}
"""Views of several operations at once."""
ALIASES = {"me"}
"""Views of what the credential is bound to, tried in tests/http/test_me.py."""


def routes(server: Server, views: set[str]) -> list[tuple[str, str, str]]:
    """(method, path below the base URL, endpoint) of every route to these views; `{}` stands for an id."""
    return sorted(
        (method, rule.rule.removeprefix(BASE).replace("<id:id>", "{}"), (rule.defaults or {}).get("endpoint", ""))
        for rule in server.app().url_map.iter_rules()
        if rule.endpoint in views and rule.rule.startswith(BASE) and is_for_everybody(server, rule.defaults or {})
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    )


def is_for_everybody(server: Server, given: Mapping[str, str]) -> bool:
    """Whether tenants have the endpoint without more: licence pools are looked at in tests/http/test_licences.py."""
    return "endpoint" not in given or server.registry.at(given["endpoint"]) is not None


def populate(server: Server, client: Client) -> dict[str, str]:
    """A resource of each type, which has a user as member where it can have one: endpoint -> id."""
    types = sorted(server.registry.resource_types, key=lambda t: len(t.rows_attributes))
    ids: dict[str, str] = {}
    for resource_type in types:
        made = body(resource_type, "own", *ids.values())
        answer = client.send("POST", resource_type.endpoint, made)
        assert answer.status_code == 201, answer.text
        ids[resource_type.endpoint] = answer.get_json(force=True)["id"]
    return ids


def everything(client: Client, ids: dict[str, str]) -> list[bytes]:
    return [client.get(f"{endpoint}/{id}").data for endpoint, id in ids.items()]


@pytest.fixture(scope="module", params=ENGINES)
def rich(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that has a resource type of its own beside users and groups."""
    folder = extensions(tmp_path_factory.mktemp("rich"))
    server = Server(Settings(database_url=new_database(request.param), extensions=folder))
    yield server
    server.close()


@pytest.fixture
def alone(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """The same for one test, so that nothing that is written later is of another one's tenants."""
    server = Server(Settings(database_url=database_url, extensions=extensions(tmp_path)))
    yield server
    server.close()


@pytest.mark.req("R-TEN-02")
def test_it_is_known_of_every_view_whether_it_touches_resources(rich: Server) -> None:
    """A new view must be put among those that are tried below, or among those that need not be."""
    views = {rule.endpoint for rule in rich.app().url_map.iter_rules()}
    assert views == NO_RESOURCES | WITHOUT_ID | WITH_ID | OF_ELEMENTS | MANY | ALIASES


@pytest.mark.req("R-TEN-02", "R-GET-02", "R-ERR-08")
def test_a_resource_of_another_tenant_is_at_no_address(rich: Server) -> None:
    own, other = (Client(rich.app(), rich.token(rich.tenant())) for _ in range(2))
    ids = populate(rich, own)
    before = everything(own, ids)
    tried = routes(rich, WITH_ID)
    assert len(tried) == len(WITH_ID) * len(ids)
    for method, path, endpoint in tried:
        resource_type = rich.registry.at(endpoint)
        assert resource_type is not None
        remove = {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "externalId"}]}
        sent = {"PUT": body(resource_type, "taken"), "PATCH": remove}.get(method)
        assert_error(other.send(method, path.format(ids[endpoint]), sent), 404)
        assert_error(other.send(method, path.format("nobody"), sent), 404)
    assert everything(own, ids) == before


@pytest.mark.req("R-TEN-02", "R-GET-02")
def test_elements_of_another_tenant_are_at_no_address(rich: Server) -> None:
    own, other = (Client(rich.app(), rich.token(rich.tenant())) for _ in range(2))
    ids = populate(rich, own)
    tried = routes(rich, OF_ELEMENTS)
    assert len(tried) == sum(len(t.rows_attributes) for t in rich.registry.resource_types) > 1
    for method, path, endpoint in tried:
        assert own.send(method, path.format(ids[endpoint])).get_json(force=True)["totalResults"] > 0
        for query in ("", "?cursor=", "?filter=value%20pr"):
            assert_error(other.send(method, path.format(ids[endpoint]) + query), 404)
            assert_error(other.send(method, path.format("nobody") + query), 404)


@pytest.mark.req("R-TEN-02")
def test_no_route_without_an_id_finds_or_meets_anything_of_another_tenant(rich: Server) -> None:
    own, other = (Client(rich.app(), rich.token(rich.tenant())) for _ in range(2))
    ids = populate(rich, own)
    before = everything(own, ids)
    for method, path, _ in routes(rich, WITHOUT_ID - {"create"}):
        for filter in (None, *(f'id eq "{id}"' for id in ids.values()), "meta.created pr"):
            asked = {"filter": filter} if filter else {}
            search = {"schemas": [SEARCH_REQUEST], **asked} if method == "POST" else None
            query = "" if method == "POST" else f"?{urlencode(asked)}"
            found = other.send(method, path + query, search)
            assert found.status_code == 200, found.text
            assert (found.get_json(force=True)["totalResults"], found.get_json(force=True)["Resources"]) == (0, [])
    assert populate(rich, other).keys() == ids.keys(), "the same unique values are free in another tenant"
    assert everything(own, ids) == before


@pytest.mark.req("R-TEN-02", "R-BULK-20")
def test_no_operation_of_a_bulk_request_reaches_into_another_tenant(rich: Server) -> None:
    own, other = (Client(rich.app(), rich.token(rich.tenant())) for _ in range(2))
    ids = populate(rich, own)
    before = everything(own, ids)
    ((method, path, _),) = routes(rich, MANY)
    sent = {"schemas": [BULK_REQUEST], "Operations": every_operation(rich, ids, "own")}
    found = other.send(method, path, sent).get_json(force=True)["Operations"]
    whose = {entry["location"].rpartition("/")[2] for entry in found if entry["status"] == "404"}
    assert whose == set(ids.values())
    assert Counter(entry["status"] for entry in found) == {"201": 2 * len(ids), "404": 3 * len(ids), "204": len(ids)}
    assert everything(own, ids) == before


TENANT_TABLES = "resources|unique_values|attribute_index|relations|membership_state"
NAMED = re.compile(rf"(INTO|UPDATE|FROM|JOIN|USING|,)\s+(?:ONLY\s+)?({TENANT_TABLES})\b(?!\.)(?:\s+AS\s+(\w+))?")


def unguarded(statement: str) -> list[str]:
    """The tables that the statement names more often than it says for them which tenant is meant."""
    named = NAMED.findall(statement)
    into = [table for word, table, _ in named if word == "INTO"]
    read = Counter(alias or table for word, table, alias in named if word != "INTO")
    inserted = [table for table in into if not re.search(rf"INTO {table} \(tenant_id,", statement)]
    return inserted + [
        name for name, times in read.items() if len(re.findall(rf"\b{name}\.tenant_id = ", statement)) < times
    ]


@pytest.mark.parametrize(
    ("statement", "faults"),
    [
        ("SELECT resources.id FROM resources WHERE resources.tenant_id = ? AND resources.id = ?", []),
        ("SELECT resources.tenant_id FROM resources WHERE resources.id = ?", ["resources"]),
        ("DELETE FROM relations WHERE relations.target = ?", ["relations"]),
        ("INSERT INTO relations (kind, owner) VALUES (?, ?)", ["relations"]),
        ("SELECT 1 FROM a JOIN resources AS o ON o.id = a.owner WHERE resources.tenant_id = ?", ["o"]),
        (
            "UPDATE resources SET x=? WHERE id IN (SELECT id FROM resources WHERE resources.tenant_id = ?)",
            ["resources"],
        ),
    ],
)
def test_the_guard_sees_a_statement_without_its_tenant(statement: str, faults: list[str]) -> None:
    assert unguarded(statement) == faults


@pytest.mark.unmeasured
@pytest.mark.req("R-TEN-02")
@pytest.mark.parametrize("indirect_groups", [False, True])
def test_every_statement_says_which_tenant_is_meant(alone: Server, indirect_groups: bool) -> None:
    alone.tenant()
    tenant = alone.tenant(indirect_groups=indirect_groups)
    client = Client(alone.app(), alone.token(tenant))
    with sent_to(alone.database.connections.reader, alone.database.connections.writer) as everything:
        exercise(alone, client)
    sent = [statement for statement in everything if NAMED.search(statement.text)]
    texts = {statement.text for statement in sent}
    assert len(texts) > 25
    assert {text: faults for text in texts if (faults := unguarded(text))} == {}
    tenants = {given.get("tenant") for statement in sent for given in statement.named}
    assert tenants == {tenant.id}


FILTERS = (
    'id eq "{id}"', 'externalId eq "x"', 'userName eq "x"', 'userName sw "x"', 'not (title co "x")', 'groups eq "{id}"',
    'members eq "{id}"', 'members[display eq "x"]', 'emails[type eq "work" and value co "a"]', "meta.created pr",
    'serial eq "x"', 'tags eq "x" or holders eq "{id}"',
)  # fmt: skip


def exercise(server: Server, client: Client) -> None:
    """A bit of everything that the API can do."""
    ids = populate(server, client)
    user = ids["/Users"]
    for endpoint, id in ids.items():
        resource_type = server.registry.at(endpoint)
        assert resource_type is not None
        exercise_changes(client, resource_type, id, user)
    for path in ("/", *ids):
        exercise_searches(client, path, user)
    exercise_bulk(server, client, ids)
    for endpoint, id in ids.items():
        assert client.send("DELETE", f"{endpoint}/{id}").status_code == 204


def exercise_changes(client: Client, resource_type: ResourceType, id: str, user: str) -> None:
    address = f"{resource_type.endpoint}/{id}"
    changes: list[dict[str, Any]] = [{"op": "add", "path": "externalId", "value": "x"}]
    for rows in [a.name for a in resource_type.rows_attributes][-1:]:
        for query in ("", "?count=1", "?filter=value%20pr"):
            assert client.get(f"{address}/{rows}{query}").status_code == 200
        changes += [
            {"op": "remove", "path": f'{rows}[value eq "{user}"]'},
            {"op": "add", "path": rows, "value": [{"value": user}, {"value": "nobody"}]},
        ]
    patched = client.send("PATCH", address, {"schemas": [PATCH_OP], "Operations": changes})
    assert patched.status_code in (200, 204), patched.text
    for members in ((user,), ()):
        replaced = client.send("PUT", address, body(resource_type, "new", *members))
        assert replaced.status_code == 200, replaced.text
    assert client.send("DELETE", address, headers={"If-Match": 'W/"0"'}).status_code == 412


def exercise_searches(client: Client, path: str, user: str) -> None:
    for filter in FILTERS:
        found = client.get(f"{path}?{urlencode({'filter': filter.format(id=user), 'sortBy': 'externalId'})}")
        assert found.status_code in (200, 400), found.text
    assert client.get(f"{path}?sortBy=meta.created&startIndex=2&count=1").status_code == 200
    assert client.get(f"{path}?count=0").status_code == 200


def exercise_bulk(server: Server, client: Client, ids: dict[str, str]) -> None:
    for text in ("bulk", "bulk", "more"):
        answer = client.send(
            "POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": every_operation(server, ids, text)}
        )
        assert answer.status_code == 200, answer.text


def every_operation(server: Server, ids: dict[str, str], text: str) -> list[dict[str, Any]]:
    """Two creates of each type, one of which refers to the first of all, and a change of each kind to each id."""
    types = [t for t in server.registry.resource_types if t.endpoint in ids]
    creates = [
        {"method": "POST", "path": t.endpoint, "bulkId": f"{t.name}{n}", "data": body(t, f"{text}{n}", *named)}
        for t in types
        for n, named in enumerate([(), (f"bulkId:{types[0].name}0",)])
    ]
    changes: list[dict[str, Any]] = []
    for t in types:
        path = f"{t.endpoint}/{ids[t.endpoint]}"
        changes += [
            {"method": "PATCH", "path": path, "data": [{"op": "add", "path": "externalId", "value": text}]},
            {"method": "PUT", "path": path, "data": body(t, f"{text}-put")},
            {"method": "DELETE", "path": path, "version": 'W/"0"'},
            {"method": "DELETE", "path": f"{t.endpoint}/bulkId:{t.name}1"},
        ]
    return creates + changes


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
    assert {answer.status_code for answer in refused} == {403}
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
