"""The use case of a bulk request: many writes in one transaction (RFC 7644 section 3.7).

    operations --resolve--> with ids for bulkIds --prepare--> steps --order--> units --execute--> results

The outcome is that of one operation after the other, in their order, save that a create runs before the first operation
that refers to it, and that creates which refer to each other in a circle run together, all or none of them (R-BULK-14,
-15). A failing operation is undone alone; the request is one transaction, so that whatever ends the server leaves all
or nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from urllib.parse import quote, unquote

from scim_server.domain import bulk, compare
from scim_server.domain.bulk import Method, Operation
from scim_server.domain.operation import Operation as PatchOperation
from scim_server.domain.registry import Registry
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import (
    Conflict,
    FailedDependency,
    InvalidPath,
    InvalidValue,
    NotFound,
    ScimError,
    TooManyDepartures,
)
from scim_server.service import changes, guard
from scim_server.service.changes import Edit, Removal
from scim_server.service.conditions import NONE, Conditions
from scim_server.service.context import Context
from scim_server.service.execution import Execution, Outcome, Step, Success, Task
from scim_server.service.representation import location
from scim_server.storage.base import Storage, Transaction

Outcomes: TypeAlias = Mapping[int, Outcome]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a bulk request is judged and read by.

    `authorize` takes the method and the path of each operation and raises Forbidden (R-BULK-20). `read_patch` takes
    the data of a PATCH and raises a BadRequest.
    """

    authorize: Callable[[str, str], None]
    read_patch: Callable[[Json, ResourceType], Sequence[PatchOperation]]


@dataclass(frozen=True, slots=True)
class Request:
    """The operations as they were sent. It ends once `most_errors` have occurred; None accepts any number.

    `all_or_nothing`: the first failure undoes everything.
    """

    operations: Sequence[Operation]
    most_errors: int | None = None
    all_or_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an operation. `location` is None for a create that failed, and where none was named."""

    operation: Operation
    location: str | None
    outcome: Outcome


class Bulk:
    """The use case over one storage."""

    def __init__(self, storage: Storage, clock: Callable[[], datetime], new_id: Callable[[], str]) -> None:
        self._storage = storage
        self._clock = clock
        self._new_id = new_id

    def run(self, context: Context, request: Request, policy: Policy) -> list[Result]:
        """The results of the operations that were processed, in their order.

        Raises InvalidSyntax for a bulkId that is given twice.
        """
        steps = self._steps(context, request.operations, policy)
        now = compare.from_datetime(self._clock())
        outcomes = self._outcomes(context, steps, request, now)
        self._note_stop(context, outcomes, now)
        return [
            Result(step.operation, _location(step, outcomes[place]), outcomes[place])
            for place, step in enumerate(steps)
            if place in outcomes
        ]

    def _steps(self, context: Context, operations: Sequence[Operation], policy: Policy) -> list[Step]:
        creates = bulk.creates(operations)
        ids = {bulk_id: self._new_id() for bulk_id in creates}
        return [_step(context, operation, policy, creates, ids) for operation in operations]

    def _note_stop(self, context: Context, outcomes: Outcomes, now: str) -> None:
        """Remember that the guard stopped some of them, if it did."""
        stop = next((found for found in outcomes.values() if isinstance(found, TooManyDepartures)), None)
        if stop is not None:
            guard.note_stop(self._storage, context.tenant, stop, now)

    def _outcomes(self, context: Context, steps: Sequence[Step], request: Request, now: str) -> Outcomes:
        units = bulk.execution_order([step.needs for step in steps])
        used = context.leniency.used.copy()
        for step in steps:
            if isinstance(step.task, Edit):
                changes.make_hashes(self._storage, context, step.task)

        def work(transaction: Transaction) -> Outcomes:
            context.leniency.used = used.copy()
            context.effects.clear()
            execution = Execution(
                transaction, context, steps, now, 1 if request.all_or_nothing else request.most_errors
            )
            execution.run(units)
            if request.all_or_nothing and execution.errors:
                raise _Undone(execution.outcomes)
            return execution.outcomes

        try:
            return self._storage.write(context.tenant, work)
        except _Undone as undone:
            return {place: _undone(undone.outcomes.get(place)) for place in range(len(steps))}


class _Undone(Exception):
    """Rolls everything back."""

    def __init__(self, outcomes: Outcomes) -> None:
        super().__init__()
        self.outcomes = outcomes


def _undone(outcome: Outcome | None) -> Outcome:
    """What an operation is answered where another one's failure undid it."""
    has_own = isinstance(outcome, ScimError) and not isinstance(outcome, Conflict)
    return outcome if outcome is not None and has_own else FailedDependency()


