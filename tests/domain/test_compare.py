"""Keys are equal where values are equal, and order as the values do."""

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain import compare
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.schema import Json
from tests.domain import every_type as types
from tests.domain.every_type import CORE, DESK, HALL, MEMBERS, THING

TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=30)

EQUAL_WITHOUT_CASE = [
    ("UserName", "username"),
    ("ＡＢＣ１２３", "abc123"),
    ("ｶﾞ", "ガ"),
    ("re\u0301sume\u0301", "RÉSUMÉ"),
    ("straße", "STRASSE"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("Å", "Å"),  # the Ångström sign and the letter
    ("a\u3000b", "a b"),
    ("ﬁn", "FIN"),
]


@pytest.mark.req("R-I18N-02", "R-I18N-06", "R-FILT-21")
@pytest.mark.parametrize(("one", "other"), EQUAL_WITHOUT_CASE)
def test_texts_that_differ_in_case_width_or_composition_have_one_key(one: str, other: str) -> None:
    assert compare.fold(one) == compare.fold(other)


@pytest.mark.req("R-I18N-02")
@pytest.mark.parametrize(("one", "other"), [("I", "ı"), ("i", "İ"), ("a", "á"), ("o", "ø"), ("a b", "ab"), ("①", "1")])
def test_folding_follows_no_locale_and_drops_nothing(one: str, other: str) -> None:
    assert compare.fold(one) != compare.fold(other)


@given(TEXTS)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert compare.fold(compare.fold(text)) == compare.fold(text)


@pytest.mark.unmeasured
def test_every_character_folds_to_a_fixed_point() -> None:
    characters = map(chr, range(0x110000))
    assert [c for c in characters if compare.fold(compare.fold(c)) != compare.fold(c)] == []


@given(TEXTS)
def test_canonically_equivalent_texts_have_one_key(text: str) -> None:
    assert compare.fold(unicodedata.normalize("NFD", text)) == compare.fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_text_folds_as_any_other_does(text: str) -> None:
    assert compare.fold(text + "é") == compare.fold(text) + "é"


def test_a_case_exact_text_keeps_its_case_and_is_composed() -> None:
    assert compare.key(types.EXACT, "Re\u0301sume\u0301 Ａ") == "Résumé Ａ"


INSTANTS = [
    ("2026-11-21T21:43:38Z", "2026-11-21T21:43:38.000000000Z"),
    ("2026-11-21T21:43:38.1Z", "2026-11-21T21:43:38.100000000Z"),
    ("2026-11-21T21:43:38.1234567891Z", "2026-11-21T21:43:38.123456789Z"),
    ("2026-11-21T21:43:38", "2026-11-21T21:43:38.000000000Z"),
    ("2026-11-21T23:43:38+02:00", "2026-11-21T21:43:38.000000000Z"),
    ("2026-12-31T23:30:00-01:00", "2027-01-01T00:30:00.000000000Z"),
    ("2026-11-21T21:43:38.1234567+00:00", "2026-11-21T21:43:38.123456700Z"),
    ("2026-12-31T24:00:00Z", "2027-01-01T00:00:00.000000000Z"),
    ("2024-02-29T00:00:00+14:00", "2024-02-28T10:00:00.000000000Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000000Z"),
]


@pytest.mark.req("R-TYPE-06", "R-TYPE-07", "R-FILT-23")
@pytest.mark.parametrize(("text", "fixed"), INSTANTS)
def test_a_date_time_is_an_instant_in_utc(text: str, fixed: str) -> None:
    assert compare.instant(text) == fixed
    assert compare.key(types.MOMENT, text) == fixed


NO_INSTANTS = [
    "2011-05-13",
    "2011-05-13T04:42",
    "2011-05-13 04:42:34Z",
    "2011-05-13t04:42:34z",
    "2011-13-01T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2011-05-13T25:00:00Z",
    "2011-05-13T24:00:01Z",
    "2011-05-13T24:00:00.5Z",
    "2011-05-13T04:60:00Z",
    "2016-12-31T23:59:60Z",
    "2011-05-13T04:42:34+15:00",
    "2011-05-13T04:42:34+02:60",
    "2011-05-13T04:42:34.Z",
    "2011-05-13T04:42:34Z\n",
    "٢٠١١-05-13T04:42:34Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "9999-12-31T24:00:00Z",
    "10000-01-01T00:00:00Z",
    "-0044-03-15T00:00:00Z",
    "",
]


@pytest.mark.req("R-TYPE-06")
@pytest.mark.parametrize("text", NO_INSTANTS)
def test_what_is_no_date_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its message is free
        compare.instant(text)


MOMENTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1))  # noqa: DTZ001 - zones are added
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, ZONES, MOMENTS, ZONES)
@pytest.mark.req("R-FILT-23")
def test_instants_order_as_times_do(one: datetime, zone: timezone, other: datetime, other_zone: timezone) -> None:
    one, other = one.replace(tzinfo=zone), other.replace(tzinfo=other_zone)
    assert (compare.instant(one.isoformat()) < compare.instant(other.isoformat())) == (one < other)


