"""The operator's side of numbers: ranges are added, listed and removed, each in one transaction.

A range is a row for each of its numbers. Those that resources have already are held from the start, exactly, whoever
writes meanwhile: see `storage.ledgers.Numbers.hold`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from scim_server.domain import compare
from scim_server.domain.filter import BoundAnd, Operator, Test
from scim_server.domain.registry import Registry
from scim_server.domain.schema import ResourceType
from scim_server.errors import Conflict, InvalidValue, NotFound, Unsupported
from scim_server.profiles.decisions import TypeRules
from scim_server.profiles.targets import Target
from scim_server.service.holders import holders
from scim_server.storage.base import Storage, Transaction
from scim_server.storage.ledgers import Range

MOST_NUMBERS: Final = 1_000_000

_RANGE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """Both ends of a range, of one width."""

    first: str
    last: str

    @staticmethod
    def parse(text: str) -> Span:
        """`1000-1999`, `0100-0199`. Raises InvalidValue."""
        ends = _RANGE.fullmatch(text)
        if ends is None or len(ends[1]) != len(ends[2]):
            raise InvalidValue(f"{text!r} is no range: give both ends with as many digits, as in 1000-1999.")
        size = int(ends[2]) - int(ends[1]) + 1
        if size < 1:
            raise InvalidValue(f"{text!r} is no range: it ends before it begins.")
        if size > MOST_NUMBERS:
            raise InvalidValue(f"{text!r} has {size} numbers; a range has {MOST_NUMBERS} at most.")
        return Span(ends[1], ends[2])

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"


class Ranges:
    """The ranges of one tenant."""

    def __init__(self, storage: Storage, tenant: int, registry: Registry, clock: Callable[[], datetime]) -> None:
        self._storage = storage
        self._tenant = tenant
        self._registry = registry
        self._clock = clock

    def add(self, text: str) -> Range:
        """Add a range. Raises InvalidValue, Uniqueness where another one has some of its numbers, Unsupported where the
        profile has nobody take numbers.
        """
        owner, target = self._numbered()
        span = Span.parse(text)

        def work(transaction: Transaction) -> Range:
            transaction.numbers.hold()
            transaction.numbers.add_range(span.first, span.last, self._held(transaction, owner, target, span))
            return next(r for r in transaction.numbers.ranges(self._now()) if r.first == span.first)

        return self._storage.write(self._tenant, work)

    def all(self) -> Sequence[Range]:
        """All ranges, by first number. Raises Unsupported."""
        self._numbered()
        return self._storage.write(self._tenant, lambda transaction: transaction.numbers.ranges(self._now()))

    def remove_unused(self, text: str) -> None:
        """Remove a range of which nobody has a number. Raises InvalidValue, NotFound, Conflict, Unsupported."""

        def check(used: int) -> None:
            if used:
                raise Conflict(f"The range {text} is in use: {used} of its numbers are taken.")

        self._remove(text, check)

    def remove(self, text: str) -> None:
        """Remove a range. Who had a number keeps it as a plain value. Raises InvalidValue, NotFound, Unsupported."""
        self._remove(text, lambda used: None)

    def _remove(self, text: str, check: Callable[[int], None]) -> None:
        self._numbered()
        span = Span.parse(text)

        def work(transaction: Transaction) -> None:
            used = transaction.numbers.remove_range(span.first, span.last)
            if used is None:
                raise NotFound(f"There is no range {span}; `scim-server numbers list` shows those that there are.")
            check(used)

        self._storage.write(self._tenant, work)

    def _held(self, transaction: Transaction, owner: ResourceType, target: Target, span: Span) -> Mapping[str, str]:
        """Which numbers of the range resources have already, and the ids of those; of several the first."""
        low, high = Test(target.path, Operator.GE, span.first), Test(target.path, Operator.LE, span.last)
        held: dict[str, str] = {}
        for id, attributes in holders(transaction, self._registry, owner, BoundAnd((low, high))):
            for key in target.keys(attributes):
                if _lies_in(str(key), span):
                    held.setdefault(str(key), id)
        return held

    def _numbered(self) -> tuple[ResourceType, Target]:
        found = next(_numbered(self._registry), None)
        if found is None:
            raise Unsupported("The tenant's profile has no numbers: nobody would take one.")
        return found

    def _now(self) -> str:
        return compare.from_datetime(self._clock())


def _lies_in(number: str, span: Span) -> bool:
    is_number = number.isascii() and number.isdigit() and len(number) == len(span.first)
    return is_number and span.first <= number <= span.last


def _numbered(registry: Registry) -> Iterator[tuple[ResourceType, Target]]:
    for resource_type in registry.resource_types:
        rules = resource_type.rules
        if isinstance(rules, TypeRules) and rules.numbers is not None:
            yield resource_type, rules.numbers.target
