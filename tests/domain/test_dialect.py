"""A request's leniency: what its dialect allows, and the count of what was used."""

from typing import Any

import pytest

from scim_server.domain.dialect import STRICT, UNFIT, Dialect, Leniency, Tolerance
from scim_server.domain.schema import Attribute, Json, ResourceType
from tests.domain.device import DEVICE, LEVEL

req = pytest.mark.req


def give_up(attribute: Attribute, value: Json) -> Json:
    return UNFIT


def read_word(attribute: Attribute, value: Json) -> Json:
    return {"one": 1, "none": None}.get(value, UNFIT)


def read_anything(attribute: Attribute, value: Json) -> Json:
    return 0


def say_twice(operation: Json, resource_type: ResourceType) -> Json:
    return operation if operation.get("op") != "twice" else {**operation, "op": "once"}


def say_both(operation: Json, resource_type: ResourceType) -> Json:
    return [{"op": "one"}, {"op": "two"}] if operation["op"] == "both" else operation


def shout(operation: Json, resource_type: ResourceType) -> Json:
    return {**operation, "op": operation["op"].upper()}


def rename(body: Json, resource_type: ResourceType) -> Json:
    return {"new": body["old"]} if "old" in body else body


@req("R-COMPAT-01")
def test_what_the_dialect_has_is_allowed_and_counted() -> None:
    leniency = Leniency(Dialect("some", frozenset({Tolerance.EMPTY_STRING})))
    assert leniency.allows(Tolerance.EMPTY_STRING)
    assert leniency.allows(Tolerance.EMPTY_STRING)
    assert not leniency.allows(Tolerance.BARE_WORD)
    assert leniency.used == {"empty-string": 2}


@req("R-COMPAT-01")
@pytest.mark.parametrize("tolerance", Tolerance)
def test_strict_allows_nothing(tolerance: Tolerance) -> None:
    leniency = Leniency(STRICT)
    assert not leniency.allows(tolerance)
    assert leniency.repair(LEVEL, "one") is UNFIT
    operation: dict[str, Any] = {"op": "twice"}
    assert leniency.rewrite(operation, DEVICE) == [operation]
    assert leniency.rewrite_body(operation, DEVICE) is operation
    assert not leniency.used


@pytest.mark.parametrize(
    ("value", "mended", "used"), [("one", 1, "read-word"), ("none", None, "read-word"), ("x", 0, "read-anything")]
)
def test_the_first_repair_that_knows_the_misfit_mends_it(value: str, mended: Json, used: str) -> None:
    leniency = Leniency(Dialect("some", repairs=(give_up, read_word, read_anything)))
    assert leniency.repair(LEVEL, value) == mended
    assert leniency.used == {used: 1}


def test_rewrites_run_in_their_order_and_only_those_that_changed_something_are_counted() -> None:
    leniency = Leniency(Dialect("some", rewrites=(say_twice, say_both, shout)))
    assert leniency.rewrite({"op": "twice"}, DEVICE) == [{"op": "ONCE"}]
    assert leniency.rewrite({"op": "both"}, DEVICE) == [{"op": "ONE"}, {"op": "TWO"}]
    assert leniency.rewrite({"op": "other"}, DEVICE) == [{"op": "OTHER"}]
    assert leniency.used == {"say-twice": 1, "say-both": 1, "shout": 4}


def test_a_list_in_the_place_of_an_operation_stays_one_value() -> None:
    sent = [{"op": "add"}]
    assert Leniency(STRICT).rewrite(sent, DEVICE) == [sent]


def test_a_body_is_rewritten_where_the_quirk_is_there() -> None:
    leniency = Leniency(Dialect("some", body_rewrites=(rename,)))
    assert leniency.rewrite_body({"old": 1}, DEVICE) == {"new": 1}
    assert leniency.rewrite_body({"new": 1}, DEVICE) == {"new": 1}
    assert leniency.used == {"rename": 1}


def test_unfit_says_what_it_is() -> None:
    assert repr(UNFIT) == "UNFIT"
