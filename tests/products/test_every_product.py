"""What holds for every product: seats, numbers, leavers, refusals that change nothing, first-class attributes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.server import USER, Server
from tests.products.customer import (
    CREATORS,
    ENTRA,
    EXTENSION,
    FORMS,
    LICENCE,
    NUMBER,
    ROLE,
    SETTINGS,
    SUPERVISOR,
    Customer,
    content,
    created,
    refused,
    split,
    work,
)

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""


@dataclass(frozen=True)
class Product:
    """A product, a role that it has, and another one that can still be given after creation, if there is any."""

    name: str
    role: str
    roles: str


PRODUCTS = (
    Product("cosoft-sidekick", "user", "admin, user"),
    Product("predictionhealth-sidekick", "org_admin", "sidekick_audio, org_admin, individual_provider"),
    Product("connectel-customer-center", "user", "admin, user"),
    Product("convirza", "standard", "admin, standard, read-only, identified-only"),
    Product("samespace", "agent", "admin, manager, supervisor, agent"),
)
# What each further attribute of a user is given where all of them are looked at.
VALUES: dict[str, Any] = {
    f"{EXTENSION}:connectel:2.0:User:transport": "wss",
    f"{EXTENSION}:connectel:2.0:User:nat": "route",
    f"{EXTENSION}:connectel:2.0:User:allowedCodecs": "opus",
    f"{EXTENSION}:convirza:2.0:User:ringTo": "+12015550123",
    f"{SETTINGS}:channel": "chat",
    f"{SETTINGS}:endpoint": "external",
    f"{SETTINGS}:endpointNumber": "+12015550123",
    f"{SETTINGS}:forwardTo": "+12015550124",
    f"{SETTINGS}:chatsPerUser": 3,
    LICENCE: "seat",
    NUMBER: "104",
    SUPERVISOR: True,
}
BY_TYPE: dict[str, Any] = {"string": "word", "boolean": True, "integer": 7}


@pytest.fixture(params=PRODUCTS, ids=[product.name for product in PRODUCTS])
def product(request: pytest.FixtureRequest) -> Product:
    found: Product = request.param
    return found


@pytest.fixture
def customer(product: Product, on_both: Server) -> Customer:
    """A tenant of the product with one seat and five numbers."""
    found = Customer.of(on_both, product.name)
    found.pool("seat", 1)
    found.numbers("100-104")
    return found


def at_once(requests: Sequence[Callable[[], TestResponse]]) -> list[TestResponse]:
    """The answers to requests that begin at the same moment."""
    begin = Barrier(len(requests))

    def sent(request: Callable[[], TestResponse]) -> TestResponse:
        begin.wait()
        return request()

    with ThreadPoolExecutor(len(requests)) as threads:
        return [*threads.map(sent, requests)]


def statuses(answers: Sequence[TestResponse]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


# --- seats


@pytest.mark.req("CC-50")
@pytest.mark.parametrize("creator", CREATORS)
def test_of_many_requests_for_the_last_seat_one_gets_it(creator: str, customer: Customer) -> None:
    names = [f"user-{index}" for index in range(4)]
    answers = at_once([lambda name=name: customer.post(creator, name, {LICENCE: "seat"}) for name in names])  # type: ignore[misc]
    assert statuses(answers) == [201, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            refused(answer, 409, None, LICENCE, "'seat' has 1 seat, and 1 of them is taken")
    assert customer.used("seat") == 1
    assert len(customer.find("userName pr")) == 1


@pytest.mark.req("CC-50")
@pytest.mark.parametrize("form", FORMS)
def test_of_two_changes_for_the_last_seat_one_gets_it(form: str, customer: Customer) -> None:
    users = [customer.user("kim"), customer.user("robin")]
    answers = at_once([lambda id=id: customer.change(form, id, {LICENCE: "seat"}) for id in users])  # type: ignore[misc]
    assert statuses(answers) == [200, 409]
    assert customer.used("seat") == 1
    assert len(customer.find(f'{LICENCE} eq "seat"')) == 1


@pytest.mark.req("CC-50", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_an_unknown_licence_is_refused_and_the_known_ones_are_named(form: str, customer: Customer) -> None:
    kim = customer.user("kim")
    before = customer.state()
    refused(customer.change(form, kim, {LICENCE: "gold"}), 400, "invalidValue", LICENCE, "gold", "one of seat")
    assert customer.state() == before


@pytest.mark.req("CC-52", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_who_is_off_holds_no_seat_and_comes_back_where_one_is_free(form: str, customer: Customer) -> None:
    kim, robin = customer.user("kim", {LICENCE: "seat"}), customer.user("robin")
    off = customer.changed(form, kim, {"active": False})
    assert (off["active"], off[LICENCE], customer.used("seat")) == (False, "seat", 0)
    customer.changed(form, robin, {LICENCE: "seat"})
    before = customer.state()
    answer = customer.change(form, kim, {"title": "Back", "active": True})
    refused(answer, 409, None, LICENCE, "'seat' has 1 seat, and 1 of them is taken")
    assert customer.state() == before
    customer.changed(form, robin, {"active": False})
    on = customer.changed(form, kim, {"title": "Back", "active": True})
    assert (on["active"], on["title"], customer.used("seat")) == (True, "Back", 1)


# --- numbers


@pytest.mark.req("CC-51")
@pytest.mark.parametrize("creator", CREATORS)
def test_of_two_requests_for_one_number_one_gets_it_and_the_other_hears_who(creator: str, customer: Customer) -> None:
    names = ["kim", "robin"]
    answers = at_once([lambda name=name: customer.post(creator, name, {NUMBER: "103"}) for name in names])  # type: ignore[misc]
    assert statuses(answers) == [201, 409]
    (winner,) = (content(answer)["userName"] for answer in answers if answer.status_code == 201)
    (loser,) = (answer for answer in answers if answer.status_code == 409)
    refused(loser, 409, "uniqueness", NUMBER, "103", winner)
    assert customer.find(f'{NUMBER} eq "103"') == customer.find("userName pr")


@pytest.mark.req("CC-51", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_number_outside_the_ranges_is_refused_and_they_are_named(creator: str, customer: Customer) -> None:
    before = customer.state()
    for number in ("105", "0100", "12a"):
        refused(customer.post(creator, "kim", {NUMBER: number}), 400, "invalidValue", NUMBER, number, "100-104")
    assert customer.state() == before


# --- leaving


@pytest.mark.req("CC-53")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_deleted_user_frees_seat_number_and_memberships(creator: str, customer: Customer) -> None:
    kim = customer.user("kim", {LICENCE: "seat", NUMBER: "103"}, creator)
    team = customer.group("Sales", (kim,))
    customer.delete(f"/Users/{kim}")
    assert customer.used("seat") == 0
    assert customer.members(team) == set()
    robin = customer.user("robin", {LICENCE: "seat", NUMBER: "103"}, creator)
    assert customer.find(f'{NUMBER} eq "103"') == [robin]


@pytest.mark.req("CC-53")
def test_a_deleted_team_frees_nobody(customer: Customer) -> None:
    kim = customer.user("kim", {LICENCE: "seat", NUMBER: "103"})
    held = customer.values(kim)
    team = customer.group("Sales", (kim,))
    customer.delete(f"/Groups/{team}")
    now = customer.values(kim)
    assert customer.used("seat") == 1
    assert {path: now[path] for path in (LICENCE, NUMBER, "active")} == {
        path: held[path] for path in (LICENCE, NUMBER, "active")
    }


@pytest.mark.req("CC-57")
@pytest.mark.parametrize("form", FORMS)
def test_who_leaves_is_switched_off_whatever_else_the_request_carries(
    form: str, product: Product, customer: Customer
) -> None:
    given = {ROLE: product.role, LICENCE: "seat", NUMBER: "103"}
    kim = customer.user("kim", given)
    wrong = {ROLE: "owner", LICENCE: "gold", NUMBER: "9999"}
    off = customer.changed(form, kim, {**wrong, "title": "Gone", "active": False})
    assert {path: off[path] for path in given} == given
    assert (off["active"], off["title"], customer.used("seat")) == (False, "Gone", 0)


CONNECTEL, CONVIRZA = (f"{EXTENSION}:{name}:2.0:User" for name in ("connectel", "convirza"))
OTHER_ADDRESS = [{"value": "other@contoso.example", "type": "work"}]
# By product: what a user is created with beside the role, and what is sent for what is fixed or constrained.
LEAVING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cosoft-sidekick": ({}, {"userName": "robin", "emails": OTHER_ADDRESS, "roles": [{"value": "owner"}]}),
    "predictionhealth-sidekick": ({}, {"emails": None, "roles": [{"value": "owner"}], "password": "short"}),
    "connectel-customer-center": (
        {ROLE: "admin", f"{CONNECTEL}:userProfile": "all"},
        {
            "userName": "Robin",
            "roles": [{"value": "user"}],
            NUMBER: "104",
            "password": "short",
            f"{CONNECTEL}:userProfile": "none",
            f"{CONNECTEL}:transport": "sctp",
            f"{CONNECTEL}:nat": "maybe",
            f"{CONNECTEL}:allowedCodecs": "opus,mp3",
        },
    ),
    "convirza": (
        {},
        {"roles": [{"value": "scorer"}], f"{CONVIRZA}:ringTo": "1042", f"{CONVIRZA}:agentId": "taken"},
    ),
    "samespace": (
        {},
        {
            "roles": [{"value": "owner"}],
            f"{SETTINGS}:channel": "mail",
            f"{SETTINGS}:chatsPerUser": 6,
            f"{SETTINGS}:autoAnswerAfter": -1,
            f"{SETTINGS}:endpoint": "external",
            f"{SETTINGS}:endpointNumber": "1042",
            f"{SETTINGS}:forwardTo": "call me",
        },
    ),
}


@pytest.mark.req("CC-57")
@pytest.mark.parametrize("form", FORMS)
def test_who_leaves_keeps_everything_that_is_fixed_or_constrained(
    form: str, product: Product, customer: Customer
) -> None:
    given, wrong = LEAVING[product.name]
    if product.name == "convirza":
        customer.user("holder", {f"{CONVIRZA}:agentId": "taken"})
    kim = customer.user("kim", {ROLE: product.role, **given})
    held = customer.values(kim)
    off = customer.changed(form, kim, {**wrong, "title": "Gone", "active": False})
    assert off == {**held, "active": False, "title": "Gone", "meta": off["meta"]}
    for path, value in wrong.items():
        again = customer.changed(form, kim, {path: value, "active": False})
        assert {**again, "meta": off["meta"]} == off, path


# --- refusals


REFUSED: list[tuple[str, dict[str, Any], int]] = [
    ("a role outside the list", {ROLE: "owner"}, 400),
    ("another role outside the list", {"roles": [{"value": "owner"}]}, 400),
    ("a number that somebody has", {NUMBER: "100"}, 409),
    ("a number outside the ranges", {NUMBER: "9999"}, 400),
    ("a licence that there is not", {LICENCE: "gold"}, 400),
    ("a licence of which all seats are taken", {LICENCE: "seat"}, 409),
    ("an id that somebody has", {"userName": "holder"}, 409),
    ("a flag that is none", {SUPERVISOR: "perhaps"}, 400),
]


@pytest.mark.req("CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_creation_that_is_refused_changes_nothing(creator: str, customer: Customer) -> None:
    customer.user("holder", {LICENCE: "seat", NUMBER: "100"})
    before = customer.state()
    for told, attributes, status in REFUSED:
        wanted = {NUMBER: "104", **attributes}
        answer = customer.post(creator, str(attributes.get("userName", "kim")), wanted)
        assert answer.status_code == status, f"{told}: {answer.text}"
        assert customer.state() == before, told


@pytest.mark.req("CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_a_change_that_is_refused_changes_nothing(form: str, product: Product, customer: Customer) -> None:
    customer.user("holder", {LICENCE: "seat", NUMBER: "100"})
    kim = customer.user("kim", {ROLE: product.role})
    before = customer.state()
    for told, attributes, status in REFUSED:
        answer = customer.change(form, kim, {"title": "New", **attributes})
        expected = {status, 400}  # what is fixed at creation is refused before anybody looks who has it
        assert answer.status_code in expected, f"{told}: {answer.text}"
        assert customer.state() == before, told


@pytest.mark.req("CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_a_role_outside_the_list_is_told_the_list(creator: str, product: Product, customer: Customer) -> None:
    refused(customer.post(creator, "kim", {ROLE: "owner"}), 400, "invalidValue", ROLE, f"one of {product.roles}")


@pytest.mark.req("CC-56")
def test_a_put_that_names_no_extension_takes_nothing_from_anybody(product: Product, customer: Customer) -> None:
    given = {ROLE: product.role, LICENCE: "seat", NUMBER: "103", SUPERVISOR: True}
    kim = customer.user("kim", given, "okta")
    body = {"schemas": [USER], "userName": "kim", "emails": work("kim"), "title": "Lead", "active": True, "groups": []}
    answer = customer.client("okta").send("PUT", f"/Users/{kim}", body)
    assert answer.status_code == 200, answer.text
    now = customer.values(kim)
    assert {path: now[path] for path in given} == given
    assert (now["active"], now["title"], customer.used("seat")) == (True, "Lead", 1)
    before = customer.state()
    refused(customer.post("entra", "robin", {NUMBER: "103"}), 409, "uniqueness", NUMBER, "kim")
    assert customer.state() == before


@pytest.mark.req("CC-56")
def test_a_put_takes_no_licence_and_no_role_of_the_core_schema_that_it_does_not_name(
    product: Product, customer: Customer
) -> None:
    given = {"entitlements": [{"value": "seat", "type": "Licence"}], "roles": [{"value": product.role}]}
    kim = customer.user("kim", given, "okta")
    body = {"schemas": [USER], "userName": "kim", "emails": work("kim"), "title": "Lead", "active": True, "groups": []}
    answer = customer.client("okta").send("PUT", f"/Users/{kim}", body)
    assert answer.status_code == 200, answer.text
    now = customer.values(kim)
    assert {path: now[path] for path in given} == given
    assert (now["active"], now["title"], customer.used("seat")) == (True, "Lead", 1)


# --- attributes of the first class


def attributes_of(customer: Customer, kind: str = "User") -> dict[str, dict[str, Any]]:
    """The attributes of a type's extensions as they are published, by path; the enterprise extension aside."""
    client = customer.client()
    named = content(client.get(f"/ResourceTypes/{kind}")).get("schemaExtensions", ())
    urns = [extension["schema"] for extension in named if ":enterprise:" not in extension["schema"]]
    schemas = [content(client.get(f"/Schemas/{urn}")) for urn in urns]
    return {f"{schema['id']}:{found['name']}": found for schema in schemas for found in schema["attributes"]}


