"""`export` and `import`: the resources of a tenant as CSV files."""

from __future__ import annotations

import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import click

from scim_server import app
from scim_server.cli.database import ready, tenant_named
from scim_server.cli.interrupts import Interrupts, noted
from scim_server.cli.progress import Progress
from scim_server.config import Settings
from scim_server.sheets import (
    BOM,
    DELIMITERS,
    Directory,
    Export,
    Import,
    Outcome,
    Rejects,
    Result,
    Selected,
    Sheet,
    Wishes,
    read_mapping,
)

_TENANT: Final = click.option("--tenant", "name", required=True, help="The tenant whose resources they are.")
_TYPE: Final = click.option("--type", "type_name", help="The resource type; without one, that of users.")
_PATHS: Final = re.compile(r"(?:\[[^\]]*\]|[^,\[])+")
"""What stands between commas; in brackets they are part of a filter."""

_MATCH_HELP: Final = "The column that says which resource a row is about; without one, the unique attribute."


@click.command("export")
@click.option("--csv", "is_csv", is_flag=True, expose_value=False, help="As CSV, the one form that there is.")
@_TENANT
@_TYPE
@click.option(
    "--filter", "condition", metavar="FILTER", help="Which of them, as in 'active eq true and title co \"x\"'."
)
@click.option("--sort-by", metavar="PATH", help="The attribute that they are sorted by.")
@click.option("--descending", is_flag=True, help="The greatest first.")
@click.option("--columns", "columns", multiple=True, metavar="PATH,...", help="The columns; may be repeated.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file; without one, standard output."
)
@click.option("--delimiter", type=click.Choice(sorted(DELIMITERS)), default="comma", show_default=True)
@click.option("--bom", is_flag=True, help="Begin with a byte order mark, by which Excel knows UTF-8.")
def export_sheet(
    name: str,
    type_name: str | None,
    condition: str | None,
    sort_by: str | None,
    descending: bool,
    columns: tuple[str, ...],
    output: Path | None,
    delimiter: str,
    bom: bool,
) -> None:
    """Write the users of a tenant, or its groups, as CSV."""
    settings = Settings.load()
    chosen = tuple(path.strip() for text in columns for path in _PATHS.findall(text) if path.strip())
    selected = Selected(condition, sort_by, descending, chosen)
    with ready(settings) as database:
        directory = app.directory(settings, database.storage, tenant_named(database.tenancy, name))
        export = Export(directory, directory.type_named(type_name), selected)
        with _opened(output) as file:
            progress = Progress()
            file.write(BOM if bom else b"")
            for line in export.lines(DELIMITERS[delimiter], _shown(progress, output)):
                file.write(line.encode())
            progress.end()


@click.command("import")
@click.option(
    "--csv", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The file."
)
@_TENANT
@_TYPE
@click.option("--match", metavar="PATH", help=_MATCH_HELP)
@click.option(
    "--mapping", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A TOML file; see docs/csv.md."
)
@click.option(
    "--set", "constants", multiple=True, metavar="PATH=VALUE", help="For each row without one; may be repeated."
)
@click.option("--role", help="The role of each row without one.")
@click.option("--team", metavar="NAME_OR_ID", help="The group that all of them become members of.")
@click.option("--delimiter", type=click.Choice(sorted(DELIMITERS)), help="Without it, the header tells.")
@click.option("--dry-run", is_flag=True, help="Say what each row would do, and change nothing.")
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="A file for the rows that are refused."
)
def import_sheet(
    path: Path,
    name: str,
    type_name: str | None,
    match: str | None,
    mapping: Path | None,
    constants: tuple[str, ...],
    role: str | None,
    team: str | None,
    delimiter: str | None,
    dry_run: bool,
    rejects: Path | None,
) -> None:
    """Create and change users of a tenant, or its groups, as the rows of a CSV file say.

    What is done already stays as it is: after an interruption, run it again. Exit code 1: a row was refused.
    """
    settings = Settings.load()
    sheet = Sheet(path, DELIMITERS[delimiter] if delimiter else None)
    wishes = Wishes(match=match, constants=tuple(map(_constant, constants)), role=role)
    if mapping is not None:
        wishes = wishes.translated(read_mapping(mapping))
    with ready(settings) as database, _rejects(rejects, sheet) as refused, noted() as interrupts:
        tenant = tenant_named(database.tenancy, name)
        report = _Report(sheet, refused, interrupts, _REHEARSED if dry_run else _DONE)

        def work(directory: Directory) -> None:
            wanted = Import.of(directory, directory.type_named(type_name), sheet, wishes, team)
            report.name_ignored(wanted.ignored)
            wanted.run(report)

        with report.ended():
            if dry_run:
                app.rehearse(settings, database.storage, tenant, work)
            else:
                work(app.directory(settings, database.storage, tenant))
    sys.exit(report.exit_code)


@dataclass(frozen=True, slots=True)
class _Words:
    """How a report tells what rows came to. `tells_all`: also of rows with which nothing is wrong."""

    outcomes: Mapping[Outcome, str]
    end: str
    again: str
    tells_all: bool


