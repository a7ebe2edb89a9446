"""All rules of a resource type, and what becomes of a write that violates one.

A write that violates a rule is refused, with the first reason. But who leaves is always switched off (CC-57): of a
request that says that the life-cycle flag is off, the changes that violate a rule are left out and the rest takes
effect. An identity provider sends all that it maps together with the flag, and nobody keeps access for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from scim_server.domain.resource import Attributes, copy
from scim_server.domain.rules import Decision, Verb, Write
from scim_server.profiles.rules import Fixed, Rule, violations
from scim_server.profiles.targets import Target
from scim_server.profiles.teams import Review, Teams


@dataclass(frozen=True, slots=True)
class TypeRules:
    """`domain.rules.Rules` of one resource type. `flag` is the boolean attribute that switches a resource off."""

    rules: tuple[Rule, ...] = ()
    flag: Target | None = None
    teams: Teams | None = None
    review: Review | None = None

    def decide(self, write: Write) -> Decision:
        """What to store and what else to do. Raises InvalidValue, MutabilityViolation."""
        decision = self._judged(write)
        decided = replace(write, after=decision.attributes)
        return replace(
            decision,
            team=self.teams.change(decided) if self.teams else None,
            reviewed=self.review.done(decided) if self.review else (),
        )

    def _judged(self, write: Write) -> Decision:
        """What the rules leave of the write."""
        wanted = self._with_fixed(write)
        first = next(violations(self.rules, wanted), None)
        if first is None:
            return Decision(wanted.after)
        if not self._switches_off(wanted):
            raise first.error
        return _without_violations(self.rules, wanted)

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
            return Decision(after, tuple(skipped))
        skipped |= dict.fromkeys(target.text for target in changed)
        write = replace(write, after=after)


def _restored(targets: Sequence[Target], write: Write) -> tuple[Attributes, list[Target]]:
    """The attributes after the write, with these as they were before it; and which of them had changed."""
    after: Attributes = copy(write.after)
    return after, [target for target in targets if target.restore(write.before, after)]
