"""One cell: its text as a spreadsheet may open it, and the values that the text stands for.

A spreadsheet takes a cell that begins with one of _TRIGGERS for a formula, quoted or not, and runs what somebody put
into a name or a title. So an apostrophe goes before it, also before one that has apostrophes there already; whoever
reads takes one away. Both together are the identity for every text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from scim_server.domain.filter import number
from scim_server.domain.schema import Attribute, AttributeType, Json
from scim_server.errors import InvalidValue

# The characters that OWASP names, with those of full width that spreadsheets in East Asia read alike.
_TRIGGERS: Final = "[=+\\-@\t\r\n＝＋－＠]"  # noqa: RUF001 -- they are meant
_DANGEROUS: Final = re.compile(f"'*{_TRIGGERS}")
_GUARDED: Final = re.compile(f"'+{_TRIGGERS}")

_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_NEEDS_QUOTES: Final = re.compile(r'[,"\r\n]|^\s|\s$|^$')


def guarded(text: str) -> str:
    """The text with an apostrophe before it where a spreadsheet could take it for a formula."""
    return f"'{text}" if _DANGEROUS.match(text) else text


def unguarded(text: str) -> str:
    """The text without the apostrophe that `guarded` put there."""
    return text[1:] if _GUARDED.match(text) else text


def joined(items: Sequence[str]) -> str:
    """Several texts in one cell, separated by commas; one that holds a comma or a quote is quoted (RFC 4180)."""
    return ",".join(quoted(item) if _NEEDS_QUOTES.search(item) else item for item in items)


def items(text: str) -> list[str]:
    """The texts that `joined` put into one; blanks after a comma are nothing. Raises InvalidValue."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True))
    except csv.Error:
        raise InvalidValue("The quotes in the list do not match.") from None
    if len(rows) > 1:
        raise InvalidValue("The items of a list are separated by commas, not by line ends.")
    return rows[0] if rows else []


def quoted(text: str) -> str:
    """The text in double quotes, those in it doubled (RFC 4180 section 2)."""
    return '"' + text.replace('"', '""') + '"'


def text_of(value: Json) -> str:
    """One simple value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def value_of(attribute: Attribute, text: str) -> Json:
    """The value that a text means for a simple attribute; the text itself where it means none, which the use case
    refuses as it refuses a request's.
    """
    if attribute.type is AttributeType.BOOLEAN:
        return _BOOLEANS.get(text.strip().lower(), text)
    if attribute.type in (AttributeType.INTEGER, AttributeType.DECIMAL):
        found = number(text.strip())
        return text if found is None else found
    return text
