"""How long one may wait."""

import time
from threading import Event


class Span:
    """A time of so many seconds from now, which is over earlier where `stop` is set."""

    def __init__(self, seconds: float, stop: Event | None = None) -> None:
        self._ends = time.monotonic() + seconds
        self._stop = stop or Event()

    @property
    def left(self) -> float:
        """Seconds; 0 when it is over."""
        return 0.0 if self._stop.is_set() else max(0.0, self._ends - time.monotonic())

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it is over."""
        self._stop.wait(min(seconds, self.left))
