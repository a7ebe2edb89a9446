"""Operations as connectors send them, and what is run instead."""

from itertools import product

import pytest

from scim_server.connectors import dialect, operations
from scim_server.domain.dialect import ELEMENTS, STRICT, Leniency
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import InvalidSyntax
from tests.connectors.directory import CORE_USER, DESK, ENTERPRISE, GROUP, USER

req = pytest.mark.req
WORK = 'emails[type eq "work"].value'

# (resource type, what the client sends, what is run, the names under which that is counted)
REWRITTEN = [
    pytest.param(
        USER,
        {"op": "Replace", "path": "displayName", "value": "Ana"},
        {"op": "replace", "path": "displayName", "value": "Ana"},
        {"lower-verb"},
        marks=req("ENTRA-20", "R-PATCH-04"),
        id="a capitalised verb",
    ),
    pytest.param(
        USER,
        {"op": "ADD", "value": {"nickName": "Ani"}},
        {"op": "add", "value": {"nickName": "Ani"}},
        {"lower-verb"},
        marks=req("R-PATCH-04"),
        id="a verb in capitals",
    ),
    pytest.param(
        USER,
        {"Op": "Add", "PATH": "nickName", "Value": "Ani"},
        {"op": "add", "path": "nickName", "value": "Ani"},
        {"lower-member-names", "lower-verb"},
        marks=req("R-PATCH-04"),
        id="capitalised members",
    ),
    pytest.param(
        GROUP,
        {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "u-1001"}]},
        {"op": "remove", "path": "members", ELEMENTS: [{"$ref": None, "value": "u-1001"}]},
        {"lower-verb", "remove-listed"},
        marks=req("ENTRA-55", "R-PATCH-38"),
        id="listed members",
    ),
    pytest.param(
        GROUP,
        {"Op": "Remove", "Path": "Members", "Value": [{"value": "u-1001"}]},
        {"op": "remove", "path": "Members", ELEMENTS: [{"value": "u-1001"}]},
        {"lower-member-names", "lower-verb", "remove-listed"},
        marks=req("ENTRA-55", "R-PATCH-06"),
        id="listed members, everything capitalised",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": [{"value": "u-1001"}, {"value": "u-1002"}]},
        {"op": "remove", "path": "members", ELEMENTS: [{"value": "u-1001"}, {"value": "u-1002"}]},
        {"remove-listed"},
        marks=req("JC-03", "R-PATCH-38"),
        id="two listed members",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": {"value": "u-1001"}},
        {"op": "remove", "path": "members", ELEMENTS: [{"value": "u-1001"}]},
        {"remove-listed"},
        marks=req("R-PATCH-38"),
        id="one member without a list",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": "u-1001"},
        {"op": "remove", "path": "members", ELEMENTS: ["u-1001"]},
        {"remove-listed"},
        marks=req("R-PATCH-38"),
        id="a member's plain id",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": []},
        {"op": "remove", "path": "members", ELEMENTS: []},
        {"remove-listed"},
        marks=req("R-PATCH-40"),
        id="an empty list, which removes nothing",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": ""},
        {"op": "remove", "path": "members", ELEMENTS: [""]},
        {"remove-listed"},
        marks=req("R-PATCH-40"),
        id="empty text, which removes nothing",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": None},
        {"op": "remove", "path": "members"},
        {"ignore-removed-value"},
        marks=req("R-PATCH-39", "R-PATCH-40"),
        id="null, which is no value",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": "members", "value": [{"value": "a"}], ELEMENTS: [{"value": "b"}]},
        {"op": "remove", "path": "members", ELEMENTS: [{"value": "a"}]},
        {"remove-listed"},
        id="elements from the client, which count for nothing beside a value",
    ),
    pytest.param(
        USER,
        {"op": "remove", "path": f"{CORE_USER}:emails", "value": [{"type": "work"}]},
        {"op": "remove", "path": f"{CORE_USER}:emails", ELEMENTS: [{"type": "work"}]},
        {"remove-listed"},
        marks=req("R-PATCH-06"),
        id="a qualified path",
    ),
    pytest.param(
        USER,
        {"op": "remove", "path": f"{DESK}:grants", "value": [{"value": "x"}]},
        {"op": "remove", "path": f"{DESK}:grants", ELEMENTS: [{"value": "x"}]},
        {"remove-listed"},
        marks=req("ENTRA-32"),
        id="a list of an extension",
    ),
    pytest.param(
        USER,
        {"op": "remove", "path": "tags", "value": ["vip"]},
        {"op": "remove", "path": "tags", ELEMENTS: ["vip"]},
        {"remove-listed"},
        marks=req("R-PATCH-38"),
        id="simple values",
    ),
    pytest.param(
        USER,
        {"op": "Remove", "path": WORK, "value": "old@contoso.example"},
        {"op": "remove", "path": WORK},
        {"lower-verb", "ignore-removed-value"},
        marks=req("ENTRA-33"),
        id="the old value of a value path",
    ),
    pytest.param(
        GROUP,
        {"op": "remove", "path": 'members[value eq "u-1001"]', "value": []},
        {"op": "remove", "path": 'members[value eq "u-1001"]'},
        {"ignore-removed-value"},
        marks=req("ENTRA-33"),
        id="a value beside a filter",
    ),
    pytest.param(
        USER,
        {"op": "remove", "path": "name.givenName", "value": "Ana"},
        {"op": "remove", "path": "name.givenName"},
        {"ignore-removed-value"},
        marks=req("ENTRA-33"),
        id="the old value of a sub-attribute",
    ),
    pytest.param(
        USER,
        {"op": "remove", "path": f"{ENTERPRISE}:manager", "value": {"value": "u-1002"}},
        {"op": "remove", "path": f"{ENTERPRISE}:manager"},
        {"ignore-removed-value"},
        marks=req("ENTRA-30", "ENTRA-33"),
        id="the old manager",
    ),
]


