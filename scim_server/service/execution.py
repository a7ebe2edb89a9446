"""The operations of a bulk request, carried out in one transaction so that each fails alone.

What they come to is what they would come to one after the other. How it is done differs: consecutive creates are
gathered and stored at once. Where that brought about what one after the other would not have (a create was tried
although one that it refers to was refused, or more errors came than the client accepts), it is undone. It is tried
once more with what is known then, and after that each half is stored by itself. An attempt that left out exactly those
creates that refer to a failed one is what one after the other comes to, however they were chosen: up to a first
difference both would have stored the same. So a thousand creates are a handful of statements, and a fault adds a few.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from scim_server.domain.bulk import Operation
from scim_server.domain.dialect import Tolerance
from scim_server.domain.resource import Meta
from scim_server.errors import Conflict, InvalidValue, ScimError
from scim_server.service import changes
from scim_server.service.changes import Edit, New, Removal
from scim_server.service.context import Context
from scim_server.storage.base import Transaction

Task: TypeAlias = New | Edit | Removal | ScimError
"""What an operation comes to: a write that can be carried out, or why there is none."""

Unit: TypeAlias = tuple[int, ...]
"""The places of the operations that run together: of a circle of creates, else of one operation."""


@dataclass(frozen=True, slots=True)
class Step:
    """An operation that is ready to run. `needs` has the places of the creates that it refers to, `location` is the
    address that it is about, where that is known.
    """

    operation: Operation
    task: Task
    needs: tuple[int, ...]
    location: str | None


@dataclass(frozen=True, slots=True)
class Success:
    """`version` is the entity tag, None for what is gone."""

    status: int
    version: str | None


Outcome: TypeAlias = Success | ScimError


class Execution:
    """One run of the steps. `outcomes` has those of the operations that were processed, by place."""

    def __init__(
        self, transaction: Transaction, context: Context, steps: Sequence[Step], now: str, most_errors: int | None
    ) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.errors = 0
        self._transaction = transaction
        self._context = context
        self._steps = steps
        self._now = now
        self._most_errors = most_errors
        self._new_ids = frozenset(step.task.id for step in steps if isinstance(step.task, New))

    def run(self, units: Iterable[Unit]) -> None:
        """Carry out the units in their order, until as many errors have occurred as end the request (R-BULK-08)."""
        self._lock()
        for is_gathered, group in groupby(units, self._is_gathered):
            if is_gathered:
                self._store([*group])
                continue
            for (place,) in group:
                self._carry_out(place)

    def _lock(self) -> None:
        """Hold all that is there and will change, whatever the order of the request: others name the same resources in
        another order. What the request makes nobody else knows yet.
        """
        edits, removals = (
            {step.task.id for step in self._steps if isinstance(step.task, kind)} - self._new_ids
            for kind in (Edit, Removal)
        )
        self._transaction.lock_all(edits, removals)

    @property
    def _is_over(self) -> bool:
        return self._most_errors is not None and self.errors >= self._most_errors

    def _is_gathered(self, unit: Unit) -> bool:
        """Creates, and what is refused already, need not be looked at one by one."""
        return all(isinstance(self._steps[place].task, New | ScimError) for place in unit)

    def _note(self, outcomes: Mapping[int, Outcome]) -> None:
        self.outcomes |= outcomes
        self.errors += _errors(outcomes.values())

    def _carry_out(self, place: int) -> None:
        """One operation on a resource that is there; a failure undoes it alone (R-BULK-19)."""
        if self._is_over:
            return
        try:
            self._check_needs(place, (place,), self.outcomes)
            self._note({place: self._transaction.attempt(lambda: self._done(self._steps[place].task))})
        except ScimError as error:
            if error.status >= 500:
                raise
            self._note({place: error})

    def _done(self, task: Task) -> Success:
        if isinstance(task, Edit):
            record, _ = changes.edit(self._transaction, self._context, task, self._now)
            return Success(200, record.meta.etag)
        if isinstance(task, Removal):
            changes.remove(self._transaction, task, self._now)
            return Success(204, None)
        raise TypeError(f"{type(task).__name__} is gathered")

    # Creates ---------------------------------------------------------------------------------------------------------

    def _store(self, units: Sequence[Unit], guess: Mapping[int, Outcome] | None = None) -> None:
        if self._is_over:
            return
        try:
            self._note(self._transaction.attempt(lambda: self._stored(units, guess or {})))
        except _OutOfOrder as undone:
            if len(units) == 1:
                self._note(undone.outcomes)
            elif guess is None and self._most_errors is None:
                self._store(units, undone.outcomes)
            else:
                middle = len(units) // 2
                self._store(units[:middle])
                self._store(units[middle:])

    def _stored(self, units: Sequence[Unit], guess: Mapping[int, Outcome]) -> dict[int, Outcome]:
        """The outcomes of units stored at once, with a guess at who fails. Raises _OutOfOrder where one after the
        other would have been different, and for a circle of which not all is stored.
        """
        missing = self._missing(units)
        foreseen = self._foreseen(units, missing, {**guess, **self.outcomes})
        tried = [place for unit in units for place in unit if place not in foreseen]
        outcomes = foreseen | self._inserted(tried)
        # Known by now is what one after the other would have known before each of them was tried.
        in_hindsight = self._foreseen(units, missing, outcomes | self.outcomes)
        if _statuses(in_hindsight) != _statuses(foreseen) or self._is_too_much(units, outcomes):
            raise _OutOfOrder({place: _undone(outcome) for place, outcome in outcomes.items()})
        return outcomes

    def _inserted(self, places: Sequence[int]) -> dict[int, Outcome]:
        creations = [task.creation for place in places if isinstance(task := self._steps[place].task, New)]
        answers = self._transaction.insert_all(creations, self._now) if creations else ()
        return {place: _outcome(answer) for place, answer in zip(places, answers, strict=True)}

    def _foreseen(
        self, units: Sequence[Unit], missing: frozenset[str], known: Mapping[int, Outcome]
    ) -> dict[int, Outcome]:
        """The failures that follow from what is known. One of a circle takes the others along."""
        failures: dict[int, Outcome] = {}
        known = ChainMap(failures, {**known})
        for unit in units:
            own = {place: flaw for place in unit if (flaw := self._flaw(place, unit, known, missing))}
            if own:
                failures |= {place: own.get(place) or Conflict() for place in unit}
        return failures

    def _flaw(self, place: int, unit: Unit, known: Mapping[int, Outcome], missing: frozenset[str]) -> ScimError | None:
        task = self._steps[place].task
        if isinstance(task, ScimError):
            return task
        try:
            self._check_needs(place, unit, known)
        except InvalidValue as error:
            return error
        unknown = [id for id in task.references if id in missing] if missing and isinstance(task, New) else ()
        return changes.unknown_reference(unknown[0]) if unknown else None

    def _check_needs(self, place: int, unit: Unit, outcomes: Mapping[int, Outcome]) -> None:
        """Raises InvalidValue where a create that the operation refers to failed (R-BULK-16)."""
        for need in self._steps[place].needs:
            if need not in unit and isinstance(outcomes.get(need), ScimError):
                bulk_id = self._steps[need].operation.bulk_id or ""
                raise InvalidValue(f"The operation with the bulkId {bulk_id[:64]!r}, which this one refers to, failed.")

    def _missing(self, units: Sequence[Unit]) -> frozenset[str]:
        """The ids that creates name and no resource has, where the dialect minds. Those that the units give out will
        be there, or else their own failure says more; those that were given out before may be gone again.
        """
        if Tolerance.UNKNOWN_MEMBER in self._context.leniency.dialect.tolerances:
            return frozenset()
        tasks = [task for unit in units for place in unit if isinstance(task := self._steps[place].task, New)]
        given_out = {task.id for task in tasks}
        ids = [*dict.fromkeys(id for task in tasks for id in task.references if id not in given_out)]
        return frozenset(self._transaction.missing(ids)) if ids else frozenset()

    def _is_too_much(self, units: Sequence[Unit], outcomes: Mapping[int, Outcome]) -> bool:
        """Whether a circle was stored in part, or the last error that is accepted came before the last unit."""
        errors = [_errors(outcomes[place] for place in unit) for unit in units]
        if any(0 < failed < len(unit) for failed, unit in zip(errors, units, strict=True)):
            return True
        return self._most_errors is not None and self.errors + sum(errors[:-1]) >= self._most_errors


class _OutOfOrder(Exception):
    """Carries the outcomes of what was undone, of which nothing is stored."""

    def __init__(self, outcomes: Mapping[int, Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


def _errors(outcomes: Iterable[Outcome]) -> int:
    return sum(isinstance(outcome, ScimError) for outcome in outcomes)


def _statuses(outcomes: Mapping[int, Outcome]) -> dict[int, int]:
    return {place: outcome.status for place, outcome in outcomes.items()}


def _outcome(answer: Meta | ScimError) -> Outcome:
    return Success(201, answer.etag) if isinstance(answer, Meta) else answer


def _undone(outcome: Outcome) -> Outcome:
    return outcome if isinstance(outcome, ScimError) else Conflict()
