"""Paging through the elements of an attribute kept as rows: beside the standard (docs/large-groups.md)."""

from __future__ import annotations

from collections.abc import Callable

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.binding import bind_condition
from scim_server.domain.filter import Filter
from scim_server.domain.project import Projection, shape
from scim_server.domain.query import CursorPage, Position
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.service.changes import not_found
from scim_server.service.context import Context
from scim_server.service.representation import cut_elements, render_walked
from scim_server.storage.base import FoundElements, Storage


class ElementPages:
    """Pages over one storage."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def page(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        attribute: Attribute,
        condition: Filter | None,
        page: CursorPage,
        cursor: Callable[[CursorPage], str],
    ) -> bytes:
        """A ListResponse whose resources are elements, in the order of their ids; `nextCursor` where others follow.

        The filter names sub-attributes, as in the brackets of a path. An element has all that is returned by default
        or on request. Raises NotFound, InvalidFilter, TooMany.
        """
        bound = None if condition is None else bind_condition(condition, attribute, context.leniency)
        found = self._storage.elements(context.tenant, resource_type, id, attribute, bound, page)
        if found is None:
            raise not_found(resource_type, id)
        named = shape(Projection((AttrPath(attribute.name),)), resource_type)
        elements = cut_elements(found.elements, named.parts[None][attribute.name])
        following = _following(found, page)
        return render_walked(found.total, {} if following is None else {"nextCursor": cursor(following)}, elements)


def _following(found: FoundElements, page: CursorPage) -> CursorPage | None:
    if not found.has_next or found.last is None:
        return None
    return CursorPage(page.count, Position((), found.last), total=found.total)
