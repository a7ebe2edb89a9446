"""Pools and ranges as the operator makes and removes them: who found none is waited for, and nothing is left behind."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from scim_server.storage.base import Storage, Transaction
from scim_server.storage.ledgers import Pool, Range, Refused, Taking
from tests.storage.meanwhile import meanwhile
from tests.storage.things import DAY

PATH = "urn:example:waitingFor"


def take(transaction: Transaction) -> Taking:
    return transaction.seats.take("agent", "ana")


def take_number(transaction: Transaction) -> Refused | None:
    return transaction.numbers.take("11", "ana", "ana", DAY)


def look(transaction: Transaction) -> bool:
    return transaction.numbers.has_ranges()


def make_pool(transaction: Transaction) -> None:
    transaction.seats.hold()
    transaction.seats.set_pool(Pool("agent", "agent", 1, 0), (), None, DAY)


def add_range(transaction: Transaction) -> None:
    transaction.numbers.hold()
    transaction.numbers.add_range("10", "19", {})


Make = Callable[[Transaction], None]
Find = Callable[[Transaction], object]
# how it is made, how it is looked for, what is found where there is none and where there is one
MADE: list[tuple[Make, Find, object, object]] = [
    (make_pool, take, Taking.UNKNOWN, Taking.TAKEN),
    (add_range, look, False, True),
    (add_range, take_number, Refused(), None),
]


@pytest.mark.req("CC-50", "CC-51")
@pytest.mark.parametrize(("make", "find", "nothing", "something"), MADE)
def test_who_found_none_is_waited_for_by_who_makes_one(
    storage: Storage, tenant: int, make: Make, find: Find, nothing: object, something: object
) -> None:
    looked, goes_on = threading.Event(), threading.Event()
    ended: list[str] = []

    def writer(transaction: Transaction) -> object:
        found = find(transaction)
        looked.set()
        goes_on.wait(5)
        ended.append("writer")
        return found

    def operator(transaction: Transaction) -> None:
        make(transaction)
        ended.append("operator")

    with ThreadPoolExecutor(2) as pool:
        written = pool.submit(storage.write, tenant, writer)
        looked.wait(5)
        made = pool.submit(storage.write, tenant, operator)
        assert not waits_for(made.done)
        goes_on.set()
        assert written.result() == nothing
        made.result()
    assert ended == ["writer", "operator"]
    assert storage.write(tenant, find) == something


@pytest.mark.req("CC-50", "CC-51")
@pytest.mark.parametrize(("make", "find", "nothing", "something"), MADE)
def test_who_looks_for_one_that_is_being_made_finds_it(
    storage: Storage, tenant: int, make: Make, find: Find, nothing: object, something: object
) -> None:
    held, goes_on = threading.Event(), threading.Event()

    def operator(transaction: Transaction) -> None:
        make(transaction)
        held.set()
        goes_on.wait(5)

    with ThreadPoolExecutor(2) as pool:
        made = pool.submit(storage.write, tenant, operator)
        held.wait(5)
        found = pool.submit(storage.write, tenant, find)
        assert not waits_for(found.done)
        goes_on.set()
        made.result()
        assert found.result() == something


@pytest.mark.req("CC-53")
def test_who_ceases_to_hold_what_is_being_counted_gives_it_back_when_it_is(storage: Storage, tenant: int) -> None:
    """The operator has found ana with the key and the number; she is deleted before the pool is there."""

    def make(transaction: Transaction) -> None:
        transaction.seats.hold()
        transaction.seats.set_pool(Pool("agent", "agent", 1, 0), ("ana",), None, DAY)
        transaction.numbers.add_range("10", "19", {"11": "ana"})

    def give_back(transaction: Transaction) -> None:
        transaction.seats.free("agent", "ana", None, DAY)
        transaction.numbers.release("11", "ana", "ana", DAY)

    waited, _ = meanwhile(lambda work: storage.write(tenant, work), make, lambda: storage.write(tenant, give_back))
    assert waited
    assert [pool.used for pool in storage.write(tenant, lambda t: t.seats.pools())] == [0]
    assert [span.used for span in storage.write(tenant, lambda t: t.numbers.ranges(DAY))] == [0]


def waits_for(happened: Callable[[], bool]) -> bool:
    """Whether it happens within a fifth of a second."""
    return any(happened() or threading.Event().wait(0.02) for _ in range(10))


def test_a_pool_goes_with_its_seats_and_the_notes_of_those_who_wait(
    storage: Storage, tenant: int, neighbour: int
) -> None:
    def fill(transaction: Transaction) -> None:
        for key in ("agent", "other"):
            transaction.seats.set_pool(Pool(key, key, 2, 0), ("ana",), None, DAY)
            transaction.notes.add("cem", PATH, key, DAY)

    def removed(transaction: Transaction) -> tuple[int, list[str], list[int]]:
        count = transaction.seats.remove_pool("agent", PATH)
        waiting = [transaction.notes.count(PATH, key) for key in ("agent", "other")]
        return count, [pool.key for pool in transaction.seats.pools()], waiting

    for each in (tenant, neighbour):
        storage.write(each, fill)
    assert storage.write(tenant, removed) == (1, ["other"], [0, 1])
    assert storage.write(tenant, lambda t: t.seats.held("ana")) == ["other"]
    assert storage.write(tenant, lambda t: t.seats.remove_pool("agent", PATH)) == 0
    assert storage.write(tenant, lambda t: t.seats.remove_pool("other", None)) == 1
    assert storage.write(tenant, lambda t: t.notes.count(PATH, "other")) == 1
    assert len(storage.write(neighbour, lambda t: t.seats.pools())) == 2
    assert storage.write(neighbour, lambda t: t.notes.count(PATH, "agent")) == 1


def test_a_range_goes_with_its_numbers_and_no_other_ones(storage: Storage, tenant: int, neighbour: int) -> None:
    def fill(transaction: Transaction) -> None:
        for first, last in (("10", "19"), ("100", "199"), ("20", "29")):
            transaction.numbers.add_range(first, last, {"11": "ana", "150": "ben"})

    for each in (tenant, neighbour):
        storage.write(each, fill)
    assert storage.write(tenant, lambda t: t.numbers.remove_range("10", "18")) is None
    assert storage.write(tenant, lambda t: t.numbers.remove_range("10", "19")) == 1
    assert storage.write(tenant, lambda t: t.numbers.ranges(DAY)) == [
        Range("100", "199", 100, 1, 0),
        Range("20", "29", 10, 0, 0),
    ]
    assert storage.write(tenant, lambda t: t.numbers.take("11", "ana", "ana", DAY)) == Refused()
    assert len(storage.write(neighbour, lambda t: t.numbers.ranges(DAY))) == 3
