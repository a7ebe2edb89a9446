"""Rows read in pieces and in pages, and large changes prepared before their transaction, on both engines."""

from collections.abc import Iterator, Sequence
from itertools import islice

import pytest

from scim_server.domain import filter as f
from scim_server.domain.query import CursorPage, Position
from scim_server.domain.rows import Element, RowsChange
from scim_server.storage.base import Creation, Pieces, PreparedRows, Record, Storage, Transaction
from scim_server.storage.sql import Database, elements
from tests.statements import Statement, sent_to
from tests.storage.test_rows import change_rows, condition, members
from tests.storage.things import DAY, LATER, MEMBERS, THING, draft

req = pytest.mark.req
EXPAND = frozenset({"members"})


def many(numbers: range, kind: str = "User") -> dict[str, Element]:
    return {f"m-{number:06}": {"value": f"m-{number:06}", "type": kind} for number in numbers}


@pytest.fixture
def group(storage: Storage, tenant: int) -> int:
    """A tenant that has the group `g` without members."""
    storage.write(tenant, lambda transaction: transaction.insert(Creation(THING, draft(THING, "g")), DAY))
    return tenant


def streamed(storage: Storage, tenant: int) -> tuple[Record, list[Sequence[str]]] | None:
    def take(record: Record, pieces: Pieces) -> tuple[Record, list[Sequence[str]]]:
        return record, list(pieces(MEMBERS))

    return storage.stream(tenant, THING, "g", EXPAND, take)


@req("X-02", "R-GET-01")
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size_hold_the_rows_in_their_order(
    storage: Storage, group: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "PIECE", piece)
    for numbers in (range(10, 15), range(5), range(20, 22)):
        change_rows(storage, group, RowsChange(add=many(numbers)))
    whole = storage.read(group, THING, "g", EXPAND)
    found = streamed(storage, group)
    assert whole is not None
    assert found is not None
    record, pieces = found
    assert record.meta == whole.meta
    assert record.rows == {}
    assert f"[{','.join(text for each in pieces for text in each)}]" == whole.rows["members"]
    assert max(map(len, pieces)) <= piece


@req("X-02")
def test_what_is_not_there_has_no_pieces(storage: Storage, tenant: int) -> None:
    assert streamed(storage, tenant) is None


@req("X-02", "R-ETAG-04")
def test_rows_and_version_are_of_one_moment_whoever_writes_between_the_pieces(
    storage: Storage, group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elements, "PIECE", 2)
    change_rows(storage, group, RowsChange(add=many(range(10))))

    def take(record: Record, pieces: Pieces) -> tuple[int | None, list[str]]:
        change_rows(storage, group, RowsChange(remove={"m-000009"}))
        found: list[str] = []
        for number, piece in enumerate(pieces(MEMBERS)):
            change_rows(storage, group, RowsChange(clear=True, put=many(range(100 * number, 100 * number + 3))))
            found += piece
        return record.meta.membership_version, found

    read = storage.stream(group, THING, "g", EXPAND, take)
    assert read is not None
    version, found = read
    assert version == 2
    assert len(found) == 10
    assert len(members(storage, group)) == 3
    assert storage.write(group, lambda t: t.lock_membership(THING, "g")) == 8


@req("X-02")
def test_a_connection_is_good_for_the_next_after_a_reading_that_failed(storage: Storage, group: int) -> None:
    change_rows(storage, group, RowsChange(add=many(range(5_000))))

    def fail(record: Record, pieces: Pieces) -> None:
        next(pieces(MEMBERS))
        raise RuntimeError("no more")

    for _ in range(20):
        with pytest.raises(RuntimeError, match="no more"):
            storage.stream(group, THING, "g", EXPAND, fail)
    change_rows(storage, group, RowsChange(remove={"m-000000"}))
    assert len(members(storage, group)) == 4_999


