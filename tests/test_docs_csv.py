"""docs/csv.md: its files are imported and exported as it shows, and it names every option that there is."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from scim_server import cli

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

PAGE = (Path(__file__).parents[1] / "docs/csv.md").read_text(encoding="utf-8")
FILES = re.findall(r"`([\w.]+)`[^`]*?:\n\n```(?:csv|toml)\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"^\$ scim-server (.+)\n((?:(?!\$ |```).*\n)*)", PAGE, re.MULTILINE)


@pytest.mark.req("CC-35", "CC-42")
def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner = CliRunner(env={"SCIM_DATABASE_URL": f"sqlite:///{tmp_path / 'scim.db'}"})
    assert runner.invoke(cli.main, ["migrate"]).exit_code == 0
    assert runner.invoke(cli.main, ["tenant", "add", "contoso"]).exit_code == 0
    for name, content in FILES:
        Path(name).write_text(content, encoding="utf-8")
    for arguments, expected in COMMANDS:
        result = runner.invoke(cli.main, shlex.split(arguments))
        assert result.output.replace("\r\n", "\n") == expected, arguments
    assert Path("refused.csv").read_text(encoding="utf-8").startswith("#line,#reason,userName")


def test_the_page_is_read_whole() -> None:
    assert len(FILES) == PAGE.count("```csv") + PAGE.count("```toml") == 3
    assert len(COMMANDS) == PAGE.count("$ scim-server") == 5


@pytest.mark.parametrize("command", ["export", "import"])
def test_the_page_names_every_option(command: str) -> None:
    options = {
        name for each in cli.main.commands[command].params if isinstance(each, click.Option) for name in each.opts
    }
    assert {name for name in options if name not in PAGE} == set()
