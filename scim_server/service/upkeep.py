"""When the schemas have changed: what is stored, drafted anew."""

from __future__ import annotations

from scim_server.domain.catalogue import Catalogue
from scim_server.domain.registry import Registry
from scim_server.service.drafts import attributes_of, draft
from scim_server.storage.base import Draft, Record, Tenancy, Tenant


class Redraft:
    """Drafts a stored resource as its tenant's registry would have it today."""

    def __init__(self, catalogue: Catalogue, tenancy: Tenancy) -> None:
        self._catalogue = catalogue
        self._tenancy = tenancy
        self._tenants: dict[int, Tenant] = {}

    def __call__(self, tenant: int, record: Record) -> Draft | None:
        """The draft, without what the schemas have lost; None where they have lost the type of the resource, or no
        file defines the profile of the tenant.
        """
        registry = self._registry_of(tenant)
        resource_type = registry.named(record.resource_type) if registry else None
        if registry is None or resource_type is None:
            return None
        return draft(registry, resource_type, record.id, attributes_of(record, registry, resource_type))

    def _registry_of(self, tenant: int) -> Registry | None:
        if tenant not in self._tenants:
            self._tenants = {found.id: found for found in self._tenancy.tenants()}
        found = self._tenants[tenant]
        registry = self._catalogue.registries.get(found.profile)
        return registry.variant(found.variation) if registry else None
