"""`serve`, and `migrate`, which serving begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

import click

from scim_server import app, auth, serving
from scim_server.cli.database import Database, opened
from scim_server.cli.tenants import profile_named
from scim_server.cli.tokens import DEFAULT_DIALECT, DEFAULT_LIFETIME
from scim_server.config import PREFIX, Settings
from scim_server.errors import Uniqueness

_FIRST_TENANT: Final = "default"
_MANY: Final = 5000


@click.command()
@click.option("--host", help="The address to listen on (SCIM_HOST).")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on (SCIM_PORT).")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes (SCIM_WORKERS).")
@click.option("--database-url", help="Where everything is kept (SCIM_DATABASE_URL).")
def serve(**options: str | int | None) -> None:
    """Migrate, then serve until the process is told to stop.

    On an empty database a first tenant is made, and its token printed, once.
    """
    settings = _settings(options)
    # The port comes first: a token that was made and not printed would be lost.
    with serving.listen(settings) as listener:
        token = prepare(settings)
        click.echo(f"Base URL: {serving.root_url(settings, listener)}/scim/v2")
        if token:
            click.echo(f"Token: {token.value}")
        serving.serve(settings, listener)


@click.command()
def migrate() -> None:
    """Bring the tables, and what look-ups need, up to date, and say whether the server could serve now."""
    settings = Settings.load()
    with opened(settings) as database:
        _bring_up_to_date(settings, database)
        _check_served(settings, database)
    click.echo("The database is up to date.")


def _check_served(settings: Settings, database: Database) -> None:
    """Raises a ClickException where the server could not serve every tenant."""
    missing = app.readiness(app.load_catalogue(settings), database.storage, database.tenancy)
    if missing:
        raise click.ClickException(missing)


def _settings(options: Mapping[str, str | int | None]) -> Settings:
    """The settings, with options of the command line in place of their variables."""
    given = {f"{PREFIX}{name.upper()}": str(value) for name, value in options.items() if value is not None}
    return Settings.load({**os.environ, **given})


def prepare(settings: Settings) -> auth.Secret | None:
    """Migrate; on an empty database make the first tenant and its token."""
    with opened(settings) as database:
        _bring_up_to_date(settings, database)
        _check_served(settings, database)
        if not database.is_empty():
            return None
        try:
            first = database.tenancy.add_tenant(_FIRST_TENANT, profile_named(settings, None), {})
        except Uniqueness:
            # Another server started on the same database at the same moment, and prints the token.
            return None
        now = app.now()
        return auth.grant(database.tenancy, first, auth.Terms(DEFAULT_DIALECT, now + DEFAULT_LIFETIME), now)


def _bring_up_to_date(settings: Settings, database: Database) -> None:
    """Migrate, and rebuild what other schemas wrote, with a line on standard error now and then where it is much.

    Values that ought to be unique and are there twice are named by where they are, never shown.
    """
    database.migrate()
    names: Mapping[int, str] = {}
    told = 0
    for progress in database.rebuild(app.redraft(settings, database.tenancy)):
        if progress.total > _MANY and (progress.done >= told + _MANY or progress.done == progress.total):
            told = progress.done
            click.echo(f"Rebuilt {progress.done} of {progress.total} resources.", err=True)
        if progress.duplicates:
            names = names or {tenant.id: tenant.name for tenant in database.tenancy.tenants()}
        for found in progress.duplicates:
            where = f"{found.resource_type} {found.id} of tenant {names[found.tenant]}"
            click.echo(f"Duplicate: {where} has the {found.path} of {found.resource_type} {found.holder}.", err=True)
