"""Every import goes along an arrow of the design: a room knows the rooms below it and no others.

A room is a package or module of scim_server, named by its path below it. What is in no table is refused, so a
new room or library comes with a row here.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "scim_server"

# room -> the rooms it may import, besides itself. `version` is the package's own __init__.
ARROWS: dict[str, set[str]] = {
    "version": set(),
    "errors": set(),
    "domain": {"errors"},
    "filtering": {"domain", "errors"},
    "connectors": {"domain", "errors"},
    "profiles": {"domain", "errors"},
    "catalog": {"domain", "filtering", "profiles", "errors"},
    "config": {"errors"},
    "observability": {"errors"},
    "storage": set(),
    "storage.ledgers": set(),
    "storage.base": {"storage.ledgers", "domain", "errors"},
    "storage.batches": set(),
    "storage.examination": {"storage.base", "domain"},
    "storage.sql": {"storage.base", "storage.ledgers", "storage.examination", "domain", "errors"},
    "auth": {"storage.base", "storage.batches", "domain", "errors"},
    "service": {
        "storage.base",
        "storage.ledgers",
        "storage.batches",
        "storage.examination",
        "profiles",
        "domain",
        "errors",
    },
    "http": {
        "service",
        "filtering",
        "connectors",
        "auth",
        "domain",
        "config",
        "observability",
        "errors",
        "version",
    },
    "sheets": {"service", "filtering", "profiles", "domain", "errors"},
    "app": {
        "http",
        "service",
        "sheets",
        "filtering",
        "connectors",
        "auth",
        "profiles",
        "storage.base",
        "storage.ledgers",
        "storage.examination",
        "storage.sql",
        "catalog",
        "config",
        "domain",
        "observability",
        "errors",
        "version",
    },
    "serving": {"app", "config", "observability"},
    "cli": {
        "app",
        "auth",
        "catalog",
        "config",
        "connectors",
        "observability",
        "serving",
        "sheets",
        "storage.base",
        "storage.examination",
        "storage.ledgers",
        "errors",
        "version",
    },
    "wsgi": {"app", "config", "observability"},
    "conformance": set(),
}

# library, by the name it is imported by -> the rooms, or modules of them, that may name it
LIBRARIES: dict[str, set[str]] = {
    "flask": {"http", "app", "wsgi"},
    "werkzeug": {"http", "app", "wsgi"},
    "sqlalchemy": {"storage.sql"},
    "alembic": {"storage.sql"},
    "psycopg": {"storage.sql"},
    "marshmallow": {"http.messages", "config", "catalog"},
    "scim2_filter_parser": {"filtering"},
    "sly": {"filtering"},
    "jose": {"auth"},
    "cryptography": {"auth"},
    "argon2": {"auth.passwords"},
    "structlog": {"observability"},
    "prometheus_client": {"observability"},
    "gunicorn": {"serving"},
    "click": {"cli"},
    "phonenumbers": {"profiles"},
    "orjson": set(ARROWS) - {"domain", "errors", "version", "conformance"},
}

# Pure rooms decide and do nothing else: no files, network, threads, randomness or clock.
PURE = {"errors", "domain", "profiles"}
IMPURE = {
    *("io", "os", "pathlib", "shutil", "tempfile", "glob", "sqlite3", "subprocess", "importlib"),
    *("socket", "ssl", "http", "urllib.request", "asyncio", "threading", "multiprocessing"),
    *("random", "secrets", "time", "logging"),
}


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, as a dotted path from the root: `from a.b import c` is `a.b.c`."""

    line: int
    name: str


