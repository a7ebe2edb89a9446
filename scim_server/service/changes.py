"""What a write does to resources: prepared before the transaction, carried out in one.

    new          -> New       -> insert
    replacement  -> Edit      -> edit         PUT
    patching     -> Edit      -> edit         PATCH
                    Removal   -> remove

Preparing reads the payload and touches nothing. Carrying out locks the row, checks the conditions, computes the new
attributes with `domain` and writes what differs. It may happen several times, since a transaction runs again after a
race, so it follows from its arguments and the database alone. A single request carries out one of these in a
transaction of its own, a bulk request many in one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from scim_server.domain import coerce, patch
from scim_server.domain.attrpath import AttrPath, bind
from scim_server.domain.constraints import check_immutable, check_required, check_still_there
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.formats import check_formats
from scim_server.domain.operation import Operation
from scim_server.domain.replace import keeps_rows, replaced, with_defaults
from scim_server.domain.resource import Attributes, Meta, copy
from scim_server.domain.rows import Element, RowsChange
from scim_server.domain.rules import Decision, Verb, Write
from scim_server.domain.schema import Attribute, Json, ResourceType
from scim_server.errors import InvalidValue, MethodNotAllowed, NotFound, ScimError, Uniqueness
from scim_server.profiles.targets import Target
from scim_server.service.conditions import Conditions
from scim_server.service.context import Context, Effect
from scim_server.service.drafts import attributes_of, draft, entries
from scim_server.service.effects import REMOVED, Settlement, Subject, Withheld
from scim_server.service.passwords import may_set_password, sets_password
from scim_server.service.teams import around
from scim_server.storage.base import Claims, Creation, Expand, PreparedRows, Record, Storage, Transaction

NOTHING: Final[Expand] = frozenset()

SKIPPED: Final = "leaver-change-skipped"
"""The name under which it is counted that a change was left out so that somebody could be switched off."""

Prepare: TypeAlias = Callable[[Attribute, RowsChange], RowsChange | PreparedRows]
"""Prepares a change of rows before the transaction, where that is worth it."""


@dataclass(frozen=True, slots=True)
class New:
    """A resource to store. `named` has the keys of the attributes that the client gave."""

    creation: Creation
    named: frozenset[str]
    decision: Decision
    """What the profile makes of it; its attributes are those of the creation."""

    @property
    def id(self) -> str:
        return self.creation.draft.id

    @property
    def resource_type(self) -> ResourceType:
        return self.creation.resource_type

    @property
    def references(self) -> list[str]:
        """The ids that its rows name."""
        return [id for elements in self.creation.rows.values() for id in elements]


@dataclass(frozen=True, slots=True)
class Change:
    """What a write wants a locked resource to become. `without` is the same one, save for what changes at a path."""

    decision: Decision
    rows: Mapping[str, RowsChange | PreparedRows]
    named: frozenset[str]
    without: Callable[[str], Change]

    @property
    def attributes(self) -> Attributes:
        return self.decision.attributes


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to a resource that is there: `change_of` says to which attributes those it has become."""

    resource_type: ResourceType
    id: str
    conditions: Conditions
    change_of: Callable[[Attributes], Change]
    hashes: bool = False
    """Whether that makes hashes, which `make_hashes` makes beforehand."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A resource to delete."""

    resource_type: ResourceType
    id: str
    conditions: Conditions


def new(context: Context, resource_type: ResourceType, id: str, payload: Mapping[str, Json]) -> New:
    """Read the body of a POST. Raises InvalidValue, InvalidSyntax."""
    body = _read_body(context, resource_type, payload)
    attributes = with_defaults(resource_type, body.attributes, body.named)
    check_required(resource_type, attributes)
    _check_formats(context, resource_type, {}, attributes)
    write = Write(Verb.CREATE, {}, attributes, body.named, context.grants, body.passing)
    decision = _decision(resource_type, write)
    rows = {name: dict(elements) for name, elements in body.rows.items()}
    attributes = context.passwords.for_one_write().settled(resource_type, {}, decision.attributes)
    prepared = draft(context.registry, resource_type, id, attributes)
    return New(Creation(resource_type, prepared, rows), frozenset(body.named), replace(decision, attributes=attributes))


