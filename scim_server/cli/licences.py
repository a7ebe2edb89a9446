"""`licence`: the pools of licences that a customer's users hold seats of."""

from __future__ import annotations

import click

from scim_server import app
from scim_server.cli.database import ready, tenant_named
from scim_server.cli.output import counted, print_table
from scim_server.config import Settings


@click.group()
def licence() -> None:
    """Licence pools: how many seats a customer has of each licence."""


@licence.command("set")
@click.option("--tenant", "name", required=True, help="The tenant whose pool it is.")
@click.option("--key", required=True, help="What users hold: a value of their licence attribute.")
@click.option("--seats", type=click.IntRange(0), required=True, help="How many may hold it.")
@click.option("--display", metavar="TEXT", help="What people call it; a new pool is called as its key.")
@click.option("--type", "kind", metavar="TEXT", help="What kind of licence it is.")
def set_pool(name: str, key: str, seats: int, display: str | None, kind: str | None) -> None:
    """Make a pool, or change it. Those who hold its key already are counted."""
    settings = Settings.load()
    with ready(settings) as database:
        pools = app.pools(settings, database.storage, tenant_named(database.tenancy, name))
        pool = pools.set(key, seats, display, kind)
    click.echo(f"Pool {pool.key} has {counted(pool.seats, 'seat')}; {pool.used} taken, {pool.free} free.")
    if pool.used > pool.seats:
        click.echo("Warning: more are taken than there are. Nobody loses one, and nobody gets one.", err=True)


@licence.command("list")
@click.option("--tenant", "name", required=True, help="The tenant whose pools to show.")
def list_pools(name: str) -> None:
    """Show a tenant's pools and how they stand."""
    settings = Settings.load()
    with ready(settings) as database:
        found = app.pools(settings, database.storage, tenant_named(database.tenancy, name)).all()
    titles = ("KEY", "DISPLAY", "SEATS", "USED", "FREE", "WAITING")
    rows = [(p.key, p.display, *map(str, (p.seats, p.used, p.free, p.waiting))) for p in found]
    print_table(titles, rows)


@licence.command("remove")
@click.option("--tenant", "name", required=True, help="The tenant whose pool it is.")
@click.option("--key", required=True, help="The key of the pool.")
@click.option("--yes", is_flag=True, help="Also when seats are taken: users keep the key as a plain value.")
def remove_pool(name: str, key: str, yes: bool) -> None:
    """Remove a pool. One whose seats are taken stays, unless --yes is given."""
    settings = Settings.load()
    with ready(settings) as database:
        pools = app.pools(settings, database.storage, tenant_named(database.tenancy, name))
        remove = pools.remove if yes else pools.remove_unused
        remove(key)
    click.echo(f"Pool {key} has been removed.")
