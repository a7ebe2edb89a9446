"""Convirza: what its administrators did by hand, done by Entra and by Okta."""

from typing import Any

import pytest

from tests.http.server import GROUP, PATCH_OP, Server
from tests.products.customer import (
    CREATORS,
    ENTRA,
    EXTENSION,
    FORMS,
    LEVELS,
    OKTA_PUT,
    ROLE,
    Customer,
    add,
    by_path,
    content,
    created,
    refused,
    remove,
)

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

TRACKING = f"{EXTENSION}:convirza:2.0:User"
MOVE_CALLS = f"{EXTENSION}:convirza:2.0:Group:moveCalls"
PARENT, LEVEL = f"{LEVELS}:parent", f"{LEVELS}:level"
REVIEW = f"{TRACKING}:permissionReview"


@pytest.fixture
def convirza(on_both: Server) -> Customer:
    return Customer.of(on_both, "convirza")


@pytest.fixture
def kim(convirza: Customer) -> str:
    return convirza.user("kim", {ROLE: "standard", f"{TRACKING}:agentId": "A-17"})


def below(parent: str) -> dict[str, Any]:
    return {LEVELS: {"parent": parent}}


@pytest.fixture
def chain(convirza: Customer) -> list[str]:
    """A group on each of three levels."""
    billing = convirza.group("Contoso")
    north = convirza.group("North", **below(billing))
    return [billing, north, convirza.group("Sales", **below(north))]


def post_group(convirza: Customer, dialect: str, name: str, parent: str | None) -> Any:
    body = {"schemas": [GROUP, LEVELS], "displayName": name, **(below(parent) if parent else {})}
    return convirza.client(dialect).send("POST", "/Groups", body)


# --- groups


@pytest.mark.req("CC-30")
def test_groups_lie_in_three_levels_which_can_be_read_and_searched(convirza: Customer, chain: list[str]) -> None:
    levels = [by_path(convirza.read(id, LEVEL, "Groups"))[LEVEL] for id in chain]
    assert levels == [1, 2, 3]
    assert convirza.find(f"{LEVEL} eq 1", "Groups") == chain[:1]
    assert convirza.find(f'{PARENT} eq "{chain[0]}"', "Groups") == chain[1:2]


@pytest.mark.req("CC-30")
@pytest.mark.parametrize("dialect", CREATORS)
def test_there_is_any_number_of_groups_at_levels_two_and_three(
    dialect: str, convirza: Customer, chain: list[str]
) -> None:
    for parent in chain[:2]:
        for index in range(4):
            created(post_group(convirza, dialect, f"Team {index}", parent))
    assert len(convirza.find(f"{LEVEL} eq 3", "Groups")) == 5


@pytest.mark.req("CC-30", "CC-54")
@pytest.mark.parametrize("dialect", CREATORS)
def test_a_fourth_level_is_refused(dialect: str, convirza: Customer, chain: list[str]) -> None:
    before = convirza.state()
    refused(
        post_group(convirza, dialect, "Deep", chain[2]),
        400,
        "invalidValue",
        PARENT,
        "at level 4; the levels are 1 to 3",
    )
    assert convirza.state() == before


