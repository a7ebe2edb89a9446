"""`extensions`: schemas and profiles."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from scim_server import catalog
from scim_server.config import Settings


@click.group()
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
