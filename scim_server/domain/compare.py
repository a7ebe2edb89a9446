"""The comparison key of a value: what filters, sorts, uniqueness and look-up rows compare.

Two values of an attribute are equal where their keys are equal, and keys order as the values do when text is
compared by code point. So `domain.match` and every database mean the same, and no engine has to know about case,
time zones or decimals.

    type        key
    string      NFC; where not caseExact also width-mapped and case-folded (RFC 7644 section 7.8, R-I18N-02, -06)
    reference   NFC, case-exact (erratum 6001); of a SCIM resource the last two path segments, so that neither the
                base URL nor a version segment matters (RFC 7643 section 2.4, R-TYPE-12)
    dateTime    UTC text of fixed width with nine fraction digits; no zone means UTC (R-TYPE-07)
    decimal     exact text that orders as the numbers do
    integer     int within int64
    boolean     bool
    binary      unpadded base64 of the decoded bytes (R-FILT-27)
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Final, TypeAlias

from scim_server.domain import resource
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.composition import composed
from scim_server.domain.schema import (
    SCHEMAS,
    VALUE,
    Attribute,
    AttributeType,
    Json,
    Kept,
    ResourceType,
    Returned,
    Uniqueness,
)

FORMAT: Final = 1
"""Counts the changes of what keys and forms look like: with another one, whatever is stored is made anew."""

Key: TypeAlias = str | int | bool
"""A comparison key: text, int64 or boolean; keys of one attribute are of one type."""

Pairs: TypeAlias = frozenset[tuple[str, str]]
"""(text of `BoundPath.key`, entry text of a value)."""

_Keyer: TypeAlias = Callable[[Json], Key]
_Former: TypeAlias = Callable[[Json], Json]


def key(attribute: Attribute, value: Json) -> Key:
    """The key of one canonical value of a simple attribute.

    Raises ValueError where the value is outside of what its type can hold.
    """
    return _keyer(attribute)(value)


def fold(text: str) -> str:
    """The case-insensitive key of a text: width-mapped, case-folded, composed (RFC 8265 section 3.3). Idempotent."""
    if text.isascii():
        return text.lower()
    mapped = composed(text.translate(_WIDTH))
    return composed(mapped.casefold())


def exact(text: str) -> str:
    """The case-exact key of a text: composed (RFC 7644 section 7.8)."""
    return composed(text)


def _width_table() -> dict[int, str]:
    # All of them stand in this block, save the ideographic space.
    decompositions = ((code, unicodedata.decomposition(chr(code))) for code in (0x3000, *range(0xFF00, 0xFFF0)))
    return {
        code: "".join(chr(int(part, 16)) for part in decomposition.split()[1:])
        for code, decomposition in decompositions
        if decomposition.startswith(("<wide>", "<narrow>"))
    }


_WIDTH: Final = _width_table()


# Times ---------------------------------------------------------------------------------------------------------------

_DATE_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))?", re.ASCII
)
_FRACTION_DIGITS: Final = 9
_WIDEST_OFFSET: Final = timedelta(hours=14)  # XML Schema part 2, section 3.2.7.3


def instant(text: str) -> str:
    """An xsd:dateTime as UTC text of fixed width: `2026-11-21T21:43:38.123000000Z`. Digits after the ninth are cut off.

    24:00:00 is the next day's midnight; leap seconds do not exist (XML Schema part 2, section 3.2.7). Raises ValueError
    for a text that is no dateTime, and for one outside the years 0001 to 9999.
    """
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:64]!r} is not a dateTime such as 2011-05-13T04:42:34Z")
    date, hour, minute, second, fraction, sign, *offset = match.groups()
    moment = _moment(date, int(hour), int(minute), int(second), fraction)
    try:
        moment -= _offset(sign, *offset)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the years 0001 to 9999") from None
    digits = (fraction or "")[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0")
    return f"{moment.isoformat()}.{digits}Z"


def _moment(date: str, hour: int, minute: int, second: int, fraction: str | None) -> datetime:
    midnight = datetime.fromisoformat(date)
    if hour < 24:
        return midnight.replace(hour=hour, minute=minute, second=second)
    if hour > 24 or minute or second or (fraction or "").strip("0"):
        raise ValueError("the last time of a day is 24:00:00")
    try:
        return midnight + timedelta(days=1)
    except OverflowError:
        raise ValueError(f"{date}T24:00:00 lies outside the years 0001 to 9999") from None


def _offset(sign: str | None, hours: str | None, minutes: str | None) -> timedelta:
    if sign is None:
        return timedelta(0)
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    if offset > _WIDEST_OFFSET or int(minutes or 0) > 59:
        raise ValueError(f"{sign}{hours}:{minutes} is no time zone")
    return offset if sign == "+" else -offset


def from_datetime(moment: datetime) -> str:
    """An aware datetime in the same form."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "000Z"


