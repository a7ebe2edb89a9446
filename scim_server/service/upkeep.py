"""When the schemas have changed: what is stored, drafted anew."""

from __future__ import annotations

from collections.abc import Mapping

from scim_server.domain.registry import Registry
from scim_server.service.drafts import attributes_of, draft
from scim_server.storage.base import Draft, Record, Tenancy


class Redraft:
    """Drafts a stored resource as its tenant's registry would have it today."""

    def __init__(self, registry: Registry, tenancy: Tenancy) -> None:
        self._registry = registry
        self._tenancy = tenancy
        self._of_tenant: Mapping[int, Registry] = {}

    def __call__(self, tenant: int, record: Record) -> Draft | None:
        """The draft, without what the schemas have lost; None where they have lost the type of the resource."""
        registry = self._registry_of(tenant)
        resource_type = registry.named(record.resource_type)
        if resource_type is None:
            return None
        return draft(registry, resource_type, record.id, attributes_of(record, registry, resource_type))

    def _registry_of(self, tenant: int) -> Registry:
        if tenant not in self._of_tenant:
            tenants = self._tenancy.tenants()
            self._of_tenant = {t.id: self._registry.variant(t.variation) for t in tenants}
        return self._of_tenant[tenant]
