"""What a request was forgiven is counted for its tenant, once it is answered."""

from scim_server import app as composition
from scim_server.storage.base import Tenant
from tests.http.server import USER, Client, Server, assert_error


def counts(server: Server, tenant: Tenant) -> dict[tuple[str, str], int]:
    return {(found.dialect, found.name): found.count for found in server.database.tenancy.tolerances(tenant.id)}


def test_the_uses_of_every_request_reach_the_database_when_the_server_stops(server: Server) -> None:
    app = server.app(max_filter=1000)
    tenant, other = server.tenant(), server.tenant()
    entra, generic = Client(app, server.token(tenant, "entra")), Client(app, server.token(tenant))
    strict = Client(app, server.token(other, "strict"))
    entra.create("a", active="True", title="")
    entra.create("b", active="True")
    generic.create("c", active="True")
    refused = {"schemas": [USER], "userName": "d", "active": "True", "title": {}}
    assert_error(entra.send("POST", "/Users", refused), 400, "invalidValue")
    assert_error(strict.send("POST", "/Users", refused), 400, "invalidValue")
    strict.create("e")
    assert counts(server, tenant) == {}
    composition.close(app)
    assert counts(server, tenant) == {
        ("entra", "read-boolean-text"): 3,
        ("entra", "empty-string"): 1,
        ("generic", "read-boolean-text"): 1,
    }
    assert counts(server, other) == {}
