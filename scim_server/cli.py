"""The scim-server command.

    scim-server serve                              migrate, then serve
    scim-server migrate                            bring the database up to date
    scim-server tenant  add|set|list|show|remove   customers
    scim-server token   issue|list|revoke          their credentials
    scim-server extensions check                   schemas and profiles

What a person did wrong is one line on standard error and exit code 1, or 2 where the command line itself is wrong.
Standard output has the result alone, so that `TOKEN=$(scim-server token issue ...)` works.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import click

from scim_server import __version__, app, auth, catalog, serving
from scim_server.config import PREFIX, Settings, SettingsError
from scim_server.connectors import DIALECTS
from scim_server.errors import ScimError, Uniqueness
from scim_server.observability import describe
from scim_server.storage.base import Credential, Draft, Progress, Record, Storage, Tenancy, Tenant

FIRST_TENANT: Final = "default"
DEFAULT_DIALECT: Final = "generic"
DEFAULT_LIFETIME: Final = timedelta(days=365)

# One segment of a URL. Okta takes no base URL with an underscore (OK-PREP).
_TENANT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_LIFETIME: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_NEVER: Final = "never"
_INDIRECT_GROUPS_HELP: Final = "Whether a user's groups are also those that it is in through other groups."
_MANY: Final = 5000


class Database(Protocol):
    """What app.open_database gives."""

    @property
    def storage(self) -> Storage: ...

    @property
    def tenancy(self) -> Tenancy: ...

    def migrate(self) -> None: ...

    def rebuild(self, draft_of: Callable[[int, Record], Draft | None]) -> Iterator[Progress]: ...

    def is_empty(self) -> bool: ...

    def close(self) -> None: ...


class Program(click.Group):
    """The command as a whole: every failure ends as one line, none as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            raise click.ClickException(_sentence(error)) from error


class Lifetime(click.ParamType[timedelta | None]):
    """`12h`, `90d`, `8w`, or `never`, which is None."""

    name = "lifetime"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta | None:
        if value is None or isinstance(value, timedelta):
            return value
        if value == _NEVER:
            return None
        found = _LIFETIME.fullmatch(value)
        if found is None:
            self.fail(
                f"{value!r} is no lifetime; give hours, days or weeks, as in 12h, 90d or 8w, or never.", param, ctx
            )
        return int(found[1]) * _UNITS[found[2]]


class TenantName(click.ParamType[str]):
    """A name that can stand in a base URL."""

    name = "tenant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _TENANT_NAME.fullmatch(value):
            rule = "up to 63 letters, digits, dots and hyphens, the first a letter or digit"
            self.fail(f"{value!r} is no name for a tenant: {rule}.", param, ctx)
        return str(value)


@click.group(cls=Program)
@click.version_option(__version__, message="scim-server %(version)s")
def main() -> None:
    """A SCIM 2.0 service provider. Settings are SCIM_* environment variables; see docs/settings.md."""


@main.command()
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
        token = _prepare(settings)
        click.echo(f"Base URL: {serving.root_url(settings, listener)}/scim/v2")
        if token:
            click.echo(f"Token: {token.value}")
        serving.serve(settings, listener)


@main.command()
def migrate() -> None:
    """Bring the tables, and what look-ups need, up to date, and say whether the server could serve now."""
    settings = Settings.load()
    with _opened(settings) as database:
        _bring_up_to_date(settings, database)
        missing = _readiness(settings, database)
    if missing:
        raise click.ClickException(missing)
    click.echo("The database is up to date.")


@main.group()
def tenant() -> None:
    """Customers; each has its own users, groups and credentials."""


@tenant.command("add")
@click.argument("name", type=TenantName())
@click.option("--profile", help="The product profile that it is for; without one, the only one that there is.")
@click.option(
    "--not-unique",
    multiple=True,
    metavar="URN:ATTRIBUTE",
    help="An attribute that need not be unique; may be repeated.",
)
@click.option("--indirect-groups", is_flag=True, help=_INDIRECT_GROUPS_HELP)
def add_tenant(name: str, profile: str | None, not_unique: tuple[str, ...], indirect_groups: bool) -> None:
    """Add a customer."""
    settings = Settings.load()
    chosen = _profile(settings, profile)
    relaxed = _unique_attributes(settings, not_unique)
    kept = {"not_unique": relaxed, "indirect_groups": indirect_groups}
    with _ready(settings) as database:
        database.tenancy.add_tenant(name, chosen, {key: value for key, value in kept.items() if value})
    click.echo(f"Tenant {name} has been added.")


