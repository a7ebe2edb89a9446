"""A folded change means what its operations mean one after the other."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.binding import bind_condition
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.filter import BoundFilter, Comparison, Operator
from scim_server.domain.match import element_matches
from scim_server.domain.rows import Element, RowsChange
from tests.domain.device import USERS

Rows = dict[str, Element]

TYPES = ("user", "group")
IDS = st.sampled_from(["u-1", "u-2", "u-3", "u-4"])


def where(sub: str, literal: str) -> BoundFilter:

    return bind_condition(Comparison(AttrPath(sub), Operator.EQ, literal), USERS, Leniency(STRICT))


CONDITIONS = {(sub, literal): where(sub, literal) for sub in ("type", "display") for literal in TYPES}


def elements(types: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, Element]]:
    """An id with an element; its content differs from one to the next."""
    displays = st.sampled_from(["user", "group", "other"])
    return st.builds(lambda id, t, d: (id, {"value": id, "type": t, "display": d}), IDS, types, displays)


def steps(conditions: st.SearchStrategy[Any], types: st.SearchStrategy[str]) -> st.SearchStrategy[list[Any]]:
    some = st.lists(elements(types), max_size=3, unique_by=lambda pair: pair[0])
    return st.lists(
        st.one_of(
            st.tuples(st.just("add"), some),
            st.tuples(st.just("add"), some),
            st.tuples(st.just("remove"), st.lists(IDS, max_size=3)),
            st.tuples(st.just("remove where"), conditions),
            st.tuples(st.just("clear"), st.none()),
            st.tuples(st.just("replace"), some),
        ),
        max_size=6,
    )


def holds(key: tuple[str, str], element: Element) -> bool:
    return element_matches(CONDITIONS[key], element, USERS)


def one_by_one(rows: Rows, operations: list[Any]) -> Rows:
    """The naive meaning: rows are there, and each operation changes them."""
    rows = dict(rows)
    for verb, given_ in operations:
        if verb == "add":
            for id, element in given_:
                rows.setdefault(id, element)
        elif verb == "remove":
            rows = {id: e for id, e in rows.items() if id not in given_}
        elif verb == "remove where":
            rows = {id: e for id, e in rows.items() if not holds(given_, e)}
        else:
            rows = dict(given_ or ())
    return rows


def folded(operations: list[Any]) -> RowsChange:
    change = RowsChange()
    for verb, given_ in operations:
        if verb == "add":
            change.added(given_)
        elif verb == "remove":
            change.removed(given_)
        elif verb == "remove where":
            pending = {**change.add, **change.put}
            change.removed_where(CONDITIONS[given_], [id for id, e in pending.items() if holds(given_, e)])
        elif verb == "clear":
            change.cleared()
        else:
            change.replaced(given_)
    return change


def applied(change: RowsChange, rows: Mapping[str, Element]) -> Rows:
    """What the fields of a change say: rows go, additions come where there is no such row, replacements come anyway."""
    after = {id: element for id, element in rows.items() if not goes(change, id, element)}
    return {**change.add, **after, **change.put}


def goes(change: RowsChange, id: str, element: Element) -> bool:
    if id in change.put:
        return False
    meets = any(element_matches(condition, element, USERS) for condition in change.remove_where)
    return change.clear or id in change.remove or meets


def well_formed(change: RowsChange) -> bool:
    disjoint = not (change.add.keys() & change.put.keys() or change.remove & (change.add.keys() | change.put.keys()))
    return disjoint and not (change.clear and (change.add or change.remove or change.remove_where))


ANY_CONDITION = st.sampled_from(sorted(CONDITIONS))
BEFORE = st.lists(elements(st.sampled_from(TYPES)), max_size=4).map(dict)


@pytest.mark.unmeasured
@pytest.mark.req("R-PATCH-11", "ENTRA-56")
@settings(max_examples=500)
@given(BEFORE, steps(st.nothing(), st.sampled_from(TYPES)))
def test_a_fold_without_conditions_is_exact(rows: Rows, operations: list[Any]) -> None:
    change = folded(operations)
    assert well_formed(change)
    assert applied(change, rows) == one_by_one(rows, operations)


@pytest.mark.req("R-PATCH-11")
@settings(max_examples=500)
@given(BEFORE, steps(ANY_CONDITION, st.sampled_from(TYPES)))
def test_a_fold_with_conditions_is_exact_but_for_additions_that_outlive_one(rows: Rows, operations: list[Any]) -> None:
    change = folded(operations)
    assert well_formed(change)
    after, expected = applied(change, rows), one_by_one(rows, operations)
    survivors = {id for id in change.add if id in rows and goes(change, id, rows[id])}
    assert {id: e for id, e in after.items() if id not in survivors} == {
        id: e for id, e in expected.items() if id not in survivors
    }
    assert all(after[id] == change.add[id] for id in survivors)


@pytest.mark.unmeasured
@pytest.mark.req("R-PATCH-11")
@settings(max_examples=500)
@given(st.data())
def test_a_fold_is_exact_where_conditions_ask_for_what_an_id_always_has(data: st.DataObject) -> None:
    """Members say the same type whenever they are named, so that this is the fold of real groups."""

    def typed(pair: tuple[str, Element]) -> tuple[str, Element]:
        id, element = pair
        return id, {**element, "type": TYPES[id in ("u-1", "u-2")]}

    asked = st.sampled_from([("type", "user"), ("type", "group")])
    rows = dict(map(typed, data.draw(BEFORE).items()))
    sent = data.draw(steps(asked, st.just("user")))
    operations = [(v, list(map(typed, g)) if v in ("add", "replace") else g) for v, g in sent]
    assert applied(folded(operations), rows) == one_by_one(rows, operations)


@pytest.mark.req("R-PATCH-28")
@pytest.mark.parametrize(
    ("change", "empty"),
    [
        (RowsChange(), True),
        (RowsChange(clear=True), False),
        (RowsChange(remove={"u-1"}), False),
        (RowsChange(remove_where=[CONDITIONS["type", "user"]]), False),
        (RowsChange(add={"u-1": {"value": "u-1"}}), False),
        (RowsChange(put={"u-1": {"value": "u-1"}}), False),
    ],
)
def test_a_change_is_empty_where_it_says_nothing(change: RowsChange, empty: bool) -> None:
    assert change.is_empty is empty


def test_adding_nothing_and_removing_nobody_is_no_change() -> None:
    change = RowsChange()
    change.added([])
    change.removed([])
    assert change.is_empty
