"""The guard over a ledger that a test looks into: what it asks, what it refuses, and what it says."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.guard import Guard
from scim_server.errors import TooManyDepartures
from scim_server.service.context import Context
from scim_server.service.guard import check_departure
from scim_server.storage.base import Transaction
from scim_server.storage.ledgers import Watch
from tests.registries import registry_of

GUARD = Guard("contoso")
REGISTRY = registry_of()
NOW = "2026-03-02T06:30:00.000000000Z"
EARLIER = "2026-03-01T20:00:00.000000000Z"
LONG_AGO = "2025-01-01T00:00:00.000000000Z"


@dataclass
class Ledger:
    """Departures of a tenant with so many old resources; `deleted` are those who have departed and are gone."""

    there: int
    departed: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    seen: Watch = field(default_factory=lambda: Watch(None, None))
    asked: list[str] = field(default_factory=list)

    def watch(self) -> Watch:
        self.asked.append("watch")
        return self.seen

    def count(self, since: str) -> int:
        self.asked.append("count")
        return sum(at >= since for at in self.departed.values())

    def gone(self, since: str) -> int:
        self.asked.append("gone")
        return sum(self.departed[id] >= since for id in self.deleted)

    def count_resources(self, resource_type: str, created_before: str, limit: int) -> int:
        self.asked.append(f"count {resource_type}")
        return min(limit, self.there - len(self.deleted))

    def note(self, resource: str, now: str) -> None:
        self.departed[resource] = now

    def forget(self, before: str) -> None:
        self.departed = {id: at for id, at in self.departed.items() if at >= before}


@dataclass
class Work:
    """A transaction as far as the guard sees it."""

    departures: Ledger


def depart(ledger: Ledger, id: str, guard: Guard | None = GUARD, created: str = LONG_AGO) -> None:
    context = Context(1, REGISTRY, Leniency(STRICT), "", guard)
    user = REGISTRY.at("/Users")
    assert user is not None
    check_departure(cast("Transaction", Work(ledger)), context, user, id, created, NOW)


def first_refused(ledger: Ledger, *, deletes: bool = False) -> int:
    """How many had left when the first one was refused."""
    for number in range(10_000):
        try:
            depart(ledger, str(number))
        except TooManyDepartures:
            return number
        if deletes:
            ledger.deleted.add(str(number))
    raise AssertionError("nobody was refused")


@pytest.mark.parametrize("deletes", [False, True])
@pytest.mark.parametrize(("there", "most"), [(20, 4), (100, 20), (2_499, 499), (4_000, 500)])
def test_who_is_deleted_and_who_is_switched_off_count_the_same(there: int, most: int, deletes: bool) -> None:
    assert first_refused(Ledger(there), deletes=deletes) == most


def test_who_is_switched_off_and_then_deleted_counts_once() -> None:
    ledger = Ledger(100)
    for number in range(20):
        depart(ledger, str(number))
    for number in range(20):
        depart(ledger, str(number))
        ledger.deleted.add(str(number))
    with pytest.raises(TooManyDepartures):
        depart(ledger, "20")


def test_a_small_tenant_is_let_alone() -> None:
    ledger = Ledger(19)
    for number in range(19):
        depart(ledger, str(number))
        ledger.deleted.add(str(number))


def test_what_is_as_new_as_the_window_does_not_count_and_costs_nothing() -> None:
    ledger = Ledger(100)
    for number in range(50):
        depart(ledger, str(number), created=EARLIER)
    assert (ledger.asked, ledger.departed) == ([], {})


def test_without_a_guard_nothing_is_asked() -> None:
    ledger = Ledger(100)
    for number in range(50):
        depart(ledger, str(number), guard=None)
    assert (ledger.asked, ledger.departed) == ([], {})


def test_who_leaves_while_it_is_released_does_not_count() -> None:
    ledger = Ledger(100, seen=Watch(EARLIER, "2026-03-02T06:30:00.001000000Z"))
    for number in range(100):
        depart(ledger, str(number))
    assert ledger.departed == {}


def test_a_release_that_is_over_is_none() -> None:
    assert first_refused(Ledger(100, seen=Watch(None, NOW))) == 20


def test_departures_before_the_window_are_forgotten() -> None:
    ledger = Ledger(100, departed=dict.fromkeys("abcdefgh", "2026-03-01T06:29:59.999000000Z"))
    assert first_refused(ledger) == 20
    assert not ledger.departed.keys() & set("abcdefgh")


def test_a_refusal_says_what_happened_and_what_to_do() -> None:
    ledger = Ledger(100, departed={str(number): EARLIER for number in range(20)}, seen=Watch(EARLIER, None))
    with pytest.raises(TooManyDepartures) as refused:
        depart(ledger, "20")
    assert refused.value.detail == (
        "Stopped by the guard against mass deprovisioning: within 24 hours 20 resources of type User have been "
        "switched off or deleted, and no more than 20 may be. If this is meant to be, the operator of the server "
        "runs: scim-server guard release contoso"
    )
    assert (refused.value.since, dict(refused.value.headers)) == (EARLIER, {"Retry-After": "300"})


def test_the_page_has_the_words_of_a_refusal() -> None:
    page = (Path(__file__).parents[2] / "docs" / "guard.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    with pytest.raises(TooManyDepartures) as refused:
        depart(Ledger(10_000, departed={f"u-{number}": EARLIER for number in range(500)}), "u-500")
    assert json.loads(shown)["detail"] == refused.value.detail


def test_a_large_tenant_is_not_counted_to_its_end() -> None:
    ledger = Ledger(1_000_000)
    depart(ledger, "a")
    assert ledger.asked == ["watch", "count", "count User"]