@pytest.mark.parametrize(("most", "is_there"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_record_has_rows_up_to_a_number_of_them(storage: Storage, group: int, most: int, is_there: bool) -> None:
    change_rows(storage, group, RowsChange(add=many(range(3))))
    record = storage.read(group, THING, "g", EXPAND, most)
    whole = storage.read(group, THING, "g", EXPAND)
    assert record is not None
    assert whole is not None
    assert record.rows == (whole.rows if is_there else {})


@pytest.mark.parametrize("most", [0, 1])
def test_no_rows_are_never_too_many(storage: Storage, group: int, most: int) -> None:
    record = storage.read(group, THING, "g", EXPAND, most)
    assert record is not None
    assert record.rows == {"members": "[]"}


# Pages ---------------------------------------------------------------------------------------------------------------


def walked(storage: Storage, tenant: int, count: int, condition: f.BoundFilter | None = None) -> Iterator[list[str]]:
    """The texts of each page from the first to the last."""
    page = CursorPage(count)
    while True:
        found = storage.elements(tenant, THING, "g", MEMBERS, condition, page)
        assert found is not None
        assert found.has_next is (len(found.elements) == count and found.has_next)
        yield [*found.elements]
        if not found.has_next or found.last is None:
            return
        page = CursorPage(count, Position((), found.last), total=found.total)


@pytest.mark.parametrize(("count", "pages"), [(1, 7), (3, 3), (7, 1), (100, 1)])
def test_pages_hold_every_element_once(storage: Storage, group: int, count: int, pages: int) -> None:
    change_rows(storage, group, RowsChange(add=many(range(6, -1, -1))))
    found = list(walked(storage, group, count))
    assert len(found) == pages
    assert [text for page in found for text in page] == [
        f'{{"value":"m-{number:06}","type":"User"}}' for number in range(7)
    ]


def test_a_page_of_nothing_tells_the_total(storage: Storage, group: int) -> None:
    change_rows(storage, group, RowsChange(add=many(range(7))))
    found = storage.elements(group, THING, "g", MEMBERS, None, CursorPage(0))
    assert found is not None
    assert (found.total, found.elements, found.last) == (7, [], None)


@pytest.mark.parametrize(
    ("name", "operator", "literal", "expected"),
    [
        ("type", "eq", "GROUP", [5, 6]),
        ("type", "ne", "Group", [0, 1, 2, 3, 4]),
        ("value", "eq", "m-000002", [2]),
        ("value", "ge", "m-000004", [4, 5, 6]),
        ("value", "eq", "nobody", []),
    ],
)
def test_a_filter_chooses_among_the_elements(
    storage: Storage, group: int, name: str, operator: str, literal: str, expected: list[int]
) -> None:
    change_rows(storage, group, RowsChange(add=many(range(5)) | many(range(5, 7), "Group")))
    found = list(walked(storage, group, 2, condition(name, operator, literal)))
    assert [int(text[11:19].strip('m-"')) for page in found for text in page] == expected
    first = storage.elements(group, THING, "g", MEMBERS, condition(name, operator, literal), CursorPage(2))
    assert first is not None
    assert first.total == len(expected)


@req("X-02")
def test_a_walk_misses_none_that_stayed_and_repeats_none_while_others_come_and_go(storage: Storage, group: int) -> None:
    staying = many(range(0, 2_000, 2))
    change_rows(storage, group, RowsChange(add=staying | many(range(1, 2_000, 4))))
    seen: list[str] = []
    for number, page in enumerate(walked(storage, group, 90)):
        seen += page
        coming = many(range(3 + 400 * (number % 5), 400 * (number % 5 + 1), 40))
        going = set(many(range(1 + 100 * (number % 20), 100 * (number % 20 + 1), 4)))
        change_rows(storage, group, RowsChange(remove=going - coming.keys(), put=coming))
    assert len(seen) == len(set(seen))
    assert {f'{{"value":"{id}","type":"User"}}' for id in staying} <= set(seen)


def test_what_is_not_there_has_no_page(storage: Storage, group: int, neighbour: int) -> None:
    for tenant, id in ((group, "nobody"), (neighbour, "g")):
        assert storage.elements(tenant, THING, id, MEMBERS, None, CursorPage()) is None


# Large changes -------------------------------------------------------------------------------------------------------


def prepared(storage: Storage, tenant: int, elements: dict[str, Element]) -> PreparedRows:
    return storage.prepare(tenant, THING, "g", MEMBERS, RowsChange(clear=True, put=elements))


def apply(storage: Storage, tenant: int, change: PreparedRows) -> bool:
    def work(transaction: Transaction) -> bool:
        changed = transaction.change_rows(THING, "g", MEMBERS, change)
        if changed:
            transaction.touch(THING, "g", LATER)
        return changed

    return storage.write(tenant, work)


OTHERS = {
    "nothing": {},
    "the same": many(range(10)),
    "some more": many(range(14)),
    "some fewer": many(range(3, 7)),
    "others": many(range(50, 60)),
    "changed ones": many(range(5)) | many(range(5, 12), "Group"),
}


@pytest.mark.parametrize("wanted", OTHERS.values(), ids=OTHERS.keys())
def test_a_prepared_change_does_what_the_change_does(storage: Storage, group: int, wanted: dict[str, Element]) -> None:
    start = RowsChange(clear=True, put=many(range(10)))
    change_rows(storage, group, start)
    changed = change_rows(storage, group, RowsChange(clear=True, put=wanted))
    expected = members(storage, group)
    change_rows(storage, group, RowsChange(clear=True))
    change_rows(storage, group, start)
    assert apply(storage, group, prepared(storage, group, wanted)) is changed
    assert members(storage, group) == expected


@pytest.mark.parametrize("wanted", OTHERS.values(), ids=OTHERS.keys())
def test_a_change_prepared_for_another_version_is_applied_all_the_same(
    storage: Storage, group: int, wanted: dict[str, Element]
) -> None:
    change_rows(storage, group, RowsChange(add=many(range(10))))
    change = prepared(storage, group, wanted)
    change_rows(storage, group, RowsChange(remove={"m-000004"}, put=many(range(8, 30), "Group")))
    apply(storage, group, change)
    assert {member["value"]: member for member in members(storage, group)} == wanted


def test_the_rows_of_a_new_resource_are_prepared_before_it_is_there(
    storage: Storage, database: Database, tenant: int
) -> None:
    change = storage.prepare(tenant, THING, "g", MEMBERS, RowsChange(add=many(range(5))))

    def work(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, "g")), DAY)
        with sent_to(database.connections.writer) as sent:
            transaction.change_rows(THING, "g", MEMBERS, change)
        assert len(sent) == 2

    storage.write(tenant, work)
    change_rows(storage, tenant, RowsChange(add=many(range(100, 101))))
    assert [member["value"] for member in members(storage, tenant)] == [*many(range(5)), "m-000100"]


