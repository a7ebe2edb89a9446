"""PUT: the new attributes of a resource, and what a body that does not name an attribute leaves alone (RFC 7644
section 3.5.1).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from scim_server.domain.coerce import Body
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.schema import AbsentInPut, Attribute, Json, Mutability, ResourceType, Returned, path_key


def replaced(resource_type: ResourceType, before: Attributes, body: Body, leniency: Leniency) -> Attributes:
    """The attributes after a PUT with that body.

    What the client cannot see or set stays (read-only, returned never, immutable: R-PUT-05, R-CHAR-09). Where the
    dialect has KEEP_IN_PUT, so do attributes with a default and those of extensions whose binding says keep; else
    defaults come back.
    """
    after = copy(body.attributes)
    for attribute, urn, value in _absent(resource_type, before, body.named):
        if _is_out_of_reach(attribute) or _is_kept(resource_type, attribute, urn, leniency):
            _put(after, urn, attribute.name, copy(value))
    _keep_parts(resource_type, before, after)
    return with_defaults(resource_type, after, body.named)


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


def _keep_parts(resource_type: ResourceType, before: Attributes, after: Attributes) -> None:
    """What is out of reach stays inside a complex value that the body gives anew, too (R-CHAR-09)."""
    for urn, schema in resource_type.containers:
        held, given = (before.get(urn, {}), after.get(urn, {})) if urn else (before, after)
        for name, new in list(given.items()):
            attribute, old = schema.attribute(name), held.get(name)
            if attribute and isinstance(old, dict) and isinstance(new, dict):
                parts = [sub.name for sub in attribute.sub_attributes if _is_out_of_reach(sub) and sub.name in old]
                given[name] = {**{part: copy(old[part]) for part in parts}, **new}


def _is_out_of_reach(attribute: Attribute) -> bool:
    return (
        attribute.mutability in (Mutability.READ_ONLY, Mutability.IMMUTABLE, Mutability.WRITE_ONLY)
        or attribute.returned is Returned.NEVER
    )


def _is_kept(resource_type: ResourceType, attribute: Attribute, urn: str | None, leniency: Leniency) -> bool:
    if urn is None:
        binding_keeps = attribute.name in resource_type.defaults
    else:
        extension = resource_type.extension(urn)
        binding_keeps = extension is not None and extension.absent_in_put is AbsentInPut.KEEP
    return binding_keeps and leniency.allows(Tolerance.KEEP_IN_PUT)


def _put(attributes: Attributes, urn: str | None, name: str, value: Json) -> None:
    container = attributes.setdefault(urn, {}) if urn else attributes
    container.setdefault(name, value)
