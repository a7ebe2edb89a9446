"""What the RFC promises about ids, meta, sorting, groups and their members, seen through the API."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.http.server import GROUP, PATCH_OP, USER, Client, Server, assert_error
from tests.statements import listening


def add_group(client: Client, name: str, *members: str) -> dict[str, Any]:
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": id} for id in members]}
    answer = client.send("POST", "/Groups", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.get_json(force=True))


def add_user(client: Client, name: str, family: str) -> None:
    body = {"schemas": [USER], "userName": name, "name": {"familyName": family}}
    assert client.send("POST", "/Users", body).status_code == 201


def operations(*sent: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": list(sent)}


def adding(*members: str) -> dict[str, Any]:
    return operations({"op": "add", "path": "members", "value": [{"value": id} for id in members]})


def read(client: Client, address: str) -> dict[str, Any]:
    return dict(client.get(address).get_json(force=True))


@pytest.mark.req("R-ID-02")
def test_an_id_that_the_client_chose_is_ignored(client: Client) -> None:
    created = client.create("ana", id="chosen")
    assert created["id"] != "chosen"
    assert_error(client.get("/Users/chosen"), 404)
    assert read(client, f"/Users/{created['id']}")["userName"] == "ana"


@pytest.mark.req("R-PUT-02")
def test_a_put_creates_nothing(client: Client) -> None:
    id = "0199d5a0-1111-7222-8333-444455556666"
    assert_error(client.send("PUT", f"/Users/{id}", {"schemas": [USER], "id": id, "userName": "ana"}), 404)
    assert read(client, "/Users")["totalResults"] == 0


@pytest.mark.req("R-SORT-05", "R-SORT-09")
@pytest.mark.parametrize("path", ["name", "emails[type eq", "password", "meta"])
def test_what_has_no_order_or_is_never_shown_is_not_sorted_by(client: Client, path: str) -> None:
    add_user(client, "ana", "Ruiz")
    assert_error(client.get(f"/Users?sortBy={path}"), 400)


@pytest.mark.req("R-SORT-05")
def test_a_part_of_a_complex_attribute_is_sorted_by(client: Client) -> None:
    for user, family in (("a", "Z"), ("b", "Y")):
        add_user(client, user, family)
    found = read(client, "/Users?sortBy=name.familyName")["Resources"]
    assert [user["userName"] for user in found] == ["b", "a"]


@pytest.mark.req("R-META-04", "R-ETAG-04")
def test_the_time_of_change_moves_with_a_change_and_with_nothing_else(client: Client) -> None:
    created = client.create("ana", title="a")
    address = f"/Users/{created['id']}"
    same = {"op": "replace", "path": "title", "value": "a"}
    assert client.send("PATCH", address, operations(same)).get_json(force=True)["meta"] == created["meta"]
    body = {"schemas": [USER], "userName": "ana", "title": "a"}
    assert client.send("PUT", address, body).get_json(force=True)["meta"] == created["meta"]
    client.send("PATCH", address, operations({**same, "value": "b"}))
    after = read(client, address)["meta"]
    assert after["lastModified"] > created["meta"]["lastModified"]
    assert after["version"] != created["meta"]["version"]
    assert after["created"] == created["meta"]["created"]


@pytest.mark.req("R-META-10")
def test_meta_and_its_parts_are_projected_as_any_attribute(client: Client) -> None:
    address = f"/Users/{client.create('ana')['id']}"
    assert "meta" not in read(client, f"{address}?attributes=userName")
    assert "meta" not in read(client, f"{address}?excludedAttributes=meta")
    assert read(client, f"{address}?excludedAttributes=meta.version")["meta"].keys() == {
        "resourceType", "created", "lastModified", "location",
    }  # fmt: skip
    assert read(client, f"{address}?attributes=meta.version")["meta"].keys() == {"version"}


@pytest.mark.req("R-GRP-05")
def test_a_group_is_a_member_of_a_group(client: Client) -> None:
    inner = add_group(client, "inner")
    outer = add_group(client, "outer", inner["id"])
    found = read(client, f'/Groups?filter=members.value eq "{inner["id"]}"')
    assert [group["id"] for group in found["Resources"]] == [outer["id"]]
    assert client.send("DELETE", f"/Groups/{inner['id']}").status_code == 204
    assert "members" not in read(client, f"/Groups/{outer['id']}")


@pytest.mark.req("R-GRP-06")
def test_groups_in_a_circle_are_kept_and_read(client: Client) -> None:
    user = client.create("ana")["id"]
    first = add_group(client, "first", user)["id"]
    second = add_group(client, "second", first)["id"]
    assert client.send("PATCH", f"/Groups/{first}", adding(second, first)).status_code == 200
    assert {m["value"] for m in read(client, f"/Groups/{first}")["members"]} == {user, second, first}
    assert [g["value"] for g in read(client, f"/Users/{user}")["groups"]] == [first]


@pytest.mark.req("R-SEC-13")
@pytest.mark.parametrize("path", ["/Users", "/Users/{}", "/Schemas", "/nothing"])
def test_nothing_is_cached_on_its_way(client: Client, path: str) -> None:
    id = client.create("ana")["id"]
    assert client.get(path.format(id)).headers["Cache-Control"] == "no-store"


@pytest.mark.req("X-02")
@pytest.mark.parametrize("size", [101, 1001])
def test_a_change_of_one_member_loses_none_of_the_others(on_both: Server, size: int) -> None:
    client = Client(on_both.app(), on_both.token(on_both.tenant()))
    members = [f"m-{n:05}" for n in range(size)]
    address = f"/Groups/{add_group(client, 'g', *members)['id']}"
    assert client.send("PATCH", address, adding("new")).status_code in (200, 204)
    removing = operations({"op": "remove", "path": 'members[value eq "m-00007"]'})
    assert client.send("PATCH", address, removing).status_code in (200, 204)
    found = [m["value"] for m in read(client, address)["members"]]
    assert found == [id for id in (*members, "new") if id != "m-00007"]


@pytest.mark.req("X-03", "R-GRP-03", "R-TYPE-11")
def test_in_strict_a_member_that_is_not_there_is_refused_and_nothing_changes(server: Server) -> None:
    client = Client(server.app(), server.token(server.tenant(), "strict"))
    known = client.create("ana")["id"]
    address = f"/Groups/{add_group(client, 'g', known)['id']}"
    before = client.get(address).data
    rename = {"op": "replace", "path": "displayName", "value": "other"}
    mixed = operations(rename, *adding(client.create("leo")["id"], "nobody")["Operations"])
    assert_error(client.send("PATCH", address, mixed), 400, "invalidValue")
    body = {"schemas": [GROUP], "displayName": "other", "members": [{"value": "nobody"}]}
    assert_error(client.send("PUT", address, body), 400, "invalidValue")
    assert_error(client.send("POST", "/Groups", body), 400, "invalidValue")
    assert client.get(address).data == before
    assert read(client, "/Groups")["totalResults"] == 1


class Traffic:
    """The statements of a request, and the rows that they touched or gave, as far as the driver counts them."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.rows = 0

    def note(self, _connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        self.statements.append(statement)
        self.rows += max(cursor.rowcount, 0)


@contextmanager
def traffic(server: Server) -> Iterator[Traffic]:
    found = Traffic()
    connections = server.database.connections
    with listening((connections.reader, connections.writer), "after_cursor_execute", found.note):
        yield found


@pytest.mark.req("R-PATCH-58")
def test_one_more_member_costs_the_same_in_a_group_of_ten_and_of_thousands(on_both: Server) -> None:
    """README: adding a member takes the same statements and rows in a group of 300 and of 5,000."""
    client = Client(on_both.app(), on_both.token(on_both.tenant()))
    sizes = (10, 300, 5000)
    addresses = [f"/Groups/{add_group(client, f'g{n}', *(f'm-{i}' for i in range(n)))['id']}" for n in sizes]
    spent: list[tuple[list[str], int]] = []
    for address in addresses:
        with traffic(on_both) as spending:
            answer = client.send("PATCH", f"{address}?excludedAttributes=members", adding("new"))
        assert answer.status_code in (200, 204), answer.text
        spent.append((spending.statements, spending.rows))
    (_, few), (small, some), (large, many) = spent
    assert small == large
    assert len(spent[0][0]) - len(large) in (0, 1), "an answer to a small group is read back"
    assert some == many
    assert abs(few - many) <= 1
    for address, size in zip(addresses, sizes, strict=True):
        assert len(read(client, address)["members"]) == size + 1
