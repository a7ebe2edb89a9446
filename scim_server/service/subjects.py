"""Whom a credential can be bound to: what `/Me` means for it (RFC 7644 section 3.11)."""

from __future__ import annotations

from collections.abc import Iterator

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.binding import bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.filter import Comparison, Operator, Or
from scim_server.domain.query import Page, Query, Selection
from scim_server.domain.registry import Registry
from scim_server.domain.schema import ID, AttributeType, ResourceType, Returned, Uniqueness
from scim_server.errors import InvalidValue, Unsupported
from scim_server.storage.base import Storage, Tenant


def find_subject(storage: Storage, tenant: Tenant, registry: Registry, name: str) -> str:
    """The id of the one resource that has that id, or that value in an attribute that is unique.

    Raises Unsupported where no resource type has subjects, InvalidValue where nothing, or more than one, has the name.
    """
    subjects = registry.subject
    if subjects is None:
        raise Unsupported("No resource type has subjects that credentials are bound to.")
    of_tenant = registry.variant(tenant.variation).named(subjects.name) or subjects
    condition = Or(tuple(Comparison(path, Operator.EQ, name) for path in _identifying(subjects)))
    selection = Selection(of_tenant, bind(condition, of_tenant, Leniency(STRICT)))
    found = storage.search(tenant.id, Query((selection,), Page(count=2)), frozenset())
    if found.total != 1:
        raise InvalidValue(f"There {'are several' if found.total else 'is no'} {subjects.name} {name!r}.")
    return found.records[0].id


def _identifying(resource_type: ResourceType) -> Iterator[AttrPath]:
    """The id, and the attributes whose values are texts that belong to one resource."""
    yield AttrPath(ID)
    for urn, schema in resource_type.containers:
        for attribute in schema.attributes:
            is_seen = attribute.returned is not Returned.NEVER and attribute.type is AttributeType.STRING
            if is_seen and attribute.uniqueness is not Uniqueness.NONE:
                yield AttrPath(attribute.name, None, urn)
