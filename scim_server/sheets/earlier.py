"""Which line was the first with a key: kept on disk, so that a file of any length is read with the same memory."""

from __future__ import annotations

import sqlite3

_TABLE = "CREATE TABLE earlier (key TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID"


class Earlier:
    """The keys of the rows so far, in a private temporary file that goes when it is closed."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute(_TABLE)

    def line_of(self, key: str, line: int) -> int | None:
        """The first line that had the key; None for this one, which is then remembered."""
        added = self._connection.execute("INSERT OR IGNORE INTO earlier VALUES (?, ?)", (key, line))
        if added.rowcount:
            return None
        found: tuple[int] = self._connection.execute("SELECT line FROM earlier WHERE key = ?", (key,)).fetchone()
        return found[0]

    def close(self) -> None:
        """Forget them."""
        self._connection.close()