@pytest.mark.req("CC-30", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_a_group_with_groups_below_it_is_not_moved_too_deep(form: str, convirza: Customer, chain: list[str]) -> None:
    other = convirza.group("Fabrikam")
    before = convirza.state()
    answer = convirza.change(form, other, {PARENT: chain[2]}, "Groups")
    refused(answer, 400, "invalidValue", PARENT, "at level 4; the levels are 1 to 3")
    answer = convirza.change(form, chain[0], {PARENT: other}, "Groups")
    refused(answer, 400, "invalidValue", PARENT, "at level 4; the levels are 1 to 3")
    assert convirza.state() == before


@pytest.mark.req("CC-30", "CC-54")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lowest", [0, 1, 2])
def test_a_circle_of_parents_is_refused(lowest: int, form: str, convirza: Customer, chain: list[str]) -> None:
    before = convirza.state()
    answer = convirza.change(form, chain[0], {PARENT: chain[lowest]}, "Groups")
    refused(answer, 400, "invalidValue", PARENT, chain[lowest])
    assert convirza.state() == before


@pytest.mark.req("CC-30", "CC-54")
@pytest.mark.parametrize("dialect", CREATORS)
def test_a_parent_that_is_not_there_is_refused(dialect: str, convirza: Customer, kim: str) -> None:
    before = convirza.state()
    for parent in ("nothing", kim):
        refused(post_group(convirza, dialect, "North", parent), 400, "invalidValue", PARENT, parent)
    assert convirza.state() == before


@pytest.mark.req("CC-30", "CC-54")
@pytest.mark.parametrize("dialect", CREATORS)
def test_a_name_is_unique_under_its_parent_alone(dialect: str, convirza: Customer, chain: list[str]) -> None:
    billing, north, _ = chain
    created(post_group(convirza, dialect, "Sales", billing))
    created(post_group(convirza, dialect, "Sales", None))
    before = convirza.state()
    for parent in (billing, north, None):
        refused(post_group(convirza, dialect, "sales", parent), 409, "uniqueness", "displayName")
    assert convirza.state() == before


@pytest.mark.req("CC-30", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_a_group_is_not_moved_beside_one_of_its_name(form: str, convirza: Customer, chain: list[str]) -> None:
    billing, _, sales = chain
    convirza.group("Sales", **below(billing))
    before = convirza.state()
    refused(convirza.change(form, sales, {PARENT: billing}, "Groups"), 409, "uniqueness", "displayName")
    assert convirza.state() == before


# --- users


@pytest.mark.req("CC-31")
@pytest.mark.parametrize("creator", CREATORS)
@pytest.mark.parametrize("role", ["admin", "standard", "read-only", "identified-only"])
def test_a_user_has_one_of_four_types(role: str, creator: str, convirza: Customer) -> None:
    assert convirza.values(convirza.user("kim", {ROLE: role}, creator))[ROLE] == role


@pytest.mark.req("CC-31", "CC-54")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("path", "value"), [(ROLE, "scorer"), ("roles", [{"value": "scorer"}])])
def test_nobody_is_made_a_scorer(path: str, value: Any, form: str, convirza: Customer, kim: str) -> None:
    before = convirza.state()
    told = "one of admin, standard, read-only, identified-only"
    refused(convirza.change(form, kim, {path: value}), 400, "invalidValue", path, told)
    assert convirza.state() == before


@pytest.mark.req("CC-32", "CC-54")
@pytest.mark.parametrize("creator", CREATORS)
def test_an_agent_id_is_there_once(creator: str, convirza: Customer, kim: str) -> None:
    assert convirza.find(f'{TRACKING}:agentId eq "a-17"') == [kim]
    before = convirza.state()
    refused(convirza.post(creator, "robin", {f"{TRACKING}:agentId": "a-17"}), 409, "uniqueness", "agentId")
    assert convirza.state() == before


# attribute, value as Entra and Okta send it and as it reads back
KEPT = [
    ("ringTo", "+12015550123"),
    ("ringTo", "12015550123"),
    ("nicknames", "Kimmy, Kim M ,K"),
    ("scoring", True),
    ("roaming", True),
    ("roaming", False),
    ("permittedGroups", "North, South"),
    ("reportingPermission", True),
    ("audioPermission", False),
    ("scoringPermission", True),
]


@pytest.mark.req("CC-32", "CC-33")
@pytest.mark.parametrize("form", FORMS)
def test_what_an_agent_is_and_may_is_kept_verbatim(form: str, convirza: Customer, kim: str) -> None:
    for name, value in KEPT:
        assert convirza.changed(form, kim, {f"{TRACKING}:{name}": value})[f"{TRACKING}:{name}"] == value, name


@pytest.mark.req("CC-32", "CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_ring_to_is_a_telephone_number(form: str, convirza: Customer, kim: str) -> None:
    before = convirza.state()
    told = f"{TRACKING}:ringTo: expected a complete telephone number with country code"
    for number in ("1042", "+1 201 555 0123", "0049301234", "call me"):
        refused(convirza.change(form, kim, {f"{TRACKING}:ringTo": number}), 400, "invalidValue", told)
    assert convirza.state() == before


# --- moving


@pytest.fixture
def teams(convirza: Customer, kim: str) -> tuple[str, str]:
    """Two groups, with kim in the first."""
    return convirza.group("North", (kim,)), convirza.group("South")


def patched(convirza: Customer, dialect: str, group: str, *operations: dict[str, Any]) -> None:
    answer = convirza.patch_group(dialect, group, *operations)
    assert answer.status_code in (200, 204), answer.text


def reviews(convirza: Customer, user: str) -> bool:
    found: bool = convirza.values(user)[REVIEW]
    return found


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("dialect", CREATORS)
def test_who_is_added_here_and_removed_there_has_moved(
    dialect: str, convirza: Customer, kim: str, teams: tuple[str, str]
) -> None:
    north, south = teams
    assert not reviews(convirza, kim)
    patched(convirza, dialect, south, add(dialect, kim))
    assert (convirza.members(north), convirza.members(south), reviews(convirza, kim)) == (set(), {kim}, True)
    patched(convirza, dialect, north, remove(dialect, kim))
    assert (convirza.members(north), convirza.members(south), reviews(convirza, kim)) == (set(), {kim}, True)
    assert convirza.find(f"{REVIEW} eq true") == [kim]


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("dialect", CREATORS)
def test_who_is_removed_there_and_added_here_has_moved(
    dialect: str, convirza: Customer, kim: str, teams: tuple[str, str]
) -> None:
    north, south = teams
    patched(convirza, dialect, north, remove(dialect, kim))
    patched(convirza, dialect, south, add(dialect, kim))
    assert (convirza.members(north), convirza.members(south), reviews(convirza, kim)) == (set(), {kim}, True)


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("dialect", CREATORS)
def test_the_first_group_is_no_move(dialect: str, convirza: Customer, kim: str) -> None:
    north = convirza.group("North")
    patched(convirza, dialect, north, add(dialect, kim))
    patched(convirza, dialect, north, add(dialect, kim))
    assert not reviews(convirza, kim)


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["permittedGroups", "reportingPermission", "audioPermission", "scoringPermission"])
def test_a_permission_write_is_the_review(
    name: str, form: str, convirza: Customer, kim: str, teams: tuple[str, str]
) -> None:
    patched(convirza, "entra", teams[1], add("entra", kim))
    if form == ENTRA:
        assert convirza.changed(form, kim, {"title": "Agent"})[REVIEW] is True
    value = "South" if name == "permittedGroups" else True
    assert convirza.changed(form, kim, {f"{TRACKING}:{name}": value})[REVIEW] is False
    assert convirza.find(f"{REVIEW} eq true") == []


@pytest.mark.req("CC-34", "CC-56")
def test_a_put_that_names_no_permission_is_no_review(convirza: Customer, kim: str, teams: tuple[str, str]) -> None:
    patched(convirza, "okta", teams[1], add("okta", kim))
    assert convirza.changed(OKTA_PUT, kim, {"title": "Agent"})[REVIEW] is True


@pytest.mark.req("CC-34", "CC-56")
def test_a_put_that_sends_back_the_permissions_is_no_review(
    convirza: Customer, kim: str, teams: tuple[str, str]
) -> None:
    groups = f"{TRACKING}:permittedGroups"
    convirza.changed(ENTRA, kim, {groups: "North"})
    patched(convirza, "okta", teams[1], add("okta", kim))
    assert convirza.changed(OKTA_PUT, kim, {"title": "Agent"})[REVIEW] is True
    assert convirza.changed(OKTA_PUT, kim, {groups: "North, South"})[REVIEW] is False


@pytest.mark.req("CC-34")
def test_the_same_permissions_written_again_are_a_review(convirza: Customer, kim: str, teams: tuple[str, str]) -> None:
    groups = f"{TRACKING}:permittedGroups"
    convirza.changed(ENTRA, kim, {groups: "North"})
    patched(convirza, "entra", teams[1], add("entra", kim))
    assert convirza.changed(ENTRA, kim, {groups: "North"})[REVIEW] is False


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("dialect", CREATORS)
def test_nobody_writes_the_review_by_hand(dialect: str, convirza: Customer, kim: str, teams: tuple[str, str]) -> None:
    patched(convirza, dialect, teams[1], add(dialect, kim))
    body = {
        "schemas": [PATCH_OP],
        "Operations": [{"op": "Replace" if dialect == "entra" else "replace", "path": REVIEW, "value": False}],
    }
    convirza.client(dialect).send("PATCH", f"/Users/{kim}", body)
    assert reviews(convirza, kim)


@pytest.mark.req("CC-34")
@pytest.mark.parametrize("dialect", CREATORS)
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_whether_calls_move_with_a_member_goes_into_the_event_and_is_not_kept(
    order: tuple[int, int], dialect: str, convirza: Customer, kim: str, teams: tuple[str, str]
) -> None:
    before = len(convirza.events())
    sent = "True" if dialect == "entra" else True
    operations = [add(dialect, kim), {"op": "Add" if dialect == "entra" else "add", "path": MOVE_CALLS, "value": sent}]
    patched(convirza, dialect, teams[1], *(operations[index] for index in order))
    (event,) = convirza.events()[before:]
    kind, _, told = event
    assert kind == "moved"
    assert told[MOVE_CALLS] is True
    assert kim in str(told)
    assert "moveCalls" not in str(convirza.read(teams[1], kind="Groups"))


@pytest.mark.req("CC-34")
def test_a_put_of_the_whole_group_moves_too(convirza: Customer, kim: str, teams: tuple[str, str]) -> None:
    north, south = teams
    body = convirza.read(south, kind="Groups") | {"members": [{"value": kim, "display": "kim"}]}
    answer = convirza.client("okta").send("PUT", f"/Groups/{south}", body)
    assert answer.status_code == 200, answer.text
    assert [member["value"] for member in content(answer)["members"]] == [kim]
    assert (convirza.members(north), reviews(convirza, kim)) == (set(), True)


# --- lists


@pytest.mark.req("CC-35")
def test_users_and_groups_are_listed_as_csv_as_the_query_says(convirza: Customer, chain: list[str]) -> None:
    for number, role in enumerate(("standard", "admin", "standard")):
        convirza.user(f"user-{number}", {ROLE: role, f"{TRACKING}:agentId": f"A-{3 - number}"})
    users = ("--filter", f'{ROLE} eq "standard"', "--sort-by", "agentId", "--columns", "userName,agentId")
    assert convirza.run("export", "--csv", *users).stdout.splitlines() == [
        "userName,agentId",
        "user-2,A-1",
        "user-0,A-3",
    ]
    groups = ("--type", "Group", "--filter", f"{LEVEL} ge 2", "--sort-by", "displayName")
    listed = convirza.run("export", "--csv", *groups, "--columns", "displayName,parent").stdout.splitlines()
    assert listed == ["displayName,parent", f"North,{chain[0]}", f"Sales,{chain[1]}"]
