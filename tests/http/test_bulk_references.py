"""What operations of a bulk request that refer to each other come to, in how many statements, on both engines."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.http.bulk import (
    ENTERPRISE,
    delete,
    failures,
    got,
    group,
    id_of,
    members,
    names,
    patch,
    report,
    send,
    statuses,
    titled,
    user,
)
from tests.http.server import GROUP, USER, Client, Server
from tests.statements import sent_to


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


@pytest.fixture
def strict(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant(), "strict"))


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
