"""All rules of a resource type, and what becomes of a write that violates one.

A write that violates a rule is refused, with the first reason. But who leaves is always switched off (CC-57): of a
request that says that the life-cycle flag is off, the changes that violate a rule are left out and the rest takes
effect. An identity provider sends all that it maps together with the flag, and nobody keeps access for that.

What is left of the write decides the effects: constraints are checked before any seat or number is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from scim_server.domain.resource import Attributes, copy
from scim_server.domain.rules import Decision, Event, Verb, Write
from scim_server.profiles.events import Announcement
from scim_server.profiles.licences import Licences
from scim_server.profiles.numbers import Numbers
from scim_server.profiles.roles import Roles
from scim_server.profiles.rules import Fixed, Rule, violations
from scim_server.profiles.sets import LastRemoved
from scim_server.profiles.targets import Target
from scim_server.profiles.teams import Review, Teams


@dataclass(frozen=True, slots=True)
class TypeRules:
    """`domain.rules.Rules` of one resource type. `flag` is the boolean attribute that switches a resource off."""

    rules: tuple[Rule, ...] = ()
    flag: Target | None = None
    teams: Teams | None = None
    review: Review | None = None
    licences: Licences | None = None
    numbers: Numbers | None = None
    roles: Roles | None = None
    announcements: tuple[Announcement, ...] = ()
    """Of what is created."""

    def decide(self, write: Write) -> Decision:
        """What to store and what else to do. Raises InvalidValue, MutabilityViolation, Forbidden."""
        if write.verb is Verb.DELETE:
            return self._with_effects(write, Decision(write.after))
        wanted = self._wanted(write)
        decision = self._judged(wanted)
        return self._with_effects(replace(wanted, after=decision.attributes), decision)

    def without(self, write: Write, path: str) -> Write:
        """The write without what it changes at the path of a Wish or a NumberChange."""
        held = [*self.licences.held.targets] if self.licences else []
        held += [self.numbers.target] if self.numbers else []
        targets = [target for target in held if path in (target.text, target.path.key)]
        return replace(write, after=_restored(targets, write)[0])

    def _wanted(self, write: Write) -> Write:
        """The write with what it does not have to say: what is fixed or kept in a PUT, what a create begins with."""
        write = self._with_fixed(write)
        if self.licences:
            write = self.licences.with_kept(write)
        return self.roles.with_default(self.roles.held.with_unnamed(write)) if self.roles else write

    def _judged(self, wanted: Write) -> Decision:
        """What the rules leave of the write."""
        is_leaver = self._switches_off(wanted)
        rules = (*self.rules, self.roles) if self.roles else self.rules
        first = next(violations(rules, wanted), None)
        if first is None:
            return Decision(wanted.after, is_leaver=is_leaver)
        if not is_leaver:
            raise first.error
        return _without_violations(rules, wanted)

    def _with_effects(self, write: Write, decision: Decision) -> Decision:
        """What else is to be done. Who is deleted, by whatever it is, gives everything back."""
        removals = self._removals(write)
        if self.flag and LastRemoved.DEACTIVATE in removals:
            write = replace(write, after=_switched_off(self.flag, write.after))
        is_removed = LastRemoved.DELETE in removals
        at_last = replace(write, after={}) if is_removed else write
        return replace(
            decision,
            attributes=write.after,
            seats=self.licences.change(at_last) if self.licences else None,
            number=self.numbers.change(at_last) if self.numbers else None,
            events=self._events(write),
            leaves=self._leaves(write, is_removed or write.verb is Verb.DELETE),
            is_removed=is_removed,
            team=self.teams.change(write) if self.teams else None,
            reviewed=self.review.done(write) if self.review else (),
        )

    def _removals(self, write: Write) -> set[LastRemoved]:
        """What the profile wants of a write that takes the last value of a set away."""
        sets = (rule for rule in (self.licences, self.roles) if rule)
        return {rule.last_removed for rule in sets if rule.held.is_taken_away(write)}

    def _events(self, write: Write) -> tuple[Event, ...]:
        if write.verb is not Verb.CREATE:
            return ()
        return tuple(event for announcement in self.announcements if (event := announcement.of(write)))

    def _leaves(self, write: Write, is_gone: bool) -> bool:
        """Whether who has a life cycle is switched off, or is not there any more."""
        if self.flag is None or write.verb is Verb.CREATE:
            return False
        return is_gone or (self.flag.values(write.after) == [False] and self.flag.values(write.before) != [False])

    def _with_fixed(self, write: Write) -> Write:
        """A PUT that does not name what is fixed does not ask to change it, as with what is immutable (R-CHAR-09)."""
        if write.verb is not Verb.REPLACE:
            return write
        targets = [rule.target for rule in self.rules if isinstance(rule, Fixed) and rule.binds(write)]
        absent = [target for target in targets if target.name not in write.named]
        return replace(write, after=_restored(absent, write)[0]) if absent else write

    def _switches_off(self, write: Write) -> bool:
        """Whether it says so: anew, or again, as an identity provider does that got no answer the first time."""
        if self.flag is None or write.verb is Verb.CREATE or self.flag.values(write.after) != [False]:
            return False
        return self.flag.name in write.named or self.flag.values(write.before) != [False]


NO_RULES: Final = TypeRules()
"""Nothing is asked."""


def _without_violations(rules: Sequence[Rule], write: Write) -> Decision:
    """What is left of the write. An attribute only ever goes back to what it was, so this ends."""
    skipped: dict[str, None] = {}
    while True:
        targets = [target for violation in violations(rules, write) for target in violation.targets]
        after, changed = _restored(targets, write)
        if not changed:
            return Decision(after, tuple(skipped), is_leaver=True)
        skipped |= dict.fromkeys(target.text for target in changed)
        write = replace(write, after=after)


def _switched_off(flag: Target, attributes: Attributes) -> Attributes:
    after: Attributes = copy(attributes)
    flag.put(False, after)
    return after


def _restored(targets: Sequence[Target], write: Write) -> tuple[Attributes, list[Target]]:
    """The attributes after the write, with these as they were before it; and which of them had changed."""
    after: Attributes = copy(write.after)
    return after, [target for target in targets if target.restore(write.before, after)]
