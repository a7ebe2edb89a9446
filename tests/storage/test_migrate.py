"""Migration and rebuild: any number at once, resumable, and nothing lost."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from threading import Event

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, make_url, null, text, update
from sqlalchemy.exc import DBAPIError

from scim_server.domain import filter as f
from scim_server.domain.query import Query, Selection
from scim_server.domain.rows import Element, RowsChange
from scim_server.errors import Uniqueness
from scim_server.storage.base import Creation, Draft, Duplicate, Entry, Record, Transaction
from scim_server.storage.sql import Database, open_database
from scim_server.storage.sql import rebuild as rebuilding
from scim_server.storage.sql.migrate import configuration
from scim_server.storage.sql.tables import membership_state, metadata, relations, schema_state
from tests.databases import Databases
from tests.storage.test_agreement import bound, path
from tests.storage.things import DAY, LATER, MEMBERS, OTHER, REGISTRY, THING, draft


@pytest.fixture
def database(own_database: Database) -> Database:
    return own_database


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


@pytest.mark.req("R-FILT-36")
def test_times_that_were_kept_in_microseconds_are_found_by_what_is_sent(
    database_url: str,
) -> None:
    database = open_database(database_url, REGISTRY)
    database.connections.write(lambda connection: command.upgrade(configuration(connection), "0001"))
    tenant = database.tenancy.add_tenant("default", "contact-centre", {}).id

    def fill(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, "plain")), "2026-01-01T00:00:00.123456000Z")
        transaction.insert(Creation(THING, draft(THING, "owner")), "2026-01-01T00:00:00.123999000Z")
        transaction.insert(Creation(THING, draft(THING, "later")), "2026-01-01T00:00:00.123000000Z")
        transaction.update(THING, None, draft(THING, "later", text="x"), "2026-03-03T00:00:00.000001000Z")
        transaction.insert(Creation(THING, draft(THING, "whole")), "2026-01-01T00:00:00.124000000Z")
        transaction.touch(THING, "owner", "2026-02-02T00:00:00.999999000Z")

    database.storage.write(tenant, fill)
    database.migrate()
    found = {
        (name, sent): [r.id for r in database.storage.search(tenant, _equal(name, sent), frozenset()).records]
        for name, sent in SENT
    }
    assert found == SENT
    owner = database.storage.read(tenant, THING, "owner", frozenset())
    assert owner is not None
    assert owner.meta.created == "2026-01-01T00:00:00.123000000Z"
    assert owner.meta.last_modified == "2026-02-02T00:00:00.999000000Z"
    database.close()


SENT = {
    ("meta.created", "2026-01-01T00:00:00.123Z"): ["later", "owner", "plain"],
    ("meta.created", "2026-01-01T00:00:00.124Z"): ["whole"],
    ("meta.lastModified", "2026-01-01T00:00:00.123Z"): ["plain"],
    ("meta.lastModified", "2026-02-02T00:00:00.999Z"): ["owner"],
    ("meta.lastModified", "2026-03-03T00:00:00.000Z"): ["later"],
}


def _equal(name: str, sent: str) -> Query:
    (test,) = bound(f.Comparison(path(name), f.Operator.EQ, sent), THING)
    return Query((Selection(THING, test),))


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


def test_the_first_stamp_may_be_taken_by_several_at_once(database: Database) -> None:
    database.connections.write(lambda connection: connection.execute(schema_state.delete()))
    taken, go = Event(), Event()

    def take(connection: Connection) -> None:
        rebuilding._set_stamp(connection, "stamp-1")
        taken.set()
        go.wait(timeout=5)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(database.connections.write, take)
        assert taken.wait(timeout=10)
        second = pool.submit(database.migrate)
        wait([second], timeout=0.5)
        go.set()
        first.result(timeout=20)
        second.result(timeout=20)
    assert database.storage.readiness("stamp-1") is None


def test_a_user_who_may_not_create_extensions_may_migrate(databases: Databases) -> None:
    url = databases.create("postgresql")
    _execute(url, "CREATE ROLE guest LOGIN", "GRANT CREATE ON SCHEMA public TO guest")
    database = open_database(_as_user(url, "guest"), REGISTRY)
    database.migrate()
    assert database.storage.readiness("stamp-1") is None
    with database.connections.reader.connect() as connection:
        index = connection.execute(text("SELECT pg_get_indexdef('ix_resources_comparison'::regclass)")).scalar()
    assert "(comparison jsonb_path_ops)" in (index or "")
    database.close()
    databases.drop(url)
    _execute(databases.postgresql.url, "DROP ROLE guest")


def test_a_fault_in_creating_the_extension_that_is_no_lack_of_it_stops_the_migration(databases: Databases) -> None:
    url = databases.create("postgresql")
    _execute(
        url,
        "CREATE FUNCTION gin_btree_consistent(internal, int2, anyelement, int4, internal, internal)"
        " RETURNS bool LANGUAGE internal AS 'int4eq'",
    )
    database = open_database(url, REGISTRY)
    with pytest.raises(DBAPIError, match="gin_btree_consistent"):
        database.migrate()
    database.close()
    databases.drop(url)


def _execute(url: str, *statements: str) -> None:
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def _as_user(url: str, name: str) -> str:
    return make_url(url).set(username=name).render_as_string(hide_password=False)


def test_migrating_again_keeps_everything(database: Database, tenant: int) -> None:
    database.storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "a")), DAY))
    database.migrate()
    assert database.storage.read(tenant, THING, "a", frozenset()) is not None


def test_a_database_without_resources_takes_the_stamp_at_once(database: Database) -> None:
    later = Database(database.connections, NEXT)
    later.migrate()
    assert later.storage.readiness("stamp-2") is None


def rebuilt(database: Database, draft_of: Callable[[int, Record], Draft | None]) -> list[Duplicate]:
    return [duplicate for progress in database.rebuild(draft_of) for duplicate in progress.duplicates]


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
            transaction.insert(
                Creation(THING, draft(THING, id, text=id, exact="twice" if number in (3, 7) else id)), DAY
            )
        transaction.insert(Creation(OTHER, draft(OTHER, "o")), DAY)
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
    duplicates = rebuilt(database, redrafted)
    assert [(d.tenant, d.resource_type, d.id, d.path, d.holder) for d in duplicates] == [
        (tenant, "Thing", "t-07", "exact", "t-03")
    ]
    assert database.storage.readiness("stamp-2") is None
    after = database.storage.read(tenant, THING, "t-00", frozenset({"members"}))
    assert before is not None
    assert after == replace(before, stamp="stamp-2", document=before.document.replace('"text"', '"renamed"'))
    database.storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "free", text="t-05")), DAY))
    with pytest.raises(Uniqueness, match="exact"):
        database.storage.write(tenant, lambda t: t.insert(Creation(THING, holding("exact", "t-05")), DAY))


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
        rebuilt(database, broken)
    assert database.storage.readiness("stamp-2") is not None
    left: list[str] = []

    def rest(tenant: int, record: Record) -> Draft:
        left.append(record.id)
        return redrafted(tenant, record)

    rebuilt(database, rest)
    assert len(left) == 26 - 10
    assert database.storage.readiness("stamp-2") is None
    assert database.storage.search(tenant, Query((Selection(THING), Selection(OTHER))), frozenset()).total == 26


def test_a_rebuild_with_nothing_to_do_does_nothing(database: Database, tenant: int) -> None:
    database.storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "a")), DAY))

    def never(_tenant: int, _record: Record) -> Draft:
        raise AssertionError("there is nothing to rebuild")

    assert list(database.rebuild(never)) == []


def test_a_rebuild_tells_how_far_it_is(filled: Callable[[], Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "BATCH", 10)
    told = [(progress.done, progress.total) for progress in filled().rebuild(redrafted)]
    assert told == [(10, 26), (20, 26), (26, 26)]


def test_what_an_old_worker_writes_after_a_rebuild_is_found_by_the_next(
    filled: Callable[[], Database], database: Database, tenant: int
) -> None:
    later = filled()
    rebuilt(later, redrafted)
    database.storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "late", exact="t-05")), DAY))
    assert [(d.id, d.holder) for d in rebuilt(later, redrafted)] == [("late", "t-05")]
    assert rebuilt(later, redrafted) == []


def test_a_resource_whose_type_is_gone_stays_as_it_is_and_is_not_asked_about_again(
    filled: Callable[[], Database], database: Database, tenant: int
) -> None:
    before = database.storage.read(tenant, OTHER, "o", frozenset())
    later = filled()
    rebuilt(later, lambda tenant, record: None if record.resource_type == "Other" else redrafted(tenant, record))
    assert before is not None
    assert later.storage.read(tenant, OTHER, "o", frozenset()) == replace(before, stamp="stamp-2")
    assert list(later.rebuild(redrafted)) == []


def test_a_rebuild_makes_the_forms_of_rows_anew(
    filled: Callable[[], Database], database: Database, tenant: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "ROWS_BATCH", 2)
    elements: dict[str, Element] = {f"t-{n:02}": {"value": f"t-{n:02}", "display": f"NAME {n}"} for n in range(2, 7)}
    database.storage.write(tenant, lambda t: t.change_rows(THING, "t-00", MEMBERS, RowsChange(add=elements)))

    def forms() -> list[object]:
        with database.connections.reader.connect() as connection:
            found = connection.execute(text("SELECT CAST(comparison AS TEXT) FROM relations ORDER BY target"))
            return [form and json.loads(form) for form in found.scalars()]

    right = forms()
    assert right[0] is None
    assert right[1] == {"value": "t-02", "display": "name 2"}
    spoilt = update(relations).where(relations.c.target != "t-04").values(comparison=null())
    database.connections.write(lambda connection: connection.execute(spoilt))
    assert forms() != right
    rebuilt(filled(), redrafted)
    assert forms() == right


def test_a_type_that_keeps_rows_only_now_gets_versions_of_them(
    filled: Callable[[], Database], database: Database, tenant: int
) -> None:
    database.connections.write(lambda connection: connection.execute(membership_state.delete()))
    rebuilt(filled(), redrafted)
    assert database.storage.write(tenant, lambda t: t.touch(THING, "t-03", LATER)) == 2
    assert database.storage.write(tenant, lambda t: t.lock_membership(THING, "t-04")) == 1
    with database.connections.reader.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM membership_state")).scalar() == 25


def test_tables_of_another_revision_are_told_from_tables_that_are_not_there(database: Database) -> None:
    database.connections.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '0000'")))
    assert "revision 0000" in (database.storage.readiness("stamp-1") or "")


def test_an_error_of_another_kind_is_not_taken_for_a_missing_migration(database: Database) -> None:
    database.connections.write(lambda c: c.execute(text("DROP TABLE schema_state")))
    said = database.storage.readiness("stamp-1") or ""
    assert said.startswith("The database cannot be read (")
    assert "not migrated" not in said


def test_an_update_of_what_another_registry_wrote_replaces_all_entries(database: Database, tenant: int) -> None:
    storage = database.storage
    storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "a", text="a")), DAY))
    after = replace(draft(THING, "a"), unique=frozenset({Entry("exact", "a")}), stamp="stamp-2")
    assert storage.write(tenant, lambda t: t.update(THING, None, after, LATER)) == 2
    storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "b", text="a")), DAY))
    with pytest.raises(Uniqueness, match="exact"):
        storage.write(tenant, lambda t: t.insert(Creation(THING, holding("exact", "a")), DAY))
