"""What the README says of the tree and of what is missing."""

import re
from pathlib import Path

import pytest

from scim_server.config import Settings
from tests.http.server import Client, Server

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tree_names_every_room_of_the_package_and_nothing_else() -> None:
    tree = README[README.index("    scim_server/      the package") : README.index("    extensions/ ")]
    rooms = {f"{p.name}/" for p in (ROOT / "scim_server").iterdir() if p.is_dir() and p.name != "__pycache__"}
    named = set(re.findall(r"^      (\S+)", tree, re.MULTILINE))
    assert {name for name in named if name.endswith("/")} == rooms
    assert all((ROOT / "scim_server" / name).exists() for name in named)


def test_every_page_that_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert len(links) >= 6
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.req("R-SPC-06")
def test_what_is_said_to_be_missing_is_missing(tmp_path: Path) -> None:
    server = Server(Settings(database_url=f"sqlite:///{tmp_path / 'scim.db'}"))
    client = Client(server.app(), server.token(server.tenant()))
    client.create("ana")
    assert client.get("/Users?cursor=").get_json(force=True)["totalResults"] == 1
    server.close()
