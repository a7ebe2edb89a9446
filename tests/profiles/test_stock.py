"""What a write takes and gives back under a profile: seats, numbers, roles, events; and who leaves by it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain.attrpath import AttrPath, bind
from scim_server.domain.resource import copy
from scim_server.domain.rules import Decision, Event, NumberChange, Verb, Write
from scim_server.errors import Forbidden
from scim_server.profiles.decisions import TypeRules
from scim_server.profiles.sets import JointSet
from scim_server.profiles.targets import Target
from tests.http.studio import FOLDER, OWN, STUDIO
from tests.registries import registry_of_profile


def rules_of(profile: str) -> TypeRules:
    user = registry_of_profile(FOLDER, profile).named("User")
    assert user is not None
    assert isinstance(user.rules, TypeRules)
    return user.rules


STRICT, FREE, PATIENT = map(rules_of, ("strict-studio", "free-studio", "patient-studio"))


def entitled(*keys: str) -> list[dict[str, Any]]:
    return [{"type": "Licence", "value": key} for key in keys]


STORED: dict[str, Any] = {
    "userName": "Ana",
    "active": True,
    "entitlements": entitled("Gate"),
    STUDIO: {"pass": "day", "line": "105", "part": "porter"},
}
OFF = {**STORED, "active": False}


def changed(attributes: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with these values; None takes away. What the extension has goes there."""
    result: dict[str, Any] = copy(attributes)
    for name, value in changes.items():
        held = result.setdefault(STUDIO, {}) if name in OWN else result
        held[name] = value
        if value is None:
            del held[name]
    return result


def named(names: Any) -> set[str]:
    return {f"{STUDIO}:{name}" if name in OWN else name for name in names}


def patched(rules: TypeRules, before: dict[str, Any], changes: dict[str, Any]) -> Decision:
    return rules.decide(Write(Verb.PATCH, before, changed(before, changes), named(changes)))


def put(before: dict[str, Any], after: dict[str, Any], *names: str) -> Decision:
    return STRICT.decide(Write(Verb.REPLACE, before, after, named(names)))


def created(rules: TypeRules, attributes: dict[str, Any], **more: Any) -> Decision:
    names = {*attributes, *(f"{STUDIO}:{name}" for name in attributes.get(STUDIO, ())), *more.get("passing", ())}
    return rules.decide(Write(Verb.CREATE, {}, attributes, names, **more))


def freed(decision: Decision) -> list[str]:
    return [wish.key for wish in decision.seats.free] if decision.seats else []


def taken(decision: Decision) -> list[str]:
    return [wish.key for wish in decision.seats.take] if decision.seats else []


# Seats ----------------------------------------------------------------------------------------------------------------

# before, changes, what is freed, what is taken
SEATS: list[tuple[dict[str, Any], dict[str, Any], list[str], list[str]]] = [
    (STORED, {"title": "Pilot"}, [], []),
    (STORED, {"pass": "DAY"}, [], []),
    (STORED, {"pass": None}, ["day"], []),
    (STORED, {"pass": "night"}, ["day"], ["night"]),
    (STORED, {"pass": "gate"}, ["day"], []),
    (STORED, {"pass": None, "entitlements": entitled("Gate", "Day")}, [], []),
    (STORED, {"entitlements": [{"type": "Badge", "value": "x"}]}, ["gate"], []),
    (STORED, {"entitlements": entitled("B", "gate", "a")}, [], ["a", "b"]),
    (STORED, {"active": False}, ["day", "gate"], []),
    (STORED, {"active": False, "pass": "night"}, ["day", "gate"], []),
    (STORED, {"active": None}, [], []),
    (OFF, {"active": True}, [], ["day", "gate"]),
    (OFF, {"active": True, "pass": None}, [], ["gate"]),
    (OFF, {"pass": "night"}, [], []),
    (OFF, {"pass": None}, [], []),
]


