"""How much filter one request may send (R-FILT-41)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the text of a filter or path, checked before and while it is read."""

    length: int = 8192
    """Characters."""
    depth: int = 24
    """Parentheses and brackets inside one another; SQLite's parser holds about 30 in what they become."""
    terms: int = 256
    """Comparisons."""
    brackets: int = 1
    """Brackets inside one another: none inside brackets (erratum 7322)."""


DEFAULT: Final = Limits()
