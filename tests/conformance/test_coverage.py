"""Every item of a connector is proved by a scenario or is not testable, and every item that a scenario names exists."""

import json

import pytest

from conformance.reading import SUITES, names, read_suite

ITEMS = json.loads((SUITES.parent / "items.json").read_text(encoding="utf-8"))
OF_CONNECTORS = {id for id in ITEMS if not id.startswith("R-")}
NOT_TESTABLE = {id for id in OF_CONNECTORS if "not_testable" in ITEMS[id]}
PROVED = {item for name in names() for item in read_suite(name).items}


def test_every_item_of_a_connector_is_proved_by_a_scenario_or_rule_unless_it_is_not_testable() -> None:
    assert sorted(OF_CONNECTORS - NOT_TESTABLE - PROVED) == []


def test_no_scenario_claims_an_item_that_is_not_testable() -> None:
    assert sorted(NOT_TESTABLE & PROVED) == []


@pytest.mark.parametrize("name", names())
def test_every_item_that_a_suite_names_is_in_the_list(name: str) -> None:
    assert sorted(read_suite(name).items - ITEMS.keys()) == []


def test_the_connectors_of_the_matrix_have_a_suite_each() -> None:
    expected = ["clients", "entra", "google", "jumpcloud", "okta", "onelogin", "ping", "rfc", "rippling", "sailpoint"]
    assert names() == expected


@pytest.mark.parametrize("name", names())
def test_no_two_scenarios_or_rules_of_a_suite_have_one_id(name: str) -> None:
    suite = read_suite(name)
    ids = [scenario.id for scenario in suite.scenarios] + [rule.id for rule in suite.rules]
    assert sorted(set(ids)) == sorted(ids)