@req("X-02")
def test_a_transaction_writes_what_a_prepared_change_changes_and_no_more(
    storage: Storage, database: Database, group: int
) -> None:
    change_rows(storage, group, RowsChange(add=many(range(3_000))))
    one = prepared(storage, group, many(range(1, 3_001)))
    none = prepared(storage, group, many(range(3_000)))
    with sent_to(database.connections.writer) as idle:
        assert not apply(storage, group, none)
    with sent_to(database.connections.writer) as sent:
        assert apply(storage, group, one)
    assert [changes(statements) for statements in (idle, sent)] == [[], ["DELETE", "INSERT"]]
    assert max(len(str(statement.parameters)) for statement in (*idle, *sent)) < 1_000


def changes(statements: list[Statement]) -> list[str]:
    words = [statement.text.split()[0] for statement in statements]
    return [word for word in words if word in ("DELETE", "INSERT")]


@pytest.mark.unmeasured
@req("X-02")
def test_twenty_thousand_rows_are_filled_kept_and_changed(storage: Storage, group: int) -> None:
    wanted = many(range(20_000))
    for rows, changes in ((wanted, True), (wanted, False), (dict(islice(wanted.items(), 18_000)), True)):
        assert apply(storage, group, prepared(storage, group, rows)) is changes
        found = streamed(storage, group)
        assert found is not None
        assert sum(map(len, found[1])) == len(rows)


@pytest.mark.unmeasured
@req("X-02")
@pytest.mark.parametrize("where", [[], [condition("type", "eq", "Group")]])
def test_many_of_many_rows_are_removed_at_once(storage: Storage, group: int, where: list[f.BoundFilter]) -> None:
    """On PostgreSQL without statistics, as here, a plan that compared each row with each id would take minutes."""
    change_rows(storage, group, RowsChange(add=many(range(20_000)) | many(range(20_000, 20_010), "Group")))
    assert change_rows(storage, group, RowsChange(remove=set(many(range(10_000))), remove_where=where))
    left = [member["value"] for member in members(storage, group)]
    assert left == [*many(range(10_000, 20_000 if where else 20_010))]