def to_wire(fixed: str) -> str:
    """A time of that form as it is sent: with milliseconds, `2026-11-21T21:43:38.123Z`."""
    return fixed[:23] + "Z"


# Numbers, references, bytes ------------------------------------------------------------------------------------------

_EXPONENT_BIAS: Final = 10**19
"""Makes the exponent of any Decimal (at most 10**18, and its digits) a positive number of twenty digits."""
_COMPLEMENT: Final = str.maketrans("0123456789", "9876543210")


def _decimal(value: Json) -> str:
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        raise ValueError("a decimal is a finite number")
    if not number:
        return "1"
    digits = "".join(map(str, number.as_tuple().digits)).rstrip("0")
    magnitude = f"{_EXPONENT_BIAS + number.adjusted():020d}{digits}"
    if number > 0:
        return f"2{magnitude}"
    # The end sorts after every digit, so that -1.2 comes after -1.23.
    return f"0{magnitude.translate(_COMPLEMENT)}~"


def _integer(value: Json) -> int:
    number = int(value)
    if not -(2**63) <= number < 2**63:
        raise ValueError("an integer has at most 64 bits")
    return number


def _resource_reference(value: Json) -> str:
    return "/".join(exact(value).rstrip("/").split("/")[-2:])


_BASE64URL: Final = str.maketrans("-_", "+/")


def _binary(value: Json) -> str:
    text: str = value.rstrip("=").translate(_BASE64URL)
    data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _boolean(value: Json) -> bool:
    return bool(value)


_KEYERS: Final[Mapping[AttributeType, _Keyer]] = {
    AttributeType.STRING: fold,
    AttributeType.BOOLEAN: _boolean,
    AttributeType.DECIMAL: _decimal,
    AttributeType.INTEGER: _integer,
    AttributeType.DATE_TIME: instant,
    AttributeType.REFERENCE: exact,
    AttributeType.BINARY: _binary,
}


def _keyer(attribute: Attribute) -> _Keyer:
    if attribute.type is AttributeType.STRING and attribute.case_exact:
        return exact
    if attribute.type is AttributeType.REFERENCE and attribute.refers_to_resource:
        return _resource_reference
    return _KEYERS[attribute.type]


# Comparison forms ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """What there is to do for resources of one type: how each member is formed, and which paths have entries."""

    members: Mapping[str, _Former]
    schemas: _Keyer
    unique: tuple[_Entries | _ScopedEntries, ...]
    indexed: tuple[_Entries, ...]


def form(resource_type: ResourceType, attributes: Mapping[str, Json]) -> dict[str, Json]:
    """The comparison form of a resource: its attributes with each simple value replaced by its key, and `schemas`.

    What is not kept in the document has no part in it, and neither has what is never returned: nothing filters on
    that (R-FILT-38).
    """
    plan = _plan(resource_type)
    members = plan.members
    formed = {name: members[name](value) for name, value in attributes.items() if name in members}
    formed[SCHEMAS] = [plan.schemas(urn) for urn in resource.schemas(resource_type, attributes)]
    return formed


def row_form(attribute: Attribute, element: Mapping[str, Json]) -> dict[str, Json] | None:
    """The comparison form of one element of an attribute that is kept as rows; None where only `value` is in it."""
    if len(element) == 1 and VALUE in element:
        return None
    former = _object(attribute.sub_attributes)
    formed: dict[str, Json] = former(element)
    return formed


def entries(resource_type: ResourceType, attributes: Mapping[str, Json]) -> tuple[Pairs, Pairs]:
    """The look-up rows of a resource: (those that no other resource of the type may have, those it is only found by).

    An empty string is found, but is nobody's: it makes no unique entry.
    """
    plan = _plan(resource_type)
    unique = {pair for source in plan.unique for pair in source.pairs(attributes) if pair[1]}
    indexed = {pair for source in plan.indexed for pair in source.pairs(attributes)}
    return frozenset(unique), frozenset(indexed)


_LONGEST: Final = 512


