"""The values of several attributes as one set: the seats that a user holds, the roles that a user has.

A value counts once, whichever of the attributes has it, and none of them is copied into another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from scim_server.domain.resource import Attributes, copy
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

    def with_unnamed(self, write: Write, kept: Collection[str] = ()) -> Write:
        """A PUT that does not name one of the core attributes takes nothing of it away (CC-56), as a binding says of
        those of extensions; and nothing that has a `kept` key, whatever it lists: another client has written it.
        """
        if write.verb is not Verb.REPLACE:
            return write
        after: Attributes = copy(write.after)
        for target in self.targets:
            is_named = target.path.extension is not None or target.name in write.named
            if target.path.attribute.multi_valued:
                listed = set(target.keys(after))
                held = target.elements(write.before)
                target.add([e for k, e in held if k not in listed and (k in kept or not is_named)], after)
            elif not is_named:
                target.restore(write.before, after)
        return replace(write, after=after)

    def is_taken_away(self, write: Write) -> bool:
        """Whether the client has taken the last value away, in words: what a PUT does not name, it has not (CC-56)."""
        if all(target.is_as_before(write) for target in self.targets):
            return False
        held = [target for target in self.targets if target.values(write.before)]
        if not held or self.wishes(write.after):
            return False
        if write.verb is Verb.REPLACE:
            return all(target.name in write.named for target in held)
        return write.verb is Verb.PATCH
