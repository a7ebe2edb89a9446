"""Resources to rows: what a search finds, in its order, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from scim_server.domain.filter import Filter
from scim_server.domain.project import Projection, shape
from scim_server.domain.query import Order
from scim_server.domain.schema import ResourceType
from scim_server.filtering import parse_attribute, parse_filter
from scim_server.service.searches import SearchRequest
from scim_server.sheets.cells import guarded
from scim_server.sheets.columns import Column, column, defaults
from scim_server.sheets.directory import Directory
from scim_server.sheets.faults import SheetError
from scim_server.sheets.files import line_of
from scim_server.sheets.layout import unknown_headers
from scim_server.sheets.rows import named

_PAGE, _SORTED_PAGE, _PAGE_WITH_ROWS = 500, 5_000, 10
"""Resources that are in memory at the same time: more where the database sorts all of them for each page, fewer where
each of them may have many elements.
"""


@dataclass(frozen=True, slots=True)
class Selected:
    """Which resources, in what order, and the headers of the columns; without any the default ones."""

    filter: str | None = None
    sort_by: str | None = None
    is_descending: bool = False
    columns: tuple[str, ...] = ()


class Export:
    """One export. What cannot be read or shown is found out before anything is written.

    Raises SheetError, InvalidFilter, InvalidPath.
    """

    def __init__(self, directory: Directory, resource_type: ResourceType, selected: Selected) -> None:
        self._directory = directory
        self._resource_type = resource_type
        self.columns = _columns(resource_type, selected.columns)
        self._request = SearchRequest(
            _filter(selected.filter, directory),
            None if selected.sort_by is None else parse_attribute(selected.sort_by),
            Order.DESCENDING if selected.is_descending else Order.ASCENDING,
            Projection.of(named(self.columns), ()),
        )

    def lines(self, delimiter: str, progress: Callable[[int, int], None]) -> Iterator[str]:
        """The lines of the file, the header first. `progress` is told how many resources are done, and of how many.

        Raises InvalidFilter, InvalidValue, TooMany.
        """
        done = 0
        yield line_of([guarded(each.header) for each in self.columns], delimiter)
        for total, resources in self._directory.walk(self._resource_type, self._request, self._count):
            for resource in resources:
                yield line_of([guarded(each.text(resource)) for each in self.columns], delimiter)
            done += len(resources)
            progress(done, max(done, total))

    @property
    def _count(self) -> int:
        wanted = shape(self._request.projection, self._resource_type)
        if wanted.expand:
            return _PAGE_WITH_ROWS
        return _PAGE if self._request.sort_by is None else _SORTED_PAGE


def _columns(resource_type: ResourceType, headers: Sequence[str]) -> tuple[Column, ...]:
    if not headers:
        return defaults(resource_type)
    pairs = [(header, column(header, resource_type)) for header in headers]
    unknown = [header for header, found in pairs if found is None]
    if unknown:
        raise unknown_headers(unknown, resource_type)
    found = tuple(each for _, each in pairs if each is not None)
    for each in found:
        if each.is_secret:
            raise SheetError(f"{each.header} is returned never, and cannot be exported.")
    return found


def _filter(text: str | None, directory: Directory) -> Filter | None:
    return None if text is None else parse_filter(text, directory.leniency, directory.limits)
