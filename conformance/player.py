"""Plays one scenario: prepares what it needs, takes its steps, holds each answer against what is expected."""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from conformance.exchange import Exchange, Json, Response, Withheld
from conformance.made import Made
from conformance.matching import MISSING, mismatches, point, shortened
from conformance.removal import remove
from conformance.results import Finding, Outcome, Result
from conformance.scenario import (
    Expectation,
    Fixture,
    Given,
    Pause,
    Scenario,
    Send,
    Stake,
    Step,
    Suite,
    Together,
    Walk,
)
from conformance.session import Session
from conformance.span import Span
from conformance.templates import TooMuch, Unknown, counted, percent, render, render_target, render_text

MOST_AT_ONCE: Final = 16
"""Threads of one step whose requests go out at once."""

PREPARING: Final = 4
"""Threads that make what a scenario needs: no scenario should be blocked because a server bears no bursts."""

Observer = Callable[[Exchange], None]
"""Is shown every exchange: what holds for every answer is looked at there."""


class Stopped(Exception):
    """The scenario ends here."""


ENDINGS: Final = (
    *(Stopped, TooMuch, Unknown, Withheld),
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, re.error),
)
"""What ends a scenario: the former are foreseen, the latter come of answers that nobody thought of."""


class OutOfTime(Stopped):
    """The scenario took longer than it may."""


