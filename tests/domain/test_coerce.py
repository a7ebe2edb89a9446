"""Payloads become canonical attributes by schema alone."""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.connectors import dialect
from scim_server.domain import coerce
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.resource import copy
from scim_server.domain.schema import Attribute, AttributeType, Json, ResourceType
from scim_server.errors import BadRequest, InvalidSyntax, InvalidValue
from tests.domain import device, strategies
from tests.domain.device import CORE, DESK, DEVICE, HALL
from tests.registries import registry_of

req = pytest.mark.req
USER = next(t for t in registry_of().resource_types if t.name == "User")
ENTERPRISE = USER.extensions[0].schema.id


def strict() -> Leniency:
    return Leniency(STRICT)


def generic() -> Leniency:
    return Leniency(dialect("generic"))


def body(payload: Mapping[str, Json], leniency: Leniency, resource_type: ResourceType = DEVICE) -> coerce.Body:
    return coerce.body({"schemas": [resource_type.schema.id], **payload}, resource_type, leniency)


# Types ---------------------------------------------------------------------------------------------------------------

TEXT, FLAG, NUMBER, PRECISE, OBJECT, LIST = "text", True, 7, Decimal("1.5"), {"street": "x"}, ["a"]
KINDS: list[Json] = [TEXT, FLAG, NUMBER, PRECISE, OBJECT, LIST]

# attribute -> the JSON kinds that fit it
FITTING: dict[str, list[Json]] = {
    "code": [TEXT],
    "home": [TEXT],
    "active": [FLAG],
    "level": [NUMBER],
    "ratio": [NUMBER, PRECISE],
    "blob": [TEXT],
    "place": [OBJECT],
    "labels": [LIST],
}


@req("R-TYPE-02", "R-TYPE-14", "R-PATCH-17")
@pytest.mark.parametrize("name", FITTING)
@pytest.mark.parametrize("value", KINDS, ids=str)
def test_a_value_has_the_json_type_of_its_attribute(name: str, value: Json) -> None:
    fits = any(value == kind and type(value) is type(kind) for kind in FITTING[name])
    if fits:
        assert body({name: value}, strict()).attributes == {name: value}
    else:
        with pytest.raises(InvalidValue, match=name):
            body({name: value}, strict())


@req("R-TYPE-14")
@pytest.mark.parametrize("value", [5, True, Decimal("1.5"), {}, [], [1], {"value": 1}, "yesterday"], ids=str)
def test_a_date_time_is_the_text_of_one(value: Json) -> None:
    with pytest.raises(InvalidValue, match="bought"):
        body({"bought": value}, strict())


DATE_TIMES = [
    "2011-05-13T04:42:34Z",
    "2011-05-13T04:42:34",
    "2011-05-13T06:42:34+02:00",
    "2011-05-13T04:42:34.1234567Z",
    "2011-05-13T04:42:34.123456789123-14:00",
    "2011-05-13T24:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
]


@req("R-TYPE-06", "R-COMPAT-02")
@pytest.mark.parametrize("value", DATE_TIMES)
def test_a_date_time_with_date_and_time_is_kept_as_it_was_sent(value: str) -> None:
    assert body({"bought": value}, strict()).attributes == {"bought": value}


NO_DATE_TIMES = [
    "2011-05-13",
    "04:42:34Z",
    "2011-05-13 04:42:34Z",
    "2011-05-13T04:42Z",
    "2011-05-13T04:42:60Z",
    "2011-02-30T04:42:34Z",
    "2011-05-13T24:00:01Z",
    "2011-05-13T04:42:34+15:00",
    "2011-05-13T04:42:34z ",
    "٢٠١١-05-13T04:42:34Z",
    "9999-12-31T23:59:59-01:00",
    "0001-01-01T00:00:00+01:00",
    "-2011-05-13T04:42:34Z",
    "1305261754",
]


@req("R-TYPE-06")
@pytest.mark.parametrize("value", NO_DATE_TIMES)
def test_a_date_time_without_one_of_both_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue, match="bought"):
        body({"bought": value}, generic())


