"""A fault in the licences, numbers, roles and events of a profile is named: file, key, what is expected."""

import shutil
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.profiles.decisions import TypeRules
from tests.http.studio import FOLDER, STUDIO

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

FLAG = '[[lifecycle]]\nresource_type = "User"\nflag = "active"'
TEAMS = '[teams]\nresource_type = "Group"\nmembers = "members"'


def table(name: str, *lines: str, resource_type: str = "User") -> str:
    return "\n".join([name, f'resource_type = "{resource_type}"', *lines])


def licences(*lines: str, attributes: str = f'["{STUDIO}:pass"]') -> str:
    return table("[licences]", f"attributes = {attributes}", *lines)


def numbers(*lines: str, attribute: str = f"{STUDIO}:line", name: str = "userName") -> str:
    return table("[numbers]", f"attribute = '{attribute}'", f"name = '{name}'", *lines)


def roles(*lines: str, attributes: str = f'["{STUDIO}:part"]') -> str:
    return table("[roles]", f"attributes = {attributes}", *lines)


def event(*lines: str, on: str = "create", resource_type: str = "User") -> str:
    return table("[[events]]", f'on = "{on}"', 'kind = "told"', *lines, resource_type=resource_type)


def both(*texts: str) -> str:
    return "\n".join(texts)


MEMBERS = 'attribute = "members"'
ONE = f'["{STUDIO}:part"]'
CONSTRAINT = f'[[constraints]]\nresource_type = "User"\nattribute = "{STUDIO}:part"\none_of = ["player"]'
FAULTS = [
    # by themselves
    (licences(attributes="[]"), "licences.attributes: [] is empty; expected at least one attribute"),
    (licences('exhausted = "wait"'), 'licences.exhausted: "wait" is not a way with an exhausted pool; expected one of'),
    (
        licences('last_removed = "drop"'),
        'licences.last_removed: "drop" is not a way with who gives the last one away; ',
    ),
    (licences('optional = "yes"'), 'licences.optional: "yes" does not fit; expected true or false'),
    (licences('key = "x"'), "licences.key: is not a known key; expected one of resource_type, attributes, exhausted"),
    ('[licences]\nresource_type = "User"', "licences.attributes: is missing; expected a list"),
    (numbers("quarantine_days = -1"), "numbers.quarantine_days: -1 does not fit; expected an integer from 0"),
    (table("[numbers]", f'attribute = "{STUDIO}:line"'), "numbers.name: is missing; expected a string"),
    (
        roles('last_removed = "delete"'),
        'roles.last_removed: "delete" is not a way with who loses the last one; expected',
    ),
    (event(on="delete"), 'events[0].on: "delete" is not a moment of an event; expected one of create, join'),
    (table("[[events]]", 'on = "create"'), "events[0].kind: is missing; expected a string"),
    # beside the schemas
    (
        table("[roles]", f"attributes = {ONE}", resource_type="Users"),
        'roles.resource_type: there is no resource type "U',
    ),
    (event(resource_type="Users"), 'events[0].resource_type: there is no resource type "Users"; expected one of'),
    (
        licences(attributes='["passes"]'),
        'licences.attributes[0]: User has no attribute "passes"; expected an attribute',
    ),
    (licences(attributes='["emails[type eq].value"]'), 'licences.attributes[0]: "emails[type eq].value" is no path ('),
    (
        licences(attributes=f'["{STUDIO}:takes"]'),
        f"licences.attributes[0]: {STUDIO}:takes is of type integer; expected",
    ),
    (licences(attributes='["entitlements"]'), "licences.attributes[0]: entitlements is of type complex; expected an"),
    (
        licences(attributes=f'["{STUDIO}:pass", "{STUDIO}:exactPass"]'),
        f"licences.attributes[1]: caseExact is another than that of {STUDIO}:pass; expected one that compares as the",
    ),
    (licences(attributes=f'["{STUDIO}:waitsFor"]'), f"licences.attributes[0]: {STUDIO}:waitsFor is readOnly; expected"),
    (licences('exhausted = "pending"'), "licences.pending: is missing; expected the attribute that lists the keys"),
    (licences('pending = "title"'), 'licences.pending: means nothing where exhausted is not "pending"; expected no'),
    (
        licences('exhausted = "pending"', 'pending = "tit"'),
        'licences.pending: User has no attribute "tit"; expected an',
    ),
    (
        licences('exhausted = "pending"', 'pending = "title"'),
        "licences.pending: title lists no notes; expected a noted",
    ),
    (
        licences('exhausted = "pending"', 'pending = "groups"'),
        "licences.pending: groups lists no notes; expected a noted",
    ),
    (
        licences("freed_when_inactive = true"),
        "licences.freed_when_inactive: User cannot be switched off; expected a [[",
    ),
    (
        licences('last_removed = "deactivate"'),
        "licences.last_removed: User cannot be switched off; expected a [[lifecy",
    ),
    (
        licences('kept_in_put = ["x"]'),
        "licences.kept_in_put: no attribute has elements that a PUT could leave out; exp",
    ),
    (
        numbers(attribute=f"{STUDIO}:pass"),
        f"numbers.attribute: {STUDIO}:pass is not unique; expected an attribute that",
    ),
    (numbers(attribute="emails.value"), "numbers.attribute: emails.value is no text; expected a string with one value"),
    (numbers(attribute=f"{STUDIO}:takes"), f"numbers.attribute: {STUDIO}:takes is no text; expected a string with one"),
    (numbers(name="nick"), 'numbers.name: User has no attribute "nick"; expected an attribute of its schemas'),
    (numbers(name="name.givenName"), "numbers.name: name.givenName is no text; expected a string with one value"),
    (roles('last_removed = "deactivate"'), "roles.last_removed: User cannot be switched off; expected a [[lifecycle]]"),
    (both(CONSTRAINT, roles('default = "boss"')), 'roles.default: "boss" breaks a constraint; expected one of player'),
    (
        roles('default = "player"', attributes="""['roles[type eq "work"].value']"""),
        'roles.default: roles[type eq "work"].value cannot be given a value; expected an attribute without brackets',
    ),
    (
        roles('default = "player"', attributes='["name.honorificSuffix"]'),
        "roles.default: name.honorificSuffix cannot be given a value; expected an attribute without brackets",
    ),
    (event('unless = "passphrase"'), 'events[0].unless: User has no attribute "passphrase"; expected an attribute'),
    (event('unless = "groups"'), "events[0].unless: groups is readOnly; expected an attribute that clients can write"),
    (event('carries = ["titel"]'), 'events[0].carries[0]: User has no attribute "titel"; expected an attribute of its'),
    (
        event('carries = ["password"]'),
        "events[0].carries[0]: password is never returned; expected an attribute that is,",
    ),
    (event(f'carries = ["{STUDIO}:secret"]'), f"events[0].carries[0]: {STUDIO}:secret is never returned; expected"),
    (event('attribute = "members"'), 'events[0].attribute: means nothing where on is "create"; expected no attribute'),
    (event(on="join", resource_type="Group"), "events[0].resource_type: nobody looks at who joins a Group; expected"),
    (
        both(TEAMS, event(on="join", resource_type="Group")),
        'events[0].attribute: "" is not what [teams] looks at; expected members',
    ),
    (
        both(TEAMS, event(MEMBERS, 'unless = "displayName"', on="join", resource_type="Group")),
        'events[0].unless: means nothing where on is "join"; expected no unless',
    ),
    (
        both(TEAMS, *[event(MEMBERS, on="join", resource_type="Group")] * 2),
        "events[1]: who joins a Group is told already; expected one such event",
    ),
    (
        both(TEAMS, event(MEMBERS, 'carries = ["members"]', on="join", resource_type="Group")),
        "events[0].carries[0]: members is kept as rows; expected an attribute that clients can write",
    ),
]


