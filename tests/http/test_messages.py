"""The envelope of a PATCH, and what is checked of every message."""

from collections.abc import Callable
from typing import Any

import pytest

from scim_server.connectors import dialect
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.errors import InvalidSyntax, PayloadTooLarge
from scim_server.http.messages import MAX_PATCH_OPERATIONS, read_patch, read_search
from tests.http.server import PATCH_OP, SEARCH_REQUEST

ADD = {"op": "add", "path": "title", "value": "x"}


def generic() -> Leniency:
    return Leniency(dialect("generic"))


@pytest.mark.req("R-PATCH-02")
def test_the_operations_are_handed_on_as_they_were_sent() -> None:
    operations = [ADD, {"op": "Remove", "path": "title", "value": None, "extra": 1}, "not an object"]
    assert read_patch({"schemas": [PATCH_OP], "Operations": operations}, generic()) == operations


@pytest.mark.req("R-HTTP-16")
@pytest.mark.parametrize("name", ["Operations", "operations", "OPERATIONS"])
def test_names_count_in_any_case(name: str) -> None:
    sent = {"SCHEMAS": [PATCH_OP.upper()], name: [{"Op": "add", "PATH": "title", "Value": {"Path": 1}}]}
    assert read_patch(sent, generic()) == [{"op": "add", "path": "title", "value": {"Path": 1}}]


MISSHAPEN: list[dict[str, Any]] = [
    {},
    {"Operations": None},
    {"Operations": []},
    {"Operations": {}},
    {"Operations": "add"},
    {"Operations": 1},
    {"Operations": [ADD], "operations": [ADD]},
    {"Operations": [{"op": "add", "Op": "remove", "path": "title"}]},
    {"op": "add", "path": "title", "value": "x"},
]


@pytest.mark.req("R-PATCH-02", "X-06")
@pytest.mark.parametrize("members", MISSHAPEN)
def test_another_shape_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidSyntax):
        read_patch({"schemas": [PATCH_OP], **members}, generic())


def test_more_operations_than_a_patch_may_have_are_refused_with_their_number() -> None:
    assert len(read_patch({"schemas": [PATCH_OP], "Operations": [ADD] * MAX_PATCH_OPERATIONS}, generic())) == 10_000
    with pytest.raises(PayloadTooLarge, match=str(MAX_PATCH_OPERATIONS)):
        read_patch({"schemas": [PATCH_OP], "Operations": [ADD] * (MAX_PATCH_OPERATIONS + 1)}, generic())


def patch(schemas: dict[str, Any], leniency: Leniency) -> object:
    return read_patch({"Operations": [ADD], **schemas}, leniency)


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
