"""What a binding says about rows, derived attributes and scopes of uniqueness; each fault with what is expected."""

import shutil
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.domain.schema import (
    Absence,
    AbsentInPut,
    Depth,
    Inverse,
    Kept,
    Noted,
    ResourceType,
    Uniqueness,
)
from tests.http.stations import AGENT, SUPERVISED, TEAM, extensions

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

STATION = "urn:example:params:scim:schemas:extension:stations:2.0:User"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extensions(tmp_path_factory.mktemp("derivations"))


def type_named(folder: Path, name: str) -> ResourceType:
    found = catalog.load(folder).of("stations").named(name)
    assert found is not None
    return found


def test_an_attribute_of_an_extension_is_kept_as_rows(folder: Path) -> None:
    group = type_named(folder, "Group")
    assert [a.key for a in group.rows_attributes] == ["members", f"{SUPERVISED}:supervisors"]
    supervisors = group.rows_attribute(f"{SUPERVISED}:supervisors")
    assert (supervisors.kept, supervisors.holder) == (Kept.ROWS, SUPERVISED)
    bound = group.extension(SUPERVISED)
    assert bound is not None
    assert bound.absent_in_put is AbsentInPut.KEEP


def test_the_ways_of_derivation_are_those_of_the_file(folder: Path) -> None:
    user, group = type_named(folder, "User"), type_named(folder, "Group")
    supervises = user.derivations[f"{AGENT}:supervises"]
    assert isinstance(supervises, Inverse)
    assert supervises.resource_type == "Group"
    assert [(s.attribute, s.where is None) for s in supervises.sources] == [
        ("members", False),
        (f"{SUPERVISED}:supervisors", True),
    ]
    assert supervises.attribute is None
    assert user.derivations[f"{STATION}:teamMissing"] == Absence("groups")
    assert user.derivations[f"{STATION}:review"] == Noted()
    assert user.steady == {"groups"}
    level = group.derivations[f"{TEAM}:level"]
    assert isinstance(level, Depth)
    assert level.above.key == f"{TEAM}:parent"
    assert {a.key for a in group.derived_attributes} == {f"{TEAM}:level"}


def test_what_is_unique_within_a_scope_is_unique_no_more_and_indexed(folder: Path) -> None:
    group = type_named(folder, "Group")
    assert {key: within.key for key, within in group.unique_within.items()} == {"displayName": f"{TEAM}:parent"}
    name = group.schema.attribute("displayName")
    assert name is not None
    assert name.uniqueness is Uniqueness.NONE
    assert "displayName" in group.indexed


def test_the_whole_knows_what_every_profile_keeps_as_rows(folder: Path) -> None:
    whole = catalog.load(folder).whole
    assert [t.name for t in whole.resource_types].count("Group") == 1
    kept = {a.key for t in whole.every_type for a in t.rows_attributes}
    assert kept == {"members", f"{SUPERVISED}:supervisors"}


SUPERVISES = "[bindings.derived.supervises]"
MISSING = '[bindings.derived.teamMissing]\nabsence_of = "groups"'
WITHIN = f'attribute = "displayName"\nwithin = "{TEAM}:parent"'
FLAG = f"{AGENT}:supervisor eq true"
LIST = f'{{resource_type = "Group", attribute = "{SUPERVISED}:supervisors"}}'

