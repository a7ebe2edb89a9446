"""The report as JSON, for programs. The form is stable: members may come, none changes or goes while `version` is 1.

    {
      "version": 1,
      "base_url": "https://scim.example.com/v2",
      "started": "2026-01-31T09:30:00+00:00",           RFC 3339, UTC
      "seconds": 12.5,
      "requests": 812,
      "server": {...},                                  its ServiceProviderConfig; null if it gave none
      "leftovers": ["/Users/42"],                       what could not be removed
      "connectors": [{
        "name": "okta",
        "title": "Okta",
        "verdict": "works, with flaws",                 "works", "does not work" or "not shown"
        "counts": {"passed": 40, "failed": 2, "blocked": 0, "not applicable": 3},
        "capabilities": {"paging": "works"},            verdicts; only those that the connector has scenarios for
        "results": [{
          "id": "import-pages",
          "title": "...",
          "capability": "paging",
          "outcome": "failed",                          "passed", "blocked" or "not applicable"
          "missed": "should",                           the gravest level that was missed; null if none was
          "items": ["OKTA-11"],
          "level": "must",                              what hangs on the scenario as a whole
          "reason": "",                                 why it is blocked or not applicable
          "seconds": 0.25,
          "findings": [{                                empty unless it failed
            "title": "GET /Users",
            "items": ["OKTA-11"],
            "level": "should",
            "breaks": "...",                            what the connector does then
            "fix": "...",
            "mismatches": ["status: expected 200, got 404"],
            "count": 1,                                 answers in which it was seen; `exchange` is the first of them
            "exchange": EXCHANGE                        null if nothing was sent
          }],
          "exchanges": [EXCHANGE]                       all of a scenario that failed or is blocked, in their order
        }]
      }]
    }

An EXCHANGE is as sent and received, secrets masked:

    {
      "request": {"method": "GET", "target": "/v2/Users?count=1", "headers": {...}, "body": null},
      "response": {"status": 200, "headers": {...}, "body": "{...}", "seconds": 0.01},      null if no answer came
      "fault": null                                     why none came
    }

A body is text, or null where a request had none; what is not UTF-8 in it is replaced by U+FFFD.
"""

import json
from typing import Final

from conformance.exchange import Exchange, Json, Request, Response
from conformance.reports.matrix import number
from conformance.results import Finding, Outcome, Report, Result, SuiteReport, verdict

VERSION: Final = 1


def render(report: Report) -> str:
    """The report as a JSON text, of ASCII characters only."""
    document = {
        "version": VERSION,
        "base_url": report.base_url,
        "started": report.started,
        "seconds": round(report.seconds, 3),
        "requests": report.requests,
        "server": report.server,
        "leftovers": list(report.leftovers),
        "connectors": [_connector(suite) for suite in report.suites],
    }
    return json.dumps(document, indent=2) + "\n"


def _connector(suite: SuiteReport) -> Json:
    return {
        "name": suite.suite.name,
        "title": suite.suite.title,
        "verdict": suite.verdict.value,
        "counts": {outcome.value: number(suite.results, outcome) for outcome in Outcome},
        "capabilities": {key.value: verdict(results).value for key, results in suite.by_capability().items()},
        "results": [_result(result) for result in suite.results],
    }


def _result(result: Result) -> Json:
    return {
        "id": result.id,
        "title": result.title,
        "capability": result.capability.value,
        "outcome": result.outcome.value,
        "missed": result.level and result.level.value,
        "items": list(result.stake.items),
        "level": result.stake.level.value,
        "reason": result.reason,
        "seconds": round(result.seconds, 3),
        "findings": [_finding(finding) for finding in result.findings],
        "exchanges": [_exchange(exchange) for exchange in result.before] if result.level else [],
    }


def _finding(finding: Finding) -> Json:
    return {
        "title": finding.title,
        "items": list(finding.stake.items),
        "level": finding.stake.level.value,
        "breaks": finding.stake.breaks,
        "fix": finding.stake.fix,
        "mismatches": list(finding.mismatches),
        "count": finding.count,
        "exchange": finding.exchange and _exchange(finding.exchange),
    }


def _exchange(exchange: Exchange) -> Json:
    response = exchange.response and _response(exchange.response)
    return {"request": _request(exchange.request), "response": response, "fault": exchange.fault}


def _request(request: Request) -> Json:
    body = None if request.body is None else _text(request.body)
    return {"method": request.method, "target": request.target, "headers": dict(request.headers), "body": body}


def _response(response: Response) -> Json:
    return {
        "status": response.status,
        "headers": dict(response.headers),
        "body": _text(response.body),
        "seconds": round(response.seconds, 3),
    }


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
