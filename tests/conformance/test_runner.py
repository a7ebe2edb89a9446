"""A run that is interrupted: what is played ends, what was made is removed, unless somebody is in a hurry."""

import signal
from threading import Event
from typing import Any

import pytest

from conformance.reading import Node, scenario_of
from conformance.results import Result
from conformance.runner import Limits, run
from conformance.scenario import Capability, Scenario, Suite
from conformance.session import Session
from conformance.stop import Stop
from tests.conformance.fakes import STAKE, Answer, Scripted, session, suite


def scenario(id: str, *steps: Any, **members: Any) -> Scenario:
    made = {"send": "POST /Users", "body": {"userName": "{{unique}}"}, "expect": {"status": 201}}
    node = Node({"id": id, "title": id, **STAKE, "steps": [made, *steps], **members}, id)
    return scenario_of(node, Capability.READ)


def of(*scenarios: Scenario) -> Suite:
    empty = suite()
    return Suite(empty.name, empty.title, "", {}, {}, (), scenarios)


def interrupt(seen: Event) -> None:
    """What Ctrl-C does; it is over when the main thread has taken notice."""
    signal.raise_signal(signal.SIGINT)
    assert seen.wait(5)


class Interrupted(Scripted):
    """A server at which an interrupt comes with `GET /now`, and at the first DELETE if `in_a_hurry`."""

    def __init__(self, in_a_hurry: bool) -> None:
        self.said: list[str] = []
        self.hung_up = 0
        self.stop = Stop(self._hang_up, self.said.append)
        self._in_a_hurry = in_a_hurry
        super().__init__(self._answered)

    def _hang_up(self) -> None:
        self.hung_up += 1

    def _answered(self, method: str, target: str, body: Any) -> Answer:
        if target.endswith("/now"):
            interrupt(self.stop.of_scenarios)
        if method == "DELETE" and self._in_a_hurry:
            interrupt(self.stop.of_cleaning)
        return (201, {"id": body["userName"]}) if method == "POST" else (200, {})


NOW = {"send": "GET /now", "expect": {}}
NEXT = {"send": "GET /next", "expect": {}}


def interrupted(server: Interrupted, *scenarios: Scenario, jobs: int = 1) -> tuple[Session, list[Result]]:
    within = session(server, stop=server.stop)
    told: list[Result] = []
    with pytest.raises(KeyboardInterrupt):
        run(within, [of(*scenarios)], Limits(jobs=jobs), told.append)
    return within, told


@pytest.mark.parametrize("alone", [True, False])
def test_an_interrupt_ends_the_scenarios_and_removes_what_they_made(alone: bool) -> None:
    server = Interrupted(in_a_hurry=False)
    within, told = interrupted(server, scenario("a", NOW, NEXT, alone=alone), scenario("b", NEXT, alone=True))
    assert server.lines[4:] == ["POST /v2/Users", "GET /v2/now", "DELETE /v2/Users/run-1"]
    assert (within.leftovers, told, server.hung_up) == ([], [], 0)
    assert server.said == ["Interrupted: what was made is being removed. Another interrupt leaves it there."]


def test_a_scenario_that_waits_is_ended_too() -> None:
    server = Interrupted(in_a_hurry=False)
    interrupted(server, scenario("a", {"wait": 60}, NEXT), scenario("b", {"wait": 0.05}, NOW), jobs=2)
    assert sorted(line for line in server.lines if "run" in line) == [f"DELETE /v2/Users/run-{n}" for n in (1, 2)]


def test_a_second_interrupt_ends_the_removal_and_what_is_left_is_known() -> None:
    server = Interrupted(in_a_hurry=True)
    post = {"send": "POST /Groups", "body": {"userName": "{{unique}}-g"}, "expect": {}}
    within, _ = interrupted(server, scenario("a", post, NOW))
    assert [line for line in server.lines if line.startswith("DELETE")] == ["DELETE /v2/Groups/run-1-g"]
    assert within.leftovers == ["/Users with the userName run-1"]
    assert server.hung_up == 1
    assert server.said[1:] == ["Interrupted again: nothing more is removed."]
