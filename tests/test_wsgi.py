"""The entry for other WSGI servers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unmeasured

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
from pathlib import Path
from werkzeug.test import Client
import wsgi

print(Path(sys.argv[1]).exists(), wsgi.app is wsgi.application, file=sys.stderr)
print(Client(wsgi.app).get("/readyz").status_code, file=sys.stderr)
"""


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_importing_it_needs_no_database_and_the_first_request_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "scim.db"
    url = f"sqlite:///{path}"
    unmigrated = run("-c", PROGRAM, str(path), SCIM_DATABASE_URL=url)
    assert unmigrated.stderr == "False True\n503\n"
    assert run("-c", "from scim_server.cli import main; main(['migrate'])", SCIM_DATABASE_URL=url).returncode == 0
    migrated = run("-c", PROGRAM, str(path), SCIM_DATABASE_URL=url)
    assert migrated.stderr == "True True\n200\n"
    assert '"event":"request"' in migrated.stdout


def test_a_setting_that_does_not_fit_stops_the_import() -> None:
    failed = run("-c", "import wsgi", SCIM_PORT="http")
    assert failed.returncode == 1
    assert failed.stderr.rstrip().endswith(
        "SCIM_PORT is text of 4 characters; a whole number from 0 to 65535 is expected."
    )
