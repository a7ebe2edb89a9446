"""How far a long command has come: one line on a terminal that is written over and over, and nothing elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

import click

_WIDTH: Final = 30
_COLUMNS: Final = 80
_SECONDS: Final = 0.1
_ERASE: Final = "\r\x1b[K"


class Progress:
    """The line on standard error. `text` is what stands behind the bar."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._is_shown = self._stream.isatty()
        self._started = clock()
        self._drawn = float("-inf")
        self._line = ""

    def show(self, done: int, total: int, text: str) -> None:
        """Draw it, at most ten times a second; of nothing everything is done."""
        now = self._clock()
        if not self._is_shown or now - self._drawn < _SECONDS:
            return
        self._drawn = now
        share = min(done / total, 1.0) if total else 1.0
        self._line = _fitted(share, f" {share:4.0%}  {text}{self._left(share, now)}", self._columns())
        self._write(f"{_ERASE}{self._line}")

    def echo(self, line: str, to: TextIO) -> None:
        """Print a line, above the bar."""
        self._write(_ERASE if self._line else "")
        click.echo(line, file=to)
        self._write(self._line)

    def end(self) -> None:
        """Take the bar away."""
        self._write(_ERASE if self._line else "")
        self._line = ""

    def _columns(self) -> int:
        """How wide the terminal is: it may become another one meanwhile."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _COLUMNS
        except (OSError, ValueError):
            return _COLUMNS

    def _left(self, share: float, now: float) -> str:
        """The time that the rest will take, once it can be told."""
        elapsed = now - self._started
        if not 0.01 <= share < 1 or elapsed < 1:
            return ""
        minutes, seconds = divmod(int(elapsed / share * (1 - share)), 60)
        return f"  {minutes}:{seconds:02} left"

    def _write(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()


def _fitted(share: float, text: str, columns: int) -> str:
    """The line in a terminal of so many columns: the bar gives way to the text, since a line that is broken is not
    erased as a whole.
    """
    width = min(_WIDTH, columns - len(text) - 3)
    bar = "#" * int(share * width)
    return f"[{bar.ljust(width, '-')}]{text}" if width > 0 else text.lstrip()[: columns - 1]
