"""The database that a command works with, and the customer in it that it is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from scim_server import app
from scim_server.config import Settings
from scim_server.storage.base import Draft, Progress, Record, Storage, Tenancy, Tenant
from scim_server.storage.examination import Examination


class Database(Protocol):
    """What app.open_database gives."""

    @property
    def storage(self) -> Storage: ...

    @property
    def tenancy(self) -> Tenancy: ...

    @property
    def examination(self) -> Examination: ...

    def migrate(self) -> None: ...

    def rebuild(self, draft_of: Callable[[int, Record], Draft | None]) -> Iterator[Progress]: ...

    def is_empty(self) -> bool: ...

    def close(self) -> None: ...


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, as it is."""
    database = app.open_database(settings)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def ready(settings: Settings) -> Iterator[Database]:
    """The database, if it can be worked with."""
    with opened(settings) as database:
        missing = readiness(settings, database)
        if missing:
            raise click.ClickException(missing)
        yield database


def readiness(settings: Settings, database: Database) -> str | None:
    """What keeps a command from working with the database; None where nothing does."""
    return database.storage.readiness(app.load_catalogue(settings).stamp)


def tenant_named(tenancy: Tenancy, name: str) -> Tenant:
    """The customer of that name, or one clear line."""
    found = tenancy.tenant(name)
    if found is None:
        raise click.ClickException(f"There is no tenant {name}; `scim-server tenant list` shows them.")
    return found
