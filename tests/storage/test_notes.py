"""Notes about resources, and the events of the outbox, on both engines."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from scim_server.storage.base import Creation, Storage
from scim_server.storage.sql import Database
from scim_server.storage.sql.tables import notes, outbox
from tests.storage.meanwhile import Write, and_gives_up
from tests.storage.things import DAY, LATER, THING, draft

PATH = "urn:example:pending"


@pytest.fixture
def write(storage: Storage, tenant: int) -> Write:
    return lambda work: storage.write(tenant, work)


def noted(database: Database, tenant: int) -> list[tuple[str, ...]]:
    rows = select(notes.c.resource_id, notes.c.path, notes.c.value, notes.c.since).where(notes.c.tenant_id == tenant)
    return sorted(tuple(row) for row in database.connections.read(lambda c: c.execute(rows).all()))


def test_a_note_keeps_the_time_at_which_it_was_made_first(database: Database, tenant: int, write: Write) -> None:
    write(lambda t: t.notes.add("a", PATH, "k", DAY))
    write(lambda t: t.notes.add_all(["b", "a"], PATH, "k", LATER))
    write(lambda t: t.notes.add("a", PATH, "é", LATER))
    write(lambda t: t.notes.add_all([], PATH, "k", LATER))
    assert noted(database, tenant) == [("a", PATH, "k", DAY), ("a", PATH, "é", LATER), ("b", PATH, "k", LATER)]
    assert write(lambda t: [t.notes.count(PATH, value) for value in ("k", "é", "")]) == [2, 1, 0]


def test_all_notes_of_a_path_are_taken_back_together(database: Database, tenant: int, write: Write) -> None:
    for resource, path, value in (("a", PATH, "k"), ("a", PATH, "l"), ("a", "other", "k"), ("b", PATH, "k")):
        write(lambda t, given=(resource, path, value): t.notes.add(*given, DAY))  # type: ignore[misc]
    assert write(lambda t: t.notes.drop(["c", "a"], PATH)) == ["a"]
    assert write(lambda t: t.notes.drop(["c", "a"], PATH)) == []
    assert write(lambda t: t.notes.drop([], PATH)) == []
    assert noted(database, tenant) == [("a", "other", "k", DAY), ("b", PATH, "k", DAY)]


def test_a_deleted_resource_takes_its_notes_along(database: Database, tenant: int, write: Write) -> None:
    write(lambda t: t.insert(Creation(THING, draft(THING, "a")), DAY))
    write(lambda t: t.notes.add_all(["a", "b"], PATH, "k", DAY))
    write(lambda t: t.delete(THING, "a", LATER))
    assert noted(database, tenant) == [("b", PATH, "k", DAY)]


@pytest.mark.req("R-TEN-02")
def test_notes_of_another_tenant_are_not_there(
    database: Database, storage: Storage, tenant: int, neighbour: int, write: Write
) -> None:
    write(lambda t: t.notes.add("a", PATH, "k", DAY))
    assert storage.write(neighbour, lambda t: t.notes.drop(["a"], PATH)) == []
    assert storage.write(neighbour, lambda t: t.notes.count(PATH, "k")) == 0
    storage.write(neighbour, lambda t: t.notes.add("a", PATH, "k", LATER))
    assert noted(database, tenant) == [("a", PATH, "k", DAY)]


def test_notes_about_the_same_resources_at_once_are_made_once(database: Database, tenant: int, write: Write) -> None:
    ids = [f"r-{number}" for number in range(20)]

    def work(worker: int) -> None:
        listed = ids if worker % 2 else ids[::-1]
        write(lambda t: t.notes.add_all(listed, PATH, "k", DAY))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
    assert noted(database, tenant) == sorted((id, PATH, "k", DAY) for id in ids)


def test_events_are_kept_in_order_with_what_they_carry(database: Database, tenant: int, write: Write) -> None:
    content: dict[str, Any] = {"moveCalls": True, "team": "é", "list": [1, {"a": None}]}
    write(lambda t: t.outbox.put("User", "a", "onboarding", content, LATER))
    with pytest.raises(LookupError):
        write(and_gives_up(lambda t: t.outbox.put("User", "b", "onboarding", {}, DAY)))
    write(lambda t: t.outbox.put("Group", "g", "join", {}, DAY))
    rows = database.connections.read(lambda c: c.execute(select(outbox).order_by(outbox.c.sequence)).all())
    assert [(*row[1:5], orjson.loads(row.content), row.at) for row in rows] == [
        (tenant, "User", "a", "onboarding", content, LATER),
        (tenant, "Group", "g", "join", {}, DAY),
    ]
