"""The rows that were refused, in a file that can be mended and imported again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Final

from scim_server.sheets.cells import guarded, unguarded
from scim_server.sheets.files import BOM, Sheet, line_of
from scim_server.sheets.importing import Result

_LINE, _REASON = "#line", "#reason"
_OWN: Final = frozenset({_LINE, _REASON})


class Rejects:
    """Written as the rows come: two remarks, which an import leaves out, and the cells as they were. A row with too few
    or too many cells keeps that fault. Separated and marked as the sheet is.
    """

    def __init__(self, file: BinaryIO, sheet: Sheet) -> None:
        self._file = file
        self._mark = BOM if sheet.has_mark else b""
        self._delimiter = sheet.separator()
        self._header = sheet.header()
        self._left_out = {place for place, name in enumerate(self._header) if name in _OWN}

    def begin(self) -> None:
        """Start anew, with the header alone."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(self._mark)
        self._write(_LINE, _REASON, self._header)

    def add(self, result: Result) -> None:
        """Take in a row that was refused."""
        self._write(str(result.row.line), result.reason, result.row.cells)

    def _write(self, line: str, reason: str, cells: Sequence[str]) -> None:
        kept = [cell for place, cell in enumerate(cells) if place not in self._left_out]
        # What stands in the file unguarded is guarded here: it is opened to be mended.
        texts = [guarded(unguarded(cell)) for cell in (line, reason, *kept)]
        self._file.write(line_of(texts, self._delimiter).encode())
        self._file.flush()
