"""The command: what is asked for on the command line -> a run, its reports, an exit code."""

import argparse
import os
import sys
from secrets import token_hex

from conformance.masking import Masking
from conformance.reading import names, read_suite
from conformance.results import Outcome, Report, Result
from conformance.runner import Limits, run
from conformance.scenario import Level
from conformance.session import Session
from conformance.transport import HttpTransport


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m conformance")
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--token", default=os.environ.get("SCIM_TOKEN", ""))
    parser.add_argument("--suite", default=",".join(names()))
    parser.add_argument("--jobs", type=int, default=4)
    options = parser.parse_args(arguments)
    suites = [read_suite(name) for name in options.suite.split(",")]
    session = Session(
        options.base_url.rstrip("/"),
        HttpTransport(options.base_url),
        {"Authorization": f"Bearer {options.token}"},
        f"c{token_hex(4)}",
        Masking([options.token]),
    )
    report = run(session, suites, Limits(jobs=options.jobs), _progress)
    _print(report)
    return 1 if report.findings(Level.MUST) else 0


def _progress(result: Result) -> None:
    sys.stderr.write("." if result.outcome is Outcome.PASSED else result.outcome.value[0].upper())
    sys.stderr.flush()


def _print(report: Report) -> None:
    out = sys.stdout.write
    for suite in report.suites:
        out(f"\n{suite.suite.name}: {suite.verdict.value}\n")
        for result in suite.results:
            if result.outcome in (Outcome.FAILED, Outcome.BLOCKED):
                out(f"  {result.outcome.value} {result.id}: {result.title} {result.reason}\n")
            for finding in result.findings:
                out(f"    [{finding.stake.level.value}] {', '.join(finding.stake.items)} {finding.title}\n")
                out("".join(f"      {mismatch}\n" for mismatch in finding.mismatches))
    leftovers = ", ".join(report.leftovers) or "nothing"
    out(f"\n{report.requests} requests in {report.seconds:.1f} s; left over: {leftovers}\n")
