"""A faulty `[teams]` in profile.toml is named with its fault: file, key, what is expected."""

import shutil
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.profiles.decisions import TypeRules

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

CREWS = Path(__file__).parents[1] / "data" / "crews"
USER = "urn:example:params:scim:schemas:extension:crews:2.0:User"
GROUP = "urn:example:params:scim:schemas:extension:crews:2.0:Group"

# what stands in the file, what stands there instead, the fault
FAULTS = [
    ("levels = 3", 'levels = "3"', 'teams.levels: "3" does not fit; expected an integer from 0'),
    ("levels = 3", "deep = 3", "teams.deep: is not a known key; expected one of resource_type, members"),
    ('members = "members"\nparent', "parent", "teams.members: is missing; expected a string"),
    (
        'resource_type = "Group"\nmembers',
        'resource_type = "Crew"\nmembers',
        "teams.resource_type: there is no resource",
    ),
    (
        'members = "members"\nparent',
        'members = "sailors"\nparent',
        'teams.members: Group has no attribute "sailors"; expected the path of an attribute',
    ),
    (
        'members = "members"\nparent',
        'members = "displayName"\nparent',
        "teams.members: displayName is not kept as rows; expected an attribute that is",
    ),
    (f'supervisors = "{GROUP}:mates"', 'supervisors = "displayName"', "teams.supervisors: displayName is not kept as"),
    (f'parent = "{GROUP}:under"', 'parent = "members.value"', "teams.parent: members.value holds no id; expected"),
    (f'parent = "{GROUP}:under"', 'parent = "displayName"', "teams.parent: displayName is compared in any case"),
    ('indexed = ["under"]', "", f"teams.parent: {GROUP}:under is not indexed; expected an attribute that a binding"),
    (f'parent = "{GROUP}:under"', "", "teams.levels: means nothing without a parent; expected parent beside it"),
    (f'parent = "{GROUP}:under"', 'parent = "a b"', 'teams.parent: Group has no attribute "a b"'),
    (f'moved = "{USER}:inspectionDue"', "", "teams.reviewed_by: means nothing without moved; expected moved beside it"),
    (
        f'moved = "{USER}:inspectionDue"',
        'moved = "moved"',
        'teams.moved: no resource type has "moved"; expected a noted',
    ),
    (f'moved = "{USER}:inspectionDue"', 'moved = "title"', "teams.moved: title is not derived; expected an attribute"),
    (
        f'reviewed_by = ["{USER}:inspectedBy"]',
        'reviewed_by = ["inspector"]',
        'teams.reviewed_by[0]: User has no attribute "inspector"; expected an attribute of its schemas',
    ),
]


@pytest.mark.parametrize(("there", "instead", "fault"), FAULTS)
def test_a_fault_is_named_with_what_is_expected(there: str, instead: str, fault: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CREWS, tmp_path / "crews"))
    path = folder / "profile.toml"
    text = path.read_text(encoding="utf-8")
    assert there in text
    path.write_text(text.replace(there, instead), encoding="utf-8")
    said = [str(found).replace(f"{path}: ", "") for found in catalog.check(folder)]
    assert [line for line in said if line.startswith(fault)], said
    with pytest.raises(catalog.CatalogError):
        catalog.load(folder)


def test_there_is_one_such_table_for_each_product(tmp_path: Path) -> None:
    shutil.copytree(CREWS, tmp_path / "crews")
    (tmp_path / "fleet").mkdir()
    teams = '[teams]\nresource_type = "Group"\nmembers = "members"\n'
    (tmp_path / "fleet" / "profile.toml").write_text(
        f'[profile]\nname = "fleet"\ndescription = "Crews."\nextends = "crews"\n{teams}', encoding="utf-8"
    )
    (said,) = map(str, catalog.check(tmp_path))
    assert said.endswith(
        "fleet/profile.toml: teams: there are [teams] already; expected one such table in a profile "
        "and those that it extends"
    )


def test_teams_are_rules_of_both_resource_types() -> None:
    registry = catalog.load(CREWS).of("crews")
    group, user = registry.named("Group"), registry.named("User")
    assert group is not None
    assert user is not None
    assert isinstance(group.rules, TypeRules)
    assert isinstance(user.rules, TypeRules)
    assert group.rules.teams is not None
    assert group.rules.teams.levels == 3
    assert user.rules.review is not None
    assert user.rules.review.named == {f"{USER}:inspectedBy"}
