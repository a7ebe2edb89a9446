"""A search: which resources, in what order, which page.

A page is named by an index (RFC 7644 section 3.4.2.4) or by the resource it begins after (RFC 9865).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from scim_server.domain.attrpath import BoundPath
from scim_server.domain.filter import BoundFilter
from scim_server.domain.schema import ResourceType


class Order(StrEnum):
    ASCENDING = "ascending"
    DESCENDING = "descending"


@dataclass(frozen=True, slots=True)
class Selection:
    """The resources of one type that a filter holds for (all where it is None), and the path they are sorted by.

    In a search over several types a type without the sort attribute has `sort_by` None: absent values (R-GET-09).
    """

    resource_type: ResourceType
    filter: BoundFilter | None = None
    sort_by: BoundPath | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """`start_index` is 1-based and at least 1, `count` at least 0 and at most the server's limit (RFC 7644 section
    3.4.2.4).
    """

    start_index: int = 1
    count: int = 100


@dataclass(frozen=True, slots=True)
class Position:
    """Where a resource stands in the order of a query: its sort keys as storage gave them, and its id."""

    keys: tuple[str | int | float | None, ...]
    id: str


class Direction(StrEnum):
    FORWARD = "forward"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True)
class CursorPage:
    """The `count` resources next to `start`, in that direction; they come in the order of the query in both.

    Without a `start` the page is the first one, or the last one backward. `total` is that of the first page of the
    walk, None where it is to be counted.
    """

    count: int = 100
    start: Position | None = None
    direction: Direction = Direction.FORWARD
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """Resources of one or several types. Without a sort the order is that of the ids.

    With one: absent values last ascending and first descending, equal ones by id in the same direction; of a multi-
    valued attribute the primary element counts, else the first (R-SORT-03, -04, -07).
    """

    selections: tuple[Selection, ...]
    page: Page | CursorPage = Page()
    order: Order | None = None
