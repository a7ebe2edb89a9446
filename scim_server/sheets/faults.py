"""What is wrong with a file as a whole, or with what is wanted of it; what is wrong with a row is that row's result."""

from __future__ import annotations


class SheetError(Exception):
    """The text is a sentence for whoever made the file."""
