"""What became of the scenarios: findings, verdicts, and the matrix of connector and capability."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from conformance.exchange import Exchange, Json
from conformance.scenario import Capability, Level, Stake, Suite


class Outcome(Enum):
    """What became of one scenario. The value is its name in reports."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    NOT_APPLICABLE = "not applicable"


class Verdict(Enum):
    """What a connector, or one of its capabilities, can expect of the server."""

    WORKS = "works"
    FLAWED = "works, with flaws"
    BROKEN = "does not work"
    UNKNOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Finding:
    """An expectation that was not met. `mismatches` are sentences; `exchange` is what was sent and received."""

    title: str
    stake: Stake
    mismatches: tuple[str, ...]
    exchange: Exchange | None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a scenario, or of a rule that holds for every answer. `before` are the exchanges that led there.

    A blocked one could not be prepared, one that is not applicable does not concern this server; `reason` says why. A
    failed one with a reason ended early, before what hangs most on it was shown.
    """

    id: str
    title: str
    capability: Capability
    stake: Stake
    outcome: Outcome
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    before: tuple[Exchange, ...] = ()
    seconds: float = 0.0

    @property
    def failed_level(self) -> Level | None:
        """The gravest level of what was seen to be wrong; None where nothing was."""
        levels = {finding.stake.level for finding in self.findings}
        return next((level for level in Level if level in levels), None)

    @property
    def level(self) -> Level | None:
        """The gravest level that was missed or could not be shown; None where none was."""
        if self.outcome is Outcome.BLOCKED or (self.outcome is Outcome.FAILED and self.reason):
            return self.stake.level
        return self.failed_level


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """A suite and what became of its scenarios, in their order, its rules last."""

    suite: Suite
    results: tuple[Result, ...]

    @property
    def verdict(self) -> Verdict:
        return verdict(self.results)

    @property
    def is_played(self) -> bool:
        """Whether anything of it concerns the server."""
        return any(result.outcome is not Outcome.NOT_APPLICABLE for result in self.results)

    def by_capability(self) -> Mapping[Capability, list[Result]]:
        """The results of each capability that the suite has scenarios for, in the order of the columns."""
        found: dict[Capability, list[Result]] = {}
        for capability in Capability:
            results = [result for result in self.results if result.capability is capability]
            if results:
                found[capability] = results
        return found


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. `server` is what the server says of itself; `leftovers` are addresses that could not be removed."""

    base_url: str
    started: str
    seconds: float
    suites: tuple[SuiteReport, ...]
    leftovers: tuple[str, ...]
    server: Json
    requests: int

    def findings(self, *levels: Level) -> list[Result]:
        """The results that missed something of one of these levels, or could not be shown."""
        return [result for suite in self.suites for result in suite.results if result.level in levels]


def verdict(results: Iterable[Result]) -> Verdict:
    """What the results come to: the gravest decides; what is not applicable counts for nothing."""
    shown = [result for result in results if result.outcome is not Outcome.NOT_APPLICABLE]
    if not shown:
        return Verdict.UNKNOWN
    if any(result.level is Level.MUST for result in shown):
        broken = any(result.failed_level is Level.MUST for result in shown)
        return Verdict.BROKEN if broken else Verdict.UNKNOWN
    return Verdict.FLAWED if any(result.level for result in shown) else Verdict.WORKS
