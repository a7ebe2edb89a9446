"""What a request asks for besides its body: a search, a page, a projection (RFC 7644 sections 3.4.2 and 3.9).

They come in the query string of a GET or in the body of a POST to /.search. Both become the same `Parameters` first, so
that both mean the same and fail the same (R-SRCH-04). Names count in any case: a `FILTER` that was overlooked would
answer with everybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl

from scim_server import filtering
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Leniency
from scim_server.domain.filter import Filter
from scim_server.domain.project import DEFAULT, Projection
from scim_server.domain.query import Order, Page
from scim_server.errors import BadRequest, InvalidCount, InvalidValue
from scim_server.filtering import parse_attribute
from scim_server.service.searches import SearchRequest

_MAX_PARAMETERS: Final = 100
_MAX_NAMES: Final = 200
_FEW_NAMES: Final = 20
_SHORT_NAMES: Final = 1_000
_INT64_DIGITS: Final = 18
_ORDERS: Final = {order.value: order for order in Order}


@dataclass(frozen=True, slots=True)
class Limits:
    """Of a filter; resources on a page where the client names no number, and at most."""

    filter: filtering.Limits
    page: int
    page_max: int

    def bounded(self, count: int | None) -> int:
        """The resources of a page: a negative count means 0 (RFC 7644 section 3.4.2.4, RFC 9865 section 2)."""
        return self.page if count is None else min(max(count, 0), self.page_max)


@dataclass(frozen=True, slots=True)
class Parameters:
    """As they were sent; None and () where they were not. Numbers are integers of any size."""

    attributes: tuple[str, ...] = ()
    excluded_attributes: tuple[str, ...] = ()
    filter: str | None = None
    sort_by: str | None = None
    sort_order: str | None = None
    start_index: int | None = None
    count: int | None = None
    cursor: str | None = None
    """Empty for the first page of a walk (RFC 9865 section 2)."""

    @property
    def projection(self) -> Projection:
        """Raises InvalidValue for a name that is none, for too many names and for both kinds at once."""
        if not self.attributes and not self.excluded_attributes:
            return DEFAULT
        names = (*self.attributes, *self.excluded_attributes)
        if len(names) > _MAX_NAMES:
            raise InvalidValue(f"More than {_MAX_NAMES} names of attributes are given.")
        # What is remembered stays in memory, so only what ordinary clients send is.
        is_small = len(names) <= _FEW_NAMES and sum(map(len, names)) <= _SHORT_NAMES
        return (_remembered_projection if is_small else _projection)(self.attributes, self.excluded_attributes)


def query_members(query: bytes) -> dict[str, list[str]]:
    """The values of a query string by name in lower case, percent-decoded once; a trailing `&` is nothing (OL-01).

    Raises InvalidValue for text that is not UTF-8.
    """
    members: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(query.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidValue("The query string is not UTF-8.") from None
    except ValueError:
        raise InvalidValue(f"The query string has more than {_MAX_PARAMETERS} parameters.") from None
    for name, value in pairs:
        members.setdefault(name.lower(), []).append(value)
    return members


def of_query(query: bytes) -> Parameters:
    """The parameters in a query string; others are ignored (R-HTTP-10). Raises InvalidValue."""
    if not query:
        return _NONE
    members = query_members(query)
    return Parameters(
        attributes=_names(members, "attributes"),
        excluded_attributes=_names(members, "excludedAttributes"),
        filter=_single(members, "filter"),
        sort_by=_single(members, "sortBy"),
        sort_order=_single(members, "sortOrder"),
        start_index=_number(members, "startIndex"),
        count=_count(members),
        cursor=_single(members, "cursor"),
    )


def search_request(parameters: Parameters, limits: Limits, leniency: Leniency) -> SearchRequest:
    """The search that the parameters mean. Raises InvalidFilter, InvalidValue."""
    if parameters.cursor is not None and parameters.start_index is not None:
        raise InvalidValue("Give cursor or startIndex, not both.")
    return SearchRequest(
        filter=_filter(parameters.filter, limits, leniency),
        sort_by=_sort_by(parameters.sort_by),
        order=_order(parameters.sort_order),
        projection=parameters.projection,
    )


def page_of(parameters: Parameters, limits: Limits) -> Page:
    """The page by index. Out of range is brought into it: startIndex below 1 means 1 (RFC 7644 section 3.4.2.4)."""
    start_index = 1 if parameters.start_index is None else parameters.start_index
    return Page(max(start_index, 1), limits.bounded(parameters.count))


_NONE: Final = Parameters()


def _single(members: dict[str, list[str]], name: str) -> str | None:
    values = members.get(name.lower())
    if values is None:
        return None
    if len(values) > 1:
        raise InvalidValue(f"{name} is given twice.")
    return values[0]


def _names(members: dict[str, list[str]], name: str) -> tuple[str, ...]:
    """A comma-separated list, or several of them."""
    return tuple(part for value in members.get(name.lower(), ()) for part in value.split(","))


def _number(members: dict[str, list[str]], name: str) -> int | None:
    text = _single(members, name)
    if text is None:
        return None
    digits = text.strip().removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _INT64_DIGITS:
        raise InvalidValue(f"{name} must be an integer of at most {_INT64_DIGITS} digits.")
    return int(text)


def _count(members: dict[str, list[str]]) -> int | None:
    """Beside a cursor a bad count has an error of its own (RFC 9865 section 2.1)."""
    try:
        return _number(members, "count")
    except InvalidValue:
        if "cursor" in members:
            raise InvalidCount from None
        raise


def _projection(attributes: tuple[str, ...], excluded: tuple[str, ...]) -> Projection:
    return Projection.of(_paths(attributes), _paths(excluded))


_remembered_projection: Final = lru_cache(maxsize=1024)(_projection)


def _paths(names: Iterable[str]) -> tuple[AttrPath, ...]:
    return tuple(_path("attributes", name) for text in names if (name := text.strip()))


def _path(parameter: str, text: str) -> AttrPath:
    """What is no path is a bad parameter value (R-SORT-08)."""
    try:
        return parse_attribute(text)
    except BadRequest as error:
        raise InvalidValue(f"{parameter}: {error.detail}") from None


def _filter(text: str | None, limits: Limits, leniency: Leniency) -> Filter | None:
    if text is None:
        return None
    return filtering.parse_filter(text, leniency, limits.filter)


def _sort_by(text: str | None) -> AttrPath | None:
    return None if text is None else _path("sortBy", text.strip())


def _order(text: str | None) -> Order | None:
    if text is None:
        return None
    order = _ORDERS.get(text.strip().lower())
    if order is None:
        raise InvalidValue("sortOrder must be ascending or descending.")
    return order