@pytest.mark.req("CC-02", "CC-03", "CC-52")
@pytest.mark.parametrize(("before", "changes", "free", "take"), SEATS)
def test_the_difference_of_the_sets_is_what_is_freed_and_taken(
    before: dict[str, Any], changes: dict[str, Any], free: list[str], take: list[str]
) -> None:
    decision = patched(STRICT, before, changes)
    assert (freed(decision), taken(decision)) == (free, take)


def test_a_new_key_is_to_be_known_though_it_takes_no_seat_and_one_that_was_there_is_not_looked_at() -> None:
    seats = patched(STRICT, OFF, {"pass": "Night"}).seats
    assert seats is not None
    assert [(wish.key, wish.value, wish.path) for wish in seats.new] == [("night", "Night", f"{STUDIO}:pass")]
    again = patched(STRICT, OFF, {"active": True}).seats
    assert again is not None
    assert (len(again.take), again.new) == (2, ())


def test_a_seat_change_says_what_the_profile_says() -> None:
    strict, free, patient = (patched(rules, STORED, {"pass": "night"}).seats for rules in (STRICT, FREE, PATIENT))
    assert strict is not None
    assert free is not None
    assert patient is not None
    assert [(each.pending, each.optional) for each in (strict, free, patient)] == [
        (None, False),
        (None, True),
        (f"{STUDIO}:waitsFor", False),
    ]
    assert freed(patched(FREE, STORED, {"active": False})) == []


def test_a_creation_takes_and_a_deletion_gives_back() -> None:
    assert taken(created(STRICT, STORED)) == ["day", "gate"]
    assert taken(created(STRICT, OFF)) == []
    gone = STRICT.decide(Write(Verb.DELETE, STORED, {}, ()))
    assert (freed(gone), gone.leaves, gone.is_removed) == (["day", "gate"], True, False)
    assert freed(STRICT.decide(Write(Verb.DELETE, OFF, {}, ()))) == []


# What becomes of who gives the last one away ----------------------------------------------------------------------

ONE_KEY = {**STORED, "entitlements": []}
NO_KEY = changed(ONE_KEY, {"pass": None})


@pytest.mark.req("CC-03", "CC-04")
@pytest.mark.parametrize(
    ("before", "changes", "is_removed"),
    [
        (STORED, {"pass": None}, False),
        (ONE_KEY, {"pass": None}, True),
        (ONE_KEY, {"pass": "night"}, False),
        (ONE_KEY, {"pass": None, "entitlements": entitled("Gate")}, False),
        (NO_KEY, {"pass": None, "title": "x"}, False),
        ({**ONE_KEY, "active": False}, {"pass": None}, True),
    ],
)
def test_who_gives_the_last_key_away_is_removed(
    before: dict[str, Any], changes: dict[str, Any], is_removed: bool
) -> None:
    decision = patched(STRICT, before, changes)
    assert decision.is_removed is is_removed
    assert decision.leaves is is_removed
    if is_removed:
        assert decision.number is not None
        assert (decision.number.release, decision.number.take) == ("105", None)


@pytest.mark.req("CC-04", "CC-56")
@pytest.mark.parametrize(
    ("names", "is_removed"),
    [((), False), (("entitlements",), False), (("pass",), True), (("pass", "entitlements"), True)],
)
def test_what_a_put_does_not_name_it_does_not_take_away(names: tuple[str, ...], is_removed: bool) -> None:
    assert put(ONE_KEY, NO_KEY, *names).is_removed is is_removed


def test_of_a_put_that_names_one_of_two_that_had_keys_nothing_follows() -> None:
    both = {**STORED, "entitlements": entitled("night")}
    neither = changed(both, {"pass": None, "entitlements": None})
    assert not put(both, neither, "pass").is_removed
    assert put(both, neither, "pass", "entitlements").is_removed


def test_who_gives_the_last_key_away_is_switched_off_where_the_profile_says_so() -> None:
    decision = patched(PATIENT, ONE_KEY, {"pass": None})
    assert (decision.attributes["active"], decision.leaves, decision.is_removed) == (False, True, False)
    again = patched(PATIENT, {**ONE_KEY, "active": False}, {"pass": None})
    assert (again.attributes["active"], again.leaves) == (False, False)


