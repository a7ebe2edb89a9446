"""Filters, sorts and pages mean the same in SQL, on both engines, as in `domain.match` and in Python."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from scim_server.domain import binding, compare
from scim_server.domain import filter as f
from scim_server.domain.attrpath import AttrPath, BoundPath, bind, comparable
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.match import matches
from scim_server.domain.query import Order, Page, Query, Selection
from scim_server.domain.resource import Meta
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import ScimError
from scim_server.storage.base import Creation, Found, Transaction
from scim_server.storage.sql import Database, open_database
from tests.databases import ENGINES
from tests.domain.every_type import DESK, HALL
from tests.storage.things import DAY, LATER, LATEST, MEMBERS, OTHER, REGISTRY, THING, Model, Thing, draft

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

LONG = "x" * 6000
TEXTS = [
    *("", "a", "A", "ab", "aB", "abc", "b", "%", "_", "a%b", "a_b", "%%", "'", "''", '"', "\\", "\\\\", "\\u0041"),
    *("é", "e\u0301", "É", "ß", "SS", "ss", "İ", "i\u0307", "ﬁ", "ｱ", "Å", "\u212b", "Ω", "ω", "ς", "Σ"),
    *("😀", "😀a", "a😀", "\U0010ffff", "a\U0010ffff", "\ud7ff", "\ue000", "\uffff", "\x01", "\x7f", "\u2028"),
    *(" a", "a ", "a\nb", "a\tb", "true", "null", "1", "10", "9", "{}", "[]", '{"a":1}', "$.a", "--", "; DROP"),
    *(LONG, LONG + "y", LONG + "z", LONG.upper(), "work", "home", "WORK", "direct", "Thing", "Things/t-01"),
]
DISTINCT = list({compare.fold(text): text for text in TEXTS}.values())
INTEGERS = [0, 1, -1, 9, 10, 2**31, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), -(2**63) + 1]
DECIMALS = [Decimal(d) for d in ("0", "0.0", "1", "1.0", "-1.2", "-1.23", "10.50", "1E+30", "1E-30", "-1E+30", "0.1")]
MOMENTS = [
    *("2026-11-21T21:43:38Z", "2026-11-21T23:43:38+02:00", "2026-11-21T21:43:38.1Z", "2026-11-21T21:43:38.10-00:00"),
    *("0001-01-01T14:00:00+14:00", "9999-12-31T23:59:59.999999999Z", "2026-11-21T24:00:00Z", DAY, LATER),
]
BLOBS = ["", "AA==", "+/8=", "-_8", "QUJD"]
LINKS = ["", "https://example.com/Path", "https://example.com/path", "../Things/t-01", "/v2/Things/t-01/", "t-01"]
NAMES = [f"t-{number:02}" for number in range(60)]

Value = Callable[[Random], Json]


def one_of(values: list[Any]) -> Value:
    return lambda random: random.choice(values)


def some_of(value: Value) -> Value:
    return lambda random: [value(random) for _ in range(random.randint(1, 3))]


def object_of(**members: Value) -> Value:
    def made(random: Random) -> Json:
        return {name.strip("_"): v(random) for name, v in members.items() if random.random() < 0.7}

    return made


EMAIL = object_of(
    value=one_of(TEXTS),
    type=one_of(["work", "Work", "home", ""]),
    primary=one_of([True, False]),
    rank=one_of(INTEGERS),
    labels=some_of(one_of(TEXTS)),
)
LEVEL = object_of(level=one_of(INTEGERS))
SHAPES: dict[str, Value] = {
    "externalId": one_of(TEXTS),
    "exact": one_of(TEXTS),
    "flag": one_of([True, False]),
    "count": one_of(INTEGERS),
    "ratio": one_of(DECIMALS),
    "moment": one_of(MOMENTS),
    "blob": one_of(BLOBS),
    "link": one_of(LINKS),
    "owner": one_of(LINKS),
    "tags": some_of(one_of(TEXTS)),
    "part": object_of(front=one_of(TEXTS), back=one_of(TEXTS)),
    "boss": object_of(value=one_of([*NAMES, *TEXTS]), display=one_of(TEXTS)),
    "emails": some_of(EMAIL),
    DESK: LEVEL,
    HALL: object_of(door=one_of(TEXTS), level=one_of(INTEGERS)),
}


def a_thing(random: Random, number: int) -> dict[str, Json]:
    """Attributes in canonical form: about half of them, nothing empty but strings."""
    made = {name: shape(random) for name, shape in SHAPES.items() if random.random() < 0.5}
    if "emails" in made:
        made["emails"] = [email for email in made["emails"] if email]
    if number % 3:
        made["text"] = DISTINCT[number % len(DISTINCT)] if number < 55 else ""
    if number % 4 == 0:
        made.setdefault(DESK, {})["seat"] = f"S-{number}"
    return {name: value for name, value in made.items() if value not in ({}, [])}


def the_model(random: Random) -> Model:
    """Sixty things, some of them with members, and twenty others."""
    model = Model()
    for number, id in enumerate(NAMES):
        created, changed = random.choice([(DAY, DAY), (DAY, LATER), (LATER, LATER)])
        model.resources[id] = Thing(THING, id, a_thing(random, number), Meta(created, changed, 1, 1))
    for number in range(20):
        label = {"label": random.choice(TEXTS)} if number % 3 else {}
        model.resources[f"s-{number:02}"] = Thing(
            OTHER, f"s-{number:02}", {**label, "text": f"Other {number}"}, Meta(DAY, DAY, 1)
        )
    for id in random.sample(NAMES, 15):
        thing = model.resources[id]
        thing.members = [a_member(random, value) for value in random.sample([*NAMES, "gone", "Gone"], 6)]
        thing.meta = Meta(thing.meta.created, LATEST, 1, 2)
    return model


def a_member(random: Random, value: str) -> Json:
    rest = object_of(type=one_of(["User", "user", "Group"]), display=one_of(TEXTS))(random)
    return {"value": value, **rest} if random.random() < 0.6 else {"value": value}


@dataclass(repr=False)
class World:
    """A database that holds a model, next to a tenant that holds the same ids with nothing in them."""

    database: Database
    tenant: int
    model: Model
    whole: dict[str, dict[str, Json]] = field(init=False)

    def __repr__(self) -> str:
        return self.database.connections.dialect_name

    def __post_init__(self) -> None:
        self.whole = {id: self.model.whole(id) for id in sorted(self.model.resources)}

    def find(self, query: Query) -> Found:
        return self.database.storage.search(self.tenant, query, frozenset())

    def ids(self, *selections: Selection) -> list[str]:
        found = self.find(Query(selections, Page(count=1000)))
        assert found.total == len(found.records)
        return [record.id for record in found.records]

    def matching(self, selection: Selection) -> list[str]:
        """The ids in order that Python finds."""
        condition = selection.filter
        return [
            id
            for id, whole in self.whole.items()
            if self.model.resources[id].resource_type is selection.resource_type
            and (condition is None or matches(condition, whole))
        ]


def fill(database: Database, model: Model) -> World:
    tenant = database.tenancy.add_tenant("default", "", {}).id
    neighbour = database.tenancy.add_tenant("neighbour", "", {}).id

    def write(transaction: Transaction) -> None:
        for id, thing in model.resources.items():
            transaction.insert(
                Creation(thing.resource_type, draft(thing.resource_type, id, thing.attributes)), thing.meta.created
            )
        for id, thing in model.resources.items():
            members = RowsChange(add={member["value"]: member for member in thing.members})
            if transaction.change_rows(THING, id, MEMBERS, members):
                transaction.touch(THING, id, thing.meta.last_modified)

    def write_times(transaction: Transaction) -> None:
        for id, thing in model.resources.items():
            before = draft(thing.resource_type, id, thing.attributes)
            if thing.meta.last_modified != thing.meta.created and not thing.members:
                version = transaction.update(thing.resource_type, before.entries, before, thing.meta.last_modified)
                thing.meta = Meta(thing.meta.created, thing.meta.last_modified, version, 1)

    database.storage.write(tenant, write)
    database.storage.write(tenant, write_times)
    database.storage.write(
        neighbour, lambda t: [t.insert(Creation(THING, draft(THING, id)), LATEST) for id in NAMES] and None
    )
    return World(database, tenant, model)


@pytest.fixture(scope="module", params=ENGINES)
def world(
    request: pytest.FixtureRequest, new_database: Callable[..., str], migrated: Callable[[str], str]
) -> Iterator[World]:
    database = open_database(new_database(request.param, migrated(request.param)), REGISTRY)
    yield fill(database, the_model(Random(20261121)))
    database.close()


# Generated filters ---------------------------------------------------------------------------------------------------

OPERATORS = [operator.value for operator in f.Operator if operator is not f.Operator.PR]
ORDERED = ["eq", "ne", "gt", "ge", "lt", "le"]
ANY_TEXT = [*TEXTS, "\ud800", "a\udfff", "a\0b"]

PATHS: dict[str, tuple[list[str], list[Any]]] = {
    **dict.fromkeys(
        ("text", "exact", "externalId", "tags", "part.front", "part.back", "boss", "boss.display"),
        (OPERATORS, ANY_TEXT),
    ),
    **dict.fromkeys(("emails", "emails.value", "emails.type", "emails.labels", f"{HALL}:door"), (OPERATORS, ANY_TEXT)),
    **dict.fromkeys((f"{DESK}:seat",), (OPERATORS, ["S-4", "s-8", "S-", "", "s-1"])),
    **dict.fromkeys(
        ("members", "members.value", "memberOf", "memberOf.value", "id"), (OPERATORS, [*NAMES, "Gone", "t-"])
    ),
    **dict.fromkeys(("members.type", "members.display", "memberOf.display", "memberOf.type"), (OPERATORS, ANY_TEXT)),
    **dict.fromkeys(
        ("memberOf.$ref", "owner", "link", "meta.location"), (["eq", "ne", "co", "sw", "ew"], [*LINKS, *NAMES])
    ),
    **dict.fromkeys(("count", "emails.rank", f"{DESK}:level", f"{HALL}:level"), (ORDERED, INTEGERS)),
    **dict.fromkeys(("flag", "emails.primary"), (["eq", "ne"], [True, False])),
    **dict.fromkeys(("moment", "meta.created", "meta.lastModified"), (ORDERED, [*MOMENTS, LATEST])),
    "ratio": (ORDERED, DECIMALS),
    "blob": (["eq", "ne"], BLOBS),
    "schemas": (OPERATORS, [DESK, HALL, DESK.upper(), "urn:example", ""]),
    "meta.resourceType": (OPERATORS, ["Thing", "thing", "Oth"]),
    "meta.version": (OPERATORS, ['W/"1.1"', 'W/"1.2"', 'W/"2.1"', 'W/"1"', "W", '"']),
    "label": (OPERATORS, ANY_TEXT),
}
BRACKETS: dict[str, tuple[str, ...]] = {
    "emails": ("value", "type", "primary", "rank", "labels"),
    "part": ("front", "back"),
    "boss": ("value", "display"),
    "members": ("value", "type", "display"),
    "memberOf": ("value", "type", "display", "$ref"),
}


def path(name: str) -> AttrPath:
    urn, _, rest = name.rpartition(":")
    attribute, _, sub = rest.partition(".")
    return AttrPath(attribute, sub or None, urn or None)


def leaves(names: list[str], holder: str = "") -> st.SearchStrategy[f.Filter]:
    def comparisons(name: str) -> st.SearchStrategy[f.Filter]:
        operators, literals = PATHS[holder + name]
        compared = st.builds(
            f.Comparison,
            st.just(path(name)),
            st.sampled_from(list(map(f.Operator, operators))),
            st.sampled_from(literals),
        )
        return compared | st.just(f.Presence(path(name)))

    return st.sampled_from(names).flatmap(comparisons)


def combined(leaf: st.SearchStrategy[f.Filter], most: int) -> st.SearchStrategy[f.Filter]:
    def deeper(inner: st.SearchStrategy[f.Filter]) -> st.SearchStrategy[f.Filter]:
        terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return st.builds(f.And, terms) | st.builds(f.Or, terms) | st.builds(f.Not, inner)

    return st.recursive(leaf, deeper, max_leaves=most)


def in_brackets(name: str) -> st.SearchStrategy[f.Filter]:
    inner = combined(leaves(list(BRACKETS[name]), f"{name}."), 3)
    return st.builds(f.Elements, st.just(path(name)), inner)


LEAVES = leaves(list(PATHS)) | st.sampled_from(list(BRACKETS)).flatmap(in_brackets)
for name in ("part.front", "part.back", "boss.value", "boss.display"):
    PATHS.setdefault(name, (OPERATORS, [*NAMES, *TEXTS]))
FILTERS = combined(LEAVES, 5)


def bound(condition: f.Filter, *types: ResourceType) -> tuple[f.BoundFilter, ...]:
    try:
        return binding.bind_all(condition, types, Leniency(STRICT))
    except ScimError:
        assume(False)
        raise


THOROUGHLY = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.req("R-FILT-31", "R-FILT-32", "R-I18N-07")
@THOROUGHLY
@given(condition=FILTERS)
def test_a_filter_means_in_sql_what_match_says(world: World, condition: f.Filter) -> None:
    (only,) = bound(condition, THING)
    selection = Selection(THING, only)
    assert world.ids(selection) == world.matching(selection)


@pytest.mark.unmeasured
@THOROUGHLY
@given(condition=FILTERS)
def test_a_filter_over_several_types_means_the_same(world: World, condition: f.Filter) -> None:
    of_thing, of_other = bound(condition, THING, OTHER)
    selections = Selection(THING, of_thing), Selection(OTHER, of_other)
    expected = sorted(id for selection in selections for id in world.matching(selection))
    assert world.ids(*selections) == expected


def comparison(name: str, operator: f.Operator, literal: Any) -> f.BoundFilter | None:
    """A test of a thing, or None where that attribute has no such test."""
    try:
        return binding.bind(f.Comparison(path(name), operator, literal), THING, Leniency(STRICT))
    except ScimError:
        return None


@pytest.mark.parametrize("name", PATHS)
def test_every_operator_on_every_path_agrees_with_match(world: World, name: str) -> None:
    operators, literals = PATHS[name]
    for operator in map(f.Operator, operators):
        for literal in Random(name).sample(literals, min(len(literals), 3)):
            if (condition := comparison(name, operator, literal)) is not None:
                selection = Selection(THING, condition)
                assert world.ids(selection) == world.matching(selection), (operator, literal)


def test_a_filter_of_as_many_terms_as_are_allowed_is_answered(world: World) -> None:
    terms = [f.Comparison(path("exact"), f.Operator.NE, str(number)) for number in range(256)]
    for condition in (f.And(tuple(terms)), f.Or(tuple(terms)), f.Not(f.And(tuple(terms)))):
        selection = Selection(THING, binding.bind(condition, THING, Leniency(STRICT)))
        assert world.ids(selection) == world.matching(selection)


def test_a_filter_as_deep_as_is_allowed_is_answered(world: World) -> None:
    condition: f.Filter = f.Comparison(path("exact"), f.Operator.CO, "a")
    for level in range(64):
        other = f.Comparison(path("text"), f.Operator.NE, str(level))
        condition = f.Not(f.Or((condition, other))) if level % 2 else f.And((condition, other))
    selection = Selection(THING, binding.bind(condition, THING, Leniency(STRICT)))
    assert world.ids(selection) == world.matching(selection)


# Sorts and pages -----------------------------------------------------------------------------------------------------

SORTS = [
    *("text", "exact", "flag", "count", "ratio", "moment", "blob", "owner", "tags", "part.front", "boss.display"),
    *("emails.value", "emails.rank", "emails.primary", "emails.labels", f"{DESK}:level", f"{HALL}:door"),
    *("id", "meta.created", "meta.lastModified", "meta.version", "meta.location", "meta.resourceType"),
    *("members.value", "members.display", "memberOf.value", "memberOf.display", "schemas"),
]


def sort_path(name: str, resource_type: ResourceType) -> BoundPath | None:
    found = bind(path(name), resource_type)
    return comparable(found) if found else None


def sort_key(whole: Json, sort_by: BoundPath | None) -> compare.Key | None:
    """The key of the one value that counts: of a list the primary element, else the first."""
    if sort_by is None:
        return None
    value: Json = whole
    for step in sort_by.steps:
        if isinstance(value, list):
            value = next((element for element in value if element.get("primary")), value[0])
        value = (value or {}).get(step)
    value = value[0] if isinstance(value, list) else value
    return None if value is None else compare.key(sort_by.leaf, value)


def in_order(world: World, order: Order, *selections: Selection) -> list[str]:
    """The ids that the selections find, in the order that `domain.query.Query` describes."""
    keyed = [
        (sort_key(world.whole[id], selection.sort_by), id)
        for selection in selections
        for id in world.matching(selection)
    ]
    ordered = sorted(keyed, key=lambda pair: (pair[0] is None, *((pair[0],) if pair[0] is not None else ()), pair[1]))
    return [id for _, id in (ordered if order is Order.ASCENDING else reversed(ordered))]


@pytest.mark.req("R-SORT-02", "R-SORT-03", "R-SORT-04", "R-SORT-06", "R-SORT-07")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", SORTS)
def test_a_sort_by_any_attribute_has_one_order_everywhere(world: World, name: str, order: Order) -> None:
    selection = Selection(THING, None, sort_path(name, THING))
    found = world.find(Query((selection,), Page(count=1000), order))
    assert [record.id for record in found.records] == in_order(world, order, selection)


@pytest.mark.req("R-GET-09")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", ["text", "label", "count", "meta.lastModified", "memberOf.display"])
def test_types_without_the_sort_attribute_have_absent_values(world: World, name: str, order: Order) -> None:
    selections = tuple(Selection(t, None, sort_path(name, t)) for t in (THING, OTHER))
    found = world.find(Query(selections, Page(count=1000), order))
    assert [record.id for record in found.records] == in_order(world, order, *selections)


FOR_PAGES: list[tuple[f.Filter | None, str | None]] = [
    (None, None),
    (None, "exact"),
    (f.Presence(path("exact")), None),
    (f.Presence(path("exact")), "meta.lastModified"),
    (f.Comparison(path("exact"), f.Operator.EQ, "no such"), None),
]


@pytest.mark.parametrize("order", [None, *Order])
@pytest.mark.parametrize(("condition", "sort"), FOR_PAGES)
def test_pages_join_to_the_whole_and_every_total_is_exact(
    world: World, condition: f.Filter | None, sort: str | None, order: Order | None
) -> None:
    (only,) = bound(condition, THING) if condition else (None,)
    selection = Selection(THING, only, sort_path(sort, THING) if sort else None)
    expected = in_order(world, order or Order.ASCENDING, selection if order else Selection(THING, only))
    for count in (1, 7, 60, 1000):
        starts = range(1, len(expected) + count + 2, count)
        pages = [world.find(Query((selection,), Page(start, count), order)) for start in starts]
        assert [record.id for page in pages for record in page.records] == expected
        assert {page.total for page in pages} == {len(expected)}


def test_a_page_of_nothing_counts_and_reads_no_resource(world: World) -> None:
    assert world.find(Query((Selection(THING), Selection(OTHER)), Page(1, 0))) == Found(80, [])
