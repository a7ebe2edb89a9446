"""The envelope of a PATCH, and what is checked of every message."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from scim_server.config import Settings
from scim_server.connectors import dialect
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import Json
from scim_server.errors import InvalidSyntax, PayloadTooLarge
from scim_server.http import exchange
from scim_server.http.messages import read_patch, read_search
from scim_server.observability import RequestFacts
from tests.http.server import PATCH_OP, SEARCH_REQUEST, USER, Client, Server, assert_error

ADD = {"op": "add", "path": "title", "value": "x"}


def generic() -> Leniency:
    return Leniency(dialect("generic"))


def operations(payload: dict[str, Any], leniency: Leniency, most: int = 10) -> list[Json]:
    return read_patch(payload, leniency, most)


@pytest.mark.req("R-PATCH-02")
def test_the_operations_are_handed_on_as_they_were_sent() -> None:
    sent = [ADD, {"Op": "Remove", "path": "title", "Value": None, "extra": 1}, "not an object"]
    assert operations({"schemas": [PATCH_OP], "Operations": sent}, generic()) == sent


@pytest.mark.req("R-HTTP-16")
@pytest.mark.parametrize("name", ["Operations", "operations", "OPERATIONS"])
def test_names_count_in_any_case(name: str) -> None:
    sent = {"SCHEMAS": [PATCH_OP.upper()], name: [ADD]}
    assert operations(sent, Leniency(STRICT)) == [ADD]


MISSHAPEN: list[dict[str, Any]] = [
    {},
    {"Operations": None},
    {"Operations": []},
    {"Operations": {}},
    {"Operations": "add"},
    {"Operations": 1},
    {"Operations": [ADD], "operations": [ADD]},
    {"op": "add", "path": "title", "value": "x"},
]


@pytest.mark.req("R-PATCH-02", "X-06")
@pytest.mark.parametrize("members", MISSHAPEN)
def test_another_shape_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntax):
        operations({"schemas": [PATCH_OP], **members}, generic())


def test_more_operations_than_a_patch_may_have_are_refused_with_their_number() -> None:
    assert len(operations({"schemas": [PATCH_OP], "Operations": [ADD] * 17}, generic(), most=17)) == 17
    with pytest.raises(PayloadTooLarge, match="17"):
        operations({"schemas": [PATCH_OP], "Operations": [ADD] * 18}, generic(), most=17)


def patch(schemas: dict[str, Any], leniency: Leniency) -> object:
    return operations({"Operations": [ADD], **schemas}, leniency)


def search(schemas: dict[str, Any], leniency: Leniency) -> object:
    return read_search({"count": 1, **schemas}, leniency)


READERS = [pytest.param(patch, id="PatchOp"), pytest.param(search, id="SearchRequest")]
Reader = Callable[[dict[str, Any], Leniency], object]


@pytest.mark.req("R-SCH-11")
@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("schemas", [{}, {"schemas": None}, {"schemas": []}], ids=str)
def test_a_message_without_its_name_is_let_through_and_counted(read: Reader, schemas: dict[str, Any]) -> None:
    leniency = generic()
    read(schemas, leniency)
    assert leniency.used == {"missing-schemas": 1}
    with pytest.raises(InvalidSyntax, match="schemas"):
        read(schemas, Leniency(STRICT))


@pytest.mark.req("R-SCH-11")
@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "schemas",
    ["urn:ietf:params:scim:api:messages:2.0:BulkRequest", ["urn:x"], [1], [None], {"a": 1}, "text", 1, True],
    ids=str,
)
def test_a_message_of_another_name_is_refused(read: Reader, schemas: Any) -> None:
    with pytest.raises(InvalidSyntax, match="schemas"):
        read({"schemas": schemas}, generic())


@pytest.mark.parametrize("read", READERS)
def test_other_names_beside_the_right_one_do_no_harm(read: Reader) -> None:
    leniency = generic()
    read({"schemas": ["urn:example:other", PATCH_OP, SEARCH_REQUEST]}, leniency)
    assert not leniency.used


# Over HTTP -----------------------------------------------------------------------------------------------------------

CAPITALS = {"Op": "replace", "Path": "title", "Value": "new"}


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> list[RequestFacts]:
    """What was told of each request, as the log and the metrics get it."""
    told: list[RequestFacts] = []
    monkeypatch.setattr(exchange, "observe", told.append)
    return told


def send(client: Client, *sent: Json) -> TestResponse:
    """A PATCH of a new user."""
    id = client.create(f"{uuid4()}@example.com", title="old")["id"]
    return client.send("PATCH", f"/Users/{id}", {"schemas": [PATCH_OP], "Operations": list(sent)})


@pytest.mark.req("R-PATCH-04", "R-HTTP-16", "ENTRA-20")
@pytest.mark.parametrize("name", ["entra", "okta", "google", "generic"])
def test_members_in_any_case_are_read_and_counted(server: Server, facts: list[RequestFacts], name: str) -> None:
    answer = send(Client(server.app(), server.token(server.tenant(), name)), CAPITALS)
    assert answer.status_code == 200, answer.text
    assert answer.get_json(force=True)["title"] == "new"
    assert facts[-1].tolerances == {"lower-member-names": 1}


@pytest.mark.req("R-PATCH-04")
@pytest.mark.parametrize("name", ["Op", "Path", "Value"])
def test_strict_reads_members_to_the_letter(server: Server, name: str) -> None:
    sent = {name if key.lower() == name.lower() else key.lower(): value for key, value in CAPITALS.items()}
    client = Client(server.app(), server.token(server.tenant(), "strict"))
    assert_error(send(client, sent), 400, "invalidSyntax")


@pytest.mark.req("R-HTTP-15")
def test_a_member_in_two_spellings_is_refused(client: Client) -> None:
    assert_error(send(client, {**CAPITALS, "op": "replace"}), 400, "invalidSyntax")


@pytest.mark.req("R-SEC-08")
def test_the_settings_limit_the_operations_and_their_paths(server: Server) -> None:
    client = Client(server.app(max_patch_operations=2, max_filter=64), server.token(server.tenant()))
    assert send(client, ADD, ADD).status_code == 200
    assert_error(send(client, ADD, ADD, ADD), 413)
    path = f'emails[type eq "{"x" * 64}"]'
    assert_error(send(client, {"op": "remove", "path": path}), 400, "invalidPath")


@pytest.mark.req("R-I18N-09", "ENTRA-26")
@pytest.mark.parametrize("name", ["entra", "generic"])
def test_nul_in_json_text_inside_a_value_does_not_become_text(database_url: str, name: str) -> None:
    server = Server(Settings(database_url=database_url))
    try:
        client = Client(server.app(), server.token(server.tenant(), name))
        roles = [{"value": r'{"value":"a\u0000b"}'}]
        patched = send(client, {"op": "add", "path": "roles", "value": roles})
        created = client.send("POST", "/Users", {"schemas": [USER], "userName": "ana", "roles": roles})
        assert (patched.status_code, created.status_code) == (200, 201)
        for answer in (patched, created):
            assert answer.get_json(force=True)["roles"] == roles
            assert client.get(f"/Users/{answer.get_json(force=True)['id']}").get_json(force=True)["roles"] == roles
    finally:
        server.close()
