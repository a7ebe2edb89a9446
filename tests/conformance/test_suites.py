"""Every suite passes against this server, on both engines and in the dialects that it is for."""

import csv
from collections.abc import Mapping, Set
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from conformance.masking import Masking
from conformance.reading import SUITES, names, read_scenarios, read_suite
from conformance.results import Outcome, Report
from conformance.runner import Limits, run
from conformance.scenario import step_stakes
from conformance.session import Session
from conformance.transport import HttpTransport
from scim_server.connectors.dialects import DIALECTS
from tests.conformance.pace import is_merely_slow
from tests.live.server import Server

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ENTITLEMENTS: Final = {scenario.id for scenario in read_scenarios(SUITES / "okta" / "entitlements.json")}
"""The default tenant has no roles and licences as resources; test_entitlements.py plays them where it has."""

NOT_HERE: Final[Mapping[str, Set[str]]] = {
    "clients": {"bulk-not-supported", "events-announced", "role-resources", "entitlement-resources"},
    "entra": {"client-credentials", "validator-preflight", "schemas-for-the-validator"},
    "okta": ENTITLEMENTS,
    "rfc": {
        "bulk-not-offered",
        "cursor-default-cursor",
        "events-announced",
        "password-change-offered",
        "patch-not-offered",
        "required-extensions",
    },
}
"""What does not concern this server: it offers what these would see refused, or does not announce what they look at."""

REQUIREMENTS = Path(__file__).parents[1] / "requirements.csv"


def not_applicable() -> set[str]:
    """The requirements that are not for this server."""
    with REQUIREMENTS.open(encoding="utf-8") as file:
        return {row["id"] for row in csv.DictReader(file) if row["not_applicable"]}


def proved(name: str) -> list[str]:
    """What a passed suite proves of this server: the items of what is played here."""
    suite = read_suite(name)
    here = [scenario for scenario in suite.scenarios if scenario.id not in NOT_HERE.get(name, set())]
    stakes = [scenario.stake for scenario in here] + [stake for one in here for stake in step_stakes(one.steps)]
    stakes += [rule.stake for rule in suite.rules]
    return sorted({item for stake in stakes for item in stake.items} - not_applicable())


def marked(*values: str) -> Any:
    return pytest.param(*values, marks=pytest.mark.req(*proved(values[0])))


OWN: Final = {"rfc": "strict"}
DIALECT_OF: Final = {name: OWN.get(name, name) for name in names() if OWN.get(name, name) in DIALECTS}
"""The suites that have a dialect of their own; the generic one is for all of them."""


def played(server: Server, name: str, dialect: str) -> Report:
    token = server.token if dialect == "generic" else server.issue(dialect)
    with closing(HttpTransport(server.base_url)) as transport:
        session = Session(
            base_url=server.base_url,
            transport=transport,
            credentials={"Authorization": f"Bearer {token}"},
            run="suites",
            masking=Masking([token]),
        )
        return run(session, [read_suite(name)], Limits(), lambda result: None)


@pytest.mark.parametrize("name", [marked(name) for name in names()])
def test_every_suite_passes(server: Server, name: str) -> None:
    assert_sound(played(server, name, "generic"), name)


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("name", "dialect"), [marked(*pair) for pair in DIALECT_OF.items()])
def test_a_suite_passes_in_the_dialect_that_is_made_for_it(server: Server, name: str, dialect: str) -> None:
    """What a dialect lets pass is decided before the database, so that one engine is enough."""
    assert_sound(played(server, name, dialect), name)


def assert_sound(report: Report, name: str) -> None:
    (suite,) = report.suites
    missed = {
        result.id: (result.reason, [(finding.title, finding.mismatches) for finding in result.findings])
        for result in suite.results
        if result.outcome in (Outcome.FAILED, Outcome.BLOCKED) and not is_merely_slow(result)
    }
    assert missed == {}
    assert {r.id for r in suite.results if r.outcome is Outcome.NOT_APPLICABLE} == NOT_HERE.get(name, set())
    assert report.leftovers == ()
