"""As what licence pools are shown: which resource type it is for each profile, and for which tenants it is there."""

import re
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.domain.registry import AS_IT_IS, Registry, Variation
from scim_server.domain.schema import Attribute, AttributeType, Kept, Mutability, PoolForm, ResourceType, Schema
from tests.stock import stock_folder

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

EXTENSIONS = Path(__file__).parents[2] / "extensions"
LICENCE = "urn:ietf:params:scim:schemas:licencing:2.0:Licence"
ENTITLEMENT = "urn:okta:scim:schemas:core:1.0:Entitlement"


def folder(tmp_path: Path, **profiles: str) -> Path:
    """The pools' general extensions beside products with these lines in their profile.toml."""
    for name in ("licences", "okta-entitlements"):
        (tmp_path / name).symlink_to(EXTENSIONS / name)
    for name, lines in profiles.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "profile.toml").write_text(f'[profile]\nname = "{name}"\n{lines}', encoding="utf-8")
    return tmp_path


def forms(registry: Registry) -> list[str]:
    return [t.name for t in registry.resource_types if t.pools]


AS_ENTITLEMENTS = '[pools]\nshown_as = "Entitlement"\n'
PROFILES = {
    "agents": "",
    "entitled": AS_ENTITLEMENTS,
    "heirs": 'extends = "entitled"\n',
    "others": 'extends = "entitled"\n[pools]\nshown_as = "Licence"\n',
}


@pytest.mark.req("OKTA-50")
@pytest.mark.parametrize(
    ("profile", "form"),
    [("agents", "Licence"), ("entitled", "Entitlement"), ("heirs", "Entitlement"), ("others", "Licence")],
)
def test_a_profile_shows_pools_as_it_says_or_as_those_say_that_it_extends(
    profile: str, form: str, tmp_path: Path
) -> None:
    assert forms(catalog.load(folder(tmp_path, **PROFILES)).of(profile)) == [form]


def test_the_whole_has_every_form(tmp_path: Path) -> None:
    assert set(forms(catalog.load(folder(tmp_path, **PROFILES)).whole)) == {"Licence", "Entitlement"}


def test_how_pools_are_shown_changes_nothing_that_is_stored(tmp_path: Path) -> None:
    first = catalog.load(folder(tmp_path, agents="")).stamp
    (tmp_path / "agents/profile.toml").write_text(f'[profile]\nname = "agents"\n{AS_ENTITLEMENTS}', encoding="utf-8")
    assert catalog.load(tmp_path).stamp == first


FAULTS = [
    ('[pools]\nshown_as = "User"\n', 'shown_as: "User" is no resource type that shows licence pools; expected one of'),
    (
        '[pools]\nshown_as = "Seats"\n',
        'shown_as: "Seats" is no resource type that shows licence pools; expected one of',
    ),
    ("[pools]\n", "shown_as: is missing; expected a string"),
    ('[pools]\nas = "Licence"\n', "as: is not a known key; expected one of shown_as, attributes"),
]


@pytest.mark.parametrize(("lines", "fault"), FAULTS)
def test_a_name_of_no_such_type_is_a_fault(lines: str, fault: str, tmp_path: Path) -> None:
    found = [str(fault) for fault in catalog.check(folder(tmp_path, agents=lines))]
    assert [text for text in found if f"agents/profile.toml: pools.{fault}" in text]


def test_where_nothing_shows_pools_no_profile_can_choose(tmp_path: Path) -> None:
    (tmp_path / "profile.toml").write_text(AS_ENTITLEMENTS, encoding="utf-8")
    (fault,) = catalog.check(tmp_path)
    assert fault.expected == "no [pools], since there is none"


def test_what_shows_pools_is_there_for_tenants_that_have_some_alone(tmp_path: Path) -> None:
    registry = catalog.load(folder(tmp_path, **PROFILES)).of("agents")
    without, with_pools = registry.variant(AS_IT_IS), registry.variant(Variation(has_pools=True))
    assert (without.named("Licence"), without.at("/Licences"), without.schema(LICENCE)) == (None, None, None)
    shown = with_pools.at("/Licences")
    assert shown is not None
    assert shown.is_read_only
    assert with_pools.schema(LICENCE)
    assert with_pools.schema(ENTITLEMENT) is None
    assert {t.name for t in with_pools.resource_types} == {t.name for t in without.resource_types} | {"Licence"}


def test_without_such_a_type_a_tenant_without_settings_has_the_registry_itself() -> None:
    registry = catalog.load().of("")
    assert registry.variant(AS_IT_IS) is registry


def test_a_schema_that_another_type_has_too_stays_when_its_first_one_is_hidden() -> None:
    name = Attribute("name", AttributeType.STRING, mutability=Mutability.READ_ONLY, kept=Kept.DOCUMENT)
    schema, common = Schema("urn:a:b", "B", "", (name,)), Schema("", "common", "", ())
    pools = ResourceType("Pool", "Pool", "/Pools", "", schema, common, pools=PoolForm("name"))
    plain = ResourceType("Plain", "Plain", "/Plains", "", schema, common)
    assert Registry((pools, plain), (schema,), "").variant(AS_IT_IS).schema("urn:a:b") == schema


WRONG_ATTRIBUTES = [
    ("'entitlement.value'", 'pools.attributes[0]: User has no attribute "entitlement.value"'),
    ("'userName', 'active'", "pools.attributes[1]: active is of type boolean; expected an attribute of type string"),
]


@pytest.mark.req("OKTA-53")
@pytest.mark.parametrize(("attributes", "fault"), WRONG_ATTRIBUTES)
def test_where_clients_write_the_ids_of_pools_is_an_attribute_of_text(
    attributes: str, fault: str, tmp_path: Path
) -> None:
    extensions = stock_folder(tmp_path / "extensions")
    profile = extensions / "entitled" / "profile.toml"
    text = profile.read_text(encoding="utf-8")
    assert catalog.check(extensions) == []
    profile.write_text(re.sub(r"attributes = \[.*\]", f"attributes = [{attributes}]", text), encoding="utf-8")
    assert [str(found) for found in catalog.check(extensions) if f"entitled/profile.toml: {fault}" in str(found)]
