"""Everything that the server serves: a registry for each product profile, and one without a product.

A tenant has one profile. What the profile's folder brings (bindings, resource types, rules) is there for its tenants
alone; what a general extension brings is there for everybody. Names and endpoints of resource types, and URIs of
schemas, mean the same in every registry that has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from scim_server.domain.registry import Registry
from scim_server.domain.schema import ResourceType, Schema
from scim_server.errors import Unavailable

NO_PROFILE: Final = ""
"""The profile of a tenant that has no product."""


@dataclass(frozen=True)
class Catalogue:
    """Immutable; one for each set of files. `registries` are by profile and have NO_PROFILE; all have one stamp."""

    registries: Mapping[str, Registry]
    default: str = NO_PROFILE
    """The profile of a tenant that is added without one."""

    def of(self, profile: str) -> Registry:
        """The registry of that profile's tenants. Raises Unavailable where no file defines the profile: what another
        one allows or forbids is none of theirs.
        """
        registry = self.registries.get(profile)
        if registry is None:
            raise Unavailable(undefined(profile))
        return registry

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names that a tenant's profile may have, sorted; a tenant may also have none."""
        return tuple(sorted(self.registries.keys() - {NO_PROFILE}))

    @property
    def stamp(self) -> str:
        """A hash of what all files mean for what is stored."""
        return self.registries[NO_PROFILE].stamp

    @cached_property
    def whole(self) -> Registry:
        """Every resource type and schema that any profile has: for what is the same for all, such as routes."""
        every = [resource_type for registry in self.registries.values() for resource_type in registry.resource_types]
        types: dict[str, ResourceType] = {}
        schemas: dict[str, Schema] = {}
        for resource_type in every:
            types.setdefault(resource_type.name, resource_type)
        for registry in self.registries.values():
            for schema in registry.schemas:
                schemas.setdefault(schema.id, schema)
        others = tuple(t for t in every if t is not types[t.name])
        return Registry(tuple(types.values()), tuple(schemas.values()), self.stamp, others)


def undefined(profile: str) -> str:
    """A sentence about a profile that no file defines."""
    return f"The profile {profile!r} of this tenant is not defined on this server."