# what stands in the file, what stands there instead, the fault
FAULTS = [
    (
        'kept = {supervisors = "rows"}',
        'kept = {supervisers = "rows"}',
        f'bindings[3].kept.supervisers: {SUPERVISED} has no attribute "supervisers"; expected an attribute of the ext',
    ),
    (
        'kept = {supervisors = "rows"}',
        'kept = {supervisors = "derived"}',
        'bindings[3].kept.supervisors: "derived" is not a place to keep values; expected one of document, rows, disc',
    ),
    (
        'indexed = ["parent"]',
        'indexed = ["parent"]\nkept = {parent = "rows"}',
        "bindings[2].kept.parent: parent cannot be kept as rows; expected a multi-valued complex attribute with the",
    ),
    (
        "[bindings.derived.level]",
        "[bindings.derived.levels]",
        f'bindings[2].derived.levels: {TEAM} has no attribute "levels"; expected an attribute of the extension',
    ),
    (MISSING, "[bindings.derived.teamMissing]", "bindings[1].derived.teamMissing: does not say how it is derived; exp"),
    (
        MISSING,
        "[bindings.derived.teamMissing]\nnoted = false",
        "bindings[1].derived.teamMissing: does not say how it is derived; expected one of inverse_of, depth_of",
    ),
    (
        MISSING,
        f"{MISSING}\nnoted = true",
        "bindings[1].derived.teamMissing: is derived in more ways than one; expected",
    ),
    (
        MISSING,
        f"{MISSING}\nabsent = true",
        "bindings[1].derived.teamMissing.absent: is not a known key; expected one of",
    ),
    (
        MISSING,
        '[bindings.derived.teamMissing]\nabsence_of = "emails"',
        f"bindings[1].derived.teamMissing.absence_of: emails follows from no rows; expected one of {AGENT}",
    ),
    (
        MISSING,
        '[bindings.derived.teamMissing]\nabsence_of = "group"',
        'bindings[1].derived.teamMissing.absence_of: User has no attribute "group"; expected an attribute of its',
    ),
    (
        MISSING,
        '[bindings.derived.teamMissing]\nabsence_of = "a b"',
        'bindings[1].derived.teamMissing.absence_of: User has no attribute "a b"; expected an attribute of its',
    ),
    (
        MISSING,
        f'[bindings.derived.teamMissing]\ndepth_of = "{AGENT}:role"',
        "bindings[1].derived.teamMissing.depth_of: teamMissing cannot be derived so; expected an integer",
    ),
    (
        MISSING,
        "[bindings.derived.teamMissing]\nseats_of = true",
        "bindings[1].derived.teamMissing.seats_of: teamMissing cannot be derived so; expected an integer",
    ),
    (
        MISSING,
        f"[bindings.derived.teamMissing]\ninverse_of = [{LIST}]",
        "bindings[1].derived.teamMissing.inverse_of: teamMissing cannot be derived so; expected a multi-valued complex",
    ),
    (
        SUPERVISES,
        "[bindings.derived.role]\nnoted = true\n[bindings.derived.supervises]",
        "bindings[0].derived.role: role is derived and readWrite; expected readOnly",
    ),
    (
        SUPERVISES,
        "[bindings.derived.role]\nnoted = true\n[bindings.derived.supervises]",
        "bindings[0].derived.role.noted: role cannot be derived so; expected a boolean with one value, or a multi-val",
    ),
    (
        f'depth_of = "{TEAM}:parent"',
        "depth_of = 1",
        "bindings[2].derived.level.depth_of: 1 does not fit; expected a str",
    ),
    (
        f'depth_of = "{TEAM}:parent"',
        'depth_of = "displayName"',
        "bindings[2].derived.level.depth_of: displayName does not say what lies above; expected a string with",
    ),
    (
        f'depth_of = "{TEAM}:parent"',
        'depth_of = "members.value"',
        "bindings[2].derived.level.depth_of: members.value does not say what lies above; expected a string with one",
    ),
    (FLAG, "no filter", 'bindings[0].derived.supervises.inverse_of[0].where: "no filter" is no filter of User ('),
    (
        FLAG,
        "supervised eq true",
        'bindings[0].derived.supervises.inverse_of[0].where: "supervised eq true" is no filter of User (There is no',
    ),
    (
        FLAG,
        "groups.value pr",
        "bindings[0].derived.supervises.inverse_of[0].where: groups.value is not in the document (derived); expected",
    ),
    (
        FLAG,
        "not (title pr and (groups.value pr or emails[type pr]))",
        "bindings[0].derived.supervises.inverse_of[0].where: groups.value is not in the document (derived); expected",
    ),
    (
        LIST,
        '{resource_type = "Group", attribute = "displayName"}',
        "bindings[0].derived.supervises.inverse_of[1]: displayName of Group is not kept as rows; expected one of",
    ),
    (
        LIST,
        '{resource_type = "Group", attribute = "members["}',
        "bindings[0].derived.supervises.inverse_of[1]: members[ of Group is not kept as rows; expected one of",
    ),
    (
        LIST,
        '{resource_type = "Team", attribute = "members"}',
        "bindings[0].derived.supervises.inverse_of[1]: members of Team is not kept as rows; expected one of members of",
    ),
    (
        LIST,
        '{resource_type = "Team", attribute = "members"}',
        "bindings[0].derived.supervises.inverse_of: the sources are of Group and Team; expected one resource type in",
    ),
    (
        LIST,
        '{resource_type = "Group"}',
        "bindings[0].derived.supervises.inverse_of[1].attribute: is missing; expected a string",
    ),
    (
        LIST,
        '{resource_type = "Group", attribute = "members", when = "x"}',
        "bindings[0].derived.supervises.inverse_of[1].when: is not a known key; expected one of resource_type, attrib",
    ),
    (
        MISSING,
        "[bindings.derived.teamMissing]\ninverse_of = []",
        "bindings[1].derived.teamMissing.inverse_of: [] is empty; expected at least one object",
    ),
    (
        MISSING,
        '[bindings.derived.teamMissing]\ninverse_of = "groups"',
        'bindings[1].derived.teamMissing.inverse_of: "groups" does not fit; expected an object, or a list of objects',
    ),
    (
        WITHIN,
        f'attribute = "name"\nwithin = "{TEAM}:parent"',
        'unique_within[0].attribute: Group has no attribute "name"; expected an attribute of its schemas',
    ),
    (
        WITHIN,
        f'attribute = "members.value"\nwithin = "{TEAM}:parent"',
        "unique_within[0].attribute: members.value may have several values, or is part of another; expected an attri",
    ),
    (
        WITHIN,
        f'attribute = "displayName"\nwithin = "{TEAM}:level"',
        f"unique_within[0].within: {TEAM}:level is not in the document (derived); expected an attribute kept in the",
    ),
    (
        WITHIN,
        f'attribute = "displayName"\nwithin = "{TEAM}:parent"\n[[unique_within]]\nresource_type = "Group"\n{WITHIN}',
        f"unique_within[1].attribute: displayName is unique within {TEAM}:parent already; expected one such table for",
    ),
    (
        f'resource_type = "Group"\n{WITHIN}',
        'resource_type = "User"\nattribute = "active"\nwithin = "title"',
        "unique_within[0].attribute: active is of type boolean; expected an attribute of type decimal or integer or",
    ),
    (
        f'resource_type = "Group"\n{WITHIN}',
        'resource_type = "User"\nattribute = "title"\nwithin = "name"',
        "unique_within[0].within: name is of type complex; expected an attribute of type binary or boolean or dateTime",
    ),
    (
        f'resource_type = "Group"\n{WITHIN}',
        f'resource_type = "Team"\n{WITHIN}',
        "unique_within[0].resource_type: there i",
    ),
    (WITHIN, 'attribute = "displayName"', "unique_within[0].within: is missing; expected a string"),
]


