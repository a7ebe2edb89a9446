"""Last uses: batched, off the path of requests, never lost to a fault of the database."""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from scim_server.auth.uses import LastUses

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(seconds=1)


class Recorder:
    """Keeps every batch; refuses the first `faults` of them."""

    def __init__(self, faults: int = 0) -> None:
        self.batches: list[dict[str, datetime]] = []
        self.written = Event()
        self._faults = faults

    def record_use(self, uses: Mapping[str, datetime]) -> None:
        if self._faults:
            self._faults -= 1
            raise OSError("the database at db.example.com is away")
        self.batches.append(dict(uses))
        self.written.set()


def test_many_uses_are_one_batch_with_the_latest_time_of_each() -> None:
    recorder = Recorder()
    uses = LastUses(recorder)
    uses.note("a", NOW)
    uses.note("b", NOW)
    uses.note("a", LATER)
    uses.close()
    assert recorder.batches == [{"a": LATER, "b": NOW}]


def test_they_are_written_while_the_server_runs() -> None:
    recorder = Recorder()
    uses = LastUses(recorder, seconds=0.01)
    uses.note("a", NOW)
    assert recorder.written.wait(timeout=10)
    uses.close()
    assert recorder.batches == [{"a": NOW}]


def test_what_the_database_refused_is_written_the_next_time(caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(faults=1)
    uses = LastUses(recorder)
    uses.note("a", NOW)
    uses.note("b", NOW)
    with caplog.at_level(logging.WARNING):
        uses.flush()
    uses.note("a", LATER)
    uses.close()
    assert recorder.batches == [{"a": LATER, "b": NOW}]
    assert caplog.messages == ["last uses not written: OSError"]


def test_closing_again_does_nothing() -> None:
    recorder = Recorder()
    uses = LastUses(recorder)
    uses.note("a", NOW)
    uses.close()
    uses.close()
    assert recorder.batches == [{"a": NOW}]
