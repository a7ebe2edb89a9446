"""Bulk requests as a client sees them, on both engines."""

from typing import Any

import pytest

from scim_server.http import exchange
from scim_server.observability import RequestFacts
from tests.http.bulk import (
    BULK_REQUEST,
    delete,
    failures,
    got,
    group,
    group_of,
    id_of,
    members,
    names,
    patch,
    send,
    statuses,
    titled,
    user,
)
from tests.http.server import PATCH_OP, USER, Client, Server, assert_error

ATOMIC = {"SCIM-Bulk-Atomic": "true"}


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


@pytest.fixture
def strict(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant(), "strict"))


# The answer


@pytest.mark.req("R-BULK-04", "R-BULK-09", "R-BULK-11", "C-23")
def test_every_method_has_an_entry_in_the_order_of_the_request(client: Client) -> None:
    put, patched, gone = (client.create(name) for name in ("put", "patched", "gone"))
    entries = send(
        client,
        user("new"),
        {"method": "PUT", "path": f"/Users/{put['id']}", "data": {"schemas": [USER], "userName": "put", "title": "T"}},
        patch(f"/Users/{patched['id']}", titled("T"), bulkId="mine"),
        delete(f"/Users/{gone['id']}"),
    )
    assert [(e["method"], e.get("bulkId"), e["status"], e.get("version")) for e in entries] == [
        ("POST", "new", "201", 'W/"1"'),
        ("PUT", None, "200", 'W/"2"'),
        ("PATCH", "mine", "200", 'W/"2"'),
        ("DELETE", None, "204", None),
    ]
    assert [e["location"] for e in entries[1:]] == [r["meta"]["location"] for r in (put, patched, gone)]
    assert got(client, entries[0])["meta"] | {"created": 0, "lastModified": 0} == {
        "resourceType": "User", "created": 0, "lastModified": 0, "location": entries[0]["location"],
        "version": entries[0]["version"],
    }  # fmt: skip
    assert names(client) == ["put", "patched", "new"]
    assert {got(client, entry)["title"] for entry in entries[1:3]} == {"T"}


@pytest.mark.req("R-BULK-07", "R-BULK-10", "R-BULK-19")
def test_a_failure_is_undone_alone_and_the_others_go_on(client: Client) -> None:
    entries = send(client, user("a"), user("b"), user("c", "A"), user("d"), user("e"))
    assert statuses(entries) == ["201", "201", "409", "201", "201"]
    assert failures(entries) == [("409", "uniqueness")]
    assert names(client) == ["a", "b", "d", "e"]


@pytest.mark.req("R-BULK-19", "R-PATCH-01")
def test_a_patch_that_fails_in_its_middle_leaves_nothing_of_itself(client: Client) -> None:
    id = client.create("ana")["id"]
    broken = patch(f"/Users/{id}", titled("T"), {"op": "replace", "path": "userName", "value": ""})
    entries = send(client, user("b"), broken, patch(f"/Users/{id}", {"op": "add", "path": "nickName", "value": "N"}))
    assert statuses(entries) == ["201", "400", "200"]
    found = client.get(f"/Users/{id}").get_json(force=True)
    assert ("title" in found, found["nickName"], found["meta"]["version"]) == (False, "N", 'W/"2"')


def test_later_operations_see_what_earlier_ones_did(client: Client) -> None:
    id = client.create("ana")["id"]
    entries = send(
        client,
        delete(f"/Users/{id}"),
        user("again", "ana"),
        patch("/Users/bulkId:again", {"op": "replace", "path": "userName", "value": "ben"}),
        user("third", "ana"),
        delete("/Users/bulkId:third"),
        user("fourth", "ana"),
        patch(f"/Users/{id}", titled("T")),
    )
    assert statuses(entries) == ["204", "201", "200", "201", "204", "201", "404"]
    assert names(client) == ["ben", "ana"]


def test_the_log_says_how_many_operations_there_were(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RequestFacts] = []
    monkeypatch.setattr(exchange, "observe", seen.append)
    send(client, user("a"), delete("/Users/x"))
    client.get("/Users")
    assert [(facts.route, facts.operations) for facts in seen] == [("/scim/v2/Bulk", 2), ("/scim/v2/Users", None)]


