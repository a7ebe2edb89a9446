"""A search as a value."""

import pytest

from scim_server.domain.query import Order, Page, Query, Selection
from tests.domain.device import DEVICE


@pytest.mark.req("R-PAGE-01", "R-PAGE-04", "R-PAGE-09")
def test_a_search_starts_at_the_first_resource_and_has_no_order_of_its_own() -> None:
    query = Query((Selection(DEVICE),))
    assert (query.page, query.order) == (Page(1, 100), None)
    assert (query.selections[0].filter, query.selections[0].sort_by) == (None, None)


@pytest.mark.req("R-SORT-02")
@pytest.mark.parametrize(("text", "order"), [("ascending", Order.ASCENDING), ("descending", Order.DESCENDING)])
def test_orders_have_the_names_of_the_rfc(text: str, order: Order) -> None:
    assert Order(text) is order
