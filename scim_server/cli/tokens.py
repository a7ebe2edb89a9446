"""`token`: the credentials of identity providers."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

import click

from scim_server import app, auth
from scim_server.cli.database import ready, tenant_named
from scim_server.cli.output import print_table, time_text
from scim_server.config import Settings
from scim_server.connectors import DIALECTS
from scim_server.storage.base import Credential

DEFAULT_DIALECT: Final = "generic"
DEFAULT_LIFETIME: Final = timedelta(days=365)

_LIFETIME: Final = re.compile(r"([1-9][0-9]{0,4})([hdw])")
_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_NEVER: Final = "never"


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


@click.group()
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
@click.option("--role", "roles", metavar="ROLE", multiple=True, help="A role that it may give; without any, all.")
def issue_token(
    name: str, dialect: str, lifetime: timedelta | None, read_only: bool, user: str | None, roles: tuple[str, ...]
) -> None:
    """Make a token and print it alone. It is not kept and can not be shown again."""
    if lifetime is None:
        click.echo("Warning: a token that never expires should be replaced regularly all the same.", err=True)
    settings = Settings.load()
    with ready(settings) as database:
        found = tenant_named(database.tenancy, name)
        subject = None if user is None else app.subject(settings, database.storage, found, user)
        now = app.now()
        grants = app.role_keys(settings, found, roles) if roles else None
        terms = auth.Terms(dialect, _end(now, lifetime), read_only, subject, grants)
        secret = auth.grant(database.tenancy, found, terms, now)
    click.echo(secret.value)


@token.command("list")
@click.option("--tenant", "name", required=True, help="The tenant whose tokens to show.")
def list_tokens(name: str) -> None:
    """Show a tenant's tokens, oldest first, without their secrets."""
    with ready(Settings.load()) as database:
        credentials = database.tenancy.credentials(tenant_named(database.tenancy, name).id)
    now = app.now()
    titles = ("ID", "DIALECT", "ACCESS", "STATE", "CREATED", "EXPIRES", "LAST USED", "BOUND TO", "ROLES")
    print_table(titles, [_token_row(credential, now) for credential in credentials])


@token.command("revoke")
@click.option("--tenant", "name", required=True, help="The tenant that the token leads to.")
@click.argument("id")
def revoke_token(name: str, id: str) -> None:
    """Revoke a token by its id; `token list` shows them. It stops working within five seconds."""
    if id.startswith(auth.PREFIX):
        raise click.ClickException("That is a token, not its id. `token list` shows the ids; the token is a secret.")
    with ready(Settings.load()) as database:
        revoked = database.tenancy.revoke(tenant_named(database.tenancy, name).id, id, app.now())
    if not revoked:
        raise click.ClickException(f"Tenant {name} has no token {id} that could be revoked.")
    click.echo(f"Token {id} has been revoked.")


def _end(start: datetime, lifetime: timedelta | None) -> datetime | None:
    return None if lifetime is None else start + lifetime


def _token_row(credential: Credential, now: datetime) -> tuple[str, ...]:
    return (
        credential.id,
        credential.dialect,
        "read" if credential.read_only else "read, write",
        state(credential, now),
        time_text(credential.created, ""),
        time_text(credential.expires, "never"),
        time_text(credential.last_used, "not yet"),
        credential.subject or "-",
        "any" if credential.grants is None else ", ".join(sorted(credential.grants)),
    )


def state(credential: Credential, now: datetime) -> str:
    """revoked, expired or live."""
    if credential.revoked is not None:
        return "revoked"
    if credential.expires is not None and now >= credential.expires:
        return "expired"
    return "live"
