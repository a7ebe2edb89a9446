"""A migrated database with one tenant, once for each engine."""

from collections.abc import Callable, Iterator

import pytest

from scim_server.storage.base import Storage, Tenancy
from scim_server.storage.sql import Database, open_database
from tests.databases import ENGINES
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


@pytest.fixture(params=ENGINES)
def database(
    request: pytest.FixtureRequest, new_database: Callable[..., str], migrated: Callable[[str], str]
) -> Iterator[Database]:
    """A database of this test's own."""
    database = open_database(new_database(request.param, migrated(request.param)), REGISTRY)
    yield database
    database.close()


@pytest.fixture
def storage(database: Database) -> Storage:
    return database.storage


@pytest.fixture
def tenancy(database: Database) -> Tenancy:
    return database.tenancy


@pytest.fixture
def tenant(tenancy: Tenancy) -> int:
    return tenancy.add_tenant("default", "contact-centre", {}).id


@pytest.fixture
def neighbour(tenancy: Tenancy) -> int:
    """A second tenant in the same database."""
    return tenancy.add_tenant("neighbour", "contact-centre", {}).id
