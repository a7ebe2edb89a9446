"""A folder of extensions with a resource type of its own, and a small right body for any resource type."""

import shutil
from pathlib import Path
from typing import Any

from scim_server.domain.schema import Attribute, AttributeType, Mutability, ResourceType, Schema

ROOT = Path(__file__).parents[1]


def extensions(folder: Path) -> Path:
    """The extensions that come along, and the one that brings a resource type, in a new folder."""
    shutil.copytree(ROOT / "extensions", folder / "extensions")
    shutil.copytree(ROOT / "tests" / "data" / "catalog", folder / "extensions" / "devices")
    return folder / "extensions"


def body(resource_type: ResourceType, text: str, *members: str) -> dict[str, Any]:
    """What must be there, with `text` wherever a text is needed; the members in each attribute kept as rows."""
    required = [e.schema for e in resource_type.extensions if e.required]
    made: dict[str, Any] = {"schemas": [resource_type.schema.id, *(s.id for s in required)]}
    made |= {a.name: text for a in resource_type.schema.attributes if a.required}
    made |= {s.id: {_writable_text(s).name: text} for s in required}
    if members:
        made |= {a.name: [{"value": id} for id in members] for a in resource_type.rows_attributes}
    return made


def _writable_text(schema: Schema) -> Attribute:
    return next(
        a
        for a in schema.attributes
        if a.type is AttributeType.STRING and not a.multi_valued and a.mutability is Mutability.READ_WRITE
    )
