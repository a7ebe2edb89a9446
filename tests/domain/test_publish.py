"""What clients read under /Schemas and /ResourceTypes is what the files say, and nothing of a binding."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scim_server import catalog
from scim_server.domain.publish import published, published_attribute, published_resource_type
from scim_server.domain.schema import (
    Attribute,
    AttributeType,
    Json,
    Kept,
    Mutability,
    Returned,
    Schema,
    Uniqueness,
)
from tests.registries import registry_of

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*(ROOT / "scim_server/schemas").glob("*.json"), *(ROOT / "extensions").glob("*/schemas/*.json")])
RESOURCE_TYPES = sorted((ROOT / "scim_server/schemas/resource_types").glob("*.json"))
CORE = "urn:ietf:params:scim:schemas:core:2.0"
UNBOUND = {"common", "entitlement"}
"""What every resource has, and what a profile has to choose for its licence pools."""
EVERY_PROFILE = catalog.load(ROOT / "extensions").whole


def content(path: Path) -> dict[str, Json]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


@pytest.mark.req("R-RT-07", "R-DISC-14")
@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in UNBOUND], ids=lambda path: path.stem)
def test_a_schema_is_published_as_its_file_has_it(path: Path) -> None:
    file = content(path)
    schema = EVERY_PROFILE.schema(file["id"])
    assert schema is not None
    assert published(schema) == {"schemas": [f"{CORE}:Schema"], **file}


@pytest.mark.parametrize("path", RESOURCE_TYPES, ids=lambda path: path.stem)
def test_a_resource_type_is_published_as_its_file_has_it_without_the_binding(path: Path) -> None:
    file = content(path)
    del file["binding"]
    resource_type = registry_of().named(file["name"])
    assert resource_type is not None
    assert published_resource_type(resource_type) == {"schemas": [f"{CORE}:ResourceType"], **file}


@pytest.mark.req("R-RT-04")
def test_the_extensions_of_profiles_are_published_with_those_of_the_resource_type() -> None:
    user = registry_of(ROOT / "extensions").named("User")
    assert user is not None
    names = [entry["schema"].rsplit(":", 3)[-3] for entry in published_resource_type(user)["schemaExtensions"]]
    assert names == ["enterprise", "contactcentre", "agentsettings"]


def test_a_resource_type_without_extensions_publishes_no_list_of_them() -> None:
    group = registry_of().named("Group")
    assert group is not None
    assert "schemaExtensions" not in published_resource_type(group)


EVERYWHERE = {"name", "type", "multiValued", "required", "mutability", "returned"}
# RFC 7643 section 2.3 says which types have a case and which can be unique.
CHARACTERISTICS = [
    (AttributeType.STRING, {"caseExact", "uniqueness"}),
    (AttributeType.BOOLEAN, set()),
    (AttributeType.DECIMAL, {"uniqueness"}),
    (AttributeType.INTEGER, {"uniqueness"}),
    (AttributeType.DATE_TIME, set()),
    (AttributeType.REFERENCE, {"caseExact", "uniqueness"}),
    (AttributeType.BINARY, {"caseExact"}),
    (AttributeType.COMPLEX, set()),
]


@pytest.mark.req("R-RT-13")
@pytest.mark.parametrize(("kind", "characteristics"), CHARACTERISTICS)
def test_a_characteristic_is_published_only_where_the_type_has_it(
    kind: AttributeType, characteristics: set[str]
) -> None:
    assert set(published_attribute(Attribute("name", kind))) == EVERYWHERE | characteristics


def test_an_attribute_is_published_with_all_that_is_known_of_it_but_where_it_is_kept() -> None:
    attribute = Attribute(
        "manager",
        AttributeType.REFERENCE,
        multi_valued=True,
        description="Who decides.",
        required=True,
        canonical_values=("a", "b"),
        case_exact=True,
        mutability=Mutability.IMMUTABLE,
        returned=Returned.REQUEST,
        uniqueness=Uniqueness.GLOBAL,
        reference_types=("User", "external"),
        kept=Kept.ROWS,
    )
    assert published_attribute(attribute) == {
        "name": "manager",
        "type": "reference",
        "multiValued": True,
        "description": "Who decides.",
        "required": True,
        "canonicalValues": ["a", "b"],
        "caseExact": True,
        "mutability": "immutable",
        "returned": "request",
        "uniqueness": "global",
        "referenceTypes": ["User", "external"],
    }


@pytest.mark.req("ENTRA-70")
def test_nothing_that_is_published_is_null_or_empty() -> None:
    def values(value: Json) -> Iterator[Json]:
        yield value
        below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for element in below:
            yield from values(element)

    registry = registry_of(ROOT / "extensions")
    documents = [published(schema) for schema in registry.schemas]
    documents += [published_resource_type(resource_type) for resource_type in registry.resource_types]
    documents.append(published(Schema("urn:a:b", "Bare", "", (Attribute("name"),))))
    assert [value for document in documents for value in values(document) if value in (None, "", [], {})] == []
