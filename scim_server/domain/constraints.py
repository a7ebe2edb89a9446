"""What must hold for a resource as a whole, before and after any write: required and immutable (RFC 7643 section
2.2).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scim_server.domain.resource import Attributes
from scim_server.domain.schema import Attribute, Json, Kept, Mutability, ResourceType
from scim_server.errors import BadRequest, InvalidValue, MutabilityViolation


def check_required(resource_type: ResourceType, attributes: Attributes, fault: type[BadRequest] = InvalidValue) -> None:
    """Raises `fault` where a required attribute, or a required sub-attribute of one that is there, has no value
    (R-CHAR-01, -02).
    """
    _check_container(resource_type.schema.attributes, attributes, fault)
    for extension in resource_type.extensions:
        inner = attributes.get(extension.schema.id)
        if inner is None and not extension.required:
            continue
        if inner is None:
            raise fault(f"The extension {extension.schema.id} is required.")
        _check_container(extension.schema.attributes, inner, fault)


def check_immutable(resource_type: ResourceType, before: Attributes, after: Attributes) -> None:
    """Raises MutabilityViolation where an immutable value that was there is another one or gone (R-CHAR-05 to -07)."""
    for attribute, old, new in _pairs(resource_type, before, after):
        if attribute.mutability is Mutability.IMMUTABLE and old != new:
            raise MutabilityViolation(f"{attribute.name} is immutable and has a value.")
        _check_immutable_parts(attribute, old, new)


def _check_container(attributes: tuple[Attribute, ...], values: Mapping[str, Json], fault: type[BadRequest]) -> None:
    for attribute in attributes:
        value = values.get(attribute.name)
        if value is None:
            if attribute.required and attribute.kept is Kept.DOCUMENT and not attribute.is_read_only:
                raise fault(f"{attribute.name} is required.")
        elif attribute.is_complex:
            _check_parts(attribute, value, fault)


def _check_parts(attribute: Attribute, value: Json, fault: type[BadRequest]) -> None:
    required = [s.name for s in attribute.sub_attributes if s.required and not s.is_read_only]
    if not required:
        return
    for element in value if isinstance(value, list) else (value,):
        for name in required:
            if name not in element:
                raise fault(f"{attribute.name}.{name} is required.")


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
