"""Look-up of what the server serves, and its variants for tenants."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from scim_server.domain.compare import entries
from scim_server.domain.registry import Registry, Variation, published
from scim_server.domain.schema import (
    MOST_LEVELS,
    Attribute,
    AttributeType,
    Inverse,
    Json,
    Kept,
    Source,
    Uniqueness,
)
from tests.domain.device import CORE, DESK, DEVICE, HALL
from tests.registries import registry_of

req = pytest.mark.req
DISCOVERY = replace(DEVICE.schema, id="urn:example:discovery")
REGISTRY = Registry((DEVICE,), published((DEVICE,), (DISCOVERY,)), "stamp")
BUILT_IN = registry_of()


def rows(name: str) -> Attribute:
    return Attribute(name, AttributeType.COMPLEX, multi_valued=True, kept=Kept.ROWS)


@req("R-RT-03", "R-HTTP-11")
def test_endpoints_and_names_are_exact() -> None:
    assert REGISTRY.at("/Devices") is DEVICE
    assert REGISTRY.named("Device") is DEVICE
    assert [REGISTRY.at(e) for e in ("/devices", "Devices", "/Users")] == [None] * 3
    assert REGISTRY.named("device") is None


def test_an_attribute_kept_as_rows_is_found_by_its_exact_name() -> None:
    kept = replace(DEVICE, schema=replace(DEVICE.schema, attributes=(rows("first"), rows("second"))))
    assert [kept.rows_attribute(name) for name in ("first", "second")] == [*kept.rows_attributes]


@req("R-SCH-10", "R-DISC-03")
@pytest.mark.parametrize("urn", [CORE, CORE.upper(), DESK, DESK.lower(), HALL, "urn:example:discovery"])
def test_schemas_are_found_by_their_urn_in_any_case(urn: str) -> None:
    found = REGISTRY.schema(urn)
    assert found is not None
    assert found.id.lower() == urn.lower()


def test_an_unknown_urn_is_no_schema() -> None:
    assert REGISTRY.schema("urn:example:nothing") is None


@req("R-DISC-09", "R-DISC-12")
def test_each_schema_is_published_once_in_a_fixed_order() -> None:
    twin = replace(DEVICE, name="Twin", endpoint="/Twins")
    schemas = published((DEVICE, twin), (DISCOVERY, DEVICE.schema))
    assert [schema.id for schema in schemas] == [CORE, DESK, HALL, "urn:example:discovery"]


def test_without_names_a_variant_is_the_registry_itself() -> None:
    assert REGISTRY.variant(Variation()) is REGISTRY


@req("R-GRP-02")
@pytest.mark.parametrize("name", [f"{CORE}:name", f"{CORE}:name".upper()])
def test_a_core_attribute_need_not_be_unique_in_a_variant(name: str) -> None:
    variant = REGISTRY.variant(Variation(frozenset({name})))
    resource_type, schema = variant.named("Device"), variant.schema(CORE)
    assert resource_type is not None
    assert resource_type.schema is schema
    relaxed = resource_type.schema.attribute("name")
    assert relaxed is not None
    assert relaxed.uniqueness is Uniqueness.NONE
    kept = REGISTRY.named("Device")
    assert kept is DEVICE
    assert [a.uniqueness for a in kept.schema.attributes if a.name == "name"] == [Uniqueness.SERVER]


@req("R-GRP-02")
def test_neither_need_an_extension_attribute() -> None:
    variant = REGISTRY.variant(Variation(frozenset({f"{DESK}:seat"})))
    resource_type, schema = variant.at("/Devices"), variant.schema(DESK)
    assert resource_type is not None
    bound = resource_type.extension(DESK)
    assert bound is not None
    assert bound.schema is schema
    assert bound.absent_in_put is DEVICE.extensions[0].absent_in_put
    assert [a.uniqueness for a in bound.schema.attributes if a.name == "seat"] == [Uniqueness.NONE]
    assert resource_type.schema is DEVICE.schema


def test_a_variant_is_made_once_and_has_the_same_stamp() -> None:
    names = frozenset({f"{CORE}:name"})
    assert REGISTRY.variant(Variation(names)) is REGISTRY.variant(Variation(names))
    assert REGISTRY.variant(Variation(names)).stamp == "stamp"
    assert REGISTRY.variant(Variation(frozenset({"urn:example:nothing:x"}))).schemas == REGISTRY.schemas


@req("R-GRP-02", "ENTRA-14")
def test_two_groups_may_have_one_name_where_a_tenant_says_so() -> None:
    group = BUILT_IN.named("Group")
    assert group is not None
    variant = BUILT_IN.variant(Variation(frozenset({f"{group.schema.id}:displayName"}))).named("Group")
    assert variant is not None
    assert [a.uniqueness for a in variant.schema.attributes if a.name == "displayName"] == [Uniqueness.NONE]
    assert variant.rows_attributes == group.rows_attributes


@req("R-GRP-02")
@pytest.mark.parametrize(
    ("name", "attributes", "entry"),
    [
        (f"{CORE}:name", {"name": "Lamp"}, ("name", "lamp")),
        (f"{DESK}:seat", {DESK: {"seat": "A1"}}, (f"{DESK}:seat", "a1")),
    ],
)
def test_what_is_no_longer_unique_is_still_looked_up(
    name: str, attributes: dict[str, Json], entry: tuple[str, str]
) -> None:
    variant = REGISTRY.variant(Variation(frozenset({name}))).named("Device")
    assert variant is not None
    assert entry in entries(DEVICE, attributes)[0]
    unique, indexed = entries(variant, attributes)
    assert entry not in unique
    assert entry in indexed


def inverses(registry: Registry, name: str) -> Mapping[str, Inverse]:
    found = registry.named(name)
    assert found is not None
    return found.inverses


@req("R-USER-11", "R-GRP-05")
def test_groups_are_followed_through_groups_where_a_tenant_says_so() -> None:
    variant = BUILT_IN.variant(Variation(is_nested=True))
    assert inverses(BUILT_IN, "User")["groups"].levels == 1
    assert inverses(variant, "User")["groups"].levels == MOST_LEVELS
    assert variant.schemas == BUILT_IN.schemas
    assert variant is BUILT_IN.variant(Variation(is_nested=True))
    assert variant is not BUILT_IN.variant(Variation(frozenset({"urn:example:nothing:x"}), is_nested=True))


@req("R-USER-11")
@pytest.mark.parametrize(
    ("types", "levels"), [(("Device",), MOST_LEVELS), (("User", "Device"), MOST_LEVELS), (("User",), 1), ((), 1)]
)
def test_only_what_can_hold_its_own_kind_nests(types: tuple[str, ...], levels: int) -> None:
    reference = Attribute("$ref", AttributeType.REFERENCE, reference_types=types)
    holders = Attribute("holders", AttributeType.COMPLEX, True, kept=Kept.ROWS, sub_attributes=(reference,))
    schema = replace(DEVICE.schema, attributes=(*DEVICE.schema.attributes, holders))
    device = replace(DEVICE, schema=schema, derivations={"held": Inverse("Device", (Source("holders"),), "spare")})
    variant = Registry((device,), published((device,), ()), "stamp").variant(Variation(is_nested=True))
    found = inverses(variant, "Device")["held"]
    assert (found.kind, found.levels) == ("spare", levels)
    assert [found.kind_at(level) for level in (1, 2, 3)] == ["spare", "indirect", "indirect"]
