"""Indexes serve what must not grow with the directory, on both engines, without fresh statistics."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scim_server.domain import binding
from scim_server.domain import filter as f
from scim_server.domain.attrpath import AttrPath, bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.query import CursorPage, Direction, Order, Page, Position, Query, Selection
from scim_server.domain.rows import Element, RowsChange
from scim_server.storage.base import Creation, Transaction
from scim_server.storage.sql import Database, open_database
from tests.databases import ENGINES
from tests.domain.every_type import DESK
from tests.statements import Statement, sent_to
from tests.storage.things import DAY, LATER, MEMBERS, OTHER, REGISTRY, THING, draft

SIZE = 2000


@pytest.fixture(scope="module", params=ENGINES)
def database(
    request: pytest.FixtureRequest, new_database: Callable[..., str], migrated: Callable[[str], str]
) -> Iterator[Database]:
    """A database with two thousand things, each a member of one of twenty groups."""
    database = open_database(new_database(request.param, migrated(request.param)), REGISTRY)
    tenant = database.tenancy.add_tenant("default", "", {}).id

    def fill(transaction: Transaction) -> None:
        for number in range(SIZE):
            id = f"t-{number:04}"
            emails = [{"value": f"{id}@example.com", "type": "work"}]
            given = {"text": id, "externalId": id, "emails": emails, "exact": id, DESK: {"level": number}}
            transaction.insert(Creation(THING, draft(THING, id, given)), DAY)
        for group in range(20):
            members: dict[str, Element] = {f"t-{n:04}": {"value": f"t-{n:04}"} for n in range(group, SIZE, 20)}
            transaction.change_rows(THING, f"t-{group:04}", MEMBERS, RowsChange(add=members))

    database.storage.write(tenant, fill)
    yield database
    database.close()


@pytest.fixture
def statements(database: Database) -> Iterator[list[Statement]]:
    """What is sent to the database while the test runs."""
    with sent_to(database.connections.reader, database.connections.writer) as sent:
        yield sent


def explained(database: Database, statement: Statement) -> str:
    """The plan as text; PostgreSQL runs the statement and counts the rows that it looked at."""
    explain = "EXPLAIN QUERY PLAN " if database.connections.dialect_name == "sqlite" else "EXPLAIN (ANALYZE) "
    with database.connections.reader.connect() as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement.text, statement.parameters))


def looked_at(plan: str) -> int:
    """The most rows that a step of the plan returned or threw away; SQLite says only whether it scans a table."""
    if "SCAN" in plan:
        scanned = re.findall(r"SCAN (\w+)", plan)
        return SIZE if set(scanned) & {"resources", "relations", "unique_values", "attribute_index"} else 0
    actual = re.findall(r"actual time=\S+ rows=(\d+) loops=(\d+)", plan)
    removed = re.findall(r"Rows Removed by \w+(?: \w+)*: (\d+)", plan)
    return max([0, *(int(rows) * int(loops) for rows, loops in actual), *map(int, removed)])


def test(name: str, operator: str, literal: Any) -> f.Comparison:
    urn, _, rest = name.rpartition(":")
    attribute, _, sub = rest.partition(".")
    return f.Comparison(AttrPath(attribute, sub or None, urn or None), f.Operator(operator), literal)


test.__test__ = False  # type: ignore[attr-defined]
WORK = f.And((f.Comparison(AttrPath("type"), f.Operator.EQ, "work"), test("value", "eq", "T-0007@example.com")))

SERVED: dict[str, tuple[f.Filter, int]] = {
    "unique": (test("text", "eq", "T-0007"), 1),
    "indexed": (test("externalId", "eq", "t-0007"), 1),
    "indexed, multi-valued": (test("emails.value", "eq", "t-0007@example.com"), 1),
    "indexed, in brackets": (f.Elements(AttrPath("emails"), WORK), 1),
    "unique, beginning": (test("text", "sw", "t-000"), 10),
    "unique or indexed": (f.Or((test("text", "eq", "t-0007"), test("emails.value", "eq", "t-0008@example.com"))), 2),
    "unique and another": (f.And((test("text", "eq", "t-0007"), test("exact", "ne", "x"))), 1),
    "id": (test("id", "eq", "t-0007"), 1),
    "groups of a member": (test("members.value", "eq", "t-0107"), 1),
    "one group and its member": (f.And((test("id", "eq", "t-0007"), test("members.value", "eq", "t-0107"))), 1),
    "members of a group": (test("memberOf.value", "eq", "t-0007"), 100),
}


@pytest.mark.parametrize("name", SERVED)
def test_an_index_serves(database: Database, statements: list[Statement], name: str) -> None:
    condition, expected = SERVED[name]
    selection = Selection(THING, binding.bind(condition, THING, Leniency(STRICT)))
    found = database.storage.search(1, Query((selection,), Page(count=200)), frozenset({"memberOf"}))
    assert found.total == expected
    (sent,) = list(statements)
    plan = explained(database, sent)
    assert looked_at(plan) <= max(expected, 20), plan


def test_a_page_reads_no_more_than_it_shows(database: Database, statements: list[Statement]) -> None:
    """A deep one walks an index of ids, and reads only what stands on it."""
    for start in (1, 1500):
        statements.clear()
        database.storage.search(1, Query((Selection(THING),), Page(start, 10)), frozenset())
        page, _total = list(statements)
        plan = explained(database, page)
        if database.connections.dialect_name == "sqlite":
            assert "SCAN resources" not in plan
        else:
            assert "Index Only Scan" in plan or start == 1
            assert "Seq Scan" not in plan


@pytest.mark.req("R-CUR-03")
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("number", [100, 1000, 1900])
def test_a_page_by_cursor_reads_no_more_than_it_shows_at_any_depth(
    database: Database, statements: list[Statement], number: int, direction: Direction
) -> None:
    page = CursorPage(10, Position((), f"t-{number:04}"), direction, SIZE)
    found = database.storage.search(1, Query((Selection(THING),), page), frozenset())
    assert len(found.records) == 10
    (sent,) = list(statements)
    plan = explained(database, sent)
    assert looked_at(plan) <= 11, plan
    assert re.search(r"ix_resources_tenant_id_type_id.*\bid[<>]\?|Index Cond: .*\bid [<>] ", plan), plan


def test_a_page_by_cursor_of_a_sort_fetches_the_records_that_it_shows_alone(
    database: Database, statements: list[Statement]
) -> None:
    """The keys of all resources are read and sorted, at any depth; the records are looked up by id."""
    selection = Selection(THING, None, bind(AttrPath("exact"), THING))
    page = CursorPage(10, Position(("t-1000",), "t-1000"), total=SIZE)
    found = database.storage.search(1, Query((selection,), page, Order.ASCENDING), frozenset())
    assert [record.id for record in found.records] == [f"t-{number}" for number in range(1001, 1011)]
    (sent,) = list(statements)
    plan = explained(database, sent)
    assert re.search(r"SEARCH resources USING INDEX \S+ \(tenant_id=\? AND id=\?\)|using pk_resources", plan), plan


@pytest.mark.parametrize("sort", [None, "exact"])
def test_the_later_pages_of_a_walk_are_one_statement(
    database: Database, statements: list[Statement], sort: str | None
) -> None:
    """So that its plan is found again; only the position differs, which is a parameter."""
    selection = Selection(THING, None, bind(AttrPath(sort), THING) if sort else None)
    for id in ("t-0100", "t-1000", "t-1900"):
        page = CursorPage(10, Position((id,) if sort else (), id), total=SIZE)
        database.storage.search(1, Query((selection,), page, Order.ASCENDING), frozenset())
    texts = [statement.text for statement in statements]
    assert (len(texts), len(set(texts))) == (3, 1)


def statements_of(statements: list[Statement], work: Callable[[], Any]) -> int:
    statements.clear()
    work()
    return len([statement for statement in statements if not statement.text.startswith("BEGIN")])


def test_few_statements_do_each_thing(database: Database, statements: list[Statement]) -> None:
    storage = database.storage
    one_round_trip = database.connections.dialect_name == "postgresql"
    everything = frozenset({"members", "memberOf"})
    lookup = Query((Selection(THING, binding.bind(test("text", "eq", "t-0007"), THING, Leniency(STRICT))),))
    assert statements_of(statements, lambda: storage.read(1, THING, "t-0001", everything)) == 1
    assert statements_of(statements, lambda: storage.search(1, lookup, everything)) == 1
    insert = statements_of(
        statements, lambda: storage.write(1, lambda t: t.insert(Creation(THING, draft(THING, "new")), DAY))
    )
    assert insert == (1 if one_round_trip else 4)
    assert statements_of(statements, lambda: storage.write(1, lambda t: t.lock(OTHER, "o", frozenset()))) == 1
    assert statements_of(statements, lambda: storage.write(1, lambda t: t.lock_to_delete(THING, "new"))) == 1
    delete = statements_of(statements, lambda: storage.write(1, lambda t: t.delete(THING, "new", DAY)))
    assert delete == (1 if one_round_trip else 7)


def test_a_change_of_rows_is_the_same_statements_at_any_size(database: Database, statements: list[Statement]) -> None:
    def change(size: int) -> Any:
        rows: dict[str, Element] = {f"x-{size}-{number}": {"value": f"x-{size}-{number}"} for number in range(size)}

        def work(transaction: Transaction) -> None:
            transaction.change_rows(THING, "t-0100", MEMBERS, RowsChange(remove={"nobody"}, add=rows, put={}))
            transaction.touch(THING, "t-0100", LATER)

        database.storage.write(1, work)

    sizes = [statements_of(statements, lambda size=size: change(size)) for size in (1, 5000)]  # type: ignore[misc]
    assert sizes == [3, 3]


CONTAINED: dict[str, f.Filter] = {
    "an attribute": test("exact", "eq", "t-0007"),
    "an attribute of an extension": test(f"{DESK}:level", "eq", 7),
    "one of two": f.Or((test("exact", "eq", "t-0007"), test("exact", "eq", "t-0008"))),
    "with another condition": f.And((test("exact", "eq", "t-0007"), test("text", "ne", "x"))),
}


@pytest.mark.parametrize("name", CONTAINED)
def test_equality_on_any_attribute_has_an_index_on_postgresql(
    database: Database, statements: list[Statement], name: str
) -> None:
    """After a vacuum, as autovacuum does it; before the first one the resources of the type are walked."""
    with database.connections.reader.connect() as connection:
        connection.exec_driver_sql("VACUUM" if connection.dialect.name == "sqlite" else "VACUUM ANALYZE")
    statements.clear()
    selection = Selection(THING, binding.bind(CONTAINED[name], THING, Leniency(STRICT)))
    found = database.storage.search(1, Query((selection,)), frozenset())
    assert found.total in (1, 2)
    if database.connections.dialect_name == "postgresql":
        (sent,) = list(statements)
        plan = explained(database, sent)
        assert "ix_resources_comparison" in plan
        assert looked_at(plan) <= 20, plan
