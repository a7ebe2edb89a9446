"""What becomes of a write under rules: refused with a reason, stored, or for a leaver stored without what violates."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.domain.resource import copy
from scim_server.domain.rules import Decision, Rules, Verb, Write
from scim_server.errors import BadRequest, InvalidValue, MutabilityViolation
from scim_server.profiles.decisions import TypeRules
from scim_server.profiles.rules import Condition, Constraint, Fixed, Required, Where
from scim_server.profiles.targets import Target
from scim_server.profiles.tests import length, maximum, minimum
from tests.registries import registry_of_profile

PROFILES = Path(__file__).parents[1] / "data" / "profiles"
TOOLS = "urn:example:params:scim:schemas:extension:tools:2.0:User"


def rules_of(profile: str, resource_type: str) -> Rules | None:
    found = registry_of_profile(PROFILES, profile).named(resource_type)
    assert found is not None
    return found.rules


def user_rules() -> TypeRules:
    found = rules_of("hangar", "User")
    assert isinstance(found, TypeRules)
    return found


RULES = user_rules()
WORK = [{"type": "work", "value": "ana@example.com"}]
STORED: dict[str, Any] = {
    "userName": "ana",
    "active": True,
    "emails": WORK,
    TOOLS: {"badge": "12", "shift": "day", "chats": 2},
}


def changed(attributes: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with these values at `name` or `URN:name`; None takes away."""
    result: dict[str, Any] = copy(attributes)
    for key, value in changes.items():
        urn, _, name = key.rpartition(":")
        container = result.setdefault(urn, {}) if urn else result
        container[name] = value
        if value is None:
            del container[name]
        if urn and not container:
            del result[urn]
    return result


def tools(**values: Any) -> dict[str, Any]:
    return {f"{TOOLS}:{name}": value for name, value in values.items()}


def write(verb: Verb, before: dict[str, Any], **changes: Any) -> Write:
    return Write(verb, {} if verb is Verb.CREATE else before, changed(before, changes), set(changes))


def test_a_profile_without_rules_and_a_type_without_rules_have_none() -> None:
    assert rules_of("tools", "User") is None
    assert rules_of("hangar", "Group") is None


# what is written, whether it passes, the text that names what is expected
VALUES: list[tuple[dict[str, Any], bool, str]] = [
    (tools(chats=1), True, ""),
    (tools(chats=5), True, ""),
    (tools(chats=0), False, f"{TOOLS}:chats: expected at least 1 and at most 5."),
    (tools(chats=6), False, f"{TOOLS}:chats: expected at least 1 and at most 5."),
    (tools(rate=0.5), True, ""),
    (tools(rate=0.4), False, f"{TOOLS}:rate: expected at least 0.5."),
    (tools(shift="night"), True, ""),
    (tools(shift="NIGHT"), True, ""),
    (tools(shift="late"), False, f"{TOOLS}:shift: expected one of day, night."),
    (tools(skills="weld"), True, ""),
    (tools(skills="weld , Paint,drill"), True, ""),
    (tools(skills="weld;paint"), False, f"{TOOLS}:skills: expected a list with commas, each item one of weld, paint"),
    (tools(skills="weld,,paint"), False, "each item one of"),
    (tools(skills="weld,"), False, "each item one of"),
    (tools(deviceNumber="+12015550123"), True, ""),
    (tools(deviceNumber="12015550123"), True, ""),
    (tools(deviceNumber="4930123456"), True, ""),
    (tools(deviceNumber="+9991234567"), False, "a complete telephone number"),
    (tools(deviceNumber="+120155501"), False, "a complete telephone number"),
    (tools(deviceNumber="02015550123"), False, f"{TOOLS}:deviceNumber: expected a complete telephone number"),
    (tools(deviceNumber="+1 201 555 0123"), False, "a complete telephone number"),
    (tools(deviceNumber="+123456"), False, "a complete telephone number"),
    (tools(deviceNumber="+1234567890123456"), False, "a complete telephone number"),
    (tools(deviceNumber="+12015550123\n"), False, "a complete telephone number"),
    (tools(device="internal"), True, ""),
    (tools(device="external", deviceNumber="+12015550123"), True, ""),
    (tools(device="external"), False, f"{TOOLS}:deviceNumber is required where {TOOLS}:device is external."),
    (tools(device="External"), False, "is required where"),
    ({"name": {"familyName": "x" * 20}}, True, ""),
    ({"name": {"familyName": "x" * 21}}, False, "name.familyName: expected 0 to 20 characters."),
    ({"emails": [*WORK, {"type": "home", "value": "anything"}]}, True, ""),
    (
        {"emails": [{"type": "work", "value": "ana@example.org"}]},
        False,
        'emails[type eq "work"].value: expected a value that matches .+@example[.]com.',
    ),
]


