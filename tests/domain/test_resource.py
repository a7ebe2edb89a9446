"""A resource and what follows from its data."""

import pytest

from scim_server.domain.resource import Attributes, Meta, copy, schemas
from tests.domain.device import CORE, DESK, DEVICE, HALL

req = pytest.mark.req


@req("R-ETAG-03", "R-ETAG-11")
@pytest.mark.parametrize(("membership", "etag"), [(None, 'W/"7"'), (12, 'W/"7.12"'), (0, 'W/"7.0"')])
def test_the_entity_tag_has_the_membership_in_it_where_there_is_one(membership: int | None, etag: str) -> None:
    assert Meta("", "", 7, membership).etag == etag


@req("R-SCH-01", "R-SCH-02", "R-SCH-03", "R-SCH-05")
@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, [CORE]),
        ({"name": "d"}, [CORE]),
        ({HALL: {"door": "1"}}, [CORE, HALL]),
        ({HALL: {"door": "1"}, DESK: {"seat": "1"}}, [CORE, DESK, HALL]),
    ],
)
def test_schemas_are_the_base_and_the_extensions_with_data(attributes: Attributes, expected: list[str]) -> None:
    assert schemas(DEVICE, attributes) == expected


def test_a_copy_shares_nothing_that_can_change() -> None:
    value = {"a": [{"b": ["c"]}, "d"], "e": {}}
    copied = copy(value)
    assert copied == value
    copied["a"][0]["b"].append("x")
    copied["e"]["y"] = 1
    assert value == {"a": [{"b": ["c"]}, "d"], "e": {}}
