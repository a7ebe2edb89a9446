"""The rules that a profile can have, each about attributes of one resource type.

A rule looks at a write and says how the write violates it. What was there before and stays violates nothing: a rule
that came later must not stand in the way of other changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scim_server.domain.compare import Key
from scim_server.domain.rules import Verb, Write
from scim_server.domain.schema import Json
from scim_server.domain.secret import Secret
from scim_server.errors import InvalidValue, MutabilityViolation, ScimError
from scim_server.profiles.targets import Target
from scim_server.profiles.tests import ValueTest


@dataclass(frozen=True, slots=True)
class Violation:
    """What a client is told, and the attributes that would have to stay as they were."""

    error: ScimError
    targets: tuple[Target, ...]


class Rule(Protocol):
    """One rule."""

    def violations(self, write: Write) -> Iterator[Violation]:
        """How the write violates it; nothing where it does not."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """New values pass every test."""

    target: Target
    tests: tuple[ValueTest, ...]
    message: str = ""

    def violations(self, write: Write) -> Iterator[Violation]:
        new = set(self.target.values(write.after)).difference(self.target.values(write.before))
        if not all(test.fits(value) for value in new for test in self.tests):
            yield Violation(self._error(), (self.target,))

    def _error(self) -> InvalidValue:
        expected = f"{self.target.text}: expected {' and '.join(test.expected for test in self.tests)}."
        return InvalidValue(f"{expected} {self.message}".rstrip())


@dataclass(frozen=True, slots=True)
class LongEnough:
    """A new secret has at least `minimum` characters. The hash of an old one tells nothing."""

    target: Target
    minimum: int

    def violations(self, write: Write) -> Iterator[Violation]:
        sent = (value for value in self.target.values(write.after) if isinstance(value, Secret))
        if any(secret.length < self.minimum for secret in sent):
            detail = f"{self.target.text}: expected at least {self.minimum} characters."
            yield Violation(InvalidValue(detail), (self.target,))


@dataclass(frozen=True, slots=True)
class Required:
    """There is a value after a create and a replace, and no PATCH takes it away."""

    target: Target

    def violations(self, write: Write) -> Iterator[Violation]:
        if self.target.values(write.after):
            return
        detail = f"{self.target.text} is required."
        if write.verb is not Verb.PATCH:
            yield Violation(InvalidValue(detail), (self.target,))
        elif self.target.values(write.before):
            yield Violation(MutabilityViolation(detail), (self.target,))


@dataclass(frozen=True, slots=True)
class Where:
    """An attribute that has a value. `key` is the comparison key of `value`."""

    target: Target
    value: Json
    key: Key

    def holds(self, attributes: Mapping[str, Json]) -> bool:
        return self.key in self.target.keys(attributes)


@dataclass(frozen=True, slots=True)
class Fixed:
    """The value that a resource was created with stays, or stays absent; an equal one may be written again.

    With `where`, of those resources alone of which that held before the write.
    """

    target: Target
    where: Where | None = None

    def binds(self, write: Write) -> bool:
        """Whether the attribute is fixed for this write."""
        return write.verb is not Verb.CREATE and (self.where is None or self.where.holds(write.before))

    def violations(self, write: Write) -> Iterator[Violation]:
        if not self.binds(write) or self.target.keys(write.before) == self.target.keys(write.after):
            return
        condition = f" where {self.where.target.text} is {self.where.value}" if self.where else ""
        detail = (
            f"{self.target.text} cannot be changed after creation{condition}. "
            'In the identity provider, set its mapping to apply "only during object creation".'
        )
        yield Violation(MutabilityViolation(detail), (self.target,))


@dataclass(frozen=True, slots=True)
class Condition:
    """Where one attribute has a value, another has one too. `key` is the comparison key of `value`."""

    when: Target
    value: Json
    key: Key
    required: Target

    def violations(self, write: Write) -> Iterator[Violation]:
        if self._lacks(write.after) and not (write.verb is not Verb.CREATE and self._lacks(write.before)):
            detail = f"{self.required.text} is required where {self.when.text} is {self.value}."
            yield Violation(InvalidValue(detail), (self.when, self.required))

    def _lacks(self, attributes: Json) -> bool:
        return self.key in self.when.keys(attributes) and not self.required.values(attributes)


def violations(rules: Sequence[Rule], write: Write) -> Iterator[Violation]:
    """Every way in which the write violates a rule, in the order of the rules."""
    for rule in rules:
        yield from rule.violations(write)
