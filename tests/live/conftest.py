"""Live servers, one for each engine and module: what runs here is what an operator runs."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import ENGINES
from tests.live.server import Client, Server, serving


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    with serving(new_database(request.param), workers="2") as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    """A client with the token that `serve` printed: the generic dialect."""
    return server.client()