@req("R-TYPE-04")
@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, -(2**63)])
def test_an_integer_has_64_bits(value: int) -> None:
    assert body({"level": value}, strict()).attributes == {"level": value}


@req("R-TYPE-04")
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, Decimal("1.0"), Decimal("1e3"), True, 10**100])
def test_an_integer_has_no_more_bits_no_fraction_and_no_exponent(value: Json) -> None:
    with pytest.raises(InvalidValue, match="level"):
        body({"level": value}, generic())


@req("R-TYPE-05")
@pytest.mark.parametrize(
    "text", ["0.1", "1.10", "-0.0", "1E+5", "0E-10", "9" * 60 + "." + "1" * 40, "1e1000", "1e-1000"]
)
def test_a_decimal_keeps_its_digits(text: str) -> None:
    kept = body({"ratio": Decimal(text)}, strict()).attributes["ratio"]
    assert str(kept) == str(Decimal(text))


@req("R-TYPE-05")
@pytest.mark.parametrize(
    "value", [Decimal("9" * 101), Decimal("1e1001"), Decimal("1e-1001"), Decimal("NaN"), 2**63, True]
)
def test_a_decimal_beyond_bounds_is_refused(value: Json) -> None:
    with pytest.raises(InvalidValue, match="ratio"):
        body({"ratio": value}, strict())


@req("R-TYPE-08", "R-COMPAT-02")
@pytest.mark.parametrize(
    "value", ["AQ==", "AQ", "AQI=", "AQI", "-_8=", "+/8", "AAAA", "+_8", "-A==", "_A==", "----", "____"]
)
def test_base64_of_both_alphabets_with_or_without_padding_is_kept_as_it_was_sent(value: str) -> None:
    assert body({"blob": value}, strict()).attributes == {"blob": value}


@req("R-TYPE-08")
@pytest.mark.parametrize("value", ["A", "AAAAA", "A Q=", "AQ==\n", "é", "=AQ", "A=Q", "AQ*="])
def test_what_is_no_base64_is_refused(value: str) -> None:
    with pytest.raises(InvalidValue, match="blob"):
        body({"blob": value}, generic())


@req("R-TYPE-01", "R-COMPAT-02", "ENTRA-15", "R-MV-04")
@pytest.mark.parametrize("value", [" a ", "ÅﬃI\u0307", "55555555555", "\t", "a\u0301", "0x"])
def test_text_is_kept_verbatim(value: str) -> None:
    payload = {"code": value, "labels": [value], "place": {"street": value}, "home": value}
    assert body(payload, strict()).attributes == payload


# Nothing -------------------------------------------------------------------------------------------------------------


@req("R-NULL-01", "R-NULL-02", "R-NULL-04", "ENTRA-12")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            (a.name, None)
            for a in (device.CODE, device.LEVEL, device.ACTIVE, device.LABELS, device.PLACE, device.PORTS)
        ),
        ("labels", []),
        ("ports", []),
        ("place", {}),
        ("place", {"street": None, "shelves": []}),
        ("users", None),
        ("users", []),
        (DESK, None),
        (DESK, {}),
        (DESK, {"seat": None, "teams": []}),
    ],
)
@pytest.mark.parametrize("leniency", [strict, generic])
def test_null_an_empty_list_and_an_empty_object_are_no_value(name: str, value: Json, leniency: Any) -> None:
    read = body({name: value}, leniency())
    assert (read.attributes, read.rows) == ({}, {"users": []} if name == "users" else {})


@req("R-NULL-05")
@pytest.mark.parametrize(
    ("name", "element"),
    [("labels", None), ("ports", None), ("ports", {}), ("ports", {"value": None}), ("ports", {"state": "up"})],
)
def test_an_element_without_a_value_is_dropped_and_refused_in_strict(name: str, element: Json) -> None:
    leniency = generic()
    assert body({name: [element]}, leniency).attributes == {}
    assert leniency.used == {"empty-element": 1}
    with pytest.raises(InvalidValue, match=name):
        body({name: [element]}, strict())


