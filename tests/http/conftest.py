"""One server for all of these tests; a tenant of its own for each."""

from collections.abc import Iterator

import pytest

from scim_server.config import Settings
from tests.http.server import Client, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("http") / "scim.db"
    server = Server(Settings(database_url=f"sqlite:///{path}", max_body=64 * 1024, page_default=3, page_max=5))
    yield server
    server.close()


@pytest.fixture
def client(server: Server) -> Client:
    """A client of a new and empty tenant, in the default dialect."""
    return Client(server.app(), server.token(server.tenant()))


@pytest.fixture
def anonymous(server: Server) -> Client:
    return Client(server.app(), None)
