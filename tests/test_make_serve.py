"""What `make serve` hands to the server."""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ROOT = Path(__file__).parents[1]
URL = "postgresql://scim:open sesame@db.example.com/scim"


def served(folder: Path, *arguments: str, **environment: str) -> list[str]:
    """What a stand-in for the server was given: its arguments in one line, then the URL of the database."""
    program = folder / "scim-server"
    program.write_text('#!/bin/sh\necho "$*"\necho "${SCIM_DATABASE_URL-none}"\n')
    program.chmod(0o755)
    command = ["make", "--silent", "-o", ".venv/installed", "serve", f"BIN={folder}", *arguments]
    kept = {name: os.environ[name] for name in ("PATH",)}
    return subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_the_url_of_the_database_is_no_argument_that_everybody_can_read(tmp_path: Path) -> None:
    assert served(tmp_path, f"DATABASE_URL={URL}", "PORT=9000") == ["serve --port 9000", URL]
    assert served(tmp_path, DATABASE_URL=URL) == ["serve", URL]


def test_without_a_url_the_setting_counts(tmp_path: Path) -> None:
    assert served(tmp_path) == ["serve", "none"]
    assert served(tmp_path, SCIM_DATABASE_URL=URL) == ["serve", URL]
