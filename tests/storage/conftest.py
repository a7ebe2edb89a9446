"""A migrated database, once for each engine, and new tenants in it."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from scim_server.storage.base import Storage, Tenancy
from scim_server.storage.sql import Database, open_database
from tests.databases import ENGINES, Databases
from tests.storage.things import REGISTRY


@pytest.fixture(scope="session")
def migrated(new_database: Callable[..., str]) -> Callable[[str], str]:
    """`migrated(engine)`: the URL of a migrated database that nobody has open, made once."""
    made: dict[str, str] = {}

    def template(engine: str) -> str:
        if engine not in made:
            url = new_database(engine)
            database = open_database(url, REGISTRY)
            database.migrate()
            database.close()
            made[engine] = url
        return made[engine]

    return template


@pytest.fixture(scope="module", params=ENGINES)
def database(
    request: pytest.FixtureRequest, new_database: Callable[..., str], migrated: Callable[[str], str]
) -> Iterator[Database]:
    """The database of a module's tests, each of which has tenants of its own in it."""
    database = open_database(new_database(request.param, migrated(request.param)), REGISTRY)
    yield database
    database.close()


@pytest.fixture(params=ENGINES)
def own_database(
    request: pytest.FixtureRequest, databases: Databases, migrated: Callable[[str], str]
) -> Iterator[Database]:
    """A database of this test's own, for one that looks at every tenant or changes what all of them share."""
    url = databases.create(request.param, migrated(request.param))
    database = open_database(url, REGISTRY)
    yield database
    database.close()
    databases.drop(url)


@pytest.fixture
def storage(database: Database) -> Storage:
    return database.storage


@pytest.fixture
def tenancy(database: Database) -> Tenancy:
    return database.tenancy


NUMBERS = count(1)


@pytest.fixture
def tenant(tenancy: Tenancy) -> int:
    """A new tenant."""
    return tenancy.add_tenant(f"tenant-{next(NUMBERS)}", "contact-centre", {}).id


@pytest.fixture
def neighbour(tenancy: Tenancy) -> int:
    """Another new tenant in the same database."""
    return tenancy.add_tenant(f"neighbour-{next(NUMBERS)}", "contact-centre", {}).id
