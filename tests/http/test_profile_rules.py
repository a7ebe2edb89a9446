"""A profile's rules through HTTP, in the forms in which identity providers send: a clear answer and nothing changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scim_server import app as composition
from scim_server.config import Settings
from scim_server.storage.base import Tenant
from tests.databases import ENGINES
from tests.http.bulk import BULK_REQUEST
from tests.http.server import PATCH_OP, USER, Client, Server, assert_error
from tests.statements import sent_to

PROFILES = Path(__file__).parents[1] / "data" / "profiles"
TOOLS = "urn:example:params:scim:schemas:extension:tools:2.0:User"
WORK = [{"type": "work", "value": "ana@example.com", "primary": True}]
MINE = {"badge": "12", "shift": "day", "chats": 2}


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    server = Server(Settings(database_url=new_database(request.param), extensions=PROFILES))
    yield server
    server.close()


@dataclass
class Directory:
    """A tenant under the rules, with one user in it."""

    server: Server
    tenant: Tenant
    id: str

    def client(self, dialect: str = "generic") -> Client:
        return Client(self.server.app(), self.server.token(self.tenant, dialect))

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client().get(f"/Users/{self.id}").get_json(force=True)
        return found


@pytest.fixture
def directory(server: Server) -> Directory:
    tenant = server.tenant("hangar")
    made = Client(server.app(), server.token(tenant)).create("ana", emails=WORK, active=True, **{TOOLS: MINE})
    return Directory(server, tenant, made["id"])


def whole(**changes: Any) -> dict[str, Any]:
    """The body of a PUT as Okta sends it: everything that it knows."""
    user = {"schemas": [USER, TOOLS], "userName": "ana", "active": True, "emails": WORK, TOOLS: {**MINE}}
    for name, value in changes.items():
        (user[TOOLS] if name in TOOLS_NAMES else user)[name] = value  # type: ignore[index]
    return user


TOOLS_NAMES = {"badge", "shift", "skills", "chats", "rate", "onCall", "device", "deviceNumber"}


def as_entra(path: str, value: Any) -> dict[str, Any]:
    """One operation as Entra sends it, with texts for every type."""
    return {"schemas": [PATCH_OP], "Operations": [{"op": "Replace", "path": path, "value": value}]}


def as_okta(name: str, value: Any) -> dict[str, Any]:
    """A PATCH without a path, as Okta sends it."""
    held = {TOOLS: {name: value}} if name in TOOLS_NAMES else {name: value}
    return {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": held}]}


def typed(value: str) -> str | int:
    """A value as Okta sends it: integers are no texts."""
    return int(value) if value.isdigit() and len(value) == 1 else value


def path_of(name: str) -> str:
    return f"{TOOLS}:{name}" if name in TOOLS_NAMES else name


# attribute, value, as what it is refused, what the detail says
REFUSED = [
    ("userName", "bob", "mutability", "only during object creation"),
    ("nickName", "A", "mutability", "nickName cannot be changed after creation"),
    ("badge", "13", "mutability", f"{TOOLS}:badge cannot be changed after creation"),
    ("chats", "6", "invalidValue", f"{TOOLS}:chats: expected at least 1 and at most 5."),
    ("shift", "late", "invalidValue", f"{TOOLS}:shift: expected one of day, night."),
    ("skills", "weld,carve", "invalidValue", "each item one of weld, paint, drill"),
    ("deviceNumber", "+1 201 555", "invalidValue", "a complete telephone number with country code"),
    ("device", "external", "invalidValue", f"{TOOLS}:deviceNumber is required where {TOOLS}:device is external."),
]


@pytest.mark.req("CC-21", "CC-31", "CC-43", "CC-45", "CC-54")
@pytest.mark.parametrize("form", ["entra", "okta patch", "okta put", "bulk"])
@pytest.mark.parametrize(("name", "value", "scim_type", "detail"), REFUSED)
def test_what_the_rules_forbid_is_refused_in_every_form_and_nothing_changes(
    name: str, value: Any, scim_type: str, detail: str, form: str, directory: Directory
) -> None:
    before = directory.read()
    resource = f"/Users/{directory.id}"
    if form == "bulk":
        operation = {"method": "PATCH", "path": resource, "data": as_okta(name, typed(value))}
        sent = {"schemas": [BULK_REQUEST], "Operations": [operation]}
        (entry,) = directory.client("okta").send("POST", "/Bulk", sent).get_json(force=True)["Operations"]
        refused = entry["response"]
        assert entry["status"] == "400"
    else:
        method, dialect, body = {
            "entra": ("PATCH", "entra", as_entra(path_of(name), value)),
            "okta patch": ("PATCH", "okta", as_okta(name, typed(value))),
            "okta put": ("PUT", "okta", whole(**{name: typed(value)})),
        }[form]
        answer = directory.client(dialect).send(method, resource, body)
        assert_error(answer, 400, scim_type)
        refused = answer.get_json(force=True)
    assert detail in refused["detail"]
    assert directory.read() == before


# attribute, value as it is sent, what reads back
ACCEPTED = [
    ("chats", "5", 5),
    ("onCall", "True", True),
    ("onCall", "false", False),
    ("shift", "Night", "Night"),
    ("skills", "weld , paint", "weld , paint"),
    ("deviceNumber", "12015550123", "12015550123"),
    ("badge", "12", "12"),
]


@pytest.mark.req("CC-31", "CC-43", "CC-45")
@pytest.mark.parametrize("form", ["entra", "okta patch", "okta put"])
@pytest.mark.parametrize(("name", "value", "kept"), ACCEPTED)
def test_what_the_rules_allow_is_kept_verbatim_and_texts_of_other_types_are_understood(
    name: str, value: Any, kept: Any, form: str, directory: Directory
) -> None:
    method, dialect, body = {
        "entra": ("PATCH", "entra", as_entra(path_of(name), value)),
        "okta patch": ("PATCH", "okta", as_okta(name, value)),
        "okta put": ("PUT", "okta", whole(**{name: value})),
    }[form]
    answer = directory.client(dialect).send(method, f"/Users/{directory.id}", body)
    assert answer.status_code == 200, answer.text
    assert directory.read()[TOOLS][name] == kept


@pytest.mark.req("CC-05", "CC-21", "CC-31", "CC-43")
@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"userName": "Ana"}, "userName: expected a value that matches"),
        ({"emails": [{"type": "home", "value": "ana@example.com"}]}, 'emails[type eq "work"].value is required.'),
        ({"emails": None}, 'emails[type eq "work"].value is required.'),
        ({TOOLS: {"shift": "late"}}, "expected one of day, night"),
        ({TOOLS: {"deviceNumber": "0201555"}}, "telephone number"),
    ],
)
def test_a_create_against_the_rules_is_refused_alone_and_in_bulk(
    changes: dict[str, Any], detail: str, directory: Directory
) -> None:
    body = whole(userName="bob", badge="99") | changes
    answer = directory.client().send("POST", "/Users", body)
    assert_error(answer, 400, "invalidValue")
    assert detail in answer.get_json(force=True)["detail"]
    operation = {"method": "POST", "path": "/Users", "bulkId": "b", "data": body}
    sent = {"schemas": [BULK_REQUEST], "Operations": [operation]}
    (entry,) = directory.client().send("POST", "/Bulk", sent).get_json(force=True)["Operations"]
    assert (entry["status"], entry["response"]["scimType"]) == ("400", "invalidValue")
    assert directory.client().get("/Users").get_json(force=True)["totalResults"] == 1


@pytest.mark.req("CC-05")
def test_what_is_required_is_not_taken_away_by_a_patch(directory: Directory) -> None:
    remove = {"op": "remove", "path": 'emails[type eq "work"]'}
    before = directory.read()
    sent = {"schemas": [PATCH_OP], "Operations": [remove]}
    assert_error(directory.client().send("PATCH", f"/Users/{directory.id}", sent), 400, "mutability")
    assert directory.read() == before


@pytest.mark.req("CC-56")
def test_a_put_without_the_extension_leaves_what_is_fixed(directory: Directory) -> None:
    body = {"schemas": [USER], "userName": "ana", "emails": WORK, "title": "Pilot"}
    for dialect in ("okta", "strict"):
        answer = directory.client(dialect).send("PUT", f"/Users/{directory.id}", body)
        assert answer.status_code == 200, answer.text
    assert directory.read()[TOOLS]["badge"] == "12"


def operations(*pairs: tuple[str, Any]) -> dict[str, Any]:
    return {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "Replace", "path": path, "value": value} for path, value in pairs],
    }


LEAVING = {
    "entra": (
        "PATCH",
        operations(("userName", "bob"), (f"{TOOLS}:chats", "9"), ("title", "Gone"), ("active", "False")),
    ),
    "okta": ("PUT", whole(userName="bob", chats=9, title="Gone", active=False)),
    "strict": ("PUT", whole(userName="bob", chats=9, title="Gone", active=False)),
}


@pytest.mark.req("CC-57")
@pytest.mark.parametrize("dialect", sorted(LEAVING))
def test_who_leaves_is_switched_off_and_what_breaks_a_rule_is_left_out_and_counted(
    dialect: str, directory: Directory
) -> None:
    method, body = LEAVING[dialect]
    app = composition.assemble(
        directory.server.settings,
        directory.server.catalogue,
        directory.server.database,
        composition.now,
        composition.new_id,
    )
    client = Client(app, directory.server.token(directory.tenant, dialect))
    answer = client.send(method, f"/Users/{directory.id}", body)
    assert answer.status_code == 200, answer.text
    after = directory.read()
    assert (after["active"], after["userName"], after["title"], after[TOOLS]["chats"]) == (False, "ana", "Gone", 2)
    composition.close(app)
    counts = {found.name: found.count for found in directory.server.database.tenancy.tolerances(directory.tenant.id)}
    assert counts["leaver-change-skipped"] == 2


@pytest.mark.req("CC-57")
def test_the_same_request_without_the_flag_is_refused_and_says_how_to_map_it(directory: Directory) -> None:
    answer = directory.client("entra").send("PATCH", f"/Users/{directory.id}", as_entra("userName", "bob"))
    assert_error(answer, 400, "mutability")
    assert '"only during object creation"' in answer.get_json(force=True)["detail"]


def test_tenants_of_other_profiles_are_not_held_to_the_rules(server: Server) -> None:
    other = Client(server.app(), server.token(server.tenant("garage")))
    made = other.create("Ana B", **{TOOLS: {"chats": 99, "shift": "late"}})
    assert made[TOOLS] == {"chats": 99, "shift": "late"}


def test_rules_cost_no_statement(server: Server) -> None:
    """The same requests take the same statements with rules as without."""
    counted = []
    for profile in ("tools", "hangar"):
        client = Client(server.app(), server.token(server.tenant(profile)))
        with sent_to(server.database.connections.reader, server.database.connections.writer) as sent:
            made = client.create("ana", emails=WORK, **{TOOLS: MINE})
            client.send("PATCH", f"/Users/{made['id']}", as_entra(f"{TOOLS}:chats", "3"))
            client.send("PUT", f"/Users/{made['id']}", whole(chats=4))
        counted.append(len(sent))
    assert counted[0] == counted[1]