@dataclass
class Player:
    """Plays `scenario`; `limit` is in seconds."""

    session: Session
    suite: Suite
    scenario: Scenario
    observe: Observer
    limit: float
    findings: list[Finding] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    _span: Span = field(init=False)

    def play(self) -> Result:
        """The result. What was made is removed, whatever happened."""
        began = time.monotonic()
        self._span = Span(self.limit, self.session.stop.of_scenarios)
        try:
            outcome, reason = self._outcome()
        finally:
            remove(self.session, self.made)
        shown = tuple(map(self.session.masking.exchange, self.exchanges)) if outcome is not Outcome.PASSED else ()
        return Result(
            id=self.scenario.id,
            title=self.scenario.title,
            capability=self.scenario.capability,
            stake=self.scenario.stake,
            outcome=outcome,
            reason=self.session.masking.text(reason),
            findings=tuple(self.findings),
            before=shown,
            seconds=time.monotonic() - began,
        )

    def _outcome(self) -> tuple[Outcome, str]:
        for condition in self.scenario.when:
            if mismatches(condition.facts, dict(self.session.facts)):
                return Outcome.NOT_APPLICABLE, condition.otherwise
        try:
            scope = self._prepared()
        except ENDINGS as error:
            self.findings.clear()
            return Outcome.BLOCKED, _said_of(error)
        try:
            self._take(self.scenario.steps, scope, self.scenario.stake)
        except ENDINGS as error:
            if not self.findings:
                return Outcome.BLOCKED, _said_of(error)
            if all(finding.stake.level.is_below(self.scenario.stake.level) for finding in self.findings):
                return Outcome.FAILED, f"the rest was not shown: {_said_of(error)}"
        return (Outcome.FAILED if self.findings else Outcome.PASSED), ""

    # Preparing --------------------------------------------------------------------------------------------------------

    def _prepared(self) -> dict[str, Json]:
        """The names that the steps may use."""
        scope: dict[str, Json] = {
            "run": self.session.run,
            "unique": self.session.unique(),
            "domain": self.session.domain,
            "base_url": self.session.base_url,
            "facts": self.session.facts,
        }
        _let(scope, self.scenario.let)
        for given in self.scenario.given:
            scope[given.name] = self._given(given, scope)
        return scope

    def _given(self, given: Given, scope: Mapping[str, Json]) -> Json:
        fixture = self.suite.fixtures[given.fixture]
        if given.count is None:
            return self._fixture(fixture, given, {**scope, "index": 1})
        inner = [{**scope, "index": index} for index in range(1, given.count + 1)]
        return _at_once([partial(self._fixture, fixture, given, one) for one in inner], PREPARING)

    def _fixture(self, fixture: Fixture, given: Given, scope: Mapping[str, Json]) -> Json:
        """What a fixture let and saved, by name."""
        inner = {**scope, "as": given.name}
        made: dict[str, Json] = {}
        for name, value in {**fixture.let, **given.parameters}.items():
            made[name] = inner[name] = render(value, inner)
        names = set(inner)
        self._take(fixture.steps, inner, self.scenario.stake)
        if self.findings:
            raise Stopped(f"{self.findings[0].title}: {self.findings[0].mismatches[0]}")
        return made | {name: value for name, value in inner.items() if name not in names}

    # Steps ------------------------------------------------------------------------------------------------------------

    def _take(self, steps: Sequence[Step], scope: dict[str, Json], over: Stake) -> None:
        """Take the steps in order; what they save is put into `scope`. Raises `Stopped` at the first that fails."""
        for step in steps:
            stake = step.stake or over
            if isinstance(step.action, Send):
                failed = self._send_all(step, step.action, scope, stake)
            elif isinstance(step.action, Walk):
                failed = self._walk(step, step.action, scope, stake)
            elif isinstance(step.action, Together):
                failed = self._together(step.action, scope, stake)
            else:
                failed = self._pause(step.action)
            if failed and not step.independent and step is not steps[-1]:
                raise Stopped(f"{step.title}: {self.findings[-1].mismatches[0]}")

    def _pause(self, pause: Pause) -> bool:
        self._span.pause(pause.seconds)
        return False

    def _together(self, together: Together, scope: dict[str, Json], stake: Stake) -> bool:
        scopes = [dict(scope) for _ in together.steps]
        before = len(self.findings)
        _at_once(
            [partial(self._take, [step], inner, stake) for step, inner in zip(together.steps, scopes, strict=True)]
        )
        for inner in scopes:
            scope.update(inner)
        return len(self.findings) > before

    def _send_all(self, step: Step, send: Send, scope: dict[str, Json], stake: Stake) -> bool:
        if send.times == 1:
            return self._send(step, send, scope, stake)
        times = counted(send.times, scope)
        scopes = [{**scope, "index": index} for index in range(1, times + 1)]
        jobs = [partial(self._send, step, send, inner, stake) for inner in scopes]
        failed = _at_once(jobs) if send.at_once else [job() for job in jobs]
        for name in send.save:
            scope[name] = [inner.get(name) for inner in scopes]
        return any(failed)

    def _send(self, step: Step, send: Send, scope: dict[str, Json], stake: Stake) -> bool:
        """Whether the answer is not as expected. What it is saved from, is."""
        body = self._body(send, scope)
        try:
            exchange = self._exchange(send.method, send.target, send.query, send.headers, body, scope)
        except Withheld as error:
            self._found(step.title, stake, [str(error)], None)
            return True
        sent = render(send.body, scope) if send.has_body else None
        self.made += self.session.made(sent, exchange)
        wrong = unmet(send.expect, exchange, scope)
        if not wrong and exchange.response:
            wrong = _save(send.save, exchange.response, scope)
        if wrong:
            self._found(step.title, stake, wrong, exchange)
            return True
        for aside in send.asides:
            missed = unmet(aside.expect, exchange, scope)
            if missed:
                self._found(step.title, aside.stake or stake, missed, exchange)
        return False

    def _body(self, send: Send, scope: Mapping[str, Json]) -> bytes | None:
        if send.text is not None:
            return render_text(send.text, scope).encode()
        return json.dumps(render(send.body, scope), ensure_ascii=False).encode() if send.has_body else None

    def _exchange(
        self,
        method: str,
        target: str,
        query: Mapping[str, Json],
        headers: Mapping[str, str | None],
        body: bytes | None,
        scope: Mapping[str, Json],
    ) -> Exchange:
        self._see_that_there_is_time()
        path = with_query(render_target(target, scope), render(dict(query), scope))
        exchange = self.session.exchange(method, path, self._headers(headers, body, scope), body, self._span)
        self.exchanges.append(exchange)
        self.observe(exchange)
        return exchange

    def _see_that_there_is_time(self) -> None:
        if self.session.stop.of_scenarios.is_set():
            raise Stopped("The run was interrupted.")
        if not self._span.left:
            raise OutOfTime(f"The scenario took more than {self.limit:.0f} seconds.")

    def _headers(
        self, own: Mapping[str, str | None], body: bytes | None, scope: Mapping[str, Json]
    ) -> Mapping[str, str]:
        """The headers of the connector, signed in, with those of the step over them; a None takes one away."""
        headers = {**self.suite.headers, **self.session.credentials}
        if body is None:
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        for name, value in own.items():
            headers = {known: said for known, said in headers.items() if known.lower() != name.lower()}
            if value is not None:
                headers[name] = render_text(value, scope)
        return headers

    def _found(self, title: str, stake: Stake, wrong: Sequence[str], exchange: Exchange | None) -> None:
        masking = self.session.masking
        shown = masking.exchange(exchange) if exchange else None
        self.findings.append(Finding(title, stake, tuple(map(masking.text, wrong)), shown))

    # Pages ------------------------------------------------------------------------------------------------------------

    def _walk(self, step: Step, walk: Walk, scope: dict[str, Json], stake: Stake) -> bool:
        pages: list[Json] = []
        more: dict[str, Json] | None = {"startIndex": 1} if walk.by == "index" else {"cursor": ""}
        while more is not None and len(pages) < walk.most:
            query = {**walk.query, **more, "count": walk.count}
            exchange = self._exchange("GET", walk.target, query, walk.headers, None, scope)
            wrong = unmet(walk.each, exchange, {**scope, **more})
            page = exchange.response.json() if exchange.response else None
            if wrong or not isinstance(page, dict):
                self._found(step.title, stake, wrong or ["the page is no JSON object"], exchange)
                return True
            pages.append(page)
            more = _next_page(walk, page, more)
        summary = _summary(pages, is_complete=more is None)
        missed = mismatches(render(walk.expect, scope), summary) if walk.expect is not None else []
        missed = missed or _saved_of(summary, walk.save, scope)
        if missed:
            self._found(step.title, stake, missed, self.exchanges[-1])
        return bool(missed)


