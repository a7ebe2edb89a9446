"""One tenant's resources, as the use cases give and take them: the same ones that answer requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from scim_server.domain.bulk import Method, Operation
from scim_server.domain.dialect import Dialect, Leniency
from scim_server.domain.filter import Filter
from scim_server.domain.operation import Operation as PatchOperation
from scim_server.domain.project import Projection
from scim_server.domain.query import CursorPage, Page
from scim_server.domain.registry import Registry
from scim_server.domain.schema import Json, ResourceType
from scim_server.filtering import Limits, operations
from scim_server.service.bulk import Bulk, Policy, Request, Result
from scim_server.service.context import Context, Effect
from scim_server.service.searches import Searches, SearchRequest
from scim_server.sheets.faults import SheetError

Resource = dict[str, Any]
"""A resource as JSON."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of several writes, in their order, and what they did besides."""

    results: Sequence[Result]
    effects: Sequence[Effect]


class Directory:
    """A tenant's resources over the use cases. `new_context` makes the context of one search or one write.

    `limits` are those of filters and paths.
    """

    def __init__(
        self,
        new_context: Callable[[Leniency], Context],
        dialect: Dialect,
        searches: Searches,
        bulk: Bulk,
        limits: Limits,
    ) -> None:
        self._new_context = new_context
        self._dialect = dialect
        self._searches = searches
        self._bulk = bulk
        self.limits = limits

    @property
    def registry(self) -> Registry:
        """The tenant's schemas and resource types."""
        return self._context().registry

    @property
    def leniency(self) -> Leniency:
        """A new one, of the dialect that rows are read in."""
        return Leniency(self._dialect)

    def type_named(self, name: str | None) -> ResourceType:
        """The resource type of that name; for None that of those whom credentials are bound to, or the first one.

        Raises SheetError.
        """
        types = self.registry.resource_types
        if name is None:
            return self.registry.subject or types[0]
        found = self.registry.named(name)
        if found is None:
            raise SheetError(f"There is no resource type {name}; there are: {', '.join(t.name for t in types)}.")
        return found

    def find(self, resource_type: ResourceType, condition: Filter, projection: Projection) -> list[Resource]:
        """What a filter finds: nothing, one resource, or two of several. Raises InvalidFilter, TooMany."""
        request = SearchRequest(condition, projection=projection)
        resources: list[Resource] = _parsed(
            self._searches.search(self._context(), [resource_type], request, Page(count=2))
        )["Resources"]
        return resources

    def walk(
        self, resource_type: ResourceType, request: SearchRequest, count: int
    ) -> Iterator[tuple[int, list[Resource]]]:
        """All that a search finds, a page of so many at a time, with the total of all pages. Nothing that stays is
        left out or repeated, whatever others write meanwhile. Raises as `find`.
        """
        page: CursorPage | None = CursorPage(count)
        while page is not None:
            pages: list[CursorPage] = []
            answer = self._searches.walk(self._context(), [resource_type], request, page, _numbering(pages))
            message = _parsed(answer)
            yield message["totalResults"], message["Resources"]
            page = pages[int(message["nextCursor"])] if "nextCursor" in message else None

    def write(self, wanted: Sequence[Operation]) -> Done:
        """Carry out writes in one transaction, each of which fails alone. Raises Unavailable."""
        context = self._context()

        def read_patch(data: Json, resource_type: ResourceType) -> list[PatchOperation]:
            steps = (operations.read(raw, resource_type, context.leniency, self.limits) for raw in data)
            return [step for several in steps for step in several]

        policy = Policy(lambda method, path: None, read_patch)
        return Done(self._bulk.run(context, Request(wanted), policy), [*context.effects])

    def _context(self) -> Context:
        return self._new_context(self.leniency)


def creation(resource_type: ResourceType, body: Json) -> Operation:
    """The write that creates a resource. It is given its id by a name that no cell can refer to."""
    return Operation(Method.POST, resource_type.endpoint, bulk_id=str(uuid4()), data=body)


def change(resource_type: ResourceType, id: str, steps: Sequence[Json]) -> Operation:
    """The write that runs the operations of a PATCH."""
    return Operation(Method.PATCH, f"{resource_type.endpoint}/{quote(id, safe='')}", data=[*steps])


def _numbering(pages: list[CursorPage]) -> Callable[[CursorPage], str]:
    """A cursor is the place of its page in the list."""

    def write(page: CursorPage) -> str:
        pages.append(page)
        return str(len(pages) - 1)

    return write


def _parsed(answer: bytes) -> Any:
    return json.loads(answer, parse_float=Decimal)
