"""Connections: URLs, time limits, lost connections, and what is said where the database is not there."""

import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from scim_server.errors import TooMany, Unavailable
from scim_server.storage.base import Creation, Transaction
from scim_server.storage.sql import Database, Synchronous, open_database
from scim_server.storage.sql.access import Limits
from scim_server.storage.sql.connections import connect
from scim_server.storage.sql.faults import Fault, fault_of
from tests.storage.things import DAY, REGISTRY, THING, draft

NOTHING: frozenset[str] = frozenset()

ENDLESS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "mysql://localhost/scim", "postgresql+asyncpg://localhost/scim"],
)
def test_a_url_that_cannot_be_served_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"SQLite|sqlite"):
        open_database(url, REGISTRY)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_common_scheme_of_postgresql_is_served(postgresql: str, scheme: str) -> None:
    connections = connect(postgresql.replace("postgresql+psycopg", scheme, 1), Limits())
    assert connections.read(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    connections.close()


def test_options_in_a_postgresql_url_are_kept(postgresql: str) -> None:
    url = make_url(postgresql).update_query_dict({"options": "-c application_name=mine"})
    connections = connect(url.render_as_string(hide_password=False), Limits(read_time=3))
    shown = connections.read(
        lambda c: (
            c.execute(text("SHOW application_name")).scalar(),
            c.execute(text("SHOW statement_timeout")).scalar(),
        )
    )
    assert shown == ("mine", "3s")
    connections.close()


def test_a_search_that_runs_too_long_ends_as_too_many(database_url: str) -> None:
    connections = connect(database_url, Limits(read_time=0.2))
    endless = text(ENDLESS[connections.dialect_name])
    with pytest.raises(TooMany):
        connections.search(lambda connection: connection.execute(endless).scalar())
    assert connections.search(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    connections.close()


UNREACHABLE = ["sqlite:////no/such/folder/scim.db", "postgresql://nobody@127.0.0.1:1/scim"]


@pytest.mark.parametrize("url", UNREACHABLE)
def test_a_database_that_is_not_there_is_unavailable_for_everything(url: str) -> None:
    database = open_database(url, REGISTRY)
    with pytest.raises(Unavailable):
        database.storage.read(1, THING, "a", NOTHING)
    with pytest.raises(Unavailable) as refused:
        database.storage.write(1, lambda t: t.missing(["a"]))
    with pytest.raises(Unavailable):
        database.migrate()
    assert refused.value.headers == {"Retry-After": "1"}
    assert database.storage.readiness("stamp-1") is not None


@pytest.fixture
def restarted(new_database: Callable[..., str], postgresql: str) -> Callable[[], Database]:
    """A database on PostgreSQL all of whose connections the server has ended."""
    url = new_database("postgresql")

    def cut() -> None:
        with psycopg.connect(postgresql.replace("+psycopg", "", 1), autocommit=True) as connection:
            name = make_url(url).database
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

    def made() -> Database:
        database = open_database(url, REGISTRY)
        database.migrate()
        tenant = database.tenancy.add_tenant("default", "", {}).id
        database.storage.write(tenant, lambda t: t.insert(Creation(THING, draft(THING, "a")), DAY))
        assert database.storage.read(tenant, THING, "a", NOTHING)
        cut()
        return database

    return made


def test_reads_survive_that_the_server_ended_their_connection(restarted: Callable[[], Database]) -> None:
    database = restarted()
    assert database.tenancy.tenant("default") is not None
    database.close()


def test_writes_survive_that_the_server_ended_their_connection(restarted: Callable[[], Database]) -> None:
    database = restarted()
    assert database.storage.write(1, lambda t: t.missing(["a", "b"])) == ["b"]
    database.close()


def test_a_write_whose_connection_breaks_on_the_way_is_run_again(restarted: Callable[[], Database]) -> None:
    database = restarted()
    runs: list[None] = []

    def work(transaction: Transaction) -> None:
        transaction.insert(Creation(THING, draft(THING, "b", text="b")), DAY)
        runs.append(None)
        if len(runs) == 1:
            with psycopg.connect(str(database.connections.writer.url.set(drivername="postgresql"))) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
        transaction.missing(["b"])

    database.storage.write(1, work)
    assert len(runs) == 2
    assert database.storage.read(1, THING, "b", NOTHING) is not None
    database.close()


def test_sqlite_keeps_an_acknowledged_write_through_a_crash(tmp_path: Path) -> None:
    """FULL and WAL are what SQLite calls durable; NORMAL is there for those who choose it."""
    for synchronous, expected in ((Synchronous.FULL, 2), (Synchronous.NORMAL, 1)):
        database = open_database(f"sqlite:///{tmp_path}/{synchronous}.db", REGISTRY, synchronous=synchronous)
        database.migrate()
        with database.connections.writer.connect() as connection:
            assert connection.execute(text("PRAGMA synchronous")).scalar() == expected
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
        database.close()


def test_sqlite_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/scim.db", REGISTRY)
    database.migrate()
    tenant = database.tenancy.add_tenant("default", "", {}).id
    writer = sqlite3.connect(tmp_path / "scim.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    assert database.storage.read(tenant, THING, "a", NOTHING) is None
    writer.close()
    database.close()


def test_sqlite_files_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/scim.db", REGISTRY)
    database.migrate()
    names = ["scim.db", "scim.db-shm", "scim.db-wal", "scim.db-writer.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    database.close()


def test_a_sqlite_file_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "scim.db"
    path.touch()
    path.chmod(0o640)
    database = open_database(f"sqlite:///{path}", REGISTRY)
    database.migrate()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    database.close()


def test_a_pool_gives_out_no_more_than_its_size_and_refuses_soon(database_url: str) -> None:
    connections = connect(database_url, Limits(pool_size=1, pool_time=0.1))

    def nested(_connection: Connection) -> None:
        connections.read(lambda inner: inner.execute(text("SELECT 1")))

    kept = connections.read(lambda c: id(c.connection.driver_connection))
    began = time.monotonic()
    with pytest.raises(Unavailable) as refused:
        connections.read(nested)
    assert time.monotonic() - began >= 0.1
    assert refused.value.headers == {"Retry-After": "1"}
    assert connections.read(lambda c: id(c.connection.driver_connection)) == kept
    connections.close()


def test_a_full_disk_is_unavailable(tmp_path: Path) -> None:
    connections = connect(f"sqlite:///{tmp_path}/scim.db", Limits())

    def fill(connection: Connection) -> None:
        connection.execute(text("PRAGMA max_page_count = 1"))
        connection.execute(text("CREATE TABLE t (x)"))

    with pytest.raises(Unavailable):
        connections.write(fill)
    connections.close()


def test_a_database_that_has_become_read_only_is_left(postgresql: str) -> None:
    connections = connect(postgresql, Limits())
    with connections.writer.connect() as connection:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        with pytest.raises(DBAPIError) as refused:
            connection.execute(text("CREATE TABLE t (x int)"))
    assert fault_of(refused.value) is Fault.DISCONNECTED
    connections.close()