def replacement(
    context: Context,
    resource_type: ResourceType,
    id: str,
    payload: Mapping[str, Json],
    conditions: Conditions,
    prepare: Prepare = lambda attribute, change: change,
) -> Edit:
    """Read the body of a PUT (RFC 7644 section 3.5.1). Raises InvalidValue, InvalidSyntax."""
    body = _read_body(context, resource_type, payload)
    rows = {
        a.key: prepare(a, _replaced(body.rows.get(a.key, ())))
        for a in resource_type.rows_attributes
        if not keeps_rows(resource_type, a, body.named, context.leniency)
    }

    hashing = context.passwords.for_one_write()

    def settled(before: Attributes, after: Attributes) -> Attributes:
        check_required(resource_type, after)
        check_immutable(resource_type, before, after)
        _check_formats(context, resource_type, before, after)
        return hashing.settled(resource_type, before, after)

    def change(before: Attributes) -> Change:
        after = replaced(resource_type, before, body, context.leniency)
        write = Write(Verb.REPLACE, before, after, body.named, context.grants, body.passing)
        return _change(resource_type, write, rows, settled)

    return Edit(resource_type, id, conditions, change, sets_password(resource_type, body.attributes))


def patching(
    context: Context,
    resource_type: ResourceType,
    id: str,
    operations: Sequence[Operation],
    conditions: Conditions,
) -> Edit:
    """A PATCH (RFC 7644 section 3.5.2): all operations or none."""
    hashing = context.passwords.for_one_write()

    def settled(before: Attributes, after: Attributes) -> Attributes:
        check_still_there(resource_type, before, after)
        check_immutable(resource_type, before, after)
        _check_formats(context, resource_type, before, after)
        return hashing.settled(resource_type, before, after)

    def change(before: Attributes) -> Change:
        patched = patch.apply(resource_type, id, before, operations, context.leniency)
        write = Write(Verb.PATCH, before, patched.attributes, patched.named, context.grants, patched.passing)
        return _change(resource_type, write, patched.rows, settled)

    hashes = any(may_set_password(resource_type, operation) for operation in operations)
    return Edit(resource_type, id, conditions, change, hashes)


def insert(
    transaction: Transaction,
    context: Context,
    wanted: New,
    now: str,
    large: Mapping[str, PreparedRows],
    given_out: frozenset[str] = frozenset(),
) -> tuple[New, Meta]:
    """Store one new resource; `large` are those of `large_rows`. It comes back with what was allocated to it.

    The ids `given_out` will be there in the end. Raises Uniqueness, InvalidValue, and what its effects are refused for.
    """
    # Before anything is written, as in a bulk request: where both are wrong, both tell the same.
    check_references(transaction, context.leniency, [id for id in wanted.references if id not in given_out])
    settlement = Settlement(transaction, context, now)
    if wanted.decision.has_effects:
        refuse_taken(transaction.claims([wanted.creation]), settlement, [wanted])
        try:
            wanted = settled_new(settlement, wanted)
        except Withheld as withheld:
            raise withheld.error from None
    rows = {name: RowsChange(add=dict(elements)) for name, elements in wanted.creation.rows.items()}
    metas: list[Meta] = []

    def store() -> bool:
        metas.append(_stored(settlement, wanted, large))
        return True

    around(settlement, wanted.resource_type, wanted.id, wanted.decision.team, rows, store)
    return wanted, metas[0]


def _stored(settlement: Settlement, wanted: New, large: Mapping[str, PreparedRows]) -> Meta:
    resource_type, transaction = wanted.resource_type, settlement.transaction
    few = {name: elements for name, elements in wanted.creation.rows.items() if name not in large}
    try:
        meta = transaction.insert(replace(wanted.creation, rows=few), settlement.now)
    except Uniqueness as error:
        raise settlement.told(resource_type, wanted.decision.number, error) from None
    for name, change in large.items():
        transaction.change_rows(resource_type, wanted.id, resource_type.rows_attribute(name), change)
    return meta


