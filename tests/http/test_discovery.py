"""What the server says about itself."""

import json
from typing import Any

import pytest

from scim_server.domain.registry import Registry
from tests.http.server import LIST_RESPONSE, MEDIA_TYPE, USER, Client, Server, assert_error

META_SCHEMAS = "urn:ietf:params:scim:schemas:core:2.0:"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HOME = "http://localhost/scim/v2"


def loaded(client: Client, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    return json.loads(answer.data)


@pytest.mark.req(
    "R-DISC-01", "R-DISC-11", "R-SPC-01", "R-SPC-02", "R-SPC-03", "R-SPC-06", "CL-01", "RIP-02", "R-CUR-10", "R-CUR-13"
)
def test_the_configuration_says_what_the_server_can_and_nothing_else(anonymous: Client) -> None:
    document = loaded(anonymous, "/ServiceProviderConfig")
    (scheme,) = document.pop("authenticationSchemes")
    assert scheme["type"] == "oauthbearertoken"
    assert all(scheme[name] for name in ("name", "description", "specUri"))
    assert document == {
        "schemas": [f"{META_SCHEMAS}ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {"supported": True, "maxOperations": 1000, "maxPayloadSize": 10 * 2**20},
        "filter": {"supported": True, "maxResults": 5},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": 3,
            "maxPageSize": 5,
            "cursorTimeout": 3600,
        },
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{HOME}/ServiceProviderConfig"},
    }


@pytest.mark.req("R-DISC-15")
def test_the_plural_is_the_same(anonymous: Client) -> None:
    singular = anonymous.get("/ServiceProviderConfig")
    plural = anonymous.get("/ServiceProviderConfigs")
    assert plural.data == singular.data
    assert plural.headers["Content-Location"] == f"{HOME}/ServiceProviderConfig"


def test_the_documentation_is_named_where_there_is_some(server: Server) -> None:
    client = Client(server.app(documentation_url="https://docs.example.com/scim"), None)
    assert loaded(client, "/ServiceProviderConfig")["documentationUri"] == "https://docs.example.com/scim"


@pytest.mark.req("R-DISC-11", "R-TEN-01")
def test_the_configuration_is_readable_below_any_tenant_and_tells_of_none(anonymous: Client) -> None:
    answer = anonymous.send_raw("GET", "/t/nobody/scim/v2/ServiceProviderConfig")
    assert answer.status_code == 200
    assert json.loads(answer.data)["meta"]["location"].endswith("/t/nobody/scim/v2/ServiceProviderConfig")


def every_urn(registry: Registry) -> set[str]:
    types = registry.resource_types
    return {t.schema.id for t in types} | {e.schema.id for t in types for e in t.extensions}


@pytest.mark.req("R-DISC-02", "R-DISC-08", "R-DISC-09", "R-DISC-12", "R-DISC-14", "CL-02", "SP-01")
def test_every_schema_is_listed_with_its_place(client: Client, server: Server) -> None:
    listed = loaded(client, "/Schemas")
    resources = {resource["id"]: resource for resource in listed["Resources"]}
    assert listed["schemas"] == [LIST_RESPONSE]
    assert listed["totalResults"] == listed["itemsPerPage"] == len(resources)
    assert resources.keys() >= every_urn(server.registry)
    assert resources.keys() >= {META_SCHEMAS + name for name in ("Schema", "ResourceType", "ServiceProviderConfig")}
    assert not any("scim:api:messages" in urn for urn in resources)
    for urn, resource in resources.items():
        assert resource["schemas"] == [f"{META_SCHEMAS}Schema"]
        assert resource["meta"] == {"resourceType": "Schema", "location": f"{HOME}/Schemas/{urn}"}
        assert loaded(client, f"/Schemas/{urn}") == resource


@pytest.mark.req("R-DISC-03", "R-SCH-10", "SP-01")
@pytest.mark.parametrize("urn", [USER, USER.upper(), USER.replace(":", "%3A"), ENTERPRISE.lower()])
def test_a_schema_is_found_by_its_urn_in_any_case(client: Client, urn: str) -> None:
    answer = client.get(f"/Schemas/{urn}")
    document = json.loads(answer.data)
    assert document["id"].lower() == urn.replace("%3A", ":").lower()
    assert answer.headers["Content-Location"] == document["meta"]["location"]


@pytest.mark.req("R-DISC-04", "R-DISC-05", "R-RT-06", "SP-01")
def test_every_resource_type_is_listed_with_its_place(client: Client, server: Server) -> None:
    listed = loaded(client, "/ResourceTypes")
    assert [resource["name"] for resource in listed["Resources"]] == [t.name for t in server.registry.resource_types]
    for resource in listed["Resources"]:
        assert resource["id"] == resource["name"]
        assert resource["meta"] == {
            "resourceType": "ResourceType",
            "location": f"{HOME}/ResourceTypes/{resource['id']}",
        }
        assert loaded(client, f"/ResourceTypes/{resource['id']}") == resource


@pytest.mark.req("R-RT-02")
def test_every_endpoint_that_is_listed_answers(client: Client) -> None:
    for resource in loaded(client, "/ResourceTypes")["Resources"]:
        assert client.get(resource["endpoint"]).status_code == 200


@pytest.mark.req("R-DISC-03", "R-DISC-05")
@pytest.mark.parametrize("path", ["/Schemas/urn:nope", "/Schemas/User", "/ResourceTypes/Nope", "/ResourceTypes/user"])
def test_what_is_not_there_is_not_found(client: Client, path: str) -> None:
    assert_error(client.get(path), 404)


DISCOVERY = [
    "/ServiceProviderConfig",
    "/ServiceProviderConfigs",
    "/Schemas",
    f"/Schemas/{USER}",
    "/ResourceTypes",
    "/ResourceTypes/User",
]


@pytest.mark.req("R-DISC-06")
@pytest.mark.parametrize("path", DISCOVERY)
def test_paging_and_sorting_change_nothing(client: Client, path: str) -> None:
    plain = client.get(path)
    asked = client.get(f"{path}?count=1&startIndex=2&sortBy=id&sortOrder=descending&attributes=id&count=abc")
    assert asked.status_code == 200
    assert asked.data == plain.data


@pytest.mark.req("R-DISC-07")
@pytest.mark.parametrize("path", DISCOVERY)
@pytest.mark.parametrize("query", ["filter=id%20pr", "filter=", "FILTER=x"])
def test_a_filter_is_refused(client: Client, path: str, query: str) -> None:
    assert_error(client.get(f"{path}?{query}"), 403)


@pytest.mark.req("R-DISC-10", "R-HTTP-12")
@pytest.mark.parametrize("path", DISCOVERY)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_discovery_is_read_only(client: Client, method: str, path: str) -> None:
    answer = client.send(method, path, b"not json", {"Content-Type": "text/plain"})
    assert_error(answer, 405)
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.req("R-GRP-02", "R-DISC-13")
def test_the_published_schema_says_what_the_tenant_chose(server: Server) -> None:
    relaxed = server.tenant(not_unique=["urn:ietf:params:scim:schemas:core:2.0:Group:displayName"])
    strict = server.tenant()

    def uniqueness(token: str) -> str:
        schema = loaded(Client(server.app(), token), "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Group")
        (found,) = (a["uniqueness"] for a in schema["attributes"] if a["name"] == "displayName")
        return str(found)

    assert uniqueness(server.token(relaxed)) == "none"
    assert uniqueness(server.token(strict)) == "server"
