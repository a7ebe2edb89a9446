"""Teams: what a profile asks of resources that have members, stand below each other, and have supervisors.

Who is a member, and how deep a team lies, are facts of other rows; so this says what must hold, and the service looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scim_server.domain.rules import TeamChange, Verb, Write
from scim_server.domain.schema import Json
from scim_server.profiles.events import Announcement
from scim_server.profiles.targets import Target


@dataclass(frozen=True, slots=True)
class Teams:
    """The `[teams]` of a profile; attributes kept as rows by their keys."""

    members: str
    supervisors: str | None = None
    one_each: bool = False
    moved: str | None = None
    parent: Target | None = None
    levels: int | None = None
    joined: Announcement | None = None
    """What is told where members join."""

    def change(self, write: Write) -> TeamChange | None:
        """What must hold after a write of a team; None where nothing can be wrong with it."""
        parent = self._new_parent(write)
        concerns_members = self.supervisors or self.one_each or self.moved or self.joined
        if write.verb is Verb.DELETE or not (concerns_members or parent):
            return None
        return TeamChange(
            members=self.members,
            supervisors=self.supervisors,
            one_each=self.one_each,
            moved=self.moved,
            parent=parent,
            parent_path=self.parent.name if self.parent else None,
            levels=self.levels,
            joined=self.joined.of(write) if self.joined else None,
        )

    def _new_parent(self, write: Write) -> str | None:
        """The id of the team above, where it is another one than before."""
        if self.parent is None:
            return None
        above = self.parent.values(write.after)
        return above[0] if above and above != self.parent.values(write.before) else None


@dataclass(frozen=True, slots=True)
class Review:
    """The note at the path `moved` about a member is done with once a write names one of these attributes.

    A PUT names them all, also where a client sends back what it has read (OKTA-07): it has to change one of them.
    """

    moved: str
    named: frozenset[str]

    def done(self, write: Write) -> tuple[str, ...]:
        """The paths of the notes that the write is an end to."""
        if write.verb is Verb.DELETE:
            return ()
        said = [key for key in write.named if key in self.named]
        if write.verb is Verb.REPLACE:
            said = [key for key in said if _value(write.before, key) != _value(write.after, key)]
        return (self.moved,) if said else ()


def _value(attributes: Mapping[str, Json], key: str) -> Json:
    """What is at the key of an attribute (`schema.path_key`)."""
    urn, _, name = key.rpartition(":")
    return (attributes.get(urn, {}) if urn else attributes).get(name)