@req("ENTRA-34", "R-TYPE-01")
def test_an_empty_string_is_a_value_in_strict_and_none_elsewhere() -> None:
    payload = {"code": "", "home": "", "labels": ["a", ""], "place": {"street": "", "room": "1"}, "blob": ""}
    assert body(payload, strict()).attributes == payload
    leniency = generic()
    assert body(payload, leniency).attributes == {"labels": ["a"], "place": {"room": "1"}}
    assert set(leniency.used) == {"empty-string", "empty-element"}


@req("ENTRA-34", "R-NULL-03", "X-08")
def test_an_empty_string_is_no_wish_to_have_no_default() -> None:
    leniency = generic()
    read = body({"active": "", "level": "", "code": ""}, leniency)
    assert (read.attributes, read.named) == ({}, {"code"})
    assert leniency.used == {"empty-string": 3}
    with pytest.raises(InvalidValue, match="active"):
        body({"active": ""}, strict())


@req("R-CHAR-01")
@pytest.mark.parametrize("leniency", [strict, generic])
def test_a_required_text_is_not_empty(leniency: Any) -> None:
    with pytest.raises(InvalidValue, match="userName"):
        body({"userName": ""}, leniency(), USER)


@req("R-NULL-03")
def test_what_a_body_names_is_told_even_where_it_is_null() -> None:
    read = body(
        {"active": None, "LEVEL": None, "users": None, "pin": "1", DESK: {"Seat": None}, "seen": "x"}, generic()
    )
    assert read.named == {"active", "level", "users", "pin", f"{DESK}:seat"}


@req("R-NULL-03", "R-PUT-06")
def test_a_null_extension_names_all_that_a_client_may_write_of_it() -> None:
    names = {f"{DESK}:{name}" for name in ("seat", "contract", "partner", "teams", "hint", "racks")}
    assert body({DESK.upper(): None}, generic()).named == names


# Names ---------------------------------------------------------------------------------------------------------------


@req("R-HTTP-16", "R-SCH-04", "R-PATCH-06")
def test_names_in_any_case_take_their_canonical_one() -> None:
    payload = {"CODE": "x", "Place": {"STREET": "y"}, "PORTS": [{"Value": "1"}], HALL.upper(): {"DOOR": "z"}}
    assert body(payload, strict()).attributes == {
        "code": "x",
        "place": {"street": "y"},
        "ports": [{"value": "1"}],
        HALL: {"door": "z"},
    }


REPEATED = [
    {"code": "x", "CODE": "y"},
    {"code": None, "CODE": "y"},
    {"users": [], "Users": [{"value": "1"}]},
    {"pin": "1", "PIN": "2"},
    {"place": {"street": "x", "Street": "y"}},
    {"place": {"street": None, "Street": "y"}},
    {"ports": [{"value": "x", "VALUE": "x"}]},
    {DESK: {"seat": "1"}, DESK.upper(): {"contract": "2"}},
    {DESK: {"seat": "1"}, DESK.upper(): None},
    {DESK: None, DESK.upper(): {"seat": "1"}},
    {DESK: {}, DESK.upper(): {}},
    {DESK: {"seat": "1", "SEAT": "2"}},
]


@req("R-HTTP-15", "R-HTTP-16")
@pytest.mark.parametrize("payload", REPEATED, ids=str)
@pytest.mark.parametrize("leniency", [strict, generic])
def test_a_name_stands_once_whatever_its_case(payload: dict[str, Json], leniency: Any) -> None:
    with pytest.raises(InvalidSyntax, match="twice"):
        body(payload, leniency())


UNKNOWN = [
    {"shoe": 1},
    {"place": {"shoe": 1}},
    {"ports": [{"value": "1", "shoe": 1}]},
    {DESK: {"shoe": 1}},
    {"urn:example:unknown": {"shoe": 1}},
    {f"{DESK}:seat": "1"},
]


