"""The report as one page: complete in itself, readable without script, and closed to what an answer may hold.

`page.html` is the frame, `page.css` and `page.js` are put into it. A policy (CSP) in the frame names their hashes, so
that nothing else could run or load even if it got there.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from string import Template
from typing import Final

from conformance.exchange import Json
from conformance.reports.cards import FAILED, LEVELS, anchor, failures
from conformance.reports.characters import clipped
from conformance.reports.markup import EMPTY, Markup, element, joined
from conformance.reports.matrix import Cell, Mark, cell, columns, counts, missed_of, of_outcome, sentence, summary
from conformance.results import Outcome, Report, Result, SuiteReport
from conformance.scenario import Capability

HERE: Final = Path(__file__).parent
BODY: Final = 20_000
"""Characters that are shown of what the server says of itself."""

MEANINGS: Final = {
    Mark.WORKS: "works",
    Mark.FLAWED: "works, with flaws",
    Mark.BROKEN: "does not work",
    Mark.UNKNOWN: "not shown: what it needs first failed",
    Mark.NOT_APPLICABLE: "not applicable to this server",
}

SECTIONS: Final = {
    Outcome.FAILED: FAILED,
    Outcome.BLOCKED: "blocked",
    Outcome.NOT_APPLICABLE: "not-applicable",
}
"""What the ids of places start with."""
REASONS: Final = {
    Outcome.BLOCKED: "What these need first could not be made on the server, so nothing is known of them.",
    Outcome.NOT_APPLICABLE: "These ask for what the server says it does not offer, or what never occurred.",
}


def render(report: Report) -> str:
    """The page."""
    style, script = _read("page.css"), _read("page.js")
    return Template(_read("page.html")).substitute(
        title=joined(f"SCIM conformance of {report.base_url}"),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        header=_header(report),
        main=joined(*_sections(report)),
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"


def _header(report: Report) -> Markup:
    took = f"{report.requests:,} requests in {report.seconds:.1f} seconds"
    links = [element("a", {"href": f"#{id}"}, title) for id, title in _contents(report)]
    return element(
        "header",
        {},
        element("p", {"class": "overline"}, "SCIM conformance: what connectors can expect of a server"),
        element("h1", {}, summary(report)),
        element(
            "p",
            {"class": "about"},
            element("span", {}, "Server ", element("b", {}, report.base_url)),
            element("span", {}, _when(report.started)),
            element("span", {}, took),
        ),
        element("nav", {"class": "contents", "aria-label": "Contents"}, *links),
    )


def _when(started: str) -> Markup:
    moment = datetime.fromisoformat(started)
    return element("time", {"datetime": started}, f"{moment.day} {moment:%B %Y, %H:%M %Z}")


def _contents(report: Report) -> Iterator[tuple[str, str]]:
    """The sections that the page has, by their ids."""
    outcomes = {result.outcome for suite in report.suites for result in suite.results}
    yield "connectors", "Connectors"
    yield "matrix", "Capabilities"
    if Outcome.FAILED in outcomes:
        yield "failures", "Failures"
    if Outcome.BLOCKED in outcomes:
        yield "blocked", "Blocked"
    if Outcome.NOT_APPLICABLE in outcomes:
        yield "not-applicable", "Not applicable"
    if Outcome.PASSED in outcomes:
        yield "passed", "Passed"
    yield "leftovers", "Left over"
    yield "server", "The server"


def _sections(report: Report) -> Iterator[Markup]:
    content = {
        "connectors": lambda: _verdicts(report),
        "matrix": lambda: _matrix(report),
        "failures": lambda: failures(report),
        "blocked": lambda: _with_reasons(report, Outcome.BLOCKED),
        "not-applicable": lambda: _with_reasons(report, Outcome.NOT_APPLICABLE),
        "passed": lambda: _passed(report),
        "leftovers": lambda: _leftovers(report),
        "server": lambda: _server(report.server),
    }
    for id, title in _contents(report):
        yield element("section", {"id": id}, element("h2", {}, title), content[id]())


# Connectors -----------------------------------------------------------------------------------------------------------


def _verdicts(report: Report) -> Markup:
    return element("ul", {"class": "verdicts"}, *map(_verdict, report.suites))


def _verdict(suite: SuiteReport) -> Markup:
    mark = cell(suite.results).mark
    place = _place(suite.suite.name, suite.results)
    title = element("a", {"href": place}, suite.suite.title) if place else suite.suite.title
    return element(
        "li",
        {"class": mark.name.lower()},
        element("span", {"class": "mark", "aria-hidden": "true"}, mark.value),
        element("div", {}, element("strong", {}, title, ":"), " ", element("span", {"class": "said"}, sentence(suite))),
        element("div", {"class": "where"}, _where(suite), element("div", {}, counts(suite.results))),
    )


def _where(suite: SuiteReport) -> Markup:
    """In which capabilities something is missed, the gravest first."""
    marks = {capability: cell(results).mark for capability, results in suite.by_capability().items()}
    said = []
    for mark, words in ((Mark.BROKEN, "Fails in "), (Mark.FLAWED, "Flaws in "), (Mark.UNKNOWN, "Not shown: ")):
        names = ", ".join(capability.value for capability, found in marks.items() if found is mark)
        if names:
            said.append(joined(words, element("b", {}, names), ". "))
    return element("div", {}, *said) if said else EMPTY


def _place(name: str, results: Sequence[Result], *parts: str) -> str | None:
    """Where on the page the failures among results are, or else what is blocked or does not apply."""
    found = next((section for outcome, section in SECTIONS.items() if of_outcome(results, outcome)), None)
    return found and "#" + anchor(found, name, *parts)


# The matrix -----------------------------------------------------------------------------------------------------------


def _matrix(report: Report) -> Markup:
    heads = [element("th", {"scope": "col"}, suite.suite.title) for suite in report.suites]
    rows = [_row(capability, report) for capability in columns(report.suites)]
    table = element(
        "table",
        {"class": "matrix"},
        element("thead", {}, element("tr", {}, element("td", {}), *heads)),
        element("tbody", {}, *rows),
    )
    box = {"class": "scroll", "role": "region", "aria-label": "Capabilities of each connector", "tabindex": "0"}
    return joined(element("div", box, table), _legend())


def _row(capability: Capability, report: Report) -> Markup:
    cells = [element("td", {}, _cell(suite, capability)) for suite in report.suites]
    return element("tr", {}, element("th", {"scope": "row"}, capability.value), *cells)


def _cell(suite: SuiteReport, capability: Capability) -> Markup:
    results = suite.by_capability().get(capability, [])
    shown = cell(results)
    if shown.mark is Mark.NOTHING:
        return EMPTY
    place = _place(suite.suite.name, missed_of(results), capability.value)
    name = "a" if place else "span"
    title = f"{suite.suite.title}, {capability.value}: {MEANINGS[shown.mark]} ({counts(results)})"
    attributes = {"class": f"cell {shown.mark.name.lower()}", "href": place, "title": title}
    mark = element("span", {"class": "mark", "aria-hidden": "true"}, shown.mark.value)
    return element(name, attributes, mark, " ", _words(shown))


def _words(shown: Cell) -> str:
    return {
        Mark.WORKS: f"{shown.passed} pass",
        Mark.FLAWED: f"{shown.missed} {'flaw' if shown.missed == 1 else 'flaws'}",
        Mark.BROKEN: f"{shown.missed} {'fails' if shown.missed == 1 else 'fail'}",
        Mark.UNKNOWN: f"{shown.missed} blocked",
        Mark.NOT_APPLICABLE: "n/a",
    }[shown.mark]


def _legend() -> Markup:
    marks = [
        element("span", {"class": mark.name.lower()}, element("span", {"class": "mark"}, mark.value), f" {meaning}")
        for mark, meaning in MEANINGS.items()
    ]
    return element("p", {"class": "legend"}, *marks)


# What did not fail ----------------------------------------------------------------------------------------------------


def _with_reasons(report: Report, outcome: Outcome) -> Markup:
    about = element("p", {"class": "soft"}, REASONS[outcome])
    return joined(about, *(_reasons(suite, outcome, SECTIONS[outcome]) for suite in report.suites))


def _reasons(suite: SuiteReport, outcome: Outcome, prefix: str) -> Markup:
    """A connector's results of that outcome, by capability, each with its reason."""
    groups = {key: of_outcome(results, outcome) for key, results in suite.by_capability().items()}
    entries = [_entry(suite, capability, results, prefix) for capability, results in groups.items() if results]
    if not entries:
        return EMPTY
    title = element("h3", {}, suite.suite.title)
    listed = element("ul", {"class": "listed"}, *entries)
    return element("div", {"class": "group", "id": anchor(prefix, suite.suite.name)}, title, listed)