def imports(source: str) -> Iterator[Import]:
    """Every import of a text, wherever it stands: at the top, in a function, under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (Import(node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            # A relative import has no root to judge by; the dot keeps it from matching any table.
            module = "." * node.level + (node.module or "")
            yield from (Import(node.lineno, f"{module}.{alias.name}") for alias in node.names)


def lies_in(name: str, places: set[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for place in places)


def room_of(module: str) -> str | None:
    """The room of a dotted module path, the longest that fits, or None where the table has none."""
    if lies_in(module, {"wsgi", "conformance"}):
        return module.partition(".")[0]
    path = module.removeprefix(PACKAGE).removeprefix(".")
    if path in ("", "__version__"):
        return "version"
    return max((room for room in ARROWS if lies_in(path, {room})), key=len, default=None)


def faults(module: str, source: str) -> list[str]:
    """What is wrong with the imports of one module, a sentence each."""
    room = room_of(module)
    if room is None:
        return [f"{module} has no row in ARROWS"]
    path = module.removeprefix(f"{PACKAGE}.")
    found = ((item, fault(room, path, item.name)) for item in imports(source))
    return [f"{module}:{item.line} {text}" for item, text in found if text]


def fault(room: str, path: str, name: str) -> str | None:
    if lies_in(name, {PACKAGE, "wsgi", "conformance"}):
        target = room_of(name)
        allowed = target is not None and target in ARROWS[room] | {room}
        return None if allowed else f"{room} may not import {name}"
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names:
        pure = room in PURE and lies_in(name, IMPURE)
        return f"{room} is pure and may not import {name}" if pure else None
    if top not in LIBRARIES:
        return f"{name} has no row in LIBRARIES"
    return None if lies_in(path, LIBRARIES[top]) else f"{path} may not import {top}"


def modules() -> Iterator[tuple[str, Path]]:
    folders = [path for name in (PACKAGE, "conformance") for path in sorted((ROOT / name).rglob("*.py"))]
    for path in [*folders, *ROOT.glob("wsgi.py")]:
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__"), path


@pytest.mark.parametrize(("module", "path"), [pytest.param(*pair, id=pair[0]) for pair in modules()])
def test_a_module_imports_only_along_the_arrows(module: str, path: Path) -> None:
    assert faults(module, path.read_text(encoding="utf-8")) == []


def test_the_arrows_name_rooms_and_lead_in_no_circle() -> None:
    left = dict(ARROWS)
    while bottom := {room for room, below in left.items() if not below & set(left)}:
        left = {room: below for room, below in left.items() if room not in bottom}
    assert left == {}
    assert set().union(*ARROWS.values()) <= set(ARROWS)


ALLOWED = [
    ("scim_server.domain.match", "from scim_server.domain import filter"),
    ("scim_server.domain.match", "from scim_server import errors"),
    ("scim_server.http.views", "import flask.views"),
    ("scim_server.http.views", "from scim_server import __version__"),
    ("scim_server.http.messages", "from marshmallow import Schema"),
    ("scim_server.service.resources", "from scim_server.storage import base"),
    ("scim_server.storage.sql.migrations.env", "from alembic import context"),
    ("scim_server.app", "from scim_server.storage.sql.store import SqlStorage"),
    ("wsgi", "from scim_server.app import create_app"),
    ("conformance.replay", "import http.client"),
    ("conformance.replay", "from conformance import report"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_an_import_along_an_arrow_is_let_through(module: str, source: str) -> None:
    assert faults(module, source) == []


FORBIDDEN = [
    # against the arrows
    ("scim_server.domain.match", "from scim_server.service import resources", "domain may not import"),
    ("scim_server.domain.match", "from scim_server import config", "domain may not import"),
    ("scim_server.domain.match", "import scim_server.http.views", "domain may not import"),
    ("scim_server.errors", "from scim_server.domain.schema import Attribute", "errors may not import"),
    ("scim_server.service.bulk", "from scim_server.storage import sql", "service may not import"),
    ("scim_server.http.views", "from scim_server.storage.base import Storage", "http may not import"),
    ("scim_server.storage.base", "from scim_server.storage.sql import store", "storage.base may not import"),
    ("scim_server.cli", "from scim_server.service import resources", "cli may not import"),
    ("conformance.replay", "import scim_server", "conformance may not import"),
    ("scim_server.app", "import conformance.replay", "app may not import"),
    # libraries outside their rooms, hidden ones too
    ("scim_server.service.bulk", "def run():\n    from flask import request", "service.bulk may not import"),
    ("scim_server.http.views", "from sqlalchemy import select", "http.views may not import sqlalchemy"),
    ("scim_server.http.views", "import marshmallow", "http.views may not import marshmallow"),
    ("scim_server.domain.compare", "import orjson", "domain.compare may not import orjson"),
    ("scim_server.http.views", "if TYPE_CHECKING:\n    import sly", "http.views may not import sly"),
    ("scim_server.http.views", "import requests", "requests has no row in LIBRARIES"),
    # effects in a pure room
    ("scim_server.domain.resource", "from time import time", "domain is pure"),
    ("scim_server.domain.resource", "from os import environ", "domain is pure"),
    ("scim_server.profiles.numbers", "import random", "profiles is pure"),
    # what the tables do not know
    ("scim_server.utils", "", "has no row in ARROWS"),
    ("scim_server.domain.match", "from scim_server import utils", "domain may not import"),
    ("scim_server.domain.match", "from . import filter", "has no row in LIBRARIES"),
]


@pytest.mark.parametrize(("module", "source", "message"), FORBIDDEN)
def test_an_import_against_the_arrows_is_caught(module: str, source: str, message: str) -> None:
    (found,) = faults(module, source)
    assert message in found


def test_every_module_of_the_package_is_read() -> None:
    read = {module for module, _ in modules()}
    assert {"scim_server", "scim_server.errors", "scim_server.storage.base"} <= read
