"""Operations of a bulk request: their shape, what they refer to, and their order."""

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain.bulk import Operation, creates, execution_order, read, references, resolved
from scim_server.errors import InvalidSyntax

IDS = {"ana": "id-1", "ben": "id-2", "a b/c": "id-3"}


def operation(method: str = "POST", path: str = "/Users", data: Any = None, **more: Any) -> Operation:
    return Operation(method, path, data=data, **more)


# Shape


@pytest.mark.req("R-BULK-05", "R-HTTP-16")
def test_member_names_and_methods_count_in_any_case() -> None:
    raw = {"METHOD": "patch", "Path": "/Users/1", "BULKID": "x", "Version": 'W/"1"', "Data": {}, "more": 1}
    assert read(raw) == Operation("PATCH", "/Users/1", "x", 'W/"1"', {})


def test_null_is_the_same_as_absent() -> None:
    raw = {"method": "DELETE", "path": "/Users/1", "bulkId": None, "version": None, "data": None}
    assert read(raw) == Operation("DELETE", "/Users/1")


SHAPELESS = [
    ({}, "The method of an operation is one of"),
    ({"method": "GET", "path": "/Users"}, "The method of an operation is one of"),
    ({"method": "", "path": "/Users"}, "The method of an operation is one of"),
    ({"method": 1, "path": "/Users"}, "The method of an operation is a string"),
    ({"method": "POST", "bulkId": "a", "data": {}}, "needs a path"),
    ({"method": "DELETE", "path": ""}, "needs a path"),
    ({"method": "DELETE", "path": ["/Users/1"]}, "The path of an operation is a string"),
    ({"method": "POST", "path": "/Users", "data": {}}, "needs a bulkId"),
    ({"method": "POST", "path": "/Users", "bulkId": "", "data": {}}, "needs a bulkId"),
    ({"method": "POST", "path": "/Users", "bulkId": 1, "data": {}}, "The bulkId of an operation is a string"),
    ({"method": "POST", "path": "/Users", "bulkId": "a"}, "A POST needs data"),
    ({"method": "PUT", "path": "/Users/1"}, "A PUT needs data"),
    ({"method": "PATCH", "path": "/Users/1"}, "A PATCH needs data"),
    ({"method": "PATCH", "path": "/Users/1", "data": None}, "A PATCH needs data"),
    ({"method": "PUT", "path": "/Users/1", "data": [{}]}, "The data of a PUT is an object"),
    ({"method": "POST", "path": "/Users", "bulkId": "a", "data": "{}"}, "The data of a POST is an object"),
    ({"method": "PATCH", "path": "/Users/1", "data": 0}, "The data of a PATCH is an object"),
    ({"method": "PUT", "path": "/Users/1", "data": {}, "version": 1}, "The version of an operation is a string"),
    ({"method": "DELETE", "path": "/Users/1", "Path": "/Users/2"}, "a member twice"),
]


@pytest.mark.req("R-BULK-05")
@pytest.mark.parametrize(("raw", "detail"), SHAPELESS)
def test_what_an_operation_lacks_is_noted_and_not_raised(raw: dict[str, Any], detail: str) -> None:
    fault = read(raw).fault
    assert isinstance(fault, InvalidSyntax)
    assert detail in fault.detail


@pytest.mark.req("R-BULK-05")
@pytest.mark.parametrize(
    "raw",
    [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": {}},
        {"method": "PUT", "path": "/Users/1", "data": {}},
        {"method": "PATCH", "path": "/Users/1", "data": {}},
        {"method": "PATCH", "path": "/Users/1", "data": []},
        {"method": "DELETE", "path": "/Users/1"},
        {"method": "DELETE", "path": "/Users/1", "data": 1},
    ],
)
def test_an_operation_with_what_it_needs_has_no_fault(raw: dict[str, Any]) -> None:
    assert read(raw).fault is None


@pytest.mark.req("R-BULK-17")
def test_a_bulk_id_stands_at_one_operation_only() -> None:
    with pytest.raises(InvalidSyntax, match="'a' is given twice"):
        creates([operation(bulk_id="a"), operation("DELETE", "/Users/1", bulk_id="a")])


def test_only_creates_define_a_bulk_id_and_case_counts() -> None:
    operations = [
        operation(bulk_id="a"),
        operation("PUT", "/Users/1", bulk_id="b"),
        operation(bulk_id="A"),
        operation(),
        operation(),
    ]
    assert creates(operations) == {"a": 0, "A": 2}


# References

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

