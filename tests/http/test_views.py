"""Resources over HTTP: statuses, headers, and that what is asked for arrives."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.server import (
    GROUP,
    LIST_RESPONSE,
    MEDIA_TYPE,
    PATCH_OP,
    SEARCH_REQUEST,
    USER,
    Client,
    Server,
    assert_error,
)

HOME = "http://localhost/scim/v2"


def loaded(answer: TestResponse) -> Any:
    return json.loads(answer.data)


def replace_title(value: str) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "title", "value": value}]}


@pytest.mark.req("R-POST-01", "R-POST-02", "R-POST-03", "R-ETAG-02", "R-ETAG-03", "R-META-05", "R-META-06")
def test_a_create_answers_201_with_the_resource_and_its_address(client: Client) -> None:
    answer = client.send("POST", "/Users", {"schemas": [USER], "userName": "ana"})
    body = loaded(answer)
    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert answer.headers["Location"] == body["meta"]["location"] == f"{HOME}/Users/{body['id']}"
    assert answer.headers["ETag"] == body["meta"]["version"]


@pytest.mark.req("R-GET-01", "R-META-05", "R-ETAG-02")
def test_a_read_answers_200_with_the_version_and_the_address(client: Client) -> None:
    created = client.create("ana")
    answer = client.get(f"/Users/{created['id']}")
    assert answer.status_code == 200
    assert loaded(answer) == created
    assert answer.headers["Content-Location"] == created["meta"]["location"]
    assert answer.headers["ETag"] == created["meta"]["version"]
    assert "Location" not in answer.headers


@pytest.mark.req("R-PUT-09", "R-ETAG-02")
def test_a_replace_answers_200_with_the_resource(client: Client) -> None:
    created = client.create("ana", title="old")
    answer = client.send("PUT", f"/Users/{created['id']}", {"schemas": [USER], "userName": "ana", "title": "new"})
    assert (answer.status_code, loaded(answer)["title"]) == (200, "new")
    assert answer.headers["ETag"] == loaded(answer)["meta"]["version"] != created["meta"]["version"]


@pytest.mark.req("R-PATCH-56", "R-PATCH-57", "R-ETAG-02")
def test_a_patch_answers_200_with_the_resource(client: Client) -> None:
    created = client.create("ana")
    answer = client.send("PATCH", f"/Users/{created['id']}", replace_title("new"))
    assert (answer.status_code, loaded(answer)["title"]) == (200, "new")
    assert answer.headers["Content-Location"] == created["meta"]["location"]


@pytest.mark.req("R-PATCH-56", "R-PATCH-57")
def test_a_patch_of_a_large_group_answers_204_with_version_and_address(server: Server) -> None:
    client = Client(server.app(group_answer_members=2), server.token(server.tenant()))
    group = loaded(client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "g"}))
    members = [{"value": client.create(name)["id"]} for name in ("ana", "ben", "cleo")]
    change = {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "members", "value": members}]}
    answer = client.send("PATCH", f"/Groups/{group['id']}", change)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Location"] == group["meta"]["location"]
    assert answer.headers["ETag"] == client.get(f"/Groups/{group['id']}").headers["ETag"] != group["meta"]["version"]
    assert "Content-Type" not in answer.headers
    assert client.send("PATCH", f"/Groups/{group['id']}?attributes=displayName", change).status_code == 200


@pytest.mark.req("R-DEL-01", "R-DEL-02")
def test_a_delete_answers_204_without_a_body(client: Client) -> None:
    id = client.create("ana")["id"]
    answer = client.send("DELETE", f"/Users/{id}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "Content-Type" not in answer.headers
    assert_error(client.send("DELETE", f"/Users/{id}"), 404)


@pytest.mark.req("R-ETAG-05")
@pytest.mark.parametrize("form", ["{}", "*", '"other", {}', "W/{}"])
def test_a_version_that_the_client_has_is_not_sent_again(client: Client, form: str) -> None:
    created = client.create("ana")
    tags = form.replace("W/{}", "{}").format(created["meta"]["version"])
    answer = client.get(f"/Users/{created['id']}?excludedAttributes=groups", If_None_Match=tags)
    assert (answer.status_code, answer.data) == (304, b"")
    assert answer.headers["ETag"] == created["meta"]["version"]
    assert "Content-Type" not in answer.headers


@pytest.mark.req("R-ETAG-04")
def test_what_shows_derived_attributes_is_sent_whatever_the_version(client: Client) -> None:
    user = client.create("ana")
    body = {"schemas": [GROUP], "displayName": "g", "members": [{"value": user["id"]}]}
    group = client.send("POST", "/Groups", body).get_json(force=True)
    version = user["meta"]["version"]
    address = f"/Users/{user['id']}"
    read = client.get(address, If_None_Match=version).get_json(force=True)
    assert [g["value"] for g in read["groups"]] == [group["id"]]
    assert read["meta"]["version"] == version
    assert client.get(f"{address}?attributes=groups", If_None_Match=version).status_code == 200
    assert client.get(f"{address}?attributes=userName", If_None_Match=version).status_code == 304


@pytest.mark.req("R-ETAG-04", "R-ETAG-05")
def test_the_version_of_a_group_covers_its_members(client: Client) -> None:
    created = client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "g"}).get_json(force=True)
    address, version = f"/Groups/{created['id']}", created["meta"]["version"]
    assert client.get(address, If_None_Match=version).status_code == 304
    add = {"op": "add", "path": "members", "value": [{"value": client.create("ana")["id"]}]}
    assert client.send("PATCH", address, {"schemas": [PATCH_OP], "Operations": [add]}).status_code in (200, 204)
    assert client.get(address, If_None_Match=version).status_code == 200


@pytest.mark.req("R-ETAG-05")
def test_another_version_is_sent(client: Client) -> None:
    id = client.create("ana")["id"]
    assert client.get(f"/Users/{id}", If_None_Match='W/"0"').status_code == 200


@pytest.mark.req("R-ETAG-06", "R-ETAG-07")
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_stale_version_is_refused_and_nothing_changed(client: Client, method: str) -> None:
    created = client.create("ana")
    path = f"/Users/{created['id']}"
    body = {
        "PUT": {"schemas": [USER], "userName": "eve"},
        "PATCH": replace_title("new"),
        "DELETE": None,
    }[method]
    assert_error(client.send(method, path, body, {"If-Match": 'W/"0"'}), 412)
    assert loaded(client.get(path)) == created
    assert client.send(method, path, body, {"If-Match": created["meta"]["version"]}).status_code in (200, 204)


@pytest.mark.req("R-GET-03", "C-34")
def test_a_filter_on_one_resource_is_ignored(client: Client) -> None:
    created = client.create("ana")
    assert loaded(client.get(f"/Users/{created['id']}?filter=userName%20eq%20%22eve%22")) == created


@pytest.mark.req("R-ATTR-01", "R-ATTR-02", "R-POST-08")
def test_every_answer_about_a_resource_can_be_cut(client: Client) -> None:
    wanted = "?attributes=title"
    body = {"schemas": [USER], "userName": "ana", "title": "t"}
    created = client.send("POST", f"/Users{wanted}", body)
    path = f"/Users/{loaded(created)['id']}{wanted}"
    answers = [
        created,
        client.get(path),
        client.send("PUT", path, body),
        client.send("PATCH", path, replace_title("t")),
    ]
    for answer in answers:
        assert loaded(answer).keys() == {"schemas", "id", "title"}
    assert "title" not in loaded(client.get(path.replace("attributes", "excludedAttributes")))


@pytest.mark.req("R-ATTR-08")
@pytest.mark.parametrize("query", ["?attributes=id&excludedAttributes=title", "?attributes=a%20b"])
def test_a_projection_that_is_none_is_refused_and_nothing_written(client: Client, query: str) -> None:
    created = client.create("ana")
    path = f"/Users/{created['id']}"
    assert_error(client.send("POST", f"/Users{query}", {"schemas": [USER], "userName": "eve"}), 400)
    assert_error(client.send("PUT", path + query, {"schemas": [USER], "userName": "eve"}), 400)
    assert_error(client.send("PATCH", path + query, replace_title("new")), 400)
    assert loaded(client.get("/Users"))["Resources"] == [created]


@pytest.fixture
def full(client: Client) -> Client:
    """A client of a tenant with seven users and a group."""
    for name in ("ana", "ben", "cleo", "dora", "emil", "fay", "gil"):
        client.create(name)
    client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "group"})
    return client


LISTS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("", {"totalResults": 7, "startIndex": 1, "itemsPerPage": 3}, ["ana", "ben", "cleo"]),
    ("?startIndex=6", {"totalResults": 7, "startIndex": 6, "itemsPerPage": 2}, ["fay", "gil"]),
    ("?startIndex=0&count=1", {"totalResults": 7, "startIndex": 1, "itemsPerPage": 1}, ["ana"]),
    ("?startIndex=99", {"totalResults": 7, "startIndex": 99, "itemsPerPage": 0}, []),
    ("?count=0", {"totalResults": 7, "startIndex": 1, "itemsPerPage": 0}, []),
    ("?count=100", {"totalResults": 7, "startIndex": 1, "itemsPerPage": 5}, ["ana", "ben", "cleo", "dora", "emil"]),
    ("?filter=userName%20eq%20%22FAY%22", {"totalResults": 1, "startIndex": 1, "itemsPerPage": 1}, ["fay"]),
    ("?filter=userName%20eq%20%22x%22", {"totalResults": 0, "startIndex": 1, "itemsPerPage": 0}, []),
    (
        "?sortBy=userName&sortOrder=descending&count=2",
        {"totalResults": 7, "startIndex": 1, "itemsPerPage": 2},
        ["gil", "fay"],
    ),
]


@pytest.mark.req("R-GET-04", "R-GET-05", "R-GET-06", "R-GET-07", "R-PAGE-05", "R-PAGE-07", "OKTA-10", "ENTRA-74")
@pytest.mark.parametrize(("query", "numbers", "names"), LISTS)
def test_a_list_is_answered(full: Client, query: str, numbers: dict[str, Any], names: list[str]) -> None:
    answer = full.get(f"/Users{query}")
    body = loaded(answer)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    assert [user["userName"] for user in body.pop("Resources")] == names
    assert body == {"schemas": [LIST_RESPONSE], **numbers}
    assert "ETag" not in answer.headers


@pytest.mark.req("R-SRCH-01", "R-SRCH-03")
def test_a_search_by_body_answers_as_the_list_does(full: Client) -> None:
    sent = {"schemas": [SEARCH_REQUEST], "sortBy": "userName", "sortOrder": "descending", "count": 2}
    answer = full.send("POST", "/Users/.search", sent)
    assert answer.status_code == 200
    assert answer.data == full.get("/Users?sortBy=userName&sortOrder=descending&count=2").data
    assert loaded(full.get("/Users"))["totalResults"] == 7


@pytest.mark.req("R-GET-08", "R-GET-09", "R-SRCH-01")
def test_the_root_searches_all_types(full: Client) -> None:
    condition = 'displayName eq "group" or userName eq "ana"'
    by_body = full.send("POST", "/.search", {"schemas": [SEARCH_REQUEST], "filter": condition})
    by_query = full.send("GET", "?filter=displayName%20eq%20%22group%22%20or%20userName%20eq%20%22ana%22")
    assert by_body.data == by_query.data
    assert {r["meta"]["resourceType"] for r in loaded(by_query)["Resources"]} == {"User", "Group"}
    assert loaded(full.send("GET", ""))["totalResults"] == 8


BAD_QUERIES = [
    ("count=abc", "invalidValue"),
    ("startIndex=1e9", "invalidValue"),
    ("sortBy=nope", "invalidValue"),
    ("sortOrder=up", "invalidValue"),
    ("filter=userName", "invalidFilter"),
    ("filter=", "invalidFilter"),
    ("filter=nope%20eq%201", "invalidFilter"),
    ("filter=userName%20eq%20%22%FF%22", "invalidValue"),
    ("filter=" + "x" * 9000, "invalidFilter"),
    ("attributes=a%20b", "invalidValue"),
]


@pytest.mark.req("R-PAGE-08", "R-SORT-08", "R-FILT-34", "R-FILT-35", "R-FILT-43", "R-I18N-09")
@pytest.mark.parametrize(("query", "scim_type"), BAD_QUERIES)
def test_a_bad_query_is_refused_with_its_kind(client: Client, query: str, scim_type: str) -> None:
    assert_error(client.get(f"/Users?{query}"), 400, scim_type)


BAD_BODIES = [
    (b"", 400, "invalidSyntax"),
    (b"{", 400, "invalidSyntax"),
    (b"[]", 400, "invalidSyntax"),
    (b'{"userName":"a","userName":"b"}', 400, "invalidSyntax"),
    (b'{"userName":"\xff"}', 400, "invalidSyntax"),
    (rb'{"userName":"\u0000"}', 400, "invalidValue"),
    (rb'{"userName":"\ud800"}', 400, "invalidValue"),
    (b'{"userName":1}', 400, "invalidValue"),
    (b"{}", 400, "invalidValue"),
    (b" " * 70_000, 413, None),
]


@pytest.mark.req("R-HTTP-15", "R-I18N-09", "R-POST-07", "R-TYPE-14", "R-ERR-07")
@pytest.mark.parametrize(("body", "status", "scim_type"), BAD_BODIES, ids=lambda value: repr(value)[:30])
def test_a_bad_body_is_refused_with_its_kind(client: Client, body: bytes, status: int, scim_type: str | None) -> None:
    assert_error(client.send("POST", "/Users", body), status, scim_type)
    assert loaded(client.get("/Users"))["totalResults"] == 0


@pytest.mark.req("R-HTTP-07", "R-ERR-07")
def test_another_media_type_is_refused(client: Client) -> None:
    path = f"/Users/{client.create('ana')['id']}"
    for method, where in (("POST", "/Users"), ("PUT", path), ("PATCH", path), ("POST", "/Users/.search")):
        assert_error(client.send(method, where, b"{}", {"Content-Type": "text/xml"}), 415)


def test_a_body_that_is_too_large_ends_the_connection(client: Client) -> None:
    answer = client.send("POST", "/Users", b" " * 70_000)
    assert_error(answer, 413)
    assert answer.headers["Connection"] == "close"


@pytest.mark.req("R-PATCH-02", "R-PATCH-12", "X-06")
@pytest.mark.parametrize(
    ("sent", "scim_type"),
    [
        ({"schemas": [PATCH_OP], "Operations": []}, "invalidSyntax"),
        ({"schemas": [USER], "Operations": [{"op": "remove", "path": "title"}]}, "invalidSyntax"),
        ({"schemas": [PATCH_OP], "Operations": [{"op": "move", "path": "title"}]}, "invalidSyntax"),
        ({"schemas": [PATCH_OP], "Operations": ["remove"]}, "invalidSyntax"),
        ({"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": "emails["}]}, "invalidPath"),
        ({"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": 1}]}, "invalidSyntax"),
    ],
    ids=str,
)
def test_a_bad_patch_is_refused_with_its_kind(client: Client, sent: dict[str, Any], scim_type: str) -> None:
    created = client.create("ana", title="t")
    assert_error(client.send("PATCH", f"/Users/{created['id']}", sent), 400, scim_type)
    assert loaded(client.get(f"/Users/{created['id']}")) == created


@pytest.mark.req("R-POST-04", "R-ERR-03")
def test_a_duplicate_is_a_conflict(client: Client) -> None:
    client.create("ana")
    assert_error(client.send("POST", "/Users", {"schemas": [USER], "userName": "ANA"}), 409, "uniqueness")


def test_the_request_id_of_a_client_is_kept_and_a_strange_one_replaced(client: Client) -> None:
    assert client.get("/Users", X_Request_Id="abc-123").headers["X-Request-Id"] == "abc-123"
    assert client.get("/Users", X_Request_Id="a b").headers["X-Request-Id"] != "a b"


@pytest.mark.req("R-ERR-05", "R-ERR-07")
def test_a_fault_of_the_server_is_opaque(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("secret")

    client = Client(server.app(), server.token(server.tenant()))
    monkeypatch.setattr(type(server.database.storage), "read", fail)
    answer = client.get("/Users/1")
    assert_error(answer, 500)
    assert b"secret" not in answer.data
    assert b"KeyError" not in answer.data


@pytest.mark.req("R-TEN-02", "R-ERR-08")
def test_another_tenants_resource_is_not_found(server: Server) -> None:
    mine, other = (Client(server.app(), server.token(server.tenant())) for _ in range(2))
    id = mine.create("ana")["id"]
    assert_error(other.get(f"/Users/{id}"), 404)
    assert_error(other.send("DELETE", f"/Users/{id}"), 404)
    assert loaded(other.get("/Users"))["totalResults"] == 0
    assert other.create("ana")["id"] != id