@req("R-SCH-09", "R-HTTP-16", "ENTRA-12", "OKTA-21")
@pytest.mark.parametrize("payload", UNKNOWN, ids=str)
def test_what_the_schemas_do_not_have_is_ignored_and_refused_in_strict(payload: dict[str, Json]) -> None:
    leniency = generic()
    read = body({"name": "d", **payload}, leniency)
    assert read.attributes == ({"name": "d", "ports": [{"value": "1"}]} if "ports" in payload else {"name": "d"})
    assert leniency.used == {"unknown-attribute": 1}
    with pytest.raises(InvalidSyntax, match=r"shoe|unknown|seat"):
        body({"name": "d", **payload}, strict())


@req("R-SCH-09", "R-CHAR-03")
def test_what_stands_behind_something_ignored_is_read() -> None:
    payload = {"shoe": 1, "ports": [{"shoe": 1, "value": "1"}], "place": {"shoe": 1, "street": "x"}, "name": "d"}
    assert body(payload, generic()).attributes == {"ports": [{"value": "1"}], "place": {"street": "x"}, "name": "d"}


@req("R-CHAR-03", "R-PUT-06", "ENTRA-10", "R-ENT-02")
def test_what_only_the_server_writes_is_ignored_whatever_it_is() -> None:
    payload = {
        "id": 5,
        "meta": {"version": "x"},
        "seen": ["x"],
        "racks": [{"value": "r"}],
        "place": {"badge": 7, "room": "1"},
        DESK: {"since": "never", "partner": {"displayName": {}, "value": "p"}},
    }
    leniency = strict()
    read = body(payload, leniency)
    assert read.attributes == {"place": {"room": "1"}, DESK: {"partner": {"value": "p"}}}
    assert read.named == {"place", f"{DESK}:partner"}


def test_a_secret_is_kept_and_what_is_kept_nowhere_is_only_checked() -> None:
    assert body({"secret": "s", "pin": "1"}, strict()).attributes == {"secret": "s"}
    with pytest.raises(InvalidValue, match="pin"):
        body({"pin": 1}, strict())


# Extensions ----------------------------------------------------------------------------------------------------------


@req("R-SCH-07", "ENTRA-11")
def test_an_extension_counts_where_schemas_does_not_name_it() -> None:
    assert body({DESK: {"seat": "1"}}, strict()).attributes == {DESK: {"seat": "1"}}


@req("R-TYPE-14")
@pytest.mark.parametrize("value", ["x", 5, True, ["x"], []], ids=str)
@pytest.mark.parametrize("leniency", [strict, generic])
def test_an_extension_is_an_object(value: Json, leniency: Any) -> None:
    with pytest.raises(InvalidValue, match="desk"):
        body({DESK: value}, leniency())


@req("R-SCH-06", "R-SCH-08", "ENTRA-51", "R-SCH-10")
@pytest.mark.parametrize(
    ("payload", "right"),
    [
        ({"schemas": [CORE]}, True),
        ({"SCHEMAS": [HALL.upper(), CORE.upper()]}, True),
        ({"schemas": [CORE, DESK, HALL, CORE]}, True),
        ({}, False),
        ({"schemas": None}, False),
        ({"schemas": []}, False),
        ({"schemas": CORE}, False),
        ({"schemas": {}}, False),
        ({"schemas": [DESK]}, False),
        ({"schemas": [CORE, "urn:example:unknown"]}, False),
        ({"schemas": [CORE, 5]}, False),
        ({"schemas": [CORE, None]}, False),
    ],
    ids=str,
)
def test_schemas_name_the_base_and_nothing_unknown_or_are_forgiven(payload: dict[str, Json], right: bool) -> None:
    leniency = generic()
    assert coerce.body({"name": "d", **payload}, DEVICE, leniency).attributes == {"name": "d"}
    assert leniency.used == ({} if right else {"missing-schemas": 1})
    if right:
        assert coerce.body({"name": "d", **payload}, DEVICE, strict()).attributes == {"name": "d"}
    else:
        with pytest.raises(InvalidSyntax, match="schemas"):
            coerce.body({"name": "d", **payload}, DEVICE, strict())


# Elements ------------------------------------------------------------------------------------------------------------


@req("R-MV-05", "OKTA-14")
def test_elements_keep_their_order() -> None:
    payload = {"ports": [{"value": "3"}, {"value": "1"}, {"value": "2"}], "scores": [3, 1, 2]}
    assert body(payload, strict()).attributes == payload


