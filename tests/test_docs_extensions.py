"""What the page about extensions says that a client does is done, over HTTP and on both engines."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from scim_server import catalog
from scim_server.catalog.shapes import RULES
from scim_server.config import Settings
from tests.http.server import Client, Server

PAGE = (Path(__file__).parents[1] / "docs/extensions.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`(desk/[\w./-]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
STEPS = re.findall(r"```http\n(\w+) (.+?)\n(.*?)```\n\nanswers `(\d+)`(?:, with `([^`]+)`)?[.:]", PAGE, re.DOTALL)


def extensions(folder: Path) -> Path:
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.req("R-RT-02", "R-DISC-05", "R-SCH-12")
def test_the_walk_through_happens_as_it_is_written(database_url: str, tmp_path: Path) -> None:
    server = Server(Settings(database_url=database_url, extensions=extensions(tmp_path)))
    client = Client(server.app(), server.token(server.tenant()))
    for method, path, body, status, part in STEPS:
        answer = client.send(method, quote(path, safe="/?=&:"), body.encode() or None)
        assert answer.status_code == int(status), f"{method} {path}: {answer.text}"
        assert part in answer.text
        assert "1234" not in answer.text, "what is discarded never comes back"
        if answer.status_code == 201:
            created = answer.get_json(force=True)
            assert {"schemas", "id", "meta"} <= created.keys()
    assert client.get("/Telephones").get_json(force=True)["totalResults"] == 1
    server.close()


def tables(text: str) -> set[str]:
    return set(re.findall(r"^\[+(\w+)\]+$", text, re.MULTILINE))


def test_the_rules_of_the_page_are_right_and_those_of_each_table_are_shown(tmp_path: Path) -> None:
    blocks = [block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL) if "[profile]" not in block]
    rules = "\n".join(block for block in blocks if RULES.keys() & tables(block))
    profile = extensions(tmp_path) / "desk/profile.toml"
    profile.write_text(f"{profile.read_text(encoding='utf-8')}\n{rules}", encoding="utf-8")
    assert catalog.check(tmp_path) == []
    assert tables(rules) == set(RULES)


def test_the_walk_through_is_read_whole() -> None:
    assert len(FILES) == 4
    assert len(STEPS) == PAGE.count("```http") == 7
