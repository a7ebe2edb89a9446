"""PATCH requests in the form that connectors send, through the core: what the user or group is afterwards."""

import pytest

from scim_server.connectors import dialect
from scim_server.domain import coerce, patch
from scim_server.domain.dialect import Leniency
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import BadRequest
from scim_server.filtering import operations
from tests.connectors.directory import ENTERPRISE
from tests.registries import registry_of

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

req = pytest.mark.req
REGISTRY = registry_of()


def resource_type(name: str) -> ResourceType:
    found = REGISTRY.named(name)
    assert found is not None
    return found


def patched(name: str, kind: str, before: Json, sent: list[Json]) -> patch.Patched:
    """What the operations make of the attributes, in that dialect."""
    leniency = Leniency(dialect(name))
    parsed = [o for raw in sent for o in operations.read(raw, resource_type(kind), leniency)]
    return patch.apply(resource_type(kind), "u-1001", before, parsed, leniency)


WORK = {"type": "work", "value": "ana@contoso.example"}
HOME = {"type": "home", "value": "ana@home.example"}

# (attributes before, operations, attributes after)
USERS = [
    pytest.param(
        {"userName": "ana", "displayName": "Ana"},
        [
            {"op": "Replace", "path": "displayName", "value": "Ana Ruiz-Soto"},
            {"op": "Replace", "path": "name.familyName", "value": "Ruiz-Soto"},
            {"op": "Add", "path": f"{ENTERPRISE}:employeeNumber", "value": "70012"},
        ],
        {
            "userName": "ana",
            "displayName": "Ana Ruiz-Soto",
            "name": {"familyName": "Ruiz-Soto"},
            ENTERPRISE: {"employeeNumber": "70012"},
        },
        marks=req("ENTRA-20"),
        id="capitalised verbs",
    ),
    pytest.param(
        {"active": True},
        [{"op": "Replace", "path": "active", "value": "False"}],
        {"active": False},
        marks=req("ENTRA-21", "ENTRA-60"),
        id="disabled by text",
    ),
    pytest.param(
        {"active": False},
        [{"op": "Replace", "path": "active", "value": "True"}],
        {"active": True},
        marks=req("ENTRA-61"),
        id="restored by text",
    ),
    pytest.param(
        {"emails": [HOME]},
        [{"op": "Replace", "path": 'emails[type eq "work"].value', "value": "ana@contoso.example"}],
        {"emails": [HOME, WORK]},
        marks=req("ENTRA-22", "R-PATCH-50"),
        id="an e-mail address made by its path",
    ),
    pytest.param(
        {},
        [
            {"op": "Add", "path": 'emails[type eq "work"].primary', "value": "true"},
            {"op": "Add", "path": 'emails[type eq "work"].type', "value": "work"},
            {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ana@contoso.example"},
        ],
        {"emails": [{**WORK, "primary": True}]},
        marks=req("ENTRA-23"),
        id="one e-mail address in three operations",
    ),
    pytest.param(
        {"roles": [{"primary": True, "value": "User"}]},
        [{"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Admin"}],
        {"roles": [{"primary": True, "value": "Admin"}]},
        marks=req("ENTRA-25"),
        id="a role found by a quoted boolean",
    ),
    pytest.param(
        {},
        [{"op": "Add", "path": 'roles[primary eq "True"].value', "value": "Admin"}],
        {"roles": [{"primary": True, "value": "Admin"}]},
        marks=req("ENTRA-25"),
        id="a role made by a quoted boolean",
    ),
    pytest.param(
        {"roles": [{"value": "User"}]},
        [{"op": "Add", "path": "roles", "value": [{"value": '{"id":"0a11","value":"Admin","displayName":"Boss"}'}]}],
        {"roles": [{"value": "User"}, {"value": "Admin", "display": "Boss"}]},
        marks=req("ENTRA-26"),
        id="a role as JSON text",
    ),
    pytest.param(
        {},
        [{"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "u-1002"}],
        {ENTERPRISE: {"manager": {"value": "u-1002"}}},
        marks=req("ENTRA-28"),
        id="a manager as text",
    ),
    pytest.param(
        {},
        [{"op": "Add", "path": "manager", "value": [{"$ref": "https://x.example/Users/u-1002", "value": "u-1002"}]}],
        {ENTERPRISE: {"manager": {"$ref": "https://x.example/Users/u-1002", "value": "u-1002"}}},
        marks=req("ENTRA-29"),
        id="a manager in a list",
    ),
    *(
        pytest.param(
            {ENTERPRISE: {"manager": {"value": "u-1002"}}},
            [operation],
            {},
            marks=req("ENTRA-30"),
            id=f"no manager, {n}",
        )
        for n, operation in enumerate(
            [
                {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": ""},
                {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": {"value": ""}},
                {"op": "Remove", "path": f"{ENTERPRISE}:manager"},
                {"op": "Remove", "path": f"{ENTERPRISE}:manager", "value": "u-1002"},
            ]
        )
    ),
    pytest.param(
        {"emails": [WORK, HOME]},
        [{"op": "Remove", "path": 'emails[type eq "work"].value', "value": "old@contoso.example"}],
        {"emails": [HOME]},
        marks=req("ENTRA-33"),
        id="a removal that tells the old value",
    ),
    pytest.param(
        {"emails": [WORK, HOME]},
        [{"op": "Remove", "path": "emails", "value": [{"value": "ana@home.example"}]}],
        {"emails": [WORK]},
        marks=req("R-PATCH-38"),
        id="a removal that lists an e-mail address",
    ),
    pytest.param(
        {"title": "AE", "nickName": "Ani", "active": True},
        [{"op": "replace", "path": "title", "value": ""}, {"op": "replace", "path": "nickName", "value": None}],
        {"active": True},
        marks=req("ENTRA-34"),
        id="cleared by empty text and by null",
    ),
    pytest.param(
        {"emails": [WORK]},
        [
            {"op": "replace", "path": 'emails[type eq "work"].primary', "value": "+1 555 0100"},
            {"op": "replace", "path": 'emails[type eq "work"].display', "value": "Ana"},
        ],
        {"emails": [{**WORK, "display": "Ana"}]},
        marks=req("ENTRA-42"),
        id="a telephone number in primary",
    ),
]


@pytest.mark.parametrize("name", ["entra", "generic"])
@pytest.mark.parametrize(("before", "sent", "after"), USERS)
def test_a_user_is_patched_as_the_connector_means_it(name: str, before: Json, sent: list[Json], after: Json) -> None:
    assert patched(name, "User", before, sent).attributes == after


REMOVALS = [
    pytest.param([{"$ref": None, "value": "u-1001"}], {"u-1001"}, marks=req("ENTRA-55"), id="one in a list"),
    pytest.param([{"value": "u-1001"}, {"value": "u-1002"}], {"u-1001", "u-1002"}, marks=req("JC-03"), id="two"),
    pytest.param({"value": "u-1001"}, {"u-1001"}, marks=req("R-PATCH-38"), id="one without a list"),
    pytest.param(["u-1001"], {"u-1001"}, marks=req("R-PATCH-38"), id="a plain id in a list"),
    pytest.param("u-1001", {"u-1001"}, marks=req("R-PATCH-38"), id="a plain id"),
    pytest.param([], set(), marks=req("R-PATCH-40"), id="an empty list"),
    pytest.param("", set(), marks=req("R-PATCH-40"), id="empty text"),
    pytest.param({}, set(), marks=req("R-PATCH-40"), id="an empty object"),
]


@pytest.mark.parametrize("name", ["entra", "generic"])
@pytest.mark.parametrize(("value", "gone"), REMOVALS)
def test_only_the_listed_members_go(name: str, value: Json, gone: set[str]) -> None:
    result = patched(name, "Group", {}, [{"op": "Remove", "path": "members", "value": value}])
    assert result.rows == {"members": RowsChange(remove=gone)}


@pytest.mark.req("R-PATCH-39", "R-PATCH-40")
@pytest.mark.parametrize(
    "operation", [{"op": "Remove", "path": "members"}, {"op": "Remove", "path": "members", "value": None}]
)
def test_a_removal_without_a_value_empties_the_group(operation: Json) -> None:
    assert patched("entra", "Group", {}, [operation]).rows == {"members": RowsChange(clear=True)}


@pytest.mark.req("ENTRA-55")
@pytest.mark.parametrize("value", [5, False, [5], [{"display": "Ana"}], [["u-1001"]]])
def test_a_list_that_names_nobody_is_refused_and_empties_nothing(value: Json) -> None:
    with pytest.raises(BadRequest):
        patched("generic", "Group", {}, [{"op": "Remove", "path": "members", "value": value}])


@pytest.mark.req("ENTRA-54", "X-07")
def test_members_are_added_without_what_is_null() -> None:
    value = [{"$ref": None, "value": "u-1001", "display": None}, "u-1002"]
    result = patched("entra", "Group", {}, [{"op": "Add", "path": "members", "value": value}])
    assert result.rows["members"].add == {"u-1001": {"value": "u-1001"}, "u-1002": {"value": "u-1002"}}


@pytest.mark.req("OKTA-23", "OKTA-24")
def test_a_group_push_is_patched_in_the_okta_dialect() -> None:
    sent = [
        {"op": "replace", "value": {"id": "u-1001", "displayName": "APP-Users"}},
        {"op": "remove", "path": 'members[value eq "u-1002"]'},
        {"op": "add", "path": "members", "value": [{"value": "u-1003", "display": "leo@okta.example"}]},
    ]
    result = patched("okta", "Group", {"displayName": "Old"}, sent)
    assert result.attributes == {"displayName": "APP-Users"}
    assert result.rows["members"].remove == {"u-1002"}
    assert list(result.rows["members"].add) == ["u-1003"]


# Each is what a dialect allows, and none of it is the RFC.
DEVIATIONS = [
    {"op": "Replace", "path": "displayName", "value": "x"},
    {"Op": "replace", "path": "displayName", "value": "x"},
    {"op": "replace", "path": "active", "value": "False"},
    {"op": "add", "path": f"{ENTERPRISE}:manager", "value": "u-1002"},
    {"op": "add", "path": f"{ENTERPRISE}:manager", "value": [{"value": "u-1002"}]},
    {"op": "replace", "path": f"{ENTERPRISE}:manager", "value": ""},
    {"op": "remove", "path": "emails", "value": [{"value": "ana@contoso.example"}]},
    {"op": "remove", "path": "displayName", "value": "Ana"},
]


@pytest.mark.req("R-COMPAT-01")
@pytest.mark.parametrize("operation", DEVIATIONS)
def test_strict_refuses_what_the_rfc_does_not_have(operation: Json) -> None:
    with pytest.raises(BadRequest):
        patched("strict", "User", {"emails": [WORK]}, [operation])


@pytest.mark.req("ENTRA-11", "ENTRA-12", "ENTRA-13")
def test_a_user_is_created_from_a_body_full_of_quirks() -> None:
    leniency = Leniency(dialect("entra"))
    sent = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:unknown"],
        "userName": "ana@contoso.example",
        "active": "True",
        "title": None,
        "department": None,
        "roles": [{"primary": "True", "display": "R1", "value": "R1", "type": "T1"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "Ops", "manager": "123456"},
        "urn:ietf:params:scim:schemas:extension:AcmeApp:2.0:User": {"badge": "B-17"},
    }
    body = leniency.rewrite_body(sent, resource_type("User"))
    assert coerce.body(body, resource_type("User"), leniency).attributes == {
        "userName": "ana@contoso.example",
        "active": True,
        "roles": [{"primary": True, "display": "R1", "value": "R1", "type": "T1"}],
        ENTERPRISE: {"department": "Ops", "manager": {"value": "123456"}},
    }
    assert set(leniency.used) == {
        "rename-extension",
        "read-boolean-text",
        "wrap-value",
        "unknown-attribute",
        "missing-schemas",
    }