@pytest.mark.req("CC-12")
def test_who_loses_the_last_role_is_switched_off_and_frees_the_seats() -> None:
    decision = patched(STRICT, STORED, {"part": None})
    assert (decision.attributes["active"], decision.leaves) == (False, True)
    assert freed(decision) == ["day", "gate"]
    assert patched(STRICT, {**STORED, "roles": [{"value": "player"}]}, {"part": None}).attributes["active"] is True


def test_an_element_with_a_kept_key_is_left_by_a_put_that_does_not_list_it() -> None:
    listed = {**STORED, "entitlements": [{"type": "Licence", "value": "night", "primary": True}]}
    held = {**STORED, "entitlements": [{"type": "Licence", "value": "GATE", "primary": True}, *entitled("day")]}
    decision = put(held, listed, "entitlements")
    left = {"type": "Licence", "value": "GATE", "primary": False}
    assert decision.attributes["entitlements"] == [*listed["entitlements"], left]
    assert (freed(decision), taken(decision)) == ([], ["night"])
    assert put(held, held, "entitlements").attributes == held
    assert patched(STRICT, held, {"entitlements": entitled("night")}).attributes["entitlements"] == entitled("night")


@pytest.mark.req("CC-56")
def test_a_put_takes_no_key_and_no_role_of_an_attribute_that_it_does_not_name() -> None:
    others = [{"type": "other", "value": "x"}]
    held = {**STORED, "entitlements": [*entitled("gate", "day"), *others], "roles": [{"value": "player"}]}
    unnamed = put(held, {"userName": "Ana", STUDIO: STORED[STUDIO]}).attributes
    assert (unnamed["entitlements"], unnamed["roles"]) == (entitled("gate", "day"), held["roles"])
    emptied = put(held, {"userName": "Ana", STUDIO: STORED[STUDIO]}, "entitlements", "roles").attributes
    assert (emptied["entitlements"], "roles" in emptied) == (entitled("gate"), False)


@pytest.mark.req("CC-56")
def test_a_put_leaves_a_single_core_attribute_of_a_set_that_it_does_not_name() -> None:
    user = registry_of_profile(FOLDER, "strict-studio").named("User")
    assert user is not None
    path = bind(AttrPath("userType"), user)
    assert path is not None
    held = JointSet((Target("userType", path),))
    before = {"userName": "Ana", "userType": "lead"}
    unnamed = held.with_unnamed(Write(Verb.REPLACE, before, {"userName": "Ana"}, {"userName"}))
    named = held.with_unnamed(Write(Verb.REPLACE, before, {"userName": "Ana"}, {"userName", "userType"}))
    assert (unnamed.after, named.after) == (before, {"userName": "Ana"})


# Numbers --------------------------------------------------------------------------------------------------------------


def number(release: str | None, take: str | None, *, allocate: bool = False, name: str = "ana") -> NumberChange:
    return NumberChange(f"{STUDIO}:line", release, take, allocate, name, 30, False, "userName")


@pytest.mark.req("CC-22")
def test_a_number_is_taken_or_allocated_at_creation() -> None:
    assert created(STRICT, STORED).number == number(None, "105")
    assert created(STRICT, changed(STORED, {"line": None})).number == number(None, None, allocate=True)
    assert created(STRICT, changed(OFF, {"line": None})).number == number(None, None, allocate=True)
    assert created(PATIENT, STORED).number is None


# before, changes, what is released, what is taken
NUMBERS: list[tuple[dict[str, Any], dict[str, Any], tuple[str | None, str | None] | None]] = [
    (STORED, {"title": "x"}, None),
    (STORED, {"line": "１０５"}, None),
    (STORED, {"line": "106"}, ("105", "106")),
    (STORED, {"line": None}, ("105", None)),
    (STORED, {"active": False}, None),
    (OFF, {"active": True}, None),
    (changed(STORED, {"line": None}), {"title": "x"}, None),
    (changed(STORED, {"line": None}), {"line": "0100"}, (None, "0100")),
]


