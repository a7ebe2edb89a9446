"""How often the clients of a tenant needed each tolerance of their dialect: what their connectors really send."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from operator import add
from threading import Event
from typing import Protocol

from scim_server.storage.base import ToleranceUse
from scim_server.storage.batches import SECONDS, Batches


class ToleranceRecorder(Protocol):
    """The one verb of `storage.base.Tenancy` that is needed here."""

    def record_tolerances(self, uses: Mapping[ToleranceUse, int], now: datetime) -> None: ...


class ToleranceUses:
    """What one process saw, written in batches and off the path of requests."""

    def __init__(
        self,
        recorder: ToleranceRecorder,
        clock: Callable[[], datetime],
        seconds: float = SECONDS,
        stop: Event | None = None,
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self._batches: Batches[ToleranceUse, int] = Batches("tolerance counts", self._write, add, seconds, stop)

    def note(self, tenant: int, dialect: str, used: Mapping[str, int]) -> None:
        """Remember what one request needed, by name; never waits for the database."""
        if used:
            self._batches.note((ToleranceUse(tenant, dialect, name), count) for name, count in used.items())

    def flush(self) -> None:
        """Write what has gathered. Where that fails, it is kept for the next time."""
        self._batches.flush()

    def close(self) -> None:
        """Stop the thread and write the rest; may be called again."""
        self._batches.close()

    def _write(self, uses: Mapping[ToleranceUse, int]) -> None:
        self._recorder.record_tolerances(uses, self._clock())