@pytest.mark.parametrize(("resource_type", "sent", "run", "counted"), REWRITTEN)
def test_an_operation_as_connectors_send_it_is_rewritten_and_counted(
    resource_type: ResourceType, sent: Json, run: Json, counted: set[str]
) -> None:
    leniency = Leniency(dialect("entra"))
    assert leniency.rewrite(sent, resource_type) == [run]
    assert leniency.used == dict.fromkeys(counted, 1)


@pytest.mark.parametrize(("resource_type", "sent", "run", "counted"), REWRITTEN)
def test_strict_runs_the_same_operation_as_it_stands(
    resource_type: ResourceType, sent: Json, run: Json, counted: set[str]
) -> None:
    leniency = Leniency(STRICT)
    (operation,) = leniency.rewrite(sent, resource_type)
    assert operation is sent
    assert not leniency.used


UNTOUCHED = [
    pytest.param({"op": "replace", "value": {"active": False}}, marks=req("OKTA-09"), id="a path-less replace"),
    pytest.param({"op": "remove", "path": "members"}, marks=req("R-PATCH-39"), id="a removal without a value"),
    pytest.param(
        {"op": "remove", "path": 'members[value eq "u-1"]'}, marks=req("ENTRA-43", "OKTA-24"), id="a removal by filter"
    ),
    pytest.param({"op": "add", "path": "members", "value": [{"value": "u-1"}]}, marks=req("OKTA-24"), id="an add"),
    pytest.param({"op": "replace", "path": "members", "value": []}, marks=req("OKTA-25"), id="a replace by nothing"),
    pytest.param({"op": "remove", "value": {"members": []}}, marks=req("R-PATCH-09"), id="a removal without a path"),
    pytest.param({"op": "remove", "path": "members.value", "value": "u-1"}, id="one sub-attribute of all elements"),
    pytest.param({"op": "remove", "path": "nowhere", "value": "x"}, marks=req("X-05"), id="an unknown attribute"),
    pytest.param({"op": "remove", "path": "members!", "value": [{}]}, id="a path that is not well-formed"),
    pytest.param({"op": "remove", "path": CORE_USER, "value": {}}, id="a bare URN"),
    pytest.param({"op": "move", "path": "members"}, marks=req("R-PATCH-03"), id="another verb"),
    pytest.param({"op": ["Add"], "path": "members"}, id="a list of verbs"),
    pytest.param({"op": "remove", "path": 5, "value": []}, id="a number for a path"),
    pytest.param({"op": "add", "path": "members", "value": [], "comment": "x"}, id="an unknown member"),
    pytest.param({"Other": 1}, id="something else"),
    pytest.param("remove", id="text"),
    pytest.param(None, id="null"),
    pytest.param([], id="a list"),
    pytest.param([{"op": "Remove", "path": "members"}], id="a list of operations in the place of one"),
]


@pytest.mark.parametrize("sent", UNTOUCHED)
def test_an_operation_without_a_quirk_stays_the_same_object(sent: Json) -> None:
    leniency = Leniency(dialect("generic"))
    (operation,) = leniency.rewrite(sent, GROUP)
    assert operation is sent
    assert not leniency.used


@pytest.mark.req("R-PATCH-38")
def test_a_value_is_never_dropped_where_the_removal_would_then_empty_a_list() -> None:
    paths = [*GROUP_PATHS, *(path.upper() for path in GROUP_PATHS), *(path.capitalize() for path in GROUP_PATHS)]
    for path, value in product(paths, [[], [{"value": "u"}], {"value": "u"}, {}, "u", "", 5, False]):
        (run,) = Leniency(dialect("generic")).rewrite({"Op": "REMOVE", "Path": path, "Value": value}, GROUP)
        assert ELEMENTS in run or "value" in run, (path, value)


GROUP_PATHS = ["members", f"{GROUP.schema.id}:members", "members.value", "schemas"]


@pytest.mark.req("R-PATCH-38", "R-PATCH-04")
@pytest.mark.parametrize(
    "sent",
    [
        {"op": "remove", "path": "members", "value": None, "Value": [{"value": "u-1"}]},
        {"op": "remove", "Op": "add", "path": "members"},
    ],
)
def test_a_member_in_two_spellings_is_refused(sent: Json) -> None:
    with pytest.raises(InvalidSyntax, match="twice"):
        operations.lower_member_names(sent, GROUP)
