"""If-Match and If-None-Match (RFC 7644 section 3.14, RFC 9110 section 13.1)."""

import pytest

from scim_server.errors import PreconditionFailed
from scim_server.service.conditions import NONE, Conditions

req = pytest.mark.req

ETAG = 'W/"7.12"'

# header, whether the resource's tag is among its
HEADERS = [
    ('W/"7.12"', True),
    ('"7.12"', True),
    ("7.12", True),
    ("W/7.12", True),
    ("*", True),
    (" * ", True),
    ('W/"1", W/"7.12"', True),
    ('"1","7.12"', True),
    ("1, 7.12", True),
    ('W/"7.12",', True),
    ('W/"7"', False),
    ('W/"7.1"', False),
    ('W/"17.12"', False),
    ('"7.12x"', False),
    ('"7, 12"', False),
    ('"a", "b"', False),
    ("", False),
    (",", False),
    ('""', False),
    ("W/", False),
]


@req("R-ETAG-06", "R-ETAG-07", "R-ETAG-08")
@pytest.mark.parametrize(("header", "holds"), HEADERS)
def test_a_write_with_if_match_goes_on_where_the_tag_is_listed(header: str, holds: bool) -> None:
    conditions = Conditions.parse(header, None)
    assert conditions.guards
    if holds:
        conditions.check(ETAG)
    else:
        with pytest.raises(PreconditionFailed):
            conditions.check(ETAG)


@req("R-ETAG-05", "R-ETAG-07")
@pytest.mark.parametrize(("header", "holds"), HEADERS)
def test_with_if_none_match_a_read_says_not_modified_and_a_write_fails_where_the_tag_is_listed(
    header: str, holds: bool
) -> None:
    conditions = Conditions.parse(None, header)
    assert conditions.guards
    assert conditions.is_not_modified(ETAG) is holds
    if holds:
        with pytest.raises(PreconditionFailed):
            conditions.check(ETAG)
    else:
        conditions.check(ETAG)


@req("R-ETAG-06")
@pytest.mark.parametrize(
    ("if_match", "if_none_match", "holds"),
    [(ETAG, '"1"', True), (ETAG, ETAG, False), ('"1"', '"1"', False), ('"1"', ETAG, False)],
)
def test_both_conditions_must_hold(if_match: str, if_none_match: str, holds: bool) -> None:
    conditions = Conditions.parse(if_match, if_none_match)
    if holds:
        conditions.check(ETAG)
    else:
        with pytest.raises(PreconditionFailed):
            conditions.check(ETAG)


@req("R-ETAG-01")
def test_without_headers_nothing_is_asked() -> None:
    assert Conditions.parse(None, None) == NONE
    assert not NONE.guards
    assert not NONE.is_not_modified(ETAG)
    NONE.check(ETAG)