@given(MOMENTS, ZONES)
def test_a_clock_and_a_text_give_one_form(moment: datetime, zone: timezone) -> None:
    moment = moment.replace(tzinfo=zone)
    assert compare.from_datetime(moment) == compare.instant(moment.isoformat())


def test_a_time_is_sent_with_milliseconds() -> None:
    fixed = compare.from_datetime(datetime(987, 1, 2, 3, 4, 5, 678999, tzinfo=UTC))
    assert fixed == "0987-01-02T03:04:05.678999000Z"
    assert compare.to_wire(fixed) == "0987-01-02T03:04:05.678Z"


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False) | st.integers().map(Decimal)


@given(DECIMALS, DECIMALS)
@pytest.mark.req("R-FILT-24", "R-TYPE-05")
def test_decimal_keys_order_as_the_numbers_do(one: Decimal, other: Decimal) -> None:
    one_key, other_key = compare.key(types.RATIO, one), compare.key(types.RATIO, other)
    assert (one_key < other_key) == (one < other)  # type: ignore[operator]
    assert (one_key == other_key) == (one == other)


SAME_NUMBERS = [
    (1, Decimal("1.0")),
    (Decimal("1e0"), 1),
    (Decimal("-0"), 0),
    (Decimal("0.00"), 0),
    (100, Decimal("1E+2")),
]


@pytest.mark.req("R-FILT-24")
@pytest.mark.parametrize(("one", "other"), [*SAME_NUMBERS, (0.1, Decimal("0.1"))])
def test_a_number_has_one_key_however_it_is_written(one: Decimal, other: Decimal) -> None:
    assert compare.key(types.RATIO, one) == compare.key(types.RATIO, other)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")])
def test_a_decimal_is_finite(value: Decimal) -> None:
    with pytest.raises(ValueError, match="finite"):
        compare.key(types.RATIO, value)


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1])
def test_an_integer_has_at_most_64_bits(value: int) -> None:
    with pytest.raises(ValueError, match="64 bits"):
        compare.key(types.COUNT, value)


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0])
def test_an_integer_is_its_own_key(value: int) -> None:
    assert compare.key(types.COUNT, value) == value


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_its_own_key(value: bool) -> None:
    assert compare.key(types.FLAG, value) is value


@pytest.mark.req("R-TYPE-08", "R-FILT-27")
@pytest.mark.parametrize("text", ["+/8", "+/8=", "-_8", "-_8=", "+_8"])
def test_binary_values_compare_by_their_bytes(text: str) -> None:
    assert compare.key(types.BLOB, text) == "+/8"


@pytest.mark.req("R-TYPE-08")
@pytest.mark.parametrize("text", ["A", "A*==", "AQ=A", "ÄÖ", "A Q="])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its message is free
        compare.key(types.BLOB, text)


SAME_RESOURCE = [
    "Things/1",
    "/Things/1",
    "/Things/1/",
    "../Things/1",
    "https://example.com/Things/1",
    "https://example.com/scim/v2/Things/1",
    "http://other.example:8080/t/acme/scim/v2/Things/1",
]


@pytest.mark.req("R-TYPE-09", "R-TYPE-12", "R-FILT-26")
@pytest.mark.parametrize("uri", SAME_RESOURCE)
def test_a_reference_to_a_resource_is_its_type_and_id(uri: str) -> None:
    assert compare.key(types.OWNER, uri) == "Things/1"


@pytest.mark.req("R-FILT-26")
def test_any_other_reference_is_compared_exactly() -> None:
    assert compare.key(types.LINK, "https://example.com/A") != compare.key(types.LINK, "https://example.com/a")
    assert compare.key(types.LINK, "https://example.com/A") == "https://example.com/A"


ATTRIBUTES = {
    "externalId": "E-1",
    "text": "Ünder",
    "exact": "Ünder",
    "flag": False,
    "count": 7,
    "moment": "2026-11-21T21:43:38Z",
    "owner": "https://example.com/scim/v2/Things/9",
    "tags": ["A", "b"],
    "part": {"front": "F", "hidden": "shh"},
    "emails": [{"value": "A@example.com", "primary": True, "labels": ["X", "y"]}, {"value": "b@example.com"}],
    "secret": "shh",
    DESK: {"seat": "S-1", "level": 3},
}