# failOnErrors


@pytest.mark.req("R-BULK-08")
@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, ["201", "201", "409"]),
        (2, ["201", "201", "409", "201", "400"]),
        (3, ["201", "201", "409", "201", "400", "201", "404"]),
        (4, ["201", "201", "409", "201", "400", "201", "404", "201"]),
    ],
)
def test_the_request_ends_with_the_error_that_is_one_too_many(client: Client, most: int, expected: list[str]) -> None:
    operations = [
        user("a"), user("b"), user("c", "A"), user("d"), group("e", "nobody"), user("f"), delete("/Users/nobody"),
        user("g"),
    ]  # fmt: skip
    entries = send(client, *operations, failOnErrors=most)
    assert statuses(entries) == expected
    assert [e.get("bulkId") for e in entries] == [o.get("bulkId") for o in operations[: len(expected)]]
    stored = [o["data"]["userName"] for o, s in zip(operations, expected, strict=False) if s == "201"]
    assert names(client) == stored


@pytest.mark.req("R-BULK-08")
def test_only_what_was_processed_is_answered_in_the_order_of_the_request(client: Client) -> None:
    client.create("ben")
    entries = send(client, group("g", "c", "b"), user("a"), user("b", "ben"), user("c"), failOnErrors=1)
    assert [(e["bulkId"], e["status"]) for e in entries] == [("b", "409"), ("c", "201")]
    assert names(client) == ["ben", "c"]


@pytest.mark.req("R-BULK-08")
def test_none_of_many_gathered_creates_behind_the_last_error_is_stored(client: Client) -> None:
    operations = [user(str(n), "700" if n == 300 else None) for n in range(1_000)]
    entries = send(client, *operations, failOnErrors=1)
    assert statuses(entries) == ["201"] * 700 + ["409"]
    assert names(client) == [operations[n]["data"]["userName"] for n in range(700)]


# Conditions


@pytest.mark.req("R-BULK-18")
def test_the_version_of_an_operation_is_its_condition(client: Client) -> None:
    ana, ben = client.create("ana"), client.create("ben")
    body = {"schemas": [USER], "userName": "ana"}
    path = f"/Users/{ana['id']}"
    entries = send(
        client,
        {"method": "PUT", "path": path, "data": {**body, "title": "1"}, "version": 'W/"2"'},
        {"method": "PUT", "path": path, "data": {**body, "title": "2"}, "version": ana["meta"]["version"]},
        patch(path, titled("3"), version='W/"1"'),
        patch(path, titled("4"), version='W/"2"'),
        delete(path, version='W/"2"'),
        delete(f"/Users/{ben['id']}", version=ben["meta"]["version"]),
        delete(path, version=""),
    )
    assert statuses(entries) == ["412", "200", "412", "200", "412", "204", "412"]
    assert client.get(path).get_json(force=True)["title"] == "4"


@pytest.mark.req("R-BULK-18", "R-ETAG-11")
def test_the_version_of_a_group_moves_with_its_members(client: Client) -> None:
    change = {"op": "add", "path": "members", "value": [{"value": "bulkId:a"}]}
    entries = send(
        client,
        user("a"),
        group("g"),
        patch("/Groups/bulkId:g", change, version='W/"1.1"'),
        patch("/Groups/bulkId:g", {"op": "remove", "path": "members"}, version='W/"1.1"'),
    )
    assert [(e["status"], e.get("version")) for e in entries[2:]] == [("200", 'W/"1.2"'), ("412", None)]


def test_the_headers_of_the_request_are_no_conditions_of_its_operations(client: Client) -> None:
    entries = send(client, user("a"), headers={"If-Match": 'W/"7"', "If-None-Match": "*"})
    assert statuses(entries) == ["201"]


# PATCH in both forms, and in the words of connectors


