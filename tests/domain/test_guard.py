"""How many may leave: by number, by percentage, and in a small tenant."""

from typing import Any

import pytest

from scim_server.domain.guard import Guard

NOW = "2026-03-02T06:30:00.250000000Z"


@pytest.mark.parametrize(
    ("settings", "there_were", "most"),
    [
        ({}, 10, 500),
        ({}, 19, 500),
        ({}, 20, 4),
        ({}, 24, 4),
        ({}, 25, 5),
        ({}, 2_499, 499),
        ({}, 2_500, 500),
        ({}, 1_000_000, 500),
        ({"users": 3}, 10, 3),
        ({"users": 3}, 100, 3),
        ({"users": 30}, 100, 20),
        ({"percent": 50}, 10, 5),
        ({"percent": 50}, 1, 1),
        ({"percent": 100}, 300, 300),
        ({"percent": 1}, 20, 1),
        ({"on": True}, 10, 2),
        ({"on": True}, 3, 1),
    ],
)
def test_so_many_of_so_many_may_leave(settings: dict[str, Any], there_were: int, most: int) -> None:
    guard = Guard.of("contoso", settings)
    assert guard is not None
    assert guard.most(there_were) == most


@pytest.mark.parametrize("settings", [{}, {"users": 7}, {"percent": 3}, {"percent": 100}, {"on": True}])
def test_beyond_what_is_counted_more_make_no_difference(settings: dict[str, Any]) -> None:
    guard = Guard.of("contoso", settings)
    assert guard is not None
    for leaving in range(1, 600):
        enough = guard.enough(leaving)
        may_leave = leaving <= guard.most(enough)
        assert may_leave is (leaving <= guard.most(enough * 1000)) is (leaving <= guard.users)


def test_a_tenant_can_do_without() -> None:
    assert Guard.of("contoso", {"on": False, "users": 3}) is None


def test_the_window_ends_now() -> None:
    assert Guard("contoso").since(NOW) == "2026-03-01T06:30:00.250000000Z"
    assert Guard("contoso", hours=1).since(NOW) == "2026-03-02T05:30:00.250000000Z"