def _entry(suite: SuiteReport, capability: Capability, results: Sequence[Result], prefix: str) -> Markup:
    told = [
        element("li", {}, result.title, element("div", {"class": "soft"}, *_level(result), result.reason))
        for result in results
    ]
    id = anchor(prefix, suite.suite.name, capability.value)
    return element("li", {"id": id}, element("h4", {}, capability.value), element("ul", {}, *told))


def _level(result: Result) -> Iterator[Markup]:
    """What would hang on it; nothing hangs on what does not apply."""
    if result.level:
        yield element(
            "span", {"class": f"level {result.level.value}", "title": LEVELS[result.level]}, result.level.value
        )
        yield Markup(" ")


def _passed(report: Report) -> Markup:
    return joined(*map(_passed_of, report.suites))


def _passed_of(suite: SuiteReport) -> Markup:
    results = of_outcome(suite.results, Outcome.PASSED)
    if not results:
        return EMPTY
    tick = element("span", {"class": "mark", "aria-hidden": "true"}, Mark.WORKS.value)
    titles = [element("li", {}, tick, result.title) for result in results]
    head = element("summary", {}, f"{suite.suite.title}: {len(results)} of {len(suite.results)}")
    return element("details", {}, head, element("ul", {"class": "passed"}, *titles))


def _leftovers(report: Report) -> Markup:
    if not report.leftovers:
        return element("p", {}, "Nothing: all that was made on the server was removed again.")
    addresses = [element("li", {}, element("code", {}, address)) for address in report.leftovers]
    return joined(
        element("p", {}, "This could not be removed; please remove it by hand."), element("ul", {}, *addresses)
    )


def _server(config: Json) -> Markup:
    """What the server says of itself, whatever the form: it is shown as it came, and what is `supported` first."""
    if config is None:
        return element("p", {}, "It gave no configuration (ServiceProviderConfig).")
    features = [
        joined(element("dt", {}, str(name)), element("dd", {}, _feature(value)))
        for name, value in (config.items() if isinstance(config, dict) else ())
        if isinstance(value, dict) and "supported" in value
    ]
    text = clipped(json.dumps(config, indent=2, ensure_ascii=False), BODY)
    head = element("summary", {}, "ServiceProviderConfig as it came")
    return joined(
        element("dl", {"class": "facts"}, *features) if features else EMPTY,
        element("details", {}, head, element("pre", {"tabindex": "0"}, text)),
    )


def _feature(value: dict[str, Json]) -> str:
    supported = json.dumps(value["supported"])
    limits = [f"{name} {json.dumps(limit)}" for name, limit in value.items() if name != "supported"]
    return ", ".join([{"true": "yes", "false": "no"}.get(supported, supported), *limits])
