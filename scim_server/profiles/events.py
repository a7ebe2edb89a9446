"""Events: what the product's own side is told when something happens to a resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scim_server.domain.rules import Event, Write
from scim_server.domain.schema import Json
from scim_server.profiles.targets import Target


@dataclass(frozen=True, slots=True)
class Announcement:
    """One of the `[[events]]` of a profile. None is made where the body names the attribute `unless` with a value;
    the values of `carries` go into it, those that are not kept too.
    """

    kind: str
    unless: Target | None = None
    carries: tuple[Target, ...] = ()

    def of(self, write: Write) -> Event | None:
        """The event that the write brings about, if any."""
        if self.unless is not None and _given(self.unless, write):
            return None
        found = {target.text: _given(target, write) for target in self.carries}
        return Event(self.kind, {text: _content(values) for text, values in found.items() if values})


def _given(target: Target, write: Write) -> list[Json]:
    """The values that the client gave."""
    if target.name not in write.named:
        return []
    return target.values(write.after) or target.values(_nested(target, write.passing))


def _nested(target: Target, passing: Mapping[str, Any]) -> dict[str, Json]:
    """The value of the attribute among those that are not kept, as in a resource."""
    if target.name not in passing:
        return {}
    held = {target.path.attribute.name: passing[target.name]}
    return {target.path.extension: held} if target.path.extension else held


def _content(values: list[Json]) -> Json:
    return values[0] if len(values) == 1 else values
