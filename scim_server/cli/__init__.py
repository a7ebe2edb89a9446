"""The scim-server command.

    scim-server serve                                           migrate, then serve
    scim-server migrate                                         bring the database up to date
    scim-server tenant  add|set|list|show|tolerances|remove     customers
    scim-server token   issue|list|revoke                       their credentials
    scim-server licence set|list|remove                         licence pools
    scim-server numbers add|list|remove                         ranges of numbers
    scim-server guard   show|release                            the guard against mass deprovisioning
    scim-server export|import                                   resources as CSV files
    scim-server doctor                                          the tables beside the documents
    scim-server events list|take                                what the product's side is told
    scim-server extensions check                                schemas and profiles

What a person did wrong is one line on standard error and exit code 1, or 2 where the command line itself is wrong.
Standard output has the result alone, so that `TOKEN=$(scim-server token issue ...)` works.
"""

import click

from scim_server import __version__
from scim_server.cli import doctor, events, extensions, guard, licences, numbers, server, sheets, tenants, tokens
from scim_server.cli.program import Program


@click.group(cls=Program)
@click.version_option(__version__, message="scim-server %(version)s")
def main() -> None:
    """A SCIM 2.0 service provider. Settings are SCIM_* environment variables; see docs/settings.md."""


main.add_command(server.serve)
main.add_command(server.migrate)
main.add_command(tenants.tenant)
main.add_command(tokens.token)
main.add_command(licences.licence)
main.add_command(numbers.numbers)
main.add_command(guard.guard)
main.add_command(events.events)
main.add_command(sheets.export_sheet)
main.add_command(sheets.import_sheet)
main.add_command(doctor.doctor)
main.add_command(extensions.extensions)