def with_rules(text: str, folder: Path) -> Path:
    shutil.copytree(FOLDER, folder)
    path = folder / "plain" / "profile.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_is_named_with_what_is_expected(text: str, fault: str, tmp_path: Path) -> None:
    folder = with_rules(text, tmp_path / "studio")
    said = [str(found).replace(f"{folder}/plain/profile.toml: ", "") for found in catalog.check(folder)]
    assert [line for line in said if line.startswith(fault)], said
    with pytest.raises(catalog.CatalogError):
        catalog.load(folder)


def test_there_is_one_such_table_in_a_profile_and_those_that_it_extends(tmp_path: Path) -> None:
    folder = with_rules(licences(), tmp_path / "studio")
    path = folder / "plain" / "profile.toml"
    text = path.read_text(encoding="utf-8").replace('name = "plain-studio"', 'name = "x"\nextends = "free-studio"')
    binding = text[text.index("[[bindings]]") : text.index("[licences]")]
    path.write_text(text.replace(binding, ""), encoding="utf-8")
    (found,) = catalog.check(folder)
    expected = "licences: there are [licences] already; expected one such table in a profile and those that it extends"
    assert str(found) == f"{path}: {expected}"


def test_they_say_nothing_of_what_is_stored_and_leave_the_stamp(tmp_path: Path) -> None:
    folder = with_rules(f"{FLAG}\n{licences()}\n{numbers()}\n{roles()}\n{event()}", tmp_path / "studio")
    assert catalog.check(folder) == []
    assert catalog.load(folder).stamp == catalog.load(FOLDER).stamp


def test_a_life_cycle_alone_is_a_rule(tmp_path: Path) -> None:
    catalogue = catalog.load(with_rules(FLAG, tmp_path / "studio"))
    user = catalogue.of("plain-studio").named("User")
    assert user is not None
    assert isinstance(user.rules, TypeRules)
    assert user.rules.flag is not None
