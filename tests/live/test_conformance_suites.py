"""Public conformance suites against the live server, on both engines."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import CheckResult, Status, check_server

from scim_server.app import create_app
from scim_server.config import Settings
from tests.databases import ENGINES
from tests.http.server import Server as ServerInProcess
from tests.live.server import Server

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

SCIM_SANITY = Path(sys.executable).with_name("scim-sanity")
LEAST_CHECKS = 200
"""Fewer would mean that schemas were not published, and so not checked."""


@pytest.mark.req("R-PAGE-10", "R-COMPAT-02", "R-USER-03", "R-USER-05", "R-ENT-03", "R-DISC-09", "R-SPC-06")
def test_scim2_tester_finds_no_error_and_skips_nothing(server: Server) -> None:
    """The suite speaks WSGI, so it gets the application over the database of the running server."""
    app = create_app(Settings(database_url=server.database_url))
    client = WSGISCIMClient(app.wsgi_app, base_url=server.base_url, headers={"Authorization": f"Bearer {server.token}"})
    results = check_server(client)
    assert faults(results) == []
    assert len(results) >= LEAST_CHECKS


def faults(results: list[CheckResult]) -> list[str]:
    """What is wrong or was not looked at."""
    return [f"{r.title}: {r.reason}" for r in results if r.status in (Status.ERROR, Status.CRITICAL, Status.SKIPPED)]


WORKPLACE = Path(__file__).parents[1] / "data" / "workplace"
"""A resource type as far as the suite goes: no client writes its moments, decimals and binaries, or what it returns
on request alone, and its extension has neither lists nor what is set once. tests/http/test_advertised.py goes further.
"""


@pytest.mark.req("R-DISC-13", "R-RT-02", "R-SCH-12")
@pytest.mark.parametrize("engine", ENGINES)
def test_scim2_tester_passes_a_resource_type_that_is_made_of_files(
    engine: str, new_database: Callable[..., str]
) -> None:
    server = ServerInProcess(Settings(database_url=new_database(engine), extensions=WORKPLACE))
    headers = {"Authorization": f"Bearer {server.token(server.tenant())}"}
    client = WSGISCIMClient(server.app().wsgi_app, base_url="http://localhost/scim/v2", headers=headers)
    results = check_server(client, resource_types=["Workplace"])
    server.close()
    assert faults(results) == []
    assert Counter(r.resource_type for r in results)["Workplace"] >= 60


AGENTS = {
    "Phase 4 — Agent CRUD Lifecycle",
    "Phase 5 — AgenticApplication CRUD Lifecycle",
    "Phase 5a — Agent Rapid Lifecycle",
}
"""About resource types of a draft, which this server does not have."""


def is_about_agents(result: dict[str, str]) -> bool:
    return result["status"] == "skip" and result["phase"] in AGENTS


def sanity(server: Server, *options: str) -> dict[str, int]:
    """The summary of a scim-sanity run: passed, failed, warnings, skipped, errors."""
    command = [str(SCIM_SANITY), "probe", server.base_url, "--token", server.token, *options]
    finished = subprocess.run(
        [*command, "--json-output", "--i-accept-side-effects"], capture_output=True, text=True, check=False
    )
    report = json.loads(finished.stdout)
    faults = [r for r in report["results"] if r["status"] != "pass" and not is_about_agents(r)]
    assert faults == []
    assert finished.returncode == 0
    summary: dict[str, int] = Counter(r["status"] for r in report["results"])
    return summary


@pytest.mark.req("R-HTTP-04", "R-HTTP-06", "R-GET-04", "R-PAGE-02", "R-ERR-01")
def test_scim_sanity_passes_strictly(server: Server) -> None:
    assert sanity(server, "--strict")["pass"] >= 25


@pytest.mark.req("ENTRA-95", "R-COMPAT-01")
def test_scim_sanity_passes_with_the_profile_of_entra(server: Server) -> None:
    assert sanity(server, "--compat", "--profile", "entra")["pass"] >= 25