def _next_page(walk: Walk, page: Mapping[str, Json], now: Mapping[str, Json]) -> dict[str, Json] | None:
    """The parameters of the page after this one; None after the last."""
    if walk.by == "cursor":
        cursor = page.get("nextCursor")
        return {"cursor": cursor} if cursor else None
    start = int(now["startIndex"]) + walk.count
    total = page.get("totalResults")
    return {"startIndex": start} if isinstance(total, int) and start <= total and page.get("Resources") else None


def _summary(pages: Sequence[Mapping[str, Json]], is_complete: bool) -> Json:
    shown = [one for page in pages for one in page.get("Resources") or () if isinstance(one, dict)]
    return {
        "pages": len(pages),
        "resources": len(shown),
        "ids": [one.get("id") for one in shown],
        "totals": [page.get("totalResults") for page in pages],
        "starts": [page.get("startIndex") for page in pages],
        "complete": is_complete,
    }


def with_query(target: str, query: Mapping[str, Json]) -> str:
    """`target` with these parameters, percent-encoded. A list repeats its name, None leaves it out."""
    pairs = [
        (name, one)
        for name, value in query.items()
        for one in (value if isinstance(value, list) else [value])
        if one is not None
    ]
    if not pairs:
        return target
    text = "&".join(
        f"{percent(name)}={percent(one if isinstance(one, str) else json.dumps(one))}" for name, one in pairs
    )
    return f"{target}{'&' if '?' in target else '?'}{text}"


def unmet(expect: Expectation, exchange: Exchange, scope: Mapping[str, Json]) -> list[str]:
    """What of the answer is not as expected, a sentence each."""
    response = exchange.response
    if response is None:
        return [exchange.fault or "no answer"]
    wrong = []
    if expect.statuses and response.status not in expect.statuses:
        wrong.append(f"status: expected {_either(expect.statuses)}, got {response.status}{_said(response)}")
        return wrong
    for name, matcher in expect.headers.items():
        value = response.headers.get(name, MISSING)
        wrong += mismatches(render(matcher, scope), value, f"the header {name}")
    if expect.has_body:
        wrong += _wrong_body(expect.body, response, scope)
    if expect.within is not None and response.seconds > expect.within:
        wrong.append(f"time: expected an answer within {expect.within:g} s, got one after {response.seconds:.2f} s")
    return wrong


def _wrong_body(expected: Json, response: Response, scope: Mapping[str, Json]) -> list[str]:
    matcher = render(expected, scope)
    if not response.body:
        return mismatches(matcher, MISSING)
    if not response.is_json:
        return [f"the body: expected JSON, got {response.body[:80].decode('utf-8', 'replace')!r}"]
    return mismatches(matcher, response.json())


def _either(statuses: Sequence[int]) -> str:
    return " or ".join(map(str, statuses))


def _said(response: Response) -> str:
    """The detail of an error, for the sentence about the status."""
    body = response.json()
    detail = body.get("detail") if isinstance(body, dict) else None
    return f" ({shortened(detail)})" if isinstance(detail, str) else ""


def _save(save: Mapping[str, str], response: Response, scope: dict[str, Json]) -> list[str]:
    """Keep what the answer holds; what it does not hold is wrong with it."""
    scope |= {name: response.status for name, source in save.items() if source == "status"}
    save = {name: source for name, source in save.items() if source != "status"}
    headers = {name: source for name, source in save.items() if source.startswith("header:")}
    for name, source in headers.items():
        field = source.removeprefix("header:").strip().lower()
        if field not in response.headers:
            return [f"the header {field}: expected a value, got nothing"]
        scope[name] = response.headers[field]
    return _saved_of(response.json(), {name: save[name] for name in save.keys() - headers.keys()}, scope)


def _saved_of(value: Json, save: Mapping[str, str], scope: dict[str, Json]) -> list[str]:
    for name, pointer in save.items():
        found = point(pointer, value)
        if found is MISSING or found is None:
            return [f"{pointer or 'the body'}: expected a value, got nothing"]
        scope[name] = found
    return []


def _let(scope: dict[str, Json], names: Mapping[str, Json]) -> None:
    for name, value in names.items():
        scope[name] = render(value, scope)


def _at_once(jobs: Sequence[Callable[[], Json]], most: int = MOST_AT_ONCE) -> list[Json]:
    """What the jobs give, done side by side by `most` threads."""
    with ThreadPoolExecutor(min(len(jobs), most)) as pool:
        return [future.result() for future in [pool.submit(job) for job in jobs]]


def _said_of(error: Exception) -> str:
    """Why a scenario ended. Of an answer that the tool was not made for, the report of all others must not be lost."""
    if isinstance(error, (Stopped, TooMuch, Unknown, Withheld)):
        return str(error)
    return f"what was answered could not be judged: {type(error).__name__}: {error}"