IN_DATA = [
    ({"members": [{"value": "bulkId:ana"}]}, {"members": [{"value": "id-1"}]}),
    ({MANAGER: {"manager": {"value": "bulkId:ana"}}}, {MANAGER: {"manager": {"value": "id-1"}}}),
    ({"owner": {"$ref": "../Users/bulkId:ana"}}, {"owner": {"$ref": "../Users/id-1"}}),
    ({"x": "https://example.com/scim/v2/Users/bulkId:ana"}, {"x": "https://example.com/scim/v2/Users/id-1"}),
    ({"x": "/Users/bulkId:ana"}, {"x": "/Users/id-1"}),
    ({"x": ["bulkId:ben", "bulkId:ana"]}, {"x": ["id-2", "id-1"]}),
    ({"x": "bulkId:a b/c"}, {"x": "id-3"}),
]

NO_REFERENCE = [
    {"x": "ana"},
    {"x": "see bulkId:ana"},
    {"x": "bulkid:ana"},
    {"x": "bulkId:"},
    {"x": "my /Users/bulkId:ana"},
    {"x": "/Users/bulkId:ana/more"},
    {"bulkId:ana": 1},
    {"x": [1, None, True, {}]},
]


@pytest.mark.req("R-BULK-12", "R-BULK-13")
@pytest.mark.parametrize(("data", "expected"), IN_DATA)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_references_in_data_become_ids(method: str, data: Any, expected: Any) -> None:
    assert resolved(operation(method, data=data), IDS).data == expected


@pytest.mark.req("R-BULK-05")
def test_the_data_of_a_delete_means_nothing() -> None:
    deletion = operation("DELETE", "/Users/bulkId:ana", {"x": "bulkId:ben"})
    assert references(deletion) == ("ana",)
    assert resolved(deletion, IDS).data == deletion.data


@pytest.mark.parametrize("data", NO_REFERENCE)
def test_other_texts_are_no_references(data: Any) -> None:
    assert references(operation(data=data)) == ()
    assert resolved(operation(data=data), IDS).data == data


IN_PATCH = [
    ({"op": "add", "path": "members", "value": [{"value": "bulkId:ana"}]}, "value", [{"value": "id-1"}]),
    ({"op": "add", "path": "manager", "value": "bulkId:ana"}, "value", "id-1"),
    ({"op": "remove", "path": 'members[value eq "bulkId:ana"]'}, "path", 'members[value eq "id-1"]'),
    ({"op": "Remove", "Path": 'members[value eq "bulkId:ana"]'}, "Path", 'members[value eq "id-1"]'),
    ({"op": "remove", "path": "members[value eq bulkId:ana]"}, "path", "members[value eq id-1]"),
    (
        {"op": "remove", "path": 'x[a eq "bulkId:ana" or b eq "../Users/bulkId:ben"].c'},
        "path",
        'x[a eq "id-1" or b eq "../Users/id-2"].c',
    ),
    (
        {"op": "remove", "path": r'x[a eq "\u0061b" or a eq "bulkId:a\u006ea"]'},
        "path",
        r'x[a eq "\u0061b" or a eq "id-1"]',
    ),
    ({"op": "remove", "path": 'x[a eq "bulkId:ana'}, "path", 'x[a eq "bulkId:ana'),
    ({"op": "remove", "path": 'x[a eq "not bulkId:ana"]'}, "path", 'x[a eq "not bulkId:ana"]'),
    (
        {"op": "add", "value": {'members[value eq "bulkId:ana"].display': "bulkId:ben"}},
        "value",
        {'members[value eq "id-1"].display': "id-2"},
    ),
]


@pytest.mark.req("R-BULK-13", "ENTRA-41")
@pytest.mark.parametrize(("raw", "member", "expected"), IN_PATCH)
def test_references_in_patch_operations_become_ids(raw: Any, member: str, expected: Any) -> None:
    bare = operation("PATCH", "/Groups/1", [raw])
    message = operation("PATCH", "/Groups/1", {"schemas": ["bulkId"], "operations": [raw]})
    assert resolved(bare, IDS).data[0][member] == expected
    assert resolved(message, IDS).data == {"schemas": ["bulkId"], "operations": [{**raw, member: expected}]}


@pytest.mark.req("R-BULK-13")
def test_references_in_the_path_of_an_operation_become_ids() -> None:
    for path in ("/Users/bulkId:ana", "/Users/bulkId:ana/"):
        assert resolved(operation("DELETE", path), IDS).path == "/Users/id-1"


def test_a_bulk_id_is_not_decoded_in_a_path_and_has_no_slash_there() -> None:
    named = [references(operation("DELETE", f"/Users/bulkId:{bulk_id}")) for bulk_id in ("a%20b", "a b", "a b/c")]
    assert named == [("a%20b",), ("a b",), ()]


