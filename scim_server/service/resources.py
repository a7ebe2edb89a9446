"""The use cases on one resource: create, read, replace, patch and delete, the same ones for every resource type.

A write is one transaction, which carries out one of `changes`. What changes nothing writes nothing, so its version
and time stay. The work of a transaction may run again after a race, so everything in it follows from the arguments and
the database alone. What is stored is stored: where its answer cannot be made, the client gets a shorter one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar

from scim_server.domain import compare
from scim_server.domain.operation import Operation
from scim_server.domain.project import Projection, Shape, shape
from scim_server.domain.resource import Meta
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, Json, ResourceType
from scim_server.errors import TooManyDepartures
from scim_server.service import changes, guard
from scim_server.service.changes import Edit, New, Prepare, Removal
from scim_server.service.conditions import NONE, Conditions
from scim_server.service.context import Context
from scim_server.service.drafts import dumps
from scim_server.service.representation import Representation, location, render, render_pieces
from scim_server.service.spool import Spool
from scim_server.storage.base import Derived, Pieces, PreparedRows, Record, Storage, Transaction

T = TypeVar("T")

_log = logging.getLogger(__name__)

MOST_ROWS: Final = 1_000
"""A resource with more rows than this is read and written with as much memory as one with as many: a text of 100 to
200 KB.
"""


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
        """Store a new resource (RFC 7644 section 3.3); it comes back without its rows where there is no room for them.

        Raises InvalidValue, InvalidSyntax, Uniqueness.
        """
        new = changes.new(context, resource_type, self._new_id(), payload)
        wanted = _shape(projection, resource_type, new.named)
        now = self._now()
        large = changes.large_rows(new, self._preparing(context, resource_type, new.id))

        def work(transaction: Transaction) -> tuple[New, Meta, Mapping[str, Derived]]:
            context.effects.clear()
            stored, meta = changes.insert(transaction, context, new, now, large)
            return stored, meta, _derived(transaction, resource_type, stored.id, wanted)

        new, meta, derived = self._storage.write(context.tenant, work)
        whole = _unless_it_fails(lambda: _created(context, new, meta, derived, wanted))
        if whole is not None:
            return whole
        record = _record(new, meta)
        without_rows = _unless_it_fails(lambda: _rendered(context, resource_type, record, wanted))
        return without_rows or _without_body(context, resource_type, record)

    def read(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        projection: Projection,
        conditions: Conditions = NONE,
    ) -> Representation:
        """One resource (RFC 7644 section 3.4.1), without a body where the client has this version. Raises NotFound."""
        wanted = shape(projection, resource_type)
        record = self._storage.read(context.tenant, resource_type, id, wanted.expand, MOST_ROWS)
        if record is None:
            raise changes.not_found(resource_type, id)
        if _version_covers(wanted, resource_type) and conditions.is_not_modified(record.meta.etag):
            return _without_body(context, resource_type, record)
        shown = self._answer(context, resource_type, record, wanted)
        if shown is None:
            raise changes.not_found(resource_type, id)
        return shown

    def replace(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        payload: Mapping[str, Json],
        projection: Projection,
        conditions: Conditions,
    ) -> Representation:
        """PUT (RFC 7644 section 3.5.1); without a body where the resource is stored and cannot be shown.

        Raises NotFound, PreconditionFailed and what `create` raises.
        """
        prepare = self._preparing(context, resource_type, id)
        edit = changes.replacement(context, resource_type, id, payload, conditions, prepare)
        return self._edit(context, edit, projection, self._read_back)

    def patch(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        operations: Sequence[Operation],
        projection: Projection,
        conditions: Conditions,
    ) -> Representation:
        """PATCH (RFC 7644 section 3.5.2): all or nothing; without a body as `replace`, and where there are many rows.

        Raises NotFound, PreconditionFailed, a BadRequest, Uniqueness.
        """
        edit = changes.patching(context, resource_type, id, operations, conditions)
        read_back = self._read_back if projection.attributes else self._read_back_if_small
        return self._edit(context, edit, projection, read_back)

    def delete(self, context: Context, resource_type: ResourceType, id: str, conditions: Conditions) -> None:
        """DELETE (RFC 7644 section 3.6). Raises NotFound, PreconditionFailed."""
        removal = Removal(resource_type, id, conditions)
        now = self._now()

        def work(transaction: Transaction) -> None:
            context.effects.clear()
            changes.remove(transaction, context, removal, now)

        self._write(context, work, now)

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
        derived = shape(projection, resource_type).expand & resource_type.steady
        used = context.leniency.used.copy()
        changes.make_hashes(self._storage, context, edit)

        def work(transaction: Transaction) -> tuple[Record, Record | None, Shape]:
            context.leniency.used = used.copy()
            context.effects.clear()
            record, change = changes.edit(transaction, context, edit, now, derived)
            wanted = _shape(projection, resource_type, change.named)
            shown = read_back(transaction, resource_type, record, wanted)
            if change.decision.is_removed:
                changes.take_away(transaction, context, edit, now)
            return record, shown, wanted

        record, shown, wanted = self._write(context, work, now)
        answer = _unless_it_fails(lambda: shown and self._answer(context, resource_type, shown, wanted))
        return answer or _without_body(context, resource_type, record)

    def _write(self, context: Context, work: Callable[[Transaction], T], now: str) -> T:
        """Change what is there. Where the guard stops it, that is remembered."""
        try:
            return self._storage.write(context.tenant, work)
        except TooManyDepartures as stop:
            guard.note_stop(self._storage, context.tenant, stop, now)
            raise

    def _answer(
        self, context: Context, resource_type: ResourceType, record: Record, wanted: Shape
    ) -> Representation | None:
        """The answer about a record that was read; where it came without rows that are to be shown, about the
        resource as it is now, None where it is gone.
        """
        if wanted.expand <= record.rows.keys() | record.derived.keys():
            return _rendered(context, resource_type, record, wanted)

        def take(record: Record, pieces: Pieces) -> Representation:
            return _spooled(context, resource_type, record, wanted, pieces)

        return self._storage.stream(context.tenant, resource_type, record.id, wanted.expand, take)

    def _preparing(self, context: Context, resource_type: ResourceType, id: str) -> Prepare:
        """Large changes are prepared while nobody waits for the resource, or on SQLite for the database."""

        def prepare(attribute: Attribute, change: RowsChange) -> RowsChange | PreparedRows:
            if len(change.add) + len(change.put) <= MOST_ROWS:
                return change
            return self._storage.prepare(context.tenant, resource_type, id, attribute, change)

        return prepare

    def _read_back(
        self, transaction: Transaction, resource_type: ResourceType, record: Record, wanted: Shape
    ) -> Record | None:
        """The record with the rows that the answer shows."""
        if not wanted.expand - record.derived.keys():
            return record
        return transaction.read(resource_type, record.id, wanted.expand, MOST_ROWS)

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


def _version_covers(shown: Shape, resource_type: ResourceType) -> bool:
    """Whether the version moves with everything that is shown. Derived attributes follow other resources, whose changes
    leave this one's version alone: what shows them is always sent (R-ETAG-04).
    """
    return shown.expand.isdisjoint(resource_type.derivations)


def _shape(projection: Projection, resource_type: ResourceType, named: Collection[str]) -> Shape:
    """The shape of the answer to a write: what is returned on request is there when the client supplied it, or the
    attribute that it is part of (R-CHAR-13).
    """
    supplied = frozenset(path for attribute, path in resource_type.on_request if attribute in named)
    return shape(projection, resource_type, supplied)


def _unless_it_fails(answer: Callable[[], T]) -> T | None:
    """An answer about what is stored by now, or None, whatever goes wrong: a client that was told of an error would
    take it that nothing is.
    """
    try:
        return answer()
    except Exception:  # noqa: BLE001 -- whatever it is, it comes too late to fail the request
        _log.exception("A write is stored; its answer could not be made.")
        return None


def _record(new: New, meta: Meta) -> Record:
    """A new resource without its rows."""
    made = new.creation.draft
    return Record(new.resource_type.name, made.id, meta, made.stamp, made.document, made.hidden)


def _derived(transaction: Transaction, resource_type: ResourceType, id: str, wanted: Shape) -> Mapping[str, Derived]:
    """The derived values that the answer about a new resource shows: nothing names it yet, but some say so."""
    expand = (wanted.expand & resource_type.derivations.keys()) - resource_type.steady
    record = transaction.read(resource_type, id, frozenset(expand)) if expand else None
    return record.derived if record else {}


def _created(context: Context, new: New, meta: Meta, derived: Mapping[str, Derived], wanted: Shape) -> Representation:
    """The answer about a new resource, from what was stored. It is spooled where `Storage.read` would leave out rows
    that it shows: those of an attribute that has more than MOST_ROWS.
    """
    record, rows = replace(_record(new, meta), derived=derived), new.creation.rows

    def pieces(attribute: Attribute) -> Iterator[Sequence[str]]:
        elements = iter(rows.get(attribute.key, {}).values())
        while piece := [dumps(element) for element in islice(elements, MOST_ROWS)]:
            yield piece

    if any(len(rows.get(key, ())) > MOST_ROWS for key in wanted.expand):
        return _spooled(context, new.resource_type, record, wanted, pieces)
    shown = [a.key for a in new.resource_type.rows_attributes if a.key in rows and a.key in wanted.expand]
    texts = {key: dumps([*rows[key].values()]) for key in shown}
    return _rendered(context, new.resource_type, replace(record, rows=texts), wanted)


def _rendered(context: Context, resource_type: ResourceType, record: Record, wanted: Shape) -> Representation:
    body = render(record, resource_type, wanted, context.registry, context.base_url)
    return Representation(body.encode(), record.meta.etag, location(context.base_url, resource_type, record.id))


def _spooled(
    context: Context, resource_type: ResourceType, record: Record, wanted: Shape, pieces: Pieces
) -> Representation:
    texts = render_pieces(record, resource_type, wanted, context.registry, context.base_url, pieces)
    return Representation(Spool.of(texts), record.meta.etag, location(context.base_url, resource_type, record.id))


def _without_body(context: Context, resource_type: ResourceType, record: Record) -> Representation:
    return Representation(None, record.meta.etag, location(context.base_url, resource_type, record.id))