def refuse_taken(claims: Claims, settlement: Settlement, wanted: Sequence[New]) -> None:
    """Give them their unique entries, before any seat or number is taken. Raises Uniqueness: the first refusal."""
    for new, error in zip(wanted, claims.take([new.creation for new in wanted]), strict=True):
        if error is not None:
            raise settlement.told(new.resource_type, new.decision.number, error)


def settled_new(settlement: Settlement, wanted: New) -> New:
    """The new resource, once its effects are carried out: with what was allocated. Raises Withheld."""
    attributes = settlement.settle(Subject(wanted.resource_type, wanted.id), wanted.decision)
    if attributes is wanted.decision.attributes:
        return wanted
    made = draft(settlement.context.registry, wanted.resource_type, wanted.id, attributes)
    decision = replace(wanted.decision, attributes=attributes)
    return replace(wanted, creation=replace(wanted.creation, draft=made), decision=decision)


def large_rows(wanted: New, prepare: Prepare) -> dict[str, PreparedRows]:
    """Of the rows that a resource is made with, those that are worth preparing."""
    prepared = {
        name: prepare(wanted.resource_type.rows_attribute(name), RowsChange(add=dict(elements)))
        for name, elements in wanted.creation.rows.items()
    }
    return {name: change for name, change in prepared.items() if isinstance(change, PreparedRows)}


def make_hashes(storage: Storage, context: Context, wanted: Edit) -> None:
    """Make the hashes that an edit needs before its transaction: they are slow, and others would wait for it.

    Nothing else comes of it: what is refused here, is refused there, unless the resource is another one by then.
    """
    record = storage.read(context.tenant, wanted.resource_type, wanted.id, NOTHING) if wanted.hashes else None
    if record is not None:
        with suppress(ScimError):
            wanted.change_of(attributes_of(record, context.registry, wanted.resource_type))


def edit(
    transaction: Transaction, context: Context, wanted: Edit, now: str, expand: Expand = NOTHING
) -> tuple[Record, Change]:
    """Carry out a change: the record as it is then, its rows aside, and what was wanted.

    `expand` names what to bring along. Raises NotFound, PreconditionFailed, a BadRequest, Uniqueness.
    """
    record = _checked(transaction, wanted, transaction.lock(wanted.resource_type, wanted.id, expand))
    before = attributes_of(record, context.registry, wanted.resource_type)
    editing = _Editing(Settlement(transaction, context, now), wanted.resource_type, record, before)
    return editing.carry_out(wanted.change_of(before))


def take_away(transaction: Transaction, context: Context, wanted: Edit, now: str) -> None:
    """Delete what a change removes, once its last state is read (CC-04). What it held is given back by then."""
    transaction.lock_to_delete(wanted.resource_type, wanted.id)
    transaction.delete(wanted.resource_type, wanted.id, now)
    context.effects.append(Effect(REMOVED, wanted.id))


def remove(transaction: Transaction, context: Context, removal: Removal, now: str) -> None:
    """DELETE (RFC 7644 section 3.6). Raises NotFound, PreconditionFailed, TooManyDepartures."""
    _remove(transaction, context, removal, transaction.lock_to_delete(removal.resource_type, removal.id), now)


def remove_one_of_many(transaction: Transaction, context: Context, removal: Removal, now: str) -> None:
    """As `remove`, where `lock_all` holds already what goes with it."""
    _remove(transaction, context, removal, transaction.lock(removal.resource_type, removal.id, NOTHING), now)


