"""Fixtures that any test may ask for: databases on both engines, the log, a browser."""

import gc
import logging
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from playwright.sync_api import Browser

from scim_server import app as composition
from scim_server.config import Settings
from scim_server.domain.catalogue import Catalogue
from scim_server.observability import configure
from scim_server.observability import logs as logs_module
from tests.browser import started_browser
from tests.databases import ENGINES, Databases
from tests.http.server import Server
from tests.logs import Log
from tests.measuring import unmeasured

# How long an example takes says how busy the machine is, nothing about the code.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
# A mutant is caught by any failure: no time goes into finding the smallest one, and none into luck.
settings.register_profile(
    "mutation",
    settings.get_profile("steady"),
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)


def pytest_sessionstart() -> None:
    """Forget what functions remember: a mutant runs where the suite has run before, and would not be asked."""
    modules = [module for name, module in sys.modules.items() if name.startswith("scim_server.")]
    for function in (value for module in modules for value in vars(module).values()):
        if hasattr(type(function), "cache_clear"):  # of its type: a proxy of the framework may not be asked here
            function.cache_clear()


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the garbage collector need not look at it again and again."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    with unmeasured() if item.get_closest_marker("unmeasured") else nullcontext():
        return (yield)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with Databases(tmp_path_factory.mktemp("databases")) as databases:
        yield databases


@pytest.fixture(scope="session")
def postgresql(databases: Databases) -> str:
    """The superuser's URL of a running PostgreSQL server's maintenance database."""
    return databases.postgresql.url


@pytest.fixture(scope="session")
def new_database(databases: Databases) -> Callable[..., str]:
    """`new_database(engine, template=None)`: the URL of a database that lives as long as the session."""
    return databases.create


@pytest.fixture(scope="module", params=ENGINES)
def on_both(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    """A server over a new database, once for each engine; each of its tenants is a directory of its own."""
    server = Server(Settings(database_url=new_database(request.param)))
    yield server
    server.close()


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest, databases: Databases) -> Iterator[str]:
    """The URL of an empty database of this test's own, once for each engine."""
    url = databases.create(request.param)
    yield url
    databases.drop(url)


@pytest.fixture(scope="module")
def read_once() -> Iterator[None]:
    """Extensions are read once for each state of their files, and not by every command anew."""
    load = composition.load_catalogue

    @cache
    def loaded(settings: Settings, files: frozenset[tuple[Path, int, int]]) -> Catalogue:
        return load(settings)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(composition, "load_catalogue", lambda settings: loaded(settings, files_of(settings.extensions)))
        yield


def files_of(folder: Path) -> frozenset[tuple[Path, int, int]]:
    """What is in the folder: path, size, time of the last change in nanoseconds."""
    return frozenset((path, path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium, started by the first to ask; a test opens pages of its own in it."""
    with started_browser() as browser:
        yield browser


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    monkeypatch.setattr(logs_module._Process, "log", logs_module._Process.log)
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def log(restored: None) -> Log:
    log = Log()
    configure("json", "info", log.stream)
    return log
