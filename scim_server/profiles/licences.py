"""Licences: which seats a write gives back and takes, and what becomes of who gives the last one away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scim_server.domain.rules import SeatChange, Wish, Write
from scim_server.domain.schema import Json
from scim_server.profiles.sets import JointSet, LastRemoved
from scim_server.profiles.targets import Target


@dataclass(frozen=True, slots=True)
class Licences:
    """The `[licences]` of a profile.

    `pending` is the path of the derived attribute with the keys without a seat; None where an exhausted pool refuses
    the write. `freed_by` is the life-cycle flag that frees the seats of who is off, if any does. `kept_in_put` has
    keys, as they compare.
    """

    held: JointSet
    pending: str | None = None
    freed_by: Target | None = None
    last_removed: LastRemoved = LastRemoved.KEEP
    kept_in_put: frozenset[str] = frozenset()
    optional: bool = False

    def change(self, write: Write) -> SeatChange | None:
        """What the write changes; None where that is nothing."""
        concerned = self.held.targets if self.freed_by is None else (*self.held.targets, self.freed_by)
        if all(target.is_as_before(write) for target in concerned):
            return None
        old, new = self._seats(write.before), self._seats(write.after)
        had = self.held.wishes(write.before)
        change = SeatChange(
            free=_missing(old, new),
            take=_missing(new, old),
            pending=self.pending,
            optional=self.optional,
            new=_missing(self.held.wishes(write.after), had),
        )
        return change if change.free or change.take or change.new else None

    def with_kept(self, write: Write) -> Write:
        """A PUT leaves what it does not name, and each element with a kept key that it does not list."""
        return self.held.with_unnamed(write, self.kept_in_put)

    def _seats(self, attributes: Mapping[str, Json]) -> dict[str, Wish]:
        """What takes a seat. The values of who is off stay and take none, where the profile says so (CC-52)."""
        is_off = self.freed_by is not None and self.freed_by.values(attributes) == [False]
        return {} if is_off else self.held.wishes(attributes)


def _missing(these: Mapping[str, Wish], those: Mapping[str, Wish]) -> tuple[Wish, ...]:
    """Those of the first that are not among the second, by key."""
    return tuple(these[key] for key in sorted(these.keys() - those.keys()))
