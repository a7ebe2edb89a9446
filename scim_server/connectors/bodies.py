"""Rewrites of the body of a POST or PUT: (body, resource type) -> the body to read instead, or the very same object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from scim_server.domain.schema import Json, ResourceType

_ENTERPRISE_USER: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

LEGACY_URNS: Final[Mapping[str, str]] = {
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0user": _ENTERPRISE_USER,  # ENTRA-12, a colon is missing
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0": _ENTERPRISE_USER,  # OL-02, shortened
    "urn:scim:schemas:extension:enterprise:2.0": _ENTERPRISE_USER,  # OL-02, as seen in `schemas`
    "urn:scim:schemas:extension:enterprise:1.0": _ENTERPRISE_USER,  # SCIM 1.1 (GOOG-04)
}
"""Wrong URN in lower case -> the registered extension that is meant."""


def rename_extension(body: Json, resource_type: ResourceType) -> Json:
    """An extension's object under a mistyped or outdated URN is the registered extension's, where the type has that.

    ENTRA-12: the tutorial's example lacks the colon before `User`. OL-02: templates carry the short URN and that of
    SCIM 1.1 (goauthentik#11249). Where the body has the registered URN too, or a URN is itself registered, nothing is
    renamed.
    """
    if not isinstance(body, dict):
        return body
    present = {name.lower() for name in body if ":" in name}
    if present.isdisjoint(LEGACY_URNS):
        return body
    renamed: dict[str, str] = {}
    for name in body:
        urn = _meant(name, resource_type)
        if urn is not None and urn.lower() not in present:
            renamed[name] = urn
            present.add(urn.lower())
    return {renamed.get(name, name): member for name, member in body.items()} if renamed else body


def _meant(name: str, resource_type: ResourceType) -> str | None:
    """The registered URN that is meant by a wrong one, or None."""
    urn = LEGACY_URNS.get(name.lower())
    if urn is None or resource_type.extension(name):
        return None
    extension = resource_type.extension(urn)
    return extension.schema.id if extension else None
