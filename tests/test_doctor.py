"""The doctor names what each table has beside the documents, puts it right, and keeps still about what is in flight."""

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, create_engine, select, text

from scim_server import app as composition
from scim_server import cli
from scim_server.config import Settings
from scim_server.service import doctor as service
from scim_server.service.doctor import Doctor
from scim_server.storage.base import Tenant
from scim_server.storage.sql import examination
from scim_server.storage.sql.tables import metadata
from tests.databases import ENGINES
from tests.http.server import GROUP, PATCH_OP, USER, Client, Server

ROOT = Path(__file__).parents[1]
STUDIO = "urn:example:params:scim:schemas:extension:studio:2.0:User"


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Products with licences and numbers, and what shows their pools."""
    folder = tmp_path_factory.mktemp("doctor") / "extensions"
    shutil.copytree(ROOT / "tests" / "data" / "studio", folder)
    shutil.copytree(ROOT / "extensions" / "licences", folder / "licences")
    return folder


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str], products: Path) -> Iterator[Server]:
    server = Server(Settings(database_url=new_database(request.param), extensions=products))
    yield server
    server.close()


@pytest.fixture(scope="module")
def engine(server: Server) -> Iterator[Engine]:
    engine = create_engine(server.settings.database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    engine.dispose()


@dataclass
class Practice:
    """A tenant with two users and a group in it, and its doctor."""

    server: Server
    engine: Engine
    tenant: Tenant
    ids: dict[str, str]

    @property
    def doctor(self) -> Doctor:
        return Doctor(self.server.database.examination, self.server.catalogue, composition.now)

    @property
    def client(self) -> Client:
        return Client(self.server.app(), self.server.token(self.tenant))

    def run(self, *statements: str) -> None:
        """Change the tables behind the server's back; `:tenant`, and names as ids."""
        with self.engine.begin() as connection:
            for statement in statements:
                done = connection.execute(text(statement), {"tenant": self.tenant.id, **self.ids})
                assert done.rowcount, f"nothing is broken by {statement}"

    def examined(self) -> list[str]:
        """The differences, with names in the place of ids."""
        return [self.named(difference) for done in self.doctor.examine(self.tenant) for difference in done.left]

    def cured(self) -> tuple[list[str], list[str]]:
        """What was repaired, and what is left."""
        rounds = [*self.doctor.cure(self.tenant)]
        repaired = [self.named(difference) for done in rounds for difference in done.repaired]
        return repaired, [self.named(difference) for done in rounds for difference in done.left]

    def named(self, difference: object) -> str:
        shown = str(difference)
        for name, id in self.ids.items():
            shown = shown.replace(id, name)
        return shown

    def tables(self) -> dict[str, list[Any]]:
        """All that the database has of the tenant, save for times and versions that are given out anew."""
        skipped = {"resources": (), "relations": ("position",), "notes": ("since",), "licence_seats": ("number",)}
        kept = [
            t
            for t in metadata.sorted_tables
            if "tenant_id" in t.c and t.name not in ("credentials", "membership_state")
        ]
        with self.engine.connect() as connection:
            return {
                t.name: sorted(map(repr, connection.execute(select(*columns).where(t.c.tenant_id == self.tenant.id))))
                for t in kept
                if (columns := [c for c in t.c if c.name not in skipped.get(t.name, ())])
            }


def opened(server: Server, engine: Engine, profile: str) -> Practice:
    tenant = server.tenant(profile)
    practice = Practice(server, engine, tenant, {})
    settings, storage = server.settings, server.database.storage
    composition.pools(settings, storage, tenant).set("gold", 2)
    if profile == "strict-studio":
        composition.ranges(settings, storage, tenant).add("200-209")
    return practice


def user(practice: Practice, name: str, **attributes: Any) -> str:
    made = practice.client.create(name, externalId=f"x-{name}", displayName=name.title(), **attributes)
    practice.ids[name] = made["id"]
    return made["id"]


@pytest.fixture
def practice(server: Server, engine: Engine) -> Practice:
    return with_users(server, engine)


@pytest.fixture(scope="module")
def shared(server: Server, engine: Engine) -> Practice:
    """For all that leaves it as it was."""
    return with_users(server, engine)


