"""Facts that are written in batches, off the path of requests: last uses of credentials, counts of tolerances.

A request leaves a note in memory. A daemon thread, started by the first note and so after a worker was forked,
writes what has gathered every `seconds`, in one statement; the rest is written when the process ends. A crash
loses at most that much.
"""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable, Iterable, Mapping
from threading import Event, Lock, Thread
from typing import Final, Generic, TypeVar

SECONDS: Final = 60.0

Key = TypeVar("Key")
Value = TypeVar("Value")

_log = logging.getLogger(__name__)


class Batches(Generic[Key, Value]):
    """The notes of one process under their keys.

    `title` names them in the log; `write` takes a batch, and may fail; `join` makes one value of an earlier and a
    later one of the same key. `stop` ends the thread, which waits for it for `seconds` at a time.
    """

    def __init__(
        self,
        title: str,
        write: Callable[[Mapping[Key, Value]], None],
        join: Callable[[Value, Value], Value],
        seconds: float = SECONDS,
        stop: Event | None = None,
    ) -> None:
        self._title = title
        self._write = write
        self._join = join
        self._seconds = seconds
        self._notes: dict[Key, Value] = {}
        self._lock = Lock()
        self._writing = Lock()
        self._stop = stop or Event()
        self._thread: Thread | None = None

    def note(self, notes: Iterable[tuple[Key, Value]]) -> None:
        """Remember them; never waits for the database."""
        with self._lock:
            self._notes = self._joined(self._notes, notes)
            if self._notes and self._thread is None and not self._stop.is_set():
                self._start()

    def flush(self) -> None:
        """Write what has gathered. Where that fails, it is kept for the next time."""
        with self._writing:
            with self._lock:
                notes, self._notes = self._notes, {}
            if notes:
                self._hand_over(notes)

    def close(self) -> None:
        """Stop the thread and write the rest; may be called again."""
        self._stop.set()
        atexit.unregister(self.close)
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    def _start(self) -> None:
        self._thread = Thread(target=self._run, name=self._title.replace(" ", "-"), daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self.flush()

    def _hand_over(self, notes: dict[Key, Value]) -> None:
        try:
            self._write(notes)
        except Exception as error:  # noqa: BLE001 -- the thread outlives any fault of a database
            _log.warning("%s not written: %s", self._title, type(error).__name__)
            with self._lock:
                self._notes = self._joined(notes, self._notes.items())

    def _joined(self, earlier: dict[Key, Value], later: Iterable[tuple[Key, Value]]) -> dict[Key, Value]:
        """The earlier notes, which it changes, with the later ones."""
        for key, value in later:
            earlier[key] = self._join(earlier[key], value) if key in earlier else value
        return earlier
