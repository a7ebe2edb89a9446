"""The commands for licence pools and ranges of numbers, as an operator sees them, on both engines."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scim_server import app
from scim_server.cli.output import print_table
from scim_server.config import Settings
from tests.databases import ENGINES
from tests.http.server import Client
from tests.stock import DESK, stock_folder
from tests.test_cli import Command, rows

pytestmark = pytest.mark.usefixtures("read_once")


@pytest.fixture(scope="module", params=ENGINES)
def migrated(
    request: pytest.FixtureRequest, new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Command:
    """The command over a migrated database, in which each test makes tenants of its own."""
    return migrated_over(new_database(request.param), tmp_path_factory.mktemp("stock"))


@pytest.fixture(scope="module")
def one(new_database: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The same for what is refused before any database is asked."""
    return migrated_over(new_database("sqlite"), tmp_path_factory.mktemp("stock"))


def migrated_over(url: str, folder: Path) -> Command:
    command = Command(folder)
    command.environ["SCIM_DATABASE_URL"] = url
    command.environ["SCIM_EXTENSIONS"] = str(stock_folder(folder / "extensions"))
    command.good("migrate")
    return command


@pytest.fixture
def tenant(request: pytest.FixtureRequest, migrated: Command) -> str:
    """A tenant of the product `desk`."""
    return new_tenant(migrated, "desk")


@pytest.fixture(scope="module")
def unchanged(one: Command) -> Iterator[str]:
    """A tenant with a range and a pool, which is as it was after all that was refused."""
    tenant = new_tenant(one, "desk")
    licence(one, "set", tenant, "--key", "sidekick", "--seats", "5")
    numbers(one, "add", tenant, "1000-1999")
    before = licence(one, "list", tenant), numbers(one, "list", tenant)
    yield tenant
    assert (licence(one, "list", tenant), numbers(one, "list", tenant)) == before


@pytest.fixture(scope="module")
def plain(one: Command) -> str:
    """A tenant of a profile that says nothing of licences and numbers."""
    return new_tenant(one, "plain")


def new_tenant(command: Command, profile: str) -> str:
    name = f"tenant-{len(rows(command.good('tenant', 'list')))}"
    command.good("tenant", "add", name, "--profile", profile)
    return name


def licence(command: Command, verb: str, tenant: str, *more: str) -> str:
    return command.good("licence", verb, "--tenant", tenant, *more)


def numbers(command: Command, verb: str, tenant: str, *more: str) -> str:
    return command.good("numbers", verb, "--tenant", tenant, *more)


@pytest.fixture
def client(migrated: Command, tenant: str) -> Iterator[Client]:
    """A client of the tenant."""
    application = app.create_app(Settings.load(migrated.environ))
    yield Client(application, migrated.good("token", "issue", "--tenant", tenant).strip())
    app.close(application)


def test_a_pool_is_made_and_changed_and_shown_with_how_it_stands(migrated: Command, tenant: str) -> None:
    assert licence(migrated, "list", tenant) == "KEY  DISPLAY  SEATS  USED  FREE  WAITING\n"
    made = licence(migrated, "set", tenant, "--key", "Sidekick", "--seats", "50", "--display", "Side kick")
    assert made == "Pool Sidekick has 50 seats; 0 taken, 50 free.\n"
    changed = licence(migrated, "set", tenant, "--key", "Sidekick", "--seats", "1")
    assert changed == "Pool Sidekick has 1 seat; 0 taken, 1 free.\n"
    licence(migrated, "set", tenant, "--key", "agent", "--seats", "20", "--type", "voice")
    assert licence(migrated, "list", tenant).splitlines() == [
        "KEY       DISPLAY    SEATS  USED  FREE  WAITING",
        "agent     agent      20     0     20    0",
        "Sidekick  Side kick  1      0     1     0",
    ]


