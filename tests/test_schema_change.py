"""When an extension's schema changes: what `scim-server migrate` makes of a database with resources in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scim_server import app, cli
from scim_server.cli import server
from scim_server.config import Settings
from tests.http.server import GROUP, PATCH_OP, USER, Client, assert_error

pytestmark = [pytest.mark.usefixtures("read_once"), pytest.mark.unmeasured]
"""What they run of the server, other tests run too: coverage need not follow."""

EXTENSIONS = Path(__file__).parent.parent / "extensions"
CENTRE = "urn:ietf:params:scim:schemas:extension:contactcentre:2.0:User"
CONTACT_CENTRE = "contact-centre"
SCHEMA = f"{CONTACT_CENTRE}/schemas/contactcentre-user.json"
PROFILE = f"{CONTACT_CENTRE}/profile.toml"


class Site:
    """One database and one folder of extensions, as their operator has them."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(EXTENSIONS / CONTACT_CENTRE, folder / CONTACT_CENTRE)
        self.environ = {"SCIM_DATABASE_URL": database_url, "SCIM_EXTENSIONS": str(folder)}
        self.settings = Settings.load(self.environ)
        self._runner = CliRunner()
        self._apps: list[Any] = []

    def run(self, *arguments: str) -> Result:
        return self._runner.invoke(cli.main, arguments, env=self.environ)

    def good(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return result.stdout.strip()

    def token(self, tenant: str, *options: str) -> str:
        """A token of a new tenant."""
        self.good("tenant", "add", tenant, *options)
        return self.good("token", "issue", "--tenant", tenant)

    def client(self, token: str) -> Client:
        """A client of a server that starts now."""
        served = app.create_app(self.settings)
        self._apps.append(served)
        return Client(served, token)

    def edit(self, path: str, change: Any) -> None:
        file = self.folder / path
        document = json.loads(file.read_text())
        change(document)
        file.write_text(json.dumps(document))

    def characterise(self, name: str, **characteristics: Any) -> None:
        """Change an attribute of the users' extension."""

        def change(document: Any) -> None:
            (attribute,) = (a for a in document["attributes"] if a["name"] == name)
            attribute.update(characteristics)

        self.edit(SCHEMA, change)

    def index(self, name: str) -> None:
        """Have the users of the extension looked up by an attribute."""
        file = self.folder / PROFILE
        binding = f'extension = "{CENTRE}"\n'
        text = file.read_text()
        assert text.count(binding) == 1
        file.write_text(text.replace(binding, f'{binding}indexed = ["{name}"]\n'))

    def add_attribute(self, name: str) -> None:
        described = {"name": name, "type": "string", "multiValued": False, "description": "New.", "required": False}
        rest = {"caseExact": False, "mutability": "readWrite", "returned": "default", "uniqueness": "none"}
        self.edit(SCHEMA, lambda document: document["attributes"].append({**described, **rest}))

    def close(self) -> None:
        for served in self._apps:
            app.close(served)


@pytest.fixture
def site(database_url: str, tmp_path: Path) -> Iterator[Site]:
    site = Site(database_url, tmp_path / "extensions")
    site.good("migrate")
    yield site
    site.close()


def count(client: Client, filter: str) -> int:
    answer = client.send("GET", f"/Users?filter={filter}&count=0".replace(" ", "%20").replace('"', "%22"))
    assert answer.status_code == 200, answer.text
    return int(answer.get_json(force=True)["totalResults"])


def entries(site: Site, table: str, path: str) -> int:
    """How many look-up rows there are for an attribute of users."""
    database = app.open_database(site.settings)
    with database.connections.reader.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT path FROM {table}").scalars().all()
    database.close()
    return sum(one.lower() == f"{CENTRE}:{path}".lower() for one in found)


def named(client: Client, name: str, **values: Any) -> str:
    """The id of a new user with these values in the extension."""
    return str(client.create(name, schemas=[USER, CENTRE], **{CENTRE: values})["id"])


def patch(client: Client, id: str, path: str, value: Any) -> Any:
    operation = {"op": "replace", "path": path, "value": value}
    return client.send("PATCH", f"/Users/{id}", {"schemas": [PATCH_OP], "Operations": [operation]})


def test_a_changed_schema_is_ready_after_one_migration(site: Site) -> None:
    token = site.token("contoso")
    id = named(site.client(token), "a", extensionNumber="0100")
    site.add_attribute("shoeSize")
    site.index("shoeSize")
    refused = site.run("token", "issue", "--tenant", "contoso")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert site.client(token).send_raw("GET", "/readyz").status_code == 503

    assert site.good("migrate") == "The database is up to date."
    assert site.good("tenant", "list")
    client = site.client(token)
    assert client.send_raw("GET", "/readyz").status_code == 200
    assert count(client, f'{CENTRE}:extensionNumber eq "0100"') == 1
    assert patch(client, id, f"{CENTRE}:shoeSize", "44").status_code == 200
    assert count(client, f'{CENTRE}:shoeSize eq "44"') == 1
    assert site.good("migrate") == "The database is up to date."


def test_an_attribute_that_is_indexed_now_is_looked_up_by_its_index(site: Site) -> None:
    token = site.token("contoso")
    named(site.client(token), "a", licence="Voice")
    assert entries(site, "attribute_index", "licence") == 0
    site.index("licence")
    site.good("migrate")
    assert entries(site, "attribute_index", "licence") == 1
    assert count(site.client(token), f'{CENTRE}:licence eq "voice"') == 1


@pytest.mark.req("R-CHAR-16")
def test_values_that_a_new_uniqueness_finds_twice_are_listed_and_no_third_is_taken(site: Site) -> None:
    token = site.token("contoso")
    client = site.client(token)
    first, second = (named(client, name, licence="Voice") for name in "ab")
    version = client.get(f"/Users/{second}").headers["ETag"]
    site.characterise("licence", uniqueness="server")
    done = site.run("migrate")
    assert (done.exit_code, done.stdout) == (0, "The database is up to date.\n")
    place = f"{CENTRE}:licence"
    assert done.stderr == f"Duplicate: User {second} of tenant contoso has the {place} of User {first}.\n"
    assert "voice" not in done.stderr.lower()
    client = site.client(token)
    third = {"schemas": [USER, CENTRE], "userName": "c", CENTRE: {"licence": "VOICE"}}
    assert_error(client.send("POST", "/Users", third), 409, "uniqueness")
    assert client.get(f"/Users/{second}").headers["ETag"] == version
    assert site.good("migrate") == "The database is up to date."


@pytest.mark.req("R-GRP-02")
def test_a_tenant_that_need_not_be_unique_stays_so(site: Site) -> None:
    attribute = f"{GROUP}:displayName"
    token = site.token("contoso", "--not-unique", attribute, "--not-unique", f"{CENTRE}:extensionNumber")
    client = site.client(token)
    for name in "ab":
        named(client, name, extensionNumber="0100")
        body = {"schemas": [GROUP], "displayName": "Team"}
        assert client.send("POST", "/Groups", body).status_code == 201
    site.add_attribute("shoeSize")
    site.good("migrate")
    assert entries(site, "unique_values", "extensionNumber") == 0
    named(site.client(token), "c", extensionNumber="0100")


@pytest.mark.req("R-CHAR-16")
def test_a_change_of_a_resource_that_is_not_rebuilt_yet_holds_the_new_uniqueness(site: Site) -> None:
    token = site.token("contoso")
    id = named(site.client(token), "a", licence="Voice")
    site.characterise("licence", uniqueness="server")
    client = site.client(token)
    assert patch(client, id, "title", "Agent").status_code == 200
    taken = {"schemas": [USER, CENTRE], "userName": "b", CENTRE: {"licence": "voice"}}
    assert_error(client.send("POST", "/Users", taken), 409, "uniqueness")
    assert entries(site, "unique_values", "licence") == 1


@pytest.mark.req("R-CHAR-16")
def test_a_change_of_a_resource_that_is_not_rebuilt_yet_frees_what_was_unique(site: Site) -> None:
    site.characterise("role", uniqueness="server")
    site.good("migrate")
    token = site.token("contoso")
    id = named(site.client(token), "a", role="agent")
    assert entries(site, "unique_values", "role") == 1
    site.characterise("role", uniqueness="none")
    assert patch(site.client(token), id, "title", "Agent").status_code == 200
    assert entries(site, "unique_values", "role") == 0


def test_a_change_of_nothing_leaves_a_resource_that_is_not_rebuilt_yet_as_it_is(site: Site) -> None:
    token = site.token("contoso")
    client = site.client(token)
    id = named(client, "a", licence="Voice")
    before = client.get(f"/Users/{id}")
    site.characterise("licence", uniqueness="server")
    client = site.client(token)
    assert patch(client, id, "userName", "a").status_code == 200
    after = client.get(f"/Users/{id}")
    assert after.headers["ETag"] == before.headers["ETag"]
    assert after.get_json(force=True)["meta"] == before.get_json(force=True)["meta"]


def test_a_description_in_other_words_needs_no_migration(site: Site) -> None:
    token = site.token("contoso")
    named(site.client(token), "a", licence="Voice")
    site.characterise("licence", description="Something else.")
    assert site.client(token).send_raw("GET", "/readyz").status_code == 200


def test_serving_rebuilds_before_it_serves(site: Site) -> None:
    token = site.token("contoso")
    named(site.client(token), "a", licence="Voice")
    site.index("licence")
    assert server.prepare(site.settings) is None
    assert site.client(token).send_raw("GET", "/readyz").status_code == 200
    assert entries(site, "attribute_index", "licence") == 1


def test_much_to_rebuild_is_told_now_and_then(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MANY", 1)
    client = site.client(site.token("contoso"))
    for name in "ab":
        client.create(name)
    site.add_attribute("shoeSize")
    assert site.run("migrate").stderr == "Rebuilt 2 of 2 resources.\n"
