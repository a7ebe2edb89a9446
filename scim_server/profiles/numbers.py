"""Numbers: which one a write gives back and takes. A number is held while the resource exists, switched off or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scim_server.domain.rules import NumberChange, Verb, Write
from scim_server.domain.schema import Json
from scim_server.profiles.targets import Target


@dataclass(frozen=True, slots=True)
class Numbers:
    """The `[numbers]` of a profile. `name` is what a resource is known by; a released number rests for `days`."""

    target: Target
    name: Target
    allocate: bool = False
    days: int = 0
    optional: bool = False

    def change(self, write: Write) -> NumberChange | None:
        """What the write changes; None where that is nothing."""
        may_allocate = self.allocate and write.verb is Verb.CREATE
        if not may_allocate and self.target.is_as_before(write):
            return None
        old, new = _first(self.target, write.before), _first(self.target, write.after)
        allocates = may_allocate and new is None
        if old == new and not allocates:
            return None
        return NumberChange(
            path=self.target.path.key,
            release=old,
            take=new,
            allocate=allocates,
            name=_first(self.name, write.after) or _first(self.name, write.before) or "",
            days=self.days,
            optional=self.optional,
            name_path=self.name.path.key,
        )


def _first(target: Target, attributes: Mapping[str, Json]) -> str | None:
    return next(iter(target.keys(attributes)), None)
