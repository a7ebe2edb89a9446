"""What Okta sends over the life of a user and a pushed group, for both kinds of application."""

from typing import Any
from uuid import uuid4

import pytest

from tests.live.server import Client, Server

pytestmark = pytest.mark.unmeasured

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CONTACT_CENTRE = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"
PASSWORD = "r4nd0m-Passw0rd"


@pytest.fixture(scope="module")
def okta(server: Server) -> Client:
    client = server.client(server.issue("okta"))
    client.headers = {
        "Accept-Charset": "utf-8",
        "User-Agent": "Okta SCIM Client 1.0.0",
        "Accept-Encoding": "gzip,deflate",
    }
    return client


def user(name: str, **more: Any) -> dict[str, Any]:
    """OKTA-04: an empty read-only list and a random password are always there."""
    return {
        "schemas": [USER, ENTERPRISE],
        "userName": name,
        "name": {"givenName": "Leo", "familyName": "Ma"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "title": "AE",
        "displayName": "Leo Ma",
        "locale": "en-US",
        "externalId": f"00u{uuid4().hex[:12]}",
        "groups": [],
        "password": PASSWORD,
        "active": True,
        **more,
    }


def create(okta: Client, **more: Any) -> dict[str, Any]:
    return okta.post("/Users", user(f"{uuid4()}@okta.example", **more)).expect(201).body


@pytest.mark.req("OKTA-01", "R-GET-07", "R-PAGE-03")
def test_connector_configuration_is_tested_with_a_page_of_two(okta: Client) -> None:
    for path, count in (("/Users", 2), ("/Groups", 100)):
        page = okta.get(f"{path}?startIndex=1&count={count}").expect(200)
        assert all(type(page[name]) is int for name in ("totalResults", "startIndex", "itemsPerPage"))
        assert len(page["Resources"]) <= count


@pytest.mark.req("OKTA-03", "OKTA-04", "OKTA-05", "OKTA-11", "R-CHAR-10", "R-USER-12")
def test_a_user_is_looked_up_created_and_the_password_never_comes_back(okta: Client) -> None:
    name = f"{uuid4()}@okta.example"
    assert okta.find("/Users", f'userName eq "{name}"', startIndex="1", count="100") == []
    created = okta.post("/Users", user(name, **{ENTERPRISE: {"department": "Sales"}})).expect(201)
    assert created["active"] is True
    assert created[ENTERPRISE] == {"department": "Sales"}
    assert PASSWORD not in str(created.body)
    (found,) = okta.find("/Users", f'userName eq "{name}"', startIndex="1", count="100")
    assert found == created.body
    okta.post("/Users", user(name)).expect(409)
    answer = okta.patch(f"/Users/{created['id']}", {"op": "replace", "value": {"password": "an0ther-Passw0rd"}})
    assert "Passw0rd" not in str(answer.expect(200).body)


@pytest.mark.req("OKTA-06", "OKTA-07", "OKTA-16", "R-PUT-03", "R-PUT-06", "R-CHAR-03")
def test_a_profile_is_updated_by_put_of_what_get_answered(okta: Client) -> None:
    created = create(okta)
    group = okta.post("/Groups", {"schemas": [GROUP], "displayName": str(uuid4())}).expect(201)["id"]
    okta.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": created["id"]}]})
    body = okta.get(f"/Users/{created['id']}").expect(200).body
    assert body["groups"][0]["value"] == group
    body |= {"name": {"givenName": "Leonardo", "middleName": "", "familyName": "Ma"}, "groups": []}
    replaced = okta.put(f"/Users/{created['id']}", body).expect(200)
    assert replaced["name"] == {"givenName": "Leonardo", "familyName": "Ma"}
    assert replaced["groups"][0]["value"] == group, "an empty read-only list removes from no group"
    assert replaced["userName"] == created["userName"]


@pytest.mark.req("OKTA-07", "X-08", "CC-56")
def test_a_put_without_active_or_extension_attributes_takes_nothing_away(okta: Client) -> None:
    created = create(okta, **{CONTACT_CENTRE: {"role": "agent", "supervisor": True}})
    body = {"schemas": [USER], "userName": created["userName"], "name": created["name"], "emails": created["emails"]}
    okta.patch(f"/Users/{created['id']}", {"op": "replace", "value": {"active": False}}).expect(200)
    replaced = okta.put(f"/Users/{created['id']}", body).expect(200)
    assert replaced["active"] is False
    assert replaced[CONTACT_CENTRE] == {"role": "agent", "supervisor": True}
    assert "title" not in replaced.body


@pytest.mark.req("OKTA-08", "OKTA-10", "R-COMPAT-03")
def test_an_integration_wizard_app_deactivates_and_reactivates_by_put(okta: Client) -> None:
    created = create(okta)
    body = okta.get(f"/Users/{created['id']}").expect(200).body
    assert okta.put(f"/Users/{created['id']}", body | {"active": False}).expect(200)["active"] is False
    (found,) = okta.find("/Users", f'userName eq "{created["userName"]}"')
    assert found["active"] is False
    assert okta.put(f"/Users/{created['id']}", found | {"active": True}).expect(200)["active"] is True


@pytest.mark.req("OKTA-09", "OKTA-10")
def test_a_network_app_deactivates_and_reactivates_by_patch_without_a_path(okta: Client) -> None:
    created = create(okta)
    for active in (False, True):
        answer = okta.patch(f"/Users/{created['id']}", {"op": "replace", "value": {"active": active}}).expect(200)
        assert answer["active"] is active


@pytest.mark.req("OKTA-13", "OKTA-14", "R-PAGE-11")
def test_an_import_pages_through_everybody_once(okta: Client) -> None:
    for _ in range(7):
        create(okta)
    total = okta.get("/Users?startIndex=1&count=3").expect(200)["totalResults"]
    pages = [okta.get(f"/Users?startIndex={start}&count=3").expect(200) for start in range(1, total + 1, 3)]
    ids = [user["id"] for page in pages for user in page["Resources"]]
    assert {page["totalResults"] for page in pages} == {total}
    assert len(ids) == len(set(ids)) == total


@pytest.mark.req("OKTA-20", "OKTA-21", "OKTA-22", "OKTA-26", "OKTA-27", "R-CHAR-08")
def test_a_group_is_pushed_whole(okta: Client) -> None:
    name = f"APP-Users {uuid4()}"
    members = [{"value": u["id"], "display": u["userName"]} for u in (create(okta), create(okta))]
    assert okta.find("/Groups", f'displayName eq "{name}"', startIndex="1", count="100") == []
    body = {"schemas": [GROUP], "displayName": name, "members": []}
    id = okta.post("/Groups", body).expect(201)["id"]
    okta.get(f"/Groups/{id}").expect(200)
    replaced = okta.put(f"/Groups/{id}", body | {"id": id, "members": members}).expect(200)
    assert replaced["members"] == members
    assert okta.put(f"/Groups/{id}", body | {"id": id, "members": members[1:]}).expect(200)["members"] == members[1:]
    assert "members" not in okta.put(f"/Groups/{id}", body | {"id": id}).expect(200).body
    okta.delete(f"/Groups/{id}").expect(204)
    okta.get(f"/Groups/{id}").expect(404)


@pytest.mark.req("OKTA-23", "OKTA-24", "OKTA-25", "R-PATCH-14")
def test_a_group_is_pushed_by_patch(okta: Client) -> None:
    name = f"APP-Users {uuid4()}"
    first, second = create(okta)["id"], create(okta)["id"]
    id = okta.post("/Groups", {"schemas": [GROUP], "displayName": name, "members": []}).expect(201)["id"]
    okta.patch(f"/Groups/{id}", {"op": "replace", "value": {"id": id, "displayName": name}}).expect(200, 204)
    okta.patch(f"/Groups/{id}", {"op": "replace", "path": "members", "value": [{"value": second}]}).expect(200, 204)
    okta.patch(
        f"/Groups/{id}",
        {"op": "remove", "path": f'members[value eq "{second}"]'},
        {"op": "add", "path": "members", "value": [{"value": first, "display": "leo@okta.example"}]},
    ).expect(200, 204)
    assert okta.get(f"/Groups/{id}")["members"] == [{"value": first, "display": "leo@okta.example"}]
    okta.patch(f"/Groups/{id}", {"op": "replace", "value": {"members": [{"value": second}]}}).expect(200, 204)
    assert okta.get(f"/Groups/{id}")["members"] == [{"value": second}]


@pytest.mark.req("OKTA-30", "OKTA-40", "R-ERR-01", "R-ERR-02", "R-AUTH-06")
def test_the_specification_suite_gets_its_errors(okta: Client) -> None:
    created = create(okta)
    (upper,) = okta.find("/Users", f'userName eq "{created["userName"].upper()}"')
    assert upper["id"] == created["id"]
    for path, status in (("/Users/00919288221112222", 404), ("/Nothing/1", 404), ("/Users/a%2Fb%00c", 404)):
        missing = okta.get(path).expect(status)
        assert missing["status"] == str(status)
        assert missing["detail"]
    refused = okta.get("/Users", Authorization="non-token").expect(401)
    assert refused["status"] == "401"
    assert refused["detail"]
    assert refused["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    accepted = okta.post(
        "/Users",
        user(f"{uuid4()}@okta.example"),
        Content_Type="application/json",
        Accept="application/scim+json; charset=utf-8",
    )
    accepted.expect(201)