def _remove(transaction: Transaction, context: Context, removal: Removal, record: Record | None, now: str) -> None:
    resource_type = removal.resource_type
    record = _checked(transaction, removal, record)
    if resource_type.rules is not None:
        before = attributes_of(record, context.registry, resource_type)
        decision = resource_type.rules.decide(Write(Verb.DELETE, before, {}, ()))
        subject = Subject(resource_type, removal.id, record.meta.created)
        Settlement(transaction, context, now).settle(subject, decision)
    transaction.delete(resource_type, removal.id, now)
    context.effects.append(Effect(REMOVED, removal.id))


def check_references(transaction: Transaction, leniency: Leniency, ids: Collection[str]) -> None:
    """Raises InvalidValue for an id that no resource has, where the dialect minds.

    Such ids are kept where the dialect says so: one stale id must not block the others (design, X-03). They are not
    looked for then, which saves a statement a write, and so are not counted either.
    """
    if not ids or Tolerance.UNKNOWN_MEMBER in leniency.dialect.tolerances:
        return
    missing = transaction.missing([*ids])
    if missing:
        raise unknown_reference(missing[0])


def _check_formats(context: Context, resource_type: ResourceType, before: Attributes, after: Attributes) -> None:
    """Only where the dialect minds: looking costs the others nothing."""
    if Tolerance.ANY_FORMAT not in context.leniency.dialect.tolerances:
        check_formats(resource_type, before, after)


def _decision(resource_type: ResourceType, write: Write) -> Decision:
    """What the tenant's profile makes of the write."""
    return Decision(write.after) if resource_type.rules is None else resource_type.rules.decide(write)


def _change(
    resource_type: ResourceType,
    write: Write,
    rows: Mapping[str, RowsChange | PreparedRows],
    settled: Callable[[Attributes, Attributes], Attributes],
) -> Change:
    """What becomes of a write; `settled` checks the attributes (before, after) and says which ones are stored."""
    decision = _decision(resource_type, write)
    attributes = settled({**write.before}, decision.attributes)

    def without(path: str) -> Change:
        return _change(resource_type, _without(resource_type, write, path), rows, settled)

    return Change(replace(decision, attributes=attributes), rows, frozenset(write.named), without)


def _without(resource_type: ResourceType, write: Write, path: str) -> Write:
    """The write, save for what it changes at a path: one that the profile knows, or that of a unique value."""
    known = write if resource_type.rules is None else resource_type.rules.without(write, path)
    if known.after != write.after:
        return known
    urn, _, rest = path.rpartition(":")
    name, _, sub = rest.partition(".")
    bound = bind(AttrPath(name, sub or None, urn or None), resource_type)
    after: Attributes = copy(write.after)
    if bound is not None:
        Target(path, bound).restore(write.before, after)
    return replace(write, after=after)


def unknown_reference(id: str) -> InvalidValue:
    return InvalidValue(f"No resource has the id {id!r}.")


def not_found(resource_type: ResourceType, id: str) -> NotFound:
    return NotFound(f"There is no {resource_type.name} {id!r}.")


def not_writable(resource_type: ResourceType) -> MethodNotAllowed:
    detail = f"{resource_type.endpoint} can be read and searched alone: its resources are the operator's to write."
    return MethodNotAllowed(detail, headers={"Allow": "GET, HEAD, OPTIONS"})


def _read_body(context: Context, resource_type: ResourceType, payload: Mapping[str, Json]) -> coerce.Body:
    rewritten = context.leniency.rewrite_body(payload, resource_type)
    return coerce.body(rewritten, resource_type, context.leniency)


def _replaced(elements: Iterable[tuple[str, Element]]) -> RowsChange:
    change = RowsChange()
    change.replaced(elements)
    return change


def _checked(transaction: Transaction, wanted: Edit | Removal, record: Record | None) -> Record:
    """The locked record, on which the conditions hold."""
    if record is None:
        raise not_found(wanted.resource_type, wanted.id)
    if wanted.conditions.guards:
        if wanted.resource_type.rows_attributes:
            version = transaction.lock_membership(wanted.resource_type, wanted.id)
            record = replace(record, meta=replace(record.meta, membership_version=version))
        wanted.conditions.check(record.meta.etag)
    return record


