"""The scim-server command, as an operator sees it: what it prints where, and how it fails."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest
from click.testing import CliRunner, Result

from scim_server import app, cli
from scim_server.cli import server
from scim_server.config import Settings, manual
from scim_server.errors import Uniqueness
from scim_server.storage.base import ToleranceUse
from tests.http.server import Client

pytestmark = pytest.mark.usefixtures("read_once")

ROOT = Path(__file__).parent.parent
PROGRAMS = Path(sys.executable).parent
TOKEN = re.compile(r"scim_[A-Za-z0-9_-]{43}")


class Command:
    """The command over one SQLite database, in this process."""

    def __init__(self, folder: Path) -> None:
        self.environ = {"SCIM_DATABASE_URL": f"sqlite:///{folder / 'scim.db'}"}
        self._runner = CliRunner()

    def run(self, *arguments: str, answer: str | None = None, **environ: str) -> Result:
        return self._runner.invoke(cli.main, arguments, input=answer, env={**self.environ, **environ})

    def good(self, *arguments: str, answer: str | None = None) -> str:
        """What it prints on standard output, when all goes well."""
        result = self.run(*arguments, answer=answer)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return result.stdout

    def bad(self, *arguments: str, **environ: str) -> str:
        """The one line that it prints on standard error, when something is wrong that is not the command line."""
        result = self.run(*arguments, **environ)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.count("\n") == 1
        return result.stderr.strip()


@pytest.fixture
def empty(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    Command(folder).good("migrate")
    return folder


@pytest.fixture
def command(migrated_folder: Path, tmp_path: Path) -> Command:
    """The command over a migrated database with a tenant `contoso`."""
    shutil.copytree(migrated_folder, tmp_path, dirs_exist_ok=True)
    command = Command(tmp_path)
    command.good("tenant", "add", "contoso")
    return command


def rows(table: str) -> list[list[str]]:
    return [re.split(r"  +", line) for line in table.splitlines()]


def test_the_version_is_that_of_the_package(empty: Command) -> None:
    assert empty.good("--version").startswith("scim-server 0.")


def test_migrating_can_be_repeated(empty: Command) -> None:
    assert empty.good("migrate") == empty.good("migrate") == "The database is up to date.\n"


def test_without_a_migration_the_other_commands_say_so(empty: Command) -> None:
    assert empty.bad("tenant", "list") == "Error: The database is not migrated."


def test_tenants_are_listed_by_name(command: Command) -> None:
    command.good("tenant", "add", "adatum", "--profile", "contact-centre")
    listed = rows(command.good("tenant", "list"))
    assert listed == [["NAME", "PROFILE"], ["adatum", "contact-centre"], ["contoso", "contact-centre"]]


PROFILES = ROOT / "tests" / "data" / "profiles"


def test_a_tenant_that_is_added_without_a_profile_has_the_default_one(empty: Command) -> None:
    empty.environ["SCIM_EXTENSIONS"] = str(PROFILES)
    empty.good("migrate")
    empty.good("tenant", "add", "adatum")
    assert rows(empty.good("tenant", "list"))[1:] == [["adatum", "tools"]]


def test_a_tenant_whose_profile_is_gone_stops_the_start_and_can_be_removed(empty: Command, tmp_path: Path) -> None:
    folder = shutil.copytree(PROFILES, tmp_path / "profiles")
    empty.environ["SCIM_EXTENSIONS"] = str(folder)
    empty.good("migrate")
    empty.good("tenant", "add", "adatum", "--profile", "library")
    shutil.rmtree(folder / "library")
    line = "Error: Tenant adatum: The profile 'library' of this tenant is not defined on this server."
    assert empty.bad("migrate") == line
    assert empty.bad("serve", "--port", "0") == line
    empty.good("tenant", "remove", "adatum", "--yes")
    assert empty.good("migrate") == "The database is up to date.\n"


def test_an_attribute_that_need_not_be_unique_is_one_of_the_profile(empty: Command) -> None:
    empty.environ["SCIM_EXTENSIONS"] = str(PROFILES)
    empty.good("migrate")
    card = "urn:example:params:scim:schemas:extension:library:2.0:User:card"
    empty.good("tenant", "add", "adatum", "--profile", "library", "--not-unique", card)
    refused = empty.run("tenant", "add", "contoso", "--profile", "tools", "--not-unique", card)
    assert refused.exit_code == 2
    assert "names no attribute of the schemas" in refused.stderr


def test_a_tenant_has_a_profile_that_there_is(command: Command) -> None:
    said = command.bad("tenant", "add", "adatum", "--profile", "voice")
    products = "connectel-customer-center, contact-centre, convirza, cosoft-sidekick"
    assert said == f"Error: There is no profile voice; there are: {products}, predictionhealth-sidekick, samespace."


def test_a_tenant_is_shown_with_its_settings(command: Command) -> None:
    attribute = "urn:ietf:params:scim:schemas:core:2.0:Group:displayName"
    command.good("tenant", "add", "fabrikam", "--not-unique", attribute)
    command.good("token", "issue", "--tenant", "fabrikam")
    assert command.good("tenant", "show", "fabrikam").splitlines() == [
        "Name:        fabrikam",
        "Profile:     contact-centre",
        f"Not unique:  {attribute}",
        "Live tokens: 1",
    ]


@pytest.mark.req("R-USER-11")
def test_indirect_groups_are_set_when_a_tenant_is_made_and_later(command: Command) -> None:
    def shown(name: str) -> bool:
        return "Indirect groups: yes" in command.good("tenant", "show", name).splitlines()

    command.good("tenant", "add", "fabrikam", "--indirect-groups")
    assert (shown("fabrikam"), shown("contoso")) == (True, False)
    command.good("tenant", "set", "contoso", "--indirect-groups")
    assert command.good("tenant", "set", "fabrikam", "--no-indirect-groups") == "Tenant fabrikam has been changed.\n"
    assert (shown("fabrikam"), shown("contoso")) == (False, True)


def test_changing_a_tenant_says_what_is_to_change(command: Command) -> None:
    result = command.run("tenant", "set", "contoso")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--indirect-groups" in result.stderr


def test_a_name_is_given_to_one_tenant_only(command: Command) -> None:
    assert "contoso" in command.bad("tenant", "add", "contoso")
    assert len(rows(command.good("tenant", "list"))) == 2


@pytest.mark.parametrize("name", ["", "two words", "under_score", "a/b", "-x", ".x", "ünï", "x" * 64])
def test_a_name_that_cannot_stand_in_a_base_url_is_refused(command: Command, name: str) -> None:
    result = command.run("tenant", "add", "--", name)
    assert result.exit_code == 2
    assert "up to 63 letters, digits, dots and hyphens" in result.stderr
    assert len(rows(command.good("tenant", "list"))) == 2


@pytest.mark.parametrize(
    "attribute", ["displayName", "urn:x:y:displayName", "urn:ietf:params:scim:schemas:core:2.0:Group:x"]
)
def test_an_attribute_that_no_schema_has_cannot_lose_its_uniqueness(command: Command, attribute: str) -> None:
    result = command.run("tenant", "add", "fabrikam", "--not-unique", attribute)
    assert result.exit_code == 2
    assert "names no attribute of the schemas" in result.stderr
    assert len(rows(command.good("tenant", "list"))) == 2


def test_what_a_tenants_clients_needed_is_shown_by_dialect_and_name(command: Command) -> None:
    command.good("tenant", "add", "fabrikam")
    database = app.open_database(Settings.load(command.environ))
    contoso, fabrikam = (tenant.id for tenant in database.tenancy.tenants())
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    counts = {("okta", "empty-string"): 7, ("entra", "unpack-json-text-in-body"): 12345, ("entra", "lower-verb"): 1}
    database.tenancy.record_tolerances({ToleranceUse(contoso, *key): n for key, n in counts.items()}, moment)
    database.tenancy.record_tolerances({ToleranceUse(fabrikam, "google", "empty-element"): 1}, moment)
    database.close()
    assert command.good("tenant", "tolerances", "contoso").splitlines() == [
        "DIALECT  TOLERANCE                 COUNT  LAST USED",
        "entra    lower-verb                1      2026-01-02 03:04Z",
        "entra    unpack-json-text-in-body  12345  2026-01-02 03:04Z",
        "okta     empty-string              7      2026-01-02 03:04Z",
    ]


def test_a_tenant_whose_clients_needed_nothing_has_an_empty_table(command: Command) -> None:
    assert rows(command.good("tenant", "tolerances", "contoso")) == [["DIALECT", "TOLERANCE", "COUNT", "LAST USED"]]


def test_removing_a_tenant_asks_first(command: Command) -> None:
    refused = command.run("tenant", "remove", "contoso", answer="n\n")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "for good?" in refused.stderr
    assert command.run("tenant", "remove", "contoso", answer="y\n").stdout == "Tenant contoso has been removed.\n"
    assert rows(command.good("tenant", "list")) == [["NAME", "PROFILE"]]


def test_yes_answers_the_question(command: Command) -> None:
    command.good("tenant", "remove", "contoso", "--yes")
    assert command.bad("tenant", "show", "contoso").startswith("Error: There is no tenant contoso")


NEED_A_TENANT = [
    ("tenant", "show", "nobody"),
    ("tenant", "set", "nobody", "--indirect-groups"),
    ("tenant", "remove", "nobody", "--yes"),
    ("tenant", "tolerances", "nobody"),
    ("token", "issue", "--tenant", "nobody"),
    ("token", "list", "--tenant", "nobody"),
    ("token", "revoke", "--tenant", "nobody", "1"),
]


@pytest.mark.parametrize("arguments", NEED_A_TENANT, ids=" ".join)
def test_an_unknown_tenant_is_one_clear_line(command: Command, arguments: tuple[str, ...]) -> None:
    assert command.bad(*arguments) == "Error: There is no tenant nobody; `scim-server tenant list` shows them."


def test_a_token_is_printed_alone(command: Command) -> None:
    assert TOKEN.fullmatch(command.good("token", "issue", "--tenant", "contoso").removesuffix("\n"))


@pytest.mark.req("R-AUTH-09", "R-AUTH-10")
def test_the_list_shows_what_a_token_is_for_and_never_the_token(command: Command) -> None:
    one = command.good("token", "issue", "--tenant", "contoso", "--dialect", "entra", "--expires", "12h").strip()
    two = command.good("token", "issue", "--tenant", "contoso", "--read-only").strip()
    listed = command.good("token", "list", "--tenant", "contoso")
    titles, first, second = rows(listed)
    assert titles == ["ID", "DIALECT", "ACCESS", "STATE", "CREATED", "EXPIRES", "LAST USED", "BOUND TO", "ROLES"]
    assert first[1:4] == ["entra", "read, write", "live"]
    assert second[1:4] == ["generic", "read", "live"]
    assert first[6] == second[6] == "not yet"
    assert one not in listed
    assert two not in listed


def add_user(command: Command, name: str) -> str:
    """A user of contoso, made through the API; the id."""
    token = command.good("token", "issue", "--tenant", "contoso").strip()
    application = app.create_app(Settings.load(command.environ))
    made = Client(application, token).create(name)
    app.close(application)
    return str(made["id"])


@pytest.mark.req("R-ME-01")
def test_a_token_is_bound_to_a_user_by_name_or_id(command: Command) -> None:
    id = add_user(command, "ana@contoso.example")
    for name in (id, "Ana@contoso.example"):
        token = command.good("token", "issue", "--tenant", "contoso", "--user", name).strip()
        application = app.create_app(Settings.load(command.environ))
        assert json.loads(Client(application, token).get("/Me").data)["id"] == id
        app.close(application)
    listed = rows(command.good("token", "list", "--tenant", "contoso"))
    assert [row[7] for row in listed] == ["BOUND TO", "-", id, id]


@pytest.mark.req("R-ME-01")
def test_a_token_is_bound_to_nobody_who_is_not_there(command: Command) -> None:
    said = command.bad("token", "issue", "--tenant", "contoso", "--user", "nobody")
    assert said == "Error: There is no User 'nobody'."
    assert len(rows(command.good("token", "list", "--tenant", "contoso"))) == 1


@pytest.mark.req("CC-40")
def test_a_token_may_give_the_roles_that_it_was_made_for(command: Command) -> None:
    command.good("tenant", "add", "fabrikam", "--profile", "samespace")
    command.good("token", "issue", "--tenant", "fabrikam", "--role", "Supervisor", "--role", "agent")
    command.good("token", "issue", "--tenant", "fabrikam")
    listed = rows(command.good("token", "list", "--tenant", "fabrikam"))
    assert [row[8] for row in listed] == ["ROLES", "agent, supervisor", "any"]
    said = command.bad("token", "issue", "--tenant", "fabrikam", "--role", "boss")
    assert said.startswith("Error: 'boss' is no role of the tenant's profile: expected one of admin, manager, ")
    said = command.bad("token", "issue", "--tenant", "contoso", "--role", "agent")
    assert said == "Error: The tenant's profile has no roles that a credential could be limited to."


LIFETIMES = [
    ([], timedelta(days=365)),
    (["--expires", "12h"], timedelta(hours=12)),
    (["--expires", "90d"], timedelta(days=90)),
    (["--expires", "8w"], timedelta(weeks=8)),
]


@pytest.mark.req("R-AUTH-10")
@pytest.mark.parametrize(("options", "lifetime"), LIFETIMES)
def test_a_token_works_as_long_as_it_was_made_for(command: Command, options: list[str], lifetime: timedelta) -> None:
    command.good("token", "issue", "--tenant", "contoso", *options)
    database = app.open_database(Settings.load(command.environ))
    tenant = database.tenancy.tenant("contoso")
    assert tenant
    (credential,) = database.tenancy.credentials(tenant.id)
    database.close()
    assert credential.expires == credential.created + lifetime


@pytest.mark.req("R-AUTH-10")
def test_a_token_for_ever_comes_with_a_warning(command: Command) -> None:
    result = command.run("token", "issue", "--tenant", "contoso", "--expires", "never")
    assert result.exit_code == 0
    assert TOKEN.fullmatch(result.stdout.strip())
    assert result.stderr.startswith("Warning: ")
    assert rows(command.good("token", "list", "--tenant", "contoso"))[1][5] == "never"


@pytest.mark.parametrize("lifetime", ["", "90", "d", "0d", "-1d", "1.5d", "90 d", "90y", "100000d", "NEVER"])
def test_a_lifetime_that_is_none_is_refused(command: Command, lifetime: str) -> None:
    result = command.run("token", "issue", "--tenant", "contoso", "--expires", lifetime)
    assert result.exit_code == 2
    assert "as in 12h, 90d or 8w, or never" in result.stderr


def test_an_unknown_dialect_is_refused(command: Command) -> None:
    result = command.run("token", "issue", "--tenant", "contoso", "--dialect", "klingon")
    assert result.exit_code == 2
    assert "'generic'" in result.stderr


def test_a_token_is_revoked_by_its_id_once(command: Command) -> None:
    command.good("token", "issue", "--tenant", "contoso")
    id = rows(command.good("token", "list", "--tenant", "contoso"))[1][0]
    assert command.good("token", "revoke", "--tenant", "contoso", id) == f"Token {id} has been revoked.\n"
    assert rows(command.good("token", "list", "--tenant", "contoso"))[1][3] == "revoked"
    message = f"Error: Tenant contoso has no token {id} that could be revoked."
    assert command.bad("token", "revoke", "--tenant", "contoso", id) == message


@pytest.mark.req("R-SEC-03")
def test_a_token_given_in_place_of_its_id_is_refused_without_repeating_it(command: Command) -> None:
    secret = command.good("token", "issue", "--tenant", "contoso").strip()
    refused = command.bad("token", "revoke", "--tenant", "contoso", secret)
    assert "not its id" in refused
    assert secret.removeprefix("scim_") not in refused
    assert rows(command.good("token", "list", "--tenant", "contoso"))[1][3] == "live"


def test_a_token_of_another_tenant_is_not_revoked(command: Command) -> None:
    command.good("tenant", "add", "fabrikam")
    command.good("token", "issue", "--tenant", "contoso")
    id = rows(command.good("token", "list", "--tenant", "contoso"))[1][0]
    command.bad("token", "revoke", "--tenant", "fabrikam", id)
    assert rows(command.good("token", "list", "--tenant", "contoso"))[1][3] == "live"


def test_an_expired_token_is_shown_as_such(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command.good("token", "issue", "--tenant", "contoso", "--expires", "12h")
    later = app.now() + timedelta(hours=12, seconds=1)
    monkeypatch.setattr(app, "now", lambda: later)
    assert rows(command.good("token", "list", "--tenant", "contoso"))[1][3] == "expired"


FAULTS = [
    ({"SCIM_PORT": "http"}, "Error: SCIM_PORT is text of 4 characters; a whole number from 0 to 65535 is expected."),
    ({"SCIM_PROT": "1"}, "Error: SCIM_PROT is no setting; did you mean SCIM_PORT?"),
    ({"SCIM_DATABASE_URL": "sqlite:////no/such/folder/scim.db"}, "Error: "),
    ({"SCIM_DATABASE_URL": "postgresql://scim:opensesame@127.0.0.1:1/scim"}, "Error: The database cannot be reached"),
]


@pytest.mark.parametrize("arguments", [("migrate",), ("tenant", "list"), ("serve",)], ids=" ".join)
@pytest.mark.parametrize(("environ", "message"), FAULTS)
def test_what_is_wrong_around_it_is_one_line(
    empty: Command, arguments: tuple[str, ...], environ: dict[str, str], message: str
) -> None:
    line = empty.bad(*arguments, **{"SCIM_PORT": "0", **environ})
    assert line.startswith(message)
    assert "Unexpected" not in line
    assert "opensesame" not in line


def test_what_nobody_foresaw_is_one_line_without_its_text(empty: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: Settings) -> None:
        raise KeyError("bjensen@example.com")

    monkeypatch.setattr(app, "open_database", fail)
    assert re.fullmatch(r"Error: Unexpected builtins\.KeyError at \S+fail:\d+\.", empty.bad("migrate"))


def test_a_faulty_rule_is_named_with_its_key_and_what_is_expected(empty: Command, tmp_path: Path) -> None:
    folder = shutil.copytree(PROFILES, tmp_path / "profiles")
    assert empty.good("extensions", "check", str(folder)) == f"{folder} is fit for use.\n"
    path = folder / "hangar" / "profile.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('"userName"', '"userNam"', 1), encoding="utf-8")
    problem = 'constraints[0].attribute: User has no attribute "userNam"; expected an attribute of its schemas'
    checked = empty.run("extensions", "check", str(folder))
    assert (checked.exit_code, checked.stderr) == (1, f"{path}: {problem}\n")


def test_broken_extensions_are_named_by_file(empty: Command, tmp_path: Path) -> None:
    folder = tmp_path / "extensions" / "voice"
    (folder / "schemas").mkdir(parents=True)
    (folder / "schemas" / "voice.json").write_text("{")
    (folder / "profile.toml").write_text("=")
    checked = empty.run("extensions", "check", str(tmp_path / "extensions"))
    assert (checked.exit_code, checked.stdout) == (1, "")
    assert "voice.json" in checked.stderr
    assert "profile.toml" in checked.stderr
    assert "(and 1 more; see `scim-server extensions check`)" in empty.bad(
        "migrate", SCIM_EXTENSIONS=str(folder.parent)
    )


def test_sound_extensions_are_fit_for_use(empty: Command, tmp_path: Path) -> None:
    assert empty.good("extensions", "check", str(tmp_path)) == f"{tmp_path} is fit for use.\n"


def test_the_folder_to_check_is_that_of_the_settings(empty: Command, tmp_path: Path) -> None:
    assert empty.run("extensions", "check", SCIM_EXTENSIONS=str(tmp_path)).stdout == f"{tmp_path} is fit for use.\n"


class Served:
    """`scim-server serve` in a process of its own; the log goes to a file, so that no pipe can fill up."""

    def __init__(self, folder: Path, *options: str, **environ: str) -> None:
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [PROGRAMS / "scim-server", "serve", "--port", "0", "--workers", "1", *options],
                env={**os.environ, "SCIM_DATABASE_URL": f"sqlite:///{folder / 'scim.db'}", **environ},
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
            )
        self._wait_for("Booting worker")

    def announced(self) -> list[str]:
        """What it printed before the log began."""
        return [line for line in self.output.read_text().splitlines() if not line.startswith("{")]

    def get(self, path: str, token: str) -> int:
        url = self.announced()[0].removeprefix("Base URL: ") + path
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status: int = answer.status
                return status
        except HTTPError as refused:
            with refused:
                return refused.code

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=30)
        assert errors == ""
        return self.process.returncode

    def _wait_for(self, text: str) -> None:
        while text not in self.output.read_text() and self.process.poll() is None:
            signal.sigtimedwait([], 0.05)


def test_the_first_start_prints_a_token_and_later_ones_do_not(tmp_path: Path) -> None:
    first = Served(tmp_path)
    base_url, token = first.announced()
    assert re.fullmatch(r"Base URL: http://127\.0\.0\.1:\d+/scim/v2", base_url)
    assert re.fullmatch(rf"Token: {TOKEN.pattern}", token)
    secret = token.removeprefix("Token: ")
    assert first.get("/Users", secret) == 200
    assert first.get("/Users", "wrong") == 401
    assert first.stop() == 0
    log = [json.loads(line) for line in first.output.read_text().splitlines() if line.startswith("{")]
    assert [line["status"] for line in log if line["event"] == "request"] == [200, 401]

    second = Served(tmp_path, "--host", "0.0.0.0")
    (base_url,) = second.announced()
    assert re.fullmatch(r"Base URL: http://127\.0\.0\.1:\d+/scim/v2", base_url)
    assert second.get("/Users", secret) == 200
    assert second.stop() == 0

    # What was noted of the uses reached the database when the worker stopped.
    listed = rows(Command(tmp_path).good("token", "list", "--tenant", "default"))
    assert listed[1][1:4] == ["generic", "read, write", "live"]
    assert listed[1][6] != "not yet"


def test_a_port_in_use_is_one_line_and_costs_no_token(empty: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = empty.bad("serve", "--port", str(port))
    assert line.startswith(f"Error: 127.0.0.1 port {port} is in use by another program")
    assert empty.bad("tenant", "list") == "Error: The database is not migrated."


def test_where_another_server_made_the_first_tenant_no_token_is_made(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.load(command.environ)
    command.good("tenant", "add", "default")
    database = app.open_database(settings)
    monkeypatch.setattr(type(database), "is_empty", lambda self: True)
    with pytest.raises(Uniqueness):
        database.tenancy.add_tenant("default", "default", {})
    assert server.prepare(settings) is None
    database.close()
    assert rows(command.good("token", "list", "--tenant", "default"))[1:] == []


OPERATION = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")


def blocks(language: str) -> Iterator[str]:
    yield from re.findall(rf"^```{language}\n(.*?)^```$", OPERATION, re.MULTILINE | re.DOTALL)


@pytest.mark.unmeasured
def test_the_commands_of_the_operation_page_run_as_they_stand(tmp_path: Path) -> None:
    script = "set -eu\n" + "".join(blocks("sh"))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SCIM_")}
    environ["PATH"] = f"{PROGRAMS}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "has been revoked" in done.stdout
    assert (tmp_path / "backup.db").stat().st_size > 0


def test_the_operation_page_names_no_setting_that_is_not_there() -> None:
    assert set(re.findall(r"SCIM_[A-Z_]+", OPERATION)) <= {entry.variable for entry in manual()}
