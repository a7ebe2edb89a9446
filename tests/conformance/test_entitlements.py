"""Entitlements are resource types made of files: a server with Okta's roles and licences passes those scenarios too."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from conformance.exchange import Transport
from conformance.masking import Masking
from conformance.reading import SUITES, read_scenarios, read_suite
from conformance.results import Outcome, Report, Result
from conformance.runner import Limits, run
from conformance.scenario import Suite
from conformance.session import Session
from conformance.transport import HttpTransport
from scim_server import app
from scim_server.config import Settings
from tests.conformance.in_process import WsgiTransport
from tests.databases import ENGINES
from tests.http.server import Server as ServerInProcess
from tests.live.server import Server, serving
from tests.stock import stock_folder

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ENTITLEMENTS = Path(__file__).parents[1] / "data" / "entitlements"
ROLE = "urn:okta:scim:schemas:core:1.0:Role"
LICENCE = "urn:okta:scim:schemas:core:1.0:Entitlement"
SEATS = "urn:example:params:scim:schemas:extension:seats:License"
LICENCES_ALONE = {"roles-extensions"}
"""Roles have no extension here, so that a resource type without one is shown too."""


def entitlements() -> Suite:
    """Okta's suite with the scenarios of this file alone."""
    suite = read_suite("okta")
    scenarios = read_scenarios(SUITES / "okta" / "entitlements.json")
    return Suite(suite.name, suite.title, suite.about, suite.headers, suite.fixtures, (), tuple(scenarios))


def make_entitlements(server: Server) -> None:
    client = server.client()
    for name in ("Admin", "Viewer"):
        client.post("/Roles", {"schemas": [ROLE], "displayName": name}).expect(201)
    for name, seats in (("Pro licence", 5), ("Basic licence", 50)):
        licence = {"schemas": [LICENCE, SEATS], "type": "License", "displayName": name, SEATS: {"seats": seats}}
        client.post("/Licenses", licence).expect(201)


@pytest.mark.req(*sorted(entitlements().items))
@pytest.mark.parametrize("engine", ENGINES)
def test_roles_and_licences_made_of_files_pass_every_scenario(engine: str, new_database: Callable[..., str]) -> None:
    with serving(new_database(engine), extensions=str(ENTITLEMENTS), workers="2") as server:
        make_entitlements(server)
        report = played(server)
    (suite,) = report.suites
    missed = {
        result.id: (result.outcome, result.reason, [finding.mismatches for finding in result.findings])
        for result in suite.results
        if result.outcome is not Outcome.PASSED
    }
    assert missed.keys() == LICENCES_ALONE, missed
    assert {outcome for outcome, _, _ in missed.values()} == {Outcome.NOT_APPLICABLE}
    assert report.leftovers == ()


@pytest.mark.req(*sorted(entitlements().items))
@pytest.mark.parametrize("engine", ENGINES)
def test_licence_pools_that_a_profile_shows_as_entitlements_pass_every_scenario_of_those(
    engine: str, new_database: Callable[..., str], tmp_path: Path
) -> None:
    settings = Settings(database_url=new_database(engine), extensions=stock_folder(tmp_path / "extensions"))
    with closing(ServerInProcess(settings)) as server:
        report = play(WsgiTransport(server.app().wsgi_app), "http://scim.example.com/scim/v2", entitled(server))
    (suite,) = report.suites
    missed = {result.id: (result.outcome, result.reason) for result in suite.results if not is_passed(result)}
    # Pools are no roles, and the resource type that shows them has no extension.
    assert all("roles" in id or id == "entitlements-extensions" for id in missed), missed
    assert {outcome for outcome, _ in missed.values()} == {Outcome.NOT_APPLICABLE}
    assert len(suite.results) - len(missed) == 7
    assert report.leftovers == ()


def is_passed(result: Result) -> bool:
    return result.outcome is Outcome.PASSED


def entitled(server: ServerInProcess) -> str:
    """A token of a tenant whose profile shows pools as entitlements."""
    tenant = server.tenant("entitled")
    pools = app.pools(server.settings, server.database.storage, tenant)
    pools.set("lic-pro", 5, "Pro licence")
    pools.set("lic-basic", 50, "Basic licence")
    return server.token(tenant, "okta")


def played(server: Server) -> Report:
    with closing(HttpTransport(server.base_url)) as transport:
        return play(transport, server.base_url, server.token)


def play(transport: Transport, base_url: str, token: str) -> Report:
    session = Session(
        base_url=base_url,
        transport=transport,
        credentials={"Authorization": f"Bearer {token}"},
        run="entitlements",
        masking=Masking([token]),
    )
    return run(session, [entitlements()], Limits(), lambda result: None)