@req("R-MV-02", "R-PATCH-19")
def test_of_two_primaries_the_last_one_wins_and_strict_refuses_both() -> None:
    ports = [{"value": "1", "primary": True}, {"value": "2"}, {"value": "3", "primary": True}]
    sent = copy(ports)
    assert body({"ports": ports}, generic()).attributes["ports"] == [
        {"value": "1", "primary": False},
        {"value": "2"},
        {"value": "3", "primary": True},
    ]
    assert ports == sent
    with pytest.raises(InvalidValue, match="primary"):
        body({"ports": ports}, strict())


@req("R-MV-03", "OKTA-14")
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (
            [{"value": "a", "type": "w", "speed": 1}, {"value": "b"}, {"type": "W", "value": "A", "display": "x"}],
            [{"value": "A", "type": "W", "speed": 1, "display": "x"}, {"value": "b"}],
        ),
        (
            [{"value": "a"}, {"value": "a", "type": "w"}],
            [{"value": "a"}, {"value": "a", "type": "w"}],
        ),
        (
            [{"speed": 1, "type": "w"}, {"type": "w", "speed": 1}, {"speed": 2, "type": "w"}],
            [{"speed": 1, "type": "w"}, {"speed": 2, "type": "w"}],
        ),
        (
            [{"display": "x", "primary": True}, {"display": "X"}],
            [{"display": "X", "primary": True}],
        ),
        (
            [{"vlans": [1, 2]}, {"vlans": [1, 2]}, {"vlans": [2, 1]}],
            [{"vlans": [1, 2]}, {"vlans": [2, 1]}],
        ),
    ],
)
def test_equal_elements_are_one_in_the_place_of_the_first(sent: Json, kept: Json) -> None:
    assert body({"ports": sent}, strict()).attributes == {"ports": kept}


@req("R-MV-03")
def test_equal_simple_values_are_one() -> None:
    payload = {"labels": ["a", "b", "A"], "scores": [1, 2, 1], "ports": [{"value": "1", "vlans": [5, 5]}]}
    assert body(payload, strict()).attributes == {
        "labels": ["a", "b"],
        "scores": [1, 2],
        "ports": [{"value": "1", "vlans": [5]}],
    }


@req("R-MV-06", "R-TYPE-14")
@pytest.mark.parametrize("value", [{"value": "1"}, 5, True], ids=str)
@pytest.mark.parametrize("leniency", [strict, generic])
def test_a_list_is_not_given_as_one_element(value: Json, leniency: Any) -> None:
    with pytest.raises(InvalidValue, match="ports: expected an array"):
        body({"ports": value}, leniency())


@req("ENTRA-11", "ENTRA-13", "ENTRA-28", "ENTRA-29", "R-TYPE-03", "R-ENT-04")
def test_misfits_are_offered_to_the_repairs() -> None:
    leniency = generic()
    read = body(
        {
            "active": "False",
            "level": "12",
            "ports": ["1", {"value": "2", "primary": "x"}],
            "scores": "",
            "place": [{"street": "x"}],
            "bought": "",
            DESK: {"partner": "p"},
        },
        leniency,
    )
    assert read.attributes == {
        "active": False,
        "level": 12,
        "ports": [{"value": "1"}, {"value": "2"}],
        "place": {"street": "x"},
        DESK: {"partner": {"value": "p"}},
    }
    assert read.named >= {"scores", "bought"}
    assert set(leniency.used) == {
        "read-boolean-text",
        "read-number-text",
        "wrap-value",
        "drop-unreadable-primary",
        "unassign-empty-text",
        "unwrap-list",
    }


@req("R-TYPE-14")
@pytest.mark.parametrize(
    "value", [{"active": ["maybe"]}, {"ports": "1"}, {"place": [["x"]]}, {"level": "1.5"}], ids=str
)
def test_a_repair_that_does_not_fit_is_no_repair(value: Json) -> None:
    with pytest.raises(InvalidValue):
        body(value, generic())


