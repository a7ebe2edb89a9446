"""Which dialect has which quirk: a row for each, and the connectors that are known to need it.

`generic`, the default, has every row; `strict` has none. A connector stands in a row when connectors send what the
row is about and docs/connectors.md gives the evidence; what is seen from any of them stands in all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from scim_server.connectors import bodies, embedded, operations, repairs
from scim_server.domain.dialect import STRICT, BodyRewrite, Dialect, Repair, Rewrite, Tolerance

_Quirk = TypeVar("_Quirk")

_ENTRA: Final = frozenset({"entra"})
_OKTA: Final = frozenset({"okta"})
_GOOGLE: Final = frozenset({"google"})
_ALL: Final = _ENTRA | _OKTA | _GOOGLE
_OTHERS: Final[frozenset[str]] = frozenset()
"""Connectors without a dialect of their own: generic alone."""

TOLERANCES: Final[Mapping[Tolerance, frozenset[str]]] = {
    Tolerance.UNKNOWN_ATTRIBUTE: _ALL,
    Tolerance.MISSING_SCHEMAS: _ALL,
    Tolerance.VALUE_PATH_CREATES: _ENTRA,
    Tolerance.LAST_PRIMARY_WINS: _OTHERS,
    Tolerance.EMPTY_STRING: _ENTRA | _OKTA,
    Tolerance.EMPTY_ELEMENT: _ALL,
    Tolerance.READ_ONLY_IN_PATCH: _ALL,
    Tolerance.PATH_AS_KEY: _ENTRA | _GOOGLE,
    Tolerance.STRING_LITERAL: _ENTRA,
    Tolerance.BARE_WORD: _ENTRA,
    Tolerance.COMPARED_VALUE_PATH: _ENTRA,
    Tolerance.KEEP_IN_PUT: _ALL,
    Tolerance.ANY_FORMAT: _ALL,
    Tolerance.UNKNOWN_MEMBER: _ALL,
}

REPAIRS: Final[Mapping[Repair, frozenset[str]]] = {
    repairs.unassign_empty_text: _ENTRA | _OKTA,
    repairs.read_boolean_text: _ENTRA | _OKTA,
    repairs.drop_unreadable_primary: _ENTRA,
    repairs.read_number_text: _ENTRA | _OKTA,
    repairs.wrap_value: _ENTRA,
    repairs.unwrap_list: _ENTRA,
}
"""In the order in which they are asked: a boolean's text is read before it could be dropped."""

REWRITES: Final[Mapping[Rewrite, frozenset[str]]] = {
    operations.lower_member_names: _ALL,
    operations.lower_verb: _ENTRA,
    operations.remove_listed: _ENTRA,
    operations.ignore_removed_value: _ENTRA,
    embedded.unpack_json_text: _ENTRA,
}
"""In the order in which they run: the later ones read the names and verbs that the first two have put right."""

BODY_REWRITES: Final[Mapping[BodyRewrite, frozenset[str]]] = {
    bodies.rename_extension: _ENTRA | _GOOGLE,
    embedded.unpack_json_text_in_body: _ENTRA,
}
"""In the order in which they run: the second looks into the extensions that the first has named."""


def dialect(name: str) -> Dialect:
    """The dialect of that name. Raises LookupError, with the names that there are."""
    if name not in DIALECTS:
        raise LookupError(f"There is no dialect {name!r}; there are {', '.join(DIALECTS)}.")
    return DIALECTS[name]


def _for(connector: str) -> Dialect:
    return Dialect(
        connector,
        frozenset(_needed(connector, TOLERANCES.items())),
        tuple(_needed(connector, REPAIRS.items())),
        tuple(_needed(connector, REWRITES.items())),
        tuple(_needed(connector, BODY_REWRITES.items())),
    )


def _needed(connector: str, rows: Iterable[tuple[_Quirk, frozenset[str]]]) -> Iterable[_Quirk]:
    return (quirk for quirk, connectors in rows if connector in connectors)


_GENERIC: Final = Dialect("generic", frozenset(TOLERANCES), tuple(REPAIRS), tuple(REWRITES), tuple(BODY_REWRITES))

DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {d.name: d for d in (_for("entra"), _for("okta"), _for("google"), _GENERIC, STRICT)}
)
"""By the name that `token issue --dialect` takes."""
