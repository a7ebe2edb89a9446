"""What must hold for a team after a write of it: its place among the other teams, its members and its supervisors.

    around       place -> begin -> the rows change -> finish

Teams above are locked on the way up, so that two of them cannot be put below each other at the same moment; and those
who are added, where a member is in one team alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from scim_server.domain.registry import Registry
from scim_server.domain.resource import Attributes
from scim_server.domain.rows import RowsChange
from scim_server.domain.rules import Event, TeamChange
from scim_server.domain.schema import MOST_LEVELS, Json, ResourceType
from scim_server.errors import InvalidValue
from scim_server.service.drafts import attributes_of
from scim_server.service.effects import Settlement, Subject
from scim_server.storage.base import Expand, Transaction

NOTED: Final = "true"
"""The value of a note that is there or not."""

MOST_TOLD: Final = 1_000
"""How many an event names: a longer list is told in several."""

_NOTHING: Final[Expand] = frozenset()


def around(
    settlement: Settlement,
    resource_type: ResourceType,
    id: str,
    team: TeamChange | None,
    rows: Mapping[str, RowsChange],
    work: Callable[[], bool],
) -> bool:
    """Run `work`, which changes the rows of a team and says whether any changed, as a write of a team; whether any rows
    changed. `rows` has the changes by the keys of their attributes. Raises InvalidValue.
    """
    if team is None:
        return work()
    _Place(settlement.transaction, settlement.context.registry, resource_type, id, team).check()
    write = _TeamWrite(settlement, resource_type, id, team)
    write.begin(rows)
    changed = work()
    return write.finish(rows) or changed


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a team is put: the team above is there and not below this one, and no team lies deeper than the levels."""

    transaction: Transaction
    registry: Registry
    resource_type: ResourceType
    id: str
    team: TeamChange

    def check(self) -> None:
        """Look, and lock the teams above."""
        if self.team.parent is None:
            return
        above = [*self._above(self.team.parent)]
        if self.team.levels is None:
            return
        if not above:
            raise self._refusal(f"there is no {self.resource_type.name} {self.team.parent!r}")
        level, deepest = len(above) + 1, len(above) + 1 + self._height(self.team.levels)
        if deepest > self.team.levels:
            what = "this team" if level > self.team.levels else "a team below this one"
            raise self._refusal(f"{what} would be at level {deepest}; the levels are 1 to {self.team.levels}")

    def _above(self, id: str) -> Iterator[str]:
        """The ids of the teams above, the nearest first, as far as there are any; one that is its own ancestor ends it.

        Raises InvalidValue where this team is among them.
        """
        seen: set[str] = set()
        following: str | None = id
        while following is not None and following not in seen and len(seen) <= MOST_LEVELS:
            if following == self.id:
                raise self._refusal(f"{id!r} is this team or lies below it")
            record = self.transaction.lock(self.resource_type, following, _NOTHING)
            if record is None:
                return
            yield following
            seen.add(following)
            following = self._parent(attributes_of(record, self.registry, self.resource_type))

    def _height(self, most: int) -> int:
        """How many levels of teams lie below this one, counted no further than `most`."""
        ids: Collection[str] = [self.id]
        for height in range(most):
            ids = self.transaction.memberships.below(self.resource_type.name, self.team.parent_path or "", ids)
            if not ids:
                return height
        return most

    def _parent(self, attributes: Attributes) -> str | None:
        urn, _, name = (self.team.parent_path or "").rpartition(":")
        container: Mapping[str, Json] = attributes.get(urn, {}) if urn else attributes
        return container.get(name) or None

    def _refusal(self, reason: str) -> InvalidValue:
        return InvalidValue(f"{self.team.parent_path}: {reason}.")