@pytest.mark.parametrize(("before", "changes", "expected"), NUMBERS)
def test_a_number_is_held_until_it_is_another_one(
    before: dict[str, Any], changes: dict[str, Any], expected: tuple[str | None, str | None] | None
) -> None:
    found = patched(STRICT, before, changes).number
    assert found == (number(*expected) if expected else None)


def test_a_deletion_releases_the_number_for_who_has_that_name() -> None:
    assert STRICT.decide(Write(Verb.DELETE, STORED, {}, ())).number == number("105", None)
    assert patched(STRICT, STORED, {"userName": "Bob", "line": "106"}).number == number("105", "106", name="bob")


# Roles ----------------------------------------------------------------------------------------------------------------


def test_who_is_created_without_a_role_has_the_default_one() -> None:
    assert created(STRICT, {"userName": "bob"}).attributes == {"userName": "bob", STUDIO: {"part": "player"}}
    with_roles = {"userName": "bob", "roles": [{"value": "x"}]}
    assert created(STRICT, with_roles).attributes == with_roles
    assert put(STORED, {"userName": "Ana"}).attributes.get(STUDIO, {}).get("part") is None


# changes, roles that may be given, the role that is refused
GRANTS: list[tuple[dict[str, Any], set[str], str | None]] = [
    ({"part": "conductor"}, {"player"}, "conductor"),
    ({"part": "Player"}, {"player"}, None),
    ({"part": "PORTER"}, set(), None),
    ({"part": "conductor"}, set(), "conductor"),
    ({"roles": [{"value": "porter"}]}, set(), None),
    ({"roles": [{"value": "porter"}, {"value": "boss"}]}, {"player"}, "boss"),
    ({"part": None}, set(), None),
    ({"title": "x"}, set(), None),
]


@pytest.mark.req("CC-40")
@pytest.mark.parametrize(("changes", "grants", "refused"), GRANTS)
def test_a_credential_gives_what_it_may_and_what_was_there_stays(
    changes: dict[str, Any], grants: set[str], refused: str | None
) -> None:
    write = Write(Verb.PATCH, STORED, changed(STORED, changes), named(changes), grants)
    if refused is None:
        STRICT.decide(write)
        return
    with pytest.raises(Forbidden) as caught:
        STRICT.decide(write)
    may = "it may give player" if grants else "it may give none"
    assert f"this credential may not give the role '{refused}'; {may}." in caught.value.detail


def test_the_default_role_is_given_by_the_profile_and_by_no_credential() -> None:
    assert created(STRICT, {"userName": "bob"}, grants=set()).attributes[STUDIO] == {"part": "player"}


@pytest.mark.req("CC-57")
def test_who_leaves_does_so_without_the_role_that_may_not_be_given() -> None:
    changes = {"part": "conductor", "active": False}
    decision = STRICT.decide(Write(Verb.PATCH, STORED, changed(STORED, changes), named(changes), {"player"}))
    assert decision.attributes == changed(STORED, {"active": False})
    assert (decision.skipped, decision.is_leaver, decision.leaves) == ((f"{STUDIO}:part",), True, True)


# Events ---------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CC-13")
def test_a_creation_is_told_with_what_it_carries_unless_the_body_gives_the_password() -> None:
    bob = {"userName": "bob", "title": "Pilot", STUDIO: {"takes": 3, "part": "player"}}
    content = {"title": "Pilot", f"{STUDIO}:takes": 3}
    assert created(STRICT, bob).events == (Event("greeting", content),)
    assert created(STRICT, bob, passing={"password": "secret"}).events == ()
    assert created(STRICT, bob, passing={"password": None}).events == (Event("greeting", content),)
    assert created(PATIENT, bob).events == ()
    assert patched(STRICT, STORED, {"title": "x"}).events == ()


