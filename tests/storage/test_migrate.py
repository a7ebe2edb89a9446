"""Migration and rebuild: any number at once, resumable, and nothing lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from scim_server.domain.query import Query, Selection
from scim_server.domain.rows import RowsChange
from scim_server.errors import Uniqueness
from scim_server.storage.base import Draft, Entry, Record, Transaction
from scim_server.storage.sql import Database, open_database
from scim_server.storage.sql import rebuild as rebuilding
from scim_server.storage.sql.tables import metadata
from tests.storage.things import DAY, LATER, MEMBERS, OTHER, REGISTRY, THING, draft

NEXT = replace(REGISTRY, stamp="stamp-2")


def test_a_database_says_what_it_lacks(database_url: str) -> None:
    database = open_database(database_url, REGISTRY)
    assert "not migrated" in (database.storage.readiness("stamp-1") or "")
    database.migrate()
    assert database.storage.readiness("stamp-1") is None
    assert "schemas" in (database.storage.readiness("stamp-2") or "")
    database.close()


def test_the_steps_lead_to_the_tables_that_the_code_reads(database: Database) -> None:
    def is_defined(name: str | None, *_: object) -> bool:
        return name != "ix_resources_comparison"  # its columns depend on the server

    with database.connections.writer.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_defined})
        assert compare_metadata(context, metadata) == []


def test_many_may_migrate_at_once(database_url: str) -> None:
    databases = [open_database(database_url, REGISTRY) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(database.migrate) for database in databases]:
            done.result()
    assert databases[0].storage.readiness("stamp-1") is None
    with databases[0].connections.writer.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar() == 1
    for database in databases:
        database.close()


def test_migrating_again_keeps_everything(database: Database, tenant: int) -> None:
    database.storage.write(tenant, lambda t: t.insert(THING, draft(THING, "a"), DAY))
    database.migrate()
    assert database.storage.read(tenant, THING, "a", frozenset()) is not None


def test_a_database_without_resources_takes_the_stamp_at_once(database: Database) -> None:
    later = Database(database.connections, NEXT)
    later.migrate()
    assert later.storage.readiness("stamp-2") is None


def redrafted(_tenant: int, record: Record) -> Draft:
    """As a registry would in which `text` is unique no more, and `exact` is."""
    label = record.document.partition('"exact":"')[2].partition('"')[0]
    unique = frozenset({Entry("exact", label)}) if label else frozenset()
    document = record.document.replace('"text"', '"renamed"')
    return Draft(record.id, "stamp-2", document, record.hidden, '{"new":true}', label or None, unique, frozenset())


@pytest.fixture
def filled(database: Database, tenant: int) -> Callable[[], Database]:
    """The database with resources of another registry than the one it is opened with."""

    def fill(transaction: Transaction) -> None:
        for number in range(25):
            id = f"t-{number:02}"
            transaction.insert(THING, draft(THING, id, text=id, exact="twice" if number in (3, 7) else id), DAY)
        transaction.insert(OTHER, draft(OTHER, "o"), DAY)
        transaction.change_rows(THING, "t-00", MEMBERS, RowsChange(add={"t-01": {"value": "t-01"}}))
        transaction.touch(THING, "t-00", LATER)

    database.storage.write(tenant, fill)
    return lambda: Database(database.connections, NEXT)


@pytest.mark.usefixtures("filled")
def test_a_migration_never_takes_the_stamp_over_forms_of_another(database: Database) -> None:
    later = Database(database.connections, NEXT)
    later.migrate()
    assert later.storage.readiness("stamp-2") is not None


def test_a_rebuild_rewrites_forms_and_entries_and_lists_duplicates(
    filled: Callable[[], Database], tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 10)
    database = filled()
    before = database.storage.read(tenant, THING, "t-00", frozenset({"members"}))
    duplicates = database.rebuild(redrafted)
    assert [(d.tenant, d.resource_type, d.id, d.path, d.holder) for d in duplicates] == [
        (tenant, "Thing", "t-07", "exact", "t-03")
    ]
    assert database.storage.readiness("stamp-2") is None
    after = database.storage.read(tenant, THING, "t-00", frozenset({"members"}))
    assert before is not None
    assert after == replace(before, stamp="stamp-2", document=before.document.replace('"text"', '"renamed"'))
    database.storage.write(tenant, lambda t: t.insert(THING, draft(THING, "free", text="t-05"), DAY))
    with pytest.raises(Uniqueness, match="exact"):
        database.storage.write(tenant, lambda t: t.insert(THING, holding("exact", "t-05"), DAY))


def holding(path: str, key: str) -> Draft:
    return replace(draft(THING, "held"), unique=frozenset({Entry(path, key)}))


def test_a_rebuild_that_was_interrupted_goes_on_where_it_was(
    filled: Callable[[], Database], tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 10)
    database = filled()
    seen: list[str] = []

    def broken(tenant: int, record: Record) -> Draft:
        if len(seen) == 15:
            raise KeyboardInterrupt
        seen.append(record.id)
        return redrafted(tenant, record)

    with pytest.raises(KeyboardInterrupt):
        database.rebuild(broken)
    assert database.storage.readiness("stamp-2") is not None
    left: list[str] = []

    def rest(tenant: int, record: Record) -> Draft:
        left.append(record.id)
        return redrafted(tenant, record)

    database.rebuild(rest)
    assert len(left) == 26 - 10
    assert database.storage.readiness("stamp-2") is None
    assert database.storage.search(tenant, Query((Selection(THING), Selection(OTHER))), frozenset()).total == 26


def test_a_rebuild_with_nothing_to_do_does_nothing(database: Database, tenant: int) -> None:
    database.storage.write(tenant, lambda t: t.insert(THING, draft(THING, "a"), DAY))

    def never(_tenant: int, _record: Record) -> Draft:
        raise AssertionError("there is nothing to rebuild")

    assert database.rebuild(never) == ()
