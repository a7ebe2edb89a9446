"""A faulty rule in profile.toml is named with its fault: file, key, what is expected."""

import shutil
from pathlib import Path

import pytest

from scim_server import catalog

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

PROFILES = Path(__file__).parents[1] / "data" / "profiles"
TOOLS = "urn:example:params:scim:schemas:extension:tools:2.0:User"


def constraint(attribute: str, *asked: str) -> str:
    return "\n".join(['[[constraints]]\nresource_type = "User"', f"attribute = '{attribute}'", *asked])


def rule(table: str, attribute: str) -> str:
    return f"[[{table}]]\nresource_type = \"User\"\nattribute = '{attribute}'"


def condition(when: str, equals: str, required: str) -> str:
    return f'[[conditions]]\nresource_type = "User"\nwhen = "{when}"\nequals = {equals}\nrequired = "{required}"'


def lifecycle(flag: str) -> str:
    return f'[[lifecycle]]\nresource_type = "User"\nflag = "{flag}"'


WRITABLE = "expected an attribute that clients can write and that the document keeps"
KINDS = "expected one of pattern, minimum, maximum, length, one_of, each_one_of, telephone"
FAULTS = [
    # by itself
    (
        constraint("title", "size = 1"),
        "constraints[0].size: is not a known key; expected one of resource_type, attribute, pattern",
    ),
    (constraint("title", "pattern = 1"), "constraints[0].pattern: 1 does not fit; expected a string"),
    (constraint("title", 'minimum = "1"'), 'constraints[0].minimum: "1" does not fit; expected a number'),
    (constraint("title", "minimum = true"), "constraints[0].minimum: true does not fit; expected a number"),
    (constraint("title", "minimum = inf"), "constraints[0].minimum: "),
    (constraint("title", "length = 3"), "constraints[0].length: 3 does not fit; expected an object"),
    (
        constraint("title", "length = { minimum = -1 }"),
        "constraints[0].length.minimum: -1 does not fit; expected an integer from 0",
    ),
    (constraint("title", "one_of = []"), "constraints[0].one_of: [] is empty; expected at least one value"),
    (
        constraint("title", "each_one_of = [1]"),
        "constraints[0].each_one_of[0]: 1 does not fit; expected a string",
    ),
    (constraint("title", 'telephone = "yes"'), 'constraints[0].telephone: "yes" does not fit; expected true or false'),
    ('[[required]]\nattribute = "title"', "required[0].resource_type: is missing; expected a string"),
    ('[[fixed]]\nresource_type = "User"', "fixed[0].attribute: is missing; expected a string"),
    (
        '[[conditions]]\nresource_type = "User"\nwhen = "title"\nrequired = "nickName"',
        "conditions[0].equals: is missing; expected a value",
    ),
    ('[[lifecycle]]\nresource_type = "User"', "lifecycle[0].flag: is missing; expected a string"),
    # beside the schemas
    (
        '[[fixed]]\nresource_type = "Users"\nattribute = "title"',
        'fixed[0].resource_type: there is no resource type "Users"; expected one of Group, User, Tool',
    ),
    (
        rule("fixed", "titel"),
        'fixed[0].attribute: User has no attribute "titel"; expected an attribute of its schemas',
    ),
    (rule("required", f"{TOOLS}:badges"), f'required[0].attribute: User has no attribute "{TOOLS}:badges"'),
    (rule("required", 'emails[kind eq "work"].value'), "required[0].attribute: "),
    (rule("required", "emails[type eq].value"), 'required[0].attribute: "emails[type eq].value" is no path ('),
    (rule("required", f"{TOOLS}:since"), f"required[0].attribute: {TOOLS}:since is readOnly; {WRITABLE}"),
    (rule("fixed", "groups"), f"fixed[0].attribute: groups is readOnly; {WRITABLE}"),
    (rule("fixed", "password"), f"fixed[0].attribute: password is not in the document (discarded); {WRITABLE}"),
    (rule("fixed", "id"), f"fixed[0].attribute: id is readOnly; {WRITABLE}"),
    (constraint("title"), f"constraints[0]: asks nothing; {KINDS}"),
    (constraint("title", "telephone = false"), f"constraints[0]: asks nothing; {KINDS}"),
    (
        constraint("active", 'pattern = "x"'),
        "constraints[0].pattern: active is of type boolean, which has no pattern; expected an attribute of type",
    ),
    (
        constraint("title", "maximum = 5"),
        "constraints[0].maximum: title is of type string, which has no maximum; expected an attribute of type",
    ),
    (constraint("emails", 'pattern = "x"'), "constraints[0].pattern: emails is of type complex, which has no pattern"),
    (constraint("title", 'pattern = "["'), 'constraints[0].pattern: "[" is no regular expression ('),
    (
        constraint(f"{TOOLS}:chats", "minimum = 5", "maximum = 1"),
        "constraints[0].minimum: 5 is more than the maximum; expected at most 1",
    ),
    (
        constraint("title", "length = { minimum = 5, maximum = 1 }"),
        "constraints[0].length.minimum: 5 is more than the maximum; expected at most 1",
    ),
    (
        constraint(f"{TOOLS}:chats", 'one_of = [1, "two"]'),
        'constraints[0].one_of[1]: "two" does not fit; expected a value of type integer',
    ),
    (
        condition("active", '"yes"', "title"),
        'conditions[0].equals: "yes" does not fit; expected a value of type boolean',
    ),
    (condition("name", '"x"', "title"), "conditions[0].equals: name is complex; expected a sub-attribute of it"),
    (rule("fixed", "title") + "\nwhen = 'userType'", "fixed[0]: has when alone; expected both of when and equals, or"),
    (rule("fixed", "title") + "\nequals = 'x'", "fixed[0]: has equals alone; expected both of when and equals, or"),
    (rule("fixed", "title") + "\nwhen = 'titel'\nequals = 'x'", 'fixed[0].when: User has no attribute "titel"'),
    (
        rule("fixed", "title") + "\nwhen = 'active'\nequals = 'x'",
        'fixed[0].equals: "x" does not fit; expected a value of type boolean',
    ),
    (condition("titel", '"x"', "title"), 'conditions[0].when: User has no attribute "titel"'),
    (condition("title", '"x"', "titel"), 'conditions[0].required: User has no attribute "titel"'),
    (lifecycle("title"), "lifecycle[0].flag: title cannot switch anything off; expected a boolean with one value"),
    (
        lifecycle("active") + "\n" + lifecycle(f"{TOOLS}:onCall"),
        "lifecycle[1].flag: User is switched off by active already; expected one for each resource type",
    ),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_faulty_rule_is_named_with_its_fault(text: str, fault: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    path = folder / "garage" / "profile.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    said = [str(found).replace(f"{folder}/garage/profile.toml: ", "") for found in catalog.check(folder)]
    assert [line for line in said if line.startswith(fault)], said
    with pytest.raises(catalog.CatalogError):
        catalog.load(folder)


def test_a_range_may_begin_at_zero(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    path = folder / "garage" / "profile.toml"
    text = constraint(f"{TOOLS}:chats", "minimum = 0")
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}\n", encoding="utf-8")
    assert catalog.check(folder) == []


def test_rules_say_nothing_of_what_is_stored_and_leave_the_stamp(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    path = folder / "garage" / "profile.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{rule('fixed', 'title')}\n", encoding="utf-8")
    assert catalog.load(folder).stamp == catalog.load(PROFILES).stamp


def test_rules_of_a_general_extension_are_for_every_profile(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    path = folder / "everybody" / "profile.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{rule('fixed', 'title')}\n", encoding="utf-8")
    catalogue = catalog.load(folder)
    users = [registry.named("User") for registry in catalogue.registries.values()]
    assert all(user is not None and user.rules is not None for user in users)


def test_one_that_extends_another_has_its_rules(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    path = folder / "tools" / "profile.toml"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{rule('fixed', 'title')}\n", encoding="utf-8")
    catalogue = catalog.load(folder)
    ruled = {name for name, registry in catalogue.registries.items() if (u := registry.named("User")) and u.rules}
    assert ruled == {"tools", "garage", "hangar"}
