"""Text of a server's as it can be shown anywhere: on a terminal, in XML, in a page."""

import re
from typing import Final

# Control characters could steer a terminal, directions could turn a sentence round; XML 1.0 section 2.2 and UTF-8 have
# no place for lone surrogates and U+FFFE, which JSON can spell ("\ud800").
UNSHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """The text with what cannot be shown spelt out, such as `\\x1b`. Tabs and line feeds stay."""
    return UNSHOWN.sub(lambda match: ascii(match[0])[1:-1], text)


def clipped(text: str, most: int) -> str:
    """The first `most` characters, and how many were left out."""
    left_out = len(text) - most
    return text if left_out <= 0 else f"{text[:most]}\n… {left_out:,} characters more"
