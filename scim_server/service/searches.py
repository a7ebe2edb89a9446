"""The use case of searching: a query is bound to resource types, answered by the database, and rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scim_server.domain.attrpath import AttrPath, BoundPath, bind, comparable
from scim_server.domain.binding import bind_all
from scim_server.domain.dialect import Leniency
from scim_server.domain.filter import BoundFilter, Filter
from scim_server.domain.project import DEFAULT, Projection, shape
from scim_server.domain.query import CursorPage, Direction, Order, Page, Query, Selection
from scim_server.domain.schema import Kept, ResourceType, Returned
from scim_server.errors import InvalidValue
from scim_server.service.context import Context
from scim_server.service.representation import render, render_list, render_walked
from scim_server.storage.base import Found, Storage

WriteCursor = Callable[[CursorPage], str]
"""Makes the cursor of a page, in unreserved characters alone (RFC 3986 section 2.3)."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A query as it was read, not yet bound to resource types; its page stands beside it."""

    filter: Filter | None = None
    sort_by: AttrPath | None = None
    order: Order | None = None
    projection: Projection = DEFAULT


class Searches:
    """Searches over one storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def search(
        self, context: Context, resource_types: Sequence[ResourceType], request: SearchRequest, page: Page
    ) -> bytes:
        """A ListResponse (RFC 7644 section 3.4.2). Raises InvalidFilter, InvalidValue, TooMany."""
        found, rendered = self._page(context, resource_types, request, page)
        return render_list(found.total, page.start_index, rendered)

    def walk(
        self,
        context: Context,
        resource_types: Sequence[ResourceType],
        request: SearchRequest,
        page: CursorPage,
        write: WriteCursor,
    ) -> bytes:
        """A ListResponse with the cursors of the pages beside it (RFC 9865 section 2). Raises as
        `search`.
        """
        found, rendered = self._page(context, resource_types, request, page)
        return render_walked(found.total, {name: write(other) for name, other in _beside(page, found)}, rendered)

    def _page(
        self,
        context: Context,
        resource_types: Sequence[ResourceType],
        request: SearchRequest,
        page: Page | CursorPage,
    ) -> tuple[Found, list[str]]:
        shapes = {t.name: shape(request.projection, t) for t in resource_types}
        expand = frozenset(name for s in shapes.values() for name in s.expand)
        query = _query(request, resource_types, page, context.leniency)
        found = self._storage.search(context.tenant, query, expand)
        types = {t.name: t for t in resource_types}
        rendered = [
            render(r, types[r.resource_type], shapes[r.resource_type], context.registry, context.base_url)
            for r in found.records
        ]
        return found, rendered


def _beside(page: CursorPage, found: Found) -> Iterator[tuple[str, CursorPage]]:
    """The pages before and behind one, by the name of their cursor; each goes on with the total of the first."""
    if found.edges is None:
        if page.direction is Direction.BACKWARD:
            # What lay before the walk's last page is gone, so that the list begins behind it (R-CUR-03).
            yield "nextCursor", CursorPage(page.count, total=found.total)
        return
    if found.edges.has_previous:
        yield "previousCursor", CursorPage(page.count, found.edges.first, Direction.BACKWARD, found.total)
    if found.edges.has_next:
        yield "nextCursor", CursorPage(page.count, found.edges.last, Direction.FORWARD, found.total)


def _query(
    request: SearchRequest, resource_types: Sequence[ResourceType], page: Page | CursorPage, leniency: Leniency
) -> Query:
    filters: Sequence[BoundFilter | None] = [None] * len(resource_types)
    if request.filter is not None:
        filters = bind_all(request.filter, resource_types, leniency)
    sorts = [_sort(request.sort_by, t) for t in resource_types]
    if request.sort_by is not None and not any(sorts):
        raise InvalidValue(f"sortBy: there is no attribute {str(request.sort_by)!r} to sort by.")
    selections = tuple(Selection(t, f, s) for t, f, s in zip(resource_types, filters, sorts, strict=True))
    order = (request.order or Order.ASCENDING) if request.sort_by is not None else None
    return Query(selections, page, order)


def _sort(path: AttrPath | None, resource_type: ResourceType) -> BoundPath | None:
    """The path to sort by; a complex attribute needs a sub-attribute (R-SORT-05), what is never returned is not
    sorted by (R-SORT-09).
    """
    bound = bind(path, resource_type) if path else None
    if bound is None:
        return None
    bound = comparable(bound)
    unseen = Returned.NEVER in (bound.attribute.returned, bound.leaf.returned)
    if bound.leaf.is_complex or unseen or bound.attribute.kept is Kept.DISCARDED:
        raise InvalidValue(f"sortBy: {bound.key} cannot be sorted by.")
    return bound