def with_users(server: Server, engine: Engine) -> Practice:
    """Ana has a seat of two and the number 200, bo the number 201 alone."""
    practice = opened(server, engine, "strict-studio")
    ana = user(practice, "ana", **{STUDIO: {"pass": "gold", "part": "player"}})
    user(practice, "bo", **{STUDIO: {"part": "player"}})
    body = {"schemas": [GROUP], "displayName": "Band", "members": [{"value": ana, "display": "Ana"}]}
    made = practice.client.send("POST", "/Groups", body)
    practice.ids["band"] = made.get_json(force=True)["id"]
    return practice


@pytest.fixture(scope="module")
def waiting(server: Server, engine: Engine) -> Practice:
    """Ana and bo have the seats, cy waits for one."""
    practice = opened(server, engine, "patient-studio")
    for name in ("ana", "bo", "cy"):
        user(practice, name, **{STUDIO: {"pass": "gold"}})
    return practice


def test_what_the_server_wrote_is_sound(shared: Practice, waiting: Practice) -> None:
    for found in (shared, waiting):
        assert found.examined() == []
        assert found.cured() == ([], [])
    looked = sum(done.looked for done in shared.doctor.examine(shared.tenant))
    assert looked == shared.doctor.count(shared.tenant) == 4, "the pool is shown as a resource"


