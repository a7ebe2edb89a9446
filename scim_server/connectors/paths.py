"""Plain PATCH paths: what a rewrite has to know of a path, without parsing filters."""

from __future__ import annotations

from scim_server.domain.attrpath import AttrPath, BoundPath, bind
from scim_server.domain.schema import ResourceType


def has_filter(path: str) -> bool:
    """Whether the path selects elements: `emails[type eq "work"].value`. Names and URNs have no brackets."""
    return "[" in path


def target(path: str, resource_type: ResourceType) -> BoundPath | None:
    """The attribute that a path names, or None: a filter, no such attribute, an extension's bare URN, or malformed.

    A name holds no colon, so that the last one ends the URN, whose own dots are in front of it (ENTRA-32). Blanks
    around a path are nothing, as in `filtering`.
    """
    if has_filter(path):
        return None
    urn, _, dotted = path.strip().rpartition(":")
    name, _, sub = dotted.partition(".")
    return bind(AttrPath(name, sub or None, urn or None), resource_type)
