"""When a credential was last used, written in batches and off the path of requests.

A request leaves a note in memory. A daemon thread, started by the first note and so after a worker was forked,
writes what has gathered every `seconds`, in one statement; the rest is written when the process ends. A crash
loses at most that much.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Mapping
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Final, Protocol

SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class UseRecorder(Protocol):
    """The one verb of `storage.base.Tenancy` that is needed here."""

    def record_use(self, uses: Mapping[str, datetime]) -> None: ...


class LastUses:
    """The notes of one process."""

    def __init__(self, recorder: UseRecorder, seconds: float = SECONDS) -> None:
        self._recorder = recorder
        self._seconds = seconds
        self._uses: dict[str, datetime] = {}
        self._lock = Lock()
        self._writing = Lock()
        self._stop = Event()
        self._thread: Thread | None = None

    def note(self, credential: str, now: datetime) -> None:
        """Remember a use; never waits for the database."""
        with self._lock:
            self._uses[credential] = now
            if self._thread is None and not self._stop.is_set():
                self._start()

    def flush(self) -> None:
        """Write what has gathered. Where that fails, it is kept for the next time."""
        with self._writing:
            with self._lock:
                uses, self._uses = self._uses, {}
            if uses:
                self._write(uses)

    def close(self) -> None:
        """Stop the thread and write the rest; may be called again."""
        self._stop.set()
        atexit.unregister(self.close)
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    def _start(self) -> None:
        self._thread = Thread(target=self._run, name="last-uses", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.flush()

    def _write(self, uses: dict[str, datetime]) -> None:
        try:
            self._recorder.record_use(uses)
        except Exception as error:  # noqa: BLE001 -- the thread outlives any fault of a database
            _log.warning("last uses not written: %s", type(error).__name__)
            with self._lock:
                self._uses = uses | self._uses