@pytest.mark.req("R-BULK-13", "ENTRA-20", "ENTRA-55")
@pytest.mark.parametrize(
    "data",
    [
        [{"op": "remove", "path": "nickName"}, {"op": "add", "path": "title", "value": "T"}],
        {
            "schemas": [PATCH_OP],
            "Operations": [{"op": "remove", "path": "nickName"}, {"op": "add", "value": {"title": "T"}}],
        },
        {"Operations": [{"op": "Remove", "path": "nickName", "value": None}, {"op": "Add", "value": {"title": "T"}}]},
    ],
)
def test_a_patch_is_a_list_or_a_message(client: Client, data: Any) -> None:
    id = client.create("ana", nickName="N")["id"]
    entries = send(client, {"method": "PATCH", "path": f"/Users/{id}", "data": data})
    assert statuses(entries) == ["200"]
    found = client.get(f"/Users/{id}").get_json(force=True)
    assert (found.get("nickName"), found["title"]) == (None, "T")


@pytest.mark.req("ENTRA-55", "R-BULK-13")
def test_a_removal_lists_what_goes_as_entra_writes_it(client: Client) -> None:
    removal = {"op": "Remove", "path": "members", "value": [{"value": "bulkId:a"}]}
    entries = send(client, user("a"), user("b"), group("g", "a", "b"), patch("/Groups/bulkId:g", removal))
    assert statuses(entries) == ["201", "201", "201", "200"]
    assert members(client, id_of(entries[2])) == [id_of(entries[1])]


@pytest.mark.req("R-SEC-08")
def test_the_limits_of_a_patch_hold_for_one_in_a_bulk_request(server: Server) -> None:
    client = Client(server.app(max_patch_operations=2, max_filter=64), server.token(server.tenant()))
    id = client.create("ana")["id"]
    wrong: list[Any] = [[titled("T")] * 3, [], {}]
    entries = send(
        client,
        *({"method": "PATCH", "path": f"/Users/{id}", "data": data} for data in wrong),
        patch(f"/Users/{id}", *[titled("T")] * 3),
        patch(f"/Users/{id}", {"op": "remove", "path": f'emails[value eq "{"x" * 64}"]'}),
        patch(f"/Users/{id}", *[titled("T")] * 2),
    )
    assert statuses(entries) == ["413", "400", "400", "413", "400", "200"]


# Strict


@pytest.mark.req("R-BULK-16", "R-GRP-06")
def test_a_strict_client_names_members_that_are_there_or_come(strict: Client) -> None:
    there = strict.create("there")["id"]
    entries = send(
        strict,
        group("a", "new"),
        group_of("b", there),
        group_of("c", "nobody"),
        group("d", "c"),
        group("e", "f"),
        group("f", "e"),
        user("new"),
        group_of("g", there, "bulkId:h"),
        group_of("h", "bulkId:g", "nobody"),
        patch("/Groups/bulkId:b", {"op": "add", "path": "members", "value": [{"value": "bulkId:new"}]}),
        patch("/Groups/bulkId:b", {"op": "add", "path": "members", "value": [{"value": "nobody"}]}),
    )
    assert statuses(entries) == ["201", "201", "400", "400", "201", "201", "201", "409", "400", "200", "400"]
    assert "'nobody'" in entries[2]["response"]["detail"]
    assert names(strict, "/Groups", "displayName") == ["a", "b", "e", "f"]


@pytest.mark.req("R-BULK-04", "R-SCH-11")
def test_schemas_may_be_missing_unless_the_client_is_strict(client: Client, strict: Client) -> None:
    body = {"Operations": [user("a")]}
    assert client.send("POST", "/Bulk", body).status_code == 200
    assert_error(strict.send("POST", "/Bulk", body), 400, "invalidSyntax")
    assert_error(strict.send("POST", "/Bulk", {**body, "schemas": [PATCH_OP]}), 400, "invalidSyntax")
    assert_error(client.send("POST", "/Bulk", {**body, "schemas": [PATCH_OP]}), 400, "invalidSyntax")
    assert statuses(send(strict, user("a"))) == ["201"]


@pytest.mark.req("R-HTTP-16")
def test_members_of_the_message_count_in_any_case(client: Client) -> None:
    body = {"SCHEMAS": [BULK_REQUEST], "operations": [user("a"), user("b", "a"), user("c")], "FailOnErrors": 1}
    answer = client.send("POST", "/Bulk", body)
    assert statuses(answer.get_json(force=True)["Operations"]) == ["201", "409"]


