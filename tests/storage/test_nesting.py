"""Nested rows: who owns an owner owns too, once, up to a bound; the answer, the filter and the sort agree on it."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain import filter as f
from scim_server.domain.binding import bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.query import Order, Page, Query, Selection
from scim_server.domain.registry import Registry, Variation
from scim_server.domain.resource import Meta
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import MOST_LEVELS, ResourceType
from scim_server.storage.base import Creation, Reference
from scim_server.storage.sql import Database, open_database
from tests.databases import ENGINES
from tests.storage.test_agreement import (
    PATHS,
    THOROUGHLY,
    World,
    bound,
    combined,
    fill,
    in_order,
    leaves,
    path,
    sort_path,
)
from tests.storage.things import DAY, LATEST, MEMBERS, OTHER, THING, Model, Thing, draft, owners_of

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

FLAT = Registry((THING, OTHER), (THING.schema, OTHER.schema, *(e.schema for e in THING.extensions)), "stamp-1")
NESTED = FLAT.variant(Variation(is_nested=True))
NAMES = [f"t-{number:02}" for number in range(60)]
CHAIN = [f"c-{number:02}" for number in range(MOST_LEVELS + 5)]
"""Each names the next one: longer than is followed."""
EXPAND = frozenset({"memberOf"})


def nested_thing() -> ResourceType:
    found = NESTED.named("Thing")
    assert found is not None
    return found


NEST = nested_thing()


def a_nest(random: Random) -> dict[str, list[str]]:
    """Who names whom: cycles, itself, diamonds, a chain, ids that nothing has, and some by chance."""
    edges: dict[str, list[str]] = {
        "t-00": ["t-01", "t-00", "t-00x"],
        "t-01": ["t-02"],
        "t-02": ["t-00", "gone", "elsewhere"],
        "t-10": ["t-11", "t-12", "T-13"],
        "t-11": ["t-13"],
        "t-12": ["t-13", "t-10"],
        "t-20": ["t-21", "t-23"],
        "t-21": ["t-22"],
        "t-22": ["t-23"],
    }
    edges |= {name: [following] for name, following in pairwise(CHAIN)}
    for name in random.sample(NAMES[24:], 20):
        edges[name] = random.sample([*NAMES[20:], "gone", "s-01"], 2)
    return edges


def the_model(random: Random) -> Model:
    model = Model()
    for number, id in enumerate([*NAMES, *CHAIN]):
        exact = {"exact": random.choice(["a", "A", "b", "", "direct", "Things/t-01"])} if number % 4 else {}
        model.resources[id] = Thing(NEST, id, exact, Meta(DAY, DAY, 1, 1))
    model.resources["s-01"] = Thing(OTHER, "s-01", {}, Meta(DAY, DAY, 1))
    for id, names in a_nest(random).items():
        model.resources[id].members = [{"value": name} for name in names]
        model.resources[id].meta = Meta(DAY, LATEST, 1, 2)
    return model


@pytest.fixture(scope="module", params=ENGINES)
def world(
    request: pytest.FixtureRequest, new_database: Callable[..., str], migrated: Callable[[str], str]
) -> Iterator[World]:
    database = open_database(new_database(request.param, migrated(request.param)), FLAT)
    made = fill(database, the_model(Random(20261122)))
    entangle(database)
    yield made
    database.close()


def entangle(database: Database) -> None:
    """A third tenant in which the same ids, and one that the first one only names, own everything."""
    tenant = database.tenancy.add_tenant("tangled", "", {}).id
    write(database, tenant, {"elsewhere": NAMES, "t-00": ["elsewhere", *NAMES], CHAIN[0]: NAMES})


def write(database: Database, tenant: int, members: dict[str, list[str]]) -> None:
    def work(transaction: Any) -> None:
        for id, names in members.items():
            transaction.insert(Creation(THING, draft(THING, id, {"exact": id})), LATEST)
            change = RowsChange(add={name: {"value": name} for name in names})
            transaction.change_rows(THING, id, MEMBERS, change)
            transaction.touch(THING, id, LATEST)

    database.storage.write(tenant, work)


def expected(world: World, id: str, levels: int) -> list[Reference]:
    return [
        Reference(owner, world.model.resources[owner].attributes.get("exact"), level)
        for owner, level in sorted(world.model.owners(id, levels).items())
    ]


@pytest.mark.req("R-USER-11", "R-GRP-05", "R-GRP-06", "R-TEN-02")
def test_a_resource_is_read_with_all_its_owners_each_once(world: World) -> None:
    levels = []
    for id in [*NAMES, *CHAIN]:
        record = world.database.storage.read(world.tenant, NEST, id, EXPAND)
        assert record is not None
        assert owners_of(record) == expected(world, id, MOST_LEVELS), id
        levels += [reference.level for reference in owners_of(record)]
    assert set(levels) == set(range(1, MOST_LEVELS + 1))


@pytest.mark.req("R-USER-10")
def test_without_the_setting_only_those_that_name_it_are_there(world: World) -> None:
    for id in [*NAMES, *CHAIN]:
        record = world.database.storage.read(world.tenant, THING, id, EXPAND)
        assert record is not None
        assert owners_of(record) == expected(world, id, 1)


@pytest.mark.req("R-USER-11")
@pytest.mark.parametrize("condition", [None, "memberOf.value", "meta.created"])
def test_a_search_shows_what_a_read_shows(world: World, condition: str | None) -> None:
    bound_filter = bind(f.Presence(path(condition)), NEST, Leniency(STRICT)) if condition else None
    for resource_type, levels in ((NEST, MOST_LEVELS), (THING, 1)):
        found = world.database.storage.search(
            world.tenant, Query((Selection(resource_type, bound_filter),), Page(count=1000)), EXPAND
        )
        assert len(found.records) > 40 or condition == "memberOf.value"
        for record in found.records:
            assert owners_of(record) == expected(world, record.id, levels)


@pytest.mark.req("R-USER-11", "R-FILT-31")
@pytest.mark.parametrize(
    "holder", ["t-00", "t-10", "t-20", CHAIN[0], CHAIN[5], CHAIN[-1], "gone", "elsewhere", "s-01", "T-10"]
)
def test_who_is_in_an_owner_at_any_depth_is_found(world: World, holder: str) -> None:
    inside = [id for id in sorted(world.model.resources) if holder in world.model.owners(id, MOST_LEVELS)]
    direct = [id for id in sorted(world.model.resources) if holder in world.model.owners(id, 1)]
    inside, direct = ([id for id in ids if id != "s-01"] for ids in (inside, direct))
    value = f.Comparison(path("value"), f.Operator.EQ, holder)

    def of_type(kind: str) -> f.Filter:
        return f.Elements(path("memberOf"), f.And((value, f.Comparison(path("type"), f.Operator.EQ, kind))))

    named = f.Comparison(path("memberOf.value"), f.Operator.EQ, holder)
    assert world.ids(Selection(NEST, bind(named, NEST, Leniency(STRICT)))) == inside
    assert world.ids(Selection(NEST, bind(of_type("direct"), NEST, Leniency(STRICT)))) == direct
    assert world.ids(Selection(NEST, bind(of_type("Indirect"), NEST, Leniency(STRICT)))) == sorted(
        set(inside) - set(direct)
    )
    outside = world.ids(Selection(NEST, bind(f.Not(named), NEST, Leniency(STRICT))))
    assert outside == sorted({*NAMES, *CHAIN} - set(inside))
    assert world.ids(Selection(THING, bind(named, THING, Leniency(STRICT)))) == direct


MEMBER_OF = [name for name in PATHS if name.partition(".")[0] == "memberOf"]
OWNERS = [*NAMES, *CHAIN, "gone", "elsewhere"]
KINDS = ["direct", "indirect", "INDIRECT", "d", ""]
COMPARING = list(f.Operator)[:-1]


def compared(literals: list[str], *names: str) -> st.SearchStrategy[f.Filter]:
    return st.builds(
        f.Comparison,
        st.sampled_from([path(name) for name in names]),
        st.sampled_from(COMPARING),
        st.sampled_from(literals),
    )


INSIDE = compared(KINDS, "type") | compared(OWNERS, "value", "$ref") | leaves(["display", "type"], "memberOf.")
FILTERS = combined(
    st.one_of(
        leaves([*MEMBER_OF, "id", "exact"]),
        compared(KINDS, "memberOf.type"),
        compared(OWNERS, "memberOf", "memberOf.value", "memberOf.$ref"),
        st.builds(f.Elements, st.just(path("memberOf")), combined(INSIDE, 3)),
    ),
    5,
)


@pytest.mark.req("R-USER-11", "R-FILT-31", "R-FILT-32", "R-GRP-06")
@THOROUGHLY
@given(condition=FILTERS)
def test_a_filter_means_in_sql_what_match_says_of_what_is_shown(world: World, condition: f.Filter) -> None:
    (only,) = bound(condition, NEST)
    selection = Selection(NEST, only)
    assert world.ids(selection) == world.matching(selection)


@pytest.mark.req("R-USER-11", "R-SORT-03")
@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", ["memberOf.value", "memberOf.display", "memberOf.type", "memberOf.$ref"])
def test_a_sort_goes_by_the_first_of_what_is_shown(world: World, name: str, order: Order) -> None:
    selection = Selection(NEST, None, sort_path(name, NEST))
    found = world.find(Query((selection,), Page(count=1000), order))
    assert [record.id for record in found.records] == in_order(world, order, selection)


def test_searches_of_the_two_kinds_of_tenants_do_not_share_a_plan(world: World) -> None:
    for resource_type, levels in ((THING, 1), (NEST, MOST_LEVELS), (THING, 1)):
        named = f.Comparison(path("memberOf.value"), f.Operator.EQ, "t-10")
        condition = bind(named, resource_type, Leniency(STRICT))
        found = world.database.storage.search(world.tenant, Query((Selection(resource_type, condition),)), EXPAND)
        inside = [id for id in NAMES if "t-10" in world.model.owners(id, levels)]
        assert [record.id for record in found.records] == inside
        assert [owners_of(r) for r in found.records] == [expected(world, id, levels) for id in inside]


@pytest.mark.req("R-GRP-06")
def test_thirty_that_all_own_each_other_cost_little(world: World) -> None:
    names = [f"d-{number:02}" for number in range(30)]
    tenant = world.database.tenancy.add_tenant("dense", "", {}).id
    write(world.database, tenant, {name: [*names, "u"] for name in names} | {"u": []})
    storage = world.database.storage
    record = storage.read(tenant, NEST, "u", EXPAND)
    assert record is not None
    assert [reference.level for reference in owners_of(record)] == [1] * 30
    named = bind(f.Comparison(path("memberOf"), f.Operator.EQ, "d-00"), NEST, Leniency(STRICT))
    found = storage.search(tenant, Query((Selection(NEST, named),)), EXPAND)
    assert found.total == 31
    indirect = bind(f.Comparison(path("memberOf.type"), f.Operator.EQ, "indirect"), NEST, Leniency(STRICT))
    assert storage.search(tenant, Query((Selection(NEST, indirect),)), EXPAND).total == 0


@pytest.mark.req("R-GRP-06")
def test_each_step_is_a_look_up_however_much_else_the_tenant_has(world: World) -> None:
    """Nobody has analysed the tables: what other owners name must not be read on the way."""
    tenant = world.database.tenancy.add_tenant(f"wide-{world!r}", "", {}).id
    users = [f"u-{number:05}" for number in range(6000)]
    write(world.database, tenant, {"top": ["middle"], "middle": ["w-000"], "w-000": users[:40], users[1]: []})
    alone = seconds_of_a_read(world, tenant, users[1])
    write(world.database, tenant, {f"w-{n:03}": users[n * 20 : n * 20 + 40] for n in range(1, 300)})
    # Among 12,000 rows a walk that reads them all takes a hundred times as long.
    assert seconds_of_a_read(world, tenant, users[1]) < 10 * alone
    named = bind(f.Comparison(path("memberOf"), f.Operator.EQ, "top"), NEST, Leniency(STRICT))
    found = world.database.storage.search(tenant, Query((Selection(NEST, named),), Page(count=1000)), EXPAND)
    assert [record.id for record in found.records] == ["middle", users[1], "w-000"]


def seconds_of_a_read(world: World, tenant: int, id: str) -> float:
    """The least time of twenty."""
    times = []
    for _ in range(20):
        started = perf_counter()
        record = world.database.storage.read(tenant, NEST, id, EXPAND)
        times.append(perf_counter() - started)
        assert record is not None
        assert [(r.id, r.level) for r in owners_of(record)] == [("middle", 2), ("top", 3), ("w-000", 1)]
    return min(times)
