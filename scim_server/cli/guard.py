"""`guard`: what keeps a mistake in an identity provider from taking everybody's access."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import click

from scim_server import app
from scim_server.cli.database import ready, tenant_named
from scim_server.cli.output import counted, print_facts, time_text
from scim_server.config import Settings
from scim_server.storage.base import Tenant

DEFAULT_HOURS: Final = 24
_MOST_HOURS: Final = 24 * 366
"""A year: also the longest window."""

HOURS: Final = click.IntRange(1, _MOST_HOURS)


class State(Protocol):
    """What app.guard_state gives."""

    @property
    def departed(self) -> int: ...

    @property
    def most(self) -> int: ...

    @property
    def stopped(self) -> datetime | None: ...

    @property
    def released(self) -> datetime | None: ...


@click.group()
def guard() -> None:
    """The guard against mass deprovisioning; `tenant set` has its limits."""


@guard.command("show")
@click.argument("name")
def show_guard(name: str) -> None:
    """Show how many of a customer's users have left, and whether somebody is stopped."""
    settings = Settings.load()
    now = app.now()
    with ready(settings) as database:
        found = tenant_named(database.tenancy, name)
        state = app.guard_state(settings, database.storage, found, now)
    if state is None:
        print_facts({"Guard": "off"})
        return
    print_facts(
        {
            "Guard": "on",
            "Limits": limits(found),
            "Departed": f"{state.departed}, and no more than {state.most} may",
            "State": _effect(state),
            "Stopped": f"since {time_text(state.stopped, '')}" if state.stopped else "nobody",
        }
    )


@guard.command("release")
@click.argument("name")
@click.option("--hours", type=HOURS, default=DEFAULT_HOURS, show_default=True, help="For how long.")
def release_guard(name: str, hours: int) -> None:
    """Let all users of a customer leave who are meant to; those who left before no longer count."""
    settings = Settings.load()
    until = app.now() + timedelta(hours=hours)
    with ready(settings) as database:
        found = tenant_named(database.tenancy, name)
        if found.guard is None:
            raise click.ClickException(f"The guard of tenant {name} is off: it stops nobody.")
        app.release_guard(database.storage, found, until)
    click.echo(f"Until {time_text(until, '')} the guard of tenant {name} stops nobody.")


def _effect(state: State) -> str:
    if state.released is not None:
        return f"released until {time_text(state.released, '')}: stops nobody"
    return "stops whoever leaves next" if state.departed >= state.most else "lets users leave"


def limits(tenant: Tenant) -> str:
    """What the guard of a tenant holds it to."""
    held = tenant.guard
    if held is None:
        return "off"
    least = f" ({held.fewest} and more)" if held.fewest else ""
    return f"{counted(held.users, 'user')}, or {held.percent} % of them{least}, within {counted(held.hours, 'hour')}"


def changed(tenant: Tenant, is_on: bool | None, **given: int | None) -> dict[str, Any]:
    """The settings of a tenant's guard with those changed that are given. Who gives a limit wants the guard."""
    wanted = {name: value for name, value in given.items() if value is not None}
    settings = {**tenant.settings.get("guard", {}), **wanted}
    if is_on is not None:
        return {**settings, "on": is_on}
    return {name: value for name, value in settings.items() if (name, value) != ("on", False)}