@tenant.command("set")
@click.argument("name")
@click.option("--indirect-groups/--no-indirect-groups", required=True, help=_INDIRECT_GROUPS_HELP)
def set_tenant(name: str, indirect_groups: bool) -> None:
    """Change how a customer is served; it holds everywhere within five seconds."""
    with _ready(Settings.load()) as database:
        found = _tenant(database.tenancy, name)
        database.tenancy.change_tenant(found.id, {"indirect_groups": indirect_groups or None})
    click.echo(f"Tenant {name} has been changed.")


@tenant.command("list")
def list_tenants() -> None:
    """Show all customers."""
    with _ready(Settings.load()) as database:
        tenants = database.tenancy.tenants()
    _table(("NAME", "PROFILE"), [(found.name, found.profile) for found in tenants])


@tenant.command("show")
@click.argument("name")
def show_tenant(name: str) -> None:
    """Show one customer."""
    with _ready(Settings.load()) as database:
        found = _tenant(database.tenancy, name)
        credentials = database.tenancy.credentials(found.id)
    live = sum(_state(credential, app.now()) == "live" for credential in credentials)
    facts = {"Name": found.name, "Profile": found.profile, **_settings_of(found), "Live tokens": str(live)}
    width = max(map(len, facts))
    for title, value in facts.items():
        click.echo(f"{title + ':':{width + 1}} {value}")


@tenant.command("tolerances")
@click.argument("name")
def list_tolerances(name: str) -> None:
    """Show what a customer's clients were forgiven."""
    with _ready(Settings.load()) as database:
        counts = database.tenancy.tolerances(_tenant(database.tenancy, name).id)
    rows = [(found.dialect, found.name, str(found.count), _time(found.last_used, "")) for found in counts]
    _table(("DIALECT", "TOLERANCE", "COUNT", "LAST USED"), rows)


@tenant.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_tenant(name: str, yes: bool) -> None:
    """Remove a customer with all that it has."""
    with _ready(Settings.load()) as database:
        found = _tenant(database.tenancy, name)
        if not yes:
            click.confirm(f"Remove tenant {name} with all its resources and tokens, for good?", abort=True, err=True)
        database.tenancy.remove_tenant(found.id)
    click.echo(f"Tenant {name} has been removed.")


@main.group()
def token() -> None:
    """Credentials of identity providers."""


@token.command("issue")
@click.option("--tenant", "name", required=True, help="The tenant that the token leads to.")
@click.option(
    "--dialect",
    type=click.Choice(sorted(DIALECTS)),
    default=DEFAULT_DIALECT,
    show_default=True,
    help="Whose deviations from the standard are accepted.",
)
@click.option(
    "--expires",
    "lifetime",
    type=Lifetime(),
    default=DEFAULT_LIFETIME,
    show_default="365d",
    help="How long it works: hours, days or weeks, as in 12h, 90d or 8w, or never.",
)
@click.option("--read-only", is_flag=True, help="It can read and search, and change nothing.")
@click.option("--user", metavar="NAME_OR_ID", help="The user that /Me means; it limits nothing.")
def issue_token(name: str, dialect: str, lifetime: timedelta | None, read_only: bool, user: str | None) -> None:
    """Make a token and print it alone. It is not kept and can not be shown again."""
    if lifetime is None:
        click.echo("Warning: a token that never expires should be replaced regularly all the same.", err=True)
    settings = Settings.load()
    with _ready(settings) as database:
        found = _tenant(database.tenancy, name)
        subject = None if user is None else app.subject(settings, database.storage, found, user)
        now = app.now()
        terms = auth.Terms(dialect, _end(now, lifetime), read_only, subject)
        secret = auth.grant(database.tenancy, found, terms, now)
    click.echo(secret.value)


@token.command("list")
@click.option("--tenant", "name", required=True, help="The tenant whose tokens to show.")
def list_tokens(name: str) -> None:
    """Show a tenant's tokens, oldest first, without their secrets."""
    with _ready(Settings.load()) as database:
        credentials = database.tenancy.credentials(_tenant(database.tenancy, name).id)
    now = app.now()
    titles = ("ID", "DIALECT", "ACCESS", "STATE", "CREATED", "EXPIRES", "LAST USED", "BOUND TO")
    _table(titles, [_token_row(credential, now) for credential in credentials])


@token.command("revoke")
@click.option("--tenant", "name", required=True, help="The tenant that the token leads to.")
@click.argument("id")
def revoke_token(name: str, id: str) -> None:
    """Revoke a token by its id; `token list` shows them. It stops working within five seconds."""
    if id.startswith(auth.PREFIX):
        raise click.ClickException("That is a token, not its id. `token list` shows the ids; the token is a secret.")
    with _ready(Settings.load()) as database:
        revoked = database.tenancy.revoke(_tenant(database.tenancy, name).id, id, app.now())
    if not revoked:
        raise click.ClickException(f"Tenant {name} has no token {id} that could be revoked.")
    click.echo(f"Token {id} has been revoked.")