@pytest.mark.req("CC-55")
def test_every_attribute_is_filtered_sorted_projected_and_matched_on(product: Product, customer: Customer) -> None:
    """Takes a while: there are up to forty attributes."""
    published = attributes_of(customer)
    writable = [path for path, found in published.items() if found["mutability"] == "readWrite"]
    values = {path: VALUES.get(path, BY_TYPE[published[path]["type"]]) for path in writable} | {ROLE: product.role}
    kim = customer.user("kim", values, "okta")
    leo = customer.user("leo", {}, "okta")
    for path, value in values.items():
        literal = f'"{value}"' if isinstance(value, str) else str(value).lower()
        also = {leo} & {*customer.find(f"{path} pr")}  # who has a default, or a number that was allocated
        assert customer.find(f'{path} eq {literal} and active eq true and userName ne "leo"') == [kim], path
        assert customer.read(kim, path)[str(split(path)[0])] == {split(path)[1]: value}, path
        page = content(customer.client("entra").get(f"/Users?sortBy={path}&attributes=userName"))
        assert also or [found["userName"] for found in page["Resources"]] == ["kim", "leo"], path


@pytest.mark.req("CC-55")
def test_every_read_only_attribute_is_filtered_and_projected(customer: Customer) -> None:
    kim = customer.user("kim")
    for path, found in attributes_of(customer).items():
        if found["mutability"] != "readOnly":
            continue
        has_value = path in customer.read(kim, path) or split(path)[1] in customer.read(kim, path).get(
            str(split(path)[0]), {}
        )
        assert customer.find(f"{path} pr") == [kim] * has_value, path


