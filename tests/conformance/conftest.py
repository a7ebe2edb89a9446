"""A live server for each engine, and a run of suites against it."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import ENGINES
from tests.live.server import Server, serving


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    with serving(new_database(request.param), workers="2") as server:
        yield server
