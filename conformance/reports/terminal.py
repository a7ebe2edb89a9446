"""The report as a summary for a terminal: verdicts, the matrix, then what failed and what to change."""

import os
import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TextIO

from conformance.reports import wire
from conformance.reports.alike import by_stake
from conformance.reports.characters import visible
from conformance.reports.matrix import Cell, Mark, at_least, cell, columns, counts, sentence, summary
from conformance.results import Finding, Outcome, Report, Result, SuiteReport
from conformance.scenario import Capability, Level, Stake

WIDEST: Final = 100
NARROWEST: Final = 40
LABEL: Final = 10
"""Columns of the words before a text: `breaks`, `fix`."""

COLOURS: Final[Mapping[Mark | Level, str]] = {
    Mark.WORKS: "32",
    Mark.FLAWED: "33",
    Mark.BROKEN: "31",
    Mark.UNKNOWN: "35",
    Mark.NOT_APPLICABLE: "2",
    Level.MUST: "31",
    Level.SHOULD: "33",
    Level.MAY: "36",
}
PLAIN: Final = str.maketrans({"✓": "+", "✗": "x", "·": ".", "…": "..", "→": "->"})
LEGEND: Final = "✓ works   ! works, with flaws   ✗ does not work   ? not shown   - not applicable"


@dataclass(frozen=True, slots=True)
class Screen:
    """Where the summary is shown: `width` in columns, `encoding` as Python names it."""

    width: int = WIDEST
    has_colour: bool = False
    encoding: str = "utf-8"

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str] = os.environ) -> "Screen":
        """What a stream leads to. Colour is for terminals, and not where NO_COLOR is set (no-color.org)."""
        is_terminal = stream.isatty()
        has_colour = is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        width = shutil.get_terminal_size((WIDEST, 24)).columns if is_terminal else WIDEST
        return cls(max(NARROWEST, min(width, WIDEST)), has_colour, stream.encoding or "ascii")

    def painted(self, text: str, meaning: Mark | Level) -> str:
        code = COLOURS.get(meaning)
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_colour and code and text.strip() else text

    def bold(self, text: str) -> str:
        return f"\x1b[1m{text}\x1b[0m" if self.has_colour else text

    def fitted(self, text: str) -> str:
        """The text in characters that the stream has."""
        if self.encoding.lower().replace("-", "").startswith("utf"):
            return text
        return text.translate(PLAIN).encode(self.encoding, "backslashreplace").decode(self.encoding)


def render(report: Report, screen: Screen | None = None, level: Level = Level.MAY) -> str:
    """The summary. Failures below `level` are counted and not told."""
    screen = screen or Screen()
    parts = [
        _head(report, screen),
        _verdicts(report, screen),
        *_tables(report, screen),
        *_failures(report, screen, level),
        *_blocked(report, screen, level),
        _foot(report, screen),
    ]
    return screen.fitted("\n" + "\n\n".join(parts) + "\n")


def _head(report: Report, screen: Screen) -> str:
    about = f"{report.started}, {report.requests} requests in {report.seconds:.1f} s"
    lines = [screen.bold(_wrapped(report.base_url, screen)), _wrapped(about, screen)]
    return "\n".join([*lines, "", screen.bold(_wrapped(summary(report), screen))])


def _verdicts(report: Report, screen: Screen) -> str:
    """A line for each connector; where there is no room the counts go below."""
    rows = [(visible(suite.suite.title), sentence(suite), _counts(suite)) for suite in report.suites]
    widths = [_width(column) for column in zip(*rows, strict=True)]
    if sum(widths) + 8 > screen.width:
        widths = [0, 0, 0]
    marks = [cell(suite.results).mark for suite in report.suites]
    return "\n".join(_verdict(mark, row, widths, screen) for mark, row in zip(marks, rows, strict=True))


def _verdict(mark: Mark, row: Sequence[str], widths: Sequence[int], screen: Screen) -> str:
    title, said, counted = (text.ljust(width) for text, width in zip(row, widths, strict=True))
    between = "  " if any(widths) else "\n    "
    line = between.join([title, screen.painted(said, mark), counted.rstrip()])
    return f"  {screen.painted(mark.value, mark)} {line}"


def _counts(suite: SuiteReport) -> str:
    return counts(suite.results).replace(Outcome.NOT_APPLICABLE.value, "n/a")


# The matrix -----------------------------------------------------------------------------------------------------------


def _tables(report: Report, screen: Screen) -> Iterator[str]:
    """The matrix: a line for each capability, a column for each connector, in as many tables as the width asks for."""
    capabilities = columns(report.suites)
    if not capabilities:
        return
    first = _width(capability.value for capability in capabilities)
    for suites in _bands(report.suites, screen.width - first - 2):
        yield _table(suites, columns(suites), first, screen)
    yield _wrapped(LEGEND, screen)


