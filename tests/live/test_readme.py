"""The first requests of the README are run, and answer what it says."""

import json
import os
import re
import subprocess
from typing import Any

import pytest

from tests.live.server import ROOT, Server

pytestmark = pytest.mark.unmeasured

BLOCKS = re.compile(r"^```(sh|json|python)\n(.*?)^```", re.M | re.S)


def blocks(language: str, page: str = "README.md") -> list[str]:
    """The examples of a page in that language."""
    return [text for found, text in BLOCKS.findall((ROOT / page).read_text()) if found == language]


def run(server: Server, command: str) -> Any:
    environment = os.environ | {"BASE": server.base_url, "TOKEN": server.token}
    finished = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, check=True, text=True)
    return json.loads(finished.stdout)


def masked(value: Any) -> Any:
    """The value without what differs from run to run: ids, times, ports."""
    if isinstance(value, dict):
        return {name: masked(member) for name, member in value.items()}
    if isinstance(value, list):
        return [masked(element) for element in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", value)
    return re.sub(r"127\.0\.0\.1:\d+", "HOST", re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "TIME", value))


def test_the_dry_run_of_its_page_answers_what_it_shows(server: Server) -> None:
    (command,), (shown,) = blocks("sh", "docs/dry-run.md"), blocks("json", "docs/dry-run.md")
    assert masked(run(server, command)) == masked(json.loads(shown))


@pytest.mark.req("R-POST-01", "R-POST-03", "CC-55")
def test_the_first_requests_of_the_readme_answer_what_it_shows(server: Server) -> None:
    create, ask = blocks("sh")
    (shown,) = blocks("json")
    created = run(server, create)
    assert masked(created) == masked(json.loads(shown))
    assert [found["id"] for found in run(server, ask)["Resources"]] == [created["id"]]
