"""The tree of failures: each has a status of the standard, and a scimType only where the standard has one."""

from collections.abc import Iterator

import pytest

from scim_server import errors
from scim_server.errors import ScimError

# RFC 7644 table 8 and, of a part of an atomic bulk request that was undone with the rest, RFC 4918 section 11.4; of
# what is to be sent again later, RFC 6585 section 4.
WITHOUT_KIND = {400, 401, 403, 404, 405, 409, 412, 413, 415, 424, 429, 500, 501, 503}
# RFC 7644 table 9 and RFC 9865 section 2.1; the sections that name a status other than 400 are 3.3 and 7.5.2.
OF_400 = {
    "invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue",
    "invalidVers", "invalidCursor", "expiredCursor", "invalidCount",
}  # fmt: skip
STATUSES = {"uniqueness": 409, "sensitive": 403}


def tree(kind: type[ScimError]) -> Iterator[type[ScimError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


KINDS = sorted({k for k in tree(ScimError) if k.__module__ == errors.__name__}, key=lambda kind: kind.__name__)


@pytest.mark.req("R-ERR-03")
@pytest.mark.parametrize("kind", KINDS)
def test_a_failure_has_the_status_that_goes_with_its_kind(kind: type[ScimError]) -> None:
    if kind.scim_type is None:
        assert kind.status in WITHOUT_KIND
    else:
        assert kind.status == STATUSES.get(kind.scim_type, 400)
        assert kind.scim_type in OF_400 | STATUSES.keys()