@pytest.mark.parametrize(("there", "instead", "fault"), FAULTS)
def test_a_fault_is_named_with_what_is_expected(there: str, instead: str, fault: str, tmp_path: Path) -> None:
    folder = extensions(tmp_path)
    path = folder / "stations/profile.toml"
    text = path.read_text(encoding="utf-8")
    assert there in text
    path.write_text(text.replace(there, instead), encoding="utf-8")
    said = [str(found).replace(f"{path}: ", "") for found in catalog.check(folder)]
    assert [line for line in said if line.startswith(fault)], said
    with pytest.raises(catalog.CatalogError):
        catalog.load(folder)


def test_one_source_may_stand_alone(tmp_path: Path) -> None:
    folder = extensions(tmp_path)
    path = folder / "stations/profile.toml"
    text = path.read_text(encoding="utf-8")
    start, end = text.index("inverse_of = ["), text.index("]\n", text.index("inverse_of = [")) + 2
    path.write_text(text[:start] + f"inverse_of = {LIST}\n" + text[end:], encoding="utf-8")
    supervises = type_named(folder, "User").inverses[f"{AGENT}:supervises"]
    assert supervises.attribute == f"{SUPERVISED}:supervisors"


def test_one_extension_may_be_kept_in_two_ways(tmp_path: Path) -> None:
    """What a binding says of an extension is about that resource type and that profile alone."""
    folder = extensions(tmp_path)
    other = folder / "plain"
    shutil.copytree(folder / "stations", other, ignore=shutil.ignore_patterns("schemas"))
    text = (other / "profile.toml").read_text(encoding="utf-8")
    text = text.replace('name = "stations"', 'name = "plain"').replace("default = true\n", "")
    text = text.replace('kept = {supervisors = "rows"}\n', "")
    source = f",\n  {LIST}" if f",\n  {LIST}" in text else f"  {LIST},\n"
    (other / "profile.toml").write_text(text.replace(source, ""), encoding="utf-8")
    loaded = catalog.load(folder)
    kept = [
        [a.key for a in group.rows_attributes]
        for group in (loaded.of(profile).named("Group") for profile in ("stations", "plain"))
        if group
    ]
    assert kept == [["members", f"{SUPERVISED}:supervisors"], ["members"]]


def test_the_product_has_no_fault(folder: Path) -> None:
    assert catalog.check(folder) == []
