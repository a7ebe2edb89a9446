"""Roles: the one that who has none is created with, those that a credential may give, and the last one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from scim_server.domain.resource import Attributes, copy
from scim_server.domain.rules import Verb, Write
from scim_server.errors import Forbidden
from scim_server.profiles.rules import Violation
from scim_server.profiles.sets import JointSet, LastRemoved
from scim_server.profiles.targets import Target


@dataclass(frozen=True, slots=True)
class Roles:
    """The `[roles]` of a profile; also a rule: nobody gives a role that the credential may not give (CC-40)."""

    held: JointSet
    default: str | None = None
    last_removed: LastRemoved = LastRemoved.KEEP

    def with_default(self, write: Write) -> Write:
        """Who is created without a role has the default one."""
        if self.default is None or write.verb is not Verb.CREATE or self.held.wishes(write.after):
            return write
        after: Attributes = copy(write.after)
        self.held.targets[0].put(self.default, after)
        return replace(write, after=after)

    def violations(self, write: Write) -> Iterator[Violation]:
        """What the profile gives by itself is not the credential's doing, and is not named."""
        if write.grants is None:
            return
        allowed = {*write.grants, *self.held.wishes(write.before)}
        for target in self.held.targets:
            if target.name not in write.named:
                continue
            given = [
                v for k, v in zip(target.keys(write.after), target.values(write.after), strict=True) if k not in allowed
            ]
            if given:
                yield Violation(_refusal(target, given[0], write.grants), (target,))


def _refusal(target: Target, role: str, grants: Collection[str]) -> Forbidden:
    may = f"it may give {', '.join(sorted(grants))}" if grants else "it may give none"
    return Forbidden(f"{target.text}: this credential may not give the role {role[:64]!r}; {may}.")