@req("R-TYPE-14", "R-ERR-05")
@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({"code": True}, "code: expected a string, got a boolean."),
        ({"code": 5}, "code: expected a string, got another number."),
        ({"code": {}}, "code: expected a string, got an object."),
        ({"code": ["x"]}, "code: expected a string, got an array."),
        ({"labels": "x"}, "labels: expected an array, got other text."),
        ({"bought": "x"}, "bought: expected a dateTime with date and time, got other text."),
        ({"ports": ["x"]}, "ports: expected an object, got other text."),
        ({"ports": [{"primary": "x"}]}, "ports.primary: expected true or false, got other text."),
        ({"place": {"shelves": [1]}}, "place.shelves: expected a string, got another number."),
        ({"ports": {}}, "ports: expected an array, got an object."),
        ({DESK: "x"}, f"{DESK}: expected an object, got other text."),
    ],
)
def test_a_refusal_names_the_attribute_and_what_was_expected(payload: dict[str, Json], sentence: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        body(payload, strict())
    assert refusal.value.detail == sentence


# Rows ----------------------------------------------------------------------------------------------------------------


@req("ENTRA-51", "OKTA-22", "X-07", "R-GRP-08")
def test_elements_kept_as_rows_stand_by_their_id_the_first_one_wins() -> None:
    users = [
        {"value": "u-1", "display": None, "type": "User"},
        {"VALUE": "u-2", "$ref": None},
        {"value": "u-1", "type": "Group"},
        {"value": "U-1"},
    ]
    read = body({"users": users}, strict())
    assert read.rows == {
        "users": [
            ("u-1", {"value": "u-1", "type": "User"}),
            ("u-2", {"value": "u-2"}),
            ("U-1", {"value": "U-1"}),
        ]
    }
    assert read.attributes == {}


@req("R-TYPE-14", "R-GRP-03")
@pytest.mark.parametrize("element", [{"display": "x"}, {"value": 5}, {"value": "x" * 256}, {"value": ""}, "x"], ids=str)
def test_a_row_needs_a_value_of_1_to_255_characters(element: Json) -> None:
    with pytest.raises(InvalidValue, match="users"):
        body({"users": [element]}, strict())
    assert body({"users": [{"value": "x" * 255}]}, strict()).rows["users"][0][0] == "x" * 255


# What holds for every body -------------------------------------------------------------------------------------------

BODIES = st.one_of(
    strategies.payloads(),
    st.dictionaries(
        st.sampled_from([a.name for a in DEVICE.schema.attributes] + [DESK, HALL, "id", "meta", "schemas", "shoe"]),
        strategies.JUNK,
    ),
)


@pytest.mark.unmeasured
@req("R-TYPE-14", "R-SEC-08")
@settings(max_examples=300)
@given(BODIES, st.sampled_from([strict, generic]))
def test_any_body_is_read_or_refused_and_left_as_it_was(payload: dict[str, Json], leniency: Any) -> None:
    sent = copy(payload)
    with suppress(BadRequest):
        coerce.body(payload, DEVICE, leniency())
    assert payload == sent


@req("R-COMPAT-02", "R-MV-04")
@settings(max_examples=200)
@given(strategies.payloads(), st.sampled_from([strict, generic]))
def test_reading_what_was_read_changes_nothing_more(payload: dict[str, Json], leniency: Any) -> None:
    once = coerce.body(payload, DEVICE, Leniency(strategies.TOLERANT)).attributes
    again = coerce.body({"schemas": [CORE], **once}, DEVICE, leniency())
    assert again.attributes == once


@pytest.mark.parametrize("type_", AttributeType)
def test_fits_asks_for_the_type_alone(type_: AttributeType) -> None:
    samples: dict[AttributeType, Json] = {
        AttributeType.COMPLEX: {"shoe": 1},
        AttributeType.BOOLEAN: False,
        AttributeType.INTEGER: 1,
        AttributeType.DECIMAL: Decimal("1.5"),
        AttributeType.DATE_TIME: "2026-01-02T03:04:05Z",
    }
    attribute = Attribute("x", type_)
    assert coerce.fits(attribute, samples.get(type_, "AQ"))
    assert not coerce.fits(attribute, None)
