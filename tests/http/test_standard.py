"""What the standard asks of every server and no other test says, seen through the API on both engines."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import MetaData, create_engine, select

from tests.http.server import GROUP, PATCH_OP, USER, Client, Server, assert_error

HOME = "http://localhost/scim/v2"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
EXACT, OTHER_CASE, LEAD = map(quote, ('externalId eq "Ab-1"', 'externalId eq "aB-1"', 'title eq "Lead"'))


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


@pytest.fixture(params=["generic", "strict"])
def client(request: pytest.FixtureRequest, server: Server) -> Client:
    """A client of a new tenant, in either dialect."""
    return Client(server.app(), server.token(server.tenant(), request.param))


def read(client: Client, path: str) -> dict[str, Any]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json(force=True))


def names(client: Client, query: str) -> list[str]:
    return [user["userName"] for user in read(client, f"/Users?{query}")["Resources"]]


def put(client: Client, user: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    body = {"schemas": [USER], "userName": user["userName"], **attributes}
    answer = client.send("PUT", f"/Users/{user['id']}", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json(force=True))


def replacing(path: str, value: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": path, "value": value}]}


# Common attributes ---------------------------------------------------------------------------------------------------


@pytest.mark.req("R-ID-05", "R-ID-06")
def test_the_external_id_is_the_clients_alone(client: Client) -> None:
    user = client.create("ana")
    assert "externalId" not in user
    assert "externalId" not in put(client, user, title="Lead")
    other = client.create("leo", externalId="Ab-1")
    assert read(client, f"/Users/{other['id']}")["externalId"] == "Ab-1"
    client.create("eve", externalId="Ab-1")
    assert sorted(names(client, f"filter={EXACT}")) == ["eve", "leo"]
    assert names(client, f"filter={OTHER_CASE}") == []
    client.send("PATCH", f"/Users/{other['id']}", replacing("title", "Lead"))
    assert read(client, f"/Users/{other['id']}")["externalId"] == "Ab-1"


FOREIGN = {
    "resourceType": "Group",
    "created": "2001-01-01T00:00:00Z",
    "lastModified": "2001-01-01T00:00:00Z",
    "location": "https://elsewhere.example/Users/1",
    "version": 'W/"foreign"',
}


@pytest.mark.req("R-META-01", "R-META-02", "R-POST-06", "R-PUT-06")
def test_what_a_client_writes_into_meta_is_ignored(client: Client) -> None:
    user = client.create("ana", meta=FOREIGN)
    assert not set(user["meta"].values()) & set(FOREIGN.values())
    assert user["meta"]["resourceType"] == "User"
    assert user["meta"]["location"] == f"{HOME}/Users/{user['id']}"
    assert put(client, user, meta=FOREIGN, id="another")["meta"] == user["meta"]


@pytest.mark.req("R-META-01", "R-PATCH-13", "R-CHAR-04")
@pytest.mark.parametrize("name", FOREIGN)
def test_no_part_of_meta_is_patched(client: Client, name: str) -> None:
    user = client.create("ana")
    sent = replacing(f"meta.{name}", FOREIGN[name])
    assert_error(client.send("PATCH", f"/Users/{user['id']}", sent), 400, "mutability")
    assert read(client, f"/Users/{user['id']}") == user


@pytest.mark.req("R-META-03", "R-META-04")
def test_a_resource_is_created_once_and_changed_later(client: Client) -> None:
    user = client.create("ana")
    assert user["meta"]["created"] == user["meta"]["lastModified"]
    changed = put(client, user, title="Lead")
    assert changed["meta"]["created"] == user["meta"]["created"] < changed["meta"]["lastModified"]
    client.send("PATCH", f"/Users/{user['id']}", replacing("title", "Head"))
    again = read(client, f"/Users/{user['id']}")["meta"]
    assert again["created"] == user["meta"]["created"]
    assert again["lastModified"] > changed["meta"]["lastModified"]


@pytest.mark.req("R-TYPE-10", "R-TYPE-09", "R-USER-10")
def test_the_references_that_are_sent_lead_to_what_they_name(client: Client) -> None:
    user = client.create("ana")
    group = {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": user["id"]}]}
    created = client.send("POST", "/Groups", group).get_json(force=True)
    (membership,) = read(client, f"/Users/{user['id']}")["groups"]
    for address, id in {membership["$ref"]: created["id"], user["meta"]["location"]: user["id"]}.items():
        assert address.startswith(HOME)
        assert read(client, address.removeprefix(HOME))["id"] == id
    client.send("DELETE", f"/Groups/{created['id']}")
    assert_error(client.get(membership["$ref"].removeprefix(HOME)), 404)
    assert "groups" not in read(client, f"/Users/{user['id']}")


@pytest.mark.req("R-ID-01", "R-TEN-03", "R-DEL-04")
def test_an_id_is_never_given_again(server: Server, client: Client) -> None:
    first = client.create("ana")["id"]
    client.send("DELETE", f"/Users/{first}")
    other = Client(server.app(), server.token(server.tenant()))
    ids = [first, client.create("ana")["id"], other.create("ana")["id"]]
    assert len(set(ids)) == 3
    assert_error(client.get(f"/Users/{first}"), 404)


@pytest.mark.req("R-ID-04", "R-CHAR-11")
def test_the_id_is_always_there_exact_and_the_servers(client: Client) -> None:
    user = client.create("ana")
    address = f"/Users/{user['id']}"
    for query in ("attributes=userName", "attributes=userName.none", "excludedAttributes=id,schemas"):
        assert read(client, f"{address}?{query}").keys() >= {"id", "schemas"}
    assert_error(client.get(address.upper().replace("/USERS/", "/Users/")), 404)
    assert names(client, f"filter=id%20eq%20%22{user['id'].upper()}%22") == []
    assert names(client, f"filter=id%20eq%20%22{user['id']}%22") == ["ana"]
    assert_error(client.send("PATCH", address, replacing("id", "another")), 400, "mutability")


@pytest.mark.req("R-SCH-01", "R-SCH-02", "R-SCH-03", "R-SCH-04", "R-SCH-05")
def test_schemas_are_the_base_and_the_extensions_that_are_there(client: Client) -> None:
    body = {"schemas": [USER, ENTERPRISE], "userName": "ana", ENTERPRISE: {"department": "Sales"}}
    user = client.send("POST", "/Users", body).get_json(force=True)
    address = f"/Users/{user['id']}"
    department = f"attributes={ENTERPRISE}:department"
    for query in ("", "attributes=userName", department, "excludedAttributes=schemas"):
        for answer in (read(client, f"{address}?{query}"), read(client, f"/Users?{query}")["Resources"][0]):
            assert answer["schemas"] == [USER, ENTERPRISE]
            assert "department" not in answer
    assert read(client, f"{address}?{department}")[ENTERPRISE] == {"department": "Sales"}
    client.send("PATCH", address, replacing(f"{ENTERPRISE}:department", None))
    assert read(client, address)["schemas"] == [USER]


@pytest.mark.req("R-PATCH-27", "R-PATCH-28", "R-PATCH-29", "R-ETAG-04", "R-PUT-11")
def test_what_changes_nothing_is_no_change(client: Client) -> None:
    user = client.create("ana", title="Lead", emails=[{"value": "a@example.com", "type": "work"}])
    body = {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": user["id"]}]}
    group = client.send("POST", "/Groups", body).get_json(force=True)
    for value in (user["emails"], user["emails"][0]):
        client.send("PATCH", f"/Users/{user['id']}", adding("emails", value))
    client.send("PATCH", f"/Users/{user['id']}", adding("title", "Lead"))
    client.send("PATCH", f"/Groups/{group['id']}", adding("members", group["members"]))
    client.send("PUT", f"/Groups/{group['id']}", body)
    assert read(client, f"/Users/{user['id']}")["meta"] == user["meta"]
    assert read(client, f"/Groups/{group['id']}") == group


def adding(path: str, value: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": path, "value": value}]}


@pytest.mark.req("R-DEL-01", "R-DEL-02", "R-DEL-03", "R-GET-02", "R-GET-05")
def test_what_was_deleted_is_nowhere(client: Client) -> None:
    user = client.create("ana", externalId="x")
    address = f"/Users/{user['id']}"
    assert (answer := client.send("DELETE", address)).status_code == 204
    assert answer.data == b""
    body = {"schemas": [USER], "userName": "ana"}
    for method, sent in {"GET": None, "PUT": body, "PATCH": replacing("title", "x"), "DELETE": None}.items():
        assert_error(client.send(method, address, sent), 404)
    for query in ("", f"filter=id%20eq%20%22{user['id']}%22", "filter=externalId%20eq%20%22x%22"):
        assert read(client, f"/Users?{query}")["totalResults"] == read(client, f"?{query}")["totalResults"] == 0


# Users ---------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-USER-01", "R-POST-04", "R-CHAR-15", "R-CHAR-17", "R-I18N-02")
@pytest.mark.parametrize("other", ["ana", "ANA", "\uff41\uff4e\uff41"])
def test_a_user_name_is_taken_once_in_any_spelling(client: Client, other: str) -> None:
    client.create("ana")
    leo = client.create("leo")
    assert_error(client.send("POST", "/Users", {"schemas": [USER], "userName": other}), 409, "uniqueness")
    body = {"schemas": [USER], "userName": other}
    assert_error(client.send("PUT", f"/Users/{leo['id']}", body), 409, "uniqueness")
    assert_error(client.send("PATCH", f"/Users/{leo['id']}", replacing("userName", other)), 409, "uniqueness")
    assert sorted(names(client, "")) == ["ana", "leo"]


@pytest.mark.req("R-USER-01", "R-I18N-04", "R-CHAR-01")
@pytest.mark.parametrize("name", [{}, {"userName": None}, {"userName": ""}, {"userName": []}], ids=str)
def test_a_user_has_a_name_that_is_not_empty(client: Client, name: dict[str, Any]) -> None:
    user = client.create("ana")
    assert_error(client.send("POST", "/Users", {"schemas": [USER], **name}), 400, "invalidValue")
    assert_error(client.send("PUT", f"/Users/{user['id']}", {"schemas": [USER], **name}), 400, "invalidValue")
    if name:
        assert_error(client.send("PATCH", f"/Users/{user['id']}", replacing("userName", name["userName"])), 400)
    assert names(client, "") == ["ana"]


@pytest.mark.req("R-USER-02", "R-USER-03")
@pytest.mark.parametrize(
    "name",
    [{"formatted": "Ana Ruiz"}, {"givenName": "Ana", "familyName": "Ruiz"}, {"formatted": "A", "givenName": "B"}],
    ids=["whole", "in parts", "both"],
)
def test_a_name_is_kept_as_it_was_given(client: Client, name: dict[str, str]) -> None:
    answer = client.send("POST", "/Users", {"schemas": [USER], "userName": "ana", "name": name})
    user = answer.get_json(force=True)
    assert user["name"] == name
    assert "displayName" not in user


@pytest.mark.req("R-SEC-05", "R-USER-12", "R-CHAR-10")
def test_a_password_is_nowhere_in_the_database(server: Server, client: Client) -> None:
    secrets = ["correct-horse-1", "correct-horse-2", "correct-horse-3"]
    user = client.create("ana", password=secrets[0])
    put(client, user, password=secrets[1])
    client.send("PATCH", f"/Users/{user['id']}", replacing("password", secrets[2]))
    stored = everything(server)
    assert user["id"] in stored
    assert "correct-horse" not in stored


def everything(server: Server) -> str:
    """What every column of every table of the database holds."""
    engine, tables = create_engine(server.settings.database_url), MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        rows = [row for table in tables.tables.values() for row in connection.execute(select(table))]
    engine.dispose()
    return repr(rows)


# Queries -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-FILT-02", "R-PAGE-05", "R-FILT-39")
def test_what_matches_is_counted_before_it_is_paged_and_before_it_is_cut(client: Client) -> None:
    for number in range(6):
        client.create(f"user-{number}", title="Lead" if number % 2 else "Head")
    page = read(client, f"/Users?filter={LEAD}&count=2&attributes=userName&sortBy=userName")
    assert (page["totalResults"], page["itemsPerPage"], page["startIndex"]) == (3, 2, 1)
    assert [user["userName"] for user in page["Resources"]] == ["user-1", "user-3"]
    assert not any("title" in user for user in page["Resources"])


@pytest.mark.req("R-FILT-33", "R-USER-13", "R-POST-05", "R-NULL-03")
def test_a_default_is_stored_shown_and_found(client: Client) -> None:
    shown = {name: client.create(name, **sent).get("active") for name, sent in SENT.items()}
    assert shown == {"left out": True, "true": True, "false": False, "null": None}
    assert sorted(names(client, "filter=active%20eq%20true")) == ["left out", "true"]
    assert names(client, "filter=active%20eq%20false") == ["false"]
    assert names(client, f"filter={quote('not (active pr)')}") == ["null"]


SENT: Mapping[str, dict[str, Any]] = {
    "left out": {},
    "true": {"active": True},
    "false": {"active": False},
    "null": {"active": None},
}


@pytest.mark.req("R-FILT-36", "R-SCH-10")
@pytest.mark.parametrize(
    "test",
    [
        'schemas eq "{USER}"',
        'schemas eq "{user}"',
        'id eq "{id}"',
        'externalId eq "x"',
        'meta.resourceType eq "User"',
        'meta.created eq "{created}"',
        'meta.lastModified ge "{created}" and meta.lastModified le "{created}"',
        'not (meta.lastModified gt "{created}" or meta.lastModified lt "{created}")',
        'meta.location eq "{location}"',
        'meta.version eq "{version}"',
        "{USER}:userName pr",
        'not (meta.resourceType eq "Group") and meta.created pr and not (meta.version co "x")',
    ],
)
def test_what_every_resource_has_is_filtered_by(client: Client, test: str) -> None:
    user = client.create("ana", externalId="x")
    meta = user["meta"] | {"version": user["meta"]["version"].replace('"', '\\"')}
    filter = test.format(USER=USER, user=USER.upper(), id=user["id"], **meta)
    assert names(client, f"filter={quote(filter)}") == ["ana"], filter


@pytest.mark.req("R-ATTR-11")
def test_members_are_there_unless_they_are_left_out(client: Client) -> None:
    user = client.create("ana")["id"]
    body = {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": user}]}
    group = client.send("POST", "/Groups", body).get_json(force=True)["id"]
    for path in (f"/Groups/{group}", "/Groups"):
        whole, cut = (read(client, f"{path}?{query}") for query in ("", "excludedAttributes=members"))
        (with_members,), (without,) = (r.get("Resources", [r]) for r in (whole, cut))
        assert with_members["members"] == [{"value": user}]
        assert without == {name: value for name, value in with_members.items() if name != "members"}


ALPHABET = ["A", "b", "Z", "\u00e4", "\u03a9", "\u044f", "\u3042", "\U0001d4b3"]
"""In the order of their code points, case aside: the end of the Latin alphabet comes before an umlaut."""


@pytest.mark.req("R-I18N-08", "R-SORT-06")
def test_texts_are_in_the_order_of_unicode_in_every_language(client: Client) -> None:
    for name in (ALPHABET[n] for n in (3, 7, 1, 5, 0, 6, 4, 2)):
        client.create(name, displayName="x")
    assert names(client, "sortBy=userName") == ALPHABET
    assert names(client, "sortBy=userName&sortOrder=descending") == ALPHABET[::-1]


# What is not offered -------------------------------------------------------------------------------------------------


@pytest.mark.req("R-ASYNC-08", "R-EVT-21")
def test_a_request_that_prefers_a_later_answer_is_answered_at_once(client: Client) -> None:
    answer = client.send("POST", "/Users", {"schemas": [USER], "userName": "ana"}, {"Prefer": "respond-async"})
    assert answer.status_code == 201
    assert not {"Preference-Applied", "Set-Txn"} & set(answer.headers.keys())
    assert "securityEvents" not in read(client, "/ServiceProviderConfig")
