"""Every suite passes against this server, on both engines, and leaves nothing behind."""

from contextlib import closing

import pytest

from conformance.masking import Masking
from conformance.reading import names, read_suite
from conformance.results import Outcome, Report
from conformance.runner import Limits, run
from conformance.session import Session
from conformance.transport import HttpTransport
from tests.live.server import Server

SUITES = [pytest.param(name, marks=pytest.mark.req(*sorted(read_suite(name).items))) for name in names()]


def played(server: Server, name: str) -> Report:
    with closing(HttpTransport(server.base_url)) as transport:
        session = Session(
            base_url=server.base_url,
            transport=transport,
            credentials={"Authorization": f"Bearer {server.token}"},
            run="suites",
            masking=Masking([server.token]),
        )
        return run(session, [read_suite(name)], Limits(), lambda result: None)


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_passes(server: Server, name: str) -> None:
    report = played(server, name)
    missed = [
        (result.id, result.reason, [(finding.title, finding.mismatches) for finding in result.findings])
        for suite in report.suites
        for result in suite.results
        if result.outcome in (Outcome.FAILED, Outcome.BLOCKED)
    ]
    assert missed == []
    assert report.leftovers == ()
