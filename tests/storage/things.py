"""Resource types with everything that storage treats in its own way, and resources of them.

`THING` has an attribute of every type and shape, keeps `members` as rows and derives `memberOf` from them; `OTHER`
keeps nothing as rows. A `Model` is what the database should hold: it knows resources as whole JSON, so that
`domain.match` can judge them.
"""

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import orjson

from scim_server.domain import compare
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Meta, schemas
from scim_server.domain.schema import (
    Attribute,
    AttributeType,
    Inverse,
    Json,
    Kept,
    ResourceType,
    Schema,
    Source,
)
from scim_server.storage.base import Draft, Entry, Record, Reference
from tests.domain import every_type
from tests.domain.every_type import CORE

DAY = "2026-01-01T00:00:00.000000000Z"
LATER = "2026-02-02T00:00:00.000000000Z"
LATEST = "2026-03-03T00:00:00.000000000Z"

REFERENCE = (
    Attribute("value", case_exact=True),
    Attribute("$ref", AttributeType.REFERENCE, reference_types=("Thing",)),
    Attribute("type"),
    Attribute("display"),
)
MEMBERS = Attribute("members", AttributeType.COMPLEX, True, kept=Kept.ROWS, sub_attributes=REFERENCE)
MEMBER_OF = Attribute("memberOf", AttributeType.COMPLEX, True, kept=Kept.DERIVED, sub_attributes=REFERENCE)
META = Attribute(
    "meta",
    AttributeType.COMPLEX,
    kept=Kept.RECORD,
    sub_attributes=(
        Attribute("resourceType", case_exact=True),
        Attribute("created", AttributeType.DATE_TIME),
        Attribute("lastModified", AttributeType.DATE_TIME),
        Attribute("location", AttributeType.REFERENCE, reference_types=("resource",)),
        Attribute("version", case_exact=True),
    ),
)
COMMON = replace(
    every_type.COMMON,
    attributes=tuple(META if a.name == "meta" else a for a in every_type.COMMON.attributes),
)
_KEPT = [a for a in every_type.THING.schema.attributes if a.name != "members"]
THING = replace(
    every_type.THING,
    schema=Schema(CORE, "Thing", "", (*_KEPT, MEMBERS, MEMBER_OF)),
    common=COMMON,
    label="exact",
    derivations={"memberOf": Inverse("Thing", (Source("members"),), "direct")},
)
OTHER = replace(every_type.OTHER, common=COMMON, label="label")
REGISTRY = Registry((THING, OTHER), (), "stamp-1")


def draft(resource_type: ResourceType, id: str, attributes: dict[str, Json] | None = None, **more: Json) -> Draft:
    """A draft of those attributes as the service makes it, label and all."""
    given = {**(attributes or {}), **more}
    unique, indexed = compare.entries(resource_type, given)
    return Draft(
        id,
        REGISTRY.stamp,
        text({"schemas": schemas(resource_type, given), "id": id, **given}),
        None,
        text(compare.form(resource_type, given)),
        given.get(resource_type.label or ""),
        frozenset(Entry(*pair) for pair in unique),
        frozenset(Entry(*pair) for pair in indexed),
    )


def text(value: Json) -> str:
    return orjson.dumps(value, default=_number).decode()


def _number(value: object) -> orjson.Fragment:
    assert isinstance(value, Decimal)
    return orjson.Fragment(str(value))


@dataclass
class Thing:
    """One resource of the model."""

    resource_type: ResourceType
    id: str
    attributes: dict[str, Json]
    meta: Meta
    members: list[Json] = field(default_factory=list)


@dataclass
class Model:
    """What a tenant has, in Python."""

    resources: dict[str, Thing] = field(default_factory=dict)

    def whole(self, id: str) -> dict[str, Json]:
        """The resource as canonical JSON with everything that a filter may ask about."""
        kept = self.resources[id]
        type_ = kept.resource_type
        whole: dict[str, Any] = {
            **kept.attributes,
            "schemas": schemas(type_, kept.attributes),
            "id": id,
            "meta": {
                "resourceType": type_.name,
                "created": kept.meta.created,
                "lastModified": kept.meta.last_modified,
                "location": f"https://scim.example.com/v2{type_.endpoint}/{id}",
                "version": kept.meta.etag,
            },
        }
        if type_.rows_attributes:
            whole |= {"members": kept.members, "memberOf": self._member_of(id, type_.inverses["memberOf"])}
        return {name: value for name, value in whole.items() if value != []}

    def owners(self, id: str, levels: int) -> dict[str, int]:
        """Who names that id, or an owner of it, at most so many steps away: id -> the least number of steps."""
        found: dict[str, int] = {}
        named = {id}
        for level in range(1, levels + 1):
            owners = {r.id for r in self.resources.values() if any(m["value"] in named for m in r.members)}
            named = owners - found.keys()
            found |= dict.fromkeys(named, level)
        return found

    def _member_of(self, id: str, inverse: Inverse) -> list[Json]:
        owners = self.owners(id, inverse.levels)
        return [self._reference(self.resources[owner], inverse.kind_at(owners[owner])) for owner in sorted(owners)]

    def _reference(self, owner: Thing, kind: str) -> Json:
        reference = {"value": owner.id, "$ref": f"https://scim.example.com/v2/Things/{owner.id}", "type": kind}
        label = owner.attributes.get("exact")
        return reference if label is None else {**reference, "display": label}


def rows_of(record: Record) -> list[Json]:
    """The members of a record that was read with them."""
    members: list[Json] = json.loads(record.rows["members"])
    return members


def owners_of(record: Record, key: str = "memberOf") -> list[Reference]:
    """The references of a derived attribute of a record that was read with it."""
    found = record.derived[key]
    assert isinstance(found, tuple)
    return [reference for reference in found if isinstance(reference, Reference)]
