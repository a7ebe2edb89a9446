"""The values of several attributes as one set: the seats that a user holds, the roles that a user has.

A value counts once, whichever of the attributes has it, and none of them is copied into another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from scim_server.domain.rules import Verb, Wish, Write
from scim_server.domain.schema import Json
from scim_server.profiles.targets import Target


class LastRemoved(StrEnum):
    """What becomes of a resource whose last value a client takes away."""

    KEEP = "keep"
    DEACTIVATE = "deactivate"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class JointSet:
    """Attributes whose values are texts that compare in the same way."""

    targets: tuple[Target, ...]

    def wishes(self, attributes: Mapping[str, Json]) -> dict[str, Wish]:
        """The values by how they compare, each with the first attribute that has it."""
        found: dict[str, Wish] = {}
        for target in self.targets:
            for key, value in zip(target.keys(attributes), target.values(attributes), strict=True):
                found.setdefault(key, Wish(key, value, target.text))
        return found

    def is_taken_away(self, write: Write) -> bool:
        """Whether the client has taken the last value away, in words: what a PUT does not name, it has not (CC-56)."""
        held = [target for target in self.targets if target.values(write.before)]
        if not held or self.wishes(write.after):
            return False
        if write.verb is Verb.REPLACE:
            return all(target.name in write.named for target in held)
        return write.verb is Verb.PATCH
