"""Cosoft Sidekick: what its administrators did by hand, done by Entra and by Okta."""

from itertools import permutations
from typing import Any

import pytest

from tests.http.server import PATCH_OP, Server
from tests.products.customer import (
    CENTRE,
    CREATORS,
    ENTRA,
    FORMS,
    LICENCE,
    NUMBER,
    OKTA_PATCH,
    OKTA_PUT,
    ROLE,
    SUPERVISOR,
    TEAM,
    Customer,
    add,
    by_path,
    content,
    refused,
    remove,
)

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

SUPERVISORS = f"{TEAM}:supervisors"
SUPERVISES = f"{CENTRE}:supervises"
CONNECT = [{"value": "connect", "type": "Licence"}]


@pytest.fixture
def cosoft(on_both: Server) -> Customer:
    customer = Customer.of(on_both, "cosoft-sidekick")
    customer.pool("sidekick", 1)
    customer.pool("connect", 5)
    return customer


@pytest.fixture
def kim(cosoft: Customer) -> str:
    """A user of the telephone system, who holds Connect."""
    return cosoft.user("kim", {"entitlements": CONNECT, ROLE: "user"})


@pytest.mark.req("CC-01")
@pytest.mark.parametrize("form", FORMS)
def test_what_the_product_edits_and_what_the_identity_provider_has_stay_writable(
    form: str, cosoft: Customer, kim: str
) -> None:
    wanted = {
        NUMBER: "0100",
        ROLE: "admin",
        "displayName": "Kim M",
        "externalId": "another",
        "entitlements": [*CONNECT, {"value": "sidekick", "type": "Licence"}],
        "active": False,
    }
    if form != ENTRA:
        wanted["name"] = {"givenName": "Kim", "familyName": "M"}
    now = cosoft.changed(form, kim, wanted)
    assert {path: now[path] for path in wanted} == wanted


