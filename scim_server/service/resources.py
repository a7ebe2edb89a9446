"""The use cases on one resource: create, read, replace, patch and delete, the same ones for every resource type.

A write is one transaction, which carries out one of `changes`. What changes nothing writes nothing, so its version
and time stay. The work of a transaction may run again after a race, so everything in it follows from the arguments and
the database alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from scim_server.domain import compare, patch
from scim_server.domain.project import Projection, Shape, shape
from scim_server.domain.schema import Json, ResourceType
from scim_server.service import changes
from scim_server.service.changes import Edit, Removal
from scim_server.service.conditions import Conditions
from scim_server.service.context import Context
from scim_server.service.drafts import dumps
from scim_server.service.representation import Representation, location, render
from scim_server.storage.base import Record, Storage, Transaction


class Resources:
    """The use cases over one storage.

    `answer_rows`: a PATCH on a resource with more rows than this is answered without it.
    """

    def __init__(
        self, storage: Storage, clock: Callable[[], datetime], new_id: Callable[[], str], answer_rows: int
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._new_id = new_id
        self._answer_rows = answer_rows

    def create(
        self, context: Context, resource_type: ResourceType, payload: Mapping[str, Json], projection: Projection
    ) -> Representation:
        """Store a new resource (RFC 7644 section 3.3). Raises InvalidValue, InvalidSyntax, Uniqueness."""
        new = changes.new(context, resource_type, self._new_id(), payload)
        now = self._now()
        meta = self._storage.write(
            context.tenant, lambda transaction: changes.insert(transaction, context.leniency, new, now)
        )
        made = new.creation.draft
        rows = {name: dumps([*elements.values()]) for name, elements in new.creation.rows.items()}
        record = Record(resource_type.name, made.id, meta, made.stamp, made.document, made.hidden, rows)
        return _answer(context, resource_type, record, _shape(projection, resource_type, new.named))

    def read(self, context: Context, resource_type: ResourceType, id: str, projection: Projection) -> Representation:
        """One resource (RFC 7644 section 3.4.1). Raises NotFound."""
        wanted = shape(projection, resource_type)
        record = self._storage.read(context.tenant, resource_type, id, wanted.expand)
        if record is None:
            raise changes.not_found(resource_type, id)
        return _answer(context, resource_type, record, wanted)

    def replace(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        payload: Mapping[str, Json],
        projection: Projection,
        conditions: Conditions,
    ) -> Representation:
        """PUT (RFC 7644 section 3.5.1). Raises NotFound, PreconditionFailed and what `create` raises."""
        edit = changes.replacement(context, resource_type, id, payload, conditions)
        return self._edit(context, edit, projection, self._read_back)

    def patch(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        operations: Sequence[patch.Operation],
        projection: Projection,
        conditions: Conditions,
    ) -> Representation:
        """PATCH (RFC 7644 section 3.5.2): all operations or none.

        Raises NotFound, PreconditionFailed, a BadRequest, Uniqueness.
        """
        edit = changes.patching(context, resource_type, id, operations, conditions)
        read_back = self._read_back if projection.attributes else self._read_back_if_small
        return self._edit(context, edit, projection, read_back)

    def delete(self, context: Context, resource_type: ResourceType, id: str, conditions: Conditions) -> None:
        """DELETE (RFC 7644 section 3.6). Raises NotFound, PreconditionFailed."""
        removal = Removal(resource_type, id, conditions)
        now = self._now()
        self._storage.write(context.tenant, lambda transaction: changes.remove(transaction, removal, now))

    def _edit(
        self,
        context: Context,
        edit: Edit,
        projection: Projection,
        read_back: Callable[[Transaction, ResourceType, Record, Shape], Record | None],
    ) -> Representation:
        """Carry out a change, and say what is there now."""
        now = self._now()
        resource_type = edit.resource_type
        derived = frozenset(a.name for a in resource_type.derived_attributes) & shape(projection, resource_type).expand
        used = context.leniency.used.copy()

        def work(transaction: Transaction) -> tuple[Record, Record | None, Shape]:
            context.leniency.used = used.copy()
            record, change = changes.edit(transaction, context, edit, now, derived)
            wanted = _shape(projection, resource_type, change.named)
            return record, read_back(transaction, resource_type, record, wanted), wanted

        record, shown, wanted = self._storage.write(context.tenant, work)
        if shown is None:
            return Representation(None, record.meta.etag, location(context.base_url, resource_type, edit.id))
        return _answer(context, resource_type, shown, wanted)

    def _read_back(
        self, transaction: Transaction, resource_type: ResourceType, record: Record, wanted: Shape
    ) -> Record | None:
        """The record with the rows that the answer shows."""
        if not wanted.expand - record.derived.keys():
            return record
        return transaction.read(resource_type, record.id, wanted.expand)

    def _read_back_if_small(
        self, transaction: Transaction, resource_type: ResourceType, record: Record, wanted: Shape
    ) -> Record | None:
        """None where the resource has more rows than an answer to a PATCH should carry."""
        for attribute in resource_type.rows_attributes:
            count = transaction.count_rows(resource_type, record.id, attribute, self._answer_rows + 1)
            if count > self._answer_rows:
                return None
        return self._read_back(transaction, resource_type, record, wanted)

    def _now(self) -> str:
        return compare.from_datetime(self._clock())


def _shape(projection: Projection, resource_type: ResourceType, named: Collection[str]) -> Shape:
    """The shape of the answer to a write: what is returned on request is there when the client supplied it, or the
    attribute that it is part of (R-CHAR-13).
    """
    supplied = frozenset(path for attribute, path in resource_type.on_request if attribute in named)
    return shape(projection, resource_type, supplied)


def _answer(context: Context, resource_type: ResourceType, record: Record, wanted: Shape) -> Representation:
    body = render(record, resource_type, wanted, context.registry, context.base_url)
    return Representation(body.encode(), record.meta.etag, location(context.base_url, resource_type, record.id))
