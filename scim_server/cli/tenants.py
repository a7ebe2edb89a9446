"""`tenant`: customers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import click

from scim_server import app
from scim_server.cli import guard
from scim_server.cli.database import ready, tenant_named
from scim_server.cli.output import print_facts, print_table, time_text
from scim_server.cli.tokens import state
from scim_server.config import Settings
from scim_server.storage.base import Tenant

# One segment of a URL. Okta takes no base URL with an underscore (OK-PREP).
_TENANT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")
_INDIRECT_GROUPS_HELP: Final = "Whether a user's groups are also those that it is in through other groups."


class TenantName(click.ParamType[str]):
    """A name that can stand in a base URL."""

    name = "tenant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not _TENANT_NAME.fullmatch(value):
            rule = "up to 63 letters, digits, dots and hyphens, the first a letter or digit"
            self.fail(f"{value!r} is no name for a tenant: {rule}.", param, ctx)
        return str(value)


@click.group()
def tenant() -> None:
    """Customers; each has its own users, groups and credentials."""


@tenant.command("add")
@click.argument("name", type=TenantName())
@click.option("--profile", help="The product profile that it is for; without one, the default one.")
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
    chosen = profile_named(settings, profile)
    relaxed = _unique_attributes(settings, chosen, not_unique)
    kept = {"not_unique": relaxed, "indirect_groups": indirect_groups}
    with ready(settings) as database:
        database.tenancy.add_tenant(name, chosen, {key: value for key, value in kept.items() if value})
    click.echo(f"Tenant {name} has been added.")


@tenant.command("set")
@click.argument("name")
@click.option("--indirect-groups/--no-indirect-groups", default=None, help=_INDIRECT_GROUPS_HELP)
@click.option(
    "--guard/--no-guard",
    default=None,
    help="Whether there is a guard against mass deprovisioning; --guard is for a tenant of any size.",
)
@click.option("--guard-users", "users", type=click.IntRange(1), help="How many users may leave within its window.")
@click.option("--guard-percent", "percent", type=click.IntRange(1, 100), help="What part of the users may.")
@click.option("--guard-hours", "hours", type=guard.HOURS, help="How long the window is.")
@click.pass_context
def set_tenant(context: click.Context, /, name: str, indirect_groups: bool | None, **guarded: Any) -> None:
    """Change how a customer is served; it holds everywhere within five seconds. What is not named stays."""
    if all(value is None for value in (indirect_groups, *guarded.values())):
        names = ", ".join(option.opts[0] for option in context.command.params[1:])
        raise click.UsageError(f"Say what is to change: {names}.")
    with ready(Settings.load()) as database:
        found = tenant_named(database.tenancy, name)
        database.tenancy.change_tenant(found.id, _changes(found, indirect_groups, **guarded))
    click.echo(f"Tenant {name} has been changed.")


@tenant.command("list")
def list_tenants() -> None:
    """Show all customers."""
    with ready(Settings.load()) as database:
        tenants = database.tenancy.tenants()
    print_table(("NAME", "PROFILE"), [(found.name, found.profile) for found in tenants])


@tenant.command("show")
@click.argument("name")
def show_tenant(name: str) -> None:
    """Show one customer."""
    with ready(Settings.load()) as database:
        found = tenant_named(database.tenancy, name)
        credentials = database.tenancy.credentials(found.id)
    live = sum(state(credential, app.now()) == "live" for credential in credentials)
    facts = {"Name": found.name, "Profile": found.profile, **_settings_of(found), "Live tokens": str(live)}
    print_facts(facts)


@tenant.command("tolerances")
@click.argument("name")
def list_tolerances(name: str) -> None:
    """Show what a customer's clients were forgiven."""
    with ready(Settings.load()) as database:
        counts = database.tenancy.tolerances(tenant_named(database.tenancy, name).id)
    rows = [(found.dialect, found.name, str(found.count), time_text(found.last_used, "")) for found in counts]
    print_table(("DIALECT", "TOLERANCE", "COUNT", "LAST USED"), rows)


@tenant.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove_tenant(name: str, yes: bool) -> None:
    """Remove a customer with all that it has."""
    with ready(Settings.load()) as database:
        found = tenant_named(database.tenancy, name)
        if not yes:
            click.confirm(f"Remove tenant {name} with all its resources and tokens, for good?", abort=True, err=True)
        database.tenancy.remove_tenant(found.id)
    click.echo(f"Tenant {name} has been removed.")


def _changes(tenant: Tenant, indirect_groups: bool | None, **guarded: Any) -> dict[str, Any]:
    """The settings of the tenant that change; None takes one away."""
    changes: dict[str, Any] = {}
    if indirect_groups is not None:
        changes["indirect_groups"] = indirect_groups or None
    if any(value is not None for value in guarded.values()):
        changes["guard"] = guard.changed(tenant, guarded.pop("guard"), **guarded)
    return changes


def profile_named(settings: Settings, name: str | None) -> str:
    """The profile of that name; for None the one that is the default."""
    catalogue = app.load_catalogue(settings)
    if name is None:
        return catalogue.default
    if name not in catalogue.profiles:
        raise click.ClickException(f"There is no profile {name}; there are: {', '.join(catalogue.profiles)}.")
    return name


def _unique_attributes(settings: Settings, profile: str, names: Iterable[str]) -> list[str]:
    """The names, if each is of an attribute in the schemas of the profile."""
    listed = list(names)
    registry = app.load_catalogue(settings).of(profile) if listed else None
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
    facts["Guard"] = guard.limits(tenant) if "guard" in tenant.settings else ""
    return {title: value for title, value in facts.items() if value}