@pytest.mark.req("CC-43", "CC-45")
@pytest.mark.parametrize("verb", [Verb.CREATE, Verb.REPLACE, Verb.PATCH])
@pytest.mark.parametrize(("changes", "passes", "text"), VALUES)
def test_a_new_value_is_held_to_its_rules_however_it_comes(
    changes: dict[str, Any], passes: bool, text: str, verb: Verb
) -> None:
    wanted = write(verb, STORED, **changes)
    if passes:
        assert RULES.decide(wanted) == Decision(wanted.after)
        return
    with pytest.raises(InvalidValue) as caught:
        RULES.decide(wanted)
    assert text in caught.value.detail


@pytest.mark.req("CC-21")
@pytest.mark.parametrize(("name", "passes"), [("ana.b-c_9", True), ("Ana", False), ("ana b", False), ("ana\n", False)])
def test_a_pattern_is_one_of_the_whole_value(name: str, passes: bool) -> None:
    wanted = write(Verb.CREATE, STORED, userName=name)
    if passes:
        assert RULES.decide(wanted).attributes["userName"] == name
        return
    with pytest.raises(InvalidValue, match="Lower-case letters, digits, "):
        RULES.decide(wanted)


OLD = changed(STORED, {**tools(chats=99, skills="carve", device="external"), "emails": None, "userName": "Ana"})
"""What was stored before there were rules."""


def test_what_was_there_before_the_rules_stands_in_the_way_of_nothing() -> None:
    wanted = write(Verb.PATCH, OLD, title="Pilot", **tools(shift="night"))
    assert RULES.decide(wanted) == Decision(wanted.after)


@pytest.mark.req("CC-05")
@pytest.mark.parametrize("emails", [None, [{"type": "home", "value": "a@example.com"}], [{"type": "work"}]])
def test_what_is_required_must_be_there_and_stay_there(emails: Any) -> None:
    for verb, error in (
        (Verb.CREATE, InvalidValue),
        (Verb.REPLACE, InvalidValue),
        (Verb.PATCH, MutabilityViolation),
    ):
        with pytest.raises(error) as caught:
            RULES.decide(write(verb, STORED, emails=emails))
        assert caught.value.detail == 'emails[type eq "work"].value is required.'


# what is written over STORED, whether that is another value
FIXED: list[tuple[dict[str, Any], bool]] = [
    ({"userName": "ana"}, False),
    ({"userName": "bob"}, True),
    (tools(badge="13"), True),
    (tools(badge=None), True),
    ({"nickName": "A"}, True),
]


@pytest.mark.req("CC-20", "CC-21", "CC-22")
@pytest.mark.parametrize("verb", [Verb.REPLACE, Verb.PATCH])
@pytest.mark.parametrize(("changes", "is_other"), FIXED)
def test_what_is_fixed_stays_as_it_was_created(changes: dict[str, Any], is_other: bool, verb: Verb) -> None:
    wanted = write(verb, STORED, **changes)
    if not is_other:
        assert RULES.decide(wanted) == Decision(wanted.after)
        return
    with pytest.raises(
        MutabilityViolation, match=r'cannot be changed after creation\. .* "only during object creation"'
    ):
        RULES.decide(wanted)