@main.group()
def extensions() -> None:
    """Extension schemas and product profiles."""


@extensions.command("check")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
def check_extensions(path: Path | None) -> None:
    """Check the files in PATH, or in the folder that SCIM_EXTENSIONS names."""
    folder = path or Settings.load().extensions
    faults = catalog.check(folder)
    for fault in faults:
        click.echo(str(fault), err=True)
    if any(fault.severity is catalog.Severity.ERROR for fault in faults):
        sys.exit(1)
    click.echo(f"{folder} is fit for use.")


def _settings(options: Mapping[str, str | int | None]) -> Settings:
    """The settings, with options of the command line in place of their variables."""
    given = {f"{PREFIX}{name.upper()}": str(value) for name, value in options.items() if value is not None}
    return Settings.load({**os.environ, **given})


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = app.open_database(settings)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _ready(settings: Settings) -> Iterator[Database]:
    """The database, if it can be worked with."""
    with _opened(settings) as database:
        missing = _readiness(settings, database)
        if missing:
            raise click.ClickException(missing)
        yield database


def _readiness(settings: Settings, database: Database) -> str | None:
    return database.storage.readiness(app.load_registry(settings).stamp)


def _prepare(settings: Settings) -> auth.Secret | None:
    """Migrate; on an empty database make the first tenant and its token."""
    with _opened(settings) as database:
        _bring_up_to_date(settings, database)
        if not database.is_empty():
            return None
        try:
            first = database.tenancy.add_tenant(FIRST_TENANT, _profile(settings, None), {})
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


def _end(start: datetime, lifetime: timedelta | None) -> datetime | None:
    return None if lifetime is None else start + lifetime


def _tenant(tenancy: Tenancy, name: str) -> Tenant:
    found = tenancy.tenant(name)
    if found is None:
        raise click.ClickException(f"There is no tenant {name}; `scim-server tenant list` shows them.")
    return found


def _profile(settings: Settings, name: str | None) -> str:
    """The profile of that name; for None the only one that there is, or no profile."""
    known = app.load_registry(settings).profiles
    if name is None:
        return known[0] if len(known) == 1 else ""
    if name not in known:
        raise click.ClickException(f"There is no profile {name}; there are: {', '.join(known)}.")
    return name


def _unique_attributes(settings: Settings, names: Iterable[str]) -> list[str]:
    """The names, if each is of an attribute in the schemas."""
    listed = list(names)
    registry = app.load_registry(settings) if listed else None
    for name in listed:
        urn, _, attribute = name.rpartition(":")
        schema = registry.schema(urn) if registry else None
        if schema is None or schema.attribute(attribute) is None:
            raise click.BadParameter(f"{name!r} names no attribute of the schemas.", param_hint="--not-unique")
    return listed


def _settings_of(tenant: Tenant) -> dict[str, str]:
    """The settings that the tenant has."""
    variation = tenant.variation
    facts = {"Not unique": ", ".join(tenant.settings.get("not_unique", ()))}
    facts["Indirect groups"] = "yes" if variation.is_nested else ""
    return {title: value for title, value in facts.items() if value}


def _token_row(credential: Credential, now: datetime) -> tuple[str, ...]:
    return (
        credential.id,
        credential.dialect,
        "read" if credential.read_only else "read, write",
        _state(credential, now),
        _time(credential.created, ""),
        _time(credential.expires, "never"),
        _time(credential.last_used, "not yet"),
        credential.subject or "-",
    )


def _state(credential: Credential, now: datetime) -> str:
    if credential.revoked is not None:
        return "revoked"
    if credential.expires is not None and now >= credential.expires:
        return "expired"
    return "live"


def _time(time: datetime | None, absent: str) -> str:
    return absent if time is None else f"{time:%Y-%m-%d %H:%M}Z"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as what is in them."""
    lines = [titles, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip())


def _sentence(error: Exception) -> str:
    """What went wrong, in one line. An unforeseen error is named with its place, since its text may hold anything."""
    match error:
        case SettingsError() | serving.ServingError():
            return str(error)
        case ScimError():
            return error.detail
        case catalog.CatalogError():
            first, *others = (str(fault) for fault in error.faults)
            more = f" (and {len(others)} more; see `scim-server extensions check`)" if others else ""
            return f"{first}{more}"
        case OSError() if error.strerror:
            return f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror}."
    facts = describe(error)
    code = f" {facts['code']}" if "code" in facts else ""
    return f"Unexpected {facts['error']}{code} at {facts['places'][-1]}."
