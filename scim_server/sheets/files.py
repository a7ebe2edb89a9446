"""A CSV file (RFC 4180): UTF-8, with or without a byte order mark, separated by commas, semicolons or tabs.

A file is read line by line, however long it is, and every row knows the line that it begins on: quoted line ends count.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from scim_server.domain.text import unstorable_place
from scim_server.sheets.cells import quoted
from scim_server.sheets.faults import SheetError

DELIMITERS: Final[Mapping[str, str]] = {"comma": ",", "semicolon": ";", "tab": "\t"}

BOM: Final = b"\xef\xbb\xbf"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")

_LONGEST_CELL: Final = 4 * 1024 * 1024
"""Characters. A quote that is never closed would else take the rest of the file into one cell."""
_QUOTED: Final = re.compile(r'"[^"]*"?')
_SPECIAL: Final = re.compile(r'[,;\t"\r\n]|^\s|\s$')


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a row, as they stand in the file. `line` is the one that it begins on, from 1; `end` the number of
    bytes of the file that have been read with it.
    """

    line: int
    cells: tuple[str, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that can be read from its start any number of times. Without a `delimiter` its header tells it."""

    path: Path
    delimiter: str | None = None

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.path.stat().st_size

    @property
    def has_mark(self) -> bool:
        """Whether it begins with a byte order mark, as spreadsheets like it."""
        with self.path.open("rb") as file:
            return file.read(len(BOM)) == BOM

    def header(self) -> tuple[str, ...]:
        """The cells of the first row, without the blanks around them. Raises SheetError."""
        first = next(self._all(), None)
        if first is None:
            raise SheetError(f"{self.path}: the file is empty; a header is expected in its first line.")
        return tuple(cell.strip() for cell in first.cells)

    def rows(self) -> Iterator[Row]:
        """The rows below the header; lines with nothing in them are none. Raises SheetError where they cannot be read
        any further.
        """
        rows = self._all()
        next(rows, None)
        return rows

    def separator(self) -> str:
        """What separates its cells: of comma, semicolon and tab the one that its first line has most of."""
        if self.delimiter is not None:
            return self.delimiter
        with self.path.open("rb") as file:
            first = next(_Lines(self.path, file), "")
        counts = Counter(_QUOTED.sub("", first))
        return max(DELIMITERS.values(), key=lambda delimiter: counts[delimiter])

    def _all(self) -> Iterator[Row]:
        csv.field_size_limit(_LONGEST_CELL)
        with self.path.open("rb") as file:
            lines = _Lines(self.path, file)
            reader = csv.reader(lines, delimiter=self.separator(), strict=True)
            while True:
                start = lines.number + 1
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    raise SheetError(f"{self.path}, line {start}: {_told(error)}") from None
                if cells is None:
                    return
                if cells:
                    yield Row(start, tuple(cells), lines.bytes)


class _Lines:
    """The lines of a file as text, with their ends; `number` of them have been read, which are so many `bytes`."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.number = 0
        self.bytes = 0
        self._path = path
        self._file = file

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(_LONGEST_CELL)
        if not line:
            raise StopIteration
        self.number += 1
        self.bytes += len(line)
        if len(line) == _LONGEST_CELL and not line.endswith(b"\n"):
            raise SheetError(f"{self._path}, line {self.number}: the line has more than {_LONGEST_CELL} bytes.")
        if self.bytes == len(line):
            line = self._without_mark(line)
        return self._decoded(line)

    def _without_mark(self, line: bytes) -> bytes:
        if line.startswith(_UTF16_MARKS):
            raise SheetError(f"{self._path} is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8).")
        return line.removeprefix(BOM)

    def _decoded(self, line: bytes) -> str:
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            wrong = f"byte 0x{line[error.start]:02X}"
            raise SheetError(
                f"{self._path}, line {self.number}: {wrong} is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)."
            ) from None
        if unstorable_place(text) is not None:
            raise SheetError(f"{self._path}, line {self.number}: there is a NUL character in it.")
        return text


def line_of(cells: Iterable[str], delimiter: str) -> str:
    """A line of a file, with its end (RFC 4180 section 2)."""
    written = [quoted(cell) if _SPECIAL.search(cell) else cell for cell in cells]
    # A line with nothing in it would be none.
    return (delimiter.join(written) or '""') + "\r\n"


def ragged(row: Row, header: Sequence[str]) -> str | None:
    """What is wrong with a row that has not as many cells as the header; None where it has."""
    if len(row.cells) == len(header):
        return None
    cells = "1 cell" if len(row.cells) == 1 else f"{len(row.cells)} cells"
    return f"The row has {cells}, the header has {len(header)}."


def _told(error: csv.Error) -> str:
    """What the reader found, in words that say what to look for."""
    text = str(error)
    if "field limit" in text:
        return f"a cell has more than {_LONGEST_CELL} characters; is a quote missing at its end?"
    if "unexpected end" in text:
        return "a quote is opened and never closed."
    if "new-line character" in text:
        return "a carriage return stands alone; lines end with LF or CR LF."
    return "a quote inside of a cell must be doubled, and the cell be in quotes."
