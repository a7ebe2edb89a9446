"""The page that teaches to write a product writes one, which does what the page says, over HTTP and on both engines."""

import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from click.testing import CliRunner

from scim_server import catalog, cli
from scim_server.catalog.shapes import RULES
from scim_server.config import Settings
from tests.http.server import Client, Server

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/profiles.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"`(switchboard/[\w./-]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
COMMANDS = re.findall(r"^    scim-server (.+)$", PAGE, re.MULTILINE)
STEPS = re.findall(
    r"```http\n(\w+) (.+?)\n(.*?)```\n\nanswers `(\d+)`, with `([^`]+)`\.(?: Its id is (\w+) below)?", PAGE, re.DOTALL
)


@pytest.fixture(scope="module")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders that come along, and beside them the one of the page."""
    folder = Path(shutil.copytree(ROOT / "extensions", tmp_path_factory.mktemp("page") / "extensions"))
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.req("CC-40", "CC-50", "CC-52", "CC-57")
def test_the_product_of_the_page_does_what_the_page_says(database_url: str, extensions: Path) -> None:
    """Takes a second: each command reads the folder anew."""
    server = Server(Settings(database_url=database_url, extensions=extensions))
    environ = {"SCIM_DATABASE_URL": database_url, "SCIM_EXTENSIONS": str(extensions)}
    printed = ""
    for command in COMMANDS:
        arguments = [str(extensions) if part == "extensions" else part for part in command.split()]
        arguments[0] = command.split()[0]
        result = CliRunner().invoke(cli.main, arguments, env=environ)
        assert result.exit_code == 0, result.output
        printed = result.stdout.strip()
    client, ids = Client(server.app(), printed), dict[str, str]()
    for method, path, body, status, part, name in STEPS:
        for known, id in ids.items():
            path, body = path.replace(known, id), body.replace(known, id)
        answer = client.send(method, quote(path, safe="/?=&:"), body.encode() or None)
        assert answer.status_code == int(status), f"{method} {path}: {answer.text}"
        assert part in answer.text, f"{method} {path}: {answer.text}"
        if name:
            ids[name] = answer.get_json(force=True)["id"]
    server.close()


def test_the_product_of_the_page_has_no_fault(extensions: Path) -> None:
    assert catalog.check(extensions) == []
    path = extensions / "switchboard/profile.toml"
    path.write_text(FILES["switchboard/profile.toml"].replace('"lead"]', "5]"), encoding="utf-8")
    found = [str(fault) for fault in catalog.check(extensions)]
    path.write_text(FILES["switchboard/profile.toml"], encoding="utf-8")
    assert len(found) == 1
    assert "switchboard/profile.toml: constraints[0].one_of[1]: 5 does not fit; expected a value of type" in found[0]


def test_the_page_is_read_whole_and_names_every_table_of_a_profile() -> None:
    assert len(FILES) == 2
    assert len(STEPS) == PAGE.count("```http") == 9
    assert len(COMMANDS) == 5
    assert [table for table in sorted(RULES) if not re.search(rf"`\[+{table}\]+`", PAGE)] == []
