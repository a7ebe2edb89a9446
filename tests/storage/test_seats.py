"""Licence pools keep their promises on both engines: as many have a seat as there are, and nobody waits beside one."""

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from scim_server.storage.base import Storage, Transaction
from scim_server.storage.ledgers import Pool, Taking
from scim_server.storage.sql import Database
from scim_server.storage.sql.tables import licence_seats, notes
from tests.storage.meanwhile import Write, and_gives_up, doing, meanwhile
from tests.storage.things import DAY, LATER, LATEST

PENDING = "urn:example:pending"
"""The path of the notes of those who wait."""


@pytest.fixture
def write(storage: Storage, tenant: int) -> Write:
    return lambda work: storage.write(tenant, work)


def set_pool(write: Write, seats: int, *holders: str, key: str = "phone", waiting: str | None = PENDING) -> Pool:
    pool: Pool = write(lambda t: t.seats.set_pool(Pool(key, f"r-{key}", seats, 0), holders, waiting, DAY))
    return pool


def take(write: Write, holder: str, key: str = "phone") -> Taking:
    taking: Taking = write(lambda t: t.seats.take(key, holder))
    return taking


def take_or_wait(transaction: Transaction, holder: str, now: str = DAY) -> Taking:
    taking = transaction.seats.take("phone", holder)
    if taking is Taking.EXHAUSTED:
        transaction.notes.add(holder, PENDING, "phone", now)
    return taking


def free(write: Write, holder: str, key: str = "phone", waiting: str | None = PENDING) -> str | None:
    heir: str | None = write(lambda t: t.seats.free(key, holder, waiting, DAY))
    return heir


def used(write: Write, key: str = "phone") -> int:
    pool: Pool | None = write(lambda t: t.seats.pool(key))
    assert pool is not None
    return pool.used


def holders(write: Write, *among: str) -> list[str]:
    return [holder for holder in among if held(write, holder) == ["phone"]]


def held(write: Write, holder: str) -> Sequence[str]:
    keys: Sequence[str] = write(lambda t: t.seats.held(holder))
    return keys


def wait(write: Write, holder: str, now: str = DAY) -> Taking:
    taking: Taking = write(lambda t: take_or_wait(t, holder, now))
    return taking


def note(write: Write, holder: str, path: str = PENDING, key: str = "phone") -> None:
    write(lambda t: t.notes.add(holder, path, key, DAY))


def waiting_for(write: Write, *among: str) -> Sequence[str]:
    """Who of these waits; nobody does afterwards."""
    dropped: Sequence[str] = write(lambda t: t.notes.drop(among, PENDING))
    return dropped


# One after the other -------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-02")
def test_a_freed_seat_can_be_taken_by_another_at_once(write: Write) -> None:
    assert set_pool(write, 1) == Pool("phone", "r-phone", 1, 0)
    assert take(write, "a") is Taking.TAKEN
    assert take(write, "b") is Taking.EXHAUSTED
    assert free(write, "a") is None
    assert take(write, "b") is Taking.TAKEN
    assert holders(write, "a", "b") == ["b"]


def test_who_has_a_seat_keeps_that_one_however_often_it_takes(write: Write) -> None:
    set_pool(write, 2)
    assert [take(write, "a") for _ in range(3)] == [Taking.TAKEN] * 3
    assert used(write) == 1
    set_pool(write, 1)
    assert take(write, "a") is Taking.TAKEN


def test_pools_come_by_their_keys_and_seats_of_one_are_not_those_of_another(write: Write) -> None:
    made = {key: set_pool(write, seats, key=key) for key, seats in (("é", 1), ("b", 2), ("B", 0))}
    assert take(write, "a", "b") is Taking.TAKEN
    assert take(write, "a", "é") is Taking.TAKEN
    assert take(write, "a", "B") is Taking.EXHAUSTED
    assert write(lambda t: t.seats.held("a")) == ["b", "é"]
    assert write(lambda t: t.seats.pools()) == [made["B"], Pool("b", "r-b", 2, 1), Pool("é", "r-é", 1, 1)]


def test_of_a_key_without_a_pool_there_is_nothing_to_take_or_give_back(write: Write) -> None:
    set_pool(write, 1)
    assert take(write, "a", "Phone") is Taking.UNKNOWN
    assert free(write, "a", "Phone") is None
    assert write(lambda t: t.seats.pool("Phone")) is None
    assert write(lambda t: t.seats.held("a")) == []