LITERALS = {"string": '"x"', "complex": '"x"', "boolean": "true", "integer": "1", "dateTime": '"2020-01-01T00:00:00Z"'}


@pytest.mark.req("CC-55")
@pytest.mark.parametrize("kind", ["User", "Group"])
def test_every_attribute_that_is_shown_is_searched_and_sorted_by(kind: str, customer: Customer) -> None:
    """Derived ones, and those kept as rows, as well."""
    ids = [customer.user(name) for name in ("kim", "leo", "robin")]
    if kind == "Group":
        ids = [customer.group("Sales", (ids[0],)), customer.group("Service", (ids[1],)), customer.group("Staff")]
    for path, found in attributes_of(customer, kind).items():
        if found["returned"] == "never":
            continue
        literal = LITERALS[found["type"]]
        equal, others = (customer.find(f"{path} {op} {literal} and id pr", f"{kind}s") for op in ("eq", "ne"))
        assert {*equal, *others} == {*ids}, path
        assert not {*equal} & {*others}, path
        for order in ("ascending", "descending"):
            query = f"sortBy={path}&sortOrder={order}&attributes={path}"
            page = content(customer.client("entra").get(f"/{kind}s?{query}"))
            assert {each["id"] for each in page["Resources"]} == {*ids}, path
            values = [each.get(str(split(path)[0]), {}).get(split(path)[1]) for each in page["Resources"]]
            known = [value for value in values if isinstance(value, str | int)]
            assert known == sorted(known, reverse=order == "descending"), path


@pytest.mark.req("CC-55")
def test_entra_matches_on_a_number(customer: Customer) -> None:
    kim = customer.user("kim", {NUMBER: "102", SUPERVISOR: True})
    customer.user("robin", {NUMBER: "103"})
    assert customer.find(f'{NUMBER} eq "102"') == [kim]
    assert customer.find(f"{SUPERVISOR} eq true and active eq true") == [kim]
    assert customer.find(f'{SUPERVISOR} eq "True" and active eq "True"') == [kim]
    page = content(customer.client().get(f"/Users?sortBy={NUMBER}&sortOrder=descending"))
    assert [found["userName"] for found in page["Resources"]] == ["robin", "kim"]


@pytest.mark.req("CC-52")
def test_a_licence_that_is_given_with_the_flag_off_takes_no_seat(customer: Customer) -> None:
    created(customer.post(ENTRA, "kim", {LICENCE: "seat", "active": False}))
    assert customer.used("seat") == 0
