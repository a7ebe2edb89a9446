"""How a failure ends, whatever the command was: as one line."""

from __future__ import annotations

from typing import Any

import click

from scim_server import catalog, serving
from scim_server.config import SettingsError
from scim_server.errors import ScimError
from scim_server.observability import describe
from scim_server.sheets import SheetError


class Program(click.Group):
    """A group of commands whose every failure is one line, none a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            raise click.ClickException(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    """What went wrong, in one line. An unforeseen error is named with its place, since its text may hold anything."""
    match error:
        case SettingsError() | serving.ServingError() | SheetError():
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
