"""Passwords that a profile keeps: as a hash that nothing shows, in the forms in which identity providers send them."""

import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner, Result
from sqlalchemy import MetaData, create_engine, select, text

from scim_server import app as composition
from scim_server import cli
from scim_server.auth import passwords as hashes
from scim_server.auth.passwords import Argon2
from scim_server.config import Settings
from scim_server.domain import compare
from scim_server.storage.base import Tenant
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.http.server import PATCH_OP, SEARCH_REQUEST, USER, Client, Server, assert_error
from tests.logs import Log

PROFILES = Path(__file__).parents[1] / "data" / "passwords"
VAULT = "urn:example:params:scim:schemas:extension:vault:2.0:User"
FIRST, SECOND = "correct horse", "battery staple"


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    """With hashes that are quick to make."""
    server = Server(Settings(database_url=new_database(request.param), extensions=PROFILES))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hashes, "MEMORY", 64)
        server.app()
    yield server
    server.close()


@pytest.fixture
def tenant(server: Server) -> Tenant:
    return server.tenant("vault")


@pytest.fixture
def client(server: Server, tenant: Tenant) -> Client:
    return Client(server.app(), server.token(tenant))


def kept(server: Server, tenant: Tenant, id: str) -> dict[str, Any]:
    """What the database has of a user that is never sent."""
    user = server.catalogue.of("vault").named("User")
    assert user is not None
    record = server.database.storage.read(tenant.id, user, id, frozenset())
    assert record is not None
    hidden: dict[str, Any] = json.loads(record.hidden or "{}")
    return hidden


def fits(made: str, text: str) -> bool:
    return Argon2().fits(made, text)


