"""Bodies that are too large or do not arrive: an answer in SCIM's form, and a closed connection."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.live.server import Server, serving

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

USER = "urn:ietf:params:scim:schemas:core:2.0:User"


@pytest.fixture(scope="module")
def server(new_database: Callable[..., str]) -> Iterator[Server]:
    with serving(new_database("sqlite"), workers="1", max_body="20000", client_timeout="2") as server:
        yield server


def exchange(server: Server, head: str, body: bytes) -> tuple[int, Any]:
    """Send these bytes and nothing more; the status and the SCIM error, which says that the connection is closed."""
    address = urlsplit(server.base_url)
    request = f"POST /scim/v2/Users HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {server.token}\r\n{head}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        connection.sendall(request.encode() + body)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    fields, _, text = received.partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in fields.lower()
    return int(fields.split()[1]), json.loads(text)


@pytest.mark.req("R-ERR-07", "R-SEC-08", "R-HTTP-15")
@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        pytest.param("Content-Length: 30000", b" " * 30000, 413, id="longer than the limit"),
        pytest.param("Content-Length: 30000", b"", 413, id="announced and never sent"),
        pytest.param("Transfer-Encoding: chunked", b"7530\r\n" + b" " * 30000 + b"\r\n0\r\n\r\n", 413, id="in chunks"),
        pytest.param("Content-Length: 100", b'{"userName": "half"}', 400, id="half of it"),
        pytest.param("Transfer-Encoding: chunked", b"5\r\n{", 400, id="half a chunk"),
        pytest.param("Transfer-Encoding: chunked", b"zz\r\n{}\r\n", 400, id="a chunk that is none"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(server: Server, head: str, body: bytes, status: int) -> None:
    answered, error = exchange(server, head, body)
    assert answered == status
    assert error["status"] == str(status)
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert server.client().get("/Users?count=0").expect(200)["totalResults"] == 0