def _step(
    context: Context,
    operation: Operation,
    policy: Policy,
    creates: Mapping[str, int],
    ids: Mapping[str, str],
) -> Step:
    named = bulk.references(operation)
    needs = tuple(creates[bulk_id] for bulk_id in named if bulk_id in creates)
    unknown = [bulk_id for bulk_id in named if bulk_id not in creates]
    if named:
        operation = bulk.resolved(operation, ids)
    try:
        _check(operation, unknown, policy)
        task, address = _prepared(context, operation, policy, ids.get(operation.bulk_id or "", ""))
    except ScimError as error:
        return Step(operation, error, needs, _address(context, operation))
    return Step(operation, task, needs, address)


def _check(operation: Operation, unknown: Sequence[str], policy: Policy) -> None:
    if operation.fault is not None:
        raise operation.fault
    policy.authorize(operation.method, operation.path)
    if unknown:
        raise InvalidValue(f"No POST of this request has the bulkId {unknown[0][:64]!r}.")


def _prepared(context: Context, operation: Operation, policy: Policy, new_id: str) -> tuple[Task, str]:
    """The write that an operation is, and the address that it is about. Raises a ScimError where it is none."""
    resource_type, id = _target(context.registry, operation, new_id)
    data, version = operation.data, operation.version
    conditions = NONE if version is None else Conditions.parse(version, None)
    address = location(context.base_url, resource_type, id)
    match operation.method:
        case Method.POST:
            return changes.new(context, resource_type, id, data), address
        case Method.PUT:
            return changes.replacement(context, resource_type, id, data, conditions), address
        case Method.PATCH:
            operations = policy.read_patch(data, resource_type)
            return changes.patching(context, resource_type, id, operations, conditions), address
    return Removal(resource_type, id, conditions), address


def _target(registry: Registry, operation: Operation, new_id: str) -> tuple[ResourceType, str]:
    """The resource type that a path names, and the id: of a create the new one (R-BULK-06).

    Raises NotFound for a path that leads nowhere, InvalidPath for one that the method does not go with,
    MethodNotAllowed for what clients do not write.
    """
    path = "/".join(["", *(step for step in operation.path.split("/") if step)])
    above, _, id = path.rpartition("/")
    of_type, of_resource = registry.at(path), registry.at(above)
    if of_type is None and of_resource is None:
        raise NotFound(f"There is no resource type at {path[:128]!r}.")
    found = of_type or of_resource
    if found is not None and found.is_read_only:
        raise changes.not_writable(found)
    if operation.method == Method.POST:
        if of_type is None:
            raise InvalidPath("The path of a POST is that of a resource type, such as /Users.")
        return of_type, new_id
    if of_resource is None:
        raise InvalidPath(f"The path of a {operation.method} is that of a resource, such as /Users/42.")
    id = unquote(id)
    if "\0" in id:
        raise changes.not_found(of_resource, id)
    return of_resource, id


def _address(context: Context, operation: Operation) -> str | None:
    """The address that an operation was about which could not be read as a write."""
    if not operation.path or operation.method in ("", Method.POST):
        return None
    return f"{context.base_url}/{quote(operation.path.strip('/'), safe='/:%')}"


def _location(step: Step, outcome: Outcome) -> str | None:
    if step.operation.method == Method.POST and not isinstance(outcome, Success):
        return None
    return step.location
