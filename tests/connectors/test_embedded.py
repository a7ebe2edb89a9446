"""JSON text in the value of an element, as the mapping AppRoleAssignmentsComplex sends it."""

import json

import pytest

from scim_server.connectors import dialect, embedded
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import Json, ResourceType
from tests.connectors.directory import CORE_USER, DESK, GROUP, USER


def text(**members: Json) -> str:
    return json.dumps(members)


ADMIN = text(id="0a11", value="Admin", displayName="Administrator")
VIEWER = text(id="0b22", value="Viewer", displayName="Viewer")

# (the element as it is sent, the element that is read)
ELEMENTS = [
    ({"value": ADMIN}, {"value": "Admin", "display": "Administrator"}),
    (
        {"value": ADMIN, "primary": False, "type": "T1"},
        {"value": "Admin", "display": "Administrator", "primary": False, "type": "T1"},
    ),
    ({"value": ADMIN, "display": "Mine"}, {"value": "Admin", "display": "Mine"}),
    (
        {"value": text(Value="x", value="Admin", Type="T1", primary="True")},
        {"value": "Admin", "type": "T1", "primary": "True"},
    ),
    ({"value": text(display="First", displayName="Second", value="a")}, {"value": "a", "display": "First"}),
    ({"value": text(displayName="Second", display="First", value="a")}, {"value": "a", "display": "First"}),
]


@pytest.mark.req("ENTRA-26")
@pytest.mark.parametrize(("sent", "read"), ELEMENTS)
def test_the_text_of_an_element_is_unpacked_into_its_sub_attributes(sent: Json, read: Json) -> None:
    operation = {"op": "add", "path": "roles", "value": [sent]}
    assert embedded.unpack_json_text(operation, USER) == {"op": "add", "path": "roles", "value": [read]}


# (what the client sends, what is run)
OPERATIONS = [
    (
        {"op": "Add", "path": "roles", "value": [{"value": ADMIN}, {"value": VIEWER}]},
        {
            "op": "add",
            "path": "roles",
            "value": [{"value": "Admin", "display": "Administrator"}, {"value": "Viewer", "display": "Viewer"}],
        },
    ),
    (
        {"op": "Add", "path": "roles", "value": {"value": VIEWER}},
        {"op": "add", "path": "roles", "value": {"value": "Viewer", "display": "Viewer"}},
    ),
    (
        {"op": "Add", "path": f"{CORE_USER}:Roles", "value": [{"value": VIEWER}, {"value": "plain"}]},
        {
            "op": "add",
            "path": f"{CORE_USER}:Roles",
            "value": [{"value": "Viewer", "display": "Viewer"}, {"value": "plain"}],
        },
    ),
    (
        {"op": "Replace", "value": {"roles": [{"value": VIEWER}], "userName": "ana"}},
        {"op": "replace", "value": {"roles": [{"value": "Viewer", "display": "Viewer"}], "userName": "ana"}},
    ),
]


@pytest.mark.req("ENTRA-26")
@pytest.mark.parametrize(("sent", "run"), OPERATIONS)
def test_an_operation_with_texts_is_rewritten_and_counted_once(sent: Json, run: Json) -> None:
    leniency = Leniency(dialect("entra"))
    assert leniency.rewrite(sent, USER) == [run]
    assert leniency.used["unpack-json-text"] == 1


@pytest.mark.req("ENTRA-26")
def test_a_body_with_texts_is_rewritten_in_core_and_extensions() -> None:
    leniency = Leniency(dialect("entra"))
    sent = {"userName": "ana", "Roles": [{"value": VIEWER}], DESK: {"seats": 2, "grants": [{"value": VIEWER}]}}
    assert leniency.rewrite_body(sent, USER) == {
        "userName": "ana",
        "Roles": [{"value": "Viewer", "display": "Viewer"}],
        # this attribute has a displayName of its own
        DESK: {"seats": 2, "grants": [{"value": "Viewer", "displayName": "Viewer"}]},
    }
    assert leniency.used == {"unpack-json-text-in-body": 1}


def test_strict_keeps_the_text() -> None:
    operation = {"op": "add", "path": "roles", "value": [{"value": ADMIN}]}
    (run,) = Leniency(STRICT).rewrite(operation, USER)
    assert run is operation


DEEP = '{"value":"x","a":' + "[" * 100_000
KEPT = [
    pytest.param("Admin", id="plain text"),
    pytest.param("{Admin}", id="text in braces"),
    pytest.param(text(id="0a11"), id="an object without a value"),
    pytest.param(text(value=5), id="an object whose value is a number"),
    pytest.param('["value"]', id="a list"),
    pytest.param('{"value":"x","primary":NaN}', id="what is not JSON"),
    pytest.param('{"value":"\\ud800"}', id="half a character"),
    pytest.param('{"value":"a\\u0000b"}', id="NUL"),
    pytest.param('{"value":"x","a\\u0000":1}', id="NUL in a name"),
    pytest.param('{"value":"x","type":["\\ud800"]}', id="half a character further in"),
    pytest.param('{"value":"x","n":' + "9" * 5000 + "}", id="a number beyond everything"),
    pytest.param(DEEP, id="a depth beyond everything"),
    pytest.param('{"value":"x","a":' + "[" * 50_000 + "]" * 50_000 + "}", id="a closed depth beyond everything"),
]


@pytest.mark.parametrize("value", KEPT)
def test_other_text_is_kept_as_it_is(value: str) -> None:
    operation = {"op": "add", "path": "roles", "value": [{"value": value}]}
    assert embedded.unpack_json_text(operation, USER) is operation
    body = {"roles": [{"value": value}]}
    assert embedded.unpack_json_text_in_body(body, USER) is body


ELSEWHERE = [
    pytest.param("members", GROUP, id="kept as rows: the id of a member is any text"),
    pytest.param("tags", USER, id="simple values"),
    pytest.param("photos", USER, id="a value that is a reference"),
    pytest.param("manager", USER, id="a singular attribute"),
    pytest.param("nowhere", USER, id="an unknown attribute"),
    pytest.param("roles.value", USER, id="a sub-attribute"),
    pytest.param('roles[type eq "x"]', USER, id="a value path"),
]


@pytest.mark.parametrize(("path", "resource_type"), ELSEWHERE)
def test_text_elsewhere_is_not_looked_into(path: str, resource_type: ResourceType) -> None:
    operation = {"op": "add", "path": path, "value": [{"value": ADMIN}]}
    assert embedded.unpack_json_text(operation, resource_type) is operation


@pytest.mark.parametrize("value", ["text", 5, None, [], {}, [ADMIN], [[{"value": ADMIN}]]])
def test_a_value_of_another_shape_is_the_cores_to_judge(value: Json) -> None:
    operation = {"op": "add", "path": "roles", "value": value}
    assert embedded.unpack_json_text(operation, USER) is operation
