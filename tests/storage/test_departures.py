"""What the guard against mass deprovisioning keeps count of, on both engines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from scim_server.storage.base import Creation, Storage, Transaction
from scim_server.storage.ledgers import Watch
from tests.storage.meanwhile import Write, and_gives_up, meanwhile
from tests.storage.things import DAY, LATER, LATEST, OTHER, THING, draft


@pytest.fixture
def write(storage: Storage, tenant: int) -> Write:
    return lambda work: storage.write(tenant, work)


def watch(write: Write) -> Watch:
    known: Watch = write(lambda t: t.departures.watch())
    return known


def count(write: Write, since: str = DAY) -> int:
    departed: int = write(lambda t: t.departures.count(since))
    return departed


def note(write: Write, resource: str, now: str) -> None:
    write(lambda t: t.departures.note(resource, now))


def test_each_who_departs_counts_once_and_from_the_last_time(write: Write) -> None:
    for resource, now in (("a", DAY), ("b", LATER), ("a", LATEST), ("a", LATER)):
        note(write, resource, now)
    assert [count(write, since) for since in (DAY, LATER, LATEST)] == [2, 2, 1]
    write(lambda t: t.departures.forget(LATEST))
    assert count(write) == 1


def test_those_who_are_no_longer_there_are_told_from_those_who_were_switched_off(write: Write) -> None:
    for id, now in (("a", DAY), ("b", LATER)):
        write(creation(id, DAY))
        note(write, id, now)
    note(write, "deleted", LATER)
    assert write(lambda t: t.departures.gone(LATER)) == 1
    write(lambda t: t.delete(THING, "a", LATER))
    assert [write(gone_since(since)) for since in (DAY, LATER)] == [2, 1]


def gone_since(since: str) -> Callable[[Transaction], int]:
    return lambda t: t.departures.gone(since)


def creation(id: str, now: str, resource_type: Any = THING) -> Callable[[Transaction], Any]:
    return lambda t: t.insert(Creation(resource_type, draft(resource_type, id)), now)


def test_older_resources_of_a_type_are_counted_up_to_a_limit(write: Write) -> None:
    for id, now in (("a", DAY), ("b", DAY), ("c", LATER)):
        write(creation(id, now))
    write(creation("o", DAY, OTHER))

    def counted(before: str, limit: int) -> int:
        number: int = write(lambda t: t.departures.count_resources("Thing", before, limit))
        return number

    assert [counted(DAY, 9), counted(LATER, 9), counted(LATEST, 9), counted(LATEST, 2)] == [0, 2, 3, 2]


def test_the_first_stop_is_known_until_the_release_which_forgets_what_was_counted(write: Write) -> None:
    assert watch(write) == Watch(None, None)
    note(write, "a", DAY)
    for now in (LATER, LATEST):
        write(lambda t, now=now: t.departures.stop(now))  # type: ignore[misc]
    assert (watch(write), count(write)) == (Watch(LATER, None), 1)
    write(lambda t: t.departures.release(LATEST))
    assert (watch(write), count(write)) == (Watch(None, LATEST), 0)
    write(lambda t: t.departures.stop(LATEST))
    assert watch(write) == Watch(LATEST, LATEST)


def test_a_release_may_be_the_first_that_is_known(write: Write) -> None:
    write(lambda t: t.departures.release(LATER))
    assert watch(write) == Watch(None, LATER)


@pytest.mark.req("R-TEN-02")
def test_departures_of_another_tenant_do_not_count(storage: Storage, write: Write, neighbour: int) -> None:
    note(write, "a", DAY)
    write(lambda t: t.departures.stop(DAY))
    write(creation("a", DAY))

    def theirs(work: Any) -> Any:
        return storage.write(neighbour, work)

    assert (watch(theirs), count(theirs)) == (Watch(None, None), 0)
    assert theirs(lambda t: t.departures.count_resources("Thing", LATEST, 9)) == 0
    theirs(lambda t: t.departures.forget(LATEST))
    theirs(lambda t: t.departures.release(LATEST))
    assert (watch(write), count(write)) == (Watch(DAY, None), 1)


@pytest.mark.parametrize("known", [False, True])
def test_who_watches_sees_what_the_one_before_has_noted(write: Write, known: bool) -> None:
    if known:
        watch(write)

    def first(transaction: Transaction) -> None:
        transaction.departures.watch()
        transaction.departures.note("a", DAY)

    def second(transaction: Transaction) -> int:
        transaction.departures.watch()
        return transaction.departures.count(DAY)

    assert meanwhile(write, and_gives_up(first), lambda: write(second)) == (True, 0)
    assert meanwhile(write, first, lambda: write(second)) == (True, 1)


def test_of_many_who_leave_at_once_no_more_go_than_may(write: Write) -> None:
    gate = Barrier(8)

    def leave(id: str) -> Callable[[Transaction], bool]:
        def work(transaction: Transaction) -> bool:
            transaction.departures.watch()
            if transaction.departures.count(DAY) >= 5:
                return False
            transaction.departures.note(id, DAY)
            return True

        return work

    def work(worker: int) -> list[bool]:
        gate.wait()
        return [write(leave(f"u-{worker}-{step}")) for step in range(2)]

    with ThreadPoolExecutor(8) as pool:
        left = [has for each in pool.map(work, range(8)) for has in each]
    assert (left.count(True), count(write)) == (5, 5)
