"""The requirement matrix: which requirements the tests prove, which they do not, and which are not for this server.

`requirements.csv` has a row for each requirement: its id, how binding it is, one line of what it says, and, where it is
not for this server, why. A test names the ids that it proves with `@pytest.mark.req("R-PATCH-38")`; a marker on a case
of a table counts as well. `python -m tests.requirements` collects the tests, prints the matrix, with `--brief` its
counts alone, and ends with 1 when it has a fault.
"""

import contextlib
import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import click
import pytest

TESTS = Path(__file__).parent
ROWS = TESTS / "requirements.csv"
OPTIONS = (
    "--collect-only",
    "--quiet",
    f"--config-file={TESTS.parent / 'pyproject.toml'}",
    *(f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "cov")),
)


class Level(StrEnum):
    """How binding a row is: the words of RFC 2119, a reading where the RFC is silent, a tolerance that clients need."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    REC = "REC"
    COMPAT = "COMPAT"


class State(StrEnum):
    """What became of a row."""

    COVERED = "covered"
    UNCOVERED = "uncovered"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A row. `reason` says why it is not for this server; empty where it is."""

    id: str
    level: Level
    text: str
    reason: str = ""

    @property
    def group(self) -> str:
        """What the requirement is about: PATCH in R-PATCH-38."""
        return self.id.split("-")[1]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The rows, and how many tests name each id, those of other lists among them."""

    rows: Sequence[Requirement]
    tests: Mapping[str, int] = field(default_factory=dict)

    def state(self, row: Requirement) -> State:
        """Whether a test names the row, or why none need."""
        if self.tests.get(row.id):
            return State.COVERED
        return State.NOT_APPLICABLE if row.reason else State.UNCOVERED

    def having(self, state: State) -> list[Requirement]:
        """The rows in that state, in the order of the file."""
        return [row for row in self.rows if self.state(row) is state]

    def others(self) -> dict[str, int]:
        """How many ids of other lists the tests name, by the list: {"ENTRA": 40}."""
        return Counter(id.split("-")[0] for id in sorted(self.tests) if not id.startswith("R-"))


def read(path: Path = ROWS) -> list[Requirement]:
    """The rows of the file; ValueError where one is no row."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            Requirement(row["id"], Level(row["level"]), row["requirement"], row["not_applicable"])
            for row in csv.DictReader(file, strict=True)
        ]
    for row in rows:
        if not re.fullmatch(r"R-[A-Z0-9]+-\d\d", row.id) or not row.text:
            raise ValueError(f"{path.name}: {row} is no row")
    return rows


def faults(matrix: Matrix) -> list[str]:
    """What makes the check fail, a sentence each."""
    return [*_misfits(matrix), *(_open(row) for row in _uncovered(matrix) if row.level is Level.MUST)]


def warnings(matrix: Matrix) -> list[str]:
    """Rows that no test proves and that need none, a sentence each."""
    return [_open(row) for row in _uncovered(matrix) if row.level is not Level.MUST]


def _uncovered(matrix: Matrix) -> list[Requirement]:
    return matrix.having(State.UNCOVERED)


def _open(row: Requirement) -> str:
    return f"{row.id} ({row.level}) is proved by no test and has no reason: {row.text}"


def _misfits(matrix: Matrix) -> Iterator[str]:
    times = Counter(row.id for row in matrix.rows)
    yield from (f"{id} has {n} rows" for id, n in times.items() if n > 1)
    yield from (f"a test names {id}, which has no row" for id in matrix.tests if id.startswith("R-") and not times[id])
    for row in matrix.having(State.COVERED):
        if row.reason:
            yield f"{row.id} is proved by a test and has a reason why it need not be: {row.reason}"


def report(matrix: Matrix) -> Iterator[str]:
    """The matrix for people, line by line: a line for each row, by its state."""
    for state in (State.COVERED, State.NOT_APPLICABLE, State.UNCOVERED):
        yield f"{state.capitalize()}:"
        yield from (f"  {_line(row, matrix)}" for row in matrix.having(state))
        yield ""


def counts(matrix: Matrix) -> Iterator[str]:
    """How many rows are in each state, by level and by group, and how many ids of other lists are named."""
    yield from _table("level", {level: [r for r in matrix.rows if r.level is level] for level in Level}, matrix)
    groups = dict.fromkeys(row.group for row in matrix.rows)
    yield from _table("group", {name: [r for r in matrix.rows if r.group == name] for name in groups}, matrix)
    named = ", ".join(f"{name} {number}" for name, number in matrix.others().items())
    yield f"The tests also name ids of other lists: {named or 'none'}."


def _line(row: Requirement, matrix: Matrix) -> str:
    number = matrix.tests.get(row.id, 0)
    tail = f" [{number} test{'s'[: number != 1]}]" if number else f" [{row.reason}]" if row.reason else ""
    return f"{row.id:<12} {row.level:<6} {row.text}{tail}"


def _table(title: str, parts: Mapping[str, Sequence[Requirement]], matrix: Matrix) -> Iterator[str]:
    yield "".join((f"{title:<8}", *(f"{state:>16}" for state in State), f"{'rows':>8}"))
    for name, rows in {**parts, "all": matrix.rows}.items():
        states = Counter(matrix.state(row) for row in rows)
        yield "".join((f"{name:<8}", *(f"{states[state]:>16}" for state in State), f"{len(rows):>8}"))
    yield ""


class Collector:
    """A plugin that counts the tests that name an id, and runs none of them."""

    def __init__(self) -> None:
        self.tests: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Called when every test is known."""
        for item in session.items:
            self.tests.update(set(ids(item.iter_markers("req"))))


def ids(marks: Iterable[pytest.Mark]) -> Iterator[str]:
    """The ids that the markers of one test name."""
    for mark in marks:
        yield from mark.args


def collect(folder: Path = TESTS) -> dict[str, int]:
    """How many tests name each id; RuntimeError with pytest's own words where the tests cannot be collected."""
    collector, said = Collector(), io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main([*OPTIONS, str(folder)], plugins=[collector])
    if status != pytest.ExitCode.OK:
        raise RuntimeError(said.getvalue())
    return dict(sorted(collector.tests.items()))


@click.command()
@click.option("--brief", is_flag=True, help="Leave out the line for each row.")
def main(brief: bool) -> None:
    """Print the matrix, then its warnings and faults, and end with 1 when there is a fault."""
    matrix = Matrix(read(), collect())
    found = faults(matrix)
    for lines in (() if brief else report(matrix), counts(matrix)):
        click.echo("\n".join(lines))
    for kind, texts in {"warning": warnings(matrix), "fault": found}.items():
        click.echo("".join(f"{kind}: {text}\n" for text in texts), nl=False)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
