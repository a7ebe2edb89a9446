"""Whom the files are for: the tenants of one profile, of those that extend it, or everybody."""

import shutil
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.domain.catalogue import NO_PROFILE, Catalogue
from scim_server.errors import Unavailable

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

PROFILES = Path(__file__).parents[1] / "data" / "profiles"
EXTENSION = "urn:example:params:scim:schemas:extension"
DESK, TOOLS, GARAGE, LIBRARY = (f"{EXTENSION}:{name}:2.0:User" for name in ("desk", "tools", "garage", "library"))
CORE = ["Group", "User"]

# profile, its resource types, the extensions of its users
WHAT_THEY_HAVE = [
    (NO_PROFILE, CORE, [DESK]),
    ("tools", [*CORE, "Tool"], [DESK, TOOLS]),
    ("garage", [*CORE, "Tool"], [DESK, TOOLS, GARAGE]),
    ("hangar", [*CORE, "Tool"], [DESK, TOOLS]),
    ("library", [*CORE, "Book"], [DESK, LIBRARY]),
]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return catalog.load(PROFILES)


@pytest.mark.parametrize(("profile", "types", "extensions"), WHAT_THEY_HAVE)
def test_a_profile_has_what_is_for_everybody_what_it_extends_and_its_own(
    profile: str, types: list[str], extensions: list[str], catalogue: Catalogue
) -> None:
    registry = catalogue.of(profile)
    assert [t.name for t in registry.resource_types] == types
    user = registry.named("User")
    assert user is not None
    assert [e.schema.id for e in user.extensions][1:] == extensions
    assert {s.id for s in registry.schemas if s.id.startswith(EXTENSION)} == set(extensions)
    assert (f"{TOOLS}:shift" in user.indexed) is (TOOLS in extensions)


def test_the_names_of_the_profiles_are_known_and_which_is_the_default(catalogue: Catalogue) -> None:
    assert catalogue.profiles == ("garage", "hangar", "library", "tools")
    assert catalogue.default == "tools"


def test_all_profiles_have_one_stamp(catalogue: Catalogue) -> None:
    assert {registry.stamp for registry in catalogue.registries.values()} == {catalogue.stamp}


def test_the_whole_has_every_resource_type_once(catalogue: Catalogue) -> None:
    assert [t.name for t in catalogue.whole.resource_types] == [*CORE, "Tool", "Book"]
    assert {DESK, TOOLS, GARAGE, LIBRARY} <= {s.id for s in catalogue.whole.schemas}


def test_a_profile_that_is_not_defined_has_no_registry(catalogue: Catalogue) -> None:
    with pytest.raises(Unavailable, match="The profile 'voice' of this tenant is not defined on this server"):
        catalogue.of("voice")


def test_without_a_default_the_only_profile_is_it_and_of_several_none_is(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, "tools", "default = true", "default = false")
    assert catalog.load(folder).default == NO_PROFILE
    assert catalog.load(folder / "library").default == "library"
    assert catalog.load().default == NO_PROFILE


def rewritten(tmp_path: Path, product: str, old: str, new: str) -> Path:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    path = folder / product / "profile.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


def said(folder: Path) -> list[str]:
    return [str(fault).replace(f"{folder}/", "") for fault in catalog.check(folder)]


# whose profile.toml, what is written there, what instead, what is said of it
FAULTS = [
    (
        "library",
        'name = "library"',
        'name = "tools"',
        'tools/profile.toml: profile.name: "tools" is the name of the profile in library/profile.toml already',
    ),
    (
        "garage",
        'extends = "tools"',
        'extends = "voice"',
        'garage/profile.toml: profile.extends: there is no profile "voice"; expected one of hangar, library, tools',
    ),
    (
        "garage",
        'extends = "tools"',
        'extends = "garage"',
        "garage/profile.toml: profile.extends: garage extends garage; expected no circle",
    ),
    (
        "library",
        'name = "library"',
        'name = "library"\ndefault = true',
        'tools/profile.toml: profile.default: "library" is the default already; expected false',
    ),
    (
        "garage",
        'extends = "tools"',
        "extends = 1",
        "garage/profile.toml: profile.extends: 1 does not fit; expected a string",
    ),
    (
        "garage",
        'extends = "tools"',
        "default = 1",
        "garage/profile.toml: profile.default: 1 does not fit; expected true or false",
    ),
    (
        "garage",
        f'extension = "{GARAGE}"',
        f'extension = "{TOOLS}"',
        f'garage/profile.toml: bindings[0].extension: "{TOOLS}" is bound to User in tools/profile.toml already',
    ),
    (
        "library",
        'resource_type = "User"',
        'resource_type = "Tool"',
        'library/profile.toml: bindings[0].resource_type: there is no resource type "Tool"; expected one of Group',
    ),
]


@pytest.mark.parametrize(("product", "old", "new", "fault"), FAULTS)
def test_a_profile_that_does_not_fit_the_others_is_named_with_its_fault(
    product: str, old: str, new: str, fault: str, tmp_path: Path
) -> None:
    folder = rewritten(tmp_path, product, old, new)
    assert [text for text in said(folder) if text.startswith(fault)]
    with pytest.raises(catalog.CatalogError):
        catalog.load(folder)


def test_each_profile_of_a_circle_is_named_once_and_one_that_leads_into_it_is_not(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, "tools", "default = true", 'extends = "garage"')
    path = folder / "library/profile.toml"
    path.write_text(path.read_text().replace("[profile]", '[profile]\nextends = "tools"', 1))
    assert said(folder) == [
        "garage/profile.toml: profile.extends: garage extends tools extends garage; expected no circle",
        "tools/profile.toml: profile.extends: tools extends garage extends tools; expected no circle",
    ]


def test_what_is_wrong_in_a_file_of_several_profiles_is_said_once(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, "everybody", '"User"', '"Users"')
    assert len([text for text in said(folder) if "there is no resource type" in text]) == 1


def test_the_profiles_have_no_fault_and_no_warning() -> None:
    assert said(PROFILES) == []


@pytest.mark.parametrize(
    ("product", "old", "new"),
    [
        ("garage", "[profile]", "# [profile]"),
        ("garage", 'extends = "tools"\n', ""),
        ("library", 'name = "library"', 'name = "books"'),
    ],
)
def test_for_whom_a_file_is_changes_the_stamp(product: str, old: str, new: str, tmp_path: Path) -> None:
    if old == "[profile]":
        folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
        path = folder / product / "profile.toml"
        bindings = path.read_text().partition("[[bindings]]")
        path.write_text("".join(bindings[1:]))
    else:
        folder = rewritten(tmp_path, product, old, new)
    assert catalog.load(folder).stamp != catalog.load(PROFILES).stamp


def test_which_profile_is_the_default_and_what_it_is_called_for_people_leave_the_stamp(tmp_path: Path) -> None:
    folder = rewritten(tmp_path, "tools", "default = true", "default = false")
    assert catalog.load(folder).stamp == catalog.load(PROFILES).stamp
