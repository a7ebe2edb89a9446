"""Elements of multi-valued attributes: which are the same, which one is primary, which id they have as rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.connectors import dialect
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.elements import MAXIMUM_ID, Distinct, identity, merged, primaries, row_id, settle_primary
from scim_server.domain.resource import copy
from scim_server.domain.schema import Attribute, AttributeType, Json
from scim_server.errors import InvalidValue
from tests.domain.device import LABELS, PORTS, SCORES, USERS

req = pytest.mark.req


@req("R-MV-03", "R-PATCH-30")
@pytest.mark.parametrize(
    ("attribute", "one", "other", "same"),
    [
        (LABELS, "a", "A", True),
        (LABELS, "a", "b", False),
        (SCORES, 1, 1, True),
        (PORTS, {"value": "a"}, {"value": "A"}, True),
        (PORTS, {"value": "a", "display": "x", "primary": True}, {"value": "a", "display": "y"}, True),
        (PORTS, {"value": "a", "type": "t"}, {"type": "T", "value": "a"}, True),
        (PORTS, {"value": "a", "type": "t"}, {"value": "a"}, False),
        (PORTS, {"value": "a"}, {"value": "b"}, False),
        (PORTS, {"speed": 1, "type": "t"}, {"type": "T", "speed": 1}, True),
        (PORTS, {"speed": 1, "type": "t"}, {"speed": 1}, False),
        (PORTS, {"speed": 1, "primary": True}, {"speed": 1, "primary": False}, True),
        (PORTS, {"speed": 1, "primary": True}, {"speed": 1}, True),
        (PORTS, {"vlans": [1, 2]}, {"vlans": [1, 2]}, True),
        (PORTS, {"vlans": [1, 2]}, {"vlans": [2, 1]}, False),
        (PORTS, {"display": "x"}, {"type": "x"}, False),
        (PORTS, {"unheard": "x"}, {"unheard": "x"}, True),
        (USERS, {"value": "u-1", "display": "x"}, {"value": "U-1", "display": "x"}, False),
    ],
)
def test_elements_are_the_same_by_type_and_value_else_by_all_but_the_primary_flag(
    attribute: Attribute, one: Json, other: Json, same: bool
) -> None:
    assert (identity(attribute, one) == identity(attribute, other)) is same


@req("R-MV-03")
def test_a_later_element_merges_into_the_place_of_its_equal() -> None:
    elements = [{"value": "a", "speed": 1}, {"value": "b"}, {"value": "A", "display": "x"}]
    before = copy(elements)
    assert merged(PORTS, elements) == [{"value": "A", "speed": 1, "display": "x"}, {"value": "b"}]
    assert elements == before


PORT = st.fixed_dictionaries(
    {},
    optional={
        "value": st.sampled_from(["a", "A", "b"]),
        "type": st.sampled_from(["t", "T"]),
        "speed": st.sampled_from([1, 2]),
        "primary": st.booleans(),
    },
).filter(bool)


@req("R-MV-02", "R-MV-03", "R-PATCH-18")
@given(st.lists(PORT, max_size=6), st.lists(st.lists(PORT, max_size=3), max_size=5))
def test_adding_to_what_is_there_means_the_same_as_merging_all_anew(first: list[Json], added: list[list[Json]]) -> None:
    distinct = Distinct(PORTS, copy(first))
    expected = merged(PORTS, copy(first))
    for elements in added:
        new = [e for e in elements if not e.get("primary")] + primaries(elements)[:1]
        distinct.add(copy(new))
        both = [*expected, *copy(new)]
        settle_primary(PORTS, primaries(expected), both, Leniency(STRICT))
        expected = merged(PORTS, both)
        assert distinct.elements == expected


@req("R-MV-02", "R-PATCH-18", "R-PATCH-19")
@pytest.mark.parametrize(
    ("flags", "old", "strict", "tolerant"),
    [
        ([None, None], [], [None, None], [None, None]),
        ([True, None], [], [True, None], [True, None]),
        ([True, None], [0], [True, None], [True, None]),
        ([True, True], [0], [False, True], [False, True]),
        ([True, True], [1], [True, False], [True, False]),
        ([True, True], [], None, [False, True]),
        ([True, True, True], [0], None, [False, False, True]),
        ([True, True], [0, 1], [True, True], [True, True]),
    ],
)
def test_one_element_is_primary_the_one_just_made_so(
    flags: list[bool | None], old: list[int], strict: list[bool | None] | None, tolerant: list[bool | None]
) -> None:
    for name, expected in (("strict", strict), ("generic", tolerant)):
        elements = [{"value": str(n)} | ({} if flag is None else {"primary": flag}) for n, flag in enumerate(flags)]
        before = [elements[n] for n in old]
        if expected is None:
            with pytest.raises(InvalidValue, match="primary"):
                settle_primary(PORTS, before, elements, Leniency(dialect(name)))
        else:
            settle_primary(PORTS, before, elements, Leniency(dialect(name)))
            assert [e.get("primary") for e in elements] == expected


def test_primaries_are_looked_for_among_objects_alone() -> None:
    assert primaries(["a", 1, {"primary": False}, {"primary": True}, {"value": "x"}]) == [{"primary": True}]
    settle_primary(LABELS, (), ["a", "b"], Leniency(STRICT))


@req("R-GRP-03")
@pytest.mark.parametrize("value", ["u-1", "U-1", "x" * MAXIMUM_ID, " "])
def test_the_id_of_a_row_is_its_value(value: str) -> None:
    assert row_id(USERS, {"value": value, "display": "x"}) == value


@req("R-GRP-03")
@pytest.mark.parametrize("element", [{}, {"display": "x"}, {"value": ""}, {"value": "x" * (MAXIMUM_ID + 1)}])
def test_a_row_has_an_id(element: Json) -> None:
    with pytest.raises(InvalidValue, match="users"):
        row_id(USERS, element)


def test_what_has_no_value_is_not_kept_as_rows() -> None:
    with pytest.raises(InvalidValue):
        row_id(Attribute("x", AttributeType.COMPLEX, sub_attributes=(Attribute("y"),)), {"value": "1"})
