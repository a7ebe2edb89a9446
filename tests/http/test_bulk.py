"""Bulk requests as a client sees them, on both engines."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from werkzeug.test import TestResponse

from scim_server.http import exchange
from scim_server.observability import RequestFacts
from scim_server.storage.sql import engine
from tests.http.bulk import (
    BULK_REQUEST,
    ENTERPRISE,
    delete,
    failures,
    group,
    group_of,
    id_of,
    members,
    names,
    patch,
    report,
    send,
    statuses,
    user,
)
from tests.http.server import GROUP, PATCH_OP, USER, Client, Server, assert_error
from tests.statements import sent_to

ATOMIC = {"SCIM-Bulk-Atomic": "true"}


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


@pytest.fixture
def strict(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant(), "strict"))


def got(client: Client, entry: dict[str, Any]) -> dict[str, Any]:
    """The resource that an entry is about."""
    answer = client.send_raw("GET", entry["location"])
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json(force=True))


def titled(title: str) -> dict[str, Any]:
    return {"op": "replace", "path": "title", "value": title}


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


# References


@pytest.mark.req("R-BULK-12", "R-BULK-13")
def test_references_are_ids_wherever_an_id_can_stand(client: Client) -> None:
    group_data = {
        "schemas": [GROUP],
        "displayName": "g",
        "members": [{"value": "bulkId:ana", "$ref": "../Users/bulkId:ana", "type": "User"}],
    }
    entries = send(
        client,
        user("ana"),
        report("ben", "ana"),
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group_data},
        patch("/Groups/bulkId:g", {"op": "add", "path": "members", "value": [{"value": "bulkId:ben"}]}),
        patch("/Users/bulkId:ana", {"op": "add", "path": f"{ENTERPRISE}:manager", "value": {"value": "bulkId:ben"}}),
        {"method": "PUT", "path": "/Users/bulkId:ben", "data": {"schemas": [USER], "userName": "ben", "title": "T"}},
    )
    assert statuses(entries) == ["201", "201", "201", "200", "200", "200"]
    ana, ben, g = (got(client, entry) for entry in entries[:3])
    assert g["members"][0] == {"value": ana["id"], "$ref": f"../Users/{ana['id']}", "type": "User"}
    assert [m["value"] for m in g["members"]] == [ana["id"], ben["id"]]
    assert ana[ENTERPRISE]["manager"]["value"] == ben["id"]
    assert (ben["title"], [entry["location"] for entry in entries[3:]]) == (
        "T",
        [entries[place]["location"] for place in (2, 0, 1)],
    )


@pytest.mark.req("R-BULK-13")
@pytest.mark.parametrize("data", ["message", "list"])
def test_a_reference_may_stand_in_the_filter_of_a_patch(client: Client, data: str) -> None:
    remove = {"op": "remove", "path": 'members[value eq "bulkId:ana"]'}
    change = patch("/Groups/bulkId:g", remove)
    if data == "list":
        change["data"] = [remove]
    entries = send(client, user("ana"), user("ben"), group("g", "ana", "ben"), change)
    assert statuses(entries) == ["201", "201", "201", "200"]
    assert members(client, id_of(entries[2])) == [id_of(entries[1])]


@pytest.mark.req("R-BULK-14")
def test_a_create_runs_before_the_first_operation_that_refers_to_it(client: Client) -> None:
    entries = send(
        client,
        patch("/Groups/bulkId:g", {"op": "add", "path": "members", "value": [{"value": "bulkId:ben"}]}),
        group("g", "ana"),
        report("ana", "ben"),
        user("ben"),
    )
    assert statuses(entries) == ["200", "201", "201", "201"]
    assert set(members(client, id_of(entries[1]))) == {id_of(entries[2]), id_of(entries[3])}
    assert got(client, entries[2])[ENTERPRISE]["manager"]["value"] == id_of(entries[3])


@pytest.mark.req("R-BULK-15")
@pytest.mark.parametrize("dialect", ["generic", "strict"])
def test_creates_may_refer_to_each_other_and_to_themselves(server: Server, dialect: str) -> None:
    client = Client(server.app(), server.token(server.tenant(), dialect))
    entries = send(client, group("a", "b"), group("b", "c", "a"), group("c", "c", "a"), group("d", "d"))
    assert statuses(entries) == ["201"] * 4
    a, b, c, d = map(id_of, entries)
    assert [members(client, id) for id in (a, b, c, d)] == [[b], [c, a], [c, a], [d]]


@pytest.mark.req("R-BULK-15")
def test_a_circle_that_cannot_be_stored_leaves_nothing(client: Client) -> None:
    client.send("POST", "/Groups", {"schemas": [GROUP], "displayName": "taken"})
    entries = send(
        client, user("before"), group("a", "b"), group("b", "c", name="Taken"), group("c", "a"), user("behind")
    )
    assert statuses(entries) == ["201", "409", "409", "409", "201"]
    assert failures(entries) == [("409", None), ("409", "uniqueness"), ("409", None)]
    assert names(client, "/Groups", "displayName") == ["taken"]
    assert names(client) == ["before", "behind"]


@pytest.mark.req("R-BULK-15")
def test_a_circle_with_a_member_that_cannot_be_read_fails_as_a_whole(client: Client) -> None:
    bad = group("b", "a")
    bad["data"]["displayName"] = 1.5
    entries = send(client, group("a", "b"), bad, group("c", "a"))
    assert failures(entries) == [("409", None), ("400", "invalidValue"), ("400", "invalidValue")]
    assert names(client, "/Groups", "displayName") == []


@pytest.mark.req("R-BULK-16")
def test_what_refers_to_nothing_fails_alone(client: Client) -> None:
    entries = send(
        client,
        group("a", "nobody"),
        delete("/Users/bulkId:nobody"),
        patch("/Groups/bulkId:b", {"op": "remove", "path": 'members[value eq "bulkId:nobody"]'}),
        group("b"),
        patch("/Groups/bulkId:mine", titled("T"), bulkId="mine"),
    )
    assert statuses(entries) == ["400", "400", "400", "201", "400"]
    assert set(failures(entries)) == {("400", "invalidValue")}
    assert "'nobody'" in entries[0]["response"]["detail"]
    assert names(client, "/Groups", "displayName") == ["b"]


@pytest.mark.req("R-BULK-16")
def test_what_refers_to_a_failed_create_fails_too(client: Client) -> None:
    client.create("ana")
    entries = send(
        client,
        group("g", "ana"),
        user("ana"),
        group("h", "g"),
        user("ben"),
        patch("/Groups/bulkId:h", {"op": "remove", "path": "members"}),
        delete("/Users/bulkId:ana"),
        group("i", "ben"),
    )
    assert statuses(entries) == ["400", "409", "400", "201", "400", "400", "201"]
    assert set(failures(entries)) == {("400", "invalidValue"), ("409", "uniqueness")}
    assert names(client, "/Groups", "displayName") == ["i"]


@pytest.mark.req("R-BULK-14", "R-BULK-16")
def test_strictly_a_create_cannot_refer_to_what_the_request_made_and_deleted(strict: Client) -> None:
    made_and_gone = [delete("/Users/bulkId:m"), group("g", "m"), user("m")]
    entries = send(strict, *made_and_gone, group("h", "g"), user("n"), group("i", "n"))
    assert statuses(entries) == ["204", "400", "201", "400", "201", "201"]
    assert entries[1]["response"]["detail"] == f"No resource has the id {id_of(entries[2])!r}."
    assert names(strict, "/Groups", "displayName") == ["i"]


@pytest.mark.req("R-BULK-05")
def test_the_data_of_a_delete_hinders_nothing(client: Client) -> None:
    id = client.create("ana")["id"]
    entries = send(
        client, user("a", "ana"), {**delete(f"/Users/{id}"), "data": {"value": "bulkId:a", "of": "bulkId:x"}}
    )
    assert statuses(entries) == ["409", "204"]


@pytest.mark.req("R-BULK-16")
def test_a_name_that_a_dependent_of_a_failed_create_would_have_taken_is_free(client: Client) -> None:
    """Stored at once, the third would have been refused for the second's sake."""
    client.create("ana")
    entries = send(client, user("a", "ana"), group("g", "a"), group("h", name="G"))
    assert statuses(entries) == ["409", "400", "201"]
    assert names(client, "/Groups", "displayName") == ["G"]


