"""Composed text (NFC), in a time that grows with the length of the text and no faster.

Putting the marks behind a character in their order takes a time that grows with the square of their number, and holds
the interpreter meanwhile: a text of some hundred thousand marks would stop a whole process for minutes. No script has
more than a few. So a run of very many is interrupted, as in the Stream-Safe Text Format (UAX #15 section 13), whose
limit of 30 is kept clear of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from unicodedata import combining, normalize

_MOST_MARKS: Final = 64
"""In a row, taken apart."""
_FEW: Final = 16
"""In a row, of those that may be composed: taken apart they are no more than _MOST_MARKS."""
_JOINER: Final = "\u034f"
"""COMBINING GRAPHEME JOINER: seen by nobody, and nothing is put in order across it."""


def composed(text: str) -> str:
    """The text in NFC; of a run of more marks than any script has, in pieces. Idempotent."""
    if text.isascii():
        return text
    return normalize("NFC", "".join(_interrupted(text)) if _has_many_marks(text) else text)


def _has_many_marks(text: str) -> bool:
    if len(text) <= _FEW:
        return False
    run = 0
    for character in text:
        run = run + 1 if combining(character) else 0
        if run > _FEW:
            return True
    return False


def _interrupted(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        for part in normalize("NFD", character):
            marks = marks + 1 if combining(part) else 0
            if marks > _MOST_MARKS:
                yield _JOINER
                marks = 1
            yield part