OURS = "WHERE tenant_id = :tenant AND"
COMPARISON = "comparison form and label: expected those of the document, found others"
# what is done to the tables, and what the doctor says of it
BREAKS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "a unique value is missing": (
        [f"DELETE FROM unique_values {OURS} resource_id = :ana AND path = 'userName'"],
        ["User ana: unique values at userName: expected 1, found 1 missing"],
    ),
    "a unique value is somebody else's": (
        [f"UPDATE unique_values SET resource_id = :bo {OURS} resource_id = :ana AND path = 'userName'"],
        [
            "User ana: unique values at userName: expected 1, found 1 missing",
            "User bo: unique values at userName: expected 1, found 1 that should not be there",
        ],
    ),
    "a unique value is another one": (
        [f"UPDATE unique_values SET key = 'zed' {OURS} resource_id = :ana AND path = 'userName'"],
        ["User ana: unique values at userName: expected 1, found 1 missing and 1 that should not be there"],
    ),
    "a unique value is of another type": (
        [f"UPDATE unique_values SET type = 'Group' {OURS} resource_id = :ana AND path = 'userName'"],
        ["User ana: unique values at userName: expected 1, found 1 missing and 1 that should not be there"],
    ),
    "an index row is missing": (
        [f"DELETE FROM attribute_index {OURS} resource_id = :bo AND path = 'externalId'"],
        ["User bo: index rows at externalId: expected 1, found 1 missing"],
    ),
    "an index row too many": (
        ["INSERT INTO attribute_index VALUES (:tenant, 'User', 'externalId', 'x-zed', :bo)"],
        ["User bo: index rows at externalId: expected 1, found 1 that should not be there"],
    ),
    "a comparison form is another one": (
        [f"UPDATE resources SET comparison = '{{}}' {OURS} id = :ana"],
        [f"User ana: {COMPARISON}"],
    ),
    "a comparison form is none": (
        [f"UPDATE resources SET comparison = '[]' {OURS} id = :band"],
        [f"Group band: {COMPARISON}"],
    ),
    "a label is another one": ([f"UPDATE resources SET label = 'Zed' {OURS} id = :bo"], [f"User bo: {COMPARISON}"]),
    "other schemas wrote it": ([f"UPDATE resources SET stamp = 'x' {OURS} id = :bo"], [f"User bo: {COMPARISON}"]),
    "a seat is nobody's": (
        [f"UPDATE licence_seats SET holder = NULL {OURS} holder = :ana"],
        ["User ana: seats: expected gold, found nothing"],
    ),
    "a seat too many": (
        [f"UPDATE licence_seats SET holder = :bo {OURS} holder IS NULL"],
        ["User bo: seats: expected nothing, found gold"],
    ),
    "a seat is somebody else's": (
        [f"UPDATE licence_seats SET holder = :bo {OURS} holder = :ana"],
        ["User ana: seats: expected gold, found nothing", "User bo: seats: expected nothing, found gold"],
    ),
    "a seat is gone": (
        [f"DELETE FROM licence_seats {OURS} holder IS NULL"],
        ["pool gold: seats: expected 2, found 1"],
    ),
    "a seat beyond": (
        ["INSERT INTO licence_seats VALUES (:tenant, 'gold', 3, NULL)"],
        ["pool gold: free seats beyond those permitted: expected nothing, found 1"],
    ),
    "a seat beyond, while one is free": (
        [
            f"UPDATE licence_seats SET number = 7 {OURS} holder = :ana",
        ],
        ["pool gold: seats: expected 2, found 1",
         "pool gold: seats beyond those permitted, while others are free: expected nothing, found 1"],
    ),
    "seats of no pool": (
        ["INSERT INTO licence_seats VALUES (:tenant, 'tin', 1, NULL)"],
        ["pool tin, which is gone: seats: expected nothing, found 1"],
    ),
    "a number is nobody's": (
        [f"UPDATE numbers SET holder = NULL {OURS} holder = :ana"],
        [f"User ana: numbers at {STUDIO}:line: expected 1, found 1 missing"],
    ),
    "a number is somebody else's": (
        [f"UPDATE numbers SET holder = :bo {OURS} holder = :ana"],
        [
            f"User ana: numbers at {STUDIO}:line: expected 1, found 1 missing",
            f"User bo: numbers at {STUDIO}:line: expected 1, found 1 that should not be there",
        ],
    ),
    "a number too many": (
        [f"UPDATE numbers SET holder = :bo {OURS} number = '205'"],
        [f"User bo: numbers at {STUDIO}:line: expected 1, found 1 that should not be there"],
    ),
    "numbers are gone": (
        [f"DELETE FROM numbers {OURS} number IN ('200', '207')"],
        [
            "range 200-209: numbers: expected 10, found 8",
            f"User ana: numbers at {STUDIO}:line: expected 1, found 1 missing",
        ],
    ),
    "numbers of no range": (
        ["INSERT INTO numbers VALUES (:tenant, '2000', NULL, '', NULL)"],
        ["no range: numbers: expected nothing, found 1"],
    ),
    "a membership version is missing": (
        [f"DELETE FROM membership_state {OURS} owner = :band"],
        ["Group band: membership version: expected one, found nothing"],
    ),
    "a membership version too many": (
        ["INSERT INTO membership_state VALUES (:tenant, :bo, 1, 'x')"],
        ["User bo: membership version: expected nothing, found one"],
    ),
    "a row's form is none": (
        [f"UPDATE relations SET comparison = NULL {OURS} owner = :band"],
        ["Group band: forms of rows of members: expected those of their elements, found 1 others"],
    ),
    "a row's form is another one": (
        [f"UPDATE relations SET comparison = '{{}}' {OURS} owner = :band"],
        ["Group band: forms of rows of members: expected those of their elements, found 1 others"],
    ),
    "rows of who is gone": (
        ["INSERT INTO relations VALUES (:tenant, 'Group.members', 'who-was', 'x', 1, '{\"value\":\"x\"}', NULL)"],
        ["gone resource who-was: rows of members: expected nothing, found 1"],
    ),
    "everything else of who is gone": (
        [
            "INSERT INTO unique_values VALUES (:tenant, 'User', 'userName', 'zed', 'who-was')",
            "INSERT INTO attribute_index VALUES (:tenant, 'User', 'externalId', 'zed', 'who-was')",
            f"UPDATE licence_seats SET holder = 'who-was' {OURS} holder IS NULL",
            f"UPDATE numbers SET holder = 'who-was' {OURS} number = '209'",
            "INSERT INTO notes VALUES (:tenant, 'who-was', 'x', 'y', 'z')",
            "INSERT INTO membership_state VALUES (:tenant, 'who-was', 1, 'x')",
        ],
        [
            "gone resource who-was: unique values at userName: expected 0, found 1 that should not be there",
            "gone resource who-was: index rows at externalId: expected 0, found 1 that should not be there",
            "gone resource who-was: seats: expected nothing, found gold",
            "gone resource who-was: numbers: expected 0, found 1 that should not be there",
            "gone resource who-was: notes at x: expected nothing, found 1",
            "gone resource who-was: membership version: expected nothing, found one",
        ],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BREAKS)
def test_what_is_broken_is_named_and_put_right(shared: Practice, case: str) -> None:
    statements, differences = BREAKS[case]
    before = shared.tables()
    shared.run(*statements)
    assert shared.examined() == [*differences]
    repaired, left = shared.cured()
    assert (sorted(repaired), left) == (sorted(differences), [])
    assert shared.examined() == []
    assert shared.tables() == before