def test_columns_stand_below_each_other_whatever_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["KEY", "DISPLAY", "SEATS"], [["a", "日本語", "1"], ["b", "U\u0308n", "20"], ["c", "abc", "3"]])
    assert capsys.readouterr().out.splitlines() == [
        "KEY  DISPLAY  SEATS",
        "a    日本語   1",
        "b    U\u0308n       20",
        "c    abc      3",
    ]


def test_a_key_is_one_pool_in_any_case(migrated: Command, tenant: str) -> None:
    licence(migrated, "set", tenant, "--key", "sidekick", "--seats", "5")
    licence(migrated, "set", tenant, "--key", "SIDEKICK", "--seats", "6")
    assert rows(licence(migrated, "list", tenant))[1:] == [["SIDEKICK", "sidekick", "6", "0", "6", "0"]]


ON = {"licence": "sidekick"}
# attributes of a user, whether it takes a seat
WHO_HOLDS: list[tuple[dict[str, Any], bool]] = [
    ({DESK: {"licence": "sidekick"}}, True),
    ({DESK: {"licence": "SideKick"}}, True),
    ({"entitlements": [{"type": "Licence", "value": "sidekick"}]}, True),
    ({DESK: ON, "entitlements": [{"type": "Licence", "value": "sidekick"}]}, True),
    ({"entitlements": [{"type": "Parking", "value": "sidekick"}]}, False),
    ({"entitlements": [{"type": "Parking", "value": "x"}, {"type": "Licence", "value": "sidekick"}]}, True),
    ({DESK: {"licence": "sidekick-pro"}}, False),
    ({DESK: ON, "active": False}, False),
    ({"title": "sidekick"}, False),
]


def test_the_first_pool_of_a_key_counts_who_holds_it_already(migrated: Command, tenant: str, client: Client) -> None:
    for number, (attributes, _) in enumerate(WHO_HOLDS):
        client.create(f"user{number}", **attributes)
    expected = sum(holds for _, holds in WHO_HOLDS)
    result = migrated.run("licence", "set", "--tenant", tenant, "--key", "sidekick", "--seats", "2")
    assert result.stdout == f"Pool sidekick has 2 seats; {expected} taken, 0 free.\n"
    assert result.stderr == "Warning: more are taken than there are. Nobody loses one, and nobody gets one.\n"
    assert licence(migrated, "set", tenant, "--key", "sidekick", "--seats", "9").endswith("5 taken, 4 free.\n")
    assert rows(licence(migrated, "list", tenant))[1] == ["sidekick", "sidekick", "9", "5", "4", "0"]


def test_a_pool_in_use_stays_unless_that_is_meant(migrated: Command, tenant: str, client: Client) -> None:
    ana = client.create("ana", **{DESK: ON})
    licence(migrated, "set", tenant, "--key", "sidekick", "--seats", "5")
    said = migrated.bad("licence", "remove", "--tenant", tenant, "--key", "sidekick")
    assert said == "Error: The pool sidekick is in use: 1 of its seats are taken."
    assert rows(licence(migrated, "list", tenant))[1] == ["sidekick", "sidekick", "5", "1", "4", "0"]
    assert licence(migrated, "remove", tenant, "--key", "Sidekick", "--yes") == "Pool Sidekick has been removed.\n"
    assert len(rows(licence(migrated, "list", tenant))) == 1
    assert client.get(f"/Users/{ana['id']}").get_json(force=True)[DESK] == ON
    licence(migrated, "set", tenant, "--key", "sidekick", "--seats", "3")
    assert rows(licence(migrated, "list", tenant))[1] == ["sidekick", "sidekick", "3", "1", "2", "0"]


def test_a_pool_that_nobody_uses_is_removed_at_once(migrated: Command, tenant: str) -> None:
    licence(migrated, "set", tenant, "--key", "sidekick", "--seats", "5")
    assert licence(migrated, "remove", tenant, "--key", "sidekick") == "Pool sidekick has been removed.\n"
    said = migrated.bad("licence", "remove", "--tenant", tenant, "--key", "sidekick")
    assert said == "Error: There is no pool sidekick; `scim-server licence list` shows those that there are."


