"""Samespace: what its administrators did by hand, done by Entra and by Okta."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from tests.http.server import Server
from tests.products.customer import (
    CREATORS,
    ENTRA,
    EXTENSION,
    FORMS,
    ROLE,
    SETTINGS,
    Customer,
    add,
    created,
    refused,
    remove,
)

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

TEAM_MISSING = f"{EXTENSION}:samespace:2.0:User:teamMissing"
LISTED = "one of admin, manager, supervisor, agent"


def setting(name: str) -> str:
    return f"{SETTINGS}:{name}"


@pytest.fixture
def space(on_both: Server) -> Customer:
    return Customer.of(on_both, "samespace")


@pytest.fixture
def kim(space: Customer) -> str:
    return space.user("kim", {ROLE: "agent"})


# --- roles


@pytest.mark.req("CC-40")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("role", ["admin", "manager", "supervisor", "agent"])
def test_a_credential_without_a_list_gives_any_role(role: str, form: str, space: Customer, kim: str) -> None:
    assert space.changed(form, kim, {ROLE: role})[ROLE] == role


@pytest.mark.req("CC-40", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_a_role_outside_the_list_is_refused(form: str, space: Customer, kim: str) -> None:
    before = space.state()
    refused(space.change(form, kim, {ROLE: "owner"}), 400, "invalidValue", ROLE, LISTED)
    refused(space.change(form, kim, {"roles": [{"value": "owner"}]}), 400, "invalidValue", "roles.value", LISTED)
    assert space.state() == before


@pytest.mark.req("CC-40")
@pytest.mark.parametrize("creator", CREATORS)
def test_who_is_created_without_a_role_is_an_agent(creator: str, space: Customer) -> None:
    assert space.values(space.user("kim", {}, creator))[ROLE] == "agent"
    robin = space.values(space.user("robin", {"roles": [{"value": "manager"}]}, creator))
    assert (robin.get(ROLE), robin["roles"]) == (None, [{"value": "manager"}])


@pytest.fixture
def manager(space: Customer) -> Customer:
    """The same customer, whose tokens give supervisor and agent alone, as those of managers and supervisors do."""
    return Customer(space.server, space.tenant, frozenset({"supervisor", "agent"}))


@pytest.mark.req("CC-40")
@pytest.mark.parametrize("form", FORMS)
def test_managers_and_supervisors_give_supervisor_and_agent(form: str, manager: Customer, kim: str) -> None:
    assert manager.changed(form, kim, {ROLE: "Supervisor"})[ROLE] == "Supervisor"
    assert manager.changed(form, kim, {ROLE: "agent"})[ROLE] == "agent"
    created(manager.post(ENTRA, "robin", {ROLE: "agent"}))


@pytest.mark.req("CC-40", "CC-54")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("path", "value"), [(ROLE, "manager"), (ROLE, "admin"), ("roles", [{"value": "Admin"}])])
def test_managers_and_supervisors_give_no_other_role(
    path: str, value: Any, form: str, space: Customer, manager: Customer, kim: str
) -> None:
    before = space.state()
    refused(manager.change(form, kim, {path: value}), 403, None, path, "may give agent, supervisor")
    assert space.state() == before


@pytest.mark.req("CC-40", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_managers_and_supervisors_create_no_manager(creator: str, space: Customer, manager: Customer) -> None:
    before = space.state()
    refused(manager.post(creator, "robin", {ROLE: "manager"}), 403, None, ROLE, "may give agent, supervisor")
    assert space.state() == before


@pytest.mark.req("CC-40")
@pytest.mark.parametrize("form", FORMS)
def test_who_has_another_role_already_keeps_it_through_their_writes(
    form: str, space: Customer, manager: Customer
) -> None:
    robin = space.user("robin", {ROLE: "admin"})
    now = manager.changed(form, robin, {ROLE: "admin", "title": "Head"})
    assert (now[ROLE], now["title"]) == ("admin", "Head")


# --- teams and invitations


@pytest.mark.req("CC-41")
@pytest.mark.parametrize("creator", CREATORS)
def test_who_is_in_no_team_yet_is_accepted_and_flagged(creator: str, space: Customer) -> None:
    kim = space.user("kim", {}, creator)
    assert space.values(kim)[TEAM_MISSING] is True
    assert space.find(f"{TEAM_MISSING} eq true") == [kim]
    team = space.group("Sales")
    assert space.patch_group(creator, team, add(creator, kim)).status_code in (200, 204)
    assert space.values(kim)[TEAM_MISSING] is False
    assert space.find(f"{TEAM_MISSING} eq true") == []
    assert space.patch_group(creator, team, remove(creator, kim)).status_code in (200, 204)
    assert space.values(kim)[TEAM_MISSING] is True


@pytest.mark.req("CC-41")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_writes_the_flag_by_hand(form: str, space: Customer, kim: str) -> None:
    space.change(form, kim, {TEAM_MISSING: False, "title": "Agent"})
    assert space.values(kim)[TEAM_MISSING] is True


@pytest.mark.req("CC-41", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_creation_writes_an_invitation(creator: str, space: Customer) -> None:
    kim = space.user("kim", {"password": "battery staple"}, creator)
    space.changed(ENTRA, kim, {"title": "Agent"})
    assert space.post(creator, "robin", {ROLE: "owner"}).status_code == 400
    assert space.events() == [("invitation", kim, {})]


# --- bulk upload


PEOPLE = """userName,displayName,role,chatsPerUser
robin,Robin,,3
leo,Leo,supervisor,9
ana,Ana,supervisor,1
"""


@pytest.mark.req("CC-42")
def test_a_file_of_users_is_uploaded_into_a_team_with_one_role(space: Customer, tmp_path: Path) -> None:
    team = space.group("Sales")
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    brought = space.run("import", "--csv", str(path), "--team", "Sales", "--role", "agent")
    assert brought.exit_code == 1
    assert "line 3: leo: refused:" in brought.stderr
    assert f"{setting('chatsPerUser')}: expected at least 1 and at most 5." in brought.stderr
    robin, ana = (space.find(f'userName eq "{name}"') for name in ("robin", "ana"))
    assert space.members(team) == {*robin, *ana}
    assert [space.values(id)[ROLE] for id in (*robin, *ana)] == ["agent", "supervisor"]
    assert [space.values(id)[TEAM_MISSING] for id in (*robin, *ana)] == [False, False]
    assert [(kind, id) for kind, id, _ in space.events()] == [("invitation", robin[0]), ("invitation", ana[0])]
    before = space.state()
    path.write_text(PEOPLE.replace(",9", ",5"), encoding="utf-8")
    again = space.run("import", "--csv", str(path), "--team", "Sales", "--role", "agent")
    assert (again.exit_code, again.stderr) == (0, "")
    assert "3 rows: 1 created, 0 changed, 2 unchanged, 0 refused." in again.stdout
    assert [user for user in space.state()["Users"] if user["userName"] != "leo"] == before["Users"]


# --- settings


@pytest.mark.req("CC-43")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["forwardTo", "endpointNumber"])
def test_a_complete_number_is_kept_verbatim(name: str, form: str, space: Customer, kim: str) -> None:
    for number in ("+12015550123", "12015550123", "4930123456"):
        assert space.changed(form, kim, {setting(name): number})[setting(name)] == number


@pytest.mark.req("CC-43", "CC-54")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["forwardTo", "endpointNumber"])
def test_another_number_is_refused(name: str, form: str, space: Customer, kim: str) -> None:
    before = space.state()
    told = f"{setting(name)}: expected a complete telephone number with country code and no other characters"
    for number in ("+1 201 555 0123", "0201555012", "201-555-0123", "+123456", "+1234567890123456"):
        refused(space.change(form, kim, {setting(name): number}), 400, "invalidValue", told)
    assert space.state() == before


@pytest.mark.req("CC-44")
@pytest.mark.parametrize("creator", CREATORS)
def test_an_agent_is_offered_calls_and_chats_unless_told_otherwise(creator: str, space: Customer) -> None:
    assert space.values(space.user("kim", {}, creator))[setting("channel")] == "all"
    robin = space.user("robin", {setting("channel"): "chat"}, creator)
    assert space.values(robin)[setting("channel")] == "chat"


@pytest.mark.req("CC-44")
@pytest.mark.parametrize(("order", "form"), [*zip(permutations(range(3)), FORMS * 2, strict=True)])
def test_the_settings_of_the_other_channel_stay_whatever_comes_first(
    order: tuple[int, ...], form: str, space: Customer, kim: str
) -> None:
    changes = [(setting("channel"), "phone"), (setting("chatsPerUser"), 3), (setting("autoAnswer"), True)]
    for path, value in (changes[index] for index in order):
        space.changed(form, kim, {path: value})
    space.changed(form, kim, {setting("channel"): "chat"})
    now = space.values(kim)
    assert {path: now[path] for path, _ in changes} == dict(changes) | {setting("channel"): "chat"}


# attribute, values as they read back
KEPT: list[tuple[str, list[Any]]] = [
    ("chatsPerUser", [1, 5]),
    ("endpoint", ["sip", "SIP"]),
    ("autoAnswerAfter", [0, 10]),
    ("autoAnswer", [True, False]),
    ("simultaneousChannels", [True]),
    ("skills", ["sales,billing", "sales , billing,  vip"]),
    ("languages", ["en,de"]),
    ("location", ["Berlin"]),
    ("phoneId", ["SEP001122334455"]),
    ("callerId", ["+12015550100"]),
    ("callRecording", [True, False]),
    ("voicemail", [True]),
    ("localPresence", ["+12015550123,+4930123456"]),
    ("autoHideDock", [True]),
    ("overrideDock", [True, False]),
    ("overridePhone", [True]),
]


@pytest.mark.req("CC-45", "CC-46")
@pytest.mark.parametrize("form", FORMS)
def test_settings_are_kept_verbatim_one_at_a_time(form: str, space: Customer, kim: str) -> None:
    for name, values in KEPT:
        for value in values:
            assert space.changed(form, kim, {setting(name): value})[setting(name)] == value, name


FAULTS = [
    ("channel", "mail", "one of phone, chat, all"),
    ("chatsPerUser", 0, "at least 1 and at most 5"),
    ("chatsPerUser", 6, "at least 1 and at most 5"),
    ("endpoint", "mobile", "one of sip, external"),
    ("endpoint", "external", f"{SETTINGS}:endpointNumber is required where {SETTINGS}:endpoint is external"),
    ("autoAnswerAfter", -1, "at least 0"),
]


@pytest.mark.req("CC-44", "CC-45", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_settings_outside_their_limits_are_refused(form: str, space: Customer, kim: str) -> None:
    before = space.state()
    for name, value, told in FAULTS:
        refused(space.change(form, kim, {setting(name): value}), 400, "invalidValue", setting(name), told)
        assert space.state() == before, name


@pytest.mark.req("CC-45", "CC-54")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("endpoint_first", [True, False])
def test_an_external_endpoint_has_a_number(endpoint_first: bool, form: str, space: Customer, kim: str) -> None:
    wanted = {setting("endpoint"): "external", setting("endpointNumber"): "+12015550123"}
    now = space.changed(form, kim, wanted if endpoint_first else dict(reversed(wanted.items())))
    assert {path: now[path] for path in wanted} == wanted
    before = space.state()
    refused(space.change(form, kim, {setting("endpointNumber"): None}), 400, "invalidValue", setting("endpointNumber"))
    assert space.state() == before
