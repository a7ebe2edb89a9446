"""`scim-server guard` and the guard's limits, as an operator uses them while an identity provider goes wrong."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scim_server import app
from scim_server.cli.database import Database
from scim_server.config import Settings
from scim_server.domain import compare
from scim_server.storage.base import Tenant, Transaction
from tests.databases import ENGINES
from tests.test_cli import Command

pytestmark = [pytest.mark.usefixtures("read_once"), pytest.mark.unmeasured]
"""What they run of the server, other tests run too: coverage need not follow."""

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


@pytest.fixture(scope="module", params=ENGINES)
def migrated(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Command:
    command = Command(tmp_path_factory.mktemp("guard"))
    command.environ["SCIM_DATABASE_URL"] = new_database(request.param)
    command.good("migrate")
    return command


@pytest.fixture
def command(migrated: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """The command over a migrated database with a tenant `contoso`, at a moment that stands still."""
    monkeypatch.setattr(app, "now", lambda: NOW)
    migrated.good("tenant", "add", "contoso")
    yield migrated
    migrated.good("tenant", "remove", "contoso", "--yes")


@contextmanager
def contoso(command: Command) -> Iterator[tuple[Database, Tenant]]:
    database = app.open_database(Settings.load(command.environ))
    tenant = database.tenancy.tenant("contoso")
    assert tenant is not None
    yield database, tenant
    database.close()


def depart(command: Command, number: int) -> None:
    """So many have left an hour ago, and the guard has stopped the next one."""
    moment = compare.from_datetime(NOW - timedelta(hours=1))

    def work(transaction: Transaction) -> None:
        transaction.departures.watch()
        for place in range(number):
            transaction.departures.note(str(place), moment)
        transaction.departures.stop(moment)

    with contoso(command) as (database, tenant):
        database.storage.write(tenant.id, work)


def facts(text: str) -> dict[str, str]:
    return dict(re.split(r": +", line, maxsplit=1) for line in text.splitlines())


def test_a_guard_that_has_seen_nothing(command: Command) -> None:
    assert command.good("guard", "show", "contoso").splitlines() == [
        "Guard:    on",
        "Limits:   500 users, or 20 % of them (20 and more), within 24 hours",
        "Departed: 0, and no more than 500 may",
        "State:    lets users leave",
        "Stopped:  nobody",
    ]


def test_a_guard_that_stops_somebody_and_its_release(command: Command) -> None:
    command.good("tenant", "set", "contoso", "--guard-users", "3")
    depart(command, 3)
    shown = facts(command.good("guard", "show", "contoso"))
    assert shown == {
        "Guard": "on",
        "Limits": "3 users, or 20 % of them (20 and more), within 24 hours",
        "Departed": "3, and no more than 3 may",
        "State": "stops whoever leaves next",
        "Stopped": "since 2026-03-02 05:30Z",
    }
    told = command.good("guard", "release", "contoso")
    assert told == "Until 2026-03-03 06:30Z the guard of tenant contoso stops nobody.\n"
    shown = facts(command.good("guard", "show", "contoso"))
    assert (shown["Departed"], shown["Stopped"]) == ("0, and no more than 3 may", "nobody")
    assert shown["State"] == "released until 2026-03-03 06:30Z: stops nobody"


def test_a_release_for_some_hours(command: Command) -> None:
    assert "2026-03-02 08:30Z" in command.good("guard", "release", "contoso", "--hours", "2")
    assert "08:30Z" in facts(command.good("guard", "show", "contoso"))["State"]


def test_the_guard_is_taken_off_and_comes_back_with_a_limit(command: Command) -> None:
    command.good("tenant", "set", "contoso", "--no-guard")
    assert command.good("guard", "show", "contoso") == "Guard: off\n"
    assert facts(command.good("tenant", "show", "contoso"))["Guard"] == "off"
    assert command.bad("guard", "release", "contoso") == "Error: The guard of tenant contoso is off: it stops nobody."
    command.good("tenant", "set", "contoso", "--guard-hours", "1")
    assert facts(command.good("guard", "show", "contoso"))["Guard"] == "on"


# options, what the tenant is held to then
LIMITS = [
    ([], "500 users, or 20 % of them (20 and more), within 24 hours"),
    (["--guard-users", "5"], "5 users, or 20 % of them (20 and more), within 24 hours"),
    (["--guard-users", "1", "--guard-hours", "1"], "1 user, or 20 % of them (20 and more), within 1 hour"),
    (["--guard-percent", "50"], "500 users, or 50 % of them, within 24 hours"),
    (["--guard"], "500 users, or 20 % of them, within 24 hours"),
]


@pytest.mark.parametrize(("options", "limits"), LIMITS)
def test_the_limits_are_what_was_set(command: Command, options: list[str], limits: str) -> None:
    command.good("tenant", "set", "contoso", "--indirect-groups", *options)
    assert facts(command.good("guard", "show", "contoso"))["Limits"] == limits
    assert facts(command.good("tenant", "show", "contoso")).get("Guard") == (limits if options else None)


def test_what_is_not_named_stays(command: Command) -> None:
    command.good("tenant", "set", "contoso", "--indirect-groups", "--guard-users", "5")
    command.good("tenant", "set", "contoso", "--guard-hours", "2")
    command.good("tenant", "set", "contoso", "--no-guard")
    command.good("tenant", "set", "contoso", "--guard")
    shown = facts(command.good("tenant", "show", "contoso"))
    assert shown["Indirect groups"] == "yes"
    assert shown["Guard"] == "5 users, or 20 % of them, within 2 hours"


@pytest.mark.parametrize(
    "options",
    [
        ("tenant", "set", "contoso"),
        ("tenant", "set", "contoso", "--guard-users", "0"),
        ("tenant", "set", "contoso", "--guard-percent", "0"),
        ("tenant", "set", "contoso", "--guard-percent", "101"),
        ("tenant", "set", "contoso", "--guard-hours", "0"),
        ("tenant", "set", "contoso", "--guard-hours", "9999"),
        ("guard", "release", "contoso", "--hours", "0"),
    ],
    ids=" ".join,
)
def test_what_means_nothing_is_refused(command: Command, options: tuple[str, ...]) -> None:
    result = command.run(*options)
    assert (result.exit_code, result.stdout) == (2, "")


PAGE = (Path(__file__).parents[1] / "docs" / "guard.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_page_run_as_they_stand(command: Command) -> None:
    lines = "".join(blocks("sh")).splitlines()
    assert len(lines) == 7
    for line in lines:
        program, *arguments = line.split()
        assert program == "scim-server"
        command.good(*arguments)


def test_the_page_shows_what_is_shown(command: Command) -> None:
    (example,) = blocks("text")
    assert [*facts(example)] == [*facts(command.good("guard", "show", "contoso"))]


@pytest.mark.parametrize("verb", ["show", "release"])
def test_an_unknown_tenant_is_one_clear_line(command: Command, verb: str) -> None:
    assert command.bad("guard", verb, "nobody").startswith("Error: There is no tenant nobody")