def test_clients_see_nothing_of_a_repair(practice: Practice) -> None:
    shown = practice.client.get("/").get_json(force=True)["Resources"]
    practice.run(f"UPDATE resources SET comparison = '{{}}', label = NULL, stamp = 'x' {OURS} 1 = 1")
    practice.run(f"DELETE FROM unique_values {OURS} 1 = 1", f"DELETE FROM attribute_index {OURS} 1 = 1")
    assert practice.client.get('/Users?filter=userName%20eq%20"ana"').get_json(force=True)["totalResults"] == 0
    assert practice.cured()[1] == []
    assert practice.client.get("/").get_json(force=True)["Resources"] == shown
    assert practice.client.get('/Users?filter=userName%20eq%20"ana"').get_json(force=True)["totalResults"] == 1


WAITING_BREAKS: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "who waits has no note": (
        [f"DELETE FROM notes {OURS} resource_id = :cy"],
        ["User cy: seats: expected gold, found nothing"],
    ),
    "who has a seat waits": (
        [f"INSERT INTO notes VALUES (:tenant, :ana, '{STUDIO}:waitsFor', 'gold', 'z')"],
        [f"User ana: notes at {STUDIO}:waitsFor: expected nothing, found 1"],
    ),
    "who wants nothing waits": (
        [f"INSERT INTO notes VALUES (:tenant, :ana, '{STUDIO}:waitsFor', 'tin', 'z')"],
        [f"User ana: notes at {STUDIO}:waitsFor: expected nothing, found 1"],
    ),
}


@pytest.mark.parametrize("case", WAITING_BREAKS)
def test_who_waits_for_a_seat_is_known_by_a_note(waiting: Practice, case: str) -> None:
    statements, differences = WAITING_BREAKS[case]
    before = waiting.tables()
    waiting.run(*statements)
    assert waiting.examined() == [*differences]
    assert waiting.cured() == ([*differences], [])
    assert waiting.examined() == []
    assert waiting.tables() == before


def test_a_seat_that_came_free_unseen_goes_to_who_waits(waiting: Practice) -> None:
    waiting.run(f"UPDATE licence_pools SET seats = 3 {OURS} key = 'gold'")
    assert waiting.examined() == ["pool gold: seats: expected 3, found 2"]
    waiting.run("INSERT INTO licence_seats VALUES (:tenant, 'gold', 3, NULL)")
    assert waiting.examined() == ["pool gold: who waits for a seat, while some are free: expected nobody, found 1"]
    assert waiting.cured()[1] == []
    assert waiting.examined() == []
    shown = waiting.client.get(f"/Users/{waiting.ids['cy']}").get_json(force=True)
    assert shown[STUDIO] == {"pass": "gold"}


def test_who_is_found_without_a_seat_in_a_full_pool_gets_one_beyond(practice: Practice) -> None:
    """Its document says so, and nobody loses a licence by a repair."""
    user(practice, "cy", **{STUDIO: {"pass": "gold", "part": "player"}})
    practice.run(f"UPDATE licence_seats SET holder = NULL {OURS} holder = :cy")
    user(practice, "di", **{STUDIO: {"pass": "gold", "part": "player"}})
    assert practice.cured() == (["User cy: seats: expected gold, found nothing"], [])
    assert practice.examined() == []
    pool = composition.pools(practice.server.settings, practice.server.database.storage, practice.tenant).all()[0]
    assert (pool.seats, pool.used) == (2, 3)


def test_what_two_documents_want_stays_told(practice: Practice) -> None:
    """Which of them is to have it, a person says."""
    practice.run(f"UPDATE resources SET document = REPLACE(document, '\"bo\"', '\"ana\"') {OURS} id = :bo")
    repaired, left = practice.cured()
    told = "User bo: unique values at userName: expected 1, found 1 missing"
    assert left == [told]
    assert practice.examined() == [told]
    assert "ana" not in told
    assert any(COMPARISON in line for line in repaired)


def test_resources_of_a_type_that_the_tenant_has_not_are_left_alone(practice: Practice) -> None:
    practice.run(
        f"UPDATE resources SET type = 'Robot', comparison = '{{}}' {OURS} id = :bo",
        f"UPDATE unique_values SET type = 'Robot' {OURS} resource_id = :bo",
    )
    assert practice.examined() == []
    assert practice.cured() == ([], [])