def test_the_form_of_a_resource_has_its_shape_with_keys_for_values() -> None:
    assert compare.form(THING, ATTRIBUTES) == {
        "schemas": [CORE.lower(), DESK.lower()],
        "externalId": "E-1",
        "text": "ünder",
        "exact": "Ünder",
        "flag": False,
        "count": 7,
        "moment": "2026-11-21T21:43:38.000000000Z",
        "owner": "Things/9",
        "tags": ["a", "b"],
        "part": {"front": "f"},
        "emails": [{"value": "a@example.com", "primary": True, "labels": ["x", "y"]}, {"value": "b@example.com"}],
        DESK: {"seat": "s-1", "level": 3},
    }


@pytest.mark.parametrize("name", ["id", "meta", "members", "thrown", "secret", "unheard"])
def test_the_form_has_no_part_for_what_the_document_does_not_hold_or_nobody_may_see(name: str) -> None:
    attributes = {"text": "a", name: [{"value": "x"}]}
    assert compare.form(THING, attributes) == {"schemas": [CORE.lower()], "text": "a"}


def test_a_row_with_nothing_but_its_id_has_no_form() -> None:
    assert compare.row_form(MEMBERS, {"value": "u-1"}) is None


def test_a_row_has_the_keys_of_all_that_it_holds() -> None:
    element = {"value": "U-1", "$ref": "https://example.com/Things/U-1", "type": "Thing", "unheard": 1}
    assert compare.row_form(MEMBERS, element) == {"value": "U-1", "$ref": "Things/U-1", "type": "thing"}


@pytest.mark.req("R-CHAR-15")
def test_unique_and_indexed_values_have_entries_and_unique_ones_no_second() -> None:
    unique, indexed = compare.entries(THING, ATTRIBUTES | {HALL: {"door": "D"}})
    assert unique == {("text", "ünder"), (f"{DESK}:seat", "s-1")}
    assert indexed == {
        ("externalId", "E-1"),
        ("emails.value", "a@example.com"),
        ("emails.value", "b@example.com"),
        ("emails.labels", "x"),
        ("emails.labels", "y"),
        ("tags", "a"),
        ("tags", "b"),
        ("count", "7"),
        (f"{HALL}:door", "d"),
    }


def test_an_empty_string_is_found_but_takes_nobody_elses_place() -> None:
    unique, indexed = compare.entries(THING, {"text": "", "externalId": ""})
    assert unique == set()
    assert indexed == {("externalId", "")}


@pytest.mark.parametrize(
    ("key", "text"), [("a", "a"), ("", ""), (True, "true"), (False, "false"), (1, "1"), (-12, "-12")]
)
def test_the_entry_of_a_short_key_is_its_text(key: compare.Key, text: str) -> None:
    assert compare.entry_text(key) == text


@pytest.mark.parametrize("character", ["a", "é", "語", "😀"])
def test_the_entry_of_a_long_key_is_bounded_and_keeps_its_beginning(character: str) -> None:
    text = "x" + character * 6000
    entry = compare.entry_text(text)
    assert 512 < len(entry.encode()) <= 577
    assert text.startswith(entry[:100])


def test_a_key_of_512_bytes_is_kept_whole() -> None:
    assert compare.entry_text("é" * 256) == "é" * 256


@given(st.text("aé", min_size=500, max_size=520), st.text("aé", min_size=500, max_size=520))
def test_different_keys_have_different_entries(one: str, other: str) -> None:
    assert (compare.entry_text(one) == compare.entry_text(other)) == (one == other)


def test_no_short_key_has_the_entry_of_a_long_one() -> None:
    entry = compare.entry_text("a" * 600)
    assert compare.entry_text(entry) != entry


NAMED_BELOW = replace(
    THING,
    schema=replace(THING.schema, attributes=(types.TEXT, types.COUNT, types.FLAG)),
    indexed=frozenset(),
    unique_within={"count": BoundPath(types.FLAG), "text": BoundPath(types.LEVEL, None, HALL)},
)
BELOW = f"text within {HALL}:level"


@pytest.mark.req("CC-30")
@pytest.mark.parametrize(
    ("attributes", "entries"),
    [
        ({"text": "Sales", HALL: {"level": 2}}, {(BELOW, "1:2sales")}),
        ({"text": "Sales", HALL: {"level": -12}}, {(BELOW, "3:-12sales")}),
        ({"text": "Sales", HALL: {"door": "x"}}, {(BELOW, "0:sales")}),
        ({"text": "Sales"}, {(BELOW, "0:sales")}),
        ({"text": "", HALL: {"level": 2}}, set()),
        ({HALL: {"level": 2}}, set()),
        ({"count": 7, "flag": True}, {("count within flag", "4:true7")}),
    ],
)
def test_what_is_unique_within_a_scope_has_an_entry_with_it(
    attributes: dict[str, Json], entries: set[tuple[str, str]]
) -> None:
    unique, indexed = compare.entries(NAMED_BELOW, attributes)
    assert {entry for entry in unique if " within " in entry[0]} == entries
    assert indexed == set()