@pytest.mark.req("CC-56")
def test_a_put_that_does_not_name_what_is_fixed_leaves_it() -> None:
    wanted = Write(Verb.REPLACE, STORED, changed(STORED, tools(badge=None)), {"userName", "emails"})
    assert RULES.decide(wanted) == Decision(STORED)


# what a leaver's request changes beside the flag, what is stored of that, what is skipped
LEAVING: list[tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]] = [
    ({}, {}, ()),
    ({"title": "Pilot", "userName": "bob"}, {"title": "Pilot"}, ("userName",)),
    (tools(badge="13", shift="night"), tools(shift="night"), (f"{TOOLS}:badge",)),
    (tools(badge=None), {}, (f"{TOOLS}:badge",)),
    (tools(skills="carve", chats=3), tools(chats=3), (f"{TOOLS}:skills",)),
    ({"nickName": "A"}, {}, ("nickName",)),
    ({"emails": None}, {}, ('emails[type eq "work"].value',)),
    (tools(device="external"), {}, (f"{TOOLS}:device",)),
    (
        {"name": {"familyName": "x" * 21, "givenName": "Ana"}},
        {"name": {"givenName": "Ana"}},
        ("name.familyName",),
    ),
]


@pytest.mark.req("CC-57")
@pytest.mark.parametrize("verb", [Verb.REPLACE, Verb.PATCH])
@pytest.mark.parametrize(("changes", "stored", "skipped"), LEAVING)
def test_who_leaves_is_switched_off_whatever_else_the_request_carries(
    changes: dict[str, Any], stored: dict[str, Any], skipped: tuple[str, ...], verb: Verb
) -> None:
    decision = RULES.decide(write(verb, STORED, active=False, **changes))
    expected = Decision(changed(STORED, {"active": False, **stored}), skipped, leaves=True, is_leaver=True)
    assert decision == expected


@pytest.mark.req("CC-57")
def test_who_was_stored_before_the_rules_can_leave_too() -> None:
    for verb in (Verb.REPLACE, Verb.PATCH):
        decision = RULES.decide(write(verb, OLD, active=False, userName="bob"))
        assert decision == Decision(changed(OLD, {"active": False}), ("userName",), leaves=True, is_leaver=True)


@pytest.mark.req("CC-57")
def test_switching_off_again_is_never_refused_and_other_changes_of_who_is_off_are() -> None:
    off = changed(STORED, {"active": False})
    again = RULES.decide(write(Verb.PATCH, off, active=False, userName="bob"))
    assert again == Decision(off, ("userName",), is_leaver=True)
    with pytest.raises(MutabilityViolation):
        RULES.decide(write(Verb.PATCH, off, userName="bob"))


def test_nobody_is_created_switched_off_against_the_rules() -> None:
    with pytest.raises(InvalidValue):
        RULES.decide(write(Verb.CREATE, STORED, active=False, **tools(chats=9)))


VALUES_OF = {
    "userName": st.sampled_from(["ana", "Ana", "bob", "b b"]),
    "nickName": st.sampled_from([None, "A", "B"]),
    "title": st.sampled_from([None, "Pilot"]),
    "emails": st.sampled_from([None, WORK, [{"type": "home", "value": "x"}], [{"type": "work", "value": "x"}]]),
    "name": st.sampled_from([None, {"familyName": "x"}, {"familyName": "x" * 30, "givenName": "y"}]),
    f"{TOOLS}:badge": st.sampled_from([None, "1", "12", "123456789"]),
    f"{TOOLS}:chats": st.sampled_from([None, 0, 1, 5, 6]),
    f"{TOOLS}:shift": st.sampled_from([None, "day", "late"]),
    f"{TOOLS}:skills": st.sampled_from([None, "weld", "weld,carve"]),
    f"{TOOLS}:device": st.sampled_from([None, "internal", "external"]),
    f"{TOOLS}:deviceNumber": st.sampled_from([None, "+12015550123", "1"]),
}
USERS = st.fixed_dictionaries(VALUES_OF).map(
    lambda values: changed({}, {key: value for key, value in values.items() if value is not None})
)


