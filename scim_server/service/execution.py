"""The operations of a bulk request, carried out in one transaction so that each fails alone.

What they come to is what they would come to one after the other. How it is done differs: consecutive creates are
gathered. What decides about them is read at once (which unique entries are taken, and which ids are of nothing), then
it is decided here, one after the other, and what is left is stored at once. So a thousand creates are a handful of
statements, however many of them fail.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from scim_server.domain.bulk import Operation
from scim_server.domain.dialect import Tolerance
from scim_server.errors import Conflict, InvalidValue, ScimError
from scim_server.service import changes
from scim_server.service.changes import Edit, New, Removal
from scim_server.service.context import Context
from scim_server.service.effects import Settlement, Withheld, has_stock
from scim_server.storage.base import Claims, Creation, Transaction

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
        made = {step.task.id: step.task.decision.attributes for step in steps if isinstance(step.task, New)}
        self._settlement = Settlement(transaction, context, now, made)
        self._new_ids = frozenset(step.task.id for step in steps if isinstance(step.task, New))

    def run(self, units: Iterable[Unit]) -> None:
        """Carry out the units in their order, until as many errors have occurred as end the request (R-BULK-08)."""
        self._lock()
        for is_gathered, group in groupby(units, self._is_gathered):
            if is_gathered:
                self._store([*group])
                continue
            for unit in group:
                self._carry_out(unit)

    def _lock(self) -> None:
        """Hold all that is there and will change, whatever the order of the request: others name the same resources in
        another order. What the request makes nobody else knows yet.
        """
        edits, removals = (
            {step.task.id for step in self._steps if isinstance(step.task, kind)} - self._new_ids
            for kind in (Edit, Removal)
        )
        self._transaction.lock_all(edits, removals)
        if sum(_concerns_stock(step.task) for step in self._steps) > 1:
            self._transaction.hold_stock()

    @property
    def _is_over(self) -> bool:
        return self._most_errors is not None and self.errors >= self._most_errors

    def _is_gathered(self, unit: Unit) -> bool:
        """Creates, and what is refused already, need not be looked at one by one; save where who is in which team, and
        which lies below which, says whether the next one can be stored.
        """
        tasks = [self._steps[place].task for place in unit]
        is_of_teams = any(isinstance(task, New) and task.decision.team for task in tasks)
        return not is_of_teams and all(isinstance(task, New | ScimError) for task in tasks)

    def _note(self, outcomes: Mapping[int, Outcome]) -> None:
        self.outcomes |= outcomes
        self.errors += _errors(outcomes.values())

    def _carry_out(self, unit: Unit) -> None:
        """The operations of a unit, all or none of them; a failure undoes it alone (R-BULK-19)."""
        if self._is_over:
            return
        given_out = frozenset(task.id for place in unit if isinstance(task := self._steps[place].task, New))
        try:
            self._note(self._settlement.attempt(lambda: self._all_done(unit, given_out)))
        except _Refused as refused:
            self._note(_of_all(unit, refused.errors))

    def _all_done(self, unit: Unit, given_out: frozenset[str]) -> dict[int, Outcome]:
        """Raises _Refused: the first failure."""
        done: dict[int, Outcome] = {}
        for place in unit:
            try:
                self._check_needs(place, frozenset(unit))
                done[place] = self._done(self._steps[place].task, given_out)
            except ScimError as error:
                if error.status >= 500:
                    raise
                raise _Refused({place: error}) from None
        return done

    def _done(self, task: Task, given_out: frozenset[str]) -> Success:
        if isinstance(task, Edit):
            record, change = changes.edit(self._transaction, self._context, task, self._now)
            if change.decision.is_removed:
                changes.take_away(self._transaction, self._context, task, self._now)
            return Success(200, record.meta.etag)
        if isinstance(task, Removal):
            changes.remove_one_of_many(self._transaction, self._context, task, self._now)
            return Success(204, None)
        if isinstance(task, New):
            _, meta = changes.insert(self._transaction, self._context, task, self._now, {}, given_out)
            return Success(201, meta.etag)
        raise task

    # Creates ---------------------------------------------------------------------------------------------------------

    def _store(self, units: Sequence[Unit]) -> None:
        """Decide one unit after the other who is stored, then store them at once."""
        if self._is_over:
            return
        created = [task for unit in units for place in unit if isinstance(task := self._steps[place].task, New)]
        missing, claims = self._missing(created), self._transaction.claims([task.creation for task in created])
        stored: dict[int, Creation] = {}
        for unit in units:
            if self._is_over:
                break
            try:
                stored |= {place: new.creation for place, new in self._given(unit, missing, claims).items()}
            except _Refused as refused:
                self._note(_of_all(unit, refused.errors))
        metas = self._transaction.insert_all([*stored.values()], self._now)
        self._note({place: Success(201, meta.etag) for place, meta in zip(stored, metas, strict=True)})

    def _given(self, unit: Unit, missing: frozenset[str], claims: Claims) -> dict[int, New]:
        """The creates of a unit with all that they want, by place. Raises _Refused, and then they have nothing."""
        self._check_flaws(unit, missing)
        wanted = self._creates(unit)
        self._claim(wanted, claims)
        if not any(new.decision.has_effects for new in wanted.values()):
            return wanted
        try:
            return self._settlement.attempt(lambda: self._settled(wanted))
        except _Refused:
            claims.give_back([new.creation for new in wanted.values()])
            raise

    def _settled(self, wanted: Mapping[int, New]) -> dict[int, New]:
        """The creates, once their effects are carried out; what is allocated is nobody else's. Raises _Refused."""
        settled: dict[int, New] = {}
        for place, new in wanted.items():
            try:
                settled[place] = changes.settled_new(self._settlement, new)
            except Withheld as withheld:
                raise _Refused({place: withheld.error}) from None
        return settled

    def _creates(self, unit: Unit) -> dict[int, New]:
        return {place: task for place in unit if isinstance(task := self._steps[place].task, New)}

    def _check_flaws(self, unit: Unit, missing: frozenset[str]) -> None:
        """Raises _Refused where any of a unit cannot be stored, whatever is taken."""
        together = frozenset(unit)
        _refuse({place: self._flaw(place, together, missing) for place in unit})

    def _claim(self, wanted: Mapping[int, New], claims: Claims) -> None:
        """Give all of them their unique entries. Raises _Refused where any wants what another resource has."""
        errors = claims.take([new.creation for new in wanted.values()])
        told = self._settlement.told
        _refuse(
            {
                place: error and told(new.resource_type, new.decision.number, error)
                for (place, new), error in zip(wanted.items(), errors, strict=True)
            }
        )

    def _flaw(self, place: int, unit: frozenset[int], missing: frozenset[str]) -> ScimError | None:
        task = self._steps[place].task
        if isinstance(task, ScimError):
            return task
        try:
            self._check_needs(place, unit)
        except InvalidValue as error:
            return error
        unknown = [id for id in task.references if id in missing] if missing and isinstance(task, New) else ()
        return changes.unknown_reference(unknown[0]) if unknown else None

    def _check_needs(self, place: int, unit: frozenset[int] = frozenset()) -> None:
        """Raises InvalidValue where a create that the operation refers to failed (R-BULK-16)."""
        for need in self._steps[place].needs:
            if need not in unit and isinstance(self.outcomes.get(need), ScimError):
                bulk_id = self._steps[need].operation.bulk_id or ""
                raise InvalidValue(f"The operation with the bulkId {bulk_id[:64]!r}, which this one refers to, failed.")

    def _missing(self, created: Sequence[New]) -> frozenset[str]:
        """The ids that creates name and no resource has, where the dialect minds. Those that they give out themselves
        will be there, or else their own failure says more; those that were given out before may be gone again.
        """
        if Tolerance.UNKNOWN_MEMBER in self._context.leniency.dialect.tolerances:
            return frozenset()
        given_out = {task.id for task in created}
        ids = [*dict.fromkeys(id for task in created for id in task.references if id not in given_out)]
        return frozenset(self._transaction.missing(ids)) if ids else frozenset()


class _Refused(Exception):
    """Some creates of a unit are refused: why, by place."""

    def __init__(self, errors: Mapping[int, ScimError]) -> None:
        super().__init__()
        self.errors = errors


def _concerns_stock(task: Task) -> bool:
    """Whether it may take or give back seats or numbers."""
    if isinstance(task, New):
        return task.decision.seats is not None or task.decision.number is not None
    return isinstance(task, Edit | Removal) and has_stock(task.resource_type)


def _refuse(errors: Mapping[int, ScimError | None]) -> None:
    """Raises _Refused for those that there are."""
    found = {place: error for place, error in errors.items() if error is not None}
    if found:
        raise _Refused(found)


def _of_all(unit: Unit, own: Mapping[int, ScimError]) -> dict[int, Outcome]:
    """The failures of a unit: one of a circle takes the others along."""
    return {place: own.get(place) or Conflict() for place in unit}


def _errors(outcomes: Iterable[Outcome]) -> int:
    return sum(isinstance(outcome, ScimError) for outcome in outcomes)
