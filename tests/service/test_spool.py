"""Where the bytes of a large answer are until they are sent."""

import pytest

from scim_server.service.spool import Spool

MIB = 2**20


@pytest.mark.req("X-02")
@pytest.mark.parametrize(("length", "in_a_file"), [(0, False), (MIB, False), (MIB + 1, True), (3 * MIB, True)])
def test_beyond_one_mebibyte_the_content_is_in_a_file(length: int, in_a_file: bool) -> None:
    pieces = ["x" * min(1_000, length - start) for start in range(0, length, 1_000)]
    spool = Spool.of(pieces)
    assert spool._file._rolled is in_a_file  # type: ignore[attr-defined]
    assert len(spool) == length
    assert b"".join(spool) == "".join(pieces).encode()
    assert spool._file.closed
