"""What a server logs, for tests to read."""

import io
from typing import Any

import orjson


class Log:
    """Everything that was logged, parsed."""

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.text.splitlines()]