@dataclass(slots=True)
class _Editing:
    """One change of a locked resource, under way."""

    settlement: Settlement
    resource_type: ResourceType
    record: Record
    before: Attributes

    def carry_out(self, change: Change) -> tuple[Record, Change]:
        """The record as it is then, its rows aside, and the change that was made: of somebody who leaves, without what
        is refused, each time counted (CC-57). An attribute only ever goes back to what it was, so this ends.
        """
        left_out = 0
        while True:
            try:
                record = self._attempt(change)
            except Withheld as withheld:
                change = self._without(change, withheld.path, withheld.error)
                left_out += 1
            except Uniqueness as error:
                told = self.settlement.told(self.resource_type, change.decision.number, error)
                change = self._without(change, error.path or "", told)
                left_out += 1
            else:
                self._count(left_out + len(change.decision.skipped))
                return record, change

    def _without(self, change: Change, path: str, error: ScimError) -> Change:
        """The change of somebody who leaves, without what was refused. Raises the error for anybody else."""
        less = change.without(path) if change.decision.is_leaver else change
        if less.attributes == change.attributes:
            raise error
        return less

    def _count(self, left_out: int) -> None:
        if left_out:
            self.settlement.context.leniency.used[SKIPPED] += left_out

    def _attempt(self, change: Change) -> Record:
        """Nobody but who leaves goes on after a refusal, and only what can be refused needs to be undone alone."""
        if change.decision.is_leaver and self._is_at_risk(change):
            return self.settlement.attempt(lambda: self._done(change))
        return self._done(change)

    def _is_at_risk(self, change: Change) -> bool:
        seats, number = change.decision.seats, change.decision.number
        if (seats and (seats.take or seats.new)) or (number and number.take):
            return True
        after, before = (entries(self.resource_type, each) for each in (change.attributes, self.before))
        return not after.unique <= before.unique

    def _done(self, change: Change) -> Record:
        if change.decision.has_effects:
            subject = Subject(self.resource_type, self.record.id, self.record.meta.created)
            self.settlement.settle(subject, change.decision)
        return _write(self.settlement, self.resource_type, self.record, self.before, change)


def _write(
    settlement: Settlement, resource_type: ResourceType, record: Record, before: Attributes, change: Change
) -> Record:
    """Write what differs; the record as it is then, its rows aside.

    What another registry wrote stays as it is where nothing differs: making it anew is the migration's.
    """
    transaction, context, now = settlement.transaction, settlement.context, settlement.now
    if change.attributes != before:
        # Which entries it has depends on the registry that wrote it.
        old = entries(resource_type, before) if record.stamp == context.registry.stamp else None
        after = draft(context.registry, resource_type, record.id, change.attributes)
        version = transaction.update(resource_type, old, after, now)
        meta = replace(record.meta, version=version, last_modified=max(record.meta.last_modified, now))
        record = replace(record, meta=meta, stamp=after.stamp, document=after.document, hidden=after.hidden)
    if _change_rows(settlement, resource_type, record.id, change):
        version = transaction.touch(resource_type, record.id, now)
        meta = replace(record.meta, membership_version=version, last_modified=max(record.meta.last_modified, now))
        record = replace(record, meta=meta)
    return record


def _change_rows(settlement: Settlement, resource_type: ResourceType, id: str, change: Change) -> bool:
    """Whether any row came, went or changed."""
    transaction, leniency = settlement.transaction, settlement.context.leniency
    changes = {name: c.change if isinstance(c, PreparedRows) else c for name, c in change.rows.items()}
    wanted = {name: rows for name, rows in changes.items() if not rows.is_empty}

    def work() -> bool:
        changed = False
        for name, rows in wanted.items():
            check_references(transaction, leniency, [*rows.add, *rows.put])
            attribute = resource_type.rows_attribute(name)
            changed = transaction.change_rows(resource_type, id, attribute, change.rows[name]) or changed
        return changed

    return around(settlement, resource_type, id, change.decision.team, wanted, work)
