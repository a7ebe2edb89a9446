"""The tests' own databases: fresh, apart from each other, copied when a template is named, never skipped."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, make_url, text

from tests.databases import ENGINES, Databases, find_programs, locale_options, version_in

NewDatabase = Callable[..., str]


@contextmanager
def connection(url: str) -> Iterator[Connection]:
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def numbers(url: str) -> list[int]:
    with connection(url) as opened:
        return list(opened.scalars(text("SELECT number FROM numbers")))


def fill(url: str) -> None:
    with connection(url) as opened:
        opened.execute(text("CREATE TABLE numbers (number integer)"))
        opened.execute(text("INSERT INTO numbers VALUES (42)"))


# Twice: the second run fails to create its table if it is handed the first one's database.
@pytest.mark.parametrize("run", [1, 2])
def test_each_test_gets_an_empty_database(database_url: str, run: int) -> None:
    fill(database_url)
    assert numbers(database_url) == [42]


def test_the_engine_is_the_one_that_was_asked_for(database_url: str, request: pytest.FixtureRequest) -> None:
    engine = make_url(database_url).get_backend_name()
    assert f"[{engine}]" in request.node.name


@pytest.mark.parametrize("engine", ENGINES)
def test_a_copy_holds_what_its_template_held_and_goes_its_own_way(new_database: NewDatabase, engine: str) -> None:
    template = new_database(engine)
    fill(template)
    copy = new_database(engine, template)
    with connection(copy) as opened:
        opened.execute(text("INSERT INTO numbers VALUES (43)"))
    assert (numbers(template), numbers(copy)) == ([42], [42, 43])


def test_a_dropped_file_leaves_nothing_behind(tmp_path: Path) -> None:
    databases = Databases(tmp_path)
    url = databases.create("sqlite")
    with connection(url) as opened:
        opened.execute(text("PRAGMA journal_mode=WAL"))
    (tmp_path / "scim_test_1.db-wal").touch()
    databases.drop(url)
    assert list(tmp_path.iterdir()) == []


def test_a_database_is_dropped_under_an_open_connection(databases: Databases) -> None:
    url = databases.create("postgresql")
    with psycopg.connect(url.replace("+psycopg", "")) as opened:
        databases.drop(url)
        with pytest.raises(psycopg.OperationalError):
            opened.execute("SELECT 1")


def test_an_unknown_engine_is_refused(new_database: NewDatabase) -> None:
    with pytest.raises(ValueError, match="'oracle' is none of sqlite, postgresql"):
        new_database("oracle")


def test_the_server_allows_a_hundred_connections(postgresql: str) -> None:
    with connection(postgresql) as opened:
        assert opened.scalar(text("SHOW max_connections")) == "100"


def test_missing_server_programs_are_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="run tests/install-postgresql"):
        find_programs([tmp_path])


def test_the_newest_of_several_versions_is_taken() -> None:
    folders = [Path("/usr/lib/postgresql/9/bin"), Path("/usr/lib/postgresql/15/bin")]
    assert max(folders, key=version_in) == folders[1]


@pytest.mark.parametrize(
    ("version", "provider"),
    [
        ("initdb (PostgreSQL) 14.11", False),
        ("initdb (PostgreSQL) 15.18", True),
        ("(PostgreSQL) 18beta1", True),
    ],
)
def test_the_default_order_differs_from_sqlite_where_the_server_can(version: str, provider: bool) -> None:
    assert ("--locale-provider=icu" in locale_options(version)) is provider
