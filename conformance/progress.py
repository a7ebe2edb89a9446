"""How far a run is, on a terminal."""

import shutil
from threading import Lock
from typing import Final, TextIO

from conformance.results import Outcome, Result

BAR: Final = 24
"""Characters of the bar."""


class Progress:
    """A line that is written over itself while scenarios come in; `done` takes it away. Nothing is shown to a file."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._stream = stream
        self._is_shown = stream.isatty()
        self._played = 0
        self._missed = 0
        self._lock = Lock()

    def __call__(self, result: Result) -> None:
        """Count a result, from any thread."""
        with self._lock:
            self._played += 1
            self._missed += result.outcome in (Outcome.FAILED, Outcome.BLOCKED)
            if self._is_shown:
                width = shutil.get_terminal_size().columns - 1
                self._stream.write(f"\r\x1b[K{self.line(result)[:width]}")
                self._stream.flush()

    def line(self, result: Result) -> str:
        """The bar, how many of how many, how many of them missed something, and the last one."""
        filled = BAR * self._played // max(self._total, 1)
        missed = f", {self._missed} not passed" if self._missed else ""
        return f"{'█' * filled}{'░' * (BAR - filled)} {self._played}/{self._total}{missed}  {result.id}"

    def done(self) -> None:
        """Take the line away."""
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
