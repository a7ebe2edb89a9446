"""The operations of a PatchOp: JSON in, operations with a path out. What they do is in tests/domain/test_patch.py."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.connectors import dialect
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import ELEMENTS, Dialect, Leniency, Tolerance
from scim_server.domain.filter import Comparison, Operator, ValuePath
from scim_server.domain.operation import MISSING, Operation, Verb
from scim_server.domain.resource import copy
from scim_server.domain.schema import Json
from scim_server.errors import BadRequest, InvalidFilter, InvalidPath, InvalidSyntax, InvalidValue
from scim_server.filtering import Limits, operations
from tests.domain.device import CORE, DESK, DEVICE, HALL
from tests.domain.strategies import JUNK

req = pytest.mark.req


def read(raw: Json, name: str = "strict") -> list[Operation]:
    return operations.read(raw, DEVICE, Leniency(dialect(name)))


@req("R-PATCH-03", "R-PATCH-05")
@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"op": "add", "path": "name", "value": 1}, Operation(Verb.ADD, AttrPath("name"), 1)),
        (
            {"op": "replace", "path": "place.room", "value": None},
            Operation(Verb.REPLACE, AttrPath("place", "room"), None),
        ),
        ({"op": "remove", "path": f"{CORE}:name"}, Operation(Verb.REMOVE, AttrPath("name", None, CORE), MISSING)),
        ({"op": "remove", "path": "name", "value": 0}, Operation(Verb.REMOVE, AttrPath("name"), 0)),
        ({"op": "remove"}, Operation(Verb.REMOVE, None, MISSING)),
        ({"op": "remove", "path": ""}, Operation(Verb.REMOVE, None, MISSING)),
        ({"op": "remove", "path": None, "value": {}}, Operation(Verb.REMOVE, None, {})),
        (
            {"op": "add", "path": 'ports[type eq "t"].value', "value": "x"},
            Operation(
                Verb.ADD, ValuePath(AttrPath("ports"), Comparison(AttrPath("type"), Operator.EQ, "t"), "value"), "x"
            ),
        ),
        (
            {"op": "remove", "path": "users", ELEMENTS: ["u-1"]},
            Operation(Verb.REMOVE, AttrPath("users"), MISSING, ("u-1",)),
        ),
        ({"op": "remove", "path": "users", ELEMENTS: []}, Operation(Verb.REMOVE, AttrPath("users"), MISSING, ())),
    ],
)
def test_an_operation_with_a_path_is_one_operation(raw: Json, expected: Operation) -> None:
    assert read(raw) == [expected]


@req("R-PATCH-23", "R-PATCH-41", "R-PATCH-07", "ENTRA-41")
@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize("path", [{}, {"path": ""}, {"path": None}])
def test_a_path_less_value_is_an_operation_for_each_member(verb: str, path: dict[str, Json]) -> None:
    value = {
        "NAME": "d",
        "externalid": None,
        "place": {"room": "1"},
        "seat": "2",
        DESK.upper(): {"seat": "3", "shoe": 4},
        HALL: {"door": {"x": 1}},
        DESK: None,
    }
    assert read({"op": verb, "value": value, **path}) == [
        Operation(Verb(verb), AttrPath(name, None, urn), given, from_pathless=True)
        for name, urn, given in (
            ("NAME", None, "d"),
            ("externalid", None, None),
            ("place", None, {"room": "1"}),
            ("seat", None, "2"),
            ("seat", DESK, "3"),
            ("shoe", DESK, 4),
            ("door", HALL, {"x": 1}),
            ("Device", DESK.removesuffix(":Device"), None),
        )
    ]


@req("R-PATCH-55", "ENTRA-41")
@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("place.room", AttrPath("place", "room")),
        (f"{CORE}:name", AttrPath("name", None, CORE)),
        (f"{DESK}:partner.value", AttrPath("partner", "value", DESK)),
        ("ports[type pr].value", None),
    ],
)
def test_a_key_may_be_a_path_where_the_dialect_says_so(key: str, path: AttrPath | None) -> None:
    leniency = Leniency(Dialect("some", frozenset({Tolerance.PATH_AS_KEY})))
    (found,) = operations.read({"op": "add", "value": {key: 1}}, DEVICE, leniency)
    assert found.path == path if path else isinstance(found.path, ValuePath)
    assert leniency.used == {"path-as-key": 1}
    with pytest.raises(InvalidPath, match="not the name of an attribute"):
        read({"op": "add", "value": {key: 1}})


@req("X-05", "R-PATCH-08")
@pytest.mark.parametrize("key", ["", " ", "a b", "a.b.c", "name[", "1"])
def test_a_key_that_is_no_path_is_an_unknown_name(key: str) -> None:
    leniency = Leniency(Dialect("some", frozenset({Tolerance.UNKNOWN_ATTRIBUTE})))
    (found,) = operations.read({"op": "add", "value": {key: 1}}, DEVICE, leniency)
    assert found.path == AttrPath(key)
    with pytest.raises(InvalidPath):
        read({"op": "add", "value": {key: 1}})


REFUSED: list[tuple[Json, type[BadRequest]]] = [
    ("add", InvalidSyntax),
    (None, InvalidSyntax),
    (["add"], InvalidSyntax),
    ([{"op": "add", "path": "name", "value": "x"}], InvalidSyntax),
    ({}, InvalidSyntax),
    ({"op": None, "path": "name"}, InvalidSyntax),
    ({"op": "move", "path": "name"}, InvalidSyntax),
    ({"op": ["add"], "path": "name"}, InvalidSyntax),
    ({"op": {"add": 1}, "path": "name"}, InvalidSyntax),
    ({"op": "add", "path": 5, "value": 1}, InvalidSyntax),
    ({"op": "add", "path": ["name"], "value": 1}, InvalidSyntax),
    ({"op": "add", "path": False, "value": {}}, InvalidSyntax),
    ({"op": "add"}, InvalidValue),
    ({"op": "replace", "path": ""}, InvalidValue),
    ({"op": "add", "value": None}, InvalidValue),
    ({"op": "add", "value": [{"name": "x"}]}, InvalidValue),
    ({"op": "add", "path": "name[", "value": 1}, InvalidPath),
    ({"op": "add", "path": "a b", "value": 1}, InvalidPath),
    ({"op": "remove", "path": "ports[type]"}, InvalidFilter),
    ({"op": "add", "value": {"ports[type].value": 1}}, InvalidFilter),
]


@req("R-PATCH-02", "R-PATCH-03", "R-PATCH-05", "R-PATCH-10", "R-PATCH-17", "R-PATCH-54")
@pytest.mark.parametrize(("raw", "error"), REFUSED)
@pytest.mark.parametrize("name", ["strict", "generic"])
def test_what_is_no_operation_is_refused(raw: Json, error: type[BadRequest], name: str) -> None:
    with pytest.raises(error):
        read(raw, name)


@req("R-SCH-09")
def test_an_unknown_member_is_ignored_where_the_dialect_says_so() -> None:
    raw = {"op": "add", "path": "name", "value": "x", "name": "y"}
    leniency = Leniency(dialect("generic"))
    assert operations.read(raw, DEVICE, leniency) == [Operation(Verb.ADD, AttrPath("name"), "x")]
    assert leniency.used == {"unknown-attribute": 1}
    with pytest.raises(InvalidSyntax, match="no others"):
        read(raw)


@req("R-SEC-08")
@settings(max_examples=300)
@given(
    st.one_of(
        JUNK,
        st.fixed_dictionaries(
            {"op": st.sampled_from(["add", "Replace", "remove", 1])}, optional={"path": JUNK, "value": JUNK}
        ),
    ),
    st.sampled_from(["generic", "strict"]),
)
def test_anything_is_read_or_refused_and_left_as_it_was(raw: Any, name: str) -> None:
    sent = copy(raw)
    try:
        found = read(raw, name)
    except BadRequest:
        found = []
    assert raw == sent
    assert all(isinstance(operation, Operation) for operation in found)


@req("R-FILT-41")
@pytest.mark.parametrize(
    "raw",
    [
        {"op": "remove", "path": 'ports[type eq "t" or type eq "u"]'},
        {"op": "add", "value": {'ports[type eq "t" or type eq "u"].value': 1}},
    ],
)
def test_the_filter_in_a_path_is_as_limited_as_any(raw: Json) -> None:
    leniency = Leniency(dialect("generic"))
    assert operations.read(raw, DEVICE, leniency, Limits(terms=2))
    with pytest.raises(InvalidFilter):
        operations.read(raw, DEVICE, leniency, Limits(terms=1))
