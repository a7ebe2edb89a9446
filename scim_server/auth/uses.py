"""When a credential was last used, written in batches and off the path of requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from scim_server.storage.batches import SECONDS, Batches


class UseRecorder(Protocol):
    """The one verb of `storage.base.Tenancy` that is needed here."""

    def record_use(self, uses: Mapping[str, datetime]) -> None: ...


class LastUses:
    """The last uses that one process saw."""

    def __init__(self, recorder: UseRecorder, seconds: float = SECONDS) -> None:
        self._batches: Batches[str, datetime] = Batches("last uses", recorder.record_use, max, seconds)

    def note(self, credential: str, now: datetime) -> None:
        """Remember a use; never waits for the database."""
        self._batches.note(((credential, now),))

    def flush(self) -> None:
        """Write what has gathered. Where that fails, it is kept for the next time."""
        self._batches.flush()

    def close(self) -> None:
        """Stop the thread and write the rest; may be called again."""
        self._batches.close()
