"""What commands print: facts, tables, and times in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime

import click


def time_text(time: datetime | None, absent: str) -> str:
    """To the minute, in UTC; `absent` where there is none."""
    return absent if time is None else f"{time:%Y-%m-%d %H:%M}Z"


def counted(number: int, what: str) -> str:
    """`1 seat`, `2 seats`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def print_facts(facts: Mapping[str, str]) -> None:
    """Print a line for each, what they are in a column of its own."""
    width = max(map(len, facts))
    for title, value in facts.items():
        click.echo(f"{title + ':':{width + 1}} {value}")


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as what is in them."""
    lines = [titles, *rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = (cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _width(text: str) -> int:
    """In columns of a terminal: a wide letter takes two, a mark that combines none."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) > 0 for character in text)
