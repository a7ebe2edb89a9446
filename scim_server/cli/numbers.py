"""`numbers`: the ranges of numbers that a customer's users get theirs from."""

from __future__ import annotations

import click

from scim_server import app
from scim_server.cli.database import ready, tenant_named
from scim_server.cli.output import counted, print_table
from scim_server.config import Settings


@click.group()
def numbers() -> None:
    """Ranges of numbers that users get theirs from."""


@numbers.command("add")
@click.option("--tenant", "name", required=True, help="The tenant whose numbers they are.")
@click.argument("span", metavar="FIRST-LAST")
def add_range(name: str, span: str) -> None:
    """Add a range, as in 1000-1999 or 0100-0199. Those that users have already are theirs."""
    settings = Settings.load()
    with ready(settings) as database:
        added = app.ranges(settings, database.storage, tenant_named(database.tenancy, name)).add(span)
    click.echo(f"Range {added.first}-{added.last} has {counted(added.size, 'number')}; {added.used} taken.")


@numbers.command("list")
@click.option("--tenant", "name", required=True, help="The tenant whose ranges to show.")
def list_ranges(name: str) -> None:
    """Show a tenant's ranges and how they stand."""
    settings = Settings.load()
    with ready(settings) as database:
        found = app.ranges(settings, database.storage, tenant_named(database.tenancy, name)).all()
    titles = ("RANGE", "SIZE", "USED", "RESTING", "FREE")
    counts = [(r.size, r.used, r.resting, r.size - r.used - r.resting) for r in found]
    print_table(titles, [(f"{r.first}-{r.last}", *map(str, c)) for r, c in zip(found, counts, strict=True)])


@numbers.command("remove")
@click.option("--tenant", "name", required=True, help="The tenant whose numbers they are.")
@click.option("--yes", is_flag=True, help="Also when numbers are taken: users keep theirs as plain values.")
@click.argument("span", metavar="FIRST-LAST")
def remove_range(name: str, span: str, yes: bool) -> None:
    """Remove a range, as it was added. One whose numbers are taken stays, unless --yes is given."""
    settings = Settings.load()
    with ready(settings) as database:
        ranges = app.ranges(settings, database.storage, tenant_named(database.tenancy, name))
        remove = ranges.remove if yes else ranges.remove_unused
        remove(span)
    click.echo(f"Range {span} has been removed.")
