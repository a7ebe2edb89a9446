"""The meaning of filters: a truth table for each operator and type, and the laws that hold for all of them."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain import filter as f
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.binding import bind, bind_condition
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.filter import Literal, Operator
from scim_server.domain.match import element_matches, matches
from scim_server.domain.schema import Json
from tests.domain.every_type import CORE, DESK, EMAILS, HALL, TAGS, THING

Shorthand = tuple[str, str] | tuple[str, str, Literal]


def node(name: str, operator: str, *literal: Literal) -> f.Comparison | f.Presence:
    urn, _, rest = name.rpartition(":")
    attribute, _, sub = rest.partition(".")
    path = AttrPath(attribute, sub or None, urn or None)
    return f.Comparison(path, Operator(operator), literal[0]) if literal else f.Presence(path)


def holds(condition: f.Filter, resource: Mapping[str, Json]) -> bool:
    return matches(bind(condition, THING, Leniency(STRICT)), resource)


RESOURCE: dict[str, Json] = {
    "schemas": [CORE, DESK],
    "id": "Id-1",
    "externalId": "Ext",
    "meta": {"created": "2026-11-21T21:43:38.123Z", "location": "https://example.com/v2/Things/Id-1"},
    "text": "Jürgen",
    "exact": "Jürgen",
    "flag": False,
    "count": 10,
    "ratio": Decimal("10.50"),
    "moment": "2026-11-21T23:43:38+02:00",
    "blob": "+/8=",
    "link": "https://example.com/Path",
    "owner": "https://example.com/scim/v2/Things/7",
    "tags": ["Red", "green"],
    "part": {"front": "", "back": "B"},
    "boss": {"value": "u-1", "display": "Bo"},
    "emails": [
        {"value": "a@example.com", "type": "work", "primary": True, "rank": 1, "labels": ["x", "y"]},
        {"value": "b@example.org", "type": "home", "rank": 10},
    ],
    "members": [{"value": "u-2", "$ref": "https://example.com/Things/u-2"}],
    DESK: {"seat": "S-1"},
}


def shown(condition: Shorthand) -> str:
    """As the name of a test: pytest escapes what is not ASCII, and once more each time it collects in one process."""
    return " ".join(map(str, condition)).encode("ascii", "replace").decode()


TRUE: list[Shorthand] = [
    ("text", "eq", "JÜRGEN"),
    ("text", "eq", "ju\u0308rgen"),
    ("text", "ne", "x"),
    ("text", "co", "ÜRG"),
    ("text", "co", ""),
    ("text", "sw", "jÜ"),
    ("text", "ew", "GEN"),
    ("text", "gt", "JA"),
    ("text", "ge", "jürgen"),
    ("text", "lt", "K"),
    ("text", "le", "JÜRGEN"),
    ("text", "pr"),
    ("exact", "eq", "Jürgen"),
    ("exact", "ne", "jürgen"),
    ("exact", "sw", "J"),
    ("exact", "lt", "a"),
    ("flag", "eq", False),
    ("flag", "ne", True),
    ("flag", "pr"),
    ("count", "gt", 9),
    ("count", "le", 10),
    ("count", "ne", 9),
    ("count", "pr"),
    ("ratio", "eq", Decimal("10.5")),
    ("ratio", "gt", 9),
    ("ratio", "lt", Decimal("10.51")),
    ("ratio", "gt", Decimal("-11")),
    ("moment", "eq", "2026-11-21T21:43:38Z"),
    ("moment", "eq", "2026-11-21T21:43:38.000"),
    ("moment", "lt", "2026-11-21T22:00:00Z"),
    ("moment", "ge", "2026-11-21T16:43:38-05:00"),
    ("blob", "eq", "-_8"),
    ("blob", "ne", "AA=="),
    ("link", "eq", "https://example.com/Path"),
    ("link", "co", "/Path"),
    ("owner", "eq", "/Things/7"),
    ("owner", "eq", "http://elsewhere.example/Things/7"),
    ("owner", "sw", "Things/"),
    ("tags", "eq", "RED"),
    ("tags", "eq", "Green"),
    ("tags", "ne", "red"),
    ("tags", "pr"),
    ("part", "pr"),
    ("part.back", "eq", "b"),
    ("boss", "eq", "u-1"),
    ("emails", "co", "EXAMPLE.ORG"),
    ("emails.value", "eq", "b@example.org"),
    ("emails.type", "eq", "home"),
    ("emails.type", "ne", "home"),
    ("emails.rank", "gt", 9),
    ("emails.rank", "lt", 2),
    ("emails.labels", "eq", "Y"),
    ("emails.primary", "eq", True),
    ("members", "eq", "u-2"),
    ("members.$ref", "eq", "https://other.example/v2/Things/u-2"),
    ("id", "eq", "Id-1"),
    ("externalId", "sw", "E"),
    ("schemas", "eq", DESK.upper()),
    ("meta.created", "gt", "2026-11-21T21:43:38.1229Z"),
    ("meta.location", "eq", "https://example.com/Things/Id-1"),
    (f"{DESK}:seat", "eq", "s-1"),
    ("seat", "pr"),
    ("text", "ne", None),
    ("externalId", "ne", "ext"),
    (f"{HALL}:door", "eq", None),
    (f"{HALL}:door", "ne", "x"),
]

FALSE: list[Shorthand] = [
    ("text", "eq", "Jurgen"),
    ("text", "ne", "jürgen"),
    ("text", "co", "%"),
    ("text", "sw", "ürgen"),
    ("text", "ew", "jürge"),
    ("text", "gt", "jürgen"),
    ("text", "lt", "jürgen"),
    ("text", "eq", None),
    ("exact", "eq", "jürgen"),
    ("exact", "co", "JÜ"),
    ("flag", "eq", True),
    ("flag", "ne", False),
    ("count", "lt", 9),
    ("count", "ne", 10),
    ("ratio", "lt", 9),
    ("ratio", "ne", Decimal("10.500")),
    ("moment", "ne", "2026-11-21T21:43:38Z"),
    ("moment", "gt", "2026-11-21T22:00:00Z"),
    ("blob", "ne", "+/8"),
    ("link", "eq", "https://example.com/path"),
    ("owner", "eq", "Things/8"),
    ("owner", "co", "example.com"),
    ("tags", "eq", "blue"),
    ("tags", "eq", None),
    ("part.front", "pr"),
    ("emails.value", "eq", "c@example.com"),
    ("emails.labels", "eq", "z"),
    ("emails.primary", "eq", False),
    ("members", "eq", "U-2"),
    ("id", "eq", "id-1"),
    ("externalId", "eq", "ext"),
    ("schemas", "eq", HALL),
    ("seat", "eq", "s-2"),
    (f"{HALL}:door", "pr"),
    (f"{HALL}:door", "eq", "x"),
]

OPERATORS = ("R-FILT-15", "R-FILT-20", "R-FILT-21", "R-FILT-23", "R-FILT-24", "R-FILT-26", "R-FILT-27", "R-FILT-36")


@pytest.mark.req(*OPERATORS, "R-TYPE-12")
@pytest.mark.parametrize("condition", TRUE, ids=shown)
def test_these_hold(condition: Shorthand) -> None:
    assert holds(node(*condition), RESOURCE)
    assert not holds(f.Not(node(*condition)), RESOURCE)


@pytest.mark.req(*OPERATORS)
@pytest.mark.parametrize("condition", FALSE, ids=shown)
def test_these_do_not_hold(condition: Shorthand) -> None:
    assert not holds(node(*condition), RESOURCE)
    assert holds(f.Not(node(*condition)), RESOURCE)


TEXT_OPERATORS = list(Operator)
ORDER_OPERATORS = [o for o in Operator if o not in ("co", "sw", "ew")]
EQUALITY_OPERATORS = [Operator.EQ, Operator.NE, Operator.PR]

ABSENT: list[tuple[str, Literal, list[Operator]]] = [
    ("text", "x", TEXT_OPERATORS),
    ("exact", "", TEXT_OPERATORS),
    ("flag", False, EQUALITY_OPERATORS),
    ("count", 0, ORDER_OPERATORS),
    ("ratio", 0, ORDER_OPERATORS),
    ("moment", "2026-11-21T21:43:38Z", ORDER_OPERATORS),
    ("blob", "", EQUALITY_OPERATORS),
    ("link", "x", TEXT_OPERATORS),
    ("owner", "x", TEXT_OPERATORS),
    ("tags", "x", TEXT_OPERATORS),
    ("part.front", "x", TEXT_OPERATORS),
    ("boss", "x", TEXT_OPERATORS),
    ("emails", "x", TEXT_OPERATORS),
    ("emails.rank", 0, ORDER_OPERATORS),
    ("emails.labels", "", TEXT_OPERATORS),
    ("members", "x", TEXT_OPERATORS),
    ("seat", "x", TEXT_OPERATORS),
]


@pytest.mark.req("R-FILT-30", "R-FILT-31")
@pytest.mark.parametrize(("name", "literal", "operators"), ABSENT)
def test_of_an_absent_value_only_ne_holds(name: str, literal: Literal, operators: list[Operator]) -> None:
    conditions = {o: node(name, o) if o is Operator.PR else node(name, o, literal) for o in operators}
    assert {o for o, condition in conditions.items() if holds(condition, {})} == {Operator.NE}


PRESENT: list[tuple[str, dict[str, Json], bool]] = [
    ("text", {"text": "a"}, True),
    ("text", {"text": ""}, False),
    ("text", {"text": None}, False),
    ("text", {}, False),
    ("flag", {"flag": False}, True),
    ("count", {"count": 0}, True),
    ("tags", {"tags": []}, False),
    ("tags", {"tags": [""]}, False),
    ("tags", {"tags": ["", "a"]}, True),
    ("part", {"part": {}}, False),
    ("part", {"part": {"front": ""}}, False),
    ("part", {"part": {"front": "", "back": "b"}}, True),
    ("emails", {"emails": [{}]}, False),
    ("emails", {"emails": [{"type": "work"}]}, True),
    ("emails", {"emails": [{"labels": [""]}]}, False),
    ("emails.value", {"emails": [{"type": "work"}]}, False),
    ("emails.labels", {"emails": [{"labels": []}, {"labels": ["a"]}]}, True),
    ("seat", {DESK: {}}, False),
]


@pytest.mark.req("R-FILT-28")
@pytest.mark.parametrize(("name", "resource", "present"), PRESENT)
def test_present_is_what_holds_something(name: str, resource: dict[str, Json], present: bool) -> None:
    assert holds(node(name, "pr"), resource) == present
    assert holds(node(name, "ne", None), resource) == present
    assert holds(node(name, "eq", None), resource) != present


def elements(name: str, condition: f.Filter) -> f.Elements:
    return f.Elements(AttrPath(name), condition)


WORK, HOME = node("type", "eq", "work"), node("type", "eq", "home")
ORG = node("value", "ew", ".org")

IN_BRACKETS: list[tuple[str, f.Filter, bool]] = [
    ("emails", WORK, True),
    ("emails", f.And((WORK, ORG)), False),
    ("emails", f.And((HOME, ORG)), True),
    ("emails", f.Or((node("type", "eq", "other"), f.And((HOME, ORG)))), True),
    ("emails", f.Not(WORK), True),
    ("emails", f.And((f.Not(WORK), f.Not(HOME))), False),
    ("emails", node("primary", "ne", True), True),
    ("emails", f.And((WORK, node("labels", "eq", "y"))), True),
    ("emails", f.And((HOME, node("labels", "pr"))), False),
    ("emails", f.And((HOME, node("labels", "eq", None))), True),
    ("tags", node("value", "eq", "red"), True),
    ("tags", node("tags", "sw", "gre"), True),
    ("tags", f.And((node("value", "sw", "r"), node("value", "ew", "n"))), False),
    ("part", node("back", "eq", "b"), True),
    ("part", node("front", "pr"), False),
    ("boss", f.And((node("value", "eq", "u-1"), node("display", "eq", "bo"))), True),
    ("members", node("$ref", "eq", "Things/u-2"), True),
]


@pytest.mark.req("R-FILT-16", "R-FILT-18", "R-PATCH-53")
@pytest.mark.parametrize(("name", "condition", "expected"), IN_BRACKETS)
def test_what_brackets_say_holds_for_one_element(name: str, condition: f.Filter, expected: bool) -> None:
    assert holds(elements(name, condition), RESOURCE) == expected


@pytest.mark.req("R-FILT-32")
@pytest.mark.parametrize("name", ["emails", "tags", "part"])
def test_without_elements_no_brackets_hold(name: str) -> None:
    condition = node("front" if name == "part" else "value", "ne", "x")
    assert not holds(elements(name, condition), {})
    assert holds(f.Not(elements(name, condition)), {})


@pytest.mark.req("R-FILT-05")
def test_and_or_and_not_mean_what_they_say() -> None:
    yes, no = node("text", "pr"), node("text", "eq", None)
    assert holds(f.And((yes, yes)), RESOURCE)
    assert not holds(f.And((yes, no)), RESOURCE)
    assert holds(f.Or((no, yes)), RESOURCE)
    assert not holds(f.Or((no, no)), RESOURCE)
    assert not holds(f.Not(f.Or((no, yes))), RESOURCE)


@pytest.mark.parametrize("value", [True, False])
def test_a_constant_is_itself(value: bool) -> None:
    assert matches(f.Always(value), {}) is value
    assert element_matches(f.Always(value), {}, EMAILS) is value


def test_elements_are_selected_by_their_own_values() -> None:
    condition = bind_condition(f.And((HOME, ORG)), EMAILS, Leniency(STRICT))
    assert [element_matches(condition, element, EMAILS) for element in RESOURCE["emails"]] == [False, True]
    simple = bind_condition(node("value", "eq", "GREEN"), TAGS, Leniency(STRICT))
    assert [element_matches(simple, element, TAGS) for element in RESOURCE["tags"]] == [False, True]


def test_a_test_of_an_element_has_no_meaning_outside_of_brackets_nor_one_of_a_resource_inside() -> None:
    inner = bind_condition(WORK, EMAILS, Leniency(STRICT))
    outer = bind(node("text", "pr"), THING, Leniency(STRICT))
    with pytest.raises(TypeError, match="outside"):
        matches(inner, RESOURCE)
    with pytest.raises(TypeError, match="inside"):
        element_matches(outer, {}, EMAILS)


# Laws ----------------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["", "a", "A", "ä", "a\u0308", "ab", "B", "%", "_", "Ａ", 'a"b', "ß", "ss", "x" * 600])
NUMBERS = st.integers(-3, 3)
TIMES = st.sampled_from(
    ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00.001", "2025-12-31T24:00:00Z"]
)
VALUES: dict[str, st.SearchStrategy[Json]] = {
    "text": WORDS,
    "exact": WORDS,
    "flag": st.booleans(),
    "count": NUMBERS,
    "ratio": NUMBERS | st.sampled_from([Decimal("0.5"), Decimal("-0.5"), Decimal("1.0")]),
    "moment": TIMES,
}
ELEMENTS = st.fixed_dictionaries(
    {}, optional={"value": WORDS, "type": WORDS, "primary": st.booleans(), "rank": NUMBERS}
)
RESOURCES = st.fixed_dictionaries(
    {},
    optional={
        **VALUES,
        "tags": st.lists(WORDS, max_size=3),
        "emails": st.lists(ELEMENTS, max_size=3),
        "part": st.fixed_dictionaries({}, optional={"front": WORDS, "back": WORDS}),
        DESK: st.fixed_dictionaries({}, optional={"seat": WORDS}),
    },
)
EQUALITY = st.sampled_from(["eq", "ne"])
ORDERING = EQUALITY | st.sampled_from(["gt", "ge", "lt", "le"])
ANY = ORDERING | st.sampled_from(["co", "sw", "ew"])


def leaves(values: dict[str, st.SearchStrategy[Json]]) -> st.SearchStrategy[f.Filter]:
    def of(name: str) -> st.SearchStrategy[f.Filter]:
        operators = EQUALITY if name in ("flag", "primary") else ORDERING if name in NOT_TEXT else ANY
        null = st.builds(node, st.just(name), EQUALITY, st.none())
        return st.builds(node, st.just(name), operators, values[name]) | null | st.just(node(name, "pr"))

    return st.sampled_from(sorted(values)).flatmap(of)


NOT_TEXT = {"count", "ratio", "moment", "rank"}


def trees(leaf: st.SearchStrategy[f.Filter]) -> st.SearchStrategy[f.Filter]:
    def grow(inner: st.SearchStrategy[f.Filter]) -> st.SearchStrategy[f.Filter]:
        terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(f.Not, inner) | st.builds(f.And, terms) | st.builds(f.Or, terms)

    return st.recursive(leaf, grow, max_leaves=5)


INNER = trees(leaves({"value": WORDS, "type": WORDS, "primary": st.booleans(), "rank": NUMBERS}))
MULTI = leaves({"tags": WORDS, "emails": WORDS, "emails.type": WORDS, "part.front": WORDS, "seat": WORDS})
FILTERS = trees(leaves(VALUES) | MULTI | INNER.map(lambda inner: elements("emails", inner)))


@given(FILTERS, FILTERS, RESOURCES)
@pytest.mark.req("R-FILT-32")
def test_every_filter_holds_or_its_negation_does(one: f.Filter, other: f.Filter, resource: dict[str, Json]) -> None:
    assert holds(one, resource) != holds(f.Not(one), resource)
    assert holds(f.Not(f.And((one, other))), resource) == holds(f.Or((f.Not(one), f.Not(other))), resource)


@given(st.sampled_from(sorted(VALUES)), st.data(), RESOURCES)
@pytest.mark.req("R-FILT-31", "R-FILT-32")
def test_for_one_value_ne_is_the_complement_of_eq(name: str, data: st.DataObject, resource: dict[str, Json]) -> None:
    literal = data.draw(VALUES[name])
    assert holds(node(name, "ne", literal), resource) != holds(node(name, "eq", literal), resource)


@given(st.sampled_from(sorted(set(VALUES) - {"flag"})), st.data(), RESOURCES)
@pytest.mark.req("R-FILT-24")
def test_a_value_is_less_equal_or_greater(name: str, data: st.DataObject, resource: dict[str, Json]) -> None:
    literal = data.draw(VALUES[name])
    less, equal, greater = (holds(node(name, operator, literal), resource) for operator in ("lt", "eq", "gt"))
    assert less + equal + greater == (name in resource)
    assert holds(node(name, "le", literal), resource) == (less or equal)
    assert holds(node(name, "ge", literal), resource) == (greater or equal)


@given(st.sampled_from(["text", "exact", "tags", "emails", "seat"]), WORDS, RESOURCES)
@pytest.mark.req("R-FILT-21")
def test_what_is_equal_begins_and_ends_and_what_begins_or_ends_contains(
    name: str, literal: str, resource: dict[str, Json]
) -> None:
    equal, begins, ends, contains = (
        holds(node(name, operator, literal), resource) for operator in ("eq", "sw", "ew", "co")
    )
    assert begins >= equal <= ends
    assert contains >= max(begins, ends)


@given(INNER, RESOURCES)
@pytest.mark.req("R-FILT-16")
def test_brackets_hold_where_one_element_alone_makes_them_hold(inner: f.Filter, resource: dict[str, Json]) -> None:
    alone = [holds(elements("emails", inner), {"emails": [element]}) for element in resource.get("emails", [])]
    assert holds(elements("emails", inner), resource) == any(alone)
