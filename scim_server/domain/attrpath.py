"""Attribute paths: as a client writes them, and bound to a resource type.

    attrPath  = [URI ":"] ATTRNAME *1subAttr        RFC 7644 section 3.10
    valuePath = attrPath "[" valFilter "]" *1subAttr   RFC 7644 figure 7

An unbound path is text that parsed. A bound one holds the attribute itself, so that nothing behind the edge has to
look a name up again. `bind` is the one place that says what a name means: core and common attributes first, then,
where exactly one extension has it, an extension's attribute without its URN (connectors write `manager`: ENTRA-29,
ENTRA-31).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from scim_server.domain.schema import VALUE, Attribute, Extension, ResourceType, path_key


@dataclass(frozen=True, slots=True)
class AttrPath:
    """A path as written. `urn` has no colon at its end; `name` and `sub` keep their case."""

    name: str
    sub: str | None = None
    urn: str | None = None

    def __str__(self) -> str:
        prefix = f"{self.urn}:" if self.urn else ""
        suffix = f".{self.sub}" if self.sub else ""
        return f"{prefix}{self.name}{suffix}"


@dataclass(frozen=True)
class BoundPath:
    """An attribute of one resource type, or a sub-attribute of it.

    `extension` is the URN of the extension that holds the attribute, in its canonical case, or None for core and
    common ones.
    """

    attribute: Attribute
    sub: Attribute | None = None
    extension: str | None = None

    @cached_property
    def key(self) -> str:
        """Its canonical text (`schema.path_key`)."""
        return path_key(self.extension, self.attribute.name, self.sub.name if self.sub else None)

    @cached_property
    def attribute_key(self) -> str:
        """The canonical text of its attribute's path."""
        return path_key(self.extension, self.attribute.name)

    @property
    def leaf(self) -> Attribute:
        """The attribute whose values are meant: the sub-attribute where there is one."""
        return self.sub or self.attribute

    @property
    def steps(self) -> tuple[str, ...]:
        """The member names from the root of a resource down to the values: extension, attribute, sub-attribute."""
        steps = [self.attribute.name]
        if self.extension:
            steps.insert(0, self.extension)
        if self.sub:
            steps.append(self.sub.name)
        return tuple(steps)


def bind(path: AttrPath, resource_type: ResourceType) -> BoundPath | None:
    """The path in that resource type, or None where the type has no such attribute."""
    holder = _holder(path, resource_type)
    if holder is None:
        return None
    extension, attribute = holder
    if path.sub is None:
        return BoundPath(attribute, None, extension)
    sub = attribute.sub(path.sub)
    return BoundPath(attribute, sub, extension) if sub else None


def bind_extension(path: AttrPath, resource_type: ResourceType) -> Extension | None:
    """The extension whose bare URN the path is (`urn:...:enterprise:2.0:User` parses as an attribute `User`), or
    None.
    """
    if path.urn is None or path.sub is not None:
        return None
    return resource_type.extension(f"{path.urn}:{path.name}")


def comparable(path: BoundPath) -> BoundPath:
    """The path whose values a comparison means: a complex attribute with a `value` stands for that (RFC 7644 section
    3.4.2.2).

    RFC 7644 says so for multi-valued attributes (`emails co "x"`); Entra compares `manager eq "id"` too (ENTRA-31).
    """
    if path.sub is None and path.attribute.is_complex:
        value = path.attribute.sub(VALUE)
        return BoundPath(path.attribute, value, path.extension) if value else path
    return path


def _holder(path: AttrPath, resource_type: ResourceType) -> tuple[str | None, Attribute] | None:
    if path.urn is not None:
        return _holder_by_urn(path.urn, path.name, resource_type)
    attribute = resource_type.schema.attribute(path.name) or resource_type.common.attribute(path.name)
    if attribute is not None:
        return None, attribute
    found = [(e.schema.id, a) for e in resource_type.extensions if (a := e.schema.attribute(path.name))]
    return found[0] if len(found) == 1 else None


def _holder_by_urn(urn: str, name: str, resource_type: ResourceType) -> tuple[str | None, Attribute] | None:
    if urn.lower() == resource_type.schema.id.lower():
        attribute = resource_type.schema.attribute(name) or resource_type.common.attribute(name)
        return (None, attribute) if attribute else None
    extension = resource_type.extension(urn)
    attribute = extension.schema.attribute(name) if extension else None
    return (extension.schema.id, attribute) if extension and attribute else None
