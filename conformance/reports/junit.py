"""The report as JUnit XML: a test suite for each connector, a test case for each scenario and rule.

A failed one is a failure, a blocked one an error, one that is not applicable is skipped. The form is the one that
Jenkins, GitLab and others read; XML has no place for control characters, so they are spelt out.
"""

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from conformance.reports import wire
from conformance.reports.alike import merged
from conformance.reports.characters import visible
from conformance.reports.matrix import at_least, number
from conformance.results import Finding, Outcome, Report, Result, SuiteReport
from conformance.scenario import Level

BODY: Final = 4_000
"""Characters of a body that are shown."""


def render(report: Report, level: Level = Level.MAY) -> str:
    """The report as an XML document. Findings below `level` do not fail a case; they are in its output."""
    root = Element(
        "testsuites", {"name": "conformance", **_numbers([r for s in report.suites for r in s.results], level)}
    )
    root.set("time", f"{report.seconds:.3f}")
    root.extend([_suite(suite, report, level) for suite in report.suites])
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(suite: SuiteReport, report: Report, level: Level) -> Element:
    element = Element("testsuite", {"name": suite.suite.name, **_numbers(suite.results, level)})
    element.set("time", f"{sum(result.seconds for result in suite.results):.3f}")
    element.set("timestamp", report.started)
    properties = SubElement(element, "properties")
    for name, value in (("base_url", report.base_url), ("verdict", suite.verdict.value)):
        SubElement(properties, "property", {"name": name, "value": visible(value)})
    element.extend([_case(suite, result, level) for result in suite.results])
    return element


def _numbers(results: Sequence[Result], level: Level) -> dict[str, str]:
    return {
        "tests": str(len(results)),
        "failures": str(sum(_is_failure(result, level) for result in results)),
        "errors": str(number(results, Outcome.BLOCKED)),
        "skipped": str(number(results, Outcome.NOT_APPLICABLE)),
    }


def _is_failure(result: Result, level: Level) -> bool:
    return result.outcome is Outcome.FAILED and result.level in at_least(level)


def _case(suite: SuiteReport, result: Result, level: Level) -> Element:
    classname = f"{suite.suite.name}.{result.capability.value}"
    case = Element("testcase", {"classname": classname, "name": visible(f"{result.id}: {result.title}")})
    case.set("time", f"{result.seconds:.3f}")
    if result.outcome is Outcome.BLOCKED:
        SubElement(case, "error", {"message": visible(result.reason), "type": "blocked"}).text = _exchanges(result)
    elif result.outcome is Outcome.NOT_APPLICABLE:
        SubElement(case, "skipped", {"message": visible(result.reason)})
    elif _is_failure(result, level):
        _fail(case, result)
    elif result.findings:
        SubElement(case, "system-out").text = _findings(result.findings)
    return case


def _fail(case: Element, result: Result) -> None:
    message = visible("; ".join(mismatch for finding in merged(result.findings) for mismatch in finding.mismatches))
    kind = result.level.value if result.level else ""
    SubElement(case, "failure", {"message": message, "type": kind}).text = _findings(result.findings)


def _findings(findings: Sequence[Finding]) -> str:
    return "\n\n".join(_finding(finding) for finding in merged(findings))


def _finding(finding: Finding) -> str:
    stake = finding.stake
    times = f", {finding.count} times" if finding.count > 1 else ""
    lines = [
        f"{stake.level.value}: {finding.title} ({', '.join(stake.items)}){times}",
        *(f"  {mismatch}" for mismatch in finding.mismatches),
        f"Breaks: {stake.breaks}",
        f"Fix: {stake.fix}",
    ]
    exchange = f"\n\n{wire.text(finding.exchange, BODY)}" if finding.exchange else ""
    return visible("\n".join(lines)) + exchange


def _exchanges(result: Result) -> str:
    """What was sent last says why nothing could be shown."""
    return wire.text(result.before[-1], BODY) if result.before else ""