@pytest.mark.req("R-TEN-02")
def test_pools_of_another_tenant_are_not_there(storage: Storage, write: Write, neighbour: int) -> None:
    def theirs(work: Callable[[Transaction], Any]) -> Any:
        return storage.write(neighbour, work)

    set_pool(write, 1, "a")
    assert take(theirs, "b") is Taking.UNKNOWN
    set_pool(theirs, 1)
    assert free(theirs, "a") is None
    assert take(theirs, "a") is Taking.TAKEN
    assert theirs(lambda t: t.seats.remove_pool("phone", PENDING)) == 1
    assert used(write) == 1


def test_a_refused_write_takes_and_frees_nothing(write: Write) -> None:
    set_pool(write, 1, "a")

    def work(transaction: Transaction) -> None:
        transaction.seats.free("phone", "a", PENDING, DAY)
        transaction.seats.take("phone", "b")
        raise LookupError

    with pytest.raises(LookupError):
        write(work)
    assert holders(write, "a", "b") == ["a"]


def test_a_freed_seat_goes_to_whoever_waits_longest(write: Write) -> None:
    set_pool(write, 1, "a")
    for holder, since in (("d", DAY), ("b", LATER), ("c", DAY)):
        assert wait(write, holder, since) is Taking.EXHAUSTED
    note(write, "x", key="another")
    note(write, "x", "urn:example:other")
    freed = ["a", "c", "d"]
    assert [free(write, holder) for holder in freed] == ["c", "d", "b"]
    assert holders(write, "a", "b", "c", "d", "x") == ["b"]
    assert free(write, "b") is None
    assert used(write) == 0


def test_where_nobody_may_wait_a_freed_seat_stays_free(write: Write) -> None:
    set_pool(write, 1, "a", waiting=None)
    note(write, "b")
    assert free(write, "a", waiting=None) is None
    assert used(write) == 0


def test_who_no_longer_wants_the_seat_that_it_waits_for_does_not_get_it(write: Write) -> None:
    set_pool(write, 1, "a")
    wait(write, "b")
    note(write, "b", key="another")
    assert free(write, "b") is None
    assert free(write, "a") is None
    assert used(write) == 0
    assert waiting_for(write, "b") == ["b"], "for the other one"


def test_a_note_of_one_who_has_a_seat_takes_it_from_nobody(write: Write) -> None:
    set_pool(write, 2, "a", "b")
    for holder in ("b", "c"):
        note(write, holder)
    assert free(write, "a") == "c"
    assert set_pool(write, 3).used == 2


# Pools that are changed ----------------------------------------------------------------------------------------------


def test_a_pool_made_late_counts_those_who_hold_its_key_and_gives_no_more(write: Write) -> None:
    assert set_pool(write, 2, "a", "b", "c", "d") == Pool("phone", "r-phone", 2, 4)
    assert take(write, "e") is Taking.EXHAUSTED
    for holder, still in (("a", 3), ("d", 2)):
        assert free(write, holder) is None
        assert (used(write), take(write, "e")) == (still, Taking.EXHAUSTED)
    assert free(write, "b") is None
    assert take(write, "e") is Taking.TAKEN
    assert holders(write, *"abcde") == ["c", "e"]


def test_those_who_hold_more_than_there_is_come_before_those_who_wait(write: Write) -> None:
    set_pool(write, 1, "a", "b")
    wait(write, "c")
    assert free(write, "a") is None
    assert free(write, "b") == "c"


def test_a_pool_below_its_use_refuses_until_the_use_is_below_it(write: Write) -> None:
    set_pool(write, 5, "a", "b", "c")
    free(write, "a")
    assert set_pool(write, 1) == Pool("phone", "r-phone", 1, 2)
    assert take(write, "d") is Taking.EXHAUSTED
    free(write, "b")
    assert take(write, "d") is Taking.EXHAUSTED
    free(write, "c")
    assert take(write, "d") is Taking.TAKEN