def target(text: str) -> Target:
    return next(t for rule in RULES.rules if isinstance(rule, Constraint) and (t := rule.target).text == text)


CHATS, SKILLS = target(f"{TOOLS}:chats"), target(f"{TOOLS}:skills")
# What is fixed for those alone who have two chats.
FIXED_FOR_SOME = TypeRules((Fixed(SKILLS, Where(CHATS, 2, 2)),), RULES.flag)


@pytest.mark.req("CC-20")
def test_what_is_fixed_where_an_attribute_has_a_value_stays_for_those_alone() -> None:
    some = changed(STORED, tools(skills="weld"))
    others = changed(some, tools(chats=3))
    with pytest.raises(MutabilityViolation) as refusal:
        FIXED_FOR_SOME.decide(Write(Verb.PATCH, some, changed(some, tools(skills="paint", chats=3)), ()))
    assert f"{TOOLS}:skills cannot be changed after creation where {TOOLS}:chats is 2." in refusal.value.detail
    wanted = changed(others, tools(skills="paint"))
    assert FIXED_FOR_SOME.decide(Write(Verb.PATCH, others, wanted, ())).attributes == wanted


@pytest.mark.req("CC-20")
def test_a_put_that_names_nothing_of_it_leaves_what_is_fixed_for_those_alone() -> None:
    some = changed(STORED, tools(skills="weld"))
    others = changed(some, tools(chats=3))
    bare = {"userName": "ana"}
    assert FIXED_FOR_SOME.decide(Write(Verb.REPLACE, some, bare, {"userName"})).attributes == {
        **bare,
        TOOLS: {"skills": "weld"},
    }
    assert FIXED_FOR_SOME.decide(Write(Verb.REPLACE, others, bare, {"userName"})).attributes == bare


GENERATED = st.one_of(
    st.builds(lambda n: Constraint(CHATS, (minimum(n),)), st.integers(0, 7)),
    st.builds(lambda n: Constraint(CHATS, (maximum(n),)), st.integers(0, 7)),
    st.builds(lambda n: Constraint(SKILLS, (length(n, n + 3),)), st.integers(0, 9)),
    st.builds(Required, st.sampled_from([CHATS, SKILLS])),
    st.builds(Fixed, st.sampled_from([CHATS, SKILLS])),
    st.builds(lambda n: Fixed(SKILLS, Where(CHATS, n, n)), st.integers(0, 6)),
    st.builds(lambda n: Condition(CHATS, n, n, SKILLS), st.integers(0, 6)),
    st.sampled_from(RULES.rules),
)
PROFILES_OF_RULES = st.lists(GENERATED, max_size=8).map(lambda rules: TypeRules(tuple(rules), RULES.flag))


def passes(rules: Rules, attributes: dict[str, Any], before: dict[str, Any]) -> bool:
    """Whether the rules let a PATCH of somebody who stays come to this."""
    try:
        rules.decide(Write(Verb.PATCH, before, {**attributes, "active": True}, set()))
    except BadRequest:
        return False
    return True


@pytest.mark.req("CC-57")
@given(rules=PROFILES_OF_RULES, before=USERS, after=USERS, verb=st.sampled_from([Verb.REPLACE, Verb.PATCH]))
def test_who_leaves_is_never_refused_and_no_new_violation_comes_in(
    rules: TypeRules, before: dict[str, Any], after: dict[str, Any], verb: Verb
) -> None:
    before = {**before, "active": True}
    decision = rules.decide(Write(verb, before, {**after, "active": False}, {*VALUES_OF, "active"}))
    assert decision.attributes["active"] is False
    assert passes(rules, decision.attributes, before)
    assert bool(decision.skipped) is (decision.attributes != {**after, "active": False})


@given(before=USERS, after=USERS)
def test_a_decision_changes_neither_what_was_nor_what_was_asked_for(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    asked = Write(Verb.REPLACE, {**before, "active": True}, {**after, "active": False}, {"active"})
    kept = copy(asked.before), copy(asked.after)
    RULES.decide(asked)
    assert (asked.before, asked.after) == kept
