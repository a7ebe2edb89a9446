"""Binding: names to attributes, operators and literals to types."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from scim_server.domain import binding
from scim_server.domain import filter as f
from scim_server.domain.attrpath import AttrPath, BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.dialect import STRICT, Dialect, Leniency, Tolerance
from scim_server.domain.filter import Comparison, Elements, Literal, Operator, Presence
from scim_server.domain.schema import Attribute
from scim_server.errors import InvalidFilter
from tests.domain import every_type as types
from tests.domain.every_type import CORE, DESK, EMAILS, HALL, OTHER, TAGS, THING

EQ, NE, CO, SW, EW, GT, GE, LT, LE, PR = Operator
EQUALITY, SUBSTRING, ORDERING = {EQ, NE}, {CO, SW, EW}, {GT, GE, LT, LE}
COMPARISONS = set(Operator) - {PR}


def strict() -> Leniency:
    return Leniency(STRICT)


def tolerant() -> Leniency:
    return Leniency(Dialect("tolerant", frozenset(Tolerance)))


def path(text: str) -> AttrPath:
    urn, _, name = text.rpartition(":")
    name, _, sub = name.partition(".")
    return AttrPath(name, sub or None, urn or None)


def compared(text: str, operator: Operator, literal: Literal) -> Comparison:
    return Comparison(path(text), operator, literal)


def sub(attribute: Attribute, name: str) -> Attribute:
    found = attribute.sub(name)
    assert found
    return found


SAMPLES: dict[str, tuple[Literal, Key]] = {
    "text": ("Ａb", "ab"),
    "exact": ("Ab", "Ab"),
    "flag": (False, False),
    "count": (-3, -3),
    "ratio": (Decimal("2.50"), "210000000000000000000" + "25"),
    "moment": ("2026-11-21T23:43:38+02:00", "2026-11-21T21:43:38.000000000Z"),
    "blob": ("-_8=", "+/8"),
    "link": ("https://example.com/A", "https://example.com/A"),
    "owner": ("https://example.com/v2/Things/1", "Things/1"),
}
"""attribute -> (a literal for it, the key of that)"""

ALLOWED = {
    "text": COMPARISONS,
    "exact": COMPARISONS,
    "flag": EQUALITY,
    "count": EQUALITY | ORDERING,
    "ratio": EQUALITY | ORDERING,
    "moment": EQUALITY | ORDERING,
    "blob": EQUALITY,
    "link": COMPARISONS,
    "owner": COMPARISONS,
}


@pytest.mark.req("R-FILT-20", "R-FILT-21", "R-FILT-22", "R-FILT-24", "R-FILT-25", "R-FILT-26", "R-FILT-27")
@pytest.mark.parametrize("name", ALLOWED)
def test_each_type_has_its_operators_and_no_others(name: str) -> None:
    literal, _ = SAMPLES[name]
    bound = set()
    for operator in COMPARISONS:
        try:
            binding.bind(compared(name, operator, literal), THING, strict())
        except InvalidFilter:
            continue
        bound.add(operator)
    assert bound == ALLOWED[name]


@pytest.mark.req("R-FILT-21", "R-FILT-23", "R-FILT-24", "R-FILT-26", "R-FILT-27")
@pytest.mark.parametrize("name", SAMPLES)
def test_a_literal_becomes_the_key_of_its_value(name: str) -> None:
    literal, key = SAMPLES[name]
    attribute = THING.schema.attribute(name)
    assert attribute
    assert binding.bind(compared(name, EQ, literal), THING, strict()) == f.Test(BoundPath(attribute), EQ, key)


@pytest.mark.req("R-FILT-26")
@pytest.mark.parametrize("operator", sorted(SUBSTRING))
def test_a_piece_of_a_reference_stays_as_it_is(operator: Operator) -> None:
    bound = binding.bind(compared("owner", operator, "v2/Things/1"), THING, strict())
    assert bound == f.Test(BoundPath(types.OWNER), operator, "v2/Things/1")


WRONG_LITERALS: list[tuple[str, Literal]] = [
    ("text", True),
    ("text", 5),
    ("text", Decimal("1.5")),
    ("flag", "true"),
    ("flag", 1),
    ("flag", "yes"),
    ("count", "5"),
    ("count", True),
    ("count", Decimal("5.0")),
    ("count", 2**63),
    ("ratio", "1.5"),
    ("ratio", False),
    ("moment", "2011-05-13"),
    ("moment", "soon"),
    ("moment", 5),
    ("blob", "*"),
    ("blob", 5),
    ("link", 5),
    ("tags", 5),
    ("emails", True),
    ("emails.rank", "x"),
    ("meta.created", "yesterday"),
]


@pytest.mark.req("R-FILT-10")
@pytest.mark.parametrize(("name", "literal"), WRONG_LITERALS)
def test_a_literal_of_another_type_is_refused(name: str, literal: Literal) -> None:
    leniency = strict()
    with pytest.raises(InvalidFilter) as refusal:
        binding.bind(compared(name, EQ, literal), THING, leniency)
    assert name in refusal.value.detail
    assert not leniency.used


MENDED: list[tuple[str, Literal, Literal, Tolerance]] = [
    ("flag", "True", True, Tolerance.STRING_LITERAL),
    ("flag", "FALSE", False, Tolerance.STRING_LITERAL),
    ("emails.primary", "true", True, Tolerance.STRING_LITERAL),
    ("count", "-5", -5, Tolerance.STRING_LITERAL),
    ("ratio", "1.5e3", Decimal(1500), Tolerance.STRING_LITERAL),
    ("ratio", "7", 7, Tolerance.STRING_LITERAL),
    ("text", 100234, "100234", Tolerance.BARE_WORD),
    ("emails", 5, "5", Tolerance.BARE_WORD),
]


@pytest.mark.req("R-FILT-10", "ENTRA-04", "ENTRA-25")
@pytest.mark.parametrize(("name", "literal", "meant", "tolerance"), MENDED)
def test_where_the_dialect_says_so_quotes_too_many_or_missing_are_mended_and_counted(
    name: str, literal: Literal, meant: Literal, tolerance: Tolerance
) -> None:
    leniency = tolerant()
    bound = binding.bind(compared(name, EQ, literal), THING, leniency)
    assert bound == binding.bind(compared(name, EQ, meant), THING, strict())
    assert leniency.used == {tolerance.value: 1}


INSIDE: dict[str, Callable[[f.Filter, f.Filter], f.Filter]] = {
    "and": lambda one, other: f.And((one, other)),
    "or": lambda one, other: f.Or((one, other)),
    "not": lambda _, other: f.Not(other),
}


@pytest.mark.req("ENTRA-04", "ENTRA-25")
@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_a_literal_is_mended_wherever_it_stands(inside: Callable[[f.Filter, f.Filter], f.Filter]) -> None:
    outer = inside(Presence(path("text")), compared("flag", EQ, "True"))
    inner = inside(Presence(path("value")), compared("primary", EQ, "True"))
    for bind in (
        lambda leniency: binding.bind(outer, THING, leniency),
        lambda leniency: binding.bind(Elements(path("emails"), inner), THING, leniency),
        lambda leniency: binding.bind_condition(inner, EMAILS, leniency),
    ):
        leniency = tolerant()
        bind(leniency)
        assert leniency.used == {"string-literal": 1}


NEVER_MENDED: list[tuple[str, Literal]] = [
    ("flag", "yes"),
    ("flag", 1),
    ("flag", "1"),
    ("count", "5.5"),
    ("count", "true"),
    ("count", "٣"),
    ("count", "0x1f"),
    ("count", "1" * 100),
    ("ratio", "NaN"),
    ("text", True),
    ("text", Decimal("1.5")),
]


@pytest.mark.parametrize(("name", "literal"), NEVER_MENDED)
def test_what_means_nothing_is_refused_by_every_dialect_and_not_counted(name: str, literal: Literal) -> None:
    leniency = tolerant()
    with pytest.raises(InvalidFilter):
        binding.bind(compared(name, EQ, literal), THING, leniency)
    assert not leniency.used


def test_a_literal_that_fits_uses_no_tolerance() -> None:
    leniency = tolerant()
    for name, (literal, _) in SAMPLES.items():
        binding.bind(compared(name, EQ, literal), THING, leniency)
    assert not leniency.used


EMAIL_VALUE = BoundPath(EMAILS, EMAILS.sub("value"))
BOSS_VALUE = BoundPath(types.BOSS, types.BOSS.sub("value"))
(DESK_SEAT, DESK_LEVEL) = THING.extensions[0].schema.attributes
META = types.COMMON.attribute("meta")
assert META

NAMES = [
    ("text", BoundPath(types.TEXT)),
    ("TEXT", BoundPath(types.TEXT)),
    (f"{CORE}:text", BoundPath(types.TEXT)),
    (f"{CORE.upper()}:Text", BoundPath(types.TEXT)),
    (f"{CORE}:part.front", BoundPath(types.PART, types.PART.sub("front"))),
    (f"{DESK}:seat", BoundPath(DESK_SEAT, None, DESK)),
    (f"{DESK.upper()}:SEAT", BoundPath(DESK_SEAT, None, DESK)),
    ("seat", BoundPath(DESK_SEAT, None, DESK)),
    ("EMAILS.VALUE", EMAIL_VALUE),
    ("emails", EMAIL_VALUE),
    ("boss", BOSS_VALUE),
    ("boss.value", BOSS_VALUE),
    ("tags", BoundPath(TAGS)),
    ("meta.location", BoundPath(META, META.sub("location"))),
    ("members.$ref", BoundPath(types.MEMBERS, types.MEMBERS.sub("$ref"))),
    ("schemas", BoundPath(types.COMMON.attributes[0])),
    ("id", BoundPath(types.COMMON.attributes[1])),
    ("externalId", BoundPath(types.COMMON.attributes[2])),
]


@pytest.mark.req("R-FILT-03", "R-FILT-11", "R-FILT-12", "R-FILT-13", "R-FILT-20", "R-FILT-36", "ENTRA-31")
@pytest.mark.parametrize(("name", "bound"), NAMES)
def test_a_name_in_any_case_means_its_attribute(name: str, bound: BoundPath) -> None:
    found = binding.bind(compared(name, CO, "x"), THING, strict())
    assert found == f.Test(bound, CO, "x")


UNKNOWN = [
    "nothing",
    "text.sub",
    "part.nothing",
    "level",  # two extensions have it
    "urn:example:other:text",
    f"{CORE}:seat",
    f"{DESK}:text",
    f"{DESK}:level.sub",
    DESK,
]


@pytest.mark.req("R-FILT-13", "R-FILT-35")
@pytest.mark.parametrize("name", UNKNOWN)
@pytest.mark.parametrize("operator", Operator)
def test_an_unknown_or_ambiguous_name_is_refused_by_name(name: str, operator: Operator) -> None:
    node = Presence(path(name)) if operator is PR else compared(name, operator, "x")
    with pytest.raises(InvalidFilter) as refusal:
        binding.bind(f.Or((Presence(path("text")), f.Not(node))), THING, tolerant())
    assert name in refusal.value.detail


@pytest.mark.req("R-FILT-20")
@pytest.mark.parametrize("name", ["part", "meta", "PART"])
@pytest.mark.parametrize("operator", sorted(COMPARISONS))
def test_a_complex_attribute_without_a_value_needs_a_sub_attribute(name: str, operator: Operator) -> None:
    with pytest.raises(InvalidFilter, match="sub-attribute"):
        binding.bind(compared(name, operator, "x"), THING, tolerant())


HIDDEN = ["secret", "thrown", "part.hidden"]


@pytest.mark.req("R-FILT-37", "R-FILT-38")
@pytest.mark.parametrize("name", HIDDEN)
@pytest.mark.parametrize(
    "node",
    [
        lambda name: Presence(path(name)),
        lambda name: compared(name, EQ, "x"),
        lambda name: compared(name, EQ, None),
        lambda name: f.Not(compared(name, NE, "x")),
    ],
)
def test_what_is_never_shown_cannot_be_guessed_by_filters(name: str, node: object) -> None:
    with pytest.raises(InvalidFilter, match="cannot be filtered on"):
        binding.bind(node(name), THING, tolerant())  # type: ignore[operator]


@pytest.mark.req("R-FILT-38")
def test_what_is_never_shown_cannot_be_guessed_in_brackets() -> None:
    condition = compared("hidden", EQ, "x")
    with pytest.raises(InvalidFilter, match="cannot be filtered on"):
        binding.bind(Elements(path("part"), condition), THING, tolerant())
    with pytest.raises(InvalidFilter, match="cannot be filtered on"):
        binding.bind_condition(condition, types.PART, tolerant())


@pytest.mark.req("R-FILT-29")
@pytest.mark.parametrize("name", ["text", "flag", "count", "moment", "tags", "part", "emails", "boss", "emails.type"])
def test_null_is_the_absence_of_the_attribute_itself(name: str) -> None:
    present = binding.bind(Presence(path(name)), THING, strict())
    assert isinstance(present, f.Test)
    assert present.path.key == name
    assert binding.bind(compared(name, NE, None), THING, strict()) == present
    assert binding.bind(compared(name, EQ, None), THING, strict()) == f.BoundNot(present)


@pytest.mark.req("R-FILT-29")
@pytest.mark.parametrize("operator", sorted(SUBSTRING | ORDERING))
def test_null_is_compared_for_equality_alone(operator: Operator) -> None:
    with pytest.raises(InvalidFilter, match="null"):
        binding.bind(compared("text", operator, None), THING, tolerant())


@pytest.mark.req("R-FILT-16", "R-FILT-17")
def test_brackets_bind_to_the_sub_attributes_of_their_attribute() -> None:
    node = Elements(path("EMAILS"), f.And((compared("TYPE", EQ, "Work"), f.Not(Presence(path("primary"))))))
    assert binding.bind(node, THING, strict()) == f.AnyElement(
        BoundPath(EMAILS),
        f.BoundAnd(
            (
                f.ElementTest(sub(EMAILS, "type"), EQ, "work"),
                f.BoundNot(f.ElementTest(sub(EMAILS, "primary"), PR)),
            )
        ),
    )


@pytest.mark.req("R-FILT-17")
def test_a_singular_complex_attribute_may_have_brackets() -> None:
    node = Elements(path("part"), compared("front", EQ, "x"))
    assert binding.bind(node, THING, strict()) == f.AnyElement(
        BoundPath(types.PART), f.ElementTest(sub(types.PART, "front"), EQ, "x")
    )


@pytest.mark.req("R-PATCH-53")
@pytest.mark.parametrize("name", ["value", "VALUE", "tags", "Tags"])
def test_simple_values_go_by_value_or_by_their_own_name_in_brackets(name: str) -> None:
    condition = compared(name, EQ, "X")
    assert binding.bind_condition(condition, TAGS, strict()) == f.ElementTest(None, EQ, "x")
    assert binding.bind(Elements(path("tags"), condition), THING, strict()) == f.AnyElement(
        BoundPath(TAGS), f.ElementTest(None, EQ, "x")
    )


BAD_CONDITIONS = [
    (EMAILS, compared("text", EQ, "x")),
    (EMAILS, compared("emails.type", EQ, "x")),
    (EMAILS, compared("emails", EQ, "x")),
    (EMAILS, compared(f"{CORE}:type", EQ, "x")),
    (EMAILS, compared("primary", GT, True)),
    (EMAILS, compared("rank", EQ, Decimal("1.5"))),
    (EMAILS, compared("type", GT, None)),
    (EMAILS, Elements(path("type"), Presence(path("value")))),
    (TAGS, compared("type", EQ, "x")),
    (types.TEXT, compared("value", EQ, "x")),
    (types.TEXT, compared("text", EQ, "x")),
]


@pytest.mark.req("R-FILT-17", "R-FILT-18", "R-PATCH-54")
@pytest.mark.parametrize(("attribute", "condition"), BAD_CONDITIONS)
def test_a_bad_filter_in_brackets_is_refused(attribute: Attribute, condition: f.Filter) -> None:
    with pytest.raises(InvalidFilter) as refusal:
        binding.bind_condition(condition, attribute, tolerant())
    assert refusal.value.detail != InvalidFilter.default
    with pytest.raises(InvalidFilter):
        binding.bind(Elements(AttrPath(attribute.name), condition), THING, tolerant())


def test_brackets_after_a_sub_attribute_are_refused() -> None:
    with pytest.raises(InvalidFilter, match="sub-attribute"):
        binding.bind(Elements(path("emails.type"), Presence(path("value"))), THING, strict())


def test_a_condition_on_elements_binds_quoted_booleans_as_any_filter_does() -> None:
    leniency = tolerant()
    bound = binding.bind_condition(compared("primary", EQ, "True"), EMAILS, leniency)
    assert bound == f.ElementTest(sub(EMAILS, "primary"), EQ, True)
    assert leniency.used == {"string-literal": 1}


ABSENT_IN_OTHER: list[tuple[f.Filter, f.BoundFilter]] = [
    (Presence(path("count")), f.Always(False)),
    (compared("count", EQ, 1), f.Always(False)),
    (compared("count", NE, 1), f.Always(True)),
    (compared("count", LT, 1), f.Always(False)),
    (compared("count", EQ, None), f.Always(True)),
    (compared("count", NE, None), f.Always(False)),
    (compared(f"{HALL}:door", CO, "x"), f.Always(False)),
    (Elements(path("emails"), compared("type", NE, "x")), f.Always(False)),
    (f.Not(compared("count", EQ, 1)), f.BoundNot(f.Always(False))),
]


@pytest.mark.req("R-GET-09")
@pytest.mark.parametrize(("node", "bound"), ABSENT_IN_OTHER)
def test_in_a_search_over_several_types_an_attribute_that_one_lacks_has_no_value_there(
    node: f.Filter, bound: f.BoundFilter
) -> None:
    here, there = binding.bind_all(node, (THING, OTHER), strict())
    assert here == binding.bind(node, THING, strict())
    assert there == bound


@pytest.mark.req("R-GET-09", "R-FILT-35")
@pytest.mark.parametrize(
    "node",
    [
        Presence(path("nothing")),
        f.Or((Presence(path("text")), compared("nothing", NE, 1))),
        Elements(path("emails"), compared("nothing", EQ, "x")),
    ],
)
def test_an_attribute_that_every_type_lacks_is_refused(node: f.Filter) -> None:
    with pytest.raises(InvalidFilter, match="nothing"):
        binding.bind_all(node, (OTHER, THING), strict())


def test_both_types_are_bound_to_their_own_attributes() -> None:
    node = f.And((Presence(path("label")), Presence(path("text"))))
    here, there = binding.bind_all(node, (THING, OTHER), strict())
    label = OTHER.schema.attributes[0]
    assert here == f.BoundAnd((f.Always(False), f.Test(BoundPath(types.TEXT), PR)))
    assert there == f.BoundAnd((f.Test(BoundPath(label), PR), f.Test(BoundPath(types.TEXT), PR)))