def test_all_is_seen_a_few_at_a_time(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "IDS", 2)
    monkeypatch.setattr(examination, "ROWS", 1)
    monkeypatch.setattr(service, "TOGETHER", 1)
    for number in range(3):
        user(practice, f"user{number}")
    practice.run(
        "INSERT INTO notes VALUES (:tenant, 'zzz', 'x', 'y', 'z')", f"DELETE FROM attribute_index {OURS} 1 = 1"
    )
    differences = practice.examined()
    assert len(differences) == 5 * 2 + 1
    repaired, left = practice.cured()
    assert (sorted(repaired), left) == (sorted(differences), [])
    assert practice.examined() == []


def test_no_more_is_kept_to_be_tried_again_than_there_is_room_for(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_AGAIN", 0)
    practice.run(f"UPDATE numbers SET holder = :bo {OURS} holder = :ana")
    assert practice.cured()[1] == [f"User ana: numbers at {STUDIO}:line: expected 1, found 1 missing"]
    assert practice.cured()[1] == []
    assert practice.examined() == []


def test_a_busy_database_gives_no_false_report(server: Server, engine: Engine) -> None:
    """Seats and unique values move all the time."""
    practice = opened(server, engine, "patient-studio")
    client, over = practice.client, threading.Event()
    failed: list[str] = []

    def work(who: int) -> None:
        turn = 0
        while not over.is_set():
            turn += 1
            made = client.send(
                "POST", "/Users", {"schemas": [USER], "userName": f"u{who}-{turn}", STUDIO: {"pass": "gold"}}
            )
            address = f"/Users/{made.get_json(force=True)['id']}"
            rename = {"op": "replace", "value": {"userName": f"v{who}-{turn}", "active": False}}
            answers = [
                made,
                client.send("PATCH", address, {"schemas": [PATCH_OP], "Operations": [rename]}),
                client.send("DELETE", address),
            ]
            failed.extend(answer.text for answer in answers if answer.status_code >= 400)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    try:
        looks = [(practice.examined(), practice.cured()) for _ in range(6)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert failed == []
    assert looks == [([], ([], []))] * 6
    assert practice.examined() == []


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_says_what_differs_and_fails_until_it_is_put_right(practice: Practice) -> None:
    settings = practice.server.settings
    environ = {"SCIM_DATABASE_URL": settings.database_url, "SCIM_EXTENSIONS": str(settings.extensions)}

    def run(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.main, ["doctor", *arguments], env=environ)
        assert result.stderr == ""
        return result.exit_code, practice.named(result.stdout)

    of_one = ("--tenant", practice.tenant.name)
    assert run(*of_one) == (0, "Looked at 4 resources of 1 tenant: sound.\n")
    practice.run(f"DELETE FROM unique_values {OURS} resource_id = :ana AND path = 'userName'")
    told = f"{practice.tenant.name}: User ana: unique values at userName: expected 1, found 1 missing"
    assert run(*of_one) == (1, f"{told}\nLooked at 4 resources of 1 tenant: 1 difference left.\n")
    assert run(*of_one, "--fix") == (
        0,
        f"{told}; repaired\nLooked at 4 resources of 1 tenant: 1 repaired, 0 differences left.\n",
    )
    assert run(*of_one) == (0, "Looked at 4 resources of 1 tenant: sound.\n")


def test_the_command_looks_at_every_tenant(practice: Practice) -> None:
    settings = practice.server.settings
    environ = {"SCIM_DATABASE_URL": settings.database_url, "SCIM_EXTENSIONS": str(settings.extensions)}
    practice.run(f"DELETE FROM unique_values {OURS} resource_id = :ana AND path = 'userName'")
    result = CliRunner().invoke(cli.main, ["doctor", "--fix"], env=environ)
    tenants = len(practice.server.database.tenancy.tenants())
    assert f"of {tenants} tenants: " in result.stdout or tenants == 1
    assert practice.examined() == []
    missing = CliRunner().invoke(cli.main, ["doctor", "--tenant", "nobody"], env=environ)
    assert missing.exit_code == 1
    assert "There is no tenant nobody" in missing.stderr
