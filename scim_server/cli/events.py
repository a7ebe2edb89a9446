"""`events`: what the profile of a customer tells the product's own side."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Final

import click

from scim_server import app
from scim_server.cli.database import ready, tenant_named
from scim_server.config import Settings
from scim_server.storage.ledgers import Posted

_LIMIT: Final = click.IntRange(1, 100_000)


@click.group()
def events() -> None:
    """What a customer's profile tells the product, a line of JSON for each event, the oldest first."""


@events.command("list")
@click.argument("name")
@click.option("--limit", type=_LIMIT, default=100, show_default=True, help="How many at most.")
def list_events(name: str, limit: int) -> None:
    """Show events, and leave them there."""
    with ready(Settings.load()) as database:
        tenant = tenant_named(database.tenancy, name)
        _print(app.oldest_events(database.storage, tenant, limit))


@events.command("take")
@click.argument("name")
@click.option("--limit", type=_LIMIT, default=1_000, show_default=True, help="How many at most.")
def take_events(name: str, limit: int) -> None:
    """Show events, and remove them once they are written out.

    One that was shown and not removed, since the command was interrupted, comes again with the same sequence.
    """
    with ready(Settings.load()) as database:
        tenant = tenant_named(database.tenancy, name)
        found = app.oldest_events(database.storage, tenant, limit)
        _print(found)
        sys.stdout.flush()
        app.forget_events(database.storage, tenant, [event.sequence for event in found])


def _print(found: Sequence[Posted]) -> None:
    for event in found:
        head = {"sequence": event.sequence, "at": event.at, "kind": event.kind}
        about = {"resourceType": event.resource_type, "id": event.resource, "content": json.loads(event.content)}
        click.echo(json.dumps({**head, **about}, ensure_ascii=False))
