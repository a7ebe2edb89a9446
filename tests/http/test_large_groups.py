"""Groups with more members than an answer is made of in memory: whole, the same bytes, and in pages of their own."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from scim_server.config import Settings
from scim_server.errors import Unavailable
from scim_server.service import resources
from scim_server.service.spool import Spool
from scim_server.storage.sql.store import SqlStorage
from tests.databases import ENGINES
from tests.http.server import GROUP, LIST_RESPONSE, PATCH_OP, Client, Server, assert_error

req = pytest.mark.req

LARGE = 20_000
SHAPES = (
    "", "?attributes=members.value", "?excludedAttributes=members.display", "?attributes=displayName,members",
    "?excludedAttributes=meta", "?attributes=members.type", "?attributes=meta.version,members.display",
)  # fmt: skip


def ids(count: int, first: int = 0) -> list[str]:
    return [f"m-{number:06}" for number in range(first, first + count)]


def body(members: list[str], display: str = "Ä", name: str = "G") -> dict[str, Any]:
    """Every third member has no type, and every second a display."""
    listed = [
        {
            "value": id,
            **({"display": f"{display} {id}"} if number % 2 else {}),
            **({"type": "User"} if number % 3 else {}),
        }
        for number, id in enumerate(members)
    ]
    return {"schemas": [GROUP], "displayName": name, "members": listed}


def values(text: bytes) -> list[str]:
    return [member["value"] for member in json.loads(text).get("members", ())]


@pytest.fixture(scope="module", params=ENGINES)
def either(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    """A server on either engine."""
    server = Server(Settings(database_url=new_database(request.param)))
    yield server
    server.close()


@pytest.fixture
def on_both(either: Server) -> Client:
    """A client of a new tenant on either engine."""
    return Client(either.app(), either.token(either.tenant()))


def group(client: Client, members: list[str], **more: str) -> str:
    """The address of a new group."""
    answer = client.send("POST", "/Groups", body(members, **more))
    assert answer.status_code == 201, answer.text
    return f"/Groups/{json.loads(answer.data)['id']}"


@req("X-02", "R-GET-01", "R-ATTR-01", "R-ATTR-02")
@pytest.mark.parametrize("shape", SHAPES)
def test_the_bytes_are_the_same_whether_they_are_spooled_or_not(
    client: Client, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = group(client, ids(50), name="same")
    plain = client.get(address + shape)
    monkeypatch.setattr(resources, "MOST_ROWS", 7)
    spooled = client.get(address + shape)
    assert (spooled.data, dict(spooled.headers) | {"X-Request-Id": ""}) == (
        plain.data,
        dict(plain.headers) | {"X-Request-Id": ""},
    )


@req("X-02", "R-POST-01", "R-PUT-09")
def test_the_answers_to_writes_are_the_same_whether_they_are_spooled_or_not(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    for most in (1_000, 7):
        monkeypatch.setattr(resources, "MOST_ROWS", most)
        created = client.send("POST", "/Groups", body(ids(50), name=f"n{most}"))
        address = f"/Groups/{json.loads(created.data)['id']}"
        assert client.get(address).data == created.data
        replaced = client.send("PUT", address, body(ids(50, 5), name=f"n{most}"))
        assert client.get(address).data == replaced.data
        assert replaced.headers["ETag"] == 'W/"1.2"'
        answers.append((json.loads(created.data)["members"], json.loads(replaced.data)["members"]))
    assert answers[0] == answers[1]


@req("X-02")
def test_a_patch_that_asks_for_members_gets_all_of_them(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "MOST_ROWS", 7)
    address = group(client, ids(30), name="patched")
    add = {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": "members", "value": [{"value": "new"}]}]}
    answer = client.send("PATCH", f"{address}?attributes=members", add)
    assert (answer.status_code, values(answer.data)) == (200, [*ids(30), "new"])


@req("X-02")
def test_a_head_of_a_large_group_has_the_length_and_nothing_else(client: Client) -> None:
    address = group(client, ids(1_200), name="head")
    whole = client.get(address)
    answer = client.send("HEAD", address)
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["Content-Length"] == whole.headers["Content-Length"] == str(len(whole.data))
    answer.close()


@req("R-ETAG-05", "X-02")
def test_a_large_group_that_the_client_has_is_not_read_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def unread(*_: Any) -> None:
        raise AssertionError("the members are read")

    address = group(client, ids(1_200), name="cached")
    version = client.get(address).headers["ETag"]
    monkeypatch.setattr(SqlStorage, "stream", unread)
    answer = client.get(address, If_None_Match=version)
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", version)


@req("X-02")
def test_an_answer_for_which_there_is_no_room_is_a_clear_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_spool: Spool, _data: bytes) -> None:
        raise OSError("no space left on device")

    address = group(client, ids(1_200), name="full")
    monkeypatch.setattr(Spool, "_write", full)
    assert_error(client.get(address), Unavailable.status)


@pytest.mark.unmeasured
@req("X-02")
def test_twenty_thousand_members_are_lost_by_nothing(on_both: Client) -> None:
    """Answers are whole, a PUT of the same changes nothing, and a PATCH of what was read removes nobody."""
    members = ids(LARGE)
    address = group(on_both, members)
    created = on_both.get(address)
    assert values(created.data) == members
    same = on_both.send("PUT", address, body(members))
    assert (same.headers["ETag"], same.data) == (created.headers["ETag"], created.data)
    fewer = [*members[: LARGE - 1_000], *ids(1_000, LARGE)]
    changed = on_both.send("PUT", address, body(fewer))
    assert changed.headers["ETag"] == 'W/"1.2"'
    assert sorted(values(changed.data)) == sorted(fewer)
    one = {"schemas": [PATCH_OP], "Operations": [{"op": "remove", "path": f'members[value eq "{fewer[0]}"]'}]}
    assert on_both.send("PATCH", address, one).status_code == 204
    assert values(on_both.get(address).data) == values(changed.data)[1:]


# Members in pages ----------------------------------------------------------------------------------------------------


def page(client: Client, address: str, **asked: str) -> dict[str, Any]:
    query = "&".join(f"{name}={quote(value)}" for name, value in asked.items())
    answer = client.get(f"{address}/members?{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = json.loads(answer.data)
    return found


def test_the_members_of_a_group_come_in_pages(client: Client) -> None:
    address = group(client, ids(8), name="pages")
    seen: list[dict[str, Any]] = []
    found = page(client, address, cursor="")
    while True:
        assert found.keys() - {"nextCursor"} == {"schemas", "totalResults", "itemsPerPage", "Resources"}
        assert (found["schemas"], found["totalResults"]) == ([LIST_RESPONSE], 8)
        assert found["itemsPerPage"] == len(found["Resources"])
        seen += found["Resources"]
        if "nextCursor" not in found:
            break
        found = page(client, address, cursor=found["nextCursor"])
    assert seen == body(ids(8))["members"]


def test_without_a_cursor_the_first_page_is_meant(client: Client) -> None:
    address = group(client, ids(8), name="first")
    found = page(client, address, count="2")
    assert [member["value"] for member in found["Resources"]] == ids(2)
    assert "startIndex" not in found
    assert "nextCursor" in found


def test_a_filter_names_sub_attributes(client: Client) -> None:
    address = group(client, ids(9), name="filtered")
    assert page(client, address, filter='value eq "m-000004"')["Resources"] == [body(ids(9))["members"][4]]
    assert page(client, address, filter="not (type pr)")["totalResults"] == 3
    assert page(client, address, filter='value eq "nobody"') == {
        "schemas": [LIST_RESPONSE], "totalResults": 0, "itemsPerPage": 0, "Resources": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "status", "scim_type"),
    [
        ("filter=color%20eq%20%22x%22", 400, "invalidFilter"),
        ("filter=displayName%20eq%20%22x%22", 400, "invalidFilter"),
        ("filter=value", 400, "invalidFilter"),
        ("cursor=nonsense", 400, "invalidCursor"),
        ("count=two", 400, "invalidValue"),
        ("startIndex=1", 400, "invalidValue"),
        ("startIndex=101&count=100", 400, "invalidValue"),
        ("STARTINDEX=5&cursor=", 400, "invalidValue"),
        ("sortBy=display", 400, "invalidValue"),
        ("sortOrder=descending", 400, "invalidValue"),
        ("attributes=value", 400, "invalidValue"),
        ("excludedAttributes=members.display", 400, "invalidValue"),
    ],
)
def test_a_wrong_question_about_members_is_refused(client: Client, query: str, status: int, scim_type: str) -> None:
    address = group(client, ids(3), name="wrong")
    assert_error(client.get(f"{address}/members?{query}"), status, scim_type)


def test_a_cursor_is_for_one_group_one_filter_and_one_credential(server: Server) -> None:
    tenant = server.tenant()
    client, colleague = (Client(server.app(), server.token(tenant)) for _ in range(2))
    stranger = Client(server.app(), server.token(server.tenant()))
    address, other = group(client, ids(8), name="own"), group(client, ids(8), name="other")
    cursor = quote(page(client, address)["nextCursor"])
    assert client.get(f"{address}/members?cursor={cursor}").status_code == 200
    for refused in (
        client.get(f"{other}/members?cursor={cursor}"),
        client.get(f"{address}/members?cursor={cursor}&filter=value%20pr"),
        client.get(f"/Groups?cursor={cursor}"),
        colleague.get(f"{address}/members?cursor={cursor}"),
        stranger.get(f"{address}/members?cursor={cursor}"),
    ):
        assert_error(refused, 400, "invalidCursor")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_members_are_changed_at_the_group_alone(client: Client, method: str) -> None:
    address = group(client, ids(3), name="read only")
    assert_error(client.send(method, f"{address}/members", {}), 405)
    assert values(client.get(address).data) == ids(3)


@pytest.mark.parametrize(
    "path", ["/Groups/nobody/members", "/Groups/{}/displayName", "/Users/{}/groups", "/Users/{}/members"]
)
def test_nothing_else_has_pages_of_its_own(client: Client, path: str) -> None:
    id = group(client, ids(3), name="no more").rpartition("/")[2]
    assert_error(client.get(path.format(id)), 404)


def test_pages_of_members_are_advertised_to_nobody(client: Client) -> None:
    for address in ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas"):
        assert b"/members" not in client.get(address).data


def test_a_page_of_members_can_be_read_with_a_token_that_only_reads(server: Server) -> None:
    tenant = server.tenant()
    address = group(Client(server.app(), server.token(tenant)), ids(3))
    reader = Client(server.app(), server.token(tenant, read_only=True))
    assert page(reader, address)["totalResults"] == 3
