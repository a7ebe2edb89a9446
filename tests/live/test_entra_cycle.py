"""What Entra ID sends over the life of a user and a group, in order, in both of its PATCH dialects."""

from typing import Any
from uuid import uuid4

import pytest

from tests.live.server import Client, Server

pytestmark = pytest.mark.unmeasured

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
CONTACT_CENTRE = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"
ADSCIM = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"


def user(name: str, **more: Any) -> dict[str, Any]:
    """The default attribute mapping (ENTRA-10)."""
    return {
        "schemas": [USER, ENTERPRISE],
        "externalId": str(uuid4()),
        "userName": name,
        "active": True,
        "displayName": "Ana Ruiz",
        "emails": [{"primary": True, "type": "work", "value": name}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Ana Ruiz", "familyName": "Ruiz", "givenName": "Ana"},
        "roles": [],
        **more,
    }


def set_flags(value: bool, flagged: bool) -> Any:
    """A boolean as each of the two dialects writes it (ENTRA-21, ENTRA-40)."""
    return value if flagged else str(value)


def member_removal(id: str, flagged: bool) -> dict[str, Any]:
    """ENTRA-55: one removal, two spellings."""
    if flagged:
        return {"op": "remove", "path": f'members[value eq "{id}"]'}
    return {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": id}]}


@pytest.fixture(scope="module")
def entra(server: Server) -> Client:
    return server.client(server.issue("entra"))


@pytest.fixture(params=[False, True], ids=["default", "aadOptscim062020"])
def flagged(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def create(entra: Client, name: str, **more: Any) -> str:
    created = entra.post("/Users", user(name, **more)).expect(201)
    assert created.headers["Location"] == created["meta"]["location"]
    assert created.headers["ETag"] == created["meta"]["version"]
    return str(created["id"])


@pytest.mark.req("ENTRA-01", "ENTRA-02", "R-GET-05", "R-GET-06")
@pytest.mark.parametrize(
    ("endpoint", "filter"),
    [
        ("/Users", 'userName eq "{}"'),
        ("/Users", 'externalId eq "{}"'),
        ("/Users", 'emails[type eq "work"].value eq "{}"'),
        ("/Users", f'{CONTACT_CENTRE}:extensionNumber eq "{{}}"'),
        ("/Groups", 'displayName eq "{}"'),
    ],
)
def test_connection_is_tested_with_a_random_value(entra: Client, endpoint: str, filter: str) -> None:
    assert entra.find(endpoint, filter.format(uuid4())) == []


@pytest.mark.req("ENTRA-03", "ENTRA-04", "ENTRA-05", "ENTRA-07", "ENTRA-09", "ENTRA-10", "ENTRA-15")
def test_a_user_is_created_and_matched_by_every_attribute(entra: Client) -> None:
    name = f"{uuid4()}@contoso.example"
    body = user(name, phoneNumbers=[{"type": "work", "value": "55555555555"}])
    id = entra.post("/Users", body).expect(201)["id"]
    for filter in (
        f'userName eq "{name}"',
        f'userName eq "{name.upper()}"',
        f'externalId eq "{body["externalId"]}"',
        f"externalId eq {body['externalId']}",
        f'emails[type eq "work"].value eq "{name}"',
    ):
        (found,) = entra.find("/Users", filter)
        assert found["id"] == id
        assert found["userName"] == name
        assert found["phoneNumbers"] == body["phoneNumbers"]
    assert entra.get(f"/Users/{id}").expect(200)["externalId"] == body["externalId"]


@pytest.mark.req("ENTRA-14", "R-POST-04", "R-CHAR-16")
def test_a_second_user_or_group_of_the_same_name_is_a_conflict(entra: Client) -> None:
    name = f"{uuid4()}@contoso.example"
    create(entra, name)
    refused = entra.post("/Users", user(name.upper())).expect(409)
    assert (refused["scimType"], refused["status"]) == ("uniqueness", "409")
    group = {"schemas": [GROUP, ADSCIM], "displayName": f"Sales {name}"}
    entra.post("/Groups", group).expect(201)
    entra.post("/Groups", group).expect(409)


@pytest.mark.req("ENTRA-11", "ENTRA-12", "ENTRA-13", "ENTRA-18", "R-SCH-07")
def test_what_entra_writes_into_a_create_is_understood(entra: Client) -> None:
    created = entra.post(
        "/Users",
        user(
            f"{uuid4()}@contoso.example",
            addresses=None,
            title=None,
            department=None,
            roles=[{"primary": "True", "display": "R1", "value": "R1", "type": "T1"}],
            **{
                ENTERPRISE: {"employeeNumber": "70011", "manager": "no-such-user"},
                CONTACT_CENTRE: {"role": "agent", "supervisor": "False"},
            },
        ),
    ).expect(201)
    assert created["roles"] == [{"primary": True, "display": "R1", "value": "R1", "type": "T1"}]
    assert created[ENTERPRISE] == {"employeeNumber": "70011", "manager": {"value": "no-such-user"}}
    assert created[CONTACT_CENTRE] == {"role": "agent", "supervisor": False}
    assert set(created["schemas"]) == {USER, ENTERPRISE, CONTACT_CENTRE}
    assert "title" not in created.body


@pytest.mark.req("ENTRA-20", "ENTRA-22", "ENTRA-24", "ENTRA-25", "ENTRA-28", "ENTRA-32", "ENTRA-41")
def test_a_user_is_updated(entra: Client, flagged: bool) -> None:
    id = create(entra, f"{uuid4()}@contoso.example")
    renamed = f"{uuid4()}@contoso.example"
    changed = {
        "displayName": "Ana Ruiz-Soto",
        "name.familyName": "Ruiz-Soto",
        "userName": renamed,
        f"{ENTERPRISE}:employeeNumber": "70012",
        f"{ENTERPRISE}:manager": "u-1002",
        f"{CONTACT_CENTRE}:extensionNumber": str(uuid4().int)[:12],
    }
    pathless = [{"op": "replace", "value": changed}]
    verbose = [{"op": "Replace", "path": path, "value": value} for path, value in changed.items()]
    answer = entra.patch(
        f"/Users/{id}",
        *(pathless if flagged else verbose),
        {"op": "Add", "path": 'emails[type eq "home"].value', "value": "home@contoso.example"},
        {"op": "Replace", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+1 555 0100"},
        {"op": "Add", "path": 'addresses[type eq "other"].Formatted', "value": "Bldg 4"},
        {"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Admin"},
    ).expect(200)
    read = entra.get(f"/Users/{id}").expect(200)
    assert read.body == answer.body
    assert read["userName"] == renamed
    assert read["displayName"] == "Ana Ruiz-Soto"
    assert read["name"] == {"formatted": "Ana Ruiz", "familyName": "Ruiz-Soto", "givenName": "Ana"}
    assert read[ENTERPRISE] == {"employeeNumber": "70012", "manager": {"value": "u-1002"}}
    assert {"type": "home", "value": "home@contoso.example"} in read["emails"]
    assert len(read["emails"]) == 2
    assert read["phoneNumbers"] == [{"type": "mobile", "value": "+1 555 0100"}]
    assert read["addresses"] == [{"type": "other", "formatted": "Bldg 4"}]
    assert read["roles"] == [{"primary": True, "value": "Admin"}]


@pytest.mark.req("ENTRA-30", "ENTRA-31", "ENTRA-34")
def test_a_manager_is_set_checked_and_removed(entra: Client) -> None:
    boss, id = (create(entra, f"{uuid4()}@contoso.example") for _ in range(2))
    path = f"{ENTERPRISE}:manager"
    entra.patch(f"/Users/{id}", {"op": "Add", "path": path, "value": boss}).expect(200)
    for terms in (f'id eq "{id}" and manager eq "{boss}"', f'manager eq "{boss}" and id eq "{id}"'):
        assert [found["id"] for found in entra.find("/Users", terms, attributes="id")] == [id]
    assert entra.find("/Users", f'id eq "{id}" and manager eq "{uuid4()}"', attributes="id") == []
    for empty in ("", {"value": ""}):
        entra.patch(f"/Users/{id}", {"op": "replace", "path": path, "value": boss}).expect(200)
        entra.patch(f"/Users/{id}", {"op": "replace", "path": path, "value": empty}).expect(200)
        assert ENTERPRISE not in entra.get(f"/Users/{id}").body


@pytest.mark.req("ENTRA-21", "ENTRA-40", "ENTRA-60", "ENTRA-61", "R-COMPAT-04", "R-TYPE-03")
def test_a_user_is_disabled_found_and_restored(entra: Client, flagged: bool) -> None:
    name = f"{uuid4()}@contoso.example"
    id = create(entra, name)
    group = entra.post("/Groups", {"schemas": [GROUP], "displayName": name}).expect(201)["id"]
    entra.patch(f"/Groups/{group}", {"op": "Add", "path": "members", "value": [{"value": id}]}).expect(200, 204)
    operation = {"op": "replace" if flagged else "Replace", "path": "active"}
    off = entra.patch(f"/Users/{id}", operation | {"value": set_flags(False, flagged)}).expect(200)
    assert off["active"] is False
    (found,) = entra.find("/Users", f'userName eq "{name}"')
    assert found["active"] is False
    assert [g["value"] for g in found["groups"]] == [group]
    on = entra.patch(f"/Users/{id}", operation | {"value": set_flags(True, flagged)}).expect(200)
    assert on["active"] is True


@pytest.mark.req("ENTRA-62", "R-DEL-01", "R-DEL-02", "R-DEL-03", "R-DEL-04", "R-DEL-06")
def test_a_user_is_deleted_and_can_be_created_again(entra: Client) -> None:
    name = f"{uuid4()}@contoso.example"
    id = create(entra, name)
    group = entra.post("/Groups", {"schemas": [GROUP], "displayName": name, "members": [{"value": id}]}).expect(201)
    entra.delete(f"/Users/{id}").expect(204)
    entra.get(f"/Users/{id}").expect(404)
    entra.delete(f"/Users/{id}").expect(404)
    assert entra.find("/Users", f'userName eq "{name}"') == []
    read = entra.get(f"/Groups/{group['id']}").expect(200)
    assert "members" not in read.body
    assert read["meta"]["version"] != group["meta"]["version"]
    assert create(entra, name) != id


@pytest.mark.req("ENTRA-50", "ENTRA-51", "ENTRA-52", "ENTRA-53", "ENTRA-54", "ENTRA-55", "ENTRA-57", "ENTRA-58")
def test_a_group_is_created_filled_renamed_and_deleted(entra: Client, flagged: bool) -> None:
    name = f"Sales EMEA {uuid4()}"
    users = [create(entra, f"{uuid4()}@contoso.example") for _ in range(3)]
    assert entra.find("/Groups", f'displayName eq "{name}"', excludedAttributes="members") == []
    body = {
        "schemas": [GROUP, ADSCIM],
        "externalId": str(uuid4()),
        "displayName": name,
        "meta": {"resourceType": "Group"},
    }
    id = entra.post("/Groups", body).expect(201)["id"]
    address = f"/Groups/{id}"
    added = [{"$ref": None, "value": user} for user in users]
    entra.patch(address, {"op": "Add", "path": "members", "value": added}).expect(200, 204)
    entra.patch(address, {"op": "Add", "path": "members", "value": added[:1]}).expect(200, 204)
    assert [m["value"] for m in entra.get(address)["members"]] == users
    assert "members" not in entra.get(f"{address}?excludedAttributes=members").expect(200).body
    check = f'id eq "{id}" and members eq "{users[0]}"'
    assert [g["id"] for g in entra.find("/Groups", check, excludedAttributes="members")] == [id]

    entra.patch(address, member_removal(users[0], flagged)).expect(200, 204)
    entra.patch(address, member_removal(users[0], flagged)).expect(200, 204)
    assert [m["value"] for m in entra.get(address)["members"]] == users[1:]
    assert entra.find("/Groups", check, excludedAttributes="members") == []

    rename = {"value": {"displayName": f"{name} 2"}} if flagged else {"path": "displayName", "value": f"{name} 2"}
    entra.patch(address, {"op": "Replace", **rename}).expect(200, 204)
    (found,) = entra.find("/Groups", f'displayName eq "{name.upper()} 2"', excludedAttributes="members")
    assert found["id"] == id
    assert "members" not in found

    entra.delete(address).expect(204)
    entra.delete(address).expect(404)
    entra.get(address).expect(404)
    assert "groups" not in entra.get(f"/Users/{users[1]}").body


@pytest.mark.req("ENTRA-56", "R-PATCH-11")
def test_a_member_added_and_removed_in_one_patch_is_not_there(entra: Client) -> None:
    user = create(entra, f"{uuid4()}@contoso.example")
    id = entra.post("/Groups", {"schemas": [GROUP], "displayName": str(uuid4())}).expect(201)["id"]
    before = entra.get(f"/Groups/{id}")["meta"]
    entra.patch(
        f"/Groups/{id}",
        {"op": "add", "path": "members", "value": [{"value": user}]},
        {"op": "remove", "path": f'members[value eq "{user}"]'},
    ).expect(200, 204)
    read = entra.get(f"/Groups/{id}")
    assert "members" not in read.body
    assert read["meta"] == before


@pytest.mark.req("ENTRA-74", "R-PAGE-05", "R-PAGE-11", "R-SORT-07")
def test_all_users_are_discovered_page_by_page(entra: Client) -> None:
    for _ in range(11):
        create(entra, f"{uuid4()}@contoso.example")
    first = entra.get("/Users?startIndex=1&count=5").expect(200)
    seen: list[str] = []
    for start in range(1, first["totalResults"] + 1, 5):
        page = entra.get(f"/Users?startIndex={start}&count=5").expect(200)
        assert page["startIndex"] == start
        assert page["totalResults"] == first["totalResults"]
        seen += [user["id"] for user in page["Resources"]]
    assert len(seen) == len(set(seen)) == first["totalResults"]
