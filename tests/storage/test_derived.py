"""Derived attributes, and rows of extensions, mean in SQL what `domain.match` says of the values that they should have.

A ship's company: who is named in `members` of somebody else is aboard there if its flag is set, or it is a pilot; who
is named in `crew` is anyhow; `above` is the id of who is above.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim_server.domain import binding
from scim_server.domain import filter as f
from scim_server.domain.attrpath import AttrPath, BoundPath, bind, comparable
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.match import matches
from scim_server.domain.query import Order, Page, Query, Selection
from scim_server.domain.registry import Registry
from scim_server.domain.rows import Element, RowsChange
from scim_server.domain.schema import (
    MOST_LEVELS,
    Absence,
    Attribute,
    AttributeType,
    Depth,
    Extension,
    Inverse,
    Json,
    Kept,
    Noted,
    Schema,
    Source,
    TakenSeats,
)
from scim_server.storage.base import Creation, Record, Reference, Transaction
from scim_server.storage.ledgers import Pool
from scim_server.storage.sql import Database, open_database
from tests.databases import ENGINES
from tests.domain.every_type import FLAG, TAGS
from tests.statements import sent_to
from tests.storage.things import DAY, MEMBERS, OTHER, REFERENCE, THING, draft, text

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

SHIP = "urn:example:extension:ship:1.0:Thing"
ABOARD = tuple(sub for sub in REFERENCE if sub.name != "type")
CREW = Attribute("crew", AttributeType.COMPLEX, True, kept=Kept.ROWS, holder=SHIP, sub_attributes=REFERENCE)


def derived(name: str, kind: AttributeType, **more: Any) -> Attribute:
    return Attribute(name, kind, kept=Kept.DERIVED, holder=SHIP, **more)


ABOVE = Attribute("above", case_exact=True)
_SCHEMA = Schema(
    SHIP,
    "Ship",
    "",
    (
        ABOVE,
        CREW,
        derived("aboard", AttributeType.COMPLEX, multi_valued=True, sub_attributes=ABOARD),
        derived("deck", AttributeType.INTEGER),
        derived("ashore", AttributeType.BOOLEAN),
        derived("alone", AttributeType.BOOLEAN),
        derived("due", AttributeType.BOOLEAN),
        derived("waits", AttributeType.STRING, multi_valued=True, case_exact=True),
        derived("berths", AttributeType.INTEGER),
    ),
)
_MAY_SAIL = f.BoundOr(
    (f.Test(BoundPath(FLAG), f.Operator.EQ, key=True), f.Test(BoundPath(TAGS), f.Operator.EQ, key="pilot"))
)
SAILOR = replace(
    THING,
    extensions=(Extension(_SCHEMA),),
    derivations={
        **THING.derivations,
        f"{SHIP}:aboard": Inverse("Thing", (Source("members", _MAY_SAIL), Source(f"{SHIP}:crew"))),
        f"{SHIP}:deck": Depth(BoundPath(ABOVE, None, SHIP)),
        f"{SHIP}:ashore": Absence(f"{SHIP}:aboard"),
        f"{SHIP}:alone": Absence("memberOf"),
        f"{SHIP}:due": Noted(),
        f"{SHIP}:waits": Noted(),
        f"{SHIP}:berths": TakenSeats(),
    },
)
REGISTRY = Registry((SAILOR, OTHER), (), "stamp-1")

IDS = [f"t-{number:02}" for number in range(40)]
LABELS = ["Anna", "anna", "Ben", "", "Östen", "%"]
NOTES = ["voice", "chat", "Voice", "x y"]


@dataclass(frozen=True)
class Sailor:
    """What is stored about one of them."""

    label: str | None
    flag: bool | None
    tags: tuple[str, ...]
    above: str | None
    members: tuple[str, ...]
    crew: tuple[str, ...]
    due: bool
    waits: tuple[str, ...]
    berths: int | None


def the_sailors(random: Random) -> dict[str, Sailor]:
    def some(chance: float, value: Any) -> Any:
        return value if random.random() < chance else None

    def others(chance: float) -> tuple[str, ...]:
        return tuple(random.sample([*IDS, "gone"], 5)) if random.random() < chance else ()

    return {
        id: Sailor(
            label=some(0.8, random.choice(LABELS)),
            flag=some(0.7, random.random() < 0.6),
            tags=tuple(random.sample(["Pilot", "cook"], random.randint(0, 2))),
            above=some(0.7, random.choice([*IDS, "s-1", "gone", id])),
            members=others(0.3),
            crew=others(0.3),
            due=random.random() < 0.3,
            waits=tuple(random.sample(NOTES, random.choice([0, 0, 1, 2]))),
            berths=some(0.3, random.randint(0, 3)),
        )
        for id in IDS
    }


@dataclass(repr=False)
class Harbour:
    """A database with sailors in it, and what each should look like."""

    database: Database
    tenant: int
    sailors: Mapping[str, Sailor]
    whole: Mapping[str, dict[str, Json]]

    def __repr__(self) -> str:
        return self.database.connections.dialect_name

    def search(self, selection: Selection, order: Order | None = None, *expand: str) -> Sequence[Record]:
        query = Query((selection,), Page(count=1000), order)
        return self.database.storage.search(self.tenant, query, frozenset(expand)).records

    def ids(self, condition: f.BoundFilter) -> list[str]:
        return [record.id for record in self.search(Selection(SAILOR, condition))]

    def matching(self, condition: f.BoundFilter) -> list[str]:
        return [id for id, whole in self.whole.items() if matches(condition, whole)]


def attributes(sailor: Sailor) -> dict[str, Json]:
    found: dict[str, Json] = {"exact": sailor.label, "flag": sailor.flag, "tags": [*sailor.tags] or None}
    if sailor.above is not None:
        found[SHIP] = {"above": sailor.above}
    return {name: value for name, value in found.items() if value is not None}


def deck(sailors: Mapping[str, Sailor], id: str) -> int:
    way: list[str] = []
    step: str | None = id
    while step is not None and step in sailors and step not in way and len(way) < MOST_LEVELS:
        way.append(step)
        step = sailors[step].above
    return len(way)


def whole_of(sailors: Mapping[str, Sailor], id: str) -> dict[str, Json]:
    """The resource with everything that a filter may ask about, in Python."""
    own = sailors[id]
    naming = {other for other, sailor in sailors.items() if id in sailor.members}
    aboard = (naming if own.flag or "Pilot" in own.tags else set()) | {
        other for other, sailor in sailors.items() if id in sailor.crew
    }

    def references(ids: set[str], **more: str) -> list[Json]:
        return [{**_reference(sailors, other), **more} for other in sorted(ids)]

    ship = {
        **attributes(own).get(SHIP, {}),
        "crew": [{"value": other} for other in own.crew],
        "aboard": references(aboard),
        "deck": deck(sailors, id),
        "ashore": not aboard,
        "alone": not naming,
        "due": own.due,
        "waits": sorted(own.waits),
        "berths": own.berths or 0,
    }
    kept = {**attributes(own), "members": [{"value": other} for other in own.members]}
    kept |= {"memberOf": references(naming, type="direct"), "id": id, SHIP: ship}
    return kept


def _reference(sailors: Mapping[str, Sailor], id: str) -> dict[str, Json]:
    reference = {"value": id, "$ref": f"https://scim.example.com/v2/Things/{id}"}
    label = sailors[id].label
    return reference if label is None else {**reference, "display": label}


def fill(database: Database, sailors: Mapping[str, Sailor]) -> int:
    tenant = database.tenancy.add_tenant("default", "", {}).id
    neighbour = database.tenancy.add_tenant("neighbour", "", {}).id

    def write(transaction: Transaction) -> None:
        for id, sailor in sailors.items():
            rows = {"members": listed(sailor.members), CREW.key: listed(sailor.crew)}
            transaction.insert(Creation(SAILOR, drafted(id, attributes(sailor)), rows), DAY)
        transaction.insert(Creation(OTHER, draft(OTHER, "s-1", {"label": "Other"})), DAY)

    def keep_count(transaction: Transaction) -> None:
        for id, sailor in sailors.items():
            for value in sailor.waits:
                transaction.notes.add(id, f"{SHIP}:waits", value, DAY)
            if sailor.due:
                transaction.notes.add(id, f"{SHIP}:due", "somebody", DAY)
            if sailor.berths is not None:
                transaction.seats.set_pool(Pool(f"pool-{id}", id, 5, 0), IDS[: sailor.berths], None, DAY)

    def write_beside(transaction: Transaction) -> None:
        for id in IDS[:10]:
            rows = {"members": listed(tuple(IDS)), CREW.key: listed(tuple(IDS))}
            transaction.insert(Creation(SAILOR, drafted(id, {"flag": True, SHIP: {"above": "t-00"}}), rows), DAY)
            transaction.notes.add(id, f"{SHIP}:due", "somebody", DAY)

    database.storage.write(neighbour, write_beside)
    database.storage.write(tenant, write)
    database.storage.write(tenant, keep_count)
    return tenant


def drafted(id: str, given: dict[str, Json]) -> Any:
    return draft(SAILOR, id, given)


def listed(ids: tuple[str, ...]) -> dict[str, Element]:
    return {id: {"value": id} for id in ids}


@pytest.fixture(scope="module", params=ENGINES)
def harbour(
    request: pytest.FixtureRequest, new_database: Callable[..., str], migrated: Callable[[str], str]
) -> Iterator[Harbour]:
    database = open_database(new_database(request.param, migrated(request.param)), REGISTRY)
    sailors = the_sailors(Random(20261122))
    tenant = fill(database, sailors)
    yield Harbour(database, tenant, sailors, {id: whole_of(sailors, id) for id in IDS})
    database.close()


# Reading -------------------------------------------------------------------------------------------------------------

KEYS = sorted([*SAILOR.kept_apart])


def shown(record: Record) -> dict[str, Json]:
    """What a record has apart, as the whole has it."""
    found: dict[str, Json] = {key: _plain(value) for key, value in record.derived.items()}
    return found | {key: json.loads(rows) for key, rows in record.rows.items()}


def _plain(value: Any) -> Json:
    if not isinstance(value, tuple):
        return value
    return [(each.id, each.label) if isinstance(each, Reference) else each for each in value]


def expected(whole: Mapping[str, Json]) -> dict[str, Json]:
    found = {
        **{name: whole[name] for name in ("members", "memberOf")},
        **{f"{SHIP}:{n}": v for n, v in whole[SHIP].items()},
    }
    found.pop(f"{SHIP}:above", None)
    for name in ("memberOf", f"{SHIP}:aboard"):
        found[name] = [(element["value"], element.get("display")) for element in found[name]]
    return found


@pytest.mark.req("CC-06", "CC-55")
def test_what_is_read_is_what_follows_from_the_rest(harbour: Harbour) -> None:
    for id in IDS:
        record = harbour.database.storage.read(harbour.tenant, SAILOR, id, frozenset(KEYS))
        assert record is not None
        assert shown(record) == expected(harbour.whole[id])
        assert all(isinstance(record.derived[f"{SHIP}:{name}"], bool) for name in ("ashore", "alone", "due"))


@pytest.mark.req("CC-55")
@pytest.mark.parametrize("sort", [None, "exact", f"{SHIP}:deck"])
def test_a_search_shows_what_a_read_shows(harbour: Harbour, sort: str | None) -> None:
    selection = Selection(SAILOR, None, sort_path(sort) if sort else None)
    records = harbour.search(selection, Order.ASCENDING if sort else None, *KEYS)
    assert len(records) == len(IDS)
    assert {record.id: shown(record) for record in records} == {id: expected(w) for id, w in harbour.whole.items()}


@pytest.mark.req("CC-55")
def test_a_locked_resource_shows_them_too(harbour: Harbour) -> None:
    def work(transaction: Transaction) -> Record | None:
        return transaction.lock(SAILOR, "t-03", frozenset(KEYS))

    record = harbour.database.storage.write(harbour.tenant, work)
    assert record is not None
    assert shown(record) == expected(harbour.whole["t-03"])


# Filters and sorts ---------------------------------------------------------------------------------------------------

TEXT = ["eq", "ne", "co", "sw", "ew", "gt", "le"]
NUMBERS = ["eq", "ne", "gt", "ge", "lt", "le"]
ADDRESSES = [f"https://other.example.com/Things/{id}" for id in IDS]
PATHS: dict[str, tuple[list[str], list[Any]]] = {
    f"{SHIP}:crew": (TEXT, [*IDS, "gone"]),
    f"{SHIP}:crew.value": (TEXT, [*IDS, "gone"]),
    f"{SHIP}:crew.display": (TEXT, LABELS),
    f"{SHIP}:aboard": (TEXT, [*IDS, "gone", ""]),
    f"{SHIP}:aboard.value": (TEXT, [*IDS, "\ud800"]),
    f"{SHIP}:aboard.display": (TEXT, LABELS),
    f"{SHIP}:aboard.$ref": (["eq", "ne"], ADDRESSES),
    f"{SHIP}:deck": (NUMBERS, [0, 1, 2, 3, 5, -(2**63)]),
    f"{SHIP}:ashore": (["eq", "ne"], [True, False]),
    f"{SHIP}:alone": (["eq", "ne"], [True, False]),
    f"{SHIP}:due": (["eq", "ne"], [True, False]),
    f"{SHIP}:waits": (TEXT, [*NOTES, "vo", ""]),
    f"{SHIP}:berths": (NUMBERS, [0, 1, 2, 3, 4]),
    f"{SHIP}:above": (TEXT, IDS),
    "flag": (["eq", "ne"], [True, False]),
    "memberOf.value": (TEXT, IDS),
}
BRACKETS = {f"{SHIP}:aboard": ("value", "display", "$ref"), f"{SHIP}:crew": ("value", "display")}


def path(name: str) -> AttrPath:
    urn, _, rest = name.rpartition(":")
    attribute, _, sub = rest.partition(".")
    return AttrPath(attribute, sub or None, urn or None)


def sort_path(name: str) -> BoundPath:
    found = bind(path(name), SAILOR)
    assert found is not None
    return comparable(found)


def leaves(names: Sequence[str], holder: str = "") -> st.SearchStrategy[f.Filter]:
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


def in_brackets(name: str) -> st.SearchStrategy[f.Filter]:
    terms = st.lists(leaves(BRACKETS[name], f"{name}."), min_size=1, max_size=2).map(tuple)
    return st.builds(f.Elements, st.just(path(name)), st.builds(f.And, terms))


def deeper(inner: st.SearchStrategy[f.Filter]) -> st.SearchStrategy[f.Filter]:
    terms = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(f.And, terms) | st.builds(f.Or, terms) | st.builds(f.Not, inner)


FILTERS = st.recursive(leaves(list(PATHS)) | st.sampled_from(list(BRACKETS)).flatmap(in_brackets), deeper, max_leaves=4)


def bound(condition: f.Filter) -> f.BoundFilter:
    return binding.bind(condition, SAILOR, Leniency(STRICT))


@pytest.mark.req("CC-55", "R-FILT-31", "R-FILT-32")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(condition=FILTERS)
def test_a_filter_means_in_sql_what_match_says(harbour: Harbour, condition: f.Filter) -> None:
    assert harbour.ids(bound(condition)) == harbour.matching(bound(condition))


@pytest.mark.req("CC-55")
@pytest.mark.parametrize("name", PATHS)
def test_every_operator_on_every_path_agrees_with_match(harbour: Harbour, name: str) -> None:
    operators, literals = PATHS[name]
    for operator in map(f.Operator, operators):
        for literal in Random(name).sample(literals, min(len(literals), 3)):
            condition = bound(f.Comparison(path(name), operator, literal))
            assert harbour.ids(condition) == harbour.matching(condition), (operator, literal)


@pytest.mark.req("CC-55", "R-SORT-03")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", ["deck", "ashore", "alone", "due", "berths", "waits", "aboard.value", "crew.value"])
def test_a_sort_has_one_order_everywhere(harbour: Harbour, name: str, order: Order) -> None:
    found = [record.id for record in harbour.search(Selection(SAILOR, None, sort_path(f"{SHIP}:{name}")), order)]
    keyed = [(_key(whole[SHIP], name), id) for id, whole in harbour.whole.items()]
    ordered = sorted(keyed, key=lambda pair: (pair[0] is None, *((pair[0],) if pair[0] is not None else ()), pair[1]))
    assert found == [id for _, id in (ordered if order is Order.ASCENDING else reversed(ordered))]


def _key(ship: Mapping[str, Json], name: str) -> Any:
    attribute, _, sub = name.partition(".")
    value = ship[attribute]
    if isinstance(value, list):
        value = value[0] if value else None
    return value[sub] if sub and value is not None else value


# Cost ----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-55")
def test_who_is_aboard_is_found_by_look_ups(harbour: Harbour) -> None:
    """What follows from several sources is looked up in each of them, and not read of every resource."""
    condition = bound(f.Comparison(path(f"{SHIP}:aboard.value"), f.Operator.EQ, "t-05"))
    with sent_to(harbour.database.connections.reader) as sent:
        harbour.ids(condition)
    assert all("relations.target" in statement.text for statement in sent if "document" in statement.text)
    assert "AS named" in sent[-1].text


@pytest.mark.req("CC-55")
def test_what_is_not_asked_for_is_not_joined(harbour: Harbour) -> None:
    with sent_to(harbour.database.connections.reader) as sent:
        harbour.database.storage.read(harbour.tenant, SAILOR, "t-01", frozenset())
        harbour.search(Selection(SAILOR))
    tables = ("relations", "notes", "licence_seats", "RECURSIVE")
    assert not [statement.text for statement in sent if any(table in statement.text for table in tables)]


# Writing -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-06", "CC-53")
def test_rows_of_an_extension_go_with_what_they_name_and_with_their_owner(
    new_database: Callable[..., str], migrated: Callable[[str], str]
) -> None:
    for engine in ENGINES:
        database = open_database(new_database(engine, migrated(engine)), REGISTRY)
        tenant = database.tenancy.add_tenant("default", "", {}).id
        _check_rows_go(database, tenant)
        database.close()


def _check_rows_go(database: Database, tenant: int) -> None:
    def write(transaction: Transaction) -> None:
        for id in ("a", "b"):
            transaction.insert(Creation(SAILOR, drafted(id, {}), {CREW.key: listed(("b", "c"))}), DAY)
        transaction.insert(Creation(SAILOR, drafted("c", {}), {"members": listed(("a",))}), DAY)
        assert transaction.count_rows(SAILOR, "a", CREW, 10) == 2
        assert transaction.count_rows(SAILOR, "a", MEMBERS, 10) == 0
        assert transaction.change_rows(SAILOR, "a", CREW, RowsChange(add=listed(("d",))))
        transaction.delete(SAILOR, "b", DAY)

    database.storage.write(tenant, write)
    record = database.storage.read(tenant, SAILOR, "a", frozenset({CREW.key, "members"}))
    assert record is not None
    assert record.rows == {"members": "[]", CREW.key: text([{"value": "c"}, {"value": "d"}])}
    assert record.meta.membership_version == 2
