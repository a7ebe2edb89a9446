"""The use cases on one resource: create, read, replace, patch and delete, the same ones for every resource type.

A write is one transaction: lock the row, check the conditions, compute the new attributes with `domain`, write what
differs. What changes nothing writes nothing, so its version and time stay. The work of a transaction may run again
after a race, so everything in it follows from the arguments and the database alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scim_server.domain import coerce, compare, patch
from scim_server.domain.constraints import check_immutable, check_required
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.project import Projection, Shape, shape
from scim_server.domain.replace import replaced, with_defaults
from scim_server.domain.resource import Attributes, Meta
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import Attribute, Json, ResourceType
from scim_server.errors import InvalidValue, MutabilityViolation, NotFound
from scim_server.service.conditions import Conditions
from scim_server.service.context import Context
from scim_server.service.drafts import attributes_of, draft, dumps, entries
from scim_server.service.representation import Representation, location, render
from scim_server.storage.base import Record, Storage, Transaction

NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True)
class Change:
    """What a write wants a locked resource to become."""

    attributes: Attributes
    rows: Mapping[str, RowsChange]
    named: frozenset[str]


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
        body = _read_body(context, resource_type, payload)
        attributes = with_defaults(resource_type, body.attributes, body.named)
        check_required(resource_type, attributes)
        prepared = draft(context.registry, resource_type, self._new_id(), attributes)
        now = self._now()

        def work(transaction: Transaction) -> Meta:
            meta = transaction.insert(resource_type, prepared, now)
            for name, elements in body.rows.items():
                change = RowsChange(add=dict(elements))
                _check_references(transaction, change, context.leniency)
                transaction.change_rows(resource_type, prepared.id, _rows_attribute(resource_type, name), change)
            return meta

        meta = self._storage.write(context.tenant, work)
        rows = {name: dumps([element for _, element in elements]) for name, elements in body.rows.items()}
        record = Record(resource_type.name, prepared.id, meta, prepared.stamp, prepared.document, prepared.hidden, rows)
        return _answer(context, resource_type, record, _shape(projection, resource_type, body.named))

    def read(self, context: Context, resource_type: ResourceType, id: str, projection: Projection) -> Representation:
        """One resource (RFC 7644 section 3.4.1). Raises NotFound."""
        wanted = shape(projection, resource_type)
        record = self._storage.read(context.tenant, resource_type, id, wanted.expand)
        if record is None:
            raise _not_found(resource_type, id)
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
        body = _read_body(context, resource_type, payload)

        def change(before: Attributes) -> Change:
            after = replaced(resource_type, before, body, context.leniency)
            check_required(resource_type, after)
            check_immutable(resource_type, before, after)
            return Change(after, _replaced_rows(resource_type, body), frozenset(body.named))

        return self._change(context, resource_type, id, projection, conditions, change, self._read_back)

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

        def change(before: Attributes) -> Change:
            patched = patch.apply(resource_type, id, before, operations, context.leniency)
            check_required(resource_type, patched.attributes, MutabilityViolation)
            check_immutable(resource_type, before, patched.attributes)
            return Change(patched.attributes, patched.rows, frozenset(patched.named))

        read_back = self._read_back if projection.attributes else self._read_back_if_small
        return self._change(context, resource_type, id, projection, conditions, change, read_back)

    def delete(self, context: Context, resource_type: ResourceType, id: str, conditions: Conditions) -> None:
        """DELETE (RFC 7644 section 3.6). Raises NotFound, PreconditionFailed."""
        now = self._now()

        def work(transaction: Transaction) -> None:
            _locked(transaction, resource_type, id, NOTHING, conditions)
            transaction.delete(resource_type, id, now)

        self._storage.write(context.tenant, work)

    def _change(
        self,
        context: Context,
        resource_type: ResourceType,
        id: str,
        projection: Projection,
        conditions: Conditions,
        change_of: Callable[[Attributes], Change],
        read_back: Callable[[Transaction, ResourceType, Record, Shape], Record | None],
    ) -> Representation:
        """Lock, compute, write what differs, and say what is there now."""
        now = self._now()
        derived = frozenset(a.name for a in resource_type.derived_attributes) & shape(projection, resource_type).expand
        used = context.leniency.used.copy()

        def work(transaction: Transaction) -> tuple[Record, Record | None, Shape]:
            context.leniency.used = used.copy()
            record = _locked(transaction, resource_type, id, derived, conditions)
            before = attributes_of(record, context.registry, resource_type)
            change = change_of(before)
            record = _write(transaction, context, resource_type, record, before, change, now)
            wanted = _shape(projection, resource_type, change.named)
            return record, read_back(transaction, resource_type, record, wanted), wanted

        record, shown, wanted = self._storage.write(context.tenant, work)
        if shown is None:
            return Representation(None, record.meta.etag, location(context.base_url, resource_type, id))
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


def _read_body(context: Context, resource_type: ResourceType, payload: Mapping[str, Json]) -> coerce.Body:
    rewritten = context.leniency.rewrite_body(payload, resource_type)
    return coerce.body(rewritten, resource_type, context.leniency)


def _locked(
    transaction: Transaction, resource_type: ResourceType, id: str, expand: frozenset[str], conditions: Conditions
) -> Record:
    """The record, held until the end of the transaction, on which the conditions hold."""
    record = transaction.lock(resource_type, id, expand)
    if record is None:
        raise _not_found(resource_type, id)
    if conditions.guards:
        if record.meta.membership_version is not None:
            version = transaction.lock_membership(resource_type, id)
            record = replace(record, meta=replace(record.meta, membership_version=version))
        conditions.check(record.meta.etag)
    return record


def _write(
    transaction: Transaction,
    context: Context,
    resource_type: ResourceType,
    record: Record,
    before: Attributes,
    change: Change,
    now: str,
) -> Record:
    """Write what differs; the record as it is then, its rows aside.

    What another registry wrote stays as it is where nothing differs: making it anew is the migration's.
    """
    if change.attributes != before:
        # Which entries it has depends on the registry that wrote it.
        old = entries(resource_type, before) if record.stamp == context.registry.stamp else None
        new = draft(context.registry, resource_type, record.id, change.attributes)
        version = transaction.update(resource_type, old, new, now)
        meta = replace(record.meta, version=version, last_modified=max(record.meta.last_modified, now))
        record = replace(record, meta=meta, stamp=new.stamp, document=new.document, hidden=new.hidden)
    if _change_rows(transaction, context, resource_type, record.id, change.rows):
        version = transaction.touch(resource_type, record.id, now)
        meta = replace(record.meta, membership_version=version, last_modified=max(record.meta.last_modified, now))
        record = replace(record, meta=meta)
    return record


def _change_rows(
    transaction: Transaction,
    context: Context,
    resource_type: ResourceType,
    id: str,
    changes: Mapping[str, RowsChange],
) -> bool:
    changed = False
    for name, change in changes.items():
        if change.is_empty:
            continue
        _check_references(transaction, change, context.leniency)
        attribute = _rows_attribute(resource_type, name)
        changed = transaction.change_rows(resource_type, id, attribute, change) or changed
    return changed


def _check_references(transaction: Transaction, change: RowsChange, leniency: Leniency) -> None:
    """Ids that nothing has are kept where the dialect says so: one stale id must not block the others (design,
    X-03). They are not looked for then, which saves a statement a write, and so are not counted either.
    """
    ids = [*change.add, *change.put]
    if not ids or Tolerance.UNKNOWN_MEMBER in leniency.dialect.tolerances:
        return
    missing = transaction.missing(ids)
    if missing:
        raise InvalidValue(f"No resource has the id {missing[0]!r}.")


def _replaced_rows(resource_type: ResourceType, body: coerce.Body) -> dict[str, RowsChange]:
    changes = {}
    for attribute in resource_type.rows_attributes:
        change = RowsChange()
        change.replaced(body.rows.get(attribute.name, ()))
        changes[attribute.name] = change
    return changes


def _rows_attribute(resource_type: ResourceType, name: str) -> Attribute:
    return next(a for a in resource_type.rows_attributes if a.name == name)


def _shape(projection: Projection, resource_type: ResourceType, named: Collection[str]) -> Shape:
    """The shape of the answer to a write: what is returned on request is there when the client supplied it, or the
    attribute that it is part of (R-CHAR-13).
    """
    supplied = frozenset(path for attribute, path in resource_type.on_request if attribute in named)
    return shape(projection, resource_type, supplied)


def _answer(context: Context, resource_type: ResourceType, record: Record, wanted: Shape) -> Representation:
    body = render(record, resource_type, wanted, context.registry, context.base_url)
    return Representation(body.encode(), record.meta.etag, location(context.base_url, resource_type, record.id))


def _not_found(resource_type: ResourceType, id: str) -> NotFound:
    return NotFound(f"There is no {resource_type.name} {id!r}.")
