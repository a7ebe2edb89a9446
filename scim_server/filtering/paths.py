"""What clients write where an attribute or a PATCH path is expected."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Leniency
from scim_server.domain.filter import PatchPath, ValuePath
from scim_server.errors import InvalidPath
from scim_server.filtering.filters import parse_filter
from scim_server.filtering.lexer import PATH, SUB, attribute_path
from scim_server.filtering.limits import DEFAULT, Limits


def parse_path(text: str, leniency: Leniency, limits: Limits = DEFAULT) -> PatchPath:
    """The PATCH path that a text is (RFC 7644 figure 7).

    Raises InvalidFilter for a bad filter in its brackets and InvalidPath for everything else (R-PATCH-54).
    """
    if len(text) > limits.length:
        raise InvalidPath(f"The path is longer than {limits.length} characters.")
    before, bracket, rest = text.strip().partition("[")
    if not bracket:
        return parse_attribute(before)
    inside, bracket, after = rest.rpartition("]")
    attribute, sub = PATH.fullmatch(before), _SUB_OR_END.fullmatch(after)
    if not bracket or attribute is None or attribute[3] or sub is None:
        raise _malformed(text)
    condition = parse_filter(inside, leniency, replace(limits, brackets=0))
    return ValuePath(attribute_path(attribute), condition, sub[1])


def parse_attribute(text: str) -> AttrPath:
    """The attribute that a text names, or the extension whose URN it is. Raises InvalidPath."""
    if match := PATH.fullmatch(text.strip()):
        return attribute_path(match)
    # The last part of a URN need not look like a name: `urn:example:agent:2.0`.
    if urn := _URN.fullmatch(text.strip()):
        return AttrPath(urn[2], None, urn[1])
    raise _malformed(text)


_SUB_OR_END: Final = re.compile(rf"(?:{SUB.pattern})?")
_URN: Final = re.compile(r'([A-Za-z][A-Za-z0-9+.-]*(?::[^\s"()\[\]:]+)*):([^\s"()\[\]:]+)')


def _malformed(text: str) -> InvalidPath:
    return InvalidPath(f'{text[:128]!r} is not a path such as name.givenName or emails[type eq "work"].value.')