def test_a_raised_pool_gives_its_new_seats_to_those_who_wait(write: Write) -> None:
    set_pool(write, 1, "a")
    for holder, since in (("d", LATEST), ("b", LATER), ("c", DAY)):
        wait(write, holder, since)
    assert set_pool(write, 3).used == 3
    assert holders(write, *"abcd") == ["a", "b", "c"]
    assert take(write, "e") is Taking.EXHAUSTED
    assert set_pool(write, 5).used == 4
    assert waiting_for(write, *"abcd") == []
    assert take(write, "e") is Taking.TAKEN
    assert take(write, "f") is Taking.EXHAUSTED


def test_seats_in_use_fill_a_pool_before_any_is_free(write: Write) -> None:
    """Rows beyond the pool have any numbers, after some of them went."""
    set_pool(write, 2, *"abcdef")
    for holder in "ade":
        free(write, holder)
    assert set_pool(write, 4).used == 3
    assert [take(write, holder) for holder in "gh"] == [Taking.TAKEN, Taking.EXHAUSTED]


def test_holders_are_added_to_a_pool_save_those_who_have_a_seat_or_wait_for_one(write: Write) -> None:
    set_pool(write, 1, "a")
    wait(write, "b")
    assert set_pool(write, 1, "a", "b", "c").used == 2
    assert holders(write, *"abc") == ["a", "c"]
    assert set_pool(write, 4, "a", "d").used == 4
    assert (take(write, "e"), waiting_for(write, *"abcde")) == (Taking.EXHAUSTED, [])


def test_a_pool_of_none_gives_none(write: Write) -> None:
    assert set_pool(write, 0).used == 0
    assert take(write, "a") is Taking.EXHAUSTED
    assert set_pool(write, 1).used == 0
    assert set_pool(write, 0).used == 0
    assert take(write, "a") is Taking.EXHAUSTED


def test_a_removed_pool_leaves_neither_seats_nor_those_who_wait(write: Write) -> None:
    set_pool(write, 3, "a", "b")
    set_pool(write, 1, key="other")
    note(write, "c")
    assert write(lambda t: t.seats.remove_pool("phone", PENDING)) == 2
    assert write(lambda t: t.seats.remove_pool("phone", PENDING)) == 0
    assert take(write, "a") is Taking.UNKNOWN
    assert write(lambda t: t.seats.held("b")) == []
    assert waiting_for(write, "c") == []
    assert take(write, "a", "other") is Taking.TAKEN


# At the same moment --------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-50")
def test_of_many_who_take_the_last_seats_at_once_as_many_get_one_as_there_are(write: Write) -> None:
    set_pool(write, 5)
    gate = Barrier(8)

    def work(number: int) -> list[Taking]:
        gate.wait()
        return [take(write, f"h-{number}-{step}") for step in range(8)]

    with ThreadPoolExecutor(8) as pool:
        takings = [taking for each in pool.map(work, range(8)) for taking in each]
    assert (takings.count(Taking.TAKEN), takings.count(Taking.EXHAUSTED)) == (5, 59)
    assert used(write) == 5


def test_who_takes_a_seat_waits_for_nobody_who_takes_another(write: Write, database: Database) -> None:
    set_pool(write, 2)
    waited, taking = meanwhile(write, lambda t: t.seats.take("phone", "a"), lambda: take(write, "b"))
    assert taking is Taking.TAKEN
    assert waited == (database.connections.dialect_name == "sqlite")


def test_the_last_seat_goes_to_the_next_where_the_first_gives_it_up(write: Write) -> None:
    set_pool(write, 1)
    first = and_gives_up(lambda t: t.seats.take("phone", "a"))
    assert meanwhile(write, first, lambda: take(write, "b")) == (True, Taking.TAKEN)


def test_who_is_told_that_all_are_taken_is_seen_by_who_frees_one(write: Write) -> None:
    set_pool(write, 1, "a")
    assert meanwhile(write, lambda t: take_or_wait(t, "b"), lambda: free(write, "a")) == (True, "b")
    assert holders(write, "a", "b") == ["b"]


def test_one_who_waits_is_not_passed_over_for_a_gift_that_is_taken_back(write: Write) -> None:
    set_pool(write, 2, "a", "b")
    wait(write, "c")
    first = and_gives_up(lambda t: t.seats.free("phone", "a", PENDING, DAY))
    assert meanwhile(write, first, lambda: free(write, "b")) == (True, "c")
    assert holders(write, "a", "b", "c") == ["a", "c"]


