"""PUT: what becomes of attributes that the body names, and of those that it does not (RFC 7644 section 3.5.1)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.connectors import dialect
from scim_server.domain import coerce
from scim_server.domain.constraints import check_immutable, check_required
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.project import split
from scim_server.domain.replace import keeps_rows, replaced, with_defaults
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.schema import (
    AbsentInPut,
    Attribute,
    AttributeType,
    Extension,
    Json,
    Kept,
    Mutability,
    ResourceType,
    Returned,
)
from scim_server.errors import InvalidValue, MutabilityViolation
from tests.domain import strategies
from tests.domain.device import CORE, DESK, DEVICE, HALL
from tests.registries import registry_of

req = pytest.mark.req
USER = next(t for t in registry_of().resource_types if t.name == "User")
ENTERPRISE = USER.extensions[0].schema.id


def put(before: Attributes, body: Json, name: str = "generic", resource_type: ResourceType = DEVICE) -> Attributes:
    """The attributes after a PUT, as the service computes them."""
    leniency = Leniency(dialect(name))
    read = coerce.body({"schemas": [resource_type.schema.id], **body}, resource_type, leniency)
    after = replaced(resource_type, before, read, leniency)
    check_required(resource_type, after)
    check_immutable(resource_type, before, after)
    return after


BOTH = pytest.mark.parametrize("name", ["generic", "strict"])

# before, body, after; defaults of the type: active true, level 1, the hall's window shut
REPLACEMENTS = [
    pytest.param(
        {"name": "d", "labels": ["a", "b"], "ports": [{"value": "1"}, {"value": "2"}]},
        {"labels": ["c"], "ports": [{"value": "2", "speed": 9}]},
        {"labels": ["c"], "ports": [{"value": "2", "speed": 9}]},
        marks=req("R-PUT-03"),
        id="what is given replaces the whole value",
    ),
    pytest.param(
        {"name": "d", "code": "c", "labels": ["a"], "place": {"street": "1"}, "externalId": "x", HALL: {"door": "1"}}
        | {"ports": [{"value": "1", "mac": "m", "state": "up"}]},
        {},
        {},
        marks=req("R-PUT-04", "R-PUT-05", "R-PUT-03"),
        id="what is absent is cleared, extensions too",
    ),
    pytest.param(
        {"name": "d", "code": "c", "labels": ["a"], "place": {"street": "1"}, HALL: {"door": "1"}},
        {"code": None, "labels": [], "place": {}, HALL: None},
        {HALL: {}},
        marks=req("R-NULL-01", "R-PUT-04"),
        id="what is null is cleared",
    ),
    pytest.param(
        {"name": "d", "place": {"street": "1", "room": "2"}},
        {"place": {"room": "3"}},
        {"place": {"room": "3"}},
        marks=req("R-PUT-03"),
        id="a complex value is replaced as a whole",
    ),
    pytest.param(
        {"name": "d", "seen": "t", DESK: {"since": "2026-01-02T03:04:05Z"}},
        {"seen": "other", "id": "other", "meta": {"version": "9"}, DESK: None},
        {"seen": "t", DESK: {"since": "2026-01-02T03:04:05Z"}},
        marks=req("R-PUT-06", "R-CHAR-03"),
        id="what only the server writes stays",
    ),
    pytest.param(
        {"name": "d", "serial": "S", "seals": ["a"], DESK: {"contract": "C"}},
        {},
        {"serial": "S", "seals": ["a"], DESK: {"contract": "C"}},
        marks=req("R-CHAR-09", "R-PUT-05"),
        id="an immutable value that is absent stays",
    ),
    pytest.param(
        {"name": "d", "serial": "S", "place": {"key": "K", "street": "1"}},
        {"serial": "S", "place": {"key": "K", "street": "2"}},
        {"serial": "S", "place": {"key": "K", "street": "2"}},
        marks=req("R-PUT-07", "R-CHAR-06"),
        id="an immutable value may be said again",
    ),
    pytest.param(
        {"name": "d"},
        {"serial": "S", "place": {"key": "K"}},
        {"serial": "S", "place": {"key": "K"}},
        marks=req("R-CHAR-05"),
        id="an immutable value may be set where there is none",
    ),
    pytest.param(
        {"name": "d", "place": {"key": "K", "badge": "B", "alarm": "A", "street": "1"}},
        {"place": {"street": "2"}},
        {"place": {"key": "K", "badge": "B", "alarm": "A", "street": "2"}},
        marks=req("R-CHAR-09", "R-PUT-05", "R-PUT-06"),
        id="parts that a client cannot see or set stay",
    ),
    pytest.param(
        {"name": "d", "place": {"key": "K", "street": "1"}},
        {},
        {"place": {"key": "K"}},
        marks=req("R-CHAR-09", "R-PUT-04"),
        id="of a complex value that is absent the immutable part stays",
    ),
    pytest.param(
        {"name": "d", "secret": "s", "token": "t"},
        {},
        {"secret": "s", "token": "t"},
        marks=req("R-PUT-05", "OKTA-22"),
        id="what is never returned stays",
    ),
    pytest.param(
        {"name": "d", "secret": "s", "token": "t", "place": {"alarm": "A", "badge": "B"}},
        {"secret": None, "token": None, "place": None},
        {},
        marks=req("R-PUT-03"),
        id="what is never returned is cleared by name, a complex value with all its parts",
    ),
]


@BOTH
@pytest.mark.parametrize(("before", "body", "after"), REPLACEMENTS)
def test_a_replacement_keeps_what_is_out_of_reach_and_nothing_else(
    name: str, before: Attributes, body: Json, after: Attributes
) -> None:
    given_before = copy(before)
    defaults = {"name": "d", "active": True, "level": 1, HALL: {"window": "shut"}}
    expected = {**defaults, **after}
    if body.get(HALL, True) is None:
        expected.pop(HALL)
    assert put(before, {"name": "d", **body}, name) == expected
    assert before == given_before


@req("R-PUT-05", "OKTA-22", "X-08")
@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("generic", {"active": False, "level": 7}, {"active": False, "level": 7}),
        ("strict", {"active": False, "level": 7}, {"active": True, "level": 1}),
        ("generic", {}, {"active": True, "level": 1}),
        ("strict", {}, {"active": True, "level": 1}),
    ],
)
def test_absent_attributes_with_a_default_stay_and_are_reset_in_strict(
    name: str, before: Attributes, after: Attributes
) -> None:
    result = put({"name": "d", **before}, {"name": "d"}, name)
    assert {n: result[n] for n in ("active", "level")} == after


@req("R-NULL-03")
@BOTH
def test_null_overrides_a_default(name: str) -> None:
    body = {"name": "d", "active": None, "level": None, HALL: {"window": None}}
    assert put({"name": "d", "active": True, "level": 1}, body, name) == {"name": "d"}


@req("CC-56", "R-PUT-05")
@pytest.mark.parametrize(
    ("name", "body", "left"),
    [
        ("generic", {}, {"seat": "1", "teams": [{"value": "t"}]}),
        ("generic", {DESK: {}}, {"seat": "1", "teams": [{"value": "t"}]}),
        ("generic", {DESK: {"seat": "2"}}, {"seat": "2", "teams": [{"value": "t"}]}),
        ("generic", {DESK: {"seat": None}}, {"teams": [{"value": "t"}]}),
        ("generic", {DESK: None}, None),
        ("strict", {}, None),
        ("strict", {DESK: {"seat": "2"}}, {"seat": "2"}),
    ],
)
def test_extensions_whose_binding_says_keep_stay_and_are_cleared_in_strict(name: str, body: Json, left: Json) -> None:
    before = {"name": "d", DESK: {"seat": "1", "teams": [{"value": "t"}]}}
    assert put(before, {"name": "d", **body}, name).get(DESK) == left


@req("R-PUT-05")
def test_the_enterprise_extension_is_cleared_by_the_binding_that_comes_with_the_server() -> None:
    before = {"userName": "ana", "active": False, "title": "AE", ENTERPRISE: {"department": "Ops"}}
    assert put(before, {"userName": "ana"}, "okta", USER) == {"userName": "ana", "active": False}


def test_the_use_of_the_tolerance_is_counted_once_for_each_attribute_kept() -> None:
    leniency = Leniency(dialect("generic"))
    body = coerce.body({"schemas": [CORE], "name": "d", "active": True}, DEVICE, leniency)
    replaced(DEVICE, {"name": "d", "active": False, "level": 2, "code": "c", DESK: {"seat": "1"}}, body, leniency)
    assert leniency.used == {"keep-in-put": 2}


@req("R-PUT-08", "R-CHAR-01")
@BOTH
@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}])
def test_required_attributes_must_be_in_the_body(name: str, body: Json) -> None:
    with pytest.raises(InvalidValue, match="name"):
        put({"name": "d"}, body, name)


@req("R-PUT-07", "R-CHAR-06")
@BOTH
@pytest.mark.parametrize(
    "body",
    [
        {"serial": "T"},
        {"serial": None},
        {"seals": ["a", "b"]},
        {"seals": []},
        {"place": {"key": "L"}},
        {DESK: {"contract": "D"}},
        {DESK: {"contract": None}},
        {DESK: None},
    ],
)
def test_an_immutable_value_is_not_replaced(name: str, body: Json) -> None:
    before = {"name": "d", "serial": "S", "seals": ["a"], "place": {"key": "K"}, DESK: {"contract": "C"}}
    with pytest.raises(MutabilityViolation):
        put(before, {"name": "d", **body}, name)


@req("R-CHAR-08")
@BOTH
def test_elements_with_immutable_parts_come_and_go_as_wholes(name: str) -> None:
    before = {"name": "d", "ports": [{"value": "1", "mac": "a"}]}
    ports = [{"value": "1", "mac": "b"}, {"value": "2", "mac": "c"}]
    assert put(before, {"name": "d", "ports": ports}, name)["ports"] == ports


def without(members: Attributes, *names: str) -> Attributes:
    return {name: value for name, value in members.items() if name not in names}


@req("R-PUT-11", "OKTA-07", "R-PUT-05")
@settings(max_examples=200)
@given(strategies.states(), st.sampled_from(["generic", "strict"]))
def test_putting_back_what_was_read_changes_nothing(state: Attributes, name: str) -> None:
    """Parts that are returned on request a PUT clears, and strict the attributes too: the client could have asked.

    No two elements have one value: a PUT would make them one.
    """
    unseen = () if name == "generic" else ("note", "billing")
    before = with_defaults(DEVICE, without(state, "ports", *unseen), set(state))
    before["stamp"] = {"by": "b"}
    before["place"] = without({"street": "1", **before.get("place", {})}, "remark")
    before[DESK] = without({"seat": "1", **before.get(DESK, {})}, "hint")
    ports = enumerate(state.get("ports", ()))
    before["ports"] = [{**without(e, "hint"), "value": f"{n} {e.get('value', '')}"} for n, e in ports]
    before = {attribute: value for attribute, value in before.items() if value != []}
    assert put(before, split(DEVICE, before)[0], name) == before


# Defaults ------------------------------------------------------------------------------------------------------------


@req("R-NULL-03")
@pytest.mark.parametrize(
    ("attributes", "named", "expected"),
    [
        ({}, set(), {"active": True, "level": 1, HALL: {"window": "shut"}}),
        ({"active": False}, {"active"}, {"active": False, "level": 1, HALL: {"window": "shut"}}),
        ({}, {"active", "level", f"{HALL}:window"}, {}),
        ({HALL: {"door": "1"}}, {f"{HALL}:door"}, {"active": True, "level": 1, HALL: {"door": "1", "window": "shut"}}),
    ],
)
def test_defaults_are_for_what_a_body_does_not_name(attributes: Json, named: set[str], expected: Json) -> None:
    before = copy(attributes)
    assert with_defaults(DEVICE, attributes, named) == expected
    assert attributes == before


def test_a_default_is_copied_for_each_resource() -> None:
    shared = replace(DEVICE, defaults={"labels": ["a"]})
    first = with_defaults(shared, {}, set())
    first["labels"].append("b")
    assert with_defaults(shared, {}, set()) == {"labels": ["a"]}


@req("CC-56")
def test_a_kept_default_of_an_extension_is_not_reset() -> None:
    keeping = replace(
        DEVICE, extensions=tuple(Extension(e.schema, absent_in_put=AbsentInPut.KEEP) for e in DEVICE.extensions)
    )
    assert put({"name": "d", HALL: {"window": "open"}}, {"name": "d"}, resource_type=keeping)[HALL] == {
        "window": "open"
    }


@req("R-PUT-05")
def test_strict_keeps_what_no_client_can_set() -> None:
    leniency = Leniency(STRICT)
    body = coerce.body({"schemas": [CORE], "name": "d"}, DEVICE, leniency)
    before = {"name": "d", "seen": "t", "serial": "S", "secret": "s", "code": "c"}
    kept = {"name": "d", "seen": "t", "serial": "S", "secret": "s"}
    assert replaced(DEVICE, before, body, leniency).items() >= kept.items()
    assert not leniency.used


@req("R-PUT-04", "OKTA-07")
@pytest.mark.parametrize(("name", "kept"), [("generic", {"note": "n"}), ("strict", {})])
def test_what_is_returned_on_request_stays_for_connectors_that_put_back_what_they_read(
    name: str, kept: Attributes
) -> None:
    result = put({"name": "d", "note": "n"}, {"name": "d"}, name)
    assert {n: result[n] for n in ("note",) if n in result} == kept


@req("R-CHAR-09", "R-PUT-05", "R-PUT-11")
def test_what_is_out_of_reach_stays_in_the_elements_that_are_put_back() -> None:
    before = {"name": "d", "ports": [{"value": "1", "mac": "m"}, {"value": "2", "mac": "n"}]}
    result = put(before, {"name": "d", "ports": [{"value": "2"}, {"value": "3"}]}, "strict")
    assert result["ports"] == [{"value": "2", "mac": "n"}, {"value": "3"}]


CREW = Attribute("crew", AttributeType.COMPLEX, True, kept=Kept.ROWS, holder=DESK, sub_attributes=(Attribute("value"),))


def with_crew(crew: Attribute, rule: AbsentInPut = AbsentInPut.KEEP) -> ResourceType:
    (desk, *others) = DEVICE.extensions
    schema = replace(desk.schema, attributes=(*desk.schema.attributes, crew))
    return replace(DEVICE, extensions=(replace(desk, schema=schema, absent_in_put=rule), *others))


@req("CC-56", "R-PUT-05")
@pytest.mark.parametrize(
    ("name", "crew", "rule", "named", "keeps"),
    [
        ("generic", CREW, AbsentInPut.KEEP, set(), True),
        ("generic", CREW, AbsentInPut.KEEP, {f"{DESK}:crew"}, False),
        ("generic", CREW, AbsentInPut.CLEAR, set(), False),
        ("strict", CREW, AbsentInPut.KEEP, set(), False),
        ("generic", replace(CREW, returned=Returned.REQUEST), AbsentInPut.CLEAR, set(), True),
        ("strict", replace(CREW, mutability=Mutability.IMMUTABLE), AbsentInPut.CLEAR, set(), True),
    ],
)
def test_rows_that_a_put_does_not_name_are_kept_as_values_are(
    name: str, crew: Attribute, rule: AbsentInPut, named: set[str], keeps: bool
) -> None:
    leniency = Leniency(dialect(name))
    assert keeps_rows(with_crew(crew, rule), crew, named, leniency) is keeps
    assert not leniency.used


@req("R-PUT-05")
def test_core_rows_that_a_put_does_not_name_go() -> None:
    (users,) = DEVICE.rows_attributes
    assert not keeps_rows(DEVICE, users, (), Leniency(dialect("generic")))


@req("CC-06")
def test_a_body_gives_rows_of_an_extension_by_their_path() -> None:
    body = coerce.body({"name": "d", DESK: {"crew": [{"value": "a"}]}}, with_crew(CREW), Leniency(dialect("generic")))
    assert body.attributes == {"name": "d"}
    assert body.rows == {f"{DESK}:crew": [("a", {"value": "a"})]}
    assert f"{DESK}:crew" in body.named
