"""The page about paging: its examples are run, and answer what it says."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.live.server import Client, Server
from tests.live.test_readme import blocks, masked, run

pytestmark = pytest.mark.unmeasured

PAGE = "docs/paging.md"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
NAMES = [f"{name}@contoso.example" for name in ("ana", "ben", "cai")]


@pytest.fixture(scope="module")
def populated(server: Server, client: Client) -> Server:
    """A server with the users of the examples."""
    for name in NAMES[::-1]:
        client.post("/Users", {"schemas": [USER], "userName": name}).expect(201)
    return server


def without_cursors(page: dict[str, Any]) -> dict[str, Any]:
    return {name: "CURSOR" if name.endswith("Cursor") else value for name, value in page.items()}


@pytest.mark.req("R-CUR-01", "R-CUR-03")
def test_the_first_page_is_what_the_example_shows(populated: Server) -> None:
    (request,) = blocks("sh", PAGE)
    (shown,) = blocks("json", PAGE)
    answered = masked(without_cursors(run(populated, request)))
    assert answered == masked(without_cursors(json.loads(shown)))
    assert answered["nextCursor"] == "CURSOR"


@pytest.mark.req("R-CUR-03", "R-CUR-19")
def test_the_walk_of_the_example_shows_everybody(populated: Server) -> None:
    (program,) = blocks("python", PAGE)
    environment = os.environ | {"BASE": populated.base_url, "TOKEN": populated.token}
    finished = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    )
    assert finished.stdout.split() == NAMES
