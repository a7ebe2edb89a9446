"""Races end in one winner and a clear error for the other; nothing acknowledged is lost."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import ResourceType
from scim_server.errors import ScimError, Unavailable, Uniqueness
from scim_server.storage.base import Creation, Record, Storage, Transaction
from scim_server.storage.sql import Database, open_database
from scim_server.storage.sql.connections import Retry
from tests.storage.things import DAY, LATER, MEMBERS, OTHER, REGISTRY, THING, draft, owners_of, rows_of

T = TypeVar("T")
THREADS = 8


def race(work: Callable[[int], T]) -> list[T]:
    """What each of eight threads, started at once, comes back with."""
    gate = threading.Barrier(THREADS)

    def run(number: int) -> T:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def create(storage: Storage, tenant: int, *ids: str) -> None:
    def work(transaction: Transaction) -> None:
        for id in ids:
            transaction.insert(Creation(THING, draft(THING, id, text=id)), DAY)

    storage.write(tenant, work)


def member_ids(storage: Storage, tenant: int, id: str) -> set[str]:
    record = storage.read(tenant, THING, id, frozenset({"members"}))
    assert record is not None
    return {member["value"] for member in rows_of(record)}


@pytest.mark.req("R-CHAR-16")
def test_of_creates_that_race_for_a_value_one_wins(storage: Storage, tenant: int) -> None:
    def work(number: int) -> str:
        try:
            storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, f"t-{number}", text="Same")), DAY))
        except Uniqueness:
            return "taken"
        return "won"

    for _ in range(5):
        assert sorted(race(work)) == ["taken"] * (THREADS - 1) + ["won"]
        for number in range(THREADS):
            storage.write(tenant, lambda t, number=number: t.delete(THING, f"t-{number}", DAY))  # type: ignore[misc]


def test_a_value_that_a_rolled_back_create_held_is_free(storage: Storage, tenant: int) -> None:
    """The second create waits for the first, which then gives up; it must not be told that the value is taken."""
    inserted, attempted = threading.Event(), threading.Event()

    def give_up(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, "first", text="v")), DAY)
        inserted.set()
        attempted.wait(5)
        time.sleep(0.1)
        raise LookupError

    def second() -> None:
        inserted.wait(5)
        attempted.set()
        storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "second", text="v")), DAY))

    with ThreadPoolExecutor(2) as pool:
        first, other = pool.submit(storage.write, tenant, give_up), pool.submit(second)
        with pytest.raises(LookupError):
            first.result()
        other.result()
    assert storage.read(tenant, THING, "second", frozenset()) is not None


@pytest.mark.req("ENTRA-55")
def test_racing_changes_of_rows_lose_nothing(storage: Storage, tenant: int) -> None:
    create(storage, tenant, "g")

    def work(number: int) -> None:
        for step in range(10):
            id = f"m-{number}-{step}"

            def add(transaction: Transaction, id: str = id) -> None:
                transaction.lock(THING, "g", frozenset())
                transaction.change_rows(THING, "g", MEMBERS, RowsChange(add={id: {"value": id}}))
                transaction.touch(THING, "g", LATER)

            storage.write(tenant, add)

    race(work)
    assert member_ids(storage, tenant, "g") == {f"m-{n}-{s}" for n in range(THREADS) for s in range(10)}
    record = storage.read(tenant, THING, "g", frozenset())
    assert record is not None
    assert record.meta.membership_version == 1 + THREADS * 10


def test_racing_updates_queue_and_each_moves_the_version(storage: Storage, tenant: int) -> None:
    storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "a", text="a", count=0)), DAY))

    def work(number: int) -> int:
        def update(transaction: Transaction) -> int:
            record = transaction.lock(THING, "a", frozenset({"members"}))
            assert record is not None
            before = draft(THING, "a", text="a", count=record.meta.version - 1)
            assert record.document == before.document
            return transaction.update(
                THING, before.entries, draft(THING, "a", text="a", count=record.meta.version), LATER
            )

        return storage.write(tenant, update)

    assert sorted(race(work)) == list(range(2, THREADS + 2))


def test_a_deadlock_is_run_again_and_both_take_effect(storage: Storage, tenant: int) -> None:
    """Two that lock a and b in opposite order: PostgreSQL ends one, SQLite lets one wait from the start."""
    create(storage, tenant, "a", "b")
    met = threading.Barrier(2)
    runs: list[str] = []

    def work(first: str, second: str) -> None:
        def both(transaction: Transaction) -> None:
            runs.append(first)
            for id in (first, second):
                transaction.lock(THING, id, frozenset())
                transaction.change_rows(THING, id, MEMBERS, RowsChange(add={first: {"value": first}}))
                if len(runs) <= 2:
                    meet(met)

        storage.write(tenant, both)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, "a", "b"), pool.submit(work, "b", "a")]:
            done.result()
    assert member_ids(storage, tenant, "a") == member_ids(storage, tenant, "b") == {"a", "b"}


RIVALS: dict[str, Callable[[Transaction], object]] = {
    "a change of what changes": lambda t: t.lock(THING, "a", frozenset()),
    "a change of what goes": lambda t: t.lock(THING, "gone", frozenset()),
    "a change of what loses a row with it": lambda t: t.lock(THING, "g", frozenset()),
    "the same in the other order": lambda t: t.lock_all(["gone", "a"], []),
    "its deletion alone": lambda t: t.lock_to_delete(THING, "gone"),
}


@pytest.mark.req("R-PATCH-58")
@pytest.mark.parametrize("rival", RIVALS.values(), ids=RIVALS)
def test_what_is_locked_at_once_is_held_until_the_end(
    storage: Storage, tenant: int, rival: Callable[[Transaction], object]
) -> None:
    create(storage, tenant, "a", "g", "gone")
    named = RowsChange(add={"gone": {"value": "gone"}})
    storage.write(tenant, lambda t: t.change_rows(THING, "g", MEMBERS, named))

    def work(transaction: Transaction) -> None:
        transaction.lock_all(["a", "nowhere"], ["gone", "nobody"])
        waiting.append(pool.submit(storage.write, tenant, rival))
        with pytest.raises(TimeoutError):
            waiting[0].result(0.2)

    waiting: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:
        storage.write(tenant, work)
        waiting[0].result(5)


RIVALS_OF_A_DELETION: dict[str, Callable[[Transaction], object]] = {
    "a change of what goes": lambda t: t.lock(THING, "gone", frozenset()),
    "a change of what loses a row with it": lambda t: t.lock(THING, "g", frozenset()),
    "its deletion": lambda t: t.lock_to_delete(THING, "gone"),
    "the deletion of another one that is named there": lambda t: t.lock_to_delete(THING, "going"),
    "a change of several": lambda t: t.lock_all(["gone", "a"], []),
}


@pytest.mark.req("R-PATCH-58")
@pytest.mark.parametrize("rival", RIVALS_OF_A_DELETION.values(), ids=RIVALS_OF_A_DELETION)
def test_what_will_be_deleted_is_read_and_held_with_all_that_names_it(
    storage: Storage, tenant: int, rival: Callable[[Transaction], object]
) -> None:
    create(storage, tenant, "a", "g", "going", "gone")
    named = RowsChange(add={id: {"value": id} for id in ("going", "gone")})
    storage.write(tenant, lambda t: t.change_rows(THING, "g", MEMBERS, named))

    def work(transaction: Transaction) -> None:
        record = transaction.lock_to_delete(THING, "gone")
        assert record is not None
        assert (record.id, record.meta.version) == ("gone", 1)
        waiting.append(pool.submit(storage.write, tenant, rival))
        with pytest.raises(TimeoutError):
            waiting[0].result(0.2)

    waiting: list[Future[object]] = []
    with ThreadPoolExecutor(1) as pool:
        storage.write(tenant, work)
        waiting[0].result(5)


def test_what_waited_for_a_change_deletes_what_it_has_become(storage: Storage, tenant: int) -> None:
    create(storage, tenant, "a")
    waiting: list[Future[Record | None]] = []

    def work(transaction: Transaction) -> None:
        transaction.lock(THING, "a", frozenset())
        waiting.append(pool.submit(storage.write, tenant, lambda t: t.lock_to_delete(THING, "a")))
        with pytest.raises(TimeoutError):
            waiting[0].result(0.2)
        transaction.update(THING, draft(THING, "a", text="a").entries, draft(THING, "a", text="b"), LATER)

    with ThreadPoolExecutor(1) as pool:
        storage.write(tenant, work)
        record = waiting[0].result(5)
    assert record is not None
    assert (record.meta.version, record.document) == (2, draft(THING, "a", text="b").document)


_WITHOUT_ROWS = tuple(attribute for attribute in THING.schema.attributes if attribute is not MEMBERS)
MEMBER = replace(THING, schema=replace(THING.schema, attributes=_WITHOUT_ROWS))
"""A type that keeps nothing as rows, and derives something from those of others."""


@pytest.mark.parametrize("type_", [OTHER, MEMBER, THING], ids=["plain", "derived", "rows"])
def test_what_waited_for_a_change_locks_what_it_has_become(storage: Storage, tenant: int, type_: ResourceType) -> None:
    storage.write(tenant, lambda t: t.insert(Creation(type_, draft(type_, "a", text="a")), DAY))
    create(storage, tenant, "g")
    storage.write(tenant, lambda t: t.change_rows(THING, "g", MEMBERS, RowsChange(add={"a": {"value": "a"}})))
    expand = frozenset(attribute.name for attribute in type_.derived_attributes)
    waiting: list[Future[Record | None]] = []

    def work(transaction: Transaction) -> None:
        transaction.lock(type_, "a", frozenset())
        waiting.append(pool.submit(storage.write, tenant, lambda t: t.lock(type_, "a", expand)))
        with pytest.raises(TimeoutError):
            waiting[0].result(0.2)
        transaction.update(type_, draft(type_, "a", text="a").entries, draft(type_, "a", text="b"), LATER)

    with ThreadPoolExecutor(1) as pool:
        storage.write(tenant, work)
        record = waiting[0].result(5)
    assert record is not None
    assert (record.meta.version, record.document) == (2, draft(type_, "a", text="b").document)
    assert [owner.id for name in expand for owner in owners_of(record, name)] == ["g" for _ in expand]


def test_of_another_type_or_nowhere_there_is_nothing_to_delete(storage: Storage, tenant: int) -> None:
    create(storage, tenant, "a")
    assert storage.write(tenant, lambda t: t.lock_to_delete(OTHER, "a")) is None
    assert storage.write(tenant, lambda t: t.lock_to_delete(THING, "nobody")) is None


def test_nothing_to_lock_is_no_fault(storage: Storage, tenant: int) -> None:
    storage.write(tenant, lambda t: t.lock_all([], []))


def meet(barrier: threading.Barrier) -> None:
    """Wait for the other thread, for a moment: on SQLite it cannot come."""
    try:
        barrier.wait(0.3)
    except threading.BrokenBarrierError:
        barrier.reset()


def test_work_that_always_meets_contention_ends_as_unavailable(database: Database, tenant: int) -> None:
    runs: list[None] = []

    def work(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, f"t-{len(runs)}")), DAY)
        runs.append(None)
        raise Retry

    with pytest.raises(Unavailable) as refused:
        database.storage.write(tenant, work)
    assert refused.value.headers == {"Retry-After": "1"}
    assert 1 < len(runs) < 50
    assert database.storage.read(tenant, THING, "t-0", frozenset()) is None


def test_a_write_that_another_one_blocks_for_too_long_ends_as_unavailable(database_url: str) -> None:
    database = open_database(database_url, REGISTRY, write_timeout=0.4)
    database.migrate()
    tenant = database.tenancy.add_tenant("default", "", {}).id
    create(database.storage, tenant, "a")
    locked, done = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        transaction.lock(THING, "a", frozenset())
        locked.set()
        done.wait(10)

    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(database.storage.write, tenant, hold)
        locked.wait(5)
        with pytest.raises(Unavailable):
            database.storage.write(tenant, lambda t: t.lock(THING, "a", frozenset()))
        assert database.storage.read(tenant, THING, "a", frozenset()) is not None
        done.set()
        holder.result()
    database.close()


WRITER = """
import sys
from scim_server.storage.base import Creation
from scim_server.storage.sql import open_database
from tests.storage.things import DAY, REGISTRY, THING, draft
database = open_database(sys.argv[1], REGISTRY)
database.migrate()
for number in range(50):
    id = f"{sys.argv[2]}-{number:02}"
    database.storage.write(int(sys.argv[3]), lambda t: t.insert(Creation(THING, draft(THING, id, text=id)), DAY))
database.close()
"""


@pytest.mark.unmeasured
def test_processes_that_write_at_once_lose_nothing(database_url: str) -> None:
    database = open_database(database_url, REGISTRY)
    database.migrate()
    tenant = database.tenancy.add_tenant("default", "", {}).id
    root = Path(__file__).parent.parent.parent
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, database_url, name, str(tenant)], cwd=root) for name in "abc"
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    ids = [f"{name}-{number:02}" for name in "abc" for number in range(50)]
    assert database.storage.write(tenant, lambda t: t.missing(ids)) == []
    database.close()


def test_a_forked_child_leaves_the_connections_of_its_parent_alone(database: Database, tenant: int) -> None:
    create(database.storage, tenant, "a")
    child = os.fork()
    if child == 0:
        os._exit(_exit_code(lambda: create(database.storage, tenant, "b")))
    assert os.waitpid(child, 0)[1] == 0
    create(database.storage, tenant, "c")
    assert database.storage.write(tenant, lambda t: t.missing(["a", "b", "c"])) == []


def _exit_code(work: Callable[[], Any]) -> int:
    try:
        work()
    except ScimError:
        return 1
    return 0
