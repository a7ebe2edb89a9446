"""Ending in good order: what a signal asks for is done when the work can be left, a second one ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_ENDED_BY: Final = 128


class Interrupts:
    """Whether a signal has come."""

    def __init__(self) -> None:
        self._signal: int | None = None

    @property
    def has_come(self) -> bool:
        return self._signal is not None

    @property
    def exit_code(self) -> int:
        """As shells tell it: 130 for Ctrl-C."""
        return _ENDED_BY + (self._signal or 0)

    def note(self, number: int, frame: FrameType | None) -> None:
        """Take a signal; the second one ends the program."""
        if self.has_come:
            raise KeyboardInterrupt
        self._signal = number


@contextmanager
def noted() -> Iterator[Interrupts]:
    """Within it, signals that would end the program are noted."""
    interrupts = Interrupts()
    before: dict[int, Any] = {number: signal.signal(number, interrupts.note) for number in _SIGNALS}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