@pytest.mark.parametrize("key", ["", " ", "a b", "a/b", "-a", "ä", "a\n", "a" * 256, "a?b", "50%"])
def test_a_key_that_cannot_stand_in_an_address_is_refused(one: Command, unchanged: str, key: str) -> None:
    said = one.bad("licence", "set", "--tenant", unchanged, "--key", key, "--seats", "1")
    assert "is no key for a pool: up to 255 letters, digits" in said


def test_a_pool_has_a_bounded_number_of_seats(migrated: Command, tenant: str) -> None:
    said = migrated.bad("licence", "set", "--tenant", tenant, "--key", "a", "--seats", "1000001")
    assert said == "Error: A pool has 0 to 1000000 seats, not 1000001."
    refused = migrated.run("licence", "set", "--tenant", tenant, "--key", "a", "--seats=-1")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert licence(migrated, "set", tenant, "--key", "a", "--seats", "0") == "Pool a has 0 seats; 0 taken, 0 free.\n"


def test_a_key_that_is_the_id_of_a_user_is_refused(migrated: Command, tenant: str, client: Client) -> None:
    id = client.create("ana")["id"]
    said = migrated.bad("licence", "set", "--tenant", tenant, "--key", id, "--seats", "1")
    assert said == f"Error: Another resource has the id {id!r}; choose another key."
    assert len(rows(licence(migrated, "list", tenant))) == 1


# Numbers -------------------------------------------------------------------------------------------------------------


def test_ranges_are_added_and_shown_with_how_they_stand(migrated: Command, tenant: str) -> None:
    assert numbers(migrated, "list", tenant) == "RANGE  SIZE  USED  RESTING  FREE\n"
    assert numbers(migrated, "add", tenant, "1000-1999") == "Range 1000-1999 has 1000 numbers; 0 taken.\n"
    assert numbers(migrated, "add", tenant, "0100-0100") == "Range 0100-0100 has 1 number; 0 taken.\n"
    numbers(migrated, "add", tenant, "15000-15009")
    assert numbers(migrated, "list", tenant).splitlines() == [
        "RANGE        SIZE  USED  RESTING  FREE",
        "0100-0100    1     0     0        1",
        "1000-1999    1000  0     0        1000",
        "15000-15009  10    0     0        10",
    ]


def test_numbers_that_users_have_already_are_theirs(migrated: Command, tenant: str, client: Client) -> None:
    for number in ("1000", "1500", "2000", "15000", "100", "15x0", "１９９９"):
        client.create(f"user{number}", **{DESK: {"number": number}})
    assert numbers(migrated, "add", tenant, "1000-1999") == "Range 1000-1999 has 1000 numbers; 3 taken.\n"
    assert rows(numbers(migrated, "list", tenant))[1] == ["1000-1999", "1000", "3", "0", "997"]


# what is asked for, what is said
REFUSED_RANGES = [
    ("1500-2500", "The range 1000-1999 has some of these numbers already."),
    ("1999-1000", "'1999-1000' is no range: it ends before it begins."),
    ("100-1000", "'100-1000' is no range: give both ends with as many digits, as in 1000-1999."),
    ("1000", "'1000' is no range: give both ends with as many digits, as in 1000-1999."),
    ("", "'' is no range: give both ends with as many digits, as in 1000-1999."),
    ("1000–1999", "'1000–1999' is no range: give both ends with as many digits, as in 1000-1999."),
    ("+100-+199", "'+100-+199' is no range: give both ends with as many digits, as in 1000-1999."),
    ("٠١٠٠-٠١٩٩", "'٠١٠٠-٠١٩٩' is no range: give both ends with as many digits, as in 1000-1999."),
    ("0000000-1000000", "'0000000-1000000' has 1000001 numbers; a range has 1000000 at most."),
]


@pytest.mark.parametrize(("span", "said"), REFUSED_RANGES)
def test_a_range_that_is_none_or_overlaps_is_refused(one: Command, unchanged: str, span: str, said: str) -> None:
    assert one.bad("numbers", "add", "--tenant", unchanged, span) == f"Error: {said}"


