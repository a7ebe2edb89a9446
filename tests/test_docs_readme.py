"""The README names the rooms of the package, and links to pages that are there."""

import re
from pathlib import Path

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