def patch(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": [PATCH_OP], "Operations": [*operations]}


def whole(**attributes: Any) -> dict[str, Any]:
    """The body of a PUT."""
    return {"schemas": [USER], "userName": "ana", "active": True, **attributes}


def in_bulk(method: str, path: str, data: dict[str, Any]) -> dict[str, Any]:
    operation = {"method": method, "path": path, "data": data, "bulkId": "one"}
    return {"schemas": [BULK_REQUEST], "Operations": [operation]}


Write = Callable[[Client, str, Any], Any]
"""Sends a password for a user, in one of the forms."""

FORMS: dict[str, tuple[str, Write]] = {
    "PATCH with a path": (
        "entra",
        lambda c, id, p: c.send("PATCH", f"/Users/{id}", patch({"op": "Replace", "path": "password", "value": p})),
    ),
    "PATCH add with a path": (
        "entra",
        lambda c, id, p: c.send("PATCH", f"/Users/{id}", patch({"op": "Add", "path": "password", "value": p})),
    ),
    "PATCH without a path": (
        "okta",
        lambda c, id, p: c.send("PATCH", f"/Users/{id}", patch({"op": "replace", "value": {"password": p}})),
    ),
    "PUT": ("okta", lambda c, id, p: c.send("PUT", f"/Users/{id}", whole(password=p))),
    "PATCH in bulk": (
        "generic",
        lambda c, id, p: c.send(
            "POST",
            "/Bulk",
            in_bulk("PATCH", f"/Users/{id}", patch({"op": "replace", "path": "password", "value": p})),
        ),
    ),
    "PUT in bulk": (
        "strict",
        lambda c, id, p: c.send("POST", "/Bulk", in_bulk("PUT", f"/Users/{id}", whole(password=p))),
    ),
}


def outcome(answer: Any) -> tuple[int, str | None]:
    """The status and the detail of a write, or of the one operation of a bulk request."""
    body = answer.get_json(force=True)
    if "Operations" in body:
        (operation,) = body["Operations"]
        return int(operation["status"]), operation.get("response", {}).get("detail")
    return answer.status_code, body.get("detail")


@pytest.mark.req("CC-23", "R-SEC-05", "R-SEC-06")
def test_a_new_user_s_password_is_kept_as_a_hash(server: Server, tenant: Tenant, client: Client) -> None:
    started = compare.to_wire(compare.from_datetime(composition.now()))
    made = client.create("ana", password=FIRST)
    hidden = kept(server, tenant, made["id"])
    assert hidden.keys() == {"password"}
    assert hidden["password"].startswith("$argon2id$v=19$m=64,t=2,p=1$"), "quick, for the tests"
    assert PasswordHasher().verify(hidden["password"], FIRST)
    assert made[VAULT]["passwordChangeRequired"] is True
    assert started <= made[VAULT]["passwordChanged"] <= compare.to_wire(compare.from_datetime(composition.now()))
    assert "password" not in made


@pytest.mark.req("CC-23")
def test_a_user_without_a_password_has_none(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana")
    assert kept(server, tenant, made["id"]) == {}
    assert VAULT not in made


@pytest.mark.req("CC-23")
def test_users_in_bulk_have_their_passwords(server: Server, tenant: Tenant, client: Client) -> None:
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": whole(userName=name, password=f"{FIRST} {name}")}
        for name in ("ana", "bo")
    ]
    answer = client.send("POST", "/Bulk", {"schemas": [BULK_REQUEST], "Operations": operations})
    ids = [o["location"].rpartition("/")[2] for o in answer.get_json(force=True)["Operations"]]
    assert all(
        fits(kept(server, tenant, id)["password"], f"{FIRST} {name}")
        for id, name in zip(ids, ("ana", "bo"), strict=True)
    )


@pytest.mark.req("CC-23", "OKTA-11", "R-SEC-06")
@pytest.mark.parametrize("form", FORMS)
def test_another_password_takes_its_place(server: Server, tenant: Tenant, form: str) -> None:
    dialect, send = FORMS[form]
    client = Client(server.app(), server.token(tenant, dialect))
    made = client.create("ana", password=FIRST)
    assert outcome(send(client, made["id"], SECOND))[0] == 200
    now = kept(server, tenant, made["id"])["password"]
    assert fits(now, SECOND)
    assert not fits(now, FIRST)
    found = client.get(f"/Users/{made['id']}").get_json(force=True)
    assert found["meta"]["version"] != made["meta"]["version"]
    assert found[VAULT]["passwordChanged"] > made[VAULT]["passwordChanged"]


@pytest.mark.req("CC-23", "OKTA-11")
@pytest.mark.parametrize("form", FORMS)
def test_the_same_password_changes_nothing(server: Server, tenant: Tenant, form: str) -> None:
    dialect, send = FORMS[form]
    client = Client(server.app(), server.token(tenant, dialect))
    made = client.create("ana", password=FIRST)
    before = kept(server, tenant, made["id"])
    assert outcome(send(client, made["id"], FIRST))[0] == 200
    assert kept(server, tenant, made["id"]) == before
    assert client.get(f"/Users/{made['id']}").get_json(force=True) == made


@pytest.mark.req("CC-23", "R-SEC-06")
@pytest.mark.parametrize("form", FORMS)
def test_a_short_password_is_refused_by_its_name(server: Server, tenant: Tenant, form: str) -> None:
    dialect, send = FORMS[form]
    client = Client(server.app(), server.token(tenant, dialect))
    made = client.create("ana", password=FIRST)
    before = kept(server, tenant, made["id"])
    assert outcome(send(client, made["id"], "hunter7")) == (400, "password: expected at least 8 characters.")
    assert kept(server, tenant, made["id"]) == before


@pytest.mark.req("CC-23")
def test_no_user_is_made_with_a_short_password(client: Client) -> None:
    answer = client.send("POST", "/Users", whole(password="hunter7"))
    assert_error(answer, 400, "invalidValue")
    assert "hunter7" not in answer.text
    assert client.get("/Users").get_json(force=True)["totalResults"] == 0


@pytest.mark.req("CC-23", "CC-57")
def test_who_leaves_is_switched_off_whatever_the_password(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", password=FIRST)
    before = kept(server, tenant, made["id"])
    answer = client.send("PUT", f"/Users/{made['id']}", whole(active=False, password="hunter7"))
    assert answer.get_json(force=True)["active"] is False
    assert kept(server, tenant, made["id"]) == before


@pytest.mark.req("R-PUT-05", "CC-23")
def test_a_put_without_a_password_keeps_it(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", password=FIRST)
    before = kept(server, tenant, made["id"])
    answer = client.send("PUT", f"/Users/{made['id']}", whole(title="AE", password=""))
    assert answer.get_json(force=True)[VAULT] == made[VAULT]
    assert client.send("PUT", f"/Users/{made['id']}", whole(title="BE")).status_code == 200
    assert kept(server, tenant, made["id"]) == before


REMOVALS = {
    "remove": patch({"op": "remove", "path": "password"}),
    "replace by null": patch({"op": "replace", "path": "password", "value": None}),
    "replace by null without a path": patch({"op": "replace", "value": {"password": None}}),
}


@pytest.mark.req("CC-23")
@pytest.mark.parametrize("form", REMOVALS)
def test_a_removed_password_leaves_nothing(server: Server, tenant: Tenant, client: Client, form: str) -> None:
    made = client.create("ana", password=FIRST, **{VAULT: {"floor": 2}})
    answer = client.send("PATCH", f"/Users/{made['id']}", REMOVALS[form])
    assert answer.get_json(force=True)[VAULT] == {"floor": 2}
    assert kept(server, tenant, made["id"]) == {}


@pytest.mark.req("CC-23")
def test_a_put_with_null_removes_the_password(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", password=FIRST)
    answer = client.send("PUT", f"/Users/{made['id']}", whole(password=None))
    assert VAULT not in answer.get_json(force=True)
    assert kept(server, tenant, made["id"]) == {}


@pytest.mark.req("CC-23", "R-CHAR-09")
@pytest.mark.parametrize("dialect", ["entra", "okta", "generic"])
def test_an_empty_text_in_the_place_of_a_password_says_nothing(server: Server, tenant: Tenant, dialect: str) -> None:
    """A client that shows a form with an empty field has nobody lose a password."""
    client = Client(server.app(), server.token(tenant, dialect))
    made = client.create("ana", password=FIRST, **{VAULT: {"code": "7351", "floor": 1}})
    before = kept(server, tenant, made["id"])
    empty = {"password": "", VAULT: {"code": "", "floor": 1}}
    body = patch({"op": "replace", "value": empty}, {"op": "replace", "path": "password", "value": ""})
    answers = [
        client.send("PATCH", f"/Users/{made['id']}", body),
        client.send("PUT", f"/Users/{made['id']}", whole(**empty)),
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert kept(server, tenant, made["id"]) == before


@pytest.mark.req("CC-23", "R-CHAR-09")
def test_whoever_replaces_an_extension_leaves_the_secrets_in_it(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", **{VAULT: {"code": "7351", "floor": 1}})
    before = kept(server, tenant, made["id"])
    answer = client.send(
        "PATCH", f"/Users/{made['id']}", patch({"op": "replace", "path": VAULT, "value": {"floor": 2}})
    )
    assert answer.get_json(force=True)[VAULT] == {"floor": 2}
    assert kept(server, tenant, made["id"]) == before


@pytest.mark.req("CC-23")
def test_strict_takes_an_empty_text_for_a_short_password(server: Server, tenant: Tenant) -> None:
    client = Client(server.app(), server.token(tenant, "strict"))
    answer = client.send("POST", "/Users", whole(password=""))
    assert outcome(answer) == (400, "password: expected at least 8 characters.")


@pytest.mark.req("CC-23", "R-CHAR-09")
def test_a_client_does_not_say_whether_a_password_must_be_changed(client: Client) -> None:
    made = client.create("ana", password=FIRST)
    said = {"passwordChangeRequired": False, "passwordChanged": "2001-01-01T00:00:00Z", "floor": 1}
    put = client.send("PUT", f"/Users/{made['id']}", whole(**{VAULT: said}))
    assert put.get_json(force=True)[VAULT] == made[VAULT] | {"floor": 1}
    path = f"{VAULT}:passwordChangeRequired"
    refused = client.send("PATCH", f"/Users/{made['id']}", patch({"op": "replace", "path": path, "value": False}))
    assert_error(refused, 400, "mutability")


@pytest.mark.req("CC-23")
def test_a_profile_s_own_secret_is_kept_as_a_hash_too(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", **{VAULT: {"code": "7351", "floor": 1}})
    assert made[VAULT] == {"floor": 1}
    assert fits(kept(server, tenant, made["id"])[VAULT]["code"], "7351")
    short = client.send("PATCH", f"/Users/{made['id']}", patch({"op": "add", "path": VAULT, "value": {"code": "1"}}))
    assert outcome(short) == (400, f"{VAULT}:code: expected at least 4 characters.")
    other = client.send(
        "PATCH", f"/Users/{made['id']}", patch({"op": "add", "path": VAULT, "value": {"code": "99887"}})
    )
    assert other.status_code == 200
    assert fits(kept(server, tenant, made["id"])[VAULT]["code"], "99887")
    gone = client.send("PATCH", f"/Users/{made['id']}", patch({"op": "remove", "path": VAULT}))
    assert VAULT not in gone.get_json(force=True)
    assert kept(server, tenant, made["id"]) == {}


@pytest.mark.req("R-I18N-05")
def test_a_password_is_prepared_before_it_is_compared(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", password="\u00e9t\u00e9 en France")
    before = kept(server, tenant, made["id"])
    send = FORMS["PUT"][1]
    assert send(client, made["id"], "e\u0301te\u0301\u00a0en\u3000France").status_code == 200
    assert kept(server, tenant, made["id"]) == before
    assert send(client, made["id"], "\u00c9t\u00e9 en France").status_code == 200
    assert kept(server, tenant, made["id"]) != before
    assert outcome(send(client, made["id"], "a tab\tin the middle")) == (
        400,
        "password: expected a text without a control character.",
    )


@pytest.mark.req("CC-23")
def test_a_client_cannot_give_a_hash(server: Server, tenant: Tenant, client: Client) -> None:
    given = Argon2().hash("somebody else's")
    made = client.create("ana", password=given)
    assert fits(kept(server, tenant, made["id"])["password"], given)


# It never leaves -----------------------------------------------------------------------------------------------------

READS = [
    "",
    "?attributes=password",
    f"?attributes=password,{VAULT}:code",
    f"?attributes={VAULT}",
    "?excludedAttributes=userName",
]


@pytest.mark.req("R-CHAR-10", "R-USER-12", "CC-23")
def test_no_answer_shows_a_password_or_its_hash(server: Server, tenant: Tenant, client: Client) -> None:
    made = client.create("ana", password=FIRST, **{VAULT: {"code": "7351-7351"}})
    id = made["id"]
    texts = [client.get(path + query).text for path in (f"/Users/{id}", "/Users", "/") for query in READS]
    search = {"schemas": [SEARCH_REQUEST], "attributes": ["password", f"{VAULT}:code"]}
    texts += [client.send("POST", path, search).text for path in ("/Users/.search", "/.search")]
    texts += [send(client, id, SECOND + form).text for form, (_, send) in FORMS.items()]
    texts.append(client.send("PUT", f"/Users/{id}?attributes=password", whole(password=FIRST)).text)
    for secret in (FIRST, SECOND, "7351-7351", "argon2", kept(server, tenant, id)["password"]):
        assert [text for text in texts if secret in text] == []


@pytest.mark.req("C-35", "R-FILT-38", "R-SORT-09", "CC-23")
@pytest.mark.parametrize(
    "condition", ['password eq "correct horse"', "password pr", "not (password pr)", f"{VAULT}:code pr"]
)
def test_nothing_is_found_by_a_password(client: Client, condition: str) -> None:
    client.create("ana", password=FIRST)
    assert_error(client.get("/Users?filter=" + condition.replace(" ", "%20")), 400, "invalidFilter")
    assert_error(client.get("/Users?sortBy=password"), 400, "invalidValue")


@pytest.mark.req("CC-23", "R-SEC-05")
def test_the_database_has_a_password_in_one_place_and_only_as_a_hash(
    server: Server, tenant: Tenant, client: Client
) -> None:
    made = client.create("ana", password="swordfish-1", **{VAULT: {"code": "swordfish-2"}})
    for number, (_, send) in enumerate(FORMS.values()):
        assert outcome(send(client, made["id"], f"swordfish-3{number}"))[0] == 200
    engine, tables = create_engine(server.settings.database_url), MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        found = {
            f"{table.name}.{column.name}": repr(connection.execute(select(column)).scalars().all())
            for table in tables.tables.values()
            for column in table.columns
        }
    engine.dispose()
    assert [place for place, values in found.items() if "swordfish" in values] == []
    assert [place for place, values in found.items() if "argon2" in values] == ["resources.hidden"]


@pytest.mark.req("CC-23")
def test_the_log_has_no_password(server: Server, client: Client, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where the hash cannot be made, or what has it cannot be stored."""
    made = client.create("ana", password="swordfish-1")
    client.send("POST", "/Users", whole(password="swordfish-2"))

    def fail(*_: object) -> str:
        raise RuntimeError("out of memory: swordfish-3")

    monkeypatch.setattr(hashes.Argon2, "hash", fail)
    failed = client.send("POST", "/Users", whole(userName="bo", password="swordfish-3"))
    assert_error(failed, 500)
    monkeypatch.undo()
    monkeypatch.setattr("scim_server.service.passwords.Hashing.settled", lambda self, kind, before, after: after)
    for send in ("POST", "PUT"):
        unhashed = client.send(
            send, f"/Users/{made['id']}" if send == "PUT" else "/Users", whole(password="swordfish-4")
        )
        assert_error(unhashed, 500)
    monkeypatch.undo()
    for _, send_it in FORMS.values():
        send_it(client, made["id"], "swordfish-5")
    assert log.lines
    assert "swordfish" not in repr(log.lines)
    assert "argon2id" not in repr(log.lines)


@pytest.mark.req("CC-23")
@pytest.mark.parametrize("form", FORMS)
def test_a_dry_run_does_not_tell_whether_a_password_is_the_one_that_is_kept(
    server: Server, tenant: Tenant, form: str
) -> None:
    """Who could try without changing anything could try until it fits."""
    dialect, send = FORMS[form]
    client = Client(server.app(), server.token(tenant, dialect))
    made = client.create("ana", password=FIRST)
    before = kept(server, tenant, made["id"])

    class Dry(Client):
        def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
            return super().send(method, path, body, {"SCIM-Dry-Run": "true", **(headers or {})})

    answers = [send(Dry(client.app, client.token), made["id"], password) for password in (FIRST, SECOND)]
    shown = [json.dumps(without_times(answer.get_json(force=True))) for answer in answers]
    assert shown[0] == shown[1]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].headers.get("ETag") == answers[1].headers.get("ETag")
    assert kept(server, tenant, made["id"]) == before


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: without_times(v) for n, v in value.items() if n not in ("passwordChanged", "lastModified")}
    return [without_times(v) for v in value] if isinstance(value, list) else value


@pytest.mark.req("CC-23", "R-SEC-05")
def test_hashes_go_with_the_profile_that_keeps_them(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "extensions"
    shutil.copytree(PROFILES, folder)
    settings = Settings(database_url=database_url, extensions=folder)
    server = Server(settings)
    tenant = server.tenant("vault")
    id = Client(server.app(), server.token(tenant)).create("ana", password=FIRST, **{VAULT: {"code": "7351"}})["id"]
    assert kept(server, tenant, id).keys() == {"password", VAULT}
    server.close()
    profile = folder / "vault" / "profile.toml"
    profile.write_text(
        re.sub(r"\[\[passwords\]\]\nresource_type = .*\nattribute = \"password\"[^\[]*", "", profile.read_text())
    )
    server = Server(settings)
    for _ in server.database.rebuild(composition.redraft(settings, server.database.tenancy)):
        pass
    assert kept(server, tenant, id).keys() == {VAULT}
    assert Client(server.app(), server.token(tenant)).get(f"/Users/{id}").get_json(force=True)["userName"] == "ana"
    server.close()


@pytest.mark.req("CC-13", "CC-23")
def test_who_gets_a_password_is_sent_no_greeting_and_none_goes_out_with_one(server: Server, client: Client) -> None:
    def events() -> list[Any]:
        engine = create_engine(server.settings.database_url)
        with engine.connect() as connection:
            found = connection.execute(text("SELECT kind, content FROM outbox ORDER BY sequence")).all()
        engine.dispose()
        return [tuple(row) for row in found]

    before = events()
    client.create("ana", title="AE", password=FIRST)
    assert events() == before
    client.create("bo", title="AE")
    assert [kind for kind, _ in events()[len(before) :]] == ["greeting"]


@pytest.mark.req("CC-23")
def test_no_sheet_has_a_password(server: Server, tenant: Tenant, client: Client) -> None:
    client.create("ana", password=FIRST)
    environ = {"SCIM_DATABASE_URL": server.settings.database_url, "SCIM_EXTENSIONS": str(PROFILES)}

    def export(*more: str) -> Result:
        return CliRunner().invoke(cli.main, ["export", "--csv", "--tenant", tenant.name, *more], env=environ)

    whole, chosen = export(), export("--columns", "userName,password")
    assert whole.exit_code == 0
    assert "ana" in whole.stdout
    assert "password" not in whole.stdout.lower().replace("passwordchange", "")
    assert chosen.exit_code == 1
    assert "password" in chosen.stderr
    for printed in (whole.output, chosen.output):
        assert "argon2" not in printed
        assert FIRST not in printed


# What the server says of itself --------------------------------------------------------------------------------------


@pytest.mark.req("R-DISC-13", "R-SPC-01")
def test_the_configuration_says_of_a_tenant_whether_passwords_can_be_changed(server: Server, client: Client) -> None:
    def says(of: Client) -> bool:
        answer = of.get("/ServiceProviderConfig")
        assert answer.status_code == 200
        supported: bool = answer.get_json(force=True)["changePassword"]["supported"]
        return supported

    other = server.tenant("hall")
    assert says(client) is True
    assert says(Client(server.app(), server.token(other))) is False
    assert says(Client(server.app(), None)) is False
    assert says(Client(server.app(), "no-such-token")) is False
    assert says(Client(server.app(), client.token, f"/t/{other.name}/scim/v2")) is False


@pytest.mark.req("R-DISC-13")
def test_without_a_credential_the_configuration_says_what_holds_for_all_tenants(tmp_path: Path) -> None:
    (tmp_path / "everybody").mkdir()
    (tmp_path / "everybody" / "profile.toml").write_text(
        '[[passwords]]\nresource_type = "User"\nattribute = "password"\n'
    )
    server = Server(Settings(database_url=f"sqlite:///{tmp_path}/scim.db", extensions=tmp_path))
    answer = Client(server.app(), None).get("/ServiceProviderConfig")
    server.close()
    assert answer.get_json(force=True)["changePassword"] == {"supported": True}


# Hashing -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-23", "R-SEC-06")
def test_a_hash_costs_what_it_should() -> None:
    made = [Argon2().hash(FIRST) for _ in range(2)]
    assert all(text.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for text in made)
    assert made[0] != made[1], "each has a salt of its own"
    assert fits(made[0], FIRST)
    assert not fits(made[0], SECOND)


def test_a_text_that_is_no_hash_fits_nothing() -> None:
    assert not Argon2().fits("correct horse", "correct horse")


def test_hashes_are_made_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 19 MiB; a burst of new users must not take that for each thread."""
    at_once: list[int] = []
    running = threading.Semaphore(1)
    argon2 = Argon2()

    def made(self: PasswordHasher, text: str) -> str:
        at_once.append(running.acquire(blocking=False))
        threading.Event().wait(0.01)
        running.release()
        return "$"

    monkeypatch.setattr(PasswordHasher, "hash", made)
    threads = [threading.Thread(target=argon2.hash, args=("x",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert at_once == [True] * 4


@pytest.mark.req("CC-23")
def test_hashes_are_made_before_the_transaction(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others would wait for it: on SQLite, with every write."""
    made = client.create("ana", password=FIRST)
    inside: list[bool] = []
    calls: list[str] = []
    storage = server.database.storage
    write = type(storage).write

    def noting(self: Any, tenant: int, work: Any) -> Any:
        inside.append(True)
        try:
            return write(self, tenant, work)
        finally:
            inside.pop()

    def watched(verb: Callable[..., Any]) -> Callable[..., Any]:
        def run(self: Argon2, *texts: str) -> Any:
            calls.append("inside" if inside else "before")
            return verb(self, *texts)

        return run

    monkeypatch.setattr(type(storage), "write", noting)
    monkeypatch.setattr(Argon2, "hash", watched(Argon2.hash))
    monkeypatch.setattr(Argon2, "fits", watched(Argon2.fits))
    client.create("bo", password=FIRST)
    for _, send in FORMS.values():
        send(client, made["id"], SECOND)
    # A create hashes; the first other password is compared and hashed; the same one again is compared.
    assert calls == ["before"] * (1 + 2 + len(FORMS) - 1)
