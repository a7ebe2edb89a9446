"""Plays suites against a server: what may run side by side does, what must be alone comes after, all is removed."""

import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from threading import Event, Lock
from typing import Final

from conformance import facts
from conformance.exchange import Exchange
from conformance.player import Player, unmet
from conformance.results import Finding, Outcome, Report, Result, SuiteReport
from conformance.scenario import Rule, Scenario, Suite
from conformance.session import Session
from conformance.stop import Stop

Progress = Callable[[Result], None]
"""Is told of each result as it comes, from any thread."""


BEAT: Final = 0.25
"""Seconds for which a run is waited for at a time: not every system lets an interrupt end a longer wait."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many scenarios at once; how many seconds one may take, and how many after the start the last may begin."""

    jobs: int = 4
    scenario: float = 180.0
    run: float = 3600.0


class Watch:
    """Holds every answer of a suite against the rules of the suite; may be shown exchanges from any thread."""

    def __init__(self, suite: Suite, session: Session) -> None:
        self.suite = suite
        self._session = session
        self._findings: dict[str, Finding] = {}
        self._seen: set[str] = set()
        self._lock = Lock()

    def observe(self, exchange: Exchange) -> None:
        """Look at an answer; where there is none no rule is broken."""
        if exchange.response is None:
            return
        for rule in self.suite.rules:
            if not rule.statuses or exchange.response.status in rule.statuses:
                self._hold(rule, exchange)

    def _hold(self, rule: Rule, exchange: Exchange) -> None:
        wrong = unmet(rule.expect, exchange, {})
        with self._lock:
            self._seen.add(rule.id)
            known = self._findings.get(rule.id)
            if wrong and known:
                self._findings[rule.id] = replace(known, count=known.count + 1)
            elif wrong:
                masking = self._session.masking
                mismatches = tuple(map(masking.text, wrong))
                self._findings[rule.id] = Finding(rule.title, rule.stake, mismatches, masking.exchange(exchange))

    def results(self) -> list[Result]:
        """A result for each rule; one that no answer concerned is not applicable."""
        return [self._result(rule) for rule in self.suite.rules]

    def _result(self, rule: Rule) -> Result:
        finding = self._findings.get(rule.id)
        outcome = Outcome.FAILED if finding else Outcome.PASSED
        reason = ""
        if rule.id not in self._seen:
            outcome, reason = Outcome.NOT_APPLICABLE, "no answer of this suite was of that kind"
        findings = (finding,) if finding else ()
        return Result(rule.id, rule.title, rule.capability, rule.stake, outcome, reason, findings)


def run(session: Session, suites: Sequence[Suite], limits: Limits, progress: Progress) -> Report:
    """Play all scenarios of the suites, after asking the server what it says of itself. Raises `facts.Unreachable`.

    An interrupt (Ctrl-C) ends the scenarios before their next request; the run is over when what they made is removed.
    A second one ends that too: what is still there then is a leftover of the session.
    """
    began, started = time.monotonic(), datetime.now(UTC)
    session.facts = {**session.facts, **facts.ask(session)}
    watches = [Watch(suite, session) for suite in suites]

    def play(watch: Watch, scenario: Scenario) -> Result:
        if time.monotonic() - began > limits.run:
            result = _not_begun(scenario, limits)
        else:
            result = Player(session, watch.suite, scenario, watch.observe, limits.scenario).play()
        if not session.stop.of_scenarios.is_set():
            progress(result)
        return result

    pairs = [(watch, scenario) for watch in watches for scenario in watch.suite.scenarios]
    played = iter(_all(pairs, play, limits.jobs, session.stop))
    results = [(*islice(played, len(watch.suite.scenarios)), *watch.results()) for watch in watches]
    return Report(
        base_url=session.base_url,
        started=started.isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        suites=tuple(map(SuiteReport, suites, results)),
        leftovers=tuple(map(session.masking.text, session.leftovers)),
        server=session.masking.json(session.facts.get("config")),
        requests=session.requests,
    )


Pair = tuple[Watch, Scenario]
Play = Callable[[Watch, Scenario], Result]


def _all(pairs: Sequence[Pair], play: Play, jobs: int, stop: Stop) -> list[Result]:
    """The results in the order of the scenarios, which are played in other threads.

    So an interrupt, which may come to this one anywhere, finds a run that can be ended in order. None begins before the
    run is known here, to be waited for.
    """
    begin = Event()
    runs: list[Future[list[Result]]] = []

    def begun() -> list[Result]:
        begin.wait()
        return _in_order(pairs, play, jobs)

    pool = ThreadPoolExecutor(1)
    try:
        runs.append(pool.submit(begun))
        begin.set()
        _await(runs)
        return runs[0].result()
    except KeyboardInterrupt:
        _end(runs, stop, begin)
        raise
    finally:
        pool.shutdown(wait=False)


def _in_order(pairs: Sequence[Pair], play: Play, jobs: int) -> list[Result]:
    """Side by side first, then those that must be alone."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = [None if scenario.alone else pool.submit(play, watch, scenario) for watch, scenario in pairs]
    return [
        play(watch, scenario) if future is None else future.result()
        for future, (watch, scenario) in zip(futures, pairs, strict=True)
    ]


def _end(runs: Collection[Future[list[Result]]], stop: Stop, begin: Event) -> None:
    """Have the scenarios end, and wait until they have cleaned up, or until another interrupt ends that too."""
    try:
        stop.ask()
        begin.set()
        _await(runs)
    except KeyboardInterrupt:
        stop.ask()
        begin.set()
        _await(runs)


def _await(runs: Collection[Future[list[Result]]]) -> None:
    while wait(runs, BEAT).not_done:
        pass


def _not_begun(scenario: Scenario, limits: Limits) -> Result:
    reason = f"not begun: the run had taken {limits.run:g} seconds"
    return Result(scenario.id, scenario.title, scenario.capability, scenario.stake, Outcome.BLOCKED, reason)