def test_what_is_unknown_stays_as_it_is() -> None:
    unknown = operation("PUT", "/Users/bulkId:zoe", {"x": ["bulkId:zoe", "bulkId:ana"]})
    assert references(unknown) == ("zoe", "ana")
    assert resolved(unknown, IDS) == operation("PUT", "/Users/bulkId:zoe", {"x": ["bulkId:zoe", "id-1"]})


def test_a_malformed_patch_is_looked_through_all_the_same() -> None:
    data = ["bulkId:ana", 1, {"path": 1, "value": "bulkId:ben"}, {"path": '["bulkId:ana'}]
    found = resolved(operation("PATCH", data=data), IDS).data
    assert found == ["id-1", 1, {"path": 1, "value": "id-2"}, {"path": '["bulkId:ana'}]


HOSTILE: dict[str, Callable[[int], str]] = {
    "steps": lambda size: "a/" * size + "xbulkId:",
    "quotes": lambda size: "bulkId:" + '\\"' * size,
    "escapes": lambda size: 'bulkId:"' + "\\a" * size + '"',
    "references": lambda size: "bulkId: " * size,
    "literals": lambda size: '"bulkId:' * size,
}


def patch_of(text: str) -> Operation:
    return operation("PATCH", text, [{"path": text, "value": {text: text}}])


def seconds(hostile: Operation) -> float:
    """The least processor time of three runs."""
    times = []
    for _ in range(3):
        started = time.process_time()
        resolved(hostile, IDS)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.unmeasured
@pytest.mark.req("R-SEC-08")
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_a_text_costs_grows_with_its_length(text: Callable[[int], str]) -> None:
    """Sixteen times the text is no more than sixty times the work: a square would be 256 times."""
    assert seconds(patch_of(text(160_000))) < 60 * max(seconds(patch_of(text(10_000))), 0.001)


@pytest.mark.req("R-SEC-08")
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_takes_no_more_memory_than_a_few_copies_of_it(text: Callable[[int], str]) -> None:
    hostile = text(50_000)
    tracemalloc.start()
    try:
        resolved(patch_of(hostile), IDS)
        assert tracemalloc.get_traced_memory()[1] < 30 * len(hostile)
    finally:
        tracemalloc.stop()


def test_each_bulk_id_is_named_once() -> None:
    assert references(operation(path="/Users/bulkId:b", data=["bulkId:a", "bulkId:b", {"x": "bulkId:a"}])) == ("b", "a")


# Order


@pytest.mark.req("R-BULK-14")
@pytest.mark.parametrize(
    ("needs", "order"),
    [
        ([], []),
        ([(), (), ()], [(0,), (1,), (2,)]),
        ([(2,), (), ()], [(2,), (0,), (1,)]),
        ([(1,), (2,), ()], [(2,), (1,), (0,)]),
        ([(0,), ()], [(0,), (1,)]),
        ([(1,), (0,)], [(0, 1)]),
        ([(), (2, 3), (1,), (0,)], [(0,), (3,), (1, 2)]),
        ([(1,), (2,), (0, 3), ()], [(3,), (0, 1, 2)]),
        ([(3, 1), (), (), (2,)], [(2,), (3,), (1,), (0,)]),
    ],
)
def test_what_is_needed_comes_first_and_circles_together(needs: list[tuple[int, ...]], order: Any) -> None:
    assert execution_order(needs) == order


@pytest.mark.unmeasured
@pytest.mark.req("R-BULK-14")
@pytest.mark.parametrize("length", [1_000, 100_000])
def test_a_long_chain_or_circle_needs_no_deep_stack(length: int) -> None:
    chain = [(place + 1,) for place in range(length - 1)]
    assert execution_order([*chain, ()]) == [(place,) for place in reversed(range(length))]
    assert execution_order([*chain, (0,)]) == [tuple(range(length))]


def reachable(needs: list[list[int]], start: int) -> set[int]:
    found: set[int] = set()
    waiting = [*needs[start]]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += needs[place]
    return found


@given(
    st.integers(0, 8).flatmap(
        lambda n: st.lists(st.lists(st.integers(0, max(n - 1, 0)), max_size=3), min_size=n, max_size=n)
    )
)
def test_any_order_has_each_place_once_behind_what_it_needs(needs: list[list[int]]) -> None:
    order = execution_order(needs)
    assert sorted(place for unit in order for place in unit) == list(range(len(needs)))
    reach = [reachable(needs, place) for place in range(len(needs))]
    done: set[int] = set()
    for unit in order:
        assert all(unit == tuple(sorted({place} | {p for p in reach[place] if place in reach[p]})) for place in unit)
        done |= set(unit)
        assert all(set(needs[place]) <= done for place in unit)