@pytest.mark.unmeasured
@pytest.mark.req("R-BULK-16", "R-BULK-14")
@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_a_thousand_creates(client: Client, backwards: bool) -> None:
    chain = [user("0"), *(report(str(n), str(n - 1)) for n in range(1, 1_000))]
    entries = send(client, *(reversed(chain) if backwards else chain))
    assert set(statuses(entries)) == {"201"}
    ordered = [*reversed(entries)] if backwards else entries
    middle = got(client, ordered[500])
    assert middle[ENTERPRISE]["manager"]["value"] == id_of(ordered[499])
    assert client.get("/Users?count=0").get_json(force=True)["totalResults"] == 1_000


@pytest.mark.req("R-BULK-16")
def test_a_chain_of_a_thousand_fails_from_its_broken_link_on(client: Client) -> None:
    client.create("300")
    entries = send(client, user("0"), *(report(str(n), str(n - 1)) for n in range(1, 1_000)))
    assert statuses(entries) == ["201"] * 300 + ["409"] + ["400"] * 699


@pytest.mark.unmeasured
@pytest.mark.req("R-BULK-15")
def test_a_circle_of_a_thousand(client: Client) -> None:
    entries = send(client, *(group(str(n), str((n + 1) % 1_000)) for n in range(1_000)))
    assert set(statuses(entries)) == {"201"}
    assert members(client, id_of(entries[-1])) == [id_of(entries[0])]


