"""The page about licences and numbers: its commands print what it shows, and its profile is right."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from scim_server import app, catalog
from scim_server.config import Settings
from tests.databases import ENGINES
from tests.http.server import Client, Server
from tests.test_cli import Command

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"```sh\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
PROFILE = re.compile(r"```toml\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"`((?:scim-server )?(licence|numbers) (set|list|remove|add)[^`]*)`")


@pytest.fixture(scope="module")
def contoso(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command over a database with a tenant of the default profile."""
    command = Command(tmp_path_factory.mktemp("licences"))
    command.good("migrate")
    command.good("tenant", "add", "contoso")
    return command


def run(command: Command, line: str) -> str:
    return command.good(*shlex.split(line)[1:])


@pytest.mark.parametrize(("commands", "printed"), SHOWN.findall(PAGE))
def test_its_commands_print_what_it_shows(contoso: Command, commands: str, printed: str) -> None:
    assert "".join(run(contoso, line) for line in commands.splitlines()) == printed


def test_it_shows_pools_and_ranges() -> None:
    assert len(SHOWN.findall(PAGE)) == 2
    assert len(COMMAND.findall(PAGE)) >= 4


@pytest.mark.req("OKTA-50", "OKTA-53")
@pytest.mark.parametrize("engine", ENGINES)
def test_its_profile_has_what_okta_sends_back_take_a_seat(
    engine: str, new_database: Callable[..., str], tmp_path: Path
) -> None:
    extensions = tmp_path / "extensions"
    for folder in ("contact-centre", "licences", "okta-entitlements"):
        (extensions / folder).parent.mkdir(exist_ok=True)
        (extensions / folder).symlink_to(ROOT / "extensions" / folder)
    (own,) = PROFILE.findall(PAGE)
    (extensions / "okta").mkdir()
    (extensions / "okta" / "profile.toml").write_text(own, encoding="utf-8")
    assert [fault for fault in catalog.check(extensions) if fault.severity is catalog.Severity.ERROR] == []
    server = Server(Settings(database_url=new_database(engine), extensions=extensions))
    tenant = server.tenant("contact-centre-okta")
    app.pools(server.settings, server.database.storage, tenant).set("lic-pro", 5, "Pro licence")
    client = Client(server.app(), server.token(tenant, "okta"))
    (shown,) = client.get("/Entitlements").get_json(force=True)["Resources"]
    granted = {"value": shown["id"], "display": shown["displayName"], "type": shown["meta"]["resourceType"]}
    client.create("ana", entitlements=[granted])
    read = client.get("/Entitlements/lic-pro").get_json(force=True)
    del read["meta"]
    assert f'"totalAssignmentsUsed": {read["totalAssignmentsUsed"]}' in PAGE
    assert read["totalAssignmentsUsed"] == 1
    server.close()