def entry_text(key: Key) -> str:
    """The text under which a key stands in a look-up table; different keys of one attribute have different texts.

    Over 512 bytes of UTF-8 it is a prefix and a SHA-256; being longer than that, it is never the text of a short key.
    """
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int):
        return str(key)
    if len(key) * 4 <= _LONGEST:
        return key
    data = key.encode("utf-8")
    if len(data) <= _LONGEST:
        return key
    return f"{data[:_LONGEST].decode('utf-8', 'ignore')}#{sha256(data).hexdigest()}"


@dataclass(frozen=True, slots=True)
class _Entries:
    """Where the values of one path are, and what makes an entry of them."""

    path: str
    steps: tuple[str, ...]
    keyer: _Keyer

    def pairs(self, attributes: Mapping[str, Json]) -> Iterable[tuple[str, str]]:
        return ((self.path, entry_text(self.keyer(value))) for value in _values(attributes, self.steps))


@dataclass(frozen=True, slots=True)
class _ScopedEntries:
    """What makes an entry of a value that is unique among the resources with the same value of another attribute: both
    of them, so that they stand apart; the path names the two.
    """

    source: _Entries
    within: _Entries

    def pairs(self, attributes: Mapping[str, Json]) -> Iterable[tuple[str, str]]:
        path = f"{self.source.path} within {self.within.path}"
        scope = next((text for _, text in self.within.pairs(attributes)), "")
        texts = (text for _, text in self.source.pairs(attributes) if text)
        return ((path, entry_text(f"{len(scope)}:{scope}{text}")) for text in texts)


def _values(value: Json, steps: tuple[str, ...]) -> Iterable[Json]:
    """All simple values at the end of the steps; lists on the way spread."""
    if isinstance(value, list):
        for element in value:
            yield from _values(element, steps)
    elif not steps:
        yield value
    elif steps[0] in value:
        yield from _values(value[steps[0]], steps[1:])


@lru_cache(maxsize=256)
def _plan(resource_type: ResourceType) -> _Plan:
    schemas = resource_type.common.attribute(SCHEMAS)
    paths = [path for path in _paths(resource_type) if not path.leaf.is_complex]
    unique = [path for path in paths if path.leaf.uniqueness is not Uniqueness.NONE]
    indexed = [path for path in paths if path.key in resource_type.indexed and path not in unique]
    scoped = [
        (path, resource_type.unique_within[path.key]) for path in paths if path.key in resource_type.unique_within
    ]
    return _Plan(
        _root(resource_type),
        _keyer(schemas) if schemas else fold,
        (*map(_source, unique), *(_ScopedEntries(_source(path), _source(within)) for path, within in scoped)),
        tuple(map(_source, indexed)),
    )


def _source(path: BoundPath) -> _Entries:
    return _Entries(path.key, path.steps, _keyer(path.leaf))


def _paths(resource_type: ResourceType) -> Iterable[BoundPath]:
    """The paths of everything that has a part in the comparison form."""
    places = [(None, resource_type.common), *resource_type.containers]
    for extension, schema in places:
        for attribute in filter(_has_form, schema.attributes):
            yield BoundPath(attribute, None, extension)
            yield from (BoundPath(attribute, sub, extension) for sub in attribute.sub_attributes if _has_form(sub))


def _has_form(attribute: Attribute) -> bool:
    return attribute.kept is Kept.DOCUMENT and attribute.returned is not Returned.NEVER


def _root(resource_type: ResourceType) -> Mapping[str, _Former]:
    members = _formers([*resource_type.common.attributes, *resource_type.schema.attributes])
    for extension in resource_type.extensions:
        members[extension.schema.id] = _object(extension.schema.attributes)
    return members


def _formers(attributes: Iterable[Attribute]) -> dict[str, _Former]:
    return {attribute.name: _former(attribute) for attribute in attributes if _has_form(attribute)}


def _former(attribute: Attribute) -> _Former:
    one = _object(attribute.sub_attributes) if attribute.is_complex else _keyer(attribute)
    return _each(one) if attribute.multi_valued else one


def _object(attributes: Iterable[Attribute]) -> _Former:
    members = _formers(attributes)

    def formed(value: Json) -> Json:
        return {name: members[name](member) for name, member in value.items() if name in members}

    return formed


def _each(one: _Former) -> _Former:
    def formed(values: Json) -> Json:
        return [one(value) for value in values]

    return formed