def test_who_stops_waiting_while_it_is_given_a_seat_gives_it_back(write: Write) -> None:
    set_pool(write, 1, "a")
    wait(write, "b")
    first = doing(lambda t: t.seats.free("phone", "a", PENDING, DAY))
    assert meanwhile(write, first, lambda: free(write, "b")) == (True, None)
    assert (used(write), waiting_for(write, "b")) == (0, [])


def test_who_takes_a_seat_while_it_is_given_one_has_one(write: Write) -> None:
    set_pool(write, 2, "a", "b")
    wait(write, "c")
    free(write, "b", waiting=None)
    waited, taking = meanwhile(write, lambda t: t.seats.free("phone", "a", PENDING, DAY), lambda: take(write, "c"))
    assert (waited, taking, used(write)) == (True, Taking.TAKEN, 1)


def test_who_frees_a_seat_beyond_the_pool_while_it_is_moved_into_it_has_none(write: Write) -> None:
    set_pool(write, 1, "a", "b")
    first = doing(lambda t: t.seats.free("phone", "a", PENDING, DAY))
    assert meanwhile(write, first, lambda: free(write, "b")) == (True, None)
    assert used(write) == 0
    assert [take(write, holder) for holder in "cd"] == [Taking.TAKEN, Taking.EXHAUSTED]


def test_two_that_free_at_once_leave_no_seat_free_beside_one_beyond_the_pool(write: Write) -> None:
    set_pool(write, 2, "a", "b", "c")
    first = and_gives_up(lambda t: t.seats.free("phone", "a", PENDING, DAY))
    assert meanwhile(write, first, lambda: free(write, "b")) == (True, None)
    assert (used(write), take(write, "d")) == (2, Taking.EXHAUSTED)


@pytest.mark.parametrize("outcome", ["taken", "given up"])
def test_a_pool_is_lowered_for_whoever_takes_one_at_the_same_moment(write: Write, outcome: str) -> None:
    set_pool(write, 2, "a")
    first = doing(lambda t: t.seats.take("phone", "b"))
    waited, pool = meanwhile(write, first if outcome == "taken" else and_gives_up(first), lambda: set_pool(write, 1))
    assert (waited, pool.used) == (True, 2 if outcome == "taken" else 1)
    assert take(write, "c") is Taking.EXHAUSTED
    free(write, "a")
    assert take(write, "c") is (Taking.EXHAUSTED if outcome == "taken" else Taking.TAKEN)


def test_a_pool_is_raised_for_whoever_finds_it_exhausted_at_the_same_moment(write: Write) -> None:
    set_pool(write, 1, "a")
    raised = Pool("phone", "r-phone", 2, 0)
    assert meanwhile(write, lambda t: t.seats.set_pool(raised, (), PENDING, DAY), lambda: take(write, "b")) == (
        True,
        Taking.TAKEN,
    )


@pytest.mark.req("CC-50")
def test_whatever_happens_at_once_no_seat_is_free_beside_one_who_waits(
    database: Database, tenant: int, write: Write
) -> None:
    seats, people = 4, 12
    set_pool(write, seats)
    started = Event()

    def live(person: int) -> None:
        chance = random.Random(person)
        started.wait(5)
        for _ in range(6):
            free(write, f"p-{person}")
            work = doing(lambda t: take_or_wait(t, f"p-{person}"))
            with suppress(LookupError):
                write(and_gives_up(work) if chance.random() < 0.3 else work)

    with ThreadPoolExecutor(8) as pool:
        lives = [pool.submit(live, person) for person in range(people)]
        started.set()
        for each in lives:
            each.result()
    held, distinct, free_rows, waiters = database.connections.read(lambda connection: counts(connection, tenant))
    assert held == distinct <= seats
    assert free_rows == 0 or waiters == 0
    assert held + free_rows == seats


def counts(connection: Connection, tenant: int) -> tuple[int, int, int, int]:
    """Of a tenant's seats: held, by how many, free; and how many wait for one."""
    holder = licence_seats.c.holder
    of_seats = select(func.count(holder), func.count(holder.distinct()), func.count() - func.count(holder))
    held, distinct, free_rows = connection.execute(of_seats.where(licence_seats.c.tenant_id == tenant)).one()
    of_notes = select(func.count()).select_from(notes).where(notes.c.tenant_id == tenant)
    return held, distinct, free_rows, connection.execute(of_notes).scalar_one()
