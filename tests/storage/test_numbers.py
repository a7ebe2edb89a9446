"""Number ranges keep their promises on both engines: no number twice, none lost, and always the same order."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import bindparam, update

from scim_server.errors import Uniqueness
from scim_server.storage.base import Storage
from scim_server.storage.ledgers import Range, Refused
from scim_server.storage.sql import Database
from scim_server.storage.sql.tables import numbers
from tests.statements import Statement, sent_to
from tests.storage.meanwhile import Write, and_gives_up, meanwhile
from tests.storage.things import DAY, LATER, LATEST


@pytest.fixture
def write(storage: Storage, tenant: int) -> Write:
    return lambda work: storage.write(tenant, work)


def add(write: Write, first: str, last: str, **held: str) -> None:
    write(lambda t: t.numbers.add_range(first, last, {number.strip("_"): holder for number, holder in held.items()}))


def take(write: Write, number: str, holder: str, name: str = "", now: str = DAY) -> Refused | None:
    refused: Refused | None = write(lambda t: t.numbers.take(number, holder, name, now))
    return refused


def allocate(write: Write, holder: str, name: str = "", now: str = DAY) -> str | None:
    number: str | None = write(lambda t: t.numbers.allocate(holder, name, now))
    return number


def release(write: Write, number: str, holder: str, name: str = "", until: str = DAY) -> bool:
    had: bool = write(lambda t: t.numbers.release(number, holder, name, until))
    return had


def ranges(write: Write, now: str = DAY) -> list[Range]:
    return [*write(lambda t: t.numbers.ranges(now))]


# One after the other -------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-22")
def test_numbers_are_given_out_lowest_first_with_their_width(write: Write) -> None:
    add(write, "0098", "0101")
    assert [allocate(write, holder) for holder in "abcde"] == ["0098", "0099", "0100", "0101", None]


def test_a_number_that_was_never_given_out_comes_before_those_that_were_and_then_the_one_free_for_longest(
    write: Write,
) -> None:
    add(write, "10", "13")
    given = {holder: allocate(write, holder) for holder in "abc"}
    assert given == {"a": "10", "b": "11", "c": "12"}
    for holder, until in (("b", DAY), ("a", LATER), ("c", DAY)):
        number = given[holder]
        assert number is not None
        assert release(write, number, holder, until=until)
    assert [allocate(write, holder, now=LATER) for holder in "defgh"] == ["13", "11", "12", "10", None]


@pytest.mark.req("CC-51")
def test_a_number_that_rests_is_given_to_nobody_but_who_had_it(write: Write) -> None:
    add(write, "10", "11")
    assert take(write, "10", "a", "ada") is None
    release(write, "10", "a", "ada", until=LATER)
    assert take(write, "10", "b", "bob") == Refused(until=LATER)
    assert take(write, "10", "b", "") == Refused(until=LATER)
    assert allocate(write, "b", "bob") == "11"
    assert allocate(write, "c", "cleo") is None
    assert take(write, "10", "a-again", "ada") is None
    release(write, "10", "a-again", "ada", until=LATER)
    assert take(write, "10", "b", "bob", now=LATER) is None


def test_who_returns_is_allocated_the_number_that_it_had_last(write: Write) -> None:
    add(write, "10", "19")
    for number, until in (("12", LATER), ("18", LATEST), ("17", DAY)):
        take(write, number, "a", "ada")
        release(write, number, "a", "ada", until)
    assert [allocate(write, "a", "ada") for _ in range(4)] == ["18", "12", "17", "10"]


def test_a_number_is_no_longer_kept_for_who_had_it_before_the_last(write: Write) -> None:
    add(write, "10", "11")
    for holder, name, until in (("a", "ada", LATER), ("b", "bob", LATEST)):
        assert take(write, "10", holder, name, now=LATER) is None
        release(write, "10", holder, name, until)
    assert take(write, "10", "a", "ada", now=LATER) == Refused(until=LATEST)
    assert allocate(write, "a", "ada", now=LATER) == "11"
    assert allocate(write, "b", "bob", now=LATER) == "10"


def test_those_without_a_name_are_not_taken_for_one_another(write: Write) -> None:
    add(write, "10", "10")
    take(write, "10", "a", "")
    release(write, "10", "a", "", LATER)
    assert allocate(write, "b", "") is None
    assert take(write, "10", "b", "") == Refused(until=LATER)


def test_a_refusal_says_who_has_the_number_or_that_no_range_has_it(write: Write) -> None:
    add(write, "10", "11", _10="a")
    assert take(write, "10", "b") == Refused(holder="a")
    assert take(write, "10", "a") is None
    for number in ("9", "12", "010", "100", "1", ""):
        assert take(write, number, "b") == Refused()


def test_a_number_is_given_back_by_who_has_it_alone(write: Write) -> None:
    add(write, "10", "11", _10="a")
    assert not release(write, "10", "b")
    assert not release(write, "11", "b")
    assert not release(write, "99", "b")
    assert take(write, "10", "b") == Refused(holder="a")
    assert release(write, "10", "a")
    assert not release(write, "10", "a", until=LATEST)
    assert take(write, "10", "b") is None


def test_a_refused_write_gives_out_nothing(write: Write) -> None:
    add(write, "10", "10")
    with pytest.raises(LookupError):
        write(and_gives_up(lambda t: t.numbers.allocate("a", "ada", DAY)))
    assert allocate(write, "b") == "10"


@pytest.mark.req("R-TEN-02")
def test_ranges_of_another_tenant_are_not_there(storage: Storage, write: Write, neighbour: int) -> None:
    add(write, "10", "12")

    def theirs(work: Any) -> Any:
        return storage.write(neighbour, work)

    assert not theirs(lambda t: t.numbers.has_ranges())
    assert (allocate(theirs, "a"), take(theirs, "10", "a")) == (None, Refused())
    add(theirs, "10", "10", _10="b")
    assert allocate(write, "a") == "10"
    assert not release(theirs, "10", "a")
    assert theirs(lambda t: t.numbers.remove_range("10", "12")) is None
    assert (ranges(theirs), ranges(write)) == ([Range("10", "10", 1, 1, 0)], [Range("10", "12", 3, 1, 0)])


# Ranges --------------------------------------------------------------------------------------------------------------


def test_ranges_come_by_first_number_with_what_is_used_and_what_rests(write: Write) -> None:
    assert not write(lambda t: t.numbers.has_ranges())
    add(write, "20", "29", _20="a", _25="b", _30="c")
    add(write, "100", "109")
    add(write, "2000", "2999", _2500="d")
    assert write(lambda t: t.numbers.has_ranges())
    release(write, "25", "b", until=LATER)
    release(write, "2500", "d", until=DAY)
    found = [Range("100", "109", 10, 0, 0), Range("20", "29", 10, 1, 1), Range("2000", "2999", 1000, 0, 0)]
    assert ranges(write) == found
    assert ranges(write, now=LATER)[1] == Range("20", "29", 10, 1, 0)


OVERLAPS = [("10", "19"), ("09", "10"), ("19", "20"), ("12", "13"), ("00", "99")]


@pytest.mark.parametrize(("first", "last"), OVERLAPS)
def test_a_range_that_has_some_numbers_of_another_is_refused_by_name(write: Write, first: str, last: str) -> None:
    add(write, "10", "19")
    with pytest.raises(Uniqueness, match="10-19"):
        add(write, first, last)
    assert ranges(write) == [Range("10", "19", 10, 0, 0)]


def test_numbers_of_another_width_are_others(write: Write) -> None:
    add(write, "10", "19", _10="a")
    add(write, "0010", "0019", _0011="b", _10="c")
    add(write, "100", "199")
    assert take(write, "10", "x") == Refused(holder="a")
    assert take(write, "0011", "x") == Refused(holder="b")
    assert [found.used for found in ranges(write)] == [1, 1, 0]


def test_a_removed_range_takes_its_own_numbers_along(write: Write) -> None:
    add(write, "10", "19", _10="a", _11="b")
    add(write, "100", "199", _150="c")
    assert write(lambda t: t.numbers.remove_range("10", "18")) is None
    assert write(lambda t: t.numbers.remove_range("10", "19")) == 2
    assert write(lambda t: t.numbers.remove_range("10", "19")) is None
    assert ranges(write) == [Range("100", "199", 100, 1, 0)]
    assert take(write, "10", "x") == Refused()


# At the same moment --------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-51")
def test_fifty_allocations_at_once_give_no_number_twice_and_skip_none(write: Write) -> None:
    add(write, "1000", "1999")
    gate = Barrier(8)

    def work(worker: int) -> list[str | None]:
        gate.wait()
        return [allocate(write, f"h-{worker}-{step}") for step in range(7 if worker < 2 else 6)]

    with ThreadPoolExecutor(8) as pool:
        given = [number for each in pool.map(work, range(8)) for number in each]
    assert sorted(map(str, given)) == [str(number) for number in range(1000, 1050)]


@pytest.mark.req("CC-51")
def test_the_last_numbers_of_a_range_go_to_as_many_as_there_are(write: Write) -> None:
    add(write, "10", "29")
    gate = Barrier(8)

    def work(worker: int) -> list[str | None]:
        gate.wait()
        return [allocate(write, f"h-{worker}-{step}") for step in range(4)]

    with ThreadPoolExecutor(8) as pool:
        given = [number for each in pool.map(work, range(8)) for number in each]
    assert given.count(None) == 12
    assert sorted(number for number in given if number) == [str(number) for number in range(10, 30)]


def test_who_is_allocated_one_waits_for_nobody_who_takes_another(write: Write, database: Database) -> None:
    add(write, "10", "11")
    waited, number = meanwhile(write, lambda t: t.numbers.allocate("a", "", DAY), lambda: allocate(write, "b"))
    assert number == "11"
    assert waited == (database.connections.dialect_name == "sqlite")


def test_the_last_number_goes_to_the_next_where_the_first_gives_it_up(write: Write) -> None:
    add(write, "10", "10")
    first = and_gives_up(lambda t: t.numbers.allocate("a", "", DAY))
    assert meanwhile(write, first, lambda: allocate(write, "b")) == (True, "10")


@pytest.mark.req("CC-51")
def test_of_two_who_take_a_number_at_once_the_second_is_told_who_has_it(write: Write) -> None:
    add(write, "10", "11")
    refused = Refused(holder="a")
    assert meanwhile(write, lambda t: t.numbers.take("10", "a", "", DAY), lambda: take(write, "10", "b")) == (
        True,
        refused,
    )
    first = and_gives_up(lambda t: t.numbers.allocate("a", "", DAY))
    assert meanwhile(write, first, lambda: take(write, "11", "b")) == (True, None)


def test_of_two_who_add_the_same_range_at_once_the_second_is_refused(write: Write) -> None:
    def second() -> str:
        try:
            add(write, "15", "24")
        except Uniqueness as error:
            return error.detail
        return "added"

    waited, said = meanwhile(write, lambda t: t.numbers.add_range("10", "19", {}), second)
    assert waited
    assert "10-19" in said
    assert ranges(write) == [Range("10", "19", 10, 0, 0)]


# As fast however few are left ----------------------------------------------------------------------------------------

SIZE = 2000
FREE_FROM = update(numbers).where(numbers.c.tenant_id == bindparam("tenant"), numbers.c.number < "1995")


@pytest.fixture
def statements(database: Database) -> Iterator[list[Statement]]:
    with sent_to(database.connections.writer) as sent:
        yield sent


@pytest.mark.parametrize("state", ["all free", "nearly all used", "nearly all resting"])
def test_the_next_number_is_found_by_its_index_whatever_the_others_are(
    database: Database, tenant: int, write: Write, statements: list[Statement], state: str
) -> None:
    """Without fresh statistics."""
    add(write, "0000", f"{SIZE - 1}")
    values = {"nearly all used": {"holder": "a"}, "nearly all resting": {"free_from": LATEST, "last_name": "x"}}
    if state in values:
        changed = FREE_FROM.values(values[state])
        database.connections.write(lambda connection: connection.execute(changed, {"tenant": tenant}))
    statements.clear()
    assert allocate(write, "b", "bob") == ("0000" if state == "all free" else "1995")
    (sent,) = [statement for statement in statements if statement.text.startswith("UPDATE")]
    plan = explained(database, sent)
    if database.connections.dialect_name == "sqlite":
        assert "USING INDEX ix_numbers_last_name (tenant_id=? AND last_name>? AND last_name<?)" in plan
        assert "USING INDEX ix_numbers_free (tenant_id=? AND free_from>? AND free_from<?)" in plan
        assert "SCAN numbers" not in plan
        assert "TEMP B-TREE" not in plan
    else:
        assert "using ix_numbers_last_name" in plan, plan
        assert "using ix_numbers_free" in plan
        assert "Sort" not in plan
        assert most_rows(plan) <= 1, plan


def explained(database: Database, statement: Statement) -> str:
    """The plan as text; PostgreSQL carries the statement out and counts."""
    explain = "EXPLAIN QUERY PLAN " if database.connections.dialect_name == "sqlite" else "EXPLAIN (ANALYZE) "
    with database.connections.reader.connect() as connection:
        return "\n".join(str(row) for row in connection.exec_driver_sql(explain + statement.text, statement.parameters))


def most_rows(plan: str) -> int:
    """The most rows that a step of the plan looked at."""
    returned = re.findall(r"actual time=\S+ rows=(\d+) loops=(\d+)", plan)
    removed = re.findall(r"Rows Removed by \w+(?: \w+)*: (\d+)", plan)
    return max([*(int(rows) * int(loops) for rows, loops in returned), *map(int, removed)])