# Targets

NO_TARGET = [
    ("POST", "/Users/42", "400"),
    ("POST", "/Users/.search", "400"),
    ("POST", "/Nothing", "404"),
    ("POST", "/", "404"),
    ("POST", "/Me", "404"),
    ("POST", "/Bulk", "404"),
    ("POST", "/users", "404"),
    ("POST", "/Users?attributes=id", "404"),
    ("POST", "/.search", "404"),
    ("POST", "http://localhost/scim/v2/Users", "404"),
    ("PUT", "/Users", "400"),
    ("PATCH", "/Groups", "400"),
    ("DELETE", "/Users/", "400"),
    ("PUT", "/Me", "404"),
    ("PATCH", "/Me", "404"),
    ("DELETE", "/Bulk", "404"),
    ("DELETE", "/Schemas/urn:x", "404"),
    ("DELETE", "/ServiceProviderConfig", "404"),
    ("DELETE", "/ResourceTypes/User", "404"),
    ("DELETE", "/Users/nobody", "404"),
    ("DELETE", "/Users/%00", "404"),
    ("DELETE", "/Users/%FF", "404"),
    ("DELETE", "/Users/a/b", "404"),
    ("DELETE", "/Users/.search", "404"),
    ("GET", "/Users", "400"),
    ("HEAD", "/Users/42", "400"),
    ("PURGE", "/Users/42", "400"),
]


@pytest.mark.req("R-BULK-06", "R-BULK-05")
@pytest.mark.parametrize(("method", "path", "status"), NO_TARGET)
def test_a_path_that_does_not_go_with_the_method_fails_alone(
    client: Client, method: str, path: str, status: str
) -> None:
    id = client.create("ana")["id"]
    data: Any = {"schemas": [USER], "userName": "x"} if method != "PATCH" else [titled("T")]
    odd = {"method": method, "path": path, "bulkId": "x", "data": data}
    entries = send(client, odd, user("ben"))
    assert statuses(entries) == [status, "201"]
    assert entries[0]["method"] == method
    assert ("location" in entries[0]) is (method != "POST")
    assert names(client) == ["ana", "ben"]
    assert client.get(f"/Users/{id}").headers["ETag"] == 'W/"1"'


@pytest.mark.req("R-BULK-06", "CL-03")
@pytest.mark.parametrize("form", ["/Users/{}", "Users/{}", "//Users//{}/"])
def test_slashes_too_many_or_too_few_are_understood(client: Client, form: str) -> None:
    ana = client.create("ana")
    (entry,) = send(client, patch(form.format(ana["id"]), titled("T")))
    assert (entry["status"], entry["location"]) == ("200", ana["meta"]["location"])


@pytest.mark.req("R-BULK-05")
def test_an_operation_that_lacks_something_fails_alone(client: Client) -> None:
    entries = send(
        client,
        {},
        {"method": "POST", "path": "/Users", "data": {"userName": "x"}},
        {"method": "POST", "path": "/Users", "bulkId": "a"},
        {"method": "DELETE"},
        {"method": 1, "path": 2, "bulkId": 3, "version": 4, "data": 5},
        user("b"),
    )
    assert statuses(entries) == ["400"] * 5 + ["201"]
    assert set(failures(entries)) == {("400", "invalidSyntax")}
    assert entries[0].keys() == {"status", "response"}
    assert names(client) == ["b"]


@pytest.mark.req("R-BULK-04", "R-POST-05")
def test_a_body_that_does_not_fit_its_type_fails_alone(client: Client) -> None:
    entries = send(
        client, user("a", active="perhaps"), user("b", userName=""), {**user("c"), "data": {}}, group("d"), user("e")
    )
    assert statuses(entries) == ["400", "400", "400", "201", "201"]
    assert {scim_type for _, scim_type in failures(entries)} == {"invalidValue"}


# All or nothing


