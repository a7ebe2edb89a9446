"""What must hold for a resource as a whole, before and after any write: required and immutable (RFC 7643 section
2.2).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from scim_server.domain.resource import Attributes
from scim_server.domain.schema import Attribute, Json, Mutability, ResourceType
from scim_server.errors import InvalidValue, MutabilityViolation


def check_required(resource_type: ResourceType, attributes: Attributes) -> None:
    """Raises InvalidValue where a required attribute, or a required sub-attribute of one that is there, has no value
    (R-CHAR-01, -02).
    """
    for lack in _lacks(resource_type, attributes):
        raise InvalidValue(lack)


def check_still_there(resource_type: ResourceType, before: Attributes, after: Attributes) -> None:
    """Raises MutabilityViolation where a PATCH leaves more of what is required without a value than lacked it before
    (R-CHAR-01, R-PATCH-16).

    What a resource lacked already, since it was written under other schemas, is none of the PATCH's doing: who leaves
    must be switched off whatever else is missing (CC-57).
    """
    lacking = Counter(_lacks(resource_type, after))
    if lacking:
        for lack in lacking - Counter(_lacks(resource_type, before)):
            raise MutabilityViolation(lack)


def check_immutable(resource_type: ResourceType, before: Attributes, after: Attributes) -> None:
    """Raises MutabilityViolation where an immutable value that was there is another one or gone (R-CHAR-05 to -07)."""
    for attribute, old, new in _pairs(resource_type, before, after):
        if attribute.mutability is Mutability.IMMUTABLE and old != new:
            raise MutabilityViolation(f"{attribute.name} is immutable and has a value.")
        _check_immutable_parts(attribute, old, new)


def _lacks(resource_type: ResourceType, attributes: Attributes) -> Iterator[str]:
    """A sentence for each value that is required and not there."""
    yield from _lacks_of(resource_type.schema.attributes, attributes)
    for extension in resource_type.extensions:
        inner = attributes.get(extension.schema.id)
        if inner is not None:
            yield from _lacks_of(extension.schema.attributes, inner)
        elif extension.required:
            yield f"The extension {extension.schema.id} is required."


def _lacks_of(attributes: tuple[Attribute, ...], values: Mapping[str, Json]) -> Iterator[str]:
    for attribute in attributes:
        value = values.get(attribute.name)
        if value is None:
            if attribute.required and attribute.is_in_document and not attribute.is_read_only:
                yield f"{attribute.name} is required."
        elif attribute.is_complex:
            yield from _lacks_of_parts(attribute, value)


def _lacks_of_parts(attribute: Attribute, value: Json) -> Iterator[str]:
    required = [s.name for s in attribute.sub_attributes if s.required and not s.is_read_only]
    if not required:
        return
    for element in value if isinstance(value, list) else (value,):
        yield from (f"{attribute.name}.{name} is required." for name in required if name not in element)


def _check_immutable_parts(attribute: Attribute, old: Json, new: Json) -> None:
    """Immutable sub-attributes of a singular complex attribute; in lists elements come and go as wholes (R-CHAR-08)."""
    if not isinstance(old, dict):
        return
    for sub in attribute.sub_attributes:
        if sub.mutability is Mutability.IMMUTABLE and sub.name in old and old[sub.name] != (new or {}).get(sub.name):
            raise MutabilityViolation(f"{attribute.name}.{sub.name} is immutable and has a value.")


def _pairs(
    resource_type: ResourceType, before: Attributes, after: Attributes
) -> Iterator[tuple[Attribute, Json, Json]]:
    for urn, schema in resource_type.containers:
        new = after.get(urn, {}) if urn else after
        for name, value in (before.get(urn, {}) if urn else before).items():
            attribute = schema.attribute(name)
            if attribute is not None:
                yield attribute, value, new.get(name)
