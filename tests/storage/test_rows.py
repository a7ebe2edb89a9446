"""Attributes kept as rows: every change means what `domain.rows` says, at any size, on both engines."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scim_server.domain import filter as f
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.binding import bind_condition
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.match import element_matches
from scim_server.domain.resource import Meta
from scim_server.domain.rows import Element, RowsChange
from scim_server.domain.schema import Json
from scim_server.storage.base import Creation, Storage, Transaction
from tests.storage.things import DAY, LATER, MEMBERS, THING, draft, rows_of

IDS = ["a", "b", "c", "d", "É", 'q"', "x" * 255]
KINDS = ["User", "group", None]

elements = st.builds(
    lambda id, kind: {"value": id} if kind is None else {"value": id, "type": kind},
    st.sampled_from(IDS),
    st.sampled_from(KINDS),
)


def by_id(listed: list[Json]) -> dict[str, Json]:
    return {element["value"]: element for element in listed}


listed = st.lists(elements, max_size=5).map(by_id)


def condition(name: str, operator: str, literal: str) -> f.BoundFilter:
    comparison = f.Comparison(AttrPath(name), f.Operator(operator), literal)
    return bind_condition(comparison, MEMBERS, Leniency(STRICT))


CONDITIONS = [
    condition("type", "eq", "user"),
    condition("type", "ne", "User"),
    condition("value", "eq", "É"),
    condition("value", "sw", "x"),
    f.BoundNot(condition("type", "eq", "USER")),
    f.BoundAnd((condition("type", "eq", "User"), condition("value", "ne", "a"))),
]


@st.composite
def changes(draw: st.DrawFn) -> RowsChange:
    put: dict[str, Element] = draw(listed)
    add: dict[str, Element] = {id: element for id, element in draw(listed).items() if id not in put}
    remove = set(draw(st.lists(st.sampled_from(IDS), max_size=4))) - add.keys() - put.keys()
    clear = draw(st.booleans())
    where = [] if clear else draw(st.lists(st.sampled_from(CONDITIONS), max_size=2))
    return RowsChange(clear, set() if clear else remove, where, add, put)


def applied(rows: dict[str, Json], change: RowsChange) -> dict[str, Json]:
    """What the module `domain.rows` says, in Python."""

    def goes(id: str, element: Json) -> bool:
        if change.clear:
            return id not in change.add and id not in change.put
        chosen = any(element_matches(where, element, MEMBERS) for where in change.remove_where)
        return id in change.remove or (chosen and id not in change.put)

    left = {id: element for id, element in rows.items() if not goes(id, element)}
    return {**change.add, **left, **change.put}


def members(storage: Storage, tenant: int) -> list[Json]:
    record = storage.read(tenant, THING, "g", frozenset({"members"}))
    assert record is not None
    return rows_of(record)


def change_rows(storage: Storage, tenant: int, change: RowsChange) -> bool:
    def work(transaction: Transaction) -> bool:
        changed = transaction.change_rows(THING, "g", MEMBERS, change)
        transaction.touch(THING, "g", LATER)
        return changed

    return storage.write(tenant, work)


@pytest.fixture
def group(storage: Storage, tenant: int) -> int:
    """A tenant that has the group `g`, and another group whose rows must stay."""

    def work(transaction: Transaction) -> None:
        for id in ("g", "h"):
            transaction.insert(Creation(THING, draft(THING, id)), DAY)
        transaction.change_rows(THING, "h", MEMBERS, RowsChange(add={id: {"value": id} for id in IDS}))

    storage.write(tenant, work)
    return tenant


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(start=listed, change=changes())
def test_a_change_means_what_the_domain_says(
    storage: Storage, group: int, start: dict[str, Json], change: RowsChange
) -> None:
    change_rows(storage, group, RowsChange(clear=True, put=start))
    changed = change_rows(storage, group, change)
    after = {element["value"]: element for element in members(storage, group)}
    assert after == applied(start, change)
    replaced = change.remove_where and change.add
    assert changed or after == start
    assert replaced or changed == (after != start)
    beside = storage.read(group, THING, "h", frozenset({"members"}))
    assert beside is not None
    assert len(rows_of(beside)) == len(IDS)


def test_rows_come_oldest_first_and_in_the_order_of_their_change(storage: Storage, group: int) -> None:
    for ids in (["d", "b"], ["c", "a"]):
        change_rows(storage, group, RowsChange(add={id: {"value": id} for id in ids}))
    change_rows(storage, group, RowsChange(put={"b": {"value": "b", "type": "User"}}))
    assert [member["value"] for member in members(storage, group)] == ["d", "b", "c", "a"]


def test_an_element_comes_back_as_it_was_sent(storage: Storage, group: int) -> None:
    element = {
        "value": "u",
        "$ref": "https://example.com/Things/u",
        "display": 'Ä "q" \\ 😀',
        "weight": Decimal("1.50"),
    }
    change_rows(storage, group, RowsChange(add={"u": element}))
    record = storage.read(group, THING, "g", frozenset({"members"}))
    assert record is not None
    assert json.loads(record.rows["members"], parse_float=Decimal) == [element]
    assert "1.50" in record.rows["members"]


def test_a_change_of_rows_leaves_document_and_version_alone(storage: Storage, group: int) -> None:
    change_rows(storage, group, RowsChange(add={"u": {"value": "u"}}))
    record = storage.read(group, THING, "g", frozenset())
    assert record is not None
    assert record.meta == Meta(DAY, LATER, 1, 2)
    assert storage.write(group, lambda t: t.lock_membership(THING, "g")) == 2


def test_the_later_of_both_times_is_the_time_of_the_resource(storage: Storage, group: int) -> None:
    change_rows(storage, group, RowsChange(add={"u": {"value": "u"}}))
    same = draft(THING, "g")
    storage.write(group, lambda t: t.update(THING, same.entries, same, DAY))
    record = storage.read(group, THING, "g", frozenset())
    assert record is not None
    assert record.meta == Meta(DAY, LATER, 2, 2)


@pytest.mark.parametrize(("limit", "expected"), [(0, 0), (3, 3), (7, 7), (8, 7)])
def test_rows_are_counted_up_to_the_limit(storage: Storage, group: int, limit: int, expected: int) -> None:
    assert storage.write(group, lambda t: t.count_rows(THING, "h", MEMBERS, limit)) == expected


def test_ten_thousand_rows_come_and_go_whole(storage: Storage, group: int) -> None:
    many: dict[str, Element] = {f"m-{number:05}": {"value": f"m-{number:05}"} for number in range(10_000)}
    assert change_rows(storage, group, RowsChange(add=many))
    assert [member["value"] for member in members(storage, group)] == list(many)
    half = dict(list(many.items())[::2])
    assert change_rows(storage, group, RowsChange(clear=True, put=half))
    assert [member["value"] for member in members(storage, group)] == list(half)
    assert not change_rows(storage, group, RowsChange(clear=True, put=half))
    assert change_rows(storage, group, RowsChange(remove=set(half)))
    assert members(storage, group) == []
