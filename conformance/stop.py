"""How a run is ended before its time."""

from collections.abc import Callable
from threading import Event


class Stop:
    """Ends a run from any thread: the first word ends its scenarios, which then clean up, the second the cleaning too.

    `hang_up` ends the requests that are under way; `say` is told what happens, in a sentence.
    """

    def __init__(
        self, hang_up: Callable[[], None] = lambda: None, say: Callable[[str], None] = lambda sentence: None
    ) -> None:
        self.of_scenarios = Event()
        self.of_cleaning = Event()
        self._hang_up = hang_up
        self._say = say

    def ask(self) -> None:
        """End what goes on."""
        if not self.of_scenarios.is_set():
            self.of_scenarios.set()
            self._say("Interrupted: what was made is being removed. Another interrupt leaves it there.")
            return
        self.of_cleaning.set()
        self._say("Interrupted again: nothing more is removed.")
        self._hang_up()
