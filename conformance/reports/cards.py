"""The failures on the page: what breaks, what to change, what was expected and what was sent and received."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

from conformance.exchange import Exchange
from conformance.reports import wire
from conformance.reports.alike import by_stake
from conformance.reports.markup import EMPTY, Markup, element, joined
from conformance.reports.matrix import cell, of_outcome, sentence
from conformance.results import Finding, Outcome, Report, Result, SuiteReport
from conformance.scenario import Capability, Level, Stake

ITEMS: Final = Path(__file__).parents[1] / "items.json"
BODY: Final = 20_000
"""Characters that are shown of a body where something was missed; of a step on the way there a tenth."""
STEPS: Final = 40
"""Steps of a scenario that are shown; of more, the last."""

FAILED: Final = "failed"
"""What the ids of places among the failures start with."""
LEVELS: Final[Mapping[Level, str]] = {
    Level.MUST: "without it the synchronisation fails or data is lost",
    Level.SHOULD: "the connector works, with a fault that somebody will notice",
    Level.MAY: "the connector manages without it",
}


def anchor(*parts: str) -> str:
    """The id of a place on the page."""
    return ".".join("-".join(re.findall(r"\w+", part)) for part in parts)


@cache
def item_titles() -> Mapping[str, str]:
    """What each item says, by its id."""
    return {id: item["title"] for id, item in json.loads(ITEMS.read_text(encoding="utf-8")).items()}


def failures(report: Report) -> Markup:
    """All of them, with a filter that the script brings to life."""
    return joined(_levels(), _filter(report), *map(_connector, report.suites))


def _levels() -> Markup:
    said = [joined(_chip(level), f" {meaning}. ") for level, meaning in LEVELS.items()]
    return element("p", {"class": "levels"}, *said)


def _chip(level: Level) -> Markup:
    return element("span", {"class": f"level {level.value}", "title": LEVELS[level]}, level.value)


def _filter(report: Report) -> Markup:
    failed = [suite.suite for suite in report.suites if of_outcome(suite.results, Outcome.FAILED)]
    options = [element("option", {"value": anchor(suite.name)}, suite.title) for suite in failed]
    select = element("select", {"name": "connector"}, Markup('<option value="">all</option>'), *options)
    boxes = [element("label", {}, _box(level), level.value) for level in Level]
    return element(
        "form",
        {"class": "filter", "id": "filter", "hidden": ""},
        element("label", {}, "Connector ", select),
        element("fieldset", {}, element("legend", {"class": "unseen"}, "Levels"), *boxes),
        element("output", {}),
    )


def _box(level: Level) -> Markup:
    return Markup(f'<input type="checkbox" name="level" value="{level.value}" checked>')


def _connector(suite: SuiteReport) -> Markup:
    failed = {key: of_outcome(results, Outcome.FAILED) for key, results in suite.by_capability().items()}
    groups = [_capability(suite, capability, results) for capability, results in failed.items() if results]
    if not groups:
        return EMPTY
    said = element("span", {"class": "said"}, sentence(suite))
    title = element("h3", {}, suite.suite.title, " ", said)
    mark = cell(suite.results).mark.name.lower()
    return element("section", {"class": f"connector {mark}", "id": anchor(FAILED, suite.suite.name)}, title, *groups)


def _capability(suite: SuiteReport, capability: Capability, results: Sequence[Result]) -> Markup:
    cards = [_failure(suite, result) for result in results]
    attributes = {"class": "capability", "id": anchor(FAILED, suite.suite.name, capability.value)}
    return element("section", attributes, element("h4", {}, capability.value), element("div", {}, *cards))


def _failure(suite: SuiteReport, result: Result) -> Markup:
    level = result.level or result.stake.level
    id = anchor(FAILED, suite.suite.name, result.capability.value, result.id)
    attributes = {"class": "failure", "id": id, "data-connector": anchor(suite.suite.name), "data-level": level.value}
    link = element("span", {"class": "id"}, element("a", {"href": f"#{id}"}, result.id))
    head = element("h5", {}, _chip(level), element("span", {}, result.title, " ", link))
    return element("article", attributes, head, *_stakes(result), _steps(result))


def _stakes(result: Result) -> Iterator[Markup]:
    """What was missed, those with the same at stake together."""
    for stake, findings in by_stake(result.findings).items():
        yield _stake(result, stake, findings)


def _stake(result: Result, stake: Stake, findings: Sequence[Finding]) -> Markup:
    level = joined(" ", _chip(stake.level)) if stake.level is not result.level else EMPTY
    told = _terms(
        ("What breaks", joined(stake.breaks, level)),
        ("What to change", stake.fix),
        ("Proves", element("ul", {"class": "items"}, *map(_item, stake.items))),
    )
    return element("div", {"class": f"finding {stake.level.value}"}, told, *(_finding(result, one) for one in findings))


def _finding(result: Result, finding: Finding) -> Markup:
    exchange = _exchange(finding.exchange, BODY) if finding.exchange else EMPTY
    return joined(_terms(("Expected, got", _mismatches(result, finding))), exchange)


def _terms(*rows: tuple[str, str]) -> Markup:
    return element("dl", {}, *(joined(element("dt", {}, term), element("dd", {}, said)) for term, said in rows))


def _item(id: str) -> Markup:
    return element("li", {}, element("code", {}, id), element("span", {}, item_titles().get(id, "")))


def _mismatches(result: Result, finding: Finding) -> Markup:
    """The sentences, under the step where that has a title of its own."""
    times = [f"seen {finding.count:,} times; the first of them:"] if finding.count > 1 else []
    place = [] if finding.title == result.title or _is_request(finding) else [finding.title]
    step = element("p", {"class": "step"}, ", ".join(place + times)) if place or times else EMPTY
    said = [element("li", {}, mismatch) for mismatch in finding.mismatches]
    return joined(step, element("ul", {"class": "mismatches"}, *said))


def _is_request(finding: Finding) -> bool:
    """Whether the title only says what the exchange shows: a step without a title is named by its request."""
    return finding.exchange is not None and finding.title.startswith(f"{finding.exchange.request.method} /")


# Exchanges ------------------------------------------------------------------------------------------------------------


def _exchange(exchange: Exchange, most: int, *before: str) -> Markup:
    """A line that opens to what was sent and received."""
    head = element("summary", {}, *before, *_line(exchange))
    return element("details", {}, head, _messages(exchange, most))


def _line(exchange: Exchange) -> Iterator[str]:
    request, response = exchange.request, exchange.response
    yield element("code", {}, f"{request.method} {_short(request.target)}")
    yield f" → {wire.outcome(exchange)}"
    if response:
        yield element("span", {"class": "soft"}, f" in {response.seconds * 1000:,.0f} ms")


def _short(target: str) -> str:
    return target if len(target) <= 160 else f"{target[:160]}…"


def _messages(exchange: Exchange, most: int) -> Markup:
    answer = wire.received(exchange.response, most) if exchange.response else wire.outcome(exchange)
    return element(
        "div", {"class": "exchange"}, _message("Sent", wire.sent(exchange.request, most)), _message("Received", answer)
    )


def _message(title: str, text: str) -> Markup:
    return element("figure", {}, element("figcaption", {}, title), element("pre", {"tabindex": "0"}, text))


def _steps(result: Result) -> Markup:
    """All that was sent, in order; what is shown above is named alone."""
    if len(result.before) < 2:
        return EMPTY
    missed = [finding.exchange for finding in result.findings]
    steps = [
        _step(number, exchange, is_missed=exchange in missed) for number, exchange in enumerate(result.before, start=1)
    ]
    left_out = len(steps) - STEPS
    head = f"The {len(steps)} requests that led there" + (f", the last {STEPS} of them" if left_out > 0 else "")
    start = {"start": str(left_out + 1)} if left_out > 0 else {}
    return element(
        "details", {"class": "steps"}, element("summary", {}, head), element("ol", {**start}, *steps[-STEPS:])
    )


def _step(number: int, exchange: Exchange, *, is_missed: bool) -> Markup:
    count = element("span", {"class": "number"}, str(number))
    if is_missed:
        return element("li", {}, count, *_line(exchange), element("span", {"class": "missed"}, " shown above"))
    return element("li", {}, _exchange(exchange, BODY // 10, count))