def test_what_is_not_kept_goes_into_an_event_too(tmp_path: Path) -> None:
    rules = registry_with_event(tmp_path)
    bob = {"userName": "bob", "roles": [{"value": "a"}, {"value": "b"}]}
    passing = {f"{STUDIO}:secret": True, "password": "p"}
    content = {f"{STUDIO}:secret": True, "roles.value": ["a", "b"]}
    assert created(rules, bob, passing=passing).events == (Event("made", content),)
    assert created(rules, {"userName": "bob"}).events == (Event("made", {}),)


def registry_with_event(folder: Path) -> TypeRules:
    """A profile that carries what is never returned, which no text may be."""
    shutil.copytree(FOLDER, folder / "studio")
    schema = folder / "studio" / "music" / "schemas" / "studio-user.json"
    text = schema.read_text(encoding="utf-8")
    schema.write_text(text.replace('"name": "secret",', '"name": "secret", "type": "boolean",'), encoding="utf-8")
    path = folder / "studio" / "plain" / "profile.toml"
    event = f"""
kept = {{secret = "discarded"}}
[[events]]
resource_type = "User"
on = "create"
kind = "made"
carries = ["{STUDIO}:secret", "roles.value"]
"""
    path.write_text(f"{path.read_text(encoding='utf-8').rstrip()}{event}", encoding="utf-8")
    user = registry_of_profile(folder / "studio", "plain-studio").named("User")
    assert user is not None
    assert isinstance(user.rules, TypeRules)
    return user.rules


# Leaving --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "changes", "leaves"),
    [
        (STORED, {"active": False}, True),
        (changed(STORED, {"active": None}), {"active": False}, True),
        (OFF, {"active": False}, False),
        (OFF, {"title": "x"}, False),
        (OFF, {"active": True}, False),
        (STORED, {"title": "x"}, False),
    ],
)
def test_who_is_switched_off_leaves(before: dict[str, Any], changes: dict[str, Any], leaves: bool) -> None:
    assert patched(STRICT, before, changes).leaves is leaves
    assert not created(STRICT, OFF).leaves


def test_a_write_without_what_it_changes_at_a_path_has_what_was_there() -> None:
    changes = {"pass": "night", "line": "106", "entitlements": [], "title": "x"}
    write = Write(Verb.PATCH, STORED, changed(STORED, changes), named(changes))
    assert STRICT.without(write, f"{STUDIO}:line").after == changed(write.after, {"line": "105"})
    assert STRICT.without(write, f"{STUDIO}:pass").after == changed(write.after, {"pass": "day"})
    path = 'entitlements[type eq "Licence"].value'
    assert STRICT.without(write, path).after == changed(write.after, {"entitlements": entitled("Gate")})
    assert STRICT.without(write, "title") == write
    assert PATIENT.without(write, f"{STUDIO}:line") == write


KEYS = st.sampled_from([None, "day", "Day", "gate", "night"])
USERS = st.builds(
    lambda name, part, line, keys, active: {
        "userName": "ana",
        "active": active,
        "entitlements": entitled(*keys),
        STUDIO: {n: v for n, v in (("pass", name), ("part", part), ("line", line)) if v is not None},
    },
    KEYS,
    st.sampled_from([None, "player", "porter"]),
    st.sampled_from([None, "1", "2"]),
    st.lists(st.sampled_from(["gate", "night", "GATE"]), max_size=2, unique=True),
    st.booleans(),
)


def seats_of(attributes: dict[str, Any]) -> set[str]:
    return set(taken(created(STRICT, attributes))) if attributes else set()


@given(before=USERS, after=USERS, verb=st.sampled_from([Verb.PATCH, Verb.REPLACE]))
def test_what_is_freed_and_taken_leads_from_the_seats_before_to_those_after(
    before: dict[str, Any], after: dict[str, Any], verb: Verb
) -> None:
    kept = copy(before), copy(after)
    decision = STRICT.decide(Write(verb, before, after, {"active", "entitlements", f"{STUDIO}:pass"}))
    held = (seats_of(before) - {*freed(decision)}) | {*taken(decision)}
    assert held == (set() if decision.is_removed else seats_of(decision.attributes))
    assert (before, after) == kept
