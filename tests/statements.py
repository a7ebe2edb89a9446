"""What a database is asked while a test looks on: statements as the driver is handed them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Engine, event

Moment = Literal["before_cursor_execute", "after_cursor_execute"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: its text, its parameters as the driver has them, and whether the driver repeats it.

    `named` are the parameters by name, one mapping for each time that it is repeated; none where it is no statement
    of SQLAlchemy's making.
    """

    text: str
    parameters: Any
    named: Sequence[dict[str, Any]]
    many: bool


@contextmanager
def sent_to(*engines: Engine) -> Iterator[list[Statement]]:
    """What is sent to the engines inside the block, as it comes; the list may be emptied in between."""
    sent: list[Statement] = []

    def note(_connection: Any, _cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
        sent.append(Statement(text, parameters, getattr(context, "compiled_parameters", ()), many))

    with listening(engines, "before_cursor_execute", note):
        yield sent


@contextmanager
def listening(engines: Sequence[Engine], moment: Moment, note: Callable[..., None]) -> Iterator[None]:
    """`note(connection, cursor, statement, parameters, context, many)` at that moment of each statement."""
    different = dict.fromkeys(engines)  # PostgreSQL reads and writes through one
    for engine in different:
        event.listen(engine, moment, note)
    try:
        yield
    finally:
        for engine in different:
            event.remove(engine, moment, note)
