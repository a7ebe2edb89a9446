"""Counts of tolerances: per tenant, dialect and name, with the time at which they were written."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from scim_server.service.tolerances import ToleranceUses
from scim_server.storage.base import ToleranceUse
from tests.auth.fakes import FakeClock

Batch = tuple[dict[ToleranceUse, int], datetime]


class Recorder:
    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def record_tolerances(self, uses: Mapping[ToleranceUse, int], now: datetime) -> None:
        self.batches.append((dict(uses), now))


def test_the_uses_of_many_requests_are_one_batch() -> None:
    recorder, clock = Recorder(), FakeClock()
    uses = ToleranceUses(recorder, clock)
    uses.note(1, "entra", Counter({"lower-verb": 2, "empty-string": 1}))
    uses.note(1, "entra", {"lower-verb": 3})
    uses.note(1, "okta", {"lower-verb": 1})
    uses.note(2, "entra", {"lower-verb": 1})
    clock.forward(seconds=30)
    uses.flush()
    counts = {
        ToleranceUse(1, "entra", "lower-verb"): 5,
        ToleranceUse(1, "entra", "empty-string"): 1,
        ToleranceUse(1, "okta", "lower-verb"): 1,
        ToleranceUse(2, "entra", "lower-verb"): 1,
    }
    assert recorder.batches == [(counts, clock.now)]
    uses.close()
    assert len(recorder.batches) == 1


def test_a_request_that_needed_nothing_is_no_use() -> None:
    recorder = Recorder()
    uses = ToleranceUses(recorder, FakeClock())
    uses.note(1, "strict", {})
    uses.close()
    assert recorder.batches == []


def test_what_is_left_is_written_at_the_end() -> None:
    recorder = Recorder()
    uses = ToleranceUses(recorder, FakeClock())
    uses.note(1, "entra", {"lower-verb": 1})
    uses.close()
    assert [batch for batch, _ in recorder.batches] == [{ToleranceUse(1, "entra", "lower-verb"): 1}]
