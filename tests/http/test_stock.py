"""Seats, numbers, roles and events through HTTP, in the forms in which identity providers send."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from scim_server.config import Settings
from tests.databases import ENGINES
from tests.http import bulk
from tests.http.server import PATCH_OP, Client, Server, assert_error
from tests.http.studio import FOLDER, FORMS, STUDIO, Studio, as_okta, nested
from tests.statements import sent_to


@pytest.fixture(scope="module", params=ENGINES)
def server(request: pytest.FixtureRequest, new_database: Callable[..., str]) -> Iterator[Server]:
    server = Server(Settings(database_url=new_database(request.param), extensions=FOLDER))
    yield server
    server.close()


@pytest.fixture
def studio(server: Server) -> Studio:
    """One pass, one gate, and the lines 100 to 119."""
    studio = Studio(server, server.tenant("strict-studio"))
    studio.pool("day", 1)
    studio.pool("gate", 5)
    studio.lines("100", "119")
    return studio


@pytest.fixture
def free(server: Server) -> Studio:
    return Studio(server, server.tenant("free-studio"))


@pytest.fixture
def patient(server: Server) -> Studio:
    studio = Studio(server, server.tenant("patient-studio"))
    studio.pool("day", 1)
    return studio


def entitled(*keys: str) -> list[dict[str, Any]]:
    return [{"type": "Licence", "value": key} for key in keys]


def detail(answer: Any) -> str:
    return str(answer.get_json(force=True)["detail"])


# Seats ----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-02")
@pytest.mark.parametrize("form", FORMS)
def test_a_seat_is_taken_with_the_key_freed_with_it_and_given_to_another_one_at_once(form: str, studio: Studio) -> None:
    ana, bob = studio.create("ana", entitlements=entitled("gate")), studio.create("bob")
    assert studio.write(form, ana["id"], {"pass": "Day"}).status_code == 200
    assert studio.used("day") == 1
    assert studio.write(form, ana["id"], {"pass": None}).status_code == 200
    assert studio.used("day") == 0
    assert studio.write(form, bob["id"], {"pass": "day"}).status_code == 200
    assert (studio.used("day"), studio.used("gate")) == (1, 1)


@pytest.mark.req("CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_an_exhausted_pool_is_a_409_that_names_it_with_its_size_and_use_and_nothing_changes(
    form: str, studio: Studio
) -> None:
    studio.create("ana", **{"pass": "day"})
    bob = studio.create("bob", title="B")
    before = studio.state()
    answer = studio.write(form, bob["id"], {"pass": "Day", "title": "C", "line": "115"})
    assert_error(answer, 409)
    assert "scimType" not in answer.get_json(force=True)
    assert detail(answer) == f"{STUDIO}:pass: the licence pool 'Day' has 1 seat, and 1 of them is taken."
    assert_error(studio.client().send("POST", "/Users", nested({"userName": "leo", "pass": "day"})), 409)
    assert studio.state() == before


@pytest.mark.req("CC-54")
@pytest.mark.parametrize("form", FORMS)
def test_an_unknown_key_is_a_400_that_names_the_attribute_and_the_keys(form: str, studio: Studio) -> None:
    ana = studio.create("ana")
    before = studio.state()
    answer = studio.write(form, ana["id"], {"pass": "night"})
    assert_error(answer, 400, "invalidValue")
    assert detail(answer) == f"{STUDIO}:pass: there is no licence pool 'night'; expected one of day, gate."
    assert studio.state() == before


def test_an_unknown_key_of_who_is_off_is_refused_too_and_one_that_was_there_is_not_looked_at(studio: Studio) -> None:
    ana = studio.create("ana", active=False)
    assert_error(studio.write("entra", ana["id"], {"pass": "night"}), 400, "invalidValue")
    assert studio.write("entra", ana["id"], {"pass": "day"}).status_code == 200
    studio.run(lambda transaction: transaction.seats.remove_pool("day", None))
    assert studio.write("entra", ana["id"], {"active": True}).status_code == 200


@pytest.mark.req("CC-03")
@pytest.mark.parametrize("form", FORMS)
def test_who_holds_another_key_stays_when_one_is_taken_away_and_can_have_it_again(form: str, studio: Studio) -> None:
    ana = studio.create("ana", entitlements=entitled("gate"), **{"pass": "day"})
    for value in (None, "day"):
        assert studio.write(form, ana["id"], {"pass": value}).status_code == 200
    assert studio.read(ana["id"])[STUDIO]["pass"] == "day"
    assert studio.used("day") == 1


@pytest.mark.req("CC-04")
@pytest.mark.parametrize("form", FORMS)
def test_who_gives_the_last_key_away_is_answered_with_the_last_state_and_gone(form: str, studio: Studio) -> None:
    ana = studio.create("ana", **{"pass": "day"})
    answer = studio.write(form, ana["id"], {"pass": None, "title": "Was here"})
    assert answer.status_code == 200, answer.text
    shown = answer.get_json(force=True)
    assert (shown["userName"], shown["title"]) == ("ana", "Was here")
    assert "pass" not in shown[STUDIO]
    assert_error(studio.client().get(f"/Users/{ana['id']}"), 404)
    assert (studio.used("day"), studio.numbers_used()) == (0, 0)


@pytest.mark.req("CC-04")
def test_who_gives_the_last_key_away_in_bulk_is_gone_and_its_seat_free_for_the_next(studio: Studio) -> None:
    ana = studio.create("ana", **{"pass": "day"})
    remove = {"op": "remove", "path": f"{STUDIO}:pass"}
    bob = wanting("bob", **{"pass": "day"})
    entries = bulk.send(studio.client(), bulk.patch(f"/Users/{ana['id']}", remove), bob)
    assert bulk.statuses(entries) == ["200", "201"]
    assert bulk.names(studio.client()) == ["bob"]
    assert studio.used("day") == 1


@pytest.mark.req("CC-56")
def test_a_put_that_names_no_extension_takes_nobodys_seat_number_role_or_account(studio: Studio) -> None:
    ana = studio.create("ana", entitlements=entitled("gate"), part="porter", line="105", **{"pass": "day"})
    body = {"userName": "ana", "active": True, "title": "Pilot", "emails": [{"value": "ana@example.com"}]}
    for dialect in ("okta", "generic"):
        assert studio.client(dialect).send("PUT", f"/Users/{ana['id']}", nested(body)).status_code == 200
    after = studio.read(ana["id"])
    assert after[STUDIO] == ana[STUDIO]
    assert after["entitlements"] == entitled("gate")
    assert (after["active"], studio.used("day"), studio.used("gate"), studio.numbers_used()) == (True, 1, 1, 1)


@pytest.mark.req("CC-56")
def test_a_strict_put_without_the_last_key_frees_the_seat_and_is_no_removal(studio: Studio) -> None:
    ana = studio.create("ana", **{"pass": "day"})
    answer = studio.client("strict").send("PUT", f"/Users/{ana['id']}", nested({"userName": "ana"}))
    assert answer.status_code == 200, answer.text
    assert studio.read(ana["id"])["userName"] == "ana"
    assert studio.used("day") == 0


def test_an_element_that_another_one_writes_is_left_by_a_put_that_lists_others(studio: Studio) -> None:
    ana = studio.create("ana", entitlements=entitled("gate", "day"))
    answer = studio.client("okta").send("PUT", f"/Users/{ana['id']}", nested({"userName": "ana", "entitlements": []}))
    assert answer.status_code == 200, answer.text
    assert studio.read(ana["id"])["entitlements"] == entitled("gate")
    assert (studio.used("gate"), studio.used("day")) == (1, 0)


@pytest.mark.req("CC-50")
def test_of_two_who_want_the_last_seat_at_once_one_gets_it(studio: Studio) -> None:
    clients = [studio.client() for _ in range(2)]
    bodies = [nested({"userName": name, "pass": "day"}) for name in ("ana", "bob")]
    with ThreadPoolExecutor(2) as pool:
        answers = [*pool.map(lambda pair: pair[0].send("POST", "/Users", pair[1]), zip(clients, bodies, strict=True))]
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert studio.used("day") == 1
    assert len(bulk.names(studio.client())) == 1


@pytest.mark.req("CC-52")
@pytest.mark.parametrize("form", FORMS)
def test_who_is_off_frees_the_seat_and_finds_none_when_switched_on_again(form: str, studio: Studio) -> None:
    ana, bob = studio.create("ana", **{"pass": "day"}), studio.create("bob")
    assert studio.write(form, ana["id"], {"active": False}).status_code == 200
    assert studio.used("day") == 0
    assert studio.write(form, bob["id"], {"pass": "day"}).status_code == 200
    before = studio.state()
    answer = studio.write(form, ana["id"], {"active": True, "title": "Back"})
    assert_error(answer, 409)
    assert "the licence pool 'day' has 1 seat," in detail(answer)
    assert studio.state() == before
    assert studio.read(ana["id"])["active"] is False
    assert studio.write(form, bob["id"], {"active": False}).status_code == 200
    assert studio.write(form, ana["id"], {"active": True}).status_code == 200
    assert studio.used("day") == 1


@pytest.mark.req("CC-53")
def test_a_deletion_frees_seat_and_number_and_that_of_a_team_frees_nobody(studio: Studio) -> None:
    ana = studio.create("ana", **{"pass": "day"})
    team = studio.client().send("POST", "/Groups", {"displayName": "Band", "members": [{"value": ana["id"]}]})
    assert studio.client().send("DELETE", f"/Groups/{team.get_json(force=True)['id']}").status_code == 204
    assert (studio.used("day"), studio.numbers_used()) == (1, 1)
    assert studio.client().send("DELETE", f"/Users/{ana['id']}").status_code == 204
    assert (studio.used("day"), studio.numbers_used()) == (0, 0)


# Waiting --------------------------------------------------------------------------------------------------------------


def test_who_finds_no_seat_waits_and_the_next_one_goes_to_who_waits_longest(patient: Studio) -> None:
    ana, bob, leo = (patient.create(name, **{"pass": "day"}) for name in ("ana", "bob", "leo"))
    assert "waitsFor" not in patient.read(ana["id"])[STUDIO]
    assert [patient.read(each["id"])[STUDIO] for each in (bob, leo)] == [{"pass": "day", "waitsFor": ["day"]}] * 2
    assert patient.write("entra", ana["id"], {"active": False}).status_code == 200
    assert "waitsFor" not in patient.read(bob["id"])[STUDIO]
    assert patient.read(leo["id"])[STUDIO]["waitsFor"] == ["day"]
    assert patient.used("day") == 1


@pytest.mark.req("CC-52")
def test_who_comes_back_and_finds_no_seat_waits_where_the_profile_says_so(patient: Studio) -> None:
    ana, bob = patient.create("ana", **{"pass": "day"}), patient.create("bob")
    for id, values in ((ana["id"], {"active": False}), (bob["id"], {"pass": "day"}), (ana["id"], {"active": True})):
        assert patient.write("okta patch", id, values).status_code == 200
    assert patient.read(ana["id"])[STUDIO]["waitsFor"] == ["day"]
    assert patient.client().send("DELETE", f"/Users/{bob['id']}").status_code == 204
    assert "waitsFor" not in patient.read(ana["id"])[STUDIO]


def test_who_gives_the_last_key_away_is_switched_off_where_the_profile_says_so(patient: Studio) -> None:
    ana = patient.create("ana", **{"pass": "day"})
    answer = patient.write("okta put", ana["id"], {"pass": None})
    assert answer.status_code == 200, answer.text
    assert answer.get_json(force=True)["active"] is False
    assert patient.used("day") == 0


# Numbers --------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-22")
def test_a_number_is_allocated_when_absent_and_taken_as_it_is_given(studio: Studio) -> None:
    assert studio.create("ana")[STUDIO]["line"] == "100"
    assert studio.create("bob", line="101")[STUDIO]["line"] == "101"
    leo = studio.create("leo")
    assert leo[STUDIO]["line"] == "102"
    assert studio.read(leo["id"]) == leo
    found = studio.client().get(f'/Users?filter={STUDIO}:line eq "102"').get_json(force=True)
    assert found["totalResults"] == 1


@pytest.mark.req("CC-51")
@pytest.mark.parametrize("form", FORMS)
def test_a_number_that_another_one_has_is_a_conflict_that_names_the_holder(form: str, studio: Studio) -> None:
    studio.create("ana", line="105")
    bob = studio.create("bob")
    before = studio.state()
    answer = studio.write(form, bob["id"], {"line": "105", "title": "B"})
    assert_error(answer, 409, "uniqueness")
    assert detail(answer) == f"{STUDIO}:line: '105' belongs to 'ana'."
    answer = studio.client().send("POST", "/Users", nested({"userName": "leo", "line": "105"}))
    assert_error(answer, 409, "uniqueness")
    assert detail(answer) == f"{STUDIO}:line: '105' belongs to 'ana'."
    assert studio.state() == before


@pytest.mark.req("CC-51")
def test_numbers_that_are_wanted_at_once_are_given_once_and_none_is_skipped(studio: Studio) -> None:
    studio.lines("500", "599")
    client = studio.client()
    bodies = [nested({"userName": f"u{index}"}) for index in range(50)]
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda body: client.send("POST", "/Users", body), bodies)]
    lines = sorted(answer.get_json(force=True)[STUDIO]["line"] for answer in answers)
    assert lines == [str(number) for number in (*range(100, 120), *range(500, 530))]


@pytest.mark.req("CC-51")
def test_of_two_who_want_the_same_number_at_once_one_gets_it(studio: Studio) -> None:
    client = studio.client()
    bodies = [nested({"userName": name, "line": "105"}) for name in ("ana", "bob")]
    with ThreadPoolExecutor(2) as pool:
        answers = [*pool.map(lambda body: client.send("POST", "/Users", body), bodies)]
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert studio.numbers_used() == 1


def test_where_no_number_is_left_a_creation_is_refused(server: Server) -> None:
    studio = Studio(server, server.tenant("strict-studio"))
    studio.lines("7", "7")
    studio.create("ana")
    answer = studio.client().send("POST", "/Users", nested({"userName": "bob"}))
    assert_error(answer, 409)
    assert detail(answer) == f"{STUDIO}:line: no number is free; the ranges are exhausted."


def test_a_number_outside_of_the_ranges_is_a_400_that_names_them(studio: Studio) -> None:
    answer = studio.client().send("POST", "/Users", nested({"userName": "ana", "line": "0100"}))
    assert_error(answer, 400, "invalidValue")
    assert detail(answer) == f"{STUDIO}:line: '0100' is in no range; expected a number of 100-119."


def test_a_released_number_rests_until_a_time_that_is_told_and_goes_back_to_who_returns(studio: Studio) -> None:
    ana = studio.create("Ana", line="105")
    assert studio.client().send("DELETE", f"/Users/{ana['id']}").status_code == 204
    answer = studio.client().send("POST", "/Users", nested({"userName": "bob", "line": "105"}))
    assert_error(answer, 409)
    assert "'105' was given back and rests until 20" in detail(answer)
    assert studio.create("ana")[STUDIO]["line"] == "105"


@pytest.mark.parametrize("form", FORMS)
def test_a_number_is_changed_and_the_old_one_rests(form: str, studio: Studio) -> None:
    ana = studio.create("ana", line="105")
    assert studio.write(form, ana["id"], {"line": "106"}).status_code == 200
    assert studio.write(form, ana["id"], {"active": False}).status_code == 200
    assert studio.numbers_used() == 1
    assert_error(studio.client().send("POST", "/Users", nested({"userName": "bob", "line": "106"})), 409, "uniqueness")


# What is enforced once the tenant has set it up -----------------------------------------------------------------------


def test_before_there_is_a_pool_or_a_range_keys_and_numbers_are_plain_values(free: Studio) -> None:
    ana = free.create("ana", line="any", **{"pass": "whatever"})
    assert ana[STUDIO] == {"pass": "whatever", "line": "any"}
    assert "line" not in free.create("bob").get(STUDIO, {})
    answer = free.client().send("POST", "/Users", nested({"userName": "leo", "line": "any"}))
    assert_error(answer, 409, "uniqueness")
    assert detail(answer) == f"{STUDIO}:line: 'any' belongs to 'ana'."
    bob = free.create("bea", line="other")
    answer = free.write("entra", bob["id"], {"line": "any"})
    assert_error(answer, 409, "uniqueness")
    assert detail(answer) == f"{STUDIO}:line: 'any' belongs to 'ana'."


def test_from_the_first_pool_and_the_first_range_on_they_are_checked_where_they_change(free: Studio) -> None:
    ana = free.create("ana", line="any", **{"pass": "whatever"})
    free.pool("day", 1)
    free.lines("200", "209")
    assert free.write("okta put", ana["id"], {"title": "Pilot"}).status_code == 200
    assert_error(free.write("entra", ana["id"], {"pass": "other"}), 400, "invalidValue")
    assert_error(free.write("entra", ana["id"], {"line": "other"}), 400, "invalidValue")
    assert free.write("entra", ana["id"], {"line": "207", "pass": "Day"}).status_code == 200
    assert free.create("bob")[STUDIO]["line"] == "200"


# Roles ----------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-10", "CC-11")
def test_a_user_has_several_roles_and_loses_the_one_that_is_taken_away(studio: Studio) -> None:
    ana = studio.create("ana", roles=[{"value": "player"}, {"value": "porter"}, {"value": "conductor"}])
    assert "part" not in ana[STUDIO]
    remove = {"op": "Remove", "path": 'roles[value eq "player"]'}
    answer = studio.client("entra").send(
        "PATCH", f"/Users/{ana['id']}", {"schemas": [PATCH_OP], "Operations": [remove]}
    )
    assert answer.status_code == 200, answer.text
    after = studio.read(ana["id"])
    assert [role["value"] for role in after["roles"]] == ["porter", "conductor"]
    assert after["active"] is True


@pytest.mark.req("CC-12")
@pytest.mark.parametrize("form", FORMS)
def test_who_loses_the_only_role_is_switched_off_stays_readable_and_can_be_switched_on(
    form: str, studio: Studio
) -> None:
    ana = studio.create("ana", part="porter", **{"pass": "day"})
    answer = studio.write(form, ana["id"], {"part": None})
    assert answer.status_code == 200, answer.text
    after = studio.read(ana["id"])
    assert (after["active"], after[STUDIO].get("part"), studio.used("day")) == (False, None, 0)
    assert studio.write(form, ana["id"], {"active": True, "part": "porter"}).status_code == 200
    assert (studio.read(ana["id"])["active"], studio.used("day")) == (True, 1)


@pytest.mark.req("CC-12")
def test_who_is_switched_off_keeps_the_roles(studio: Studio) -> None:
    ana = studio.create("ana", part="porter")
    studio.write("entra", ana["id"], {"active": False})
    assert studio.read(ana["id"])[STUDIO]["part"] == "porter"


def test_who_is_created_without_a_role_has_the_default_one(studio: Studio) -> None:
    assert studio.create("ana")[STUDIO]["part"] == "player"
    assert studio.create("bob", part="porter")[STUDIO]["part"] == "porter"


@pytest.mark.req("CC-40")
@pytest.mark.parametrize("form", FORMS)
def test_a_credential_gives_the_roles_that_it_may_give_and_no_others(form: str, studio: Studio) -> None:
    ana = studio.create("ana", part="conductor")
    bob = studio.create("bob")
    before = studio.state()
    limited = Studio(studio.server, studio.tenant)
    grants = frozenset({"player", "porter"})
    limited.client = lambda dialect="generic", **terms: Studio.client(studio, dialect, grants=grants)  # type: ignore[method-assign]
    answer = limited.write(form, bob["id"], {"part": "Conductor"})
    assert_error(answer, 403)
    expected = f"{STUDIO}:part: this credential may not give the role 'Conductor'; it may give player, porter."
    assert detail(answer) == expected
    assert_error(limited.client().send("POST", "/Users", nested({"userName": "leo", "part": "conductor"})), 403)
    assert studio.state() == before
    assert limited.write(form, ana["id"], {"title": "Boss", "part": "conductor"}).status_code == 200
    assert limited.write(form, bob["id"], {"part": "porter"}).status_code == 200
    assert limited.create("leo")[STUDIO]["part"] == "player"


# Who leaves -----------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-57")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ({"line": "105"}, {"line": "101"}),
        ({"line": "999"}, {"line": "101"}),
        ({"pass": "night"}, {"pass": "gate"}),
        ({"userName": "ana"}, {"userName": "bob"}),
        ({"takes": 10}, {"takes": 1}),
        ({"line": "105", "pass": "night", "takes": 10}, {"line": "101", "pass": "gate", "takes": 1}),
    ],
)
def test_who_leaves_is_switched_off_without_what_is_refused(
    values: dict[str, Any], kept: dict[str, Any], form: str, studio: Studio
) -> None:
    studio.create("ana", line="105")
    bob = studio.create("bob", line="101", takes=1, **{"pass": "gate"})
    answer = studio.write(form, bob["id"], {**values, "title": "Gone", "active": False})
    assert answer.status_code == 200, answer.text
    after = studio.read(bob["id"])
    assert (after["active"], after["title"]) == (False, "Gone")
    assert {**after, **after[STUDIO]}.items() >= kept.items()
    assert (studio.used("gate"), studio.numbers_used()) == (0, 2)


@pytest.mark.req("CC-57")
def test_who_leaves_where_seats_stay_is_switched_off_without_the_key_that_is_exhausted(free: Studio) -> None:
    free.pool("day", 1)
    free.pool("gate", 1)
    ana, bob = free.create("ana", **{"pass": "day"}), free.create("bob", **{"pass": "gate"})
    assert free.write("entra", bob["id"], {"pass": "day", "active": False}).status_code == 200
    assert free.read(bob["id"])[STUDIO]["pass"] == "gate"
    assert free.write("entra", ana["id"], {"pass": "gate", "active": False}).status_code == 200
    assert (free.used("day"), free.used("gate")) == (1, 1)


# Events ---------------------------------------------------------------------------------------------------------------


def events(studio: Studio) -> list[tuple[str, str, str]]:
    """(kind, resource, content) of what is to be told."""
    statement = "SELECT kind, resource_id, content FROM outbox WHERE tenant_id = {} ORDER BY sequence"
    with studio.server.database.connections.reader.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement.format(studio.tenant.id))]


@pytest.mark.req("CC-13")
def test_a_creation_is_told_unless_a_password_was_given(studio: Studio) -> None:
    ana = studio.create("ana", title="Pilot", takes=3)
    studio.create("bob", password="correct horse")
    leo = studio.create("leo", password=None)
    assert [(kind, id) for kind, id, _ in events(studio)] == [("greeting", ana["id"]), ("greeting", leo["id"])]
    assert events(studio)[0][2] == f'{{"title":"Pilot","{STUDIO}:takes":3}}'


def test_a_refused_creation_is_not_told(studio: Studio) -> None:
    assert_error(studio.client().send("POST", "/Users", nested({"userName": "ana", "pass": "night"})), 400)
    assert events(studio) == []


# Bulk -----------------------------------------------------------------------------------------------------------------


def wanting(name: str, bulk_id: str | None = None, **own: Any) -> bulk.Entry:
    made = bulk.user(name) | {"bulkId": bulk_id or name}
    made["data"] |= {STUDIO: own} if own else {}
    return made


@pytest.mark.req("CC-54", "R-BULK-19")
def test_creates_in_bulk_fail_alone_and_free_what_they_took(studio: Studio) -> None:
    entries = bulk.send(
        studio.client(),
        wanting("ana", **{"pass": "day", "line": "999"}),
        wanting("bob", line="100", **{"pass": "gate"}),
        wanting("ana", "ana again", **{"pass": "day"}),
        wanting("leo", **{"pass": "day"}),
        wanting("leo", "leo again"),
        wanting("bea", line="100"),
        wanting("bob", "bob again", **{"pass": "gate"}),
        wanting("zoe", **{"pass": "night"}),
    )
    assert bulk.statuses(entries) == ["400", "201", "201", "409", "201", "409", "409", "400"]
    assert entries[5]["response"]["detail"] == f"{STUDIO}:line: '100' belongs to 'bob'."
    assert "the licence pool 'day' has 1 seat," in entries[3]["response"]["detail"]
    assert bulk.names(studio.client()) == ["bob", "ana", "leo"]
    assert (studio.used("day"), studio.used("gate"), studio.numbers_used()) == (1, 1, 3)
    lines = [bulk.got(studio.client(), entries[place])[STUDIO]["line"] for place in (1, 2, 4)]
    assert lines == ["100", "101", "102"]


@pytest.mark.req("CC-50", "CC-51")
def test_bulk_requests_that_want_the_last_seats_in_opposite_orders_all_come_through(studio: Studio) -> None:
    client = studio.client()

    def run(number: int) -> list[bulk.Entry]:
        keys = ("day", "gate") if number % 2 else ("gate", "day")
        return bulk.send(client, *(wanting(f"u{number}-{i}", **{"pass": keys[i % 2]}) for i in range(6)))

    with ThreadPoolExecutor(4) as pool:
        entries = [entry for answer in pool.map(run, range(6)) for entry in answer]
    assert sorted({entry["status"] for entry in entries}) == ["201", "409"]
    assert bulk.statuses(entries).count("201") == 6
    assert (studio.used("day"), studio.used("gate"), studio.numbers_used()) == (1, 5, 6)


def test_creates_that_refer_to_each_other_stand_or_fall_together(studio: Studio) -> None:
    manager = bulk.ENTERPRISE
    first, second = wanting("ana", **{"pass": "day"}), wanting("bob", **{"pass": "day"})
    first["data"] |= {manager: {"manager": {"value": "bulkId:bob"}}}
    second["data"] |= {manager: {"manager": {"value": "bulkId:ana"}}}
    entries = bulk.send(studio.client(), first, second, wanting("leo", **{"pass": "day"}))
    assert bulk.statuses(entries) == ["409", "409", "201"]
    assert bulk.names(studio.client()) == ["leo"]
    assert (studio.used("day"), studio.numbers_used()) == (1, 1)


def test_a_bulk_request_that_is_all_or_nothing_leaves_no_seat_taken(studio: Studio) -> None:
    before = studio.state()
    operations = [wanting("ana", **{"pass": "day"}), wanting("bob", **{"pass": "night"})]
    entries = bulk.send(studio.client(), *operations, headers={"SCIM-Bulk-Atomic": "true"})
    assert bulk.statuses(entries) == ["424", "400"]
    assert studio.state() == before


@pytest.mark.req("CC-57")
def test_who_leaves_in_bulk_is_never_refused(studio: Studio) -> None:
    ana, bob = studio.create("ana", line="105"), studio.create("bob", **{"pass": "day"})
    steps: list[dict[str, Any]] = [
        {"op": "replace", "path": f"{STUDIO}:line", "value": "105"},
        {"op": "replace", "path": "active", "value": False},
    ]
    entries = bulk.send(
        studio.client(), bulk.patch(f"/Users/{bob['id']}", *steps), bulk.delete(f"/Users/{ana['id']}"), wanting("leo")
    )
    assert bulk.statuses(entries) == ["200", "204", "201"]
    assert (studio.used("day"), studio.numbers_used()) == (0, 2)


def test_a_number_in_bulk_that_an_operation_before_wants_too_names_that_ones_user(free: Studio) -> None:
    entries = bulk.send(free.client(), wanting("ana", line="any"), wanting("bob", line="any"))
    assert bulk.statuses(entries) == ["201", "409"]
    assert entries[1]["response"]["detail"] == f"{STUDIO}:line: 'any' belongs to 'ana'."


# What a write does beside storing a resource --------------------------------------------------------------------------


def effects(client: Client, method: str, path: str, body: Any = None) -> list[tuple[str, str]]:
    """(kind, value) of what a write would do beside storing the resource."""
    answer = client.send(method, path, body, {"SCIM-Dry-Run": "true"})
    assert answer.status_code == 200, answer.text
    return [(effect["kind"], effect["value"]) for effect in answer.get_json(force=True)["effects"]]


def test_a_write_tells_what_it_does_beside_and_a_refused_operation_nothing(studio: Studio) -> None:
    client = studio.client()
    ana = studio.create("ana", part="porter", entitlements=entitled("gate"), **{"pass": "day"})
    path = f"/Users/{ana['id']}"
    assert effects(client, "POST", "/Users", nested({"userName": "bob", "pass": "gate"})) == [
        ("seat taken", "gate"),
        ("number allocated", "101"),
        ("event", "greeting"),
    ]
    assert effects(client, "PATCH", path, as_okta({"line": "105"})) == [
        ("number released", "100"),
        ("number taken", "105"),
    ]
    assert effects(client, "PATCH", path, as_okta({"active": False})) == [
        ("seat freed", "day"),
        ("seat freed", "gate"),
        ("deactivated", ""),
    ]
    assert effects(client, "PATCH", path, as_okta({"pass": None, "entitlements": []})) == [
        ("seat freed", "day"),
        ("seat freed", "gate"),
        ("number released", "100"),
        ("removed", ""),
    ]
    assert effects(client, "DELETE", path)[-2:] == [("number released", "100"), ("removed", "")]
    assert effects(client, "PATCH", path, as_okta({"title": "x"})) == []
    refused = [wanting("bob", line="999", **{"pass": "gate"}), wanting("leo", line="110", **{"pass": "gate"})]
    told = effects(client, "POST", "/Bulk", {"schemas": [bulk.BULK_REQUEST], "Operations": refused})
    assert told == [("seat taken", "gate"), ("number taken", "110"), ("event", "greeting")]


def test_who_waits_and_who_inherits_is_told(patient: Studio) -> None:
    ana = patient.create("ana", **{"pass": "day"})
    body = nested({"userName": "bob", "pass": "day"})
    assert effects(patient.client(), "POST", "/Users", body) == [("seat awaited", "day")]
    patient.create("bob", **{"pass": "day"})
    told = effects(patient.client(), "DELETE", f"/Users/{ana['id']}")
    assert told == [("seat freed", "day"), ("seat passed on", "day"), ("removed", "")]


@pytest.mark.req("CC-57")
def test_what_is_left_out_of_a_leavers_write_is_no_effect_and_is_counted(studio: Studio) -> None:
    studio.create("ana", line="105")
    bob = studio.create("bob")
    told = effects(studio.client(), "PATCH", f"/Users/{bob['id']}", as_okta({"line": "105", "active": False}))
    assert told == [("deactivated", "")]


# What it costs --------------------------------------------------------------------------------------------------------


def test_a_write_without_effects_costs_no_statement_more(server: Server, studio: Studio) -> None:
    counted = []
    for profile in ("plain-studio", "strict-studio"):
        tenant = server.tenant(profile)
        there = Studio(server, tenant)
        there.lines("100", "109")
        ana = there.create("ana", part="player", active=True)
        with sent_to(server.database.connections.reader, server.database.connections.writer) as sent:
            there.write("entra", ana["id"], {"title": "Pilot"})
            there.client().send("PUT", f"/Users/{ana['id']}", nested({"userName": "ana", "title": "Boss"}))
        counted.append(len(sent))
    assert counted[0] == counted[1]
