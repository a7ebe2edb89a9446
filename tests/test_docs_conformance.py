"""The page on the conformance tool: its commands run, its tables are the tool's own."""

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from conformance.options import of_run
from conformance.reading import SUITES, names
from tests.live.server import serving

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.unmeasured
def test_its_commands_run_as_they_stand(tmp_path: Path, new_database: Callable[..., str]) -> None:
    """Those that play a suite play some of its scenarios: the suites are played elsewhere."""
    (tmp_path / "conformance").symlink_to(ROOT / "conformance")
    (example,) = (block for block in blocks("json") if '"match-phone-number"' in block)
    (tmp_path / "lookup.json").write_text(example)
    commands = [block for block in blocks("sh") if "python3 -m conformance" in block]
    script = "set -eu\n" + "".join(commands)
    for suite, scenario in (("entra,okta", "connect"), ("rfc", "search")):
        script = script.replace(f"--suite {suite}", f"--suite {suite} --scenario {scenario}")
    with serving(new_database("sqlite"), workers="1") as server:
        environ = {**os.environ, "BASE": server.base_url, "TOKEN": server.token}
        done = subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lookup.json: 1 scenarios" in done.stdout
    assert "Okta" in (tmp_path / "report.html").read_text()
    assert ElementTree.parse(tmp_path / "scim.xml").find("testsuite") is not None


def test_it_names_every_suite() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == names()
    assert names() == sorted(path.name for path in SUITES.iterdir())


def test_it_names_every_option() -> None:
    rows = [row.partition("|")[0] for row in re.findall(r"^\| (`--.*)$", PAGE, re.MULTILINE)]
    told = {option for row in rows for option in re.findall(r"`(--[a-z-]+)`", row)}
    known = {option for action in of_run()._actions for option in action.option_strings if option.startswith("--")}
    assert told == known - {"--help"}


def test_it_lists_what_no_scenario_can_show() -> None:
    items = json.loads((SUITES.parent / "items.json").read_text(encoding="utf-8"))
    rows = [
        f"| {id} | {item['title']} | {item['not_testable']} |" for id, item in items.items() if "not_testable" in item
    ]
    assert rows
    assert [row for row in rows if row not in PAGE] == []
    assert len(re.findall(r"^\| [A-Z]+-\d+ \|", PAGE, re.MULTILINE)) == len(rows)
