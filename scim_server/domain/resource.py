"""A resource as the core sees it: its attributes, and what the server knows about it.

`attributes` is JSON in canonical form: canonical names in canonical case, core attributes at the root, those of an
extension in an object under the extension's URN, nothing unassigned (no null, [] or {}), without `schemas`, `id`,
`meta`, derived attributes and attributes kept as rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from scim_server.domain.schema import Json, ResourceType

Attributes: TypeAlias = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Meta:
    """Server-assigned facts.

    Times are UTC text of fixed width with nine digits, as `compare` makes them for filters.
    """

    created: str
    last_modified: str
    version: int
    membership_version: int | None = None
    """None for a resource type that keeps nothing as rows."""

    @property
    def etag(self) -> str:
        """`W/"7"`, or `W/"7.12"` where the membership has a version of its own."""
        if self.membership_version is None:
            return f'W/"{self.version}"'
        return f'W/"{self.version}.{self.membership_version}"'


def schemas(resource_type: ResourceType, attributes: Mapping[str, Json]) -> list[str]:
    """The `schemas` of a resource: its base schema, and the extensions that have data (R-SCH-02, -03, -05)."""
    extensions = (e.schema.id for e in resource_type.extensions if e.schema.id in attributes)
    return [resource_type.schema.id, *extensions]


def copy(value: Json) -> Json:
    """A deep copy of a JSON value."""
    if isinstance(value, dict):
        return {name: copy(member) for name, member in value.items()}
    if isinstance(value, list):
        return [copy(element) for element in value]
    return value