def test_a_range_in_use_stays_unless_that_is_meant(migrated: Command, tenant: str, client: Client) -> None:
    client.create("ana", **{DESK: {"number": "1000"}})
    numbers(migrated, "add", tenant, "1000-1999")
    said = migrated.bad("numbers", "remove", "--tenant", tenant, "1000-1999")
    assert said == "Error: The range 1000-1999 is in use: 1 of its numbers are taken."
    assert rows(numbers(migrated, "list", tenant))[1] == ["1000-1999", "1000", "1", "0", "999"]
    removed = numbers(migrated, "remove", tenant, "1000-1999", "--yes")
    assert removed == "Range 1000-1999 has been removed.\n"
    assert numbers(migrated, "add", tenant, "1000-1009") == "Range 1000-1009 has 10 numbers; 1 taken.\n"
    said = migrated.bad("numbers", "remove", "--tenant", tenant, "1000-1999")
    assert said == "Error: There is no range 1000-1999; `scim-server numbers list` shows those that there are."


def test_a_range_that_nobody_uses_is_removed_at_once(migrated: Command, tenant: str) -> None:
    numbers(migrated, "add", tenant, "1000-1999")
    assert numbers(migrated, "remove", tenant, "1000-1999") == "Range 1000-1999 has been removed.\n"
    assert len(rows(numbers(migrated, "list", tenant))) == 1


# What holds for all --------------------------------------------------------------------------------------------------

ALL = [
    ("licence", "set", "--key", "a", "--seats", "1"),
    ("licence", "list"),
    ("licence", "remove", "--key", "a", "--yes"),
    ("numbers", "add", "10-19"),
    ("numbers", "list"),
    ("numbers", "remove", "10-19", "--yes"),
]


@pytest.mark.parametrize("arguments", ALL, ids=" ".join)
def test_an_unknown_tenant_is_one_clear_line(one: Command, arguments: tuple[str, ...]) -> None:
    said = one.bad(*arguments, "--tenant", "nobody")
    assert said == "Error: There is no tenant nobody; `scim-server tenant list` shows them."


NOBODY = {
    "licence": "Error: The tenant's profile has no licences: nobody would take a seat.",
    "numbers": "Error: The tenant's profile has no numbers: nobody would take one.",
}


@pytest.mark.parametrize("arguments", ALL, ids=" ".join)
def test_where_the_profile_has_nobody_take_any_none_are_made(
    one: Command, plain: str, arguments: tuple[str, ...]
) -> None:
    assert one.bad(*arguments, "--tenant", plain) == NOBODY[arguments[0]]


def test_a_tenant_is_removed_with_its_pools_and_ranges(migrated: Command, tenant: str) -> None:
    licence(migrated, "set", tenant, "--key", "a", "--seats", "1")
    numbers(migrated, "add", tenant, "10-19")
    migrated.good("tenant", "remove", tenant, "--yes")
    migrated.good("tenant", "add", tenant, "--profile", "desk")
    assert len(rows(licence(migrated, "list", tenant))) == len(rows(numbers(migrated, "list", tenant))) == 1


def test_without_a_resource_type_that_shows_pools_none_are_made(migrated: Command, tmp_path: Path) -> None:
    extensions = stock_folder(tmp_path / "extensions")
    (extensions / "licences").rename(tmp_path / "licences")
    (extensions / "okta-entitlements").rename(tmp_path / "okta-entitlements")
    (extensions / "entitled" / "profile.toml").unlink()
    (extensions / "entitled").rmdir()
    command = Command(tmp_path)
    command.environ["SCIM_EXTENSIONS"] = str(extensions)
    command.good("migrate")
    command.good("tenant", "add", "adatum", "--profile", "desk")
    said = command.bad("licence", "set", "--tenant", "adatum", "--key", "a", "--seats", "1")
    assert said == "Error: No extension has a resource type that shows licence pools."