_DONE: Final = _Words(
    {outcome: outcome.value for outcome in Outcome}, "", "Interrupted: run it again to do the rest.", tells_all=False
)
_REHEARSED: Final = _Words(
    {
        Outcome.CREATED: "would be created",
        Outcome.CHANGED: "would be changed",
        Outcome.UNCHANGED: "unchanged",
        Outcome.REFUSED: "would be refused",
    },
    "Nothing has been changed.",
    "Interrupted: the rest of the file has not been looked at.",
    tells_all=True,
)


class _Report:
    """`sheets.Watcher`: tells of rows as they come, counts them, and keeps those that are refused.

    What a dry run finds is its result, on standard output; what goes wrong otherwise is told on standard error.
    """

    def __init__(self, sheet: Sheet, rejects: Rejects | None, interrupts: Interrupts, words: _Words) -> None:
        self._sheet = sheet
        self._rejects = rejects
        self._interrupts = interrupts
        self._words = words
        self._size = sheet.size
        self._counts: Counter[Outcome] = Counter()
        self._progress = Progress()
        self._has_begun = False

    def name_ignored(self, headers: Sequence[str]) -> None:
        """Say which columns nobody looks at."""
        if headers and not self._has_begun:
            click.echo(f"Left out, since the server alone writes them: {', '.join(headers)}.", err=True)

    def begin(self) -> None:
        if self._has_begun:
            self._tell("Another writer was in the way; the dry run begins anew.")
        self._has_begun = True
        self._counts.clear()
        if self._rejects:
            self._rejects.begin()

    def tell(self, result: Result) -> None:
        self._counts[result.outcome] += 1
        if self._rejects and result.outcome is Outcome.REFUSED:
            self._rejects.add(result)
        if self._words.tells_all or result.reason or result.earlier:
            self._tell(self._line(result))
        refused = self._counts[Outcome.REFUSED]
        total = self._counts.total()
        rows = "row" if total == 1 else "rows"
        self._progress.show(result.row.end, self._size, f"{total:,} {rows}, {refused:,} refused")

    @property
    def has_enough(self) -> bool:
        return self._interrupts.has_come

    @contextmanager
    def ended(self) -> Iterator[None]:
        """At its end the rows have been counted, whatever ended it."""
        try:
            yield
        finally:
            self._progress.end()
            if self._has_begun:
                click.echo(self._summary)
            if self.has_enough:
                click.echo(self._words.again, err=True)

    @property
    def exit_code(self) -> int:
        if self.has_enough:
            return self._interrupts.exit_code
        return 1 if self._counts[Outcome.REFUSED] else 0

    @property
    def _summary(self) -> str:
        parts = (f"{self._counts[outcome]} {word}" for outcome, word in self._words.outcomes.items())
        total = self._counts.total()
        return f"{total} row{'' if total == 1 else 's'}: {', '.join(parts)}. {self._words.end}".rstrip()

    def _line(self, result: Result) -> str:
        """A row in one line: where it stands, what it is about, what it came to and why."""
        facts = [f"{self._words.outcomes[result.outcome]}{f': {result.reason}' if result.reason else ''}"]
        facts += [f"{path} differs" for path in result.changed]
        facts += [f"{effect.kind} {effect.value}".rstrip() for effect in result.effects]
        facts += [f"line {result.earlier} is about the same"] if result.earlier else []
        key = f"{result.key}: " if result.key else ""
        return f"line {result.row.line}: {key}{'; '.join(facts)}"

    def _tell(self, line: str) -> None:
        # What a file holds must not steer the terminal.
        safe = "".join(character if character.isprintable() else "�" for character in line)
        self._progress.echo(safe, sys.stdout if self._words.tells_all else sys.stderr)


def _constant(text: str) -> tuple[str, str]:
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise click.BadParameter(f"{text!r}: a path, = and a value are expected.", param_hint="--set")
    return path.strip(), value


def _shown(progress: Progress, output: Path | None) -> Callable[[int, int], None]:
    """What shows how far an export is; nothing where the rows themselves go to the terminal."""

    is_apart = output is not None or not sys.stdout.isatty()

    def show(done: int, total: int) -> None:
        if is_apart:
            progress.show(done, total, f"{done:,} of {total:,}")

    return show


@contextmanager
def _opened(path: Path | None) -> Iterator[BinaryIO]:
    """The file to write, which is there as a whole or not at all, for its owner alone; or standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with _private(unfinished) as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _rejects(path: Path | None, sheet: Sheet) -> Iterator[Rejects | None]:
    if path is None:
        yield None
        return
    if path.exists() and path.samefile(sheet.path):
        raise click.BadParameter("that is the file to import itself.", param_hint="--rejects")
    with _private(path) as file:
        yield Rejects(file, sheet)


def _private(path: Path) -> BinaryIO:
    """An empty file for its owner alone, also where there was one that others could read: it holds personal data."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")
