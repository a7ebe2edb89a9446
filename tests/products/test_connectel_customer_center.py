"""Connectel Customer Center: what its administrators did by hand, done by Entra and by Okta."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.http.server import Server
from tests.products.customer import (
    CREATORS,
    ENTRA,
    EXTENSION,
    FORMS,
    NUMBER,
    OKTA_PUT,
    ROLE,
    Customer,
    by_path,
    content,
    refused,
)

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

VOICE = f"{EXTENSION}:connectel:2.0:User"


@pytest.fixture
def connectel(on_both: Server) -> Customer:
    customer = Customer.of(on_both, "connectel-customer-center")
    customer.numbers("100-104")
    return customer


@pytest.fixture
def kim(connectel: Customer) -> str:
    return connectel.user("kim", {ROLE: "user", f"{VOICE}:userProfile": "agents"})


@pytest.mark.req("CC-20")
@pytest.mark.parametrize("creator", CREATORS)
@pytest.mark.parametrize("role", ["admin", "user"])
def test_a_role_is_given_at_creation(role: str, creator: str, connectel: Customer) -> None:
    assert connectel.values(connectel.user("kim", {ROLE: role}, creator))[ROLE] == role


@pytest.mark.req("CC-20", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_another_role_is_refused(creator: str, connectel: Customer) -> None:
    before = connectel.state()
    refused(connectel.post(creator, "kim", {ROLE: "supervisor"}), 400, "invalidValue", ROLE, "one of admin, user")
    assert connectel.state() == before


# attribute, value, what the refusal says
FIXED = [
    (ROLE, "admin", f"{ROLE} cannot be changed after creation"),
    ("roles", [{"value": "admin"}], "roles.value cannot be changed after creation"),
    ("userName", "robin", "userName cannot be changed after creation"),
    (NUMBER, "103", f"{NUMBER} cannot be changed after creation"),
]


@pytest.mark.req("CC-20", "CC-21", "CC-22", "CC-54", "CC-57")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("path", "value", "told"), FIXED)
def test_what_is_fixed_at_creation_stays(
    path: str, value: Any, told: str, form: str, connectel: Customer, kim: str
) -> None:
    before = connectel.state()
    answer = connectel.change(form, kim, {path: value, "title": "Lead"})
    refused(answer, 400, "mutability", told, '"only during object creation"')
    assert connectel.state() == before


@pytest.mark.req("CC-20", "CC-57")
@pytest.mark.parametrize("form", FORMS)
def test_an_equal_value_may_be_written_again(form: str, connectel: Customer, kim: str) -> None:
    held = connectel.values(kim)
    same = {path: held[path] for path in (ROLE, "userName", NUMBER)}
    assert connectel.changed(form, kim, {**same, "title": "Lead"})["title"] == "Lead"


@pytest.mark.req("CC-20")
@pytest.mark.parametrize("form", FORMS)
def test_the_permission_set_of_role_user_can_be_changed_and_that_of_an_administrator_cannot(
    form: str, connectel: Customer, kim: str
) -> None:
    profile = f"{VOICE}:userProfile"
    assert connectel.changed(form, kim, {profile: "leads"})[profile] == "leads"
    admin = connectel.user("admin-1", {ROLE: "admin", profile: "all"})
    before = connectel.state()
    refused(connectel.change(form, admin, {profile: "leads"}), 400, "mutability", f"{profile} cannot be changed")
    assert connectel.state() == before


@pytest.mark.req("CC-20")
def test_a_user_of_role_user_is_a_supervisor(connectel: Customer, kim: str) -> None:
    admin = connectel.user("admin-1", {ROLE: "admin"})
    team = connectel.group("Sales", (kim, admin))
    supervises = f"{EXTENSION}:contactcentre:2.0:User:supervises"
    (found,) = by_path(connectel.read(kim, supervises))[supervises]
    assert (found["value"], found["display"]) == (team, "Sales")
    assert supervises not in by_path(connectel.read(admin, supervises))
    assert connectel.find(f'{supervises} eq "{team}"') == [kim]


@pytest.mark.req("CC-20")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_role_of_the_core_schema_is_a_role_as_well(creator: str, connectel: Customer) -> None:
    profile, supervises = f"{VOICE}:userProfile", f"{EXTENSION}:contactcentre:2.0:User:supervises"
    user = connectel.user("robin", {"roles": [{"value": "user"}], profile: "agents"}, creator)
    admin = connectel.user("admin-1", {"roles": [{"value": "Admin"}], profile: "all"}, creator)
    team = connectel.group("Sales", (user, admin))
    assert connectel.find(f'{supervises} eq "{team}"') == [user]
    assert connectel.changed(ENTRA, user, {profile: "leads"})[profile] == "leads"
    before = connectel.state()
    for form in FORMS:
        refused(connectel.change(form, admin, {profile: "leads"}), 400, "mutability", f"{profile} cannot be changed")
    assert connectel.state() == before


@pytest.mark.req("CC-21")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_user_name_is_small_letters_digits_and_three_signs(creator: str, connectel: Customer) -> None:
    for name in ("kim", "kim.miller", "k-1_2.x", "0"):
        assert connectel.values(connectel.user(name, {}, creator))["userName"] == name


@pytest.mark.req("CC-21", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_any_other_user_name_is_refused(creator: str, connectel: Customer) -> None:
    before = connectel.state()
    for name in ("Kim", "kim@contoso.example", "kim miller", "kïm", "kim\n"):
        refused(connectel.post(creator, name), 400, "invalidValue", "userName", "Lower-case letters, digits")
    assert connectel.state() == before


@pytest.mark.req("CC-22")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_number_is_allocated_when_absent_and_taken_when_given(creator: str, connectel: Customer) -> None:
    given = connectel.user("kim", {NUMBER: "102"}, creator)
    allocated = connectel.user("robin", {}, creator)
    assert connectel.values(given)[NUMBER] == "102"
    assert connectel.values(allocated)[NUMBER] == "100"
    assert connectel.find(f'{NUMBER} eq "100"') == [allocated]


@pytest.mark.req("CC-22", "CC-51", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_number_that_somebody_has_is_refused_and_the_holder_named(
    creator: str, connectel: Customer, kim: str
) -> None:
    before = connectel.state()
    number = connectel.values(kim)[NUMBER]
    refused(connectel.post(creator, "robin", {NUMBER: number}), 409, "uniqueness", number, "kim")
    assert connectel.state() == before


@pytest.mark.req("CC-22", "CC-51", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_an_exhausted_range_refuses_who_needs_a_number(creator: str, connectel: Customer) -> None:
    for index in range(5):
        connectel.user(f"user-{index}")
    before = connectel.state()
    refused(connectel.post(creator, "robin"), 409, None, NUMBER)
    assert connectel.state() == before


@pytest.mark.req("CC-22", "CC-51")
@pytest.mark.parametrize("creator", CREATORS)
def test_fifty_allocations_at_once_give_fifty_numbers_and_skip_none(creator: str, on_both: Server) -> None:
    """Takes a second: fifty users are created."""
    customer = Customer.of(on_both, "connectel-customer-center")
    customer.numbers("2000-2049")
    customer.client(creator)
    with ThreadPoolExecutor(50) as threads:
        answers = [*threads.map(lambda index: customer.post(creator, f"user-{index}"), range(50))]
    found = [by_path(content(answer))[NUMBER] for answer in answers]
    assert sorted(found) == [str(number) for number in range(2000, 2050)]


@pytest.mark.req("CC-22", "CC-51", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_creation_that_is_refused_skips_no_number(creator: str, connectel: Customer) -> None:
    for index in range(5):
        assert connectel.post(creator, "kim", {ROLE: "owner"}).status_code == 400
        number = connectel.values(connectel.user(f"user-{index}", {}, creator))[NUMBER]
        assert number == str(100 + index)
        assert connectel.post(creator, f"user-{index}").status_code == 409


@pytest.mark.req("CC-23", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_password_of_seven_characters_is_refused(creator: str, connectel: Customer) -> None:
    before = connectel.state()
    answer = connectel.post(creator, "kim", {"password": "seven77"})
    refused(answer, 400, "invalidValue", "password", "8")
    assert "seven77" not in answer.text
    assert connectel.state() == before


@pytest.mark.req("CC-23")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_password_never_comes_back_and_must_be_changed_at_first_sign_in(creator: str, connectel: Customer) -> None:
    answer = connectel.post(creator, "kim", {"password": "battery staple"})
    made = by_path(content(answer))
    assert made[f"{VOICE}:passwordChangeRequired"] is True
    assert made["meta"]["created"][:10] <= made[f"{VOICE}:passwordChanged"] <= made["meta"]["created"]
    asked = connectel.client().get(f"/Users/{made['id']}?attributes=password,userName")
    for text in (answer.text, asked.text):
        assert "battery" not in text
        assert "argon2" not in text
        assert '"password"' not in text


@pytest.mark.req("CC-23")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_writes_by_hand_what_the_password_says_of_itself(form: str, connectel: Customer) -> None:
    kim = connectel.user("kim", {"password": "battery staple"})
    held = connectel.values(kim)
    wanted = {f"{VOICE}:passwordChangeRequired": False, f"{VOICE}:passwordChanged": "2020-01-01T00:00:00Z"}
    connectel.change(form, kim, {**wanted, "title": "Lead"})
    now = connectel.values(kim)
    assert {path: now[path] for path in wanted} == {path: held[path] for path in wanted}


@pytest.mark.req("CC-24")
@pytest.mark.parametrize("form", FORMS)
def test_disabling_can_be_undone(form: str, connectel: Customer, kim: str) -> None:
    held = connectel.values(kim)
    assert connectel.changed(form, kim, {"active": False})["active"] is False
    assert connectel.find("active eq false") == [kim]
    again = connectel.changed(form, kim, {"active": True})
    assert {**again, "meta": held["meta"]} == held


@pytest.mark.req("CC-24", "CC-56")
@pytest.mark.parametrize("form", FORMS)
def test_the_product_locks_and_an_administrator_clears(form: str, connectel: Customer, kim: str) -> None:
    locked = f"{VOICE}:locked"
    assert connectel.changed(ENTRA, kim, {locked: True})[locked] is True
    assert connectel.changed(form, kim, {"title": "Lead"})[locked] is True
    assert connectel.find(f"{locked} eq true") == [kim]
    assert connectel.changed(form, kim, {locked: False})[locked] is False


# attribute, values that are taken as they are
VOICE_VALUES = [
    ("transport", ["tcp", "udp", "ws", "wss", "WSS"]),
    ("nat", ["yes", "no", "force_rport", "comedia", "never", "route"]),
    ("allowedCodecs", ["opus", "ulaw,alaw", "gsm, g722 , g729,opus"]),
    ("context", ["from-internal"]),
    ("callGroups", ["1,2, 3"]),
    ("pickupGroups", ["1"]),
    ("messengerSound", ["chime"]),
    ("description", ["First floor, left"]),
]


@pytest.mark.req("CC-25")
@pytest.mark.parametrize("form", FORMS)
def test_voice_settings_are_kept_verbatim_one_at_a_time(form: str, connectel: Customer, kim: str) -> None:
    for name, values in VOICE_VALUES:
        for value in values:
            assert connectel.changed(form, kim, {f"{VOICE}:{name}": value})[f"{VOICE}:{name}"] == value, name


VOICE_FAULTS = [
    ("transport", "sctp", "one of tcp, udp, ws, wss"),
    ("nat", "maybe", "one of yes, no, force_rport, comedia, never, route"),
    ("allowedCodecs", "ulaw,mp3", "each item one of ulaw, alaw, gsm, g722, g729, opus"),
    ("allowedCodecs", "ulaw,,alaw", "each item one of ulaw, alaw, gsm, g722, g729, opus"),
]


@pytest.mark.req("CC-25", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_other_voice_settings_are_refused(form: str, connectel: Customer, kim: str) -> None:
    before = connectel.state()
    for name, value, told in VOICE_FAULTS:
        answer = connectel.change(form, kim, {f"{VOICE}:{name}": value})
        refused(answer, 400, "invalidValue", f"{VOICE}:{name}", told)
        assert connectel.state() == before, name


@pytest.mark.req("CC-25")
@pytest.mark.parametrize("creator", CREATORS)
def test_the_dial_plan_is_from_sip_where_none_is_given(creator: str, connectel: Customer) -> None:
    context = f"{VOICE}:context"
    assert connectel.values(connectel.user("kim", {}, creator))[context] == "from-sip"
    assert connectel.values(connectel.user("robin", {context: "from-office"}, creator))[context] == "from-office"


@pytest.mark.req("CC-25")
def test_an_avatar_is_a_photo(connectel: Customer, kim: str) -> None:
    photos = [{"value": "https://contoso.example/kim.png", "type": "photo"}]
    assert connectel.changed(OKTA_PUT, kim, {"photos": photos})["photos"] == photos
