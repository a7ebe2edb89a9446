"""A run against a server that is spoiled in one way reports that, and a run against the sound one reports nothing.

A fault is looked for in the scenarios that prove the items it must be reported under. Whether other things are then
reported is seen in bystanders: a scenario of each capability that the fault has nothing to do with, another one for
each fault.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from conformance.masking import Masking
from conformance.reading import names, read_suite
from conformance.results import Outcome, Report, Result
from conformance.runner import Limits, run
from conformance.scenario import Capability, Level, Scenario, Stake, Suite, step_stakes
from conformance.session import Session
from scim_server.config import Settings
from tests.conformance.faults import FAULTS, Fault, sound
from tests.conformance.in_process import HOST, Layer, Layered, WsgiTransport
from tests.conformance.layers import BASE
from tests.conformance.pace import is_merely_slow
from tests.conformance.variants import VARIANTS, Variant
from tests.http.server import Server

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

LIGHT = 20
"""Resources that a scenario may make where others would do as well."""

HEAVY = 200
"""Resources that no scenario may make here; `test_suites` plays those that do."""

NAMED = [pytest.param(fault, id=fault.name) for fault in FAULTS]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("faults") / "scim.db"
    server = Server(Settings(database_url=f"sqlite:///{path}"))
    yield server
    server.close()


def played(server: Server, layer: Layer, suites: Sequence[Suite]) -> Report:
    """A run against a new tenant of the server behind that layer."""
    token = server.token(server.tenant())
    session = Session(
        base_url=f"http://{HOST}{BASE}",
        transport=WsgiTransport(Layered(server.app(), layer)),
        credentials={"Authorization": f"Bearer {token}"},
        run="faults",
        masking=Masking([token]),
    )
    return run(session, suites, Limits(jobs=1), lambda result: None)


def proves(stakes: Iterable[Stake], items: Sequence[str]) -> bool:
    return any(item in items for stake in stakes for item in stake.items)


def weight(scenario: Scenario) -> int:
    """About how many resources it makes; a fixture may be told its own number."""
    told = [given.parameters.get("count", 1) for given in scenario.given]
    return sum((given.count or 1) * int(number) for given, number in zip(scenario.given, told, strict=True))


SUITES = {
    name: replace(suite, scenarios=tuple(scenario for scenario in suite.scenarios if weight(scenario) < HEAVY))
    for name in names()
    for suite in [read_suite(name)]
}


def witnesses(suite: Suite, items: Sequence[str]) -> list[Scenario]:
    """The scenarios that prove one of the items; where a rule does, those of its capability."""
    ruled = {rule.capability for rule in suite.rules if proves([rule.stake], items)}
    return [
        scenario
        for scenario in suite.scenarios
        if scenario.capability in ruled or proves([scenario.stake, *step_stakes(scenario.steps)], items)
    ]


def bystanders(suite: Suite, fault: Fault) -> list[Scenario]:
    """A light scenario of each capability that the fault has nothing to do with; it goes round with the faults."""
    found = []
    for capability in (capability for capability in Capability if capability not in fault.spoils):
        others = [one for one in suite.scenarios if one.capability is capability and weight(one) <= LIGHT]
        found += others[FAULTS.index(fault) % len(others) :][:1] if others else []
    return found


def chosen(fault: Fault, name: str) -> Suite:
    """What is played of a suite."""
    played = {one.id: one for one in (*witnesses(SUITES[name], fault.reported[name]), *bystanders(SUITES[name], fault))}
    return replace(SUITES[name], scenarios=tuple(played.values()))


def reported(results: Sequence[Result]) -> set[str]:
    """The items under which something was reported."""
    return {item for result in results for finding in result.findings for item in finding.stake.items}


def missed(report: Report) -> list[Result]:
    """What did not pass, though it concerns the server."""
    results = [result for suite in report.suites for result in suite.results]
    return [result for result in results if result.outcome in (Outcome.FAILED, Outcome.BLOCKED)]


@pytest.mark.parametrize("fault", NAMED)
def test_a_fault_is_reported_under_its_items(server: Server, fault: Fault) -> None:
    report = played(server, fault.layer, [chosen(fault, name) for name in fault.reported])
    unnoticed = {
        suite.suite.name: items
        for suite in report.suites
        if (items := set(fault.reported[suite.suite.name]) - reported(suite.results))
    }
    assert unnoticed == {}
    assert [(result.id, result.capability) for result in missed(report) if result.capability not in fault.spoils] == []


def test_nothing_is_reported_of_the_sound_server(server: Server) -> None:
    report = played(server, sound, list(SUITES.values()))
    found = [result for result in missed(report) if not is_merely_slow(result)]
    assert [(result.id, result.reason, result.findings) for result in found] == []
    assert report.leftovers == ()


@pytest.mark.parametrize("variant", [pytest.param(variant, id=variant.name) for variant in VARIANTS])
def test_what_the_standard_leaves_open_is_not_held_against_a_server(server: Server, variant: Variant) -> None:
    suites = [SUITES[name] for name in variant.suites]
    concerned = [
        replace(suite, scenarios=tuple(one for one in suite.scenarios if is_concerned(one, variant.capabilities)))
        for suite in suites
    ]
    report = played(server, variant.layer, concerned)
    assert [(result.id, result.reason, result.findings) for result in report.findings(Level.MUST, Level.SHOULD)] == []
    assert report.leftovers == ()


def is_concerned(scenario: Scenario, capabilities: frozenset[Capability]) -> bool:
    return scenario.capability in capabilities and weight(scenario) <= LIGHT


def test_each_fault_has_a_name_of_its_own_and_is_proved_by_items_of_its_suites() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
    unknown = {
        fault.name: (name, items)
        for fault in FAULTS
        for name, said in fault.reported.items()
        if (items := set(said) - SUITES[name].items)
    }
    assert unknown == {}
    assert [fault.name for fault in FAULTS if not any(fault.reported.values())] == []