@pytest.mark.req("CC-01", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_a_role_outside_the_list_is_refused(form: str, cosoft: Customer, kim: str) -> None:
    before = cosoft.state()
    refused(cosoft.change(form, kim, {ROLE: "supervisor"}), 400, "invalidValue", ROLE, "one of admin, user")
    roles = [{"value": "owner"}]
    refused(cosoft.change(form, kim, {"roles": roles}), 400, "invalidValue", "roles.value", "one of admin, user")
    assert cosoft.state() == before


OTHER_ADDRESS = [{"value": "kim@fabrikam.example", "type": "work", "primary": True}]
FIXED = [("userName", "robin", "userName"), ("emails", OTHER_ADDRESS, 'emails[type eq "work"].value')]


@pytest.mark.req("CC-01", "CC-54", "CC-57")
@pytest.mark.parametrize("form", [OKTA_PATCH, OKTA_PUT])
@pytest.mark.parametrize(("path", "value", "told"), FIXED)
def test_who_a_user_is_stays_as_it_was_created(
    path: str, value: Any, told: str, form: str, cosoft: Customer, kim: str
) -> None:
    before = cosoft.state()
    answer = cosoft.change(form, kim, {path: value})
    refused(answer, 400, "mutability", f"{told} cannot be changed", '"only during object creation"')
    assert cosoft.state() == before


@pytest.mark.req("CC-01", "CC-54", "CC-57")
@pytest.mark.parametrize(
    ("path", "value"), [("userName", "robin"), ('emails[type eq "work"].value', "kim@fabrikam.example")]
)
def test_who_a_user_is_stays_for_entra_too(path: str, value: str, cosoft: Customer, kim: str) -> None:
    before = cosoft.state()
    refused(cosoft.change(ENTRA, kim, {path: value}), 400, "mutability", f"{path} cannot be changed")
    assert cosoft.state() == before


@pytest.mark.req("CC-02", "CC-03", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_a_seat_is_taken_and_freed_and_goes_to_another_user_at_once(form: str, cosoft: Customer, kim: str) -> None:
    robin = cosoft.user("robin", {"entitlements": CONNECT})
    assert cosoft.changed(form, kim, {LICENCE: "sidekick"})[LICENCE] == "sidekick"
    assert cosoft.used("sidekick") == 1
    before = cosoft.state()
    refused(
        cosoft.change(form, robin, {LICENCE: "sidekick"}),
        409,
        None,
        LICENCE,
        "'sidekick' has 1 seat, and 1 of them is taken",
    )
    assert cosoft.state() == before
    assert LICENCE not in cosoft.changed(form, kim, {LICENCE: None})
    assert cosoft.used("sidekick") == 0
    cosoft.changed(form, robin, {LICENCE: "sidekick"})
    assert (cosoft.used("sidekick"), cosoft.used("connect")) == (1, 2)


@pytest.mark.req("CC-02", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_who_is_created_when_all_seats_are_taken_is_refused(creator: str, cosoft: Customer) -> None:
    cosoft.user("kim", {LICENCE: "Sidekick"}, creator)
    before = cosoft.state()
    refused(
        cosoft.post(creator, "robin", {LICENCE: "sidekick"}),
        409,
        None,
        LICENCE,
        "'sidekick' has 1 seat, and 1 of them is taken",
    )
    assert cosoft.state() == before


@pytest.mark.req("CC-02", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_an_unknown_licence_is_refused_and_the_known_ones_named(creator: str, cosoft: Customer) -> None:
    before = cosoft.state()
    answer = cosoft.post(creator, "kim", {LICENCE: "gold"})
    refused(answer, 400, "invalidValue", LICENCE, "gold", "connect", "sidekick")
    assert cosoft.state() == before


@pytest.mark.req("CC-02")
@pytest.mark.parametrize("form", FORMS)
def test_a_licence_and_an_entitlement_of_one_key_are_one_seat(form: str, cosoft: Customer, kim: str) -> None:
    cosoft.changed(form, kim, {LICENCE: "sidekick"})
    both = [*CONNECT, {"value": "sidekick", "type": "Licence"}]
    cosoft.changed(form, kim, {"entitlements": both})
    assert cosoft.used("sidekick") == 1
    cosoft.changed(form, kim, {LICENCE: None})
    assert cosoft.used("sidekick") == 1


@pytest.mark.req("CC-03")
@pytest.mark.parametrize("form", FORMS)
def test_who_holds_connect_too_stays_and_can_be_given_sidekick_again(form: str, cosoft: Customer, kim: str) -> None:
    cosoft.changed(form, kim, {LICENCE: "sidekick"})
    left = cosoft.changed(form, kim, {LICENCE: None})
    assert (left["active"], left["entitlements"]) == (True, CONNECT)
    assert cosoft.changed(form, kim, {LICENCE: "sidekick"})[LICENCE] == "sidekick"
    assert (cosoft.used("sidekick"), cosoft.used("connect")) == (1, 1)


@pytest.mark.req("CC-03", "CC-56")
def test_a_put_that_does_not_list_connect_leaves_it(cosoft: Customer, kim: str) -> None:
    sidekick = [{"value": "sidekick", "type": "Licence"}]
    now = cosoft.changed(OKTA_PUT, kim, {"entitlements": sidekick})
    assert {entry["value"] for entry in now["entitlements"]} == {"connect", "sidekick"}
    now = cosoft.changed(OKTA_PUT, kim, {"entitlements": []})
    assert [entry["value"] for entry in now["entitlements"]] == ["connect"]
    assert (cosoft.used("sidekick"), cosoft.used("connect")) == (0, 1)


@pytest.mark.req("CC-04")
@pytest.mark.parametrize("form", FORMS)
def test_who_holds_sidekick_alone_goes_with_it(form: str, cosoft: Customer) -> None:
    robin = cosoft.user("robin", {LICENCE: "sidekick", NUMBER: "1042"})
    team = cosoft.group("Sales", (robin,))
    last = cosoft.changed(form, robin, {LICENCE: None, "title": "Gone"})
    assert (last["id"], last["title"], last.get(LICENCE)) == (robin, "Gone", None)
    assert cosoft.client().get(f"/Users/{robin}").status_code == 404
    assert cosoft.find('userName eq "robin"') == []
    assert cosoft.members(team) == set()
    assert cosoft.used("sidekick") == 0
    again = cosoft.user("robin", {LICENCE: "sidekick", NUMBER: "1042"})
    assert cosoft.used("sidekick") == 1
    assert again != robin


@pytest.mark.req("CC-04")
@pytest.mark.parametrize("dialect", CREATORS)
def test_who_holds_sidekick_as_an_entitlement_alone_goes_with_it(dialect: str, cosoft: Customer) -> None:
    robin = cosoft.user("robin", {"entitlements": [{"value": "sidekick", "type": "Licence"}]})
    taken = {"op": "Remove" if dialect == "entra" else "remove", "path": 'entitlements[value eq "sidekick"]'}
    body = {"schemas": [PATCH_OP], "Operations": [taken]}
    assert cosoft.client(dialect).send("PATCH", f"/Users/{robin}", body).status_code == 200
    assert cosoft.client().get(f"/Users/{robin}").status_code == 404
    assert cosoft.used("sidekick") == 0


@pytest.mark.req("CC-05", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
@pytest.mark.parametrize("emails", [[], None, [{"value": "kim@home.example", "type": "home"}]])
def test_nobody_is_created_without_a_work_address(
    emails: list[dict[str, Any]] | None, creator: str, cosoft: Customer
) -> None:
    before = cosoft.state()
    told = 'emails[type eq "work"].value is required'
    refused(cosoft.post(creator, "kim", {"emails": emails}), 400, "invalidValue", told)
    assert cosoft.state() == before


@pytest.mark.req("CC-05", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_loses_the_work_address(form: str, cosoft: Customer, kim: str) -> None:
    before = cosoft.state()
    refused(cosoft.change(form, kim, {"emails": None}), 400, None, 'emails[type eq "work"].value')
    assert cosoft.state() == before


# --- teams


@pytest.fixture
def robin(cosoft: Customer) -> str:
    return cosoft.user("robin", {"entitlements": CONNECT, ROLE: "user"})


def supervise(*ids: str) -> dict[str, Any]:
    return {"op": "add", "path": SUPERVISORS, "value": [{"value": id} for id in ids]}


def no_longer(id: str) -> dict[str, Any]:
    return {"op": "remove", "path": f'{SUPERVISORS}[value eq "{id}"]'}


def supervised(cosoft: Customer, user: str) -> set[str]:
    return {team["value"] for team in by_path(cosoft.read(user, SUPERVISES)).get(SUPERVISES, ())}


def supervisors(cosoft: Customer, team: str) -> set[str]:
    return {found["value"] for found in by_path(cosoft.read(team, kind="Groups")).get(SUPERVISORS, ())}


@pytest.mark.req("CC-06")
@pytest.mark.parametrize("dialect", CREATORS)
def test_a_supervisor_of_one_team_is_no_administrator_and_supervises_no_other(
    dialect: str, cosoft: Customer, kim: str, robin: str
) -> None:
    sales, service = cosoft.group("Sales", (kim, robin)), cosoft.group("Service", (kim, robin))
    assert cosoft.patch_group(dialect, sales, supervise(kim)).status_code in (200, 204)
    assert supervised(cosoft, kim) == {sales}
    assert supervised(cosoft, robin) == set()
    assert supervisors(cosoft, service) == set()
    assert cosoft.values(kim)[ROLE] == "user"
    assert cosoft.find(f'{SUPERVISES}.value eq "{sales}"') == [kim]


@pytest.mark.req("CC-06")
@pytest.mark.parametrize("form", FORMS)
def test_the_flag_makes_a_supervisor_of_all_teams_of_a_user(form: str, cosoft: Customer, kim: str) -> None:
    teams = {cosoft.group("Sales", (kim,)), cosoft.group("Service", (kim,))}
    cosoft.changed(form, kim, {SUPERVISOR: True})
    assert supervised(cosoft, kim) == teams
    cosoft.changed(form, kim, {SUPERVISOR: False})
    assert supervised(cosoft, kim) == set()


@pytest.mark.req("CC-06", "CC-54")
@pytest.mark.parametrize("dialect", CREATORS)
def test_a_supervisor_who_is_no_member_is_refused(dialect: str, cosoft: Customer, kim: str, robin: str) -> None:
    team = cosoft.group("Sales", (kim,))
    before = cosoft.state()
    refused(cosoft.patch_group(dialect, team, supervise(robin)), 400, "invalidValue", SUPERVISORS, robin)
    assert cosoft.state() == before


@pytest.mark.req("CC-07")
@pytest.mark.parametrize(("order", "dialect"), [*zip(permutations(range(4)), CREATORS * 12, strict=True)])
def test_members_and_supervisors_come_and_go_in_any_order_in_one_request(
    order: tuple[int, ...], dialect: str, cosoft: Customer, kim: str, robin: str
) -> None:
    leaving = cosoft.user("leo", {"entitlements": CONNECT})
    team = cosoft.group("Sales", (kim, leaving))
    assert cosoft.patch_group(dialect, team, supervise(kim, leaving)).status_code in (200, 204)
    steps = [add(dialect, robin), remove(dialect, leaving), supervise(robin), no_longer(kim)]
    answer = cosoft.patch_group(dialect, team, *(steps[index] for index in order))
    assert answer.status_code in (200, 204), answer.text
    assert cosoft.members(team) == {kim, robin}
    assert supervisors(cosoft, team) == {robin}
    assert (supervised(cosoft, robin), supervised(cosoft, kim), supervised(cosoft, leaving)) == ({team}, set(), set())


@pytest.mark.req("CC-07")
@pytest.mark.parametrize("dialect", CREATORS)
def test_who_is_no_member_any_more_supervises_no_longer(dialect: str, cosoft: Customer, kim: str) -> None:
    team = cosoft.group("Sales", (kim,))
    cosoft.patch_group(dialect, team, supervise(kim))
    assert cosoft.patch_group(dialect, team, remove(dialect, kim)).status_code in (200, 204)
    assert supervisors(cosoft, team) == set()
    assert cosoft.patch_group(dialect, team, add(dialect, kim)).status_code in (200, 204)
    assert supervised(cosoft, kim) == set()


@pytest.mark.req("CC-07", "CC-56")
def test_group_push_of_okta_leaves_the_supervisors_of_those_who_stay(cosoft: Customer, kim: str, robin: str) -> None:
    team = cosoft.group("Sales", (kim,))
    cosoft.patch_group("okta", team, supervise(kim))
    body = {"schemas": cosoft.read(team, kind="Groups")["schemas"], "id": team, "displayName": "Sales"}
    body["members"] = [{"value": id, "display": "x"} for id in (kim, robin)]
    answer = cosoft.client("okta").send("PUT", f"/Groups/{team}", body)
    assert answer.status_code == 200, answer.text
    assert {member["value"] for member in content(answer)["members"]} == {kim, robin}
    assert supervisors(cosoft, team) == {kim}
