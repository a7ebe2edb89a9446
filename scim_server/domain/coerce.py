"""A payload becomes canonical attributes, by schema alone.

Names take their canonical case, unassigned values disappear (null, [], {} and absent are one state, RFC 7643
section 2.5), read-only members are ignored (RFC 7644 sections 3.3, 3.5.1), every value has the JSON type of its
attribute. A value that does not fit is offered to the dialect's repairs before it is refused. Values themselves are
never changed: no trimming, no case, no format.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from scim_server.domain import compare
from scim_server.domain.dialect import UNFIT, Leniency, Tolerance
from scim_server.domain.elements import merged, row_id, settle_primary
from scim_server.domain.resource import Attributes
from scim_server.domain.rows import Element
from scim_server.domain.schema import SCHEMAS, Attribute, AttributeType, Extension, Json, Kept, ResourceType, path_key
from scim_server.domain.secret import Secret, secret
from scim_server.errors import InvalidSyntax, InvalidValue

INT64 = range(-(2**63), 2**63)
DECIMAL_DIGITS, DECIMAL_EXPONENT = 100, 1000


@dataclass(slots=True)
class Body:
    """The body of a create or replace in canonical form.

    `rows` has the elements of attributes kept as rows, by key; `named` the keys of all writable attributes that the
    body names, with a value or with none (an explicit null overrides a default, R-NULL-03); `passing` the values of
    attributes that are accepted and not kept.
    """

    attributes: Attributes = field(default_factory=dict)
    rows: dict[str, list[tuple[str, Element]]] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    passing: dict[str, Json] = field(default_factory=dict)


def body(payload: Mapping[str, Json], resource_type: ResourceType, leniency: Leniency) -> Body:
    """Read the body of a POST or PUT. Raises InvalidValue or InvalidSyntax and names the attribute."""
    result = Body()
    seen: set[str] = set()
    for name, value in payload.items():
        attribute = resource_type.schema.attribute(name) or resource_type.common.attribute(name)
        if attribute is not None:
            _note(attribute.name, seen)
            if not _says_nothing(attribute, value, resource_type, leniency):
                _take(result, result.attributes, attribute, None, value, leniency)
        elif extension := resource_type.extension(name):
            _note(extension.schema.id, seen)
            _take_extension(result, extension, value, leniency)
        else:
            _refuse_unknown(name, leniency)
    _check_schemas(payload, resource_type, leniency)
    return result


def value(attribute: Attribute, raw: Json, leniency: Leniency) -> Json:
    """The canonical value of an attribute, or None where that is unassigned."""
    if not attribute.multi_valued:
        return single(attribute, raw, leniency)
    if raw is None:
        return None
    if not isinstance(raw, list):
        raw = _repaired(attribute, raw, leniency, "an array")
        if raw is None:
            return None
    return elements(attribute, raw, leniency)


def elements(attribute: Attribute, raw: Json, leniency: Leniency) -> list[Json] | None:
    """The canonical elements of a multi-valued attribute: equal ones merged, at most one primary; None where there
    are none.
    """
    if not isinstance(raw, list):
        raise InvalidValue(f"{attribute.name}: expected an array, got {_kind(raw)}.")
    read = [single(attribute, element, leniency) for element in raw]
    kept = [element for element in read if element is not None]
    if len(kept) < len(raw) and not leniency.allows(Tolerance.EMPTY_ELEMENT):
        raise InvalidValue(f"{attribute.name}: an element has no value.")
    if len(kept) < 2:
        return kept or None
    if attribute.is_complex:
        settle_primary(attribute, (), kept, leniency)
    return merged(attribute, kept)


def single(attribute: Attribute, raw: Json, leniency: Leniency) -> Json:
    """One canonical value: of a singular attribute, or one element of a multi-valued one; None where it is
    unassigned.
    """
    if raw is None:
        return None
    if not fits(attribute, raw):
        raw = _repaired(attribute, raw, leniency, _EXPECTED[attribute.type])
        if raw is None:
            return None
        if not fits(attribute, raw):
            raise _misfit(attribute, raw, _EXPECTED[attribute.type])
    if attribute.is_complex:
        return _members(attribute, raw, leniency)
    if raw == "":
        return _empty(attribute, leniency)
    return _secret(attribute, raw) if attribute.kept is Kept.HASHED else raw


def fits(attribute: Attribute, raw: Json) -> bool:
    """Whether one value has the JSON type of the attribute; of an object the members are not looked at."""
    return _FITS[attribute.type](raw)


def row_elements(attribute: Attribute, raw: Json, leniency: Leniency) -> list[tuple[str, Element]]:
    """The elements of an attribute kept as rows, each once under its id, the first one wins."""
    found: dict[str, Element] = {}
    for element in value(attribute, raw, leniency) or ():
        found.setdefault(row_id(attribute, element), element)
    return list(found.items())


def _says_nothing(attribute: Attribute, raw: Json, resource_type: ResourceType, leniency: Leniency) -> bool:
    """An empty text for an attribute with a default, or for a secret, is no value, and no wish to have none either."""
    if is_no_secret(attribute, raw, leniency):
        return True
    return raw == "" and attribute.name in resource_type.defaults and leniency.allows(Tolerance.EMPTY_STRING)


def is_no_secret(attribute: Attribute, raw: Json, leniency: Leniency) -> bool:
    """Whether it is an empty text in the place of a secret, which a client shows that does not know it."""
    return raw == "" and attribute.kept is Kept.HASHED and leniency.allows(Tolerance.EMPTY_STRING)


def _take(
    result: Body, into: Attributes, attribute: Attribute, extension: str | None, raw: Json, leniency: Leniency
) -> None:
    if not _is_writable(attribute):
        return
    key = path_key(extension, attribute.name)
    result.named.add(key)
    if attribute.kept is Kept.ROWS:
        result.rows[attribute.key] = row_elements(attribute, raw, leniency)
        return
    canonical = value(attribute, raw, leniency)
    if attribute.kept is Kept.DISCARDED:
        result.passing[key] = canonical
    elif canonical is not None:
        into[attribute.name] = canonical


def _take_extension(result: Body, extension: Extension, raw: Json, leniency: Leniency) -> None:
    urn = extension.schema.id
    if raw is None:
        result.named.update(path_key(urn, a.name) for a in extension.schema.attributes if _is_writable(a))
        return
    if not isinstance(raw, dict):
        raise InvalidValue(f"{urn}: expected an object, got {_kind(raw)}.")
    inner: Attributes = {}
    seen: set[str] = set()
    for name, member in raw.items():
        attribute = extension.schema.attribute(name)
        if attribute is None:
            _refuse_unknown(f"{urn}:{name}", leniency)
        else:
            _note(attribute.name, seen)
            if not is_no_secret(attribute, member, leniency):
                _take(result, inner, attribute, urn, member, leniency)
    if inner:
        result.attributes[urn] = inner


def _is_writable(attribute: Attribute) -> bool:
    return not attribute.is_read_only and attribute.kept not in (Kept.RECORD, Kept.DERIVED)


def _note(name: str, names: set[str]) -> None:
    """Names that differ in case alone are one name, which stands once in an object (R-HTTP-15, R-HTTP-16)."""
    if name in names:
        raise InvalidSyntax(f"{name} is given twice.")
    names.add(name)


def _members(attribute: Attribute, raw: Mapping[str, Json], leniency: Leniency) -> Attributes | None:
    read: Attributes = {}
    names: set[str] = set()
    for name, member in raw.items():
        sub = attribute.sub(name)
        if sub is None:
            _refuse_unknown(f"{attribute.name}.{name}", leniency)
            continue
        if sub.is_read_only and not attribute.is_read_only:
            continue
        _note(sub.name, names)
        canonical = _part(attribute, sub, member, leniency)
        if canonical is not None:
            read[sub.name] = canonical
    return read or None


def _part(attribute: Attribute, sub: Attribute, raw: Json, leniency: Leniency) -> Json:
    try:
        return value(sub, raw, leniency)
    except InvalidValue as fault:
        raise InvalidValue(f"{attribute.name}.{fault.detail}") from None


def _empty(attribute: Attribute, leniency: Leniency) -> Json:
    if attribute.required:
        raise InvalidValue(f"{attribute.name} must not be empty.")
    if leniency.allows(Tolerance.EMPTY_STRING):
        return None
    return _secret(attribute, "") if attribute.kept is Kept.HASHED else ""


def _secret(attribute: Attribute, raw: str) -> Secret:
    try:
        return secret(raw)
    except ValueError as error:
        raise InvalidValue(f"{attribute.name}: expected a text without {error}.") from None


def _repaired(attribute: Attribute, raw: Json, leniency: Leniency, expected: str) -> Json:
    mended = leniency.repair(attribute, raw)
    if mended is UNFIT:
        raise _misfit(attribute, raw, expected)
    return mended


def _misfit(attribute: Attribute, raw: Json, expected: str) -> InvalidValue:
    return InvalidValue(f"{attribute.name}: expected {expected}, got {_kind(raw)}.")


def _refuse_unknown(name: str, leniency: Leniency) -> None:
    if not leniency.allows(Tolerance.UNKNOWN_ATTRIBUTE):
        raise InvalidSyntax(f"There is no attribute or schema {name!r}.")


def _check_schemas(payload: Mapping[str, Json], resource_type: ResourceType, leniency: Leniency) -> None:
    """R-SCH-06, R-SCH-08: the base schema must be named and no unknown one, unless the dialect is lenient."""
    named = next((member for name, member in payload.items() if name.lower() == SCHEMAS), None)
    urns = [str(urn).lower() for urn in named] if isinstance(named, list) else []
    registered = {resource_type.schema.id.lower(), *(e.schema.id.lower() for e in resource_type.extensions)}
    if resource_type.schema.id.lower() in urns and registered.issuperset(urns):
        return
    if not leniency.allows(Tolerance.MISSING_SCHEMAS):
        raise InvalidSyntax(f"schemas must name {resource_type.schema.id} and only schemas of this resource type.")


def _is_text(raw: Json) -> bool:
    return isinstance(raw, str)


def _is_integer(raw: Json) -> bool:
    return isinstance(raw, int) and not isinstance(raw, bool) and raw in INT64


def _is_decimal(raw: Json) -> bool:
    if isinstance(raw, Decimal) and raw.is_finite():
        return len(raw.as_tuple().digits) <= DECIMAL_DIGITS and abs(raw.adjusted()) <= DECIMAL_EXPONENT
    return _is_integer(raw)


def _is_instant(raw: Json) -> bool:
    try:
        return isinstance(raw, str) and bool(compare.instant(raw))
    except ValueError:
        return False


def _is_base64(raw: Json) -> bool:
    if not isinstance(raw, str):
        return False
    text = raw.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


_FITS: Mapping[AttributeType, Callable[[Json], bool]] = {
    AttributeType.STRING: _is_text,
    AttributeType.REFERENCE: _is_text,
    AttributeType.BOOLEAN: lambda raw: isinstance(raw, bool),
    AttributeType.INTEGER: _is_integer,
    AttributeType.DECIMAL: _is_decimal,
    AttributeType.DATE_TIME: _is_instant,
    AttributeType.BINARY: _is_base64,
    AttributeType.COMPLEX: lambda raw: isinstance(raw, dict),
}

_EXPECTED: Mapping[AttributeType, str] = {
    AttributeType.STRING: "a string",
    AttributeType.REFERENCE: "a string with a URI",
    AttributeType.BOOLEAN: "true or false",
    AttributeType.INTEGER: "a 64-bit integer",
    AttributeType.DECIMAL: "a 64-bit integer, or a decimal of at most 100 digits",
    AttributeType.DATE_TIME: "a dateTime with date and time",
    AttributeType.BINARY: "base64 text",
    AttributeType.COMPLEX: "an object",
}


def _kind(raw: Json) -> str:
    if isinstance(raw, bool):
        return "a boolean"
    if isinstance(raw, dict):
        return "an object"
    if isinstance(raw, list):
        return "an array"
    return "other text" if isinstance(raw, str) else "another number"
