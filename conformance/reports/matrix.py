"""Connector and capability: what a table of them shows, and the words for what the results come to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from conformance.results import Outcome, Report, Result, SuiteReport, Verdict, verdict
from conformance.scenario import Capability, Level


class Mark(Enum):
    """A verdict as a table shows it; one that concerns nothing of this server, or nothing at all, has its own."""

    WORKS = "✓"
    FLAWED = "!"
    BROKEN = "✗"
    UNKNOWN = "?"
    NOT_APPLICABLE = "-"
    NOTHING = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """`passed` and `missed` are numbers of results; a missed one failed or could not be prepared."""

    mark: Mark
    passed: int
    missed: int


def cell(results: Sequence[Result]) -> Cell:
    """What the results come to."""
    passed, missed = number(results, Outcome.PASSED), len(missed_of(results))
    if not results:
        return Cell(Mark.NOTHING, passed, missed)
    if number(results, Outcome.NOT_APPLICABLE) == len(results):
        return Cell(Mark.NOT_APPLICABLE, passed, missed)
    return Cell(Mark[verdict(results).name], passed, missed)


def columns(suites: Iterable[SuiteReport]) -> list[Capability]:
    """The capabilities that any of the suites has scenarios for, in their order."""
    concerned = {result.capability for suite in suites for result in suite.results}
    return [capability for capability in Capability if capability in concerned]


def number(results: Iterable[Result], outcome: Outcome) -> int:
    return sum(result.outcome is outcome for result in results)


def missed_of(results: Iterable[Result]) -> list[Result]:
    """The results that failed or could not be prepared."""
    return [result for result in results if result.level is not None]


def of_outcome(results: Iterable[Result], outcome: Outcome) -> list[Result]:
    return [result for result in results if result.outcome is outcome]


def at_least(level: Level) -> tuple[Level, ...]:
    """That level and what is graver."""
    levels = tuple(Level)
    return levels[: levels.index(level) + 1]


def sentence(suite: SuiteReport) -> str:
    """The verdict on a connector with the number that it rests on: `works, with flaws: 2`."""
    grounds = {
        Verdict.WORKS: 0,
        Verdict.FLAWED: len(missed_of(suite.results)),
        Verdict.BROKEN: sum(_is_fatal(result) for result in suite.results),
        Verdict.UNKNOWN: sum(result.level is Level.MUST for result in suite.results),
    }[suite.verdict]
    return f"{suite.verdict.value}: {grounds}" if grounds else suite.verdict.value


def counts(results: Iterable[Result]) -> str:
    """How many results came out how: `40 passed, 2 failed, 3 not applicable`."""
    outcomes = [result.outcome for result in results]
    said = [f"{outcomes.count(outcome)} {outcome.value}" for outcome in Outcome if outcome in outcomes]
    return ", ".join(said) or "nothing played"


def summary(report: Report) -> str:
    """What became of the connectors, in a sentence."""
    verdicts = [suite.verdict for suite in report.suites]
    if not verdicts:
        return "No connector was played."
    if len(verdicts) == 1:
        return f"{report.suites[0].suite.title} {_of_one(verdicts[0])}."
    words = {
        Verdict.WORKS: ("works", "work"),
        Verdict.FLAWED: ("works with flaws", "work with flaws"),
        Verdict.BROKEN: ("does not work", "do not work"),
        Verdict.UNKNOWN: ("could not be judged", "could not be judged"),
    }
    if set(verdicts) == {Verdict.BROKEN}:
        return f"None of {len(verdicts)} connectors works."
    if len(set(verdicts)) == 1:
        return f"All {len(verdicts)} connectors {words[verdicts[0]][1]}."
    said = [f"{verdicts.count(v)} {words[v][verdicts.count(v) > 1]}" for v in Verdict if v in verdicts]
    return f"Of {len(verdicts)} connectors, {', '.join(said[:-1])}{' and ' if said[:-1] else ''}{''.join(said[-1:])}."


def _of_one(verdict: Verdict) -> str:
    return "could not be judged" if verdict is Verdict.UNKNOWN else verdict.value


def _is_fatal(result: Result) -> bool:
    return result.failed_level is Level.MUST
