"""PredictionHealth Sidekick: what its administrators did by hand, done by Entra and by Okta."""

from typing import Any

import pytest

from tests.http.server import PATCH_OP, Server
from tests.products.customer import CREATORS, ENTRA, FORMS, ROLE, Customer, by_path, content, refused

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

ALL = ["sidekick_audio", "org_admin", "individual_provider"]
LISTED = "one of sidekick_audio, org_admin, individual_provider"


@pytest.fixture
def clinic(on_both: Server) -> Customer:
    return Customer.of(on_both, "predictionhealth-sidekick")


def of(*names: str) -> list[dict[str, Any]]:
    return [{"value": name} for name in names]


def roles(user: dict[str, Any]) -> list[str]:
    return [role["value"] for role in user.get("roles", ())]


def take(clinic: Customer, form: str, user: str, name: str) -> dict[str, Any]:
    """Take one role of several away, as each identity provider does."""
    if form != ENTRA:
        left = [role for role in roles(clinic.values(user)) if role != name]
        return clinic.changed(form, user, {"roles": of(*left)})
    operation = {"op": "Remove", "path": f'roles[value eq "{name}"]'}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    answer = clinic.client("entra").send("PATCH", f"/Users/{user}", body)
    assert answer.status_code == 200, answer.text
    return by_path(content(answer))


@pytest.mark.req("CC-10")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_user_has_several_roles_at_once(creator: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {"roles": of(*ALL)}, creator)
    assert roles(clinic.values(kim)) == ALL
    assert [clinic.find(f'roles eq "{name}"') for name in ALL] == [[kim]] * 3


@pytest.mark.req("CC-10")
@pytest.mark.parametrize("form", FORMS)
def test_roles_are_added_to_those_that_a_user_has(form: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {ROLE: "org_admin", "roles": of("sidekick_audio")})
    now = clinic.changed(form, kim, {"roles": of("sidekick_audio", "individual_provider")})
    assert (roles(now), now[ROLE]) == (["sidekick_audio", "individual_provider"], "org_admin")


@pytest.mark.req("CC-10", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
@pytest.mark.parametrize(("path", "value"), [("roles", of("org_admin", "provider")), (ROLE, "provider")])
def test_a_role_outside_the_list_is_refused(path: str, value: Any, creator: str, clinic: Customer) -> None:
    before = clinic.state()
    refused(clinic.post(creator, "kim", {path: value}), 400, "invalidValue", path, LISTED)
    assert clinic.state() == before


@pytest.mark.req("CC-10", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_an_address_is_required(creator: str, clinic: Customer) -> None:
    before = clinic.state()
    refused(clinic.post(creator, "kim", {"emails": []}), 400, "invalidValue", "emails.value is required")
    assert clinic.state() == before
    home = [{"value": "kim@home.example", "type": "home"}]
    assert clinic.post(creator, "kim", {"emails": home}).status_code == 201


@pytest.mark.req("CC-11")
@pytest.mark.parametrize("form", FORMS)
def test_taking_one_role_of_several_takes_that_one_only(form: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {"roles": of(*ALL)})
    left = take(clinic, form, kim, "sidekick_audio")
    assert (roles(left), left["active"]) == (ALL[1:], True)


@pytest.mark.req("CC-10", "CC-11", "CC-12", "ENTRA-27")
def test_app_roles_of_entra_are_the_whole_list(clinic: Customer) -> None:
    kim = clinic.user("kim", {"roles": [assigned(name) for name in ALL]})
    for names, active in ((ALL[1:], True), (ALL[1:2], True), ([], False)):
        operation = {"op": "Replace", "path": "roles", "value": [assigned(name) for name in names]}
        answer = clinic.client("entra").send(
            "PATCH", f"/Users/{kim}", {"schemas": [PATCH_OP], "Operations": [operation]}
        )
        assert answer.status_code == 200, answer.text
        now = clinic.values(kim)
        assert (roles(now), now["active"]) == (names, active)


def assigned(name: str) -> dict[str, Any]:
    """An app role as AssertiveAppRoleAssignmentsComplex sends it."""
    return {"primary": False, "type": "WindowsAzureActiveDirectoryRole", "display": name, "value": name}


@pytest.mark.req("CC-11")
@pytest.mark.parametrize("form", FORMS)
def test_a_role_of_the_other_attribute_counts_too(form: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {"roles": of("sidekick_audio"), ROLE: "org_admin"})
    left = take(clinic, form, kim, "sidekick_audio")
    assert (roles(left), left[ROLE], left["active"]) == ([], "org_admin", True)


@pytest.mark.req("CC-12")
@pytest.mark.parametrize("form", FORMS)
def test_disabling_keeps_the_roles_and_enabling_restores_access(form: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {"roles": of("sidekick_audio")})
    off = clinic.changed(form, kim, {"active": False})
    assert (off["active"], roles(off)) == (False, ["sidekick_audio"])
    on = clinic.changed(form, kim, {"active": True})
    assert (on["active"], roles(on)) == (True, ["sidekick_audio"])


@pytest.mark.req("CC-12")
@pytest.mark.parametrize("form", FORMS)
def test_who_loses_the_only_role_is_disabled_readable_and_can_be_enabled_again(form: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {"roles": of("sidekick_audio")})
    off = take(clinic, form, kim, "sidekick_audio")
    assert (off["active"], roles(off)) == (False, [])
    assert clinic.values(kim)["active"] is False
    assert clinic.find('userName eq "kim" and active eq false') == [kim]
    on = clinic.changed(form, kim, {"active": True, "roles": of("sidekick_audio")})
    assert (on["active"], roles(on)) == (True, ["sidekick_audio"])


@pytest.mark.req("CC-12")
@pytest.mark.parametrize("form", FORMS)
def test_the_only_role_may_be_that_of_the_flat_attribute(form: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {ROLE: "org_admin"})
    off = clinic.changed(form, kim, {ROLE: None})
    assert (off["active"], off.get(ROLE)) == (False, None)
    assert clinic.changed(form, kim, {"active": True})["active"] is True


@pytest.mark.req("CC-12", "CC-56")
def test_a_put_that_names_no_role_disables_nobody(clinic: Customer) -> None:
    kim = clinic.user("kim", {ROLE: "org_admin"}, "okta")
    held = clinic.read(kim)
    body = {name: held[name] for name in ("userName", "emails", "active")}
    answer = clinic.client("okta").send("PUT", f"/Users/{kim}", {"schemas": held["schemas"][:1], **body})
    assert answer.status_code == 200, answer.text
    now = clinic.values(kim)
    assert (now["active"], now[ROLE]) == (True, "org_admin")


@pytest.mark.req("CC-13")
@pytest.mark.parametrize("creator", CREATORS)
def test_creation_asks_for_an_onboarding_message_unless_a_password_was_given(creator: str, clinic: Customer) -> None:
    kim = clinic.user("kim", {}, creator)
    assert clinic.events() == [("onboarding", kim, {})]
    robin = clinic.user("robin", {"password": "battery staple"}, creator)
    assert [id for _, id, _ in clinic.events()] == [kim]
    leo = clinic.user("leo", {"password": ""}, creator)
    assert [id for _, id, _ in clinic.events()] == [kim, leo]
    clinic.changed(ENTRA, robin, {"title": "Nurse"})
    assert len(clinic.events()) == 2


@pytest.mark.req("CC-13", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_who_is_refused_is_sent_no_message(creator: str, clinic: Customer) -> None:
    before = clinic.state()
    assert clinic.post(creator, "kim", {ROLE: "provider"}).status_code == 400
    assert clinic.state() == before
