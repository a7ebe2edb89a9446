"""`doctor`: are the tables as the documents say?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from scim_server import app
from scim_server.cli.database import Database, ready, tenant_named
from scim_server.cli.output import counted
from scim_server.cli.progress import Progress
from scim_server.config import Settings
from scim_server.storage.base import Tenant


@dataclass(slots=True)
class _Count:
    """What there was, over all tenants."""

    tenants: int = 0
    looked: int = 0
    left: int = 0
    repaired: int = 0

    def __str__(self) -> str:
        told = f"Looked at {counted(self.looked, 'resource')} of {counted(self.tenants, 'tenant')}: "
        if not self.left + self.repaired:
            return f"{told}sound."
        repaired = f"{self.repaired} repaired, " if self.repaired else ""
        return f"{told}{repaired}{counted(self.left, 'difference')} left."


@click.command()
@click.option("--tenant", "name", help="Look at this tenant alone.")
@click.option("--fix", is_flag=True, help="Put right what differs.")
def doctor(name: str | None, fix: bool) -> None:
    """Compare seats, numbers, unique values, index rows and the like with the documents.

    Each difference is a line; the exit code is 1 where some are left. It may run while the server does.
    """
    settings = Settings.load()
    count = _Count()
    with ready(settings) as database:
        for tenant in _tenants(database, name):
            _look(settings, database, tenant, count, fix)
    click.echo(str(count))
    if count.left:
        raise click.exceptions.Exit(1)


def _tenants(database: Database, name: str | None) -> Sequence[Tenant]:
    return database.tenancy.tenants() if name is None else [tenant_named(database.tenancy, name)]


def _look(settings: Settings, database: Database, tenant: Tenant, count: _Count, fix: bool) -> None:
    progress = Progress()
    found = app.doctor(settings, database.examination)
    total = found.count(tenant)
    looked = 0
    count.tenants += 1
    for done in found.cure(tenant) if fix else found.examine(tenant):
        for difference in done.repaired:
            progress.echo(f"{tenant.name}: {difference}; repaired", sys.stdout)
        for difference in done.left:
            progress.echo(f"{tenant.name}: {difference}", sys.stdout)
        looked += done.looked
        count.left += len(done.left)
        count.repaired += len(done.repaired)
        progress.show(looked, total, tenant.name)
    count.looked += looked
    progress.end()
