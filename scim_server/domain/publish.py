"""Schemas and resource types as the JSON that a client reads under /Schemas and /ResourceTypes.

Only what RFC 7643 knows is published: nothing of a binding, no null member, and a characteristic only where the
attribute's type has it (R-RT-13).
"""

from __future__ import annotations

from typing import Final

from scim_server.domain.schema import Attribute, AttributeType, Json, ResourceType, Schema

SCHEMA_URN: Final = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE_URN: Final = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"

# RFC 7643 sections 2.3.1 to 2.3.8, with errata 6000 and 6004.
HAS_CASE: Final = frozenset({AttributeType.STRING, AttributeType.REFERENCE, AttributeType.BINARY})
HAS_UNIQUENESS: Final = frozenset(
    {AttributeType.STRING, AttributeType.REFERENCE, AttributeType.INTEGER, AttributeType.DECIMAL}
)


def published(schema: Schema) -> dict[str, Json]:
    """A Schema resource without its meta: schemas (erratum 8417), id, name, description, attributes."""
    return {
        "schemas": [SCHEMA_URN],
        "id": schema.id,
        "name": schema.name,
        **_described(schema.description),
        "attributes": [published_attribute(attribute) for attribute in schema.attributes],
    }


def published_resource_type(resource_type: ResourceType) -> dict[str, Json]:
    """A ResourceType resource without its meta; schemaExtensions is an array (erratum 7522) or absent."""
    document = {
        "schemas": [RESOURCE_TYPE_URN],
        "id": resource_type.id,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        **_described(resource_type.description),
        "schema": resource_type.schema.id,
    }
    if resource_type.extensions:
        document["schemaExtensions"] = [
            {"schema": extension.schema.id, "required": extension.required} for extension in resource_type.extensions
        ]
    return document


def published_attribute(attribute: Attribute) -> dict[str, Json]:
    """One attribute definition with all the characteristics that its type has (RFC 7643 section 7)."""
    document: dict[str, Json] = {
        "name": attribute.name,
        "type": attribute.type.value,
        "multiValued": attribute.multi_valued,
        **_described(attribute.description),
        "required": attribute.required,
    }
    if attribute.canonical_values:
        document["canonicalValues"] = list(attribute.canonical_values)
    if attribute.type in HAS_CASE:
        document["caseExact"] = attribute.case_exact
    document["mutability"] = attribute.mutability.value
    document["returned"] = attribute.returned.value
    if attribute.type in HAS_UNIQUENESS:
        document["uniqueness"] = attribute.uniqueness.value
    if attribute.reference_types:
        document["referenceTypes"] = list(attribute.reference_types)
    if attribute.sub_attributes:
        document["subAttributes"] = [published_attribute(sub) for sub in attribute.sub_attributes]
    return document


def _described(description: str) -> dict[str, Json]:
    return {"description": description} if description else {}