def test_all_or_nothing_stores_all(client: Client) -> None:
    entries = send(client, user("a"), group("g", "a", "h"), group("h", "g"), headers=ATOMIC)
    assert statuses(entries) == ["201"] * 3
    assert members(client, id_of(entries[1])) == [id_of(entries[0]), id_of(entries[2])]


@pytest.mark.parametrize("failing", [0, 2, 4])
def test_all_or_nothing_leaves_nothing_once_an_operation_fails(client: Client, failing: int) -> None:
    ana = client.create("ana")
    operations = [user("a"), patch(f"/Users/{ana['id']}", titled("T")), user("b"), group("g", "a", "b")]
    operations.insert(failing, user("c", "ANA"))
    entries = send(client, *operations, headers=ATOMIC)
    assert statuses(entries) == ["409" if place == failing else "424" for place in range(5)]
    assert failures(entries)[failing] == ("409", "uniqueness")
    assert names(client) == ["ana"]
    assert client.get(f"/Users/{ana['id']}").headers["ETag"] == 'W/"1"'
    assert names(client, "/Groups", "displayName") == []


def test_of_several_failures_the_first_is_told(client: Client) -> None:
    client.create("ana")
    entries = send(client, user("a"), delete("/Users/x"), user("b", "ana"), group("c", "x"), headers=ATOMIC)
    assert statuses(entries) == ["424", "404", "424", "424"]
    entries = send(client, group("g", "h", name="x"), group("h", "g", name="X"), user("a"), headers=ATOMIC)
    assert sorted(statuses(entries)) == ["409", "424", "424"]
    assert names(client, "/Groups", "displayName") == []


@pytest.mark.parametrize(
    ("value", "expected"), [("true", []), ("TRUE", []), (" true ", []), ("false", ["a"]), ("False", ["a"])]
)
def test_the_header_says_true_or_false(client: Client, value: str, expected: list[str]) -> None:
    send(client, user("a"), delete("/Users/x"), headers={"SCIM-Bulk-Atomic": value})
    assert names(client) == expected


@pytest.mark.parametrize("value", ["", "1", "yes", "true, true"])
def test_another_header_is_refused(client: Client, value: str) -> None:
    body = {"schemas": [BULK_REQUEST], "Operations": [user("a")]}
    assert_error(client.send("POST", "/Bulk", body, {"SCIM-Bulk-Atomic": value}), 400, "invalidValue")
    assert names(client) == []


# Rights


@pytest.mark.req("R-BULK-20", "R-AUTH-01")
def test_each_operation_of_a_client_that_may_only_read_is_refused(server: Server) -> None:
    tenant = server.tenant()
    writer, reader = (Client(server.app(), server.token(tenant, read_only=flag)) for flag in (False, True))
    id = writer.create("ana")["id"]
    entries = send(
        reader,
        user("a"),
        group("g", "nobody"),
        {"method": "PUT", "path": f"/Users/{id}", "data": {"schemas": [USER], "userName": "x"}},
        patch(f"/Users/{id}", titled("T")),
        delete(f"/Users/{id}"),
        delete("/Nothing/1"),
        {"method": "POST", "path": "/Users/.search", "bulkId": "s", "data": {}},
        {"method": "POST", "path": "/Bulk", "bulkId": "b", "data": {}},
        {"method": "GET", "path": f"/Users/{id}"},
    )
    assert statuses(entries) == ["403"] * 6 + ["400", "404", "400"]
    assert names(writer) == ["ana"]
    assert writer.get(f"/Users/{id}").headers["ETag"] == 'W/"1"'


@pytest.mark.req("R-AUTH-01")
def test_a_bulk_request_needs_a_credential(server: Server) -> None:
    assert_error(Client(server.app(), None).send("POST", "/Bulk", {}), 401)


@pytest.mark.req("R-TEN-04")
def test_locations_are_below_the_address_that_the_request_came_through(server: Server) -> None:
    tenant = server.tenant()
    for base in (f"/t/{tenant.name}/scim/v2", "/scim"):
        client = Client(server.app(), server.token(tenant), base)
        (made,) = send(client, user(base))
        gone = send(client, delete(f"/Users/{id_of(made)}"))[0]
        assert made["location"] == gone["location"] == f"http://localhost{base}/Users/{id_of(made)}"
