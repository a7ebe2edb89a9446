"""What the server serves: look-up by URN, by endpoint and by name.

Names of schemas and attributes are case-insensitive (RFC 7643 section 2.1, RFC 7644 section 3.10); endpoints and
names of resource types are exact (errata 8366, 8475).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from scim_server.domain.schema import (
    MOST_LEVELS,
    REF,
    Attribute,
    Derivation,
    Inverse,
    ResourceType,
    Schema,
    Uniqueness,
    path_key,
)


@dataclass(frozen=True, slots=True)
class Variation:
    """What a tenant's settings make different in its registry."""

    not_unique: frozenset[str] = frozenset()
    """Attributes (URN:name, any case) that need not be unique."""
    is_nested: bool = False
    """Whether derived attributes follow nesting: who owns an owner owns too."""
    has_pools: bool = False
    """Whether there are licence pools; what shows them is not there before."""


AS_IT_IS: Final = Variation()


@dataclass(frozen=True)
class Registry:
    """Immutable; one for each set of files, profile and tenant settings.

    `schemas` are those published under /Schemas: of the resource types, their extensions, and of the discovery
    resources. `stamp` is a hash of what the files mean for what is stored: documents are marked with the one they were
    written under.
    """

    resource_types: tuple[ResourceType, ...]
    schemas: tuple[Schema, ...]
    stamp: str
    others: tuple[ResourceType, ...] = ()
    """What other profiles make of the same types, where the registry stands for all of them."""
    _variants: dict[Variation, Registry] = field(init=False, default_factory=dict, compare=False, repr=False)

    def at(self, endpoint: str) -> ResourceType | None:
        """The resource type behind `/Users`."""
        return self._by_endpoint.get(endpoint)

    def named(self, name: str) -> ResourceType | None:
        """The resource type of that name: `User`."""
        return self._by_name.get(name)

    @property
    def every_type(self) -> tuple[ResourceType, ...]:
        """The resource types as each profile has them."""
        return self.resource_types + self.others

    @cached_property
    def subject(self) -> ResourceType | None:
        """The resource type whose resources credentials are bound to, for `/Me`."""
        return next((t for t in self.resource_types if t.is_subject), None)

    def schema(self, urn: str) -> Schema | None:
        """The published schema of that URN in any case."""
        return self._by_urn.get(urn.lower())

    def variant(self, variation: Variation) -> Registry:
        """The same registry for a tenant with these settings; made once."""
        if variation == AS_IT_IS and not self._hidden(variation):
            return self
        if variation not in self._variants:
            self._variants[variation] = self._varied(variation)
        return self._variants[variation]

    def _varied(self, variation: Variation) -> Registry:
        names = {name.lower() for name in variation.not_unique}
        hidden = self._hidden(variation)
        shown = [t for t in self.resource_types if t not in hidden]
        unseen = _urns(hidden) - _urns(shown)
        types = tuple(relaxed(t, names) for t in shown)
        schemas = published(types, (_relax(schema, names) for schema in self.schemas if schema.id not in unseen))
        if variation.is_nested:
            types = tuple(replace(t, derivations={**t.derivations, **self._nested(t)}) for t in types)
        return Registry(types, schemas, self.stamp)

    def _hidden(self, variation: Variation) -> Sequence[ResourceType]:
        """The resource types that are not there for a tenant with these settings."""
        return [] if variation.has_pools else [t for t in self.resource_types if t.pools]

    def _nested(self, resource_type: ResourceType) -> dict[str, Derivation]:
        """The inverses that can nest, with as many levels as are followed."""
        return {
            key: replace(inverse, levels=MOST_LEVELS)
            for key, inverse in resource_type.inverses.items()
            if self._nests(inverse)
        }

    def _nests(self, inverse: Inverse) -> bool:
        """Whether an owner can stand in the attribute of another one, as its `$ref` says."""
        owner = self.named(inverse.resource_type)
        attribute = owner.kept_apart.get(inverse.attribute) if owner and inverse.attribute else None
        reference = attribute.sub(REF) if attribute else None
        return reference is not None and inverse.resource_type in reference.reference_types

    @cached_property
    def _by_endpoint(self) -> dict[str, ResourceType]:
        return {t.endpoint: t for t in self.resource_types}

    @cached_property
    def _by_name(self) -> dict[str, ResourceType]:
        return {t.name: t for t in self.resource_types}

    @cached_property
    def _by_urn(self) -> dict[str, Schema]:
        return {s.id.lower(): s for s in self.schemas}


def relaxed(resource_type: ResourceType, names: set[str]) -> ResourceType:
    """The type without the uniqueness of these attributes (URN:name in lower case); what is no longer unique is still
    looked up by an index.
    """
    extensions = tuple(replace(e, schema=_relax(e.schema, names)) for e in resource_type.extensions)
    found = replace(
        resource_type,
        schema=_relax(resource_type.schema, names),
        extensions=extensions,
        unique_within={
            key: within
            for key, within in resource_type.unique_within.items()
            if not {key.lower(), f"{resource_type.schema.id}:{key}".lower()} & names
        },
    )
    return replace(found, indexed=resource_type.indexed | (_unique(resource_type) - _unique(found)))


def _urns(resource_types: Iterable[ResourceType]) -> set[str]:
    return {schema.id for resource_type in resource_types for _, schema in resource_type.containers}


def _unique(resource_type: ResourceType) -> frozenset[str]:
    return frozenset(
        path_key(urn, attribute.name)
        for urn, schema in resource_type.containers
        for attribute in schema.attributes
        if attribute.uniqueness is not Uniqueness.NONE
    )


def _relax(schema: Schema, names: set[str]) -> Schema:
    relaxed = tuple(_relax_attribute(a) if f"{schema.id}:{a.name}".lower() in names else a for a in schema.attributes)
    return schema if relaxed == schema.attributes else replace(schema, attributes=relaxed)


def _relax_attribute(attribute: Attribute) -> Attribute:
    return replace(attribute, uniqueness=Uniqueness.NONE)


def published(resource_types: Iterable[ResourceType], discovery: Iterable[Schema]) -> tuple[Schema, ...]:
    """The schemas of /Schemas in a fixed order, each once: of the resource types, their extensions, the discovery
    resources.
    """
    found: dict[str, Schema] = {}
    for resource_type in resource_types:
        found.setdefault(resource_type.schema.id, resource_type.schema)
        for extension in resource_type.extensions:
            found.setdefault(extension.schema.id, extension.schema)
    for schema in discovery:
        found.setdefault(schema.id, schema)
    return tuple(found.values())
