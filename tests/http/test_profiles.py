"""Tenants of several products on one server: each sees its own product and none of the others."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scim_server import app as composition
from scim_server.config import Settings
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.http.server import SEARCH_REQUEST, Client, Server, assert_error

PROFILES = Path(__file__).parents[1] / "data" / "profiles"
EXTENSION = "urn:example:params:scim:schemas:extension"
TOOLS, GARAGE, LIBRARY = (f"{EXTENSION}:{name}:2.0:User" for name in ("tools", "garage", "library"))
BOOK = "urn:example:params:scim:schemas:core:2.0:Book"


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    server = Server(Settings(database_url=new_database(request.param), extensions=PROFILES))
    yield server
    server.close()


def client(server: Server, profile: str, dialect: str = "generic") -> Client:
    """A client of a new tenant of that profile."""
    return Client(server.app(), server.token(server.tenant(profile), dialect))


def listed(found: Client, path: str, key: str) -> set[str]:
    return {resource[key] for resource in found.get(path).get_json(force=True)["Resources"]}


def test_a_tenant_sees_the_resource_types_and_schemas_of_its_own_profile(server: Server) -> None:
    tools, library = client(server, "tools"), client(server, "library")
    assert listed(tools, "/ResourceTypes", "id") == {"User", "Group", "Tool"}
    assert listed(library, "/ResourceTypes", "id") == {"User", "Group", "Book"}
    assert listed(tools, "/Schemas", "id") & {TOOLS, LIBRARY} == {TOOLS}
    assert listed(library, "/Schemas", "id") & {TOOLS, LIBRARY} == {LIBRARY}
    assert tools.get(f"/Schemas/{TOOLS}").status_code == 200
    assert_error(library.get(f"/Schemas/{TOOLS}"), 404)
    assert_error(library.get("/ResourceTypes/Tool"), 404)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/Tools", None),
        ("POST", "/Tools", {"serial": "T-1"}),
        ("POST", "/Tools/.search", {"schemas": [SEARCH_REQUEST]}),
        ("GET", "/Tools/1", None),
        ("PUT", "/Tools/1", {"serial": "T-1"}),
        ("PATCH", "/Tools/1", {"Operations": [{"op": "remove", "path": "serial"}]}),
        ("DELETE", "/Tools/1", None),
        ("GET", "/Tools/1/users", None),
    ],
)
def test_an_endpoint_of_another_profile_is_not_there(method: str, path: str, body: Any, server: Server) -> None:
    assert_error(client(server, "library").send(method, path, body), 404)


def test_an_operation_of_a_bulk_request_reaches_the_types_of_its_own_profile_alone(server: Server) -> None:
    operations = [
        {"method": "POST", "path": "/Tools", "bulkId": "1", "data": {"serial": "T-9"}},
        {"method": "POST", "path": "/Books", "bulkId": "2", "data": {"schemas": [BOOK], "title": "Emma"}},
    ]
    answer = client(server, "library").send("POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
    assert [entry["status"] for entry in answer.get_json(force=True)["Operations"]] == ["404", "201"]


def test_a_search_over_all_types_is_one_over_those_of_the_profile(server: Server) -> None:
    library = client(server, "library")
    library.create("ana")
    library.send("POST", "/Books", {"schemas": [BOOK], "title": "Emma"})
    found = library.get("?filter=title%20eq%20%22emma%22").get_json(force=True)
    assert [resource["title"] for resource in found["Resources"]] == ["Emma"]
    assert library.get("?count=0").get_json(force=True)["totalResults"] == 2


def test_an_attribute_of_another_profile_is_unknown(server: Server) -> None:
    library = client(server, "library")
    made = library.create("ana", **{TOOLS: {"badge": "7"}, LIBRARY: {"card": "7"}})
    assert TOOLS not in made
    assert made[LIBRARY] == {"card": "7"}
    assert_error(library.get(f"/Users?filter={TOOLS}:badge%20eq%20%227%22"), 400, "invalidFilter")


def test_a_profile_has_what_it_extends(server: Server) -> None:
    garage = client(server, "garage")
    made = garage.create("ana", **{TOOLS: {"badge": "7"}, GARAGE: {"licenceClass": "C"}})
    assert (made[TOOLS], made[GARAGE]) == ({"badge": "7"}, {"licenceClass": "C"})
    assert garage.get(f"/Users?filter={TOOLS}:badge%20eq%20%227%22").get_json(force=True)["totalResults"] == 1
    assert garage.send("POST", "/Tools", {"serial": "T-1"}).status_code == 201


def test_a_tenant_of_an_undefined_profile_is_refused_and_gets_nobodys_rules(server: Server) -> None:
    stranger = client(server, "voice")
    detail = "The profile 'voice' of this tenant is not defined on this server."
    for method, path in [
        ("GET", "/Users"),
        ("POST", "/Users"),
        ("GET", "/Schemas"),
        ("GET", "/ResourceTypes/User"),
        ("GET", ""),
    ]:
        answer = stranger.send(method, path, {"userName": "ana"} if method == "POST" else None)
        assert_error(answer, 503)
        assert answer.get_json(force=True)["detail"] == detail
    assert client(server, "tools").get("/Users").status_code == 200
    ready = stranger.send_raw("GET", "/readyz")
    assert ready.status_code == 503
    assert detail in ready.get_json(force=True)["detail"]
    for tenant in server.database.tenancy.tenants():
        if tenant.profile == "voice":
            assert ready.get_json(force=True)["detail"].startswith(f"Tenant {tenant.name}: ")
            server.database.tenancy.remove_tenant(tenant.id)
    assert stranger.send_raw("GET", "/readyz").status_code == 200


@pytest.mark.req("R-TEN-02")
def test_a_rebuild_drafts_each_resource_with_the_registry_of_its_tenant(server: Server) -> None:
    tools, library = server.tenant("tools"), server.tenant("library")
    makers = [Client(server.app(), server.token(tenant)) for tenant in (tools, library)]
    ids = [m.create("ana", **{TOOLS: {"badge": "7"}, LIBRARY: {"card": "7"}})["id"] for m in makers]
    redraft = composition.redraft(server.settings, server.database.tenancy)
    for tenant, id, mine, others in ((tools, ids[0], TOOLS, LIBRARY), (library, ids[1], LIBRARY, TOOLS)):
        user = server.catalogue.of(tenant.profile).named("User")
        assert user is not None
        record = server.database.storage.read(tenant.id, user, id, frozenset())
        assert record is not None
        drafted = redraft(tenant.id, record)
        assert drafted is not None
        assert mine in drafted.document
        assert others not in drafted.document