def statements(server: Server, work: Callable[[], Any]) -> int:
    """How many statements a piece of work sends to write."""
    with sent_to(server.database.connections.writer) as sent:
        work()
    return len(sent)


@pytest.mark.unmeasured
@pytest.mark.req("R-BULK-14")
@pytest.mark.parametrize("dialect", ["generic", "strict"])
def test_a_thousand_creates_are_as_many_statements_as_ten(server: Server, dialect: str) -> None:
    def work(creates: int) -> Callable[[], Any]:
        client = Client(server.app(), server.token(server.tenant(), dialect))
        users = [user("0"), *(report(str(n), str(n - 1)) for n in range(1, creates - 2))]
        return lambda: send(client, *users, group("g", "0", "h"), group("h", "g", "1"))

    few, many = statements(server, work(10)), statements(server, work(1_000))
    assert few == many < 20


def dependents(count: int) -> list[dict[str, Any]]:
    """Half of them conflict, each of the others refers to one that does."""
    return [each for n in range(count // 2) for each in (group(f"a{n}", name="taken"), group(f"b{n}", f"a{n}"))]


def circles(count: int) -> list[dict[str, Any]]:
    """Pairs that are members of each other, one of each pair in conflict, and between them what can be stored."""
    pairs = ((group(f"a{n}", f"b{n}"), group(f"b{n}", f"a{n}", name="taken")) for n in range(count // 2))
    return [each for n, pair in enumerate(pairs) for each in (*pair, user(f"u{n}"))]


def chain(count: int) -> list[dict[str, Any]]:
    return [group("0", name="taken"), *(group(str(n), str(n - 1)) for n in range(1, count))]


def conflicts(count: int) -> list[dict[str, Any]]:
    return [each for n in range(count) for each in (user(f"u{n}"), group(f"g{n}", name="taken"))]


@pytest.mark.unmeasured
@pytest.mark.req("R-BULK-08", "R-BULK-15", "R-BULK-16")
@pytest.mark.parametrize("accepted", [None, 0.5, 0.9, 1, 2])
@pytest.mark.parametrize("shape", [dependents, circles, chain, conflicts])
def test_hundreds_of_failures_are_as_many_statements_as_ten(
    server: Server, shape: Callable[[int], list[dict[str, Any]]], accepted: float | None
) -> None:
    """`accepted` is the number of errors that end the request, as a part of those that there would be."""
    failed: list[int] = []

    def work(failures: int) -> Callable[[], Any]:
        client = Client(server.app(), server.token(server.tenant()))
        send(client, group("taken"))
        most = None if accepted is None else int(failures * accepted)

        def run() -> None:
            entries = send(client, *shape(failures), failOnErrors=most)
            failed.append(sum(status >= "400" for status in statuses(entries)))

        return run

    few, many = statements(server, work(20)), statements(server, work(400))
    assert few == many < 20
    assert failed == [20 * min(accepted or 1, 1), 400 * min(accepted or 1, 1)]


def test_the_log_says_how_many_operations_there_were(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[RequestFacts] = []
    monkeypatch.setattr(exchange, "observe", seen.append)
    send(client, user("a"), delete("/Users/x"))
    client.get("/Users")
    assert [(facts.route, facts.operations) for facts in seen] == [("/scim/v2/Bulk", 2), ("/scim/v2/Users", None)]


# Several at once


def bulks_at_once(server: Server, token: str, requests: Sequence[Sequence[dict[str, Any]]]) -> Counter[str]:
    """How often each status came, where each request is sent by a thread of its own."""
    clients = [Client(server.app(), token) for _ in requests]
    gate = threading.Barrier(len(requests))

    def run(client: Client, operations: Sequence[dict[str, Any]]) -> list[str]:
        gate.wait()
        return statuses(send(client, *operations))

    with ThreadPoolExecutor(len(requests)) as pool:
        return Counter(status for found in pool.map(run, clients, requests) for status in found)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """After which attempts a transaction had to run again."""
    seen: list[int] = []
    monkeypatch.setattr(engine, "_pause", seen.append)
    return seen


@pytest.mark.req("R-PATCH-58")
def test_bulk_requests_that_change_the_same_groups_in_other_orders_do_not_lock_each_other_out(
    server: Server, pauses: list[int]
) -> None:
    token = server.token(server.tenant())
    client = Client(server.app(), token)
    groups = [id_of(entry) for entry in send(client, *(group(str(n)) for n in range(20)))]

    def additions(member: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        return [patch(f"/Groups/{id}", {"op": "add", "path": "members", "value": [{"value": member}]}) for id in ids]

    orders = [groups, groups[::-1], groups[10:] + groups[:10], groups[::2] + groups[1::2]]
    answered = bulks_at_once(server, token, [additions(f"m{n}", order) for n, order in enumerate(orders)])
    assert (answered, pauses) == ({"200": 80}, [])
    assert {tuple(sorted(members(client, id))) for id in groups} == {("m0", "m1", "m2", "m3")}


def test_bulk_requests_that_delete_members_of_the_same_groups_do_not_lock_each_other_out(
    server: Server, pauses: list[int]
) -> None:
    token = server.token(server.tenant())
    client = Client(server.app(), token)
    users = [id_of(entry) for entry in send(client, *(user(str(n)) for n in range(40)))]
    # Each request's users are in the same groups, in the opposite order of those of the other.
    places = [*range(20), *reversed(range(20))]
    groups = [group_of(f"g{n}", *(users[i] for i, place in enumerate(places) if place == n)) for n in range(20)]
    ids = [id_of(entry) for entry in send(client, *groups)]
    halves = [[delete(f"/Users/{id}") for id in half] for half in (users[:20], users[20:])]
    assert (bulks_at_once(server, token, halves), pauses) == ({"204": 40}, [])
    assert [members(client, id) for id in ids] == [[]] * 20


def test_members_are_deleted_while_a_bulk_request_changes_their_groups(server: Server, pauses: list[int]) -> None:
    token = server.token(server.tenant())
    client = Client(server.app(), token)
    users = [id_of(entry) for entry in send(client, *(user(str(n)) for n in range(20)))]
    groups = [id_of(entry) for entry in send(client, *(group_of(f"g{n}", *users) for n in range(20)))]
    empty = [patch(f"/Groups/{id}", {"op": "remove", "path": "members"}) for id in reversed(groups)]
    other = Client(server.app(), token)
    with ThreadPoolExecutor(1) as pool:
        answered = pool.submit(send, client, *empty)
        deleted = [other.send("DELETE", f"/Users/{id}").status_code for id in users]
        assert statuses(answered.result()) == ["200"] * 20
    assert (deleted, pauses) == ([204] * 20, [])
    assert [members(client, id) for id in groups] == [[]] * 20


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


# Limits


def bulk_body(*operations: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"schemas": [BULK_REQUEST], "Operations": operations, **more}).encode()


@pytest.mark.req("R-BULK-02", "R-BULK-03")
def test_as_many_operations_as_are_published_are_taken_and_no_more(server: Server) -> None:
    client = Client(server.app(bulk_max_operations=3), server.token(server.tenant()))
    assert client.get("/ServiceProviderConfig").get_json(force=True)["bulk"]["maxOperations"] == 3
    assert statuses(send(client, *(user(str(n)) for n in range(3)))) == ["201"] * 3
    refused = client.send("POST", "/Bulk", bulk_body(*(user(f"{n}+") for n in range(4))))
    assert_error(refused, 413)
    assert "maxOperations" in refused.get_json(force=True)["detail"]
    assert len(names(client)) == 3


@pytest.mark.req("R-BULK-03")
def test_operations_are_counted_before_the_rest_is_parsed(server: Server) -> None:
    client = Client(server.app(bulk_max_operations=3), server.token(server.tenant()))
    assert_error(client.send("POST", "/Bulk", b'{"Operations": [1, 2, {}, {"x": 1}, ]]] no JSON'), 413)
    assert_error(client.send("POST", "/Bulk", b'{"Operations": [1, 2, {}, ]]] no JSON'), 400, "invalidSyntax")


@pytest.mark.req("R-BULK-02", "R-BULK-03")
@pytest.mark.parametrize("chunked", [False, True])
def test_as_many_bytes_as_are_published_are_taken_and_no_more(server: Server, chunked: bool) -> None:
    client = Client(server.app(bulk_max_payload=4096, max_body=1024), server.token(server.tenant()))
    assert client.get("/ServiceProviderConfig").get_json(force=True)["bulk"]["maxPayloadSize"] == 4096
    body = bulk_body(user("a"))
    fits, too_large = body + b" " * (4096 - len(body)), body + b" " * (4097 - len(body))

    def post(body: bytes) -> TestResponse:
        if not chunked:
            return client.send("POST", "/Bulk", body)
        headers = {"Transfer-Encoding": "chunked"}
        return client.send_raw(
            "POST",
            "/scim/v2/Bulk",
            body,
            headers,
            content_length=None,
            environ_overrides={"wsgi.input_terminated": True},
        )

    refused = post(too_large)
    assert_error(refused, 413)
    assert "maxPayloadSize" in refused.get_json(force=True)["detail"]
    assert names(client) == []
    assert post(fits).status_code == 200


# Bad input

DEEP = b'{"a":' * 40 + b"1" + b"}" * 40
DEEPER = b"[" * 200_000
LOOP = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[%s]}'
POST_A = b'{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"%s}}'

BAD_BODIES = [
    ("nothing", b"", "invalidSyntax"),
    ("white space", b" \n", "invalidSyntax"),
    ("no JSON", b"{", "invalidSyntax"),
    ("an array", b"[1]", "invalidSyntax"),
    ("a string", b'"Operations"', "invalidSyntax"),
    ("null", b"null", "invalidSyntax"),
    ("no members", b"{}", "invalidSyntax"),
    ("two objects", LOOP % POST_A % b"" + b"{}", "invalidSyntax"),
    ("a comma too many", LOOP % (POST_A % b"" + b","), "invalidSyntax"),
    ("a comma too many at the end", (LOOP % (POST_A % b""))[:-1] + b",}", "invalidSyntax"),
    ("a comma too few", LOOP % (POST_A % b"" + b" {}"), "invalidSyntax"),
    ("no colon", b'{"Operations" []}', "invalidSyntax"),
    ("a name that is no string", b"{1: []}", "invalidSyntax"),
    ("single quotes", b"{'Operations': []}", "invalidSyntax"),
    ("NaN", LOOP % (POST_A % b',"x":NaN'), "invalidSyntax"),
    ("a control character", LOOP % (POST_A % b',"x":"\x01"'), "invalidSyntax"),
    ("an array that does not end", b'{"Operations": [', "invalidSyntax"),
    ("an object that does not end", b'{"Operations": [{"a": 1}', "invalidSyntax"),
    ("Operations twice", b'{"Operations": [], "Operations": []}', "invalidSyntax"),
    ("Operations twice in other case", b'{"Operations": [{}], "operations": [{}]}', "invalidSyntax"),
    ("a member twice", LOOP % (POST_A % b',"x":1,"x":2'), "invalidSyntax"),
    ("a member twice beside", b'{"a": 1, "a": 2, "Operations": [{}]}', "invalidSyntax"),
    ("no UTF-8", LOOP % (POST_A % b',"x":"\xff"'), "invalidSyntax"),
    ("UTF-16", (LOOP % (POST_A % b"")).decode().encode("utf-16"), "invalidSyntax"),
    ("a byte order mark", b"\xef\xbb\xbf" + LOOP % (POST_A % b""), "invalidSyntax"),
    ("NUL", LOOP % (POST_A % b',"title":"\\u0000"'), "invalidValue"),
    ("half of a pair", LOOP % (POST_A % b',"title":"\\ud800"'), "invalidValue"),
    ("an integer of 65 bits", LOOP % (POST_A % b',"x":9223372036854775808'), "invalidValue"),
    ("a decimal too large", LOOP % (POST_A % b',"x":1e999'), "invalidValue"),
    ("a number of many digits", LOOP % (POST_A % b',"x":' + b"1" * 5000 + b"}"), None),
    ("deep data", LOOP % (POST_A % (b',"x":' + DEEP)), "invalidSyntax"),
    ("deep operations", LOOP % DEEPER, "invalidSyntax"),
    ("a deep member", b'{"x":' + DEEPER, "invalidSyntax"),
    ("no Operations", b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]}', "invalidSyntax"),
    ("null Operations", b'{"Operations": null}', "invalidSyntax"),
    ("no list of Operations", b'{"Operations": {"0": {}}}', "invalidSyntax"),
    ("empty Operations", LOOP % b"", "invalidSyntax"),
    ("operations that are none", LOOP % b"1", "invalidSyntax"),
    ("an operation that is null", LOOP % b"{}, null", "invalidSyntax"),
    ("a bulkId twice", LOOP % (POST_A % b"" + b"," + POST_A % b""), "invalidSyntax"),
    *(
        (f"failOnErrors {value}", b'{"failOnErrors": %s, "Operations": [{}]}' % value.encode(), "invalidSyntax")
        for value in ("0", "-1", '"1"', "1.0", "true", "[]")
    ),
]


@pytest.mark.req("R-BULK-17", "R-HTTP-15", "R-SEC-08", "R-I18N-09")
@pytest.mark.parametrize(("body", "scim_type"), [case[1:] for case in BAD_BODIES], ids=[case[0] for case in BAD_BODIES])
def test_a_bad_message_is_refused_as_a_whole(client: Client, body: bytes, scim_type: str | None) -> None:
    assert_error(client.send("POST", "/Bulk", body), 400, scim_type)
    assert names(client) == []


@pytest.mark.req("R-SEC-08")
def test_ten_megabytes_are_taken_or_refused_but_never_a_fault(client: Client) -> None:
    large = 10 * 2**20
    assert_error(client.send("POST", "/Bulk", bulk_body(user("a", title="x" * large))), 413)
    filled = bulk_body(user("a", title="x" * (large - 1_000)))
    assert client.send("POST", "/Bulk", filled).status_code == 200


def test_other_media_types_are_refused(client: Client) -> None:
    answer = client.send_raw("POST", "/scim/v2/Bulk", bulk_body(user("a")), {"Content-Type": "text/plain"})
    assert_error(answer, 415)


@pytest.mark.req("R-BULK-16", "R-BULK-05")
@pytest.mark.parametrize(
    ("odd", "made", "patched", "deleted"),
    [
        ("bulkId:", "201", "200", "404"),
        ("bulkId:a", "201", "200", "204"),
        ("BULKID:a", "201", "200", "404"),
        *(
            (odd, "400", "400", "400")
            for odd in ("bulkId:bulkId:a", "bulkId: a", "bulkId:%61", "bulkId:" + "x" * 10_000, "/bulkId:x", 'bulkId:"')
        ),
        ("bulkId:\u2028", "400", "400", "400"),
    ],
)
def test_odd_references_are_no_fault(client: Client, odd: str, made: str, patched: str, deleted: str) -> None:
    entries = send(
        client,
        user("a"),
        user("b", title=odd),
        patch("/Users/bulkId:a", {"op": "remove", "path": f'emails[value eq "{odd}"]'}, bulkId=odd),
        delete(f"/Users/{odd}"),
    )
    assert statuses(entries) == ["201", made, patched, deleted]
