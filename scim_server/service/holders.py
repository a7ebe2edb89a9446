"""Who has a value: the resources of one type that a condition holds for, read a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scim_server.domain.filter import BoundFilter
from scim_server.domain.query import CursorPage, Query, Selection
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import ResourceType
from scim_server.service.drafts import attributes_of
from scim_server.storage.base import Transaction

_PAGE: Final = 1000


def holders(
    transaction: Transaction, registry: Registry, resource_type: ResourceType, condition: BoundFilter
) -> Iterator[tuple[str, Attributes]]:
    """(id, attributes) of each, as the transaction sees them."""
    selection = (Selection(resource_type, condition),)
    page: CursorPage | None = CursorPage(_PAGE)
    while page is not None:
        found = transaction.search(Query(selection, page), frozenset())
        for record in found.records:
            yield record.id, attributes_of(record, registry, resource_type)
        goes_on = found.edges is not None and found.edges.has_next
        page = CursorPage(_PAGE, found.edges.last, total=found.total) if found.edges and goes_on else None
