"""PUT: the new attributes of a resource, and what a body that does not name an attribute leaves alone (RFC 7644
section 3.5.1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from scim_server.domain.coerce import Body
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.elements import identity
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.schema import AbsentInPut, Attribute, Json, Mutability, ResourceType, Returned, path_key


def replaced(resource_type: ResourceType, before: Attributes, body: Body, leniency: Leniency) -> Attributes:
    """The attributes after a PUT with that body.

    What the client cannot see or set stays (read-only, returned never, immutable: R-PUT-05, R-CHAR-09). Where the
    dialect has KEEP_IN_PUT, so does what has a default, what is returned on request alone (OKTA-07), and what
    belongs to an extension whose binding says keep; else it is cleared.
    """
    after: Attributes = copy(body.attributes)
    for attribute, urn, value in _absent(resource_type, before, body.named):
        if _is_out_of_reach(attribute) or _is_kept(resource_type, attribute, urn, leniency):
            _put(after, urn, attribute.name, copy(value))
    _keep_parts(resource_type, before, after, body.named)
    return with_defaults(resource_type, after, body.named)


def keeps_rows(resource_type: ResourceType, attribute: Attribute, named: Collection[str], leniency: Leniency) -> bool:
    """Whether a PUT leaves alone what the attribute, which is kept as rows, has (`replaced`).

    How much that is nobody looks for, and so it is not counted as a tolerance.
    """
    if attribute.key in named:
        return False
    keeps = Tolerance.KEEP_IN_PUT in leniency.dialect.tolerances and _may_be_kept(
        resource_type, attribute, attribute.holder
    )
    return keeps or _is_out_of_reach(attribute)


def with_defaults(resource_type: ResourceType, attributes: Attributes, named: Collection[str]) -> Attributes:
    """A copy of the attributes with the defaults of those that a body does not name.

    An explicit null is a name (R-NULL-03).
    """
    completed: Attributes = copy(attributes)
    for key, urn, name, value in resource_type.default_values:
        if key not in named:
            _put(completed, urn, name, copy(value))
    return completed


def _absent(
    resource_type: ResourceType, before: Attributes, named: Collection[str]
) -> Iterator[tuple[Attribute, str | None, Json]]:
    for urn, schema in resource_type.containers:
        for name, value in (before.get(urn, {}) if urn else before).items():
            attribute = schema.attribute(name) or resource_type.common.attribute(name)
            if attribute and path_key(urn, attribute.name) not in named:
                yield attribute, urn, value


def _keep_parts(resource_type: ResourceType, before: Attributes, after: Attributes, named: Collection[str]) -> None:
    """What is out of reach stays inside complex values too: in a value or an equal element that the body gives anew,
    and where the body does not name the attribute (R-CHAR-09).
    """
    for urn, schema in resource_type.containers:
        for name, old in (before.get(urn, {}) if urn else before).items():
            attribute = schema.attribute(name)
            if attribute is None or not _has_part_out_of_reach(attribute):
                continue
            container = after.get(urn, {}) if urn else after
            if name in container:
                container[name] = _with_parts(attribute, old, container[name])
            elif path_key(urn, name) not in named and (parts := _parts(attribute, old)):
                _put(after, urn, name, parts)


def _with_parts(attribute: Attribute, old: Json, new: Json) -> Json:
    """The new value with what is out of reach in the old one; elements correspond by what makes them the same."""
    if isinstance(new, dict):
        return {**(_parts(attribute, old) or {}), **new}
    held = {identity(attribute, element): _parts(attribute, element) or {} for element in old}
    return [{**held.get(identity(attribute, element), {}), **element} for element in new]


def _parts(attribute: Attribute, value: Json) -> Json:
    """What is out of reach in a singular complex value, or None; an element is nothing without the rest of it."""
    if not isinstance(value, dict):
        return None
    parts = {sub.name for sub in attribute.sub_attributes if _is_out_of_reach(sub)} & value.keys()
    return {name: copy(value[name]) for name in value if name in parts} or None


def _has_part_out_of_reach(attribute: Attribute) -> bool:
    return any(map(_is_out_of_reach, attribute.sub_attributes))


def _is_out_of_reach(attribute: Attribute) -> bool:
    return (
        attribute.mutability in (Mutability.READ_ONLY, Mutability.IMMUTABLE, Mutability.WRITE_ONLY)
        or attribute.returned is Returned.NEVER
    )


def _is_kept(resource_type: ResourceType, attribute: Attribute, urn: str | None, leniency: Leniency) -> bool:
    return _may_be_kept(resource_type, attribute, urn) and leniency.allows(Tolerance.KEEP_IN_PUT)


def _may_be_kept(resource_type: ResourceType, attribute: Attribute, urn: str | None) -> bool:
    extension = resource_type.extension(urn) if urn else None
    return (
        path_key(urn, attribute.name) in resource_type.defaults
        or attribute.returned is Returned.REQUEST
        or (extension is not None and extension.absent_in_put is AbsentInPut.KEEP)
    )


def _put(attributes: Attributes, urn: str | None, name: str, value: Json) -> None:
    container = attributes.setdefault(urn, {}) if urn else attributes
    container.setdefault(name, value)
