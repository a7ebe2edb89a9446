"""Many creations at once come to what one insert after the other comes to; an attempt that fails leaves nothing."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from scim_server.domain.resource import Meta
from scim_server.domain.rows import Element, RowsChange
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import Unavailable, Uniqueness
from scim_server.storage.base import Creation, Record, Storage, Transaction
from scim_server.storage.sql import Database
from scim_server.storage.sql.connections import Retry
from scim_server.storage.sql.tables import (
    attribute_index,
    membership_state,
    relations,
    resources,
    unique_values,
)
from tests.domain.every_type import DESK
from tests.statements import Statement, listening, sent_to
from tests.storage.test_resources import found
from tests.storage.things import DAY, LATER, MEMBERS, OTHER, THING, draft, rows_of

NOTHING: frozenset[str] = frozenset()
TABLES = (resources, unique_values, attribute_index, membership_state, relations)
Outcome = Meta | Uniqueness


def creation(id: str, resource_type: ResourceType = THING, members: Sequence[str] = (), **attributes: Json) -> Creation:
    elements = {member: {"value": member} for member in members}
    return Creation(resource_type, draft(resource_type, id, attributes), {"members": elements} if elements else {})


def insert_all(storage: Storage, tenant: int, *creations: Creation) -> Sequence[Outcome]:
    """Those are stored whose unique entries are free when it is their turn."""

    def work(transaction: Transaction) -> Sequence[Outcome]:
        claims = transaction.claims(creations)
        refusals = [refusal for creation in creations for refusal in claims.take([creation])]
        free = [creation for creation, refusal in zip(creations, refusals, strict=True) if refusal is None]
        metas = iter(transaction.insert_all(free, DAY))
        return [refusal or next(metas) for refusal in refusals]

    return storage.write(tenant, work)


def insert(transaction: Transaction, creation: Creation) -> Meta:
    return transaction.insert(creation, DAY)


def insert_each(storage: Storage, tenant: int, creations: Sequence[Creation]) -> list[Outcome]:
    """What `insert_all` should come to: each in a transaction of its own."""
    outcomes: list[Outcome] = []
    for each in creations:
        try:
            outcomes.append(storage.write(tenant, lambda transaction, each=each: insert(transaction, each)))  # type: ignore[misc]
        except Uniqueness as error:
            outcomes.append(error)
    return outcomes


def told(outcomes: Sequence[Outcome]) -> list[Meta | str]:
    return [outcome if isinstance(outcome, Meta) else outcome.detail for outcome in outcomes]


def everything(database: Database, tenant: int) -> dict[str, list[Any]]:
    """All rows of a tenant, table by table, without the tenant.

    For the places of relations their order, and the version that they came with.
    """
    with database.connections.reader.connect() as connection:
        tables = {
            table.name: connection.execute(select(table).where(table.c.tenant_id == tenant)).mappings().all()
            for table in TABLES
        }
    rows = {name: [{**row, "tenant_id": None} for row in found] for name, found in tables.items()}
    ordered = sorted(rows[relations.name], key=lambda row: (row["kind"], row["owner"], row["position"]))
    rows[relations.name] = [{**row, "position": row["position"] // 2**20} for row in ordered]
    return {name: found if name == relations.name else sorted(found, key=repr) for name, found in rows.items()}


def member_ids(storage: Storage, tenant: int, id: str) -> list[str]:
    record = storage.read(tenant, THING, id, frozenset({"members"}))
    assert record is not None
    return [member["value"] for member in rows_of(record)]


def is_there(storage: Storage, tenant: int, id: str, resource_type: ResourceType = THING) -> bool:
    return storage.read(tenant, resource_type, id, NOTHING) is not None


# Outcomes -------------------------------------------------------------------------------------------------------------

VALUES = ["a", "A", "b", "É", "é", 'q"', "\\", "", "k" * 600]
values = st.sampled_from(VALUES)
tags = st.lists(values, max_size=3, unique=True)
elements = st.lists(st.sampled_from(["m", "n", "É", 'q"', "x" * 255]), max_size=4, unique=True)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """What a creation is made of, but for its id."""
    resource_type = draw(st.sampled_from([THING, OTHER]))
    given: dict[str, Json] = {}
    if draw(st.booleans()):
        given["text"] = draw(values)
    if resource_type is OTHER:
        return {"resource_type": OTHER, **given}
    given |= {"tags": draw(tags), "exact": draw(values)}
    if draw(st.booleans()):
        given[DESK] = {"seat": draw(values)}
    return {"resource_type": THING, "members": draw(elements), **given}


def numbered(contents: Sequence[Mapping[str, Any]], name: str) -> list[Creation]:
    return [creation(f"{name}-{number}", **content) for number, content in enumerate(contents)]


@pytest.mark.unmeasured
@pytest.mark.req("R-BULK-19", "R-BULK-07", "R-CHAR-16")
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    before=st.lists(contents(), max_size=3),
    beside=st.lists(contents(), max_size=3),
    listed=st.lists(contents(), max_size=8),
)
def test_the_outcome_is_that_of_one_insert_after_the_other(
    database: Database, before: list[dict[str, Any]], beside: list[dict[str, Any]], listed: list[dict[str, Any]]
) -> None:
    storage = database.storage
    for earlier in database.tenancy.tenants():
        database.tenancy.remove_tenant(earlier.id)
    one, other, neighbour = (database.tenancy.add_tenant(name, "", {}).id for name in ("one", "other", "neighbour"))
    insert_each(storage, neighbour, numbered(beside, "beside"))
    for tenant in (one, other):
        insert_each(storage, tenant, numbered(before, "before"))
    untouched = everything(database, neighbour)
    outcomes = insert_all(storage, one, *numbered(listed, "new"))
    assert told(outcomes) == told(insert_each(storage, other, numbered(listed, "new")))
    assert everything(database, one) == everything(database, other)
    assert everything(database, neighbour) == untouched


@pytest.mark.req("R-BULK-07", "R-BULK-19")
def test_what_is_refused_is_refused_alone_and_in_its_place(storage: Storage, tenant: int) -> None:
    insert_each(storage, tenant, [creation("old", text="Taken")])
    outcomes = insert_all(
        storage,
        tenant,
        creation("a", text="free"),
        creation("b", text="TAKEN"),
        creation("c", text="FREE", members=["m"], tags=["c"]),
        creation("d", OTHER, text="taken"),
        creation("e"),
    )
    refused = "Another resource has that value of text."
    made, plain = Meta(DAY, DAY, 1, 1), Meta(DAY, DAY, 1, None)
    assert told(outcomes) == [made, refused, refused, plain, made]
    assert [is_there(storage, tenant, id) for id in "abce"] == [True, False, False, True]
    assert is_there(storage, tenant, "d", OTHER)
    assert found(storage, tenant, "tags", "c") == []


def test_what_a_refused_creation_would_have_taken_is_free_for_those_after_it(storage: Storage, tenant: int) -> None:
    insert_each(storage, tenant, [creation("old", text="taken")])
    seat: dict[str, Any] = {DESK: {"seat": "7"}}
    outcomes = insert_all(
        storage, tenant, creation("a", text="taken", **seat), creation("b", **seat), creation("c", **seat)
    )
    assert [isinstance(outcome, Meta) for outcome in outcomes] == [False, True, False]
    assert found(storage, tenant, f"{DESK}:seat", "7") == ["b"]


def test_of_several_taken_values_the_same_one_is_named(storage: Storage, tenant: int) -> None:
    both: dict[str, Any] = {"text": "t", DESK: {"seat": "s"}}
    insert_each(storage, tenant, [creation("old", **both)])
    (refused,) = insert_all(storage, tenant, creation("new", **both))
    (alone,) = insert_each(storage, tenant, [creation("new", **both)])
    assert told([refused]) == told([alone])


@pytest.mark.req("R-BULK-15")
def test_claims_are_given_to_all_of_several_or_to_none(storage: Storage, tenant: int) -> None:
    insert_each(storage, tenant, [creation("old", text="taken")])
    a, b, c, also_a = (creation(text, text=text) for text in ("a", "b", "taken", "A"))

    def work(transaction: Transaction) -> list[list[bool]]:
        claims = transaction.claims([a, b, c, also_a])
        return [[refusal is None for refusal in claims.take(each)] for each in ([a, c], [a, also_a], [b, a], [a], [])]

    assert storage.write(tenant, work) == [[True, False], [True, False], [True, True], [False], []]


def test_an_empty_list_comes_to_nothing(storage: Storage, tenant: int) -> None:
    assert list(insert_all(storage, tenant)) == []


@pytest.mark.req("R-TEN-02")
def test_a_neighbour_may_have_the_same_ids_and_values(storage: Storage, tenant: int, neighbour: int) -> None:
    same = [creation("a", text="v", tags=["t"], members=["m"]), creation("b", text="w")]
    for each in (tenant, neighbour):
        assert told(insert_all(storage, each, *same)) == [Meta(DAY, DAY, 1, 1)] * 2
        assert found(storage, each, "tags", "t") == ["a"]
        assert member_ids(storage, each, "a") == ["m"]


# What is there afterwards ---------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_were_sent_and_in_their_order(storage: Storage, tenant: int) -> None:
    members: dict[str, Element] = {
        "z": {"value": "z", "display": 'Ä "q" \\ 😀', "type": "User"},
        "a": {"value": "a", "$ref": "https://example.com/Things/a"},
        "m": {"value": "m"},
    }
    insert_all(
        storage,
        tenant,
        Creation(THING, draft(THING, "g"), {"members": members}),
        creation("h", members=["m", "g"]),
        creation("i"),
    )
    record = storage.read(tenant, THING, "g", frozenset({"members"}))
    assert record is not None
    assert rows_of(record) == list(members.values())
    assert (member_ids(storage, tenant, "h"), member_ids(storage, tenant, "i")) == (["m", "g"], [])


def test_what_was_inserted_is_read_back_and_found(storage: Storage, tenant: int) -> None:
    given: dict[str, Any] = {"text": "Straße", "exact": "\x1f é", "tags": ["%", "'; --"], "count": -7}
    insert_all(
        storage, tenant, *(creation(f"t-{number}", text=f"u{number}") for number in range(5)), creation("a", **given)
    )
    made = draft(THING, "a", given)
    assert storage.read(tenant, THING, "a", NOTHING) == Record(
        "Thing", "a", Meta(DAY, DAY, 1, 1), "stamp-1", made.document
    )
    assert found(storage, tenant, "text", "strasse") == ["a"]
    assert found(storage, tenant, "tags", "'; --") == ["a"]
    assert found(storage, tenant, "text", "u3") == ["t-3"]


@pytest.mark.parametrize("come", [insert, lambda t, c: t.insert_all([c], DAY)], ids=["insert", "insert_all"])
def test_members_that_come_later_in_the_same_transaction_come_behind(
    storage: Storage, tenant: int, come: Callable[[Transaction, Creation], object]
) -> None:
    def work(transaction: Transaction) -> None:
        come(transaction, creation("g", members=["z", "y"]))
        for id in ("x", "a"):
            transaction.lock(THING, "g", NOTHING)
            transaction.change_rows(THING, "g", MEMBERS, RowsChange(add={id: {"value": id}}))
            transaction.touch(THING, "g", LATER)

    storage.write(tenant, work)
    assert member_ids(storage, tenant, "g") == ["z", "y", "x", "a"]


# Statements -----------------------------------------------------------------------------------------------------------


def test_the_number_of_statements_does_not_depend_on_the_number_of_creations(database: Database, tenant: int) -> None:
    def mixed(count: int) -> list[Creation]:
        things = [creation(f"{count}-{n}", text=f"{count}-{n}", members=["m", f"{n}"]) for n in range(count // 2)]
        others = [creation(f"o-{count}-{n}", OTHER, text=f"{count}-{n // 2}") for n in range(count // 2)]
        return [*things, *others]

    sent: dict[int, list[Statement]] = {}
    for count in (10, 500):
        with sent_to(database.connections.writer) as sent[count]:
            outcomes = insert_all(database.storage, tenant, *mixed(count))
        assert sum(isinstance(outcome, Uniqueness) for outcome in outcomes) == count // 4
    assert [statement.text for statement in sent[10]] == [statement.text for statement in sent[500]]
    assert not any(statement.many for count in sent for statement in sent[count])
    assert len(sent[500]) <= 7


# Races ----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("R-CHAR-16")
def test_a_value_that_another_transaction_takes_in_the_middle_is_refused(database: Database, tenant: int) -> None:
    """The other one commits after it was read that the value is free, where the engine lets it."""
    storage = database.storage
    begun = threading.Event()
    others: list[Future[list[Outcome]]] = []

    def take(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "unique_values" in statement and not begun.is_set():
            begun.set()
            others.append(pool.submit(insert_each, storage, tenant, [creation("rival", text="v")]))
            with suppress(TimeoutError):  # SQLite: it waits for this transaction
                others[0].result(0.3)

    with ThreadPoolExecutor(1) as pool, listening([database.connections.writer], "after_cursor_execute", take):
        outcomes = insert_all(storage, tenant, creation("a", text="u"), creation("b", text="V"), creation("c"))
        (rival,) = others[0].result(5)
    assert [isinstance(outcome, Meta) for outcome in outcomes] == [True, isinstance(rival, Uniqueness), True]
    assert is_there(storage, tenant, "rival") == isinstance(rival, Meta)
    assert found(storage, tenant, "text", "v") == (["rival"] if isinstance(rival, Meta) else ["b"])
    waits = database.connections.dialect_name == "sqlite"
    assert isinstance(rival, Uniqueness) == waits


@pytest.mark.req("R-CHAR-16")
def test_of_lists_that_race_for_the_same_values_each_value_has_one_winner(storage: Storage, tenant: int) -> None:
    gate = threading.Barrier(4)

    def work(number: int) -> list[str]:
        names = [f"v{value}" for value in range(40)]
        ordered = names if number % 2 else names[::-1]
        gate.wait()
        outcomes = insert_all(storage, tenant, *(creation(f"{number}-{name}", text=name) for name in ordered))
        return [name for name, outcome in zip(ordered, outcomes, strict=True) if isinstance(outcome, Meta)]

    with ThreadPoolExecutor(4) as pool:
        won = [name for names in pool.map(work, range(4)) for name in names]
    assert sorted(won) == sorted(f"v{value}" for value in range(40))
    assert all(len(found(storage, tenant, "text", name)) == 1 for name in won)


# Attempts -------------------------------------------------------------------------------------------------------------


class Refused(Exception):
    pass


def fail_after(work: Callable[[], object]) -> Callable[[], None]:
    def failing() -> None:
        work()
        raise Refused

    return failing


def everything_at_once(transaction: Transaction) -> None:
    """One of each change: creations, rows, content, and a deletion."""
    transaction.insert(Creation(THING, draft(THING, "x", text="x", tags=["x"])), DAY)
    transaction.change_rows(THING, "x", MEMBERS, RowsChange(add={"m": {"value": "m"}}))
    transaction.insert_all([creation("y", text="y", members=["x"]), creation("z", OTHER, text="z")], DAY)
    transaction.lock(THING, "old", NOTHING)
    transaction.update(THING, draft(THING, "old", text="old").entries, draft(THING, "old", text="new"), LATER)
    transaction.change_rows(THING, "old", MEMBERS, RowsChange(add={"x": {"value": "x"}}, remove={"m"}))
    transaction.touch(THING, "old", LATER)
    transaction.delete(THING, "gone", LATER)


@pytest.mark.req("R-BULK-19", "R-BULK-07")
def test_an_attempt_that_fails_leaves_nothing(database: Database, tenant: int) -> None:
    storage = database.storage
    insert_all(storage, tenant, creation("old", text="old", members=["m", "gone"]), creation("gone", text="gone"))
    before = everything(database, tenant)

    def work(transaction: Transaction) -> None:
        with pytest.raises(Refused):
            transaction.attempt(fail_after(lambda: everything_at_once(transaction)))

    storage.write(tenant, work)
    assert everything(database, tenant) == before
    storage.write(tenant, lambda transaction: transaction.attempt(lambda: everything_at_once(transaction)))
    assert everything(database, tenant) != before


@pytest.mark.req("R-BULK-07", "R-BULK-19")
def test_what_was_done_before_and_after_a_failed_attempt_stays(storage: Storage, tenant: int) -> None:
    def work(transaction: Transaction) -> list[str]:
        transaction.insert(Creation(THING, draft(THING, "first", text="v")), DAY)
        with pytest.raises(Uniqueness):
            transaction.attempt(
                lambda: transaction.insert(Creation(THING, draft(THING, "second", text="V", tags=["t"])), DAY)
            )
        transaction.attempt(
            lambda: transaction.insert(Creation(THING, draft(THING, "third", text="w", tags=["t"])), DAY)
        )
        return list(transaction.missing(["first", "second", "third"]))

    assert storage.write(tenant, work) == ["second"]
    assert found(storage, tenant, "tags", "t") == ["third"]
    assert found(storage, tenant, "text", "v") == ["first"]


def test_attempts_within_attempts_are_undone_as_far_as_they_failed(storage: Storage, tenant: int) -> None:
    def work(transaction: Transaction) -> None:
        def outer() -> str:
            insert(transaction, creation("a", text="a"))
            for id in ("b", "c"):
                with pytest.raises(Refused):
                    transaction.attempt(fail_after(lambda id=id: insert(transaction, creation(id, text=id))))  # type: ignore[misc]
            transaction.attempt(lambda: transaction.insert_all([creation("d", text="b")], DAY))
            return "done"

        assert transaction.attempt(outer) == "done"
        with pytest.raises(Refused):
            transaction.attempt(fail_after(lambda: transaction.attempt(lambda: insert(transaction, creation("e")))))

    storage.write(tenant, work)
    assert [is_there(storage, tenant, id) for id in "abcde"] == [True, False, False, True, False]


def test_a_resource_of_a_failed_attempt_is_made_anew_with_its_rows_first(storage: Storage, tenant: int) -> None:
    def work(transaction: Transaction) -> None:
        with pytest.raises(Refused):
            transaction.attempt(fail_after(lambda: transaction.insert(Creation(THING, draft(THING, "g")), DAY)))
        transaction.insert_all([creation("g", members=["z"])], DAY)
        transaction.change_rows(THING, "g", MEMBERS, RowsChange(add={"a": {"value": "a"}}))

    storage.write(tenant, work)
    assert member_ids(storage, tenant, "g") == ["z", "a"]


def test_a_failed_transaction_takes_its_attempts_along(storage: Storage, tenant: int) -> None:
    def work(transaction: Transaction) -> None:
        transaction.attempt(lambda: transaction.insert_all([creation("a", text="a")], DAY))
        raise Refused

    with pytest.raises(Refused):
        storage.write(tenant, work)
    assert not is_there(storage, tenant, "a")
    assert told(insert_all(storage, tenant, creation("b", text="a"))) == [Meta(DAY, DAY, 1, 1)]


def test_contention_within_an_attempt_runs_the_whole_transaction_again(storage: Storage, tenant: int) -> None:
    runs: list[str] = []

    def contended() -> None:
        runs.append("attempt")
        if len(runs) == 2:
            raise Retry

    def work(transaction: Transaction) -> None:
        runs.append("whole")
        insert(transaction, creation("a", text="a"))
        transaction.attempt(contended)

    storage.write(tenant, work)
    assert runs == ["whole", "attempt", "whole", "attempt"]
    assert is_there(storage, tenant, "a")


def test_a_deadlock_within_attempts_is_run_again_and_both_take_effect(storage: Storage, tenant: int) -> None:
    """Two that lock a and b in opposite order: PostgreSQL ends one, SQLite lets one wait from the start."""
    insert_all(storage, tenant, creation("a"), creation("b"))
    met = threading.Barrier(2)
    runs: list[str] = []

    def work(first: str, second: str) -> None:
        def change(transaction: Transaction, id: str) -> None:
            transaction.lock(THING, id, NOTHING)
            transaction.change_rows(THING, id, MEMBERS, RowsChange(add={first: {"value": first}}))

        def both(transaction: Transaction) -> None:
            runs.append(first)
            for id in (first, second):
                transaction.attempt(lambda id=id: change(transaction, id))  # type: ignore[misc]
                if len(runs) <= 2:
                    with suppress(threading.BrokenBarrierError):  # SQLite: the other one cannot come
                        met.wait(0.3)

        storage.write(tenant, both)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, "a", "b"), pool.submit(work, "b", "a")]:
            done.result()
    assert set(member_ids(storage, tenant, "a")) == set(member_ids(storage, tenant, "b")) == {"a", "b"}


def test_a_connection_that_breaks_within_an_attempt_costs_one_more_run(database: Database, tenant: int) -> None:
    if database.connections.dialect_name == "sqlite":
        return  # a file has no connection that could break
    runs: list[int] = []

    def work(transaction: Transaction) -> None:
        def attempt() -> None:
            if len(runs) == 1:
                with database.connections.reader.connect() as connection:
                    connection.exec_driver_sql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid != pg_backend_pid()"
                    )
            insert(transaction, creation("b", text="b"))

        runs.append(len(runs))
        insert(transaction, creation("a", text="a"))
        transaction.attempt(attempt)

    database.storage.write(tenant, work)
    assert len(runs) == 2
    assert is_there(database.storage, tenant, "a")
    assert is_there(database.storage, tenant, "b")


def test_contention_that_lasts_ends_an_attempt_as_unavailable(storage: Storage, tenant: int) -> None:
    def contended() -> None:
        raise Retry

    with pytest.raises(Unavailable):
        storage.write(tenant, lambda transaction: transaction.attempt(contended))