def _bands(suites: Sequence[SuiteReport], room: int) -> Iterator[list[SuiteReport]]:
    """The connectors, as many at a time as fit beside each other."""
    rest = iter(suites)
    band: list[SuiteReport] = []
    for suite in rest:
        if band and sum(map(_column, [*band, suite])) > room:
            yield band
            band = []
        band.append(suite)
    if band:
        yield band


def _column(suite: SuiteReport) -> int:
    """The width of a connector's column, the blanks before it included."""
    return 2 + max(len(suite.suite.name), 4)


def _table(suites: Sequence[SuiteReport], capabilities: Sequence[Capability], first: int, screen: Screen) -> str:
    head = " " * (first + 2) + "".join(suite.suite.name.rjust(_column(suite)) for suite in suites)
    lines = [head.rstrip()]
    for capability in capabilities:
        cells = "".join(_cell(suite, capability, screen) for suite in suites)
        lines.append(f"  {capability.value.ljust(first)}{cells}".rstrip())
    return "\n".join(lines)


def _cell(suite: SuiteReport, capability: Capability, screen: Screen) -> str:
    shown = cell(suite.by_capability().get(capability, []))
    return screen.painted(_short(shown).rjust(_column(suite)), shown.mark)


def _short(shown: Cell) -> str:
    return f"{shown.mark.value}{shown.missed}" if shown.missed else shown.mark.value


# What failed ----------------------------------------------------------------------------------------------------------


def _failures(report: Report, screen: Screen, level: Level) -> Iterator[str]:
    levels = at_least(level)
    for suite in report.suites:
        for result in suite.results:
            if result.outcome is Outcome.FAILED and result.level in levels:
                yield _failure(suite, result, screen, levels)


def _failure(suite: SuiteReport, result: Result, screen: Screen, levels: Sequence[Level]) -> str:
    missed = [finding for finding in result.findings if finding.stake.level in levels]
    told = [_stake(stake, findings, screen) for stake, findings in by_stake(missed).items()]
    return "\n".join([_title(suite, result, screen), *told])


def _title(suite: SuiteReport, result: Result, screen: Screen) -> str:
    name = f"{suite.suite.name} {result.capability.value}/{result.id}"
    title = _wrapped(f"{name}: {result.title}", screen)
    return screen.bold(title)


def _stake(stake: Stake, findings: Sequence[Finding], screen: Screen) -> str:
    """What was missed, and what it means; the level stands in front and has its colour."""
    level = screen.painted(stake.level.value.ljust(LABEL), stake.level)
    lines = [f"  {level}{_hanging(', '.join(stake.items), screen)}"]
    lines += [line for finding in findings for line in _finding(finding, screen)]
    return "\n".join([*lines, _labelled("breaks", stake.breaks, screen), _labelled("fix", stake.fix, screen)])


def _finding(finding: Finding, screen: Screen) -> Iterator[str]:
    times = f" ({finding.count} times, the first is shown)" if finding.count > 1 else ""
    if finding.exchange:
        request = finding.exchange.request
        sent = f"{request.method} {request.target} → {wire.outcome(finding.exchange)}"
        yield _labelled("sent", sent + times, screen)
    for number, mismatch in enumerate(finding.mismatches):
        yield _labelled("" if number else "but", mismatch, screen)


def _blocked(report: Report, screen: Screen, level: Level) -> Iterator[str]:
    """What could not be prepared, and why."""
    lines = [
        f"{_wrapped(f'{suite.suite.name} {result.capability.value}/{result.id}: {result.title}', screen)}\n"
        f"{_labelled('because', result.reason, screen)}"
        for suite in report.suites
        for result in suite.results
        if result.outcome is Outcome.BLOCKED and result.level in at_least(level)
    ]
    if lines:
        yield "\n".join([screen.bold(_wrapped("Not shown, for what it needs first failed", screen)), *lines])


def _foot(report: Report, screen: Screen) -> str:
    if not report.leftovers:
        return "Nothing was left over on the server."
    few = ", ".join(islice(report.leftovers, 20))
    more = f" and {len(report.leftovers) - 20} more" if len(report.leftovers) > 20 else ""
    return _wrapped(f"Left over on the server, to be removed by hand: {few}{more}", screen)


# Lines ----------------------------------------------------------------------------------------------------------------


def _labelled(label: str, text: str, screen: Screen) -> str:
    return f"  {label.ljust(LABEL)}{_hanging(text, screen)}"


def _hanging(text: str, screen: Screen) -> str:
    """The text in lines that start below its first."""
    lines = textwrap.wrap(visible(text), screen.width - LABEL - 2, break_on_hyphens=False) or [""]
    return ("\n" + " " * (LABEL + 2)).join(lines)


def _wrapped(text: str, screen: Screen) -> str:
    return "\n".join(textwrap.wrap(visible(text), screen.width, subsequent_indent="    ", break_on_hyphens=False))


def _width(texts: Iterable[str]) -> int:
    return max(map(len, texts), default=0)