class _TeamWrite:
    """One write of the rows of a team."""

    def __init__(self, settlement: Settlement, resource_type: ResourceType, id: str, team: TeamChange) -> None:
        self._settlement = settlement
        self._transaction = settlement.transaction
        self._resource_type = resource_type
        self._type = resource_type.name
        self._id = id
        self._team = team
        self._now = settlement.now
        self._added: frozenset[str] = frozenset()
        self._present: frozenset[str] = frozenset()

    def begin(self, rows: Mapping[str, RowsChange]) -> None:
        """Before the rows change: who is there, and nobody else adds or removes those who come."""
        change = rows.get(self._team.members, RowsChange())
        self._added = frozenset((*change.add, *change.put))
        if self._team.one_each and self._added:
            self._transaction.lock_all(self._added, ())
        if self._team.moved is None and self._team.joined is None:
            return
        goes_through_all = change.clear or change.remove_where
        concerned = None if goes_through_all else self._added | change.remove
        if concerned is None or concerned:
            named = self._transaction.memberships.named
            self._present = frozenset(named(self._type, self._id, self._team.members, concerned))

    def finish(self, rows: Mapping[str, RowsChange]) -> bool:
        """After they have changed; whether more rows of the team have. Raises InvalidValue for a supervisor who is no
        member.
        """
        movers = self._movers() if self._added else frozenset()
        self._note(movers)
        self._tell(movers)
        return self._drop_strays(rows)

    def _movers(self) -> frozenset[str]:
        """Those of the added ones who were in another team before, which they leave."""
        found: set[str] = set()
        if self._team.one_each:
            attributes = [key for key in (self._team.members, self._team.supervisors) if key]
            leave = self._transaction.memberships.leave_others
            found |= {*leave(self._type, self._id, attributes, self._added, self._now)}
        if self._team.moved is not None:
            found |= {*self._transaction.notes.drop(self._added, _left(self._team.moved))}
        return frozenset(found)

    def _note(self, movers: frozenset[str]) -> None:
        """Who moved, and who left and may be on the way to another team."""
        moved = self._team.moved
        if moved is None:
            return
        if movers:
            self._note_about(movers, moved)
        left = self._present - self._added
        if left:
            named = self._transaction.memberships.named
            left -= {*named(self._type, self._id, self._team.members, left)}
        if left:
            self._note_about(left, _left(moved))

    def _note_about(self, ids: frozenset[str], path: str) -> None:
        """Nobody ever reads, or takes back, a note about an id that no resource has: those are kept as members too."""
        there = ids.difference(self._transaction.missing([*ids]))
        if there:
            self._transaction.notes.add_all(there, path, NOTED, self._now)

    def _tell(self, movers: frozenset[str]) -> None:
        event = self._team.joined
        if event is None:
            return
        subject, joined = Subject(self._resource_type, self._id), sorted(self._added - self._present)
        for first in range(0, len(joined), MOST_TOLD):
            told = joined[first : first + MOST_TOLD]
            content = {**event.content, "joined": told, "moved": [id for id in told if id in movers]}
            self._settlement.tell(subject, Event(event.kind, content))

    def _drop_strays(self, rows: Mapping[str, RowsChange]) -> bool:
        """Who is no member any more supervises no more; who is to supervise is a member."""
        supervisors = self._team.supervisors
        if supervisors is None or rows.keys().isdisjoint({supervisors, self._team.members}):
            return False
        strays = self._transaction.memberships.outside(self._type, self._id, supervisors, self._team.members)
        change = rows.get(supervisors, RowsChange())
        wrong = [id for id in strays if id in change.add or id in change.put]
        if wrong:
            raise InvalidValue(f"{supervisors}: {wrong[0]!r} is no member of the team; its supervisors are.")
        if not strays:
            return False
        attribute = self._resource_type.rows_attribute(supervisors)
        return self._transaction.change_rows(self._resource_type, self._id, attribute, RowsChange(remove={*strays}))


def _left(moved: str) -> str:
    """The path of the notes about those who left a team, which nothing shows."""
    return f"{moved}.left"
