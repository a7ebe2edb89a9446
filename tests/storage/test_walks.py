"""Pages by cursor show what a sort in Python shows, on both engines and in both directions, whatever else happens."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain import filter as f
from scim_server.domain.query import CursorPage, Direction, Order, Page, Position, Query, Selection
from scim_server.domain.schema import Attribute, Schema
from scim_server.errors import InvalidCursor
from scim_server.storage.base import Creation, Found, Storage, Transaction
from scim_server.storage.sql import Database
from tests.statements import listening
from tests.storage.test_agreement import (
    FILTERS,
    NAMES,
    SORTS,
    THOROUGHLY,
    World,
    bound,
    in_order,
    path,
    sort_path,
    world,
)
from tests.storage.things import DAY, LATER, OTHER, THING, draft

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

__all__ = ["world"]

FORWARD, BACKWARD = Direction.FORWARD, Direction.BACKWARD
SIZES = range(1, 8)


@dataclass
class Walker:
    """Goes from page to page of a query, as a client with its cursors does."""

    storage: Storage
    tenant: int
    query: Query
    count: int
    found: Found = field(init=False)

    def begin(self, direction: Direction = FORWARD) -> list[str]:
        return self.show(CursorPage(self.count, None, direction))

    def go(self, direction: Direction) -> list[str]:
        """The page beside the last one."""
        edges = self.found.edges
        assert edges is not None
        start = edges.last if direction is FORWARD else edges.first
        return self.show(CursorPage(self.count, over_the_wire(start), direction, self.found.total))

    def show(self, page: CursorPage) -> list[str]:
        self.found = self.storage.search(self.tenant, replace(self.query, page=page), frozenset())
        return [record.id for record in self.found.records]

    def has_more(self, direction: Direction) -> bool:
        edges = self.found.edges
        return edges is not None and (edges.has_next if direction is FORWARD else edges.has_previous)

    def rest(self, direction: Direction) -> Iterator[list[str]]:
        while self.has_more(direction):
            yield self.go(direction)


def over_the_wire(position: Position) -> Position:
    """The position as a cursor carries it: through JSON and back."""
    keys, id = json.loads(json.dumps(astuple(position)))
    return Position(tuple(keys), id)


def walker(world: World, query: Query, count: int) -> Walker:
    return Walker(world.database.storage, world.tenant, query, count)


def sliced(ids: list[str], count: int) -> list[list[str]]:
    """The pages of a forward walk."""
    return [ids[start : start + count] for start in range(0, len(ids), count)] or [[]]


def compared(name: str, operator: str, literal: str) -> f.Comparison:
    return f.Comparison(path(name), f.Operator(operator), literal)


# Against a sort in Python --------------------------------------------------------------------------------------------


def check_there_and_back(walker: Walker, expected: list[str]) -> None:
    """To the end, back to the beginning; and from the last page to the first."""
    pages = sliced(expected, walker.count)
    assert [walker.begin(), *walker.rest(FORWARD)] == pages
    assert list(walker.rest(BACKWARD)) == pages[-2::-1]
    from_the_end = [page[::-1] for page in sliced(expected[::-1], walker.count)]
    assert [walker.begin(BACKWARD), *walker.rest(BACKWARD)] == from_the_end
    assert walker.found.total == len(expected)


@pytest.mark.unmeasured
@pytest.mark.req("R-CUR-03", "R-CUR-05", "R-CUR-06", "R-CUR-19", "R-SORT-03", "R-SORT-04")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", SORTS)
def test_a_walk_by_any_attribute_shows_everything_once_in_order(world: World, name: str, order: Order) -> None:
    """Flags, types and absent values make many equal keys, so that they stand on both sides of the borders."""
    selection = Selection(THING, None, sort_path(name, THING))
    size = SIZES[SORTS.index(name) % len(SIZES)]
    check_there_and_back(walker(world, Query((selection,), order=order), size), in_order(world, order, selection))


@pytest.mark.req("R-CUR-19", "R-GET-09")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", ["text", "label", "count", "meta.lastModified", "memberOf.display"])
def test_a_walk_over_several_types_has_one_order(world: World, name: str, order: Order) -> None:
    selections = tuple(Selection(t, None, sort_path(name, t)) for t in (THING, OTHER))
    check_there_and_back(walker(world, Query(selections, order=order), 7), in_order(world, order, *selections))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("order", [None, *Order])
def test_a_walk_without_a_sort_goes_by_the_ids(world: World, order: Order | None, size: int) -> None:
    selections = Selection(THING), Selection(OTHER)
    expected = in_order(world, order or Order.ASCENDING, *selections)
    check_there_and_back(walker(world, Query(selections, order=order), size), expected)


LOOKED_UP: dict[str, f.Filter] = {
    "one unique value": compared("text", "eq", "A"),
    "a beginning": compared("externalId", "sw", "a"),
    "one of two": f.Or((compared("externalId", "sw", "a"), compared("tags", "eq", "a"))),
    "nobody": compared("externalId", "eq", "no such"),
}


@pytest.mark.parametrize("sort", [None, "exact", "count"])
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", LOOKED_UP)
def test_a_walk_over_what_a_look_up_finds(world: World, name: str, order: Order, sort: str | None) -> None:
    (only,) = bound(LOOKED_UP[name], THING)
    selection = Selection(THING, only, sort_path(sort, THING) if sort else None)
    check_there_and_back(walker(world, Query((selection,), order=order), 2), in_order(world, order, selection))


@pytest.mark.parametrize("order", [None, *Order])
def test_a_walk_over_the_members_of_a_resource(world: World, order: Order | None) -> None:
    owner = max(NAMES, key=lambda id: len(world.model.resources[id].members))
    (only,) = bound(compared("memberOf.value", "eq", owner), THING)
    selection = Selection(THING, only, sort_path("exact", THING) if order else None)
    expected = in_order(world, order or Order.ASCENDING, selection)
    assert len(expected) > 3
    check_there_and_back(walker(world, Query((selection,), order=order), 2), expected)


@pytest.mark.unmeasured
@THOROUGHLY
@given(
    direction=st.sampled_from(Direction),
    condition=st.none() | FILTERS,
    sort=st.none() | st.sampled_from(SORTS),
    order=st.sampled_from(Order),
    count=st.sampled_from(SIZES),
    turns=st.lists(st.sampled_from(Direction), max_size=8),
)
def test_every_turn_of_a_walk_shows_the_page_beside(
    world: World,
    direction: Direction,
    condition: f.Filter | None,
    sort: str | None,
    order: Order,
    count: int,
    turns: list[Direction],
) -> None:
    (only,) = bound(condition, THING) if condition else (None,)
    selection = Selection(THING, only, sort_path(sort, THING) if sort else None)
    expected = in_order(world, order, selection)
    walk = walker(world, Query((selection,), order=order), count)
    shown = walk.begin(direction)
    begin = 0 if direction is FORWARD else max(0, len(expected) - count)
    end = min(begin + count, len(expected))
    assert (shown, walk.found.total) == (expected[begin:end], len(expected))
    for turn in turns:
        assert walk.has_more(turn) is (end < len(expected) if turn is FORWARD else begin > 0)
        if not walk.has_more(turn):
            continue
        begin, end = (end, end + count) if turn is FORWARD else (max(0, begin - count), begin)
        end = min(end, len(expected))
        assert walk.go(turn) == expected[begin:end]


# Totals, edges and what a position may be ----------------------------------------------------------------------------


@pytest.mark.req("R-CUR-18")
@pytest.mark.parametrize("start", [None, Position((), "t-30")])
@pytest.mark.parametrize("direction", Direction)
def test_a_page_of_nothing_counts_and_reads_no_resource(
    world: World, direction: Direction, start: Position | None
) -> None:
    page = CursorPage(0, start, direction)
    assert world.find(Query((Selection(THING), Selection(OTHER)), page)) == Found(80, [])
    assert world.find(Query((Selection(THING),), replace(page, total=7))) == Found(7, [])


@pytest.mark.req("R-CUR-06")
def test_the_total_is_that_of_the_first_page(world: World) -> None:
    start = Position((), "t-30")
    assert world.find(Query((Selection(THING),), CursorPage(3, start))).total == 60
    assert world.find(Query((Selection(THING),), CursorPage(3, start, total=77))).total == 77


@pytest.mark.parametrize("page", [CursorPage(3), CursorPage(3, None, BACKWARD), Page(2, 3)])
def test_the_total_never_denies_what_the_page_shows(database: Database, tenant: int, page: CursorPage | Page) -> None:
    """Between the page and the count everything is deleted; four resources were seen."""
    ids = [f"t-{number}" for number in range(9)]

    def fill(transaction: Transaction) -> None:
        for id in ids:
            transaction.insert(Creation(THING, draft(THING, id)), DAY)

    def empty(transaction: Transaction) -> None:
        for id in ids:
            transaction.delete(THING, id, LATER)

    statements = itertools.count(1)

    def before(*_: object) -> None:
        if next(statements) == 2:
            database.storage.write(tenant, empty)

    database.storage.write(tenant, fill)
    with listening([database.connections.reader], "before_cursor_execute", before):
        found = database.storage.search(tenant, Query((Selection(THING),), page), frozenset())
    assert (len(found.records), found.total) == (3, 4)
    assert database.storage.search(tenant, Query((Selection(THING),)), frozenset()).total == 0


@pytest.mark.req("R-CUR-04")
@pytest.mark.parametrize("direction", Direction)
def test_a_page_that_has_all_has_nothing_beside_it(world: World, direction: Direction) -> None:
    for count in (60, 61):
        found = world.find(Query((Selection(THING),), CursorPage(count, None, direction)))
        assert found.edges is not None
        assert (found.edges.has_previous, found.edges.has_next) == (False, False)
        assert (found.edges.first, found.edges.last) == (Position((), "t-00"), Position((), "t-59"))


def test_a_page_by_index_has_no_edges(world: World) -> None:
    assert world.find(Query((Selection(THING),), Page(1, 3))).edges is None


@pytest.mark.parametrize("direction", Direction)
def test_beyond_the_outermost_there_is_nothing(world: World, direction: Direction) -> None:
    start = Position((), "zzz" if direction is FORWARD else "")
    assert world.find(Query((Selection(THING),), CursorPage(3, start, direction))) == Found(60, [])


WRONG = [(), (1,), ("a", "b"), (None, None)]
WRONG_FOR_NUMBERS = [(), ("1",), (1, 2), (2**63,), (-(2**63) - 1,), (1.5,)]


@pytest.mark.parametrize(
    ("sort", "keys"), [*(("exact", keys) for keys in WRONG), *(("count", keys) for keys in WRONG_FOR_NUMBERS)]
)
def test_a_position_of_another_order_is_refused(world: World, sort: str, keys: tuple[Any, ...]) -> None:
    query = Query((Selection(THING, None, sort_path(sort, THING)),), order=Order.ASCENDING)
    with pytest.raises(InvalidCursor):
        world.find(replace(query, page=CursorPage(3, Position(keys, "t-30"))))
    with pytest.raises(InvalidCursor):
        world.find(Query((Selection(THING),), CursorPage(3, Position(("a",), "t-30"))))


@pytest.mark.parametrize("position", [Position((), "a\0"), Position((), "\ud800")])
def test_a_position_that_no_database_can_hold_is_refused(world: World, position: Position) -> None:
    with pytest.raises(InvalidCursor):
        world.find(Query((Selection(THING),), CursorPage(3, position)))


@pytest.mark.req("R-CUR-14")
def test_a_walk_stays_in_its_tenant(world: World) -> None:
    """The neighbour has resources with the same ids."""
    neighbour = world.tenant + 1
    walk = Walker(world.database.storage, neighbour, Query((Selection(THING), Selection(OTHER))), 7)
    assert [id for page in [walk.begin(), *walk.rest(FORWARD)] for id in page] == NAMES
    assert Walker(world.database.storage, neighbour, Query((Selection(OTHER),)), 7).begin() == []


COUNTED = replace(OTHER, schema=Schema(OTHER.schema.id, "Other", "", (Attribute("count"), *OTHER.schema.attributes)))
KINDS: dict[str, dict[str, Any]] = {
    "t-1": {"count": 10},
    "t-2": {"count": 9},
    "t-3": {},
    "t-4": {"count": 9},
    "o-1": {"count": "b"},
    "o-2": {"count": "10"},
    "o-3": {},
    "o-4": {"count": "B"},
}


@pytest.mark.req("R-GET-09")
@pytest.mark.parametrize("size", SIZES)
def test_keys_of_two_kinds_under_one_name_have_one_order(storage: Storage, tenant: int, size: int) -> None:
    """Numbers of the one type, text of the other, then what has neither; the opposite descending."""

    def fill(transaction: Transaction) -> None:
        for id, attributes in KINDS.items():
            type_ = THING if id.startswith("t") else COUNTED
            transaction.insert(Creation(type_, draft(type_, id, attributes)), DAY)

    storage.write(tenant, fill)
    selections = tuple(Selection(t, None, sort_path("count", t)) for t in (THING, COUNTED))
    expected = ["t-2", "t-4", "t-1", "o-2", "o-1", "o-4", "o-3", "t-3"]
    for order, ids in ((Order.ASCENDING, expected), (Order.DESCENDING, expected[::-1])):
        check_there_and_back(Walker(storage, tenant, Query(selections, order=order), size), ids)


# While others write --------------------------------------------------------------------------------------------------

SIZE = 3000


@dataclass
class Others:
    """Writers who create, delete and modify between the pages of a walk, everywhere in its order."""

    storage: Storage
    tenant: int
    random: Random
    there: list[str]
    begun: set[str] = field(init=False)
    gone: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)
    new: int = 0

    def __post_init__(self) -> None:
        self.begun = set(self.there)

    def write(self) -> None:
        self.storage.write(self.tenant, self._work)

    def _work(self, transaction: Transaction) -> None:
        for _ in range(5):
            self._create(transaction)
            self._delete(transaction)
            self._modify(transaction)

    def _create(self, transaction: Transaction) -> None:
        id = f"t-{self.random.randrange(SIZE):05}-new-{self.new}"
        self.new += 1
        transaction.insert(Creation(THING, draft(THING, id, some_attributes(self.random))), DAY)

    def _delete(self, transaction: Transaction) -> None:
        id = self.there.pop(self.random.randrange(len(self.there)))
        transaction.delete(THING, id, LATER)
        self.gone.add(id)

    def _modify(self, transaction: Transaction) -> None:
        id = self.random.choice(self.there)
        transaction.update(THING, None, draft(THING, id, some_attributes(self.random)), LATER)
        self.moved.add(id)

    @property
    def stayed(self) -> set[str]:
        return self.begun - self.gone


def some_attributes(random: Random) -> dict[str, Any]:
    """A sort key that many share, or none."""
    return random.choice([{}, {"exact": f"{random.randrange(200):03}"}])


def filled(database: Database, tenant: int) -> Others:
    random = Random(9865)
    ids = [f"t-{number:05}" for number in range(SIZE)]

    creations = [Creation(THING, draft(THING, id, some_attributes(random)), {}) for id in ids]
    database.storage.write(tenant, lambda transaction: transaction.insert_all(creations, DAY))
    return Others(database.storage, tenant, random, ids)


def disturbed(walk: Walker, others: Others, direction: Direction) -> list[str]:
    """What a walk shows while the others write between its pages."""
    shown = walk.begin(direction)
    while walk.has_more(direction):
        others.write()
        shown += walk.go(direction)
    return shown


@pytest.mark.req("R-CUR-03", "R-CUR-06")
def test_a_walk_misses_none_that_stayed_and_repeats_none(database: Database, tenant: int) -> None:
    others = filled(database, tenant)
    for direction in Direction:
        others.begun, others.gone = set(others.there), set()
        walk = Walker(database.storage, tenant, Query((Selection(THING),)), 100)
        shown = disturbed(walk, others, direction)
        assert len(shown) == len(set(shown))
        assert others.stayed <= set(shown)
        assert len(others.gone) > 100


@pytest.mark.req("R-CUR-19")
@pytest.mark.parametrize("order", Order)
def test_a_sorted_walk_misses_none_whose_key_stayed_and_repeats_none(
    database: Database, tenant: int, order: Order
) -> None:
    """Who gets another key meanwhile may come twice or not at all: that is what another place in the order means."""
    others = filled(database, tenant)
    walk = Walker(
        database.storage, tenant, Query((Selection(THING, None, sort_path("exact", THING)),), order=order), 100
    )
    shown = [id for id in disturbed(walk, others, FORWARD) if id not in others.moved]
    assert len(shown) == len(set(shown))
    assert others.stayed - others.moved <= set(shown)
    assert len(others.moved) > 100
    assert walk.found.total == SIZE


def test_a_walk_goes_on_where_everything_around_its_position_is_gone(storage: Storage, tenant: int) -> None:
    ids = [f"t-{number}" for number in range(9)]
    creations = [Creation(THING, draft(THING, id, exact="same"), {}) for id in ids]

    def delete_most(transaction: Transaction) -> None:
        for id in ids[1:5]:
            transaction.delete(THING, id, LATER)

    def delete_the_rest(transaction: Transaction) -> None:
        for id in (ids[0], *ids[5:]):
            transaction.delete(THING, id, LATER)

    for sort in (None, sort_path("exact", THING)):
        storage.write(tenant, lambda transaction: transaction.insert_all(creations, DAY))
        walk = Walker(storage, tenant, Query((Selection(THING, None, sort),), order=Order.ASCENDING), 3)
        assert walk.begin() == ids[:3]
        storage.write(tenant, delete_most)
        assert walk.go(FORWARD) == ids[5:8]
        assert walk.go(BACKWARD) == ids[:1]
        assert not walk.has_more(BACKWARD)
        storage.write(tenant, delete_the_rest)
