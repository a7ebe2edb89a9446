"""What the tables have beside the documents: `storage.examination` on either engine.

The ids that any table names are gone through in their order, so that a row which is left of a resource that is gone is
met like any other. First the next few of them are looked for, in each table by the index that has them, then all that
the tables have about these is read, in one snapshot.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)

from scim_server.domain.registry import Registry
from scim_server.domain.resource import Meta
from scim_server.domain.schema import Attribute
from scim_server.storage.base import Draft, Entry, Record
from scim_server.storage.examination import (
    Batch,
    Forms,
    Offer,
    PoolCount,
    RangeCount,
    Repairs,
    Row,
    RowKey,
    RowsBatch,
    Span,
    Stand,
    Stock,
)
from scim_server.storage.sql.connections import Connections
from scim_server.storage.sql.entries import pairs
from scim_server.storage.sql.records import columns, kept_as_rows
from scim_server.storage.sql.rows import comparison_of
from scim_server.storage.sql.search import Searches
from scim_server.storage.sql.spelling import Spelling, json_list, spelling_of
from scim_server.storage.sql.statements import Statements
from scim_server.storage.sql.tables import (
    attribute_index,
    json_form,
    licence_pools,
    licence_seats,
    membership_state,
    notes,
    number_ranges,
    numbers,
    relations,
    resources,
    unique_values,
)
from scim_server.storage.sql.transaction import SqlTransaction

T = TypeVar("T")
Rows: TypeAlias = Mapping[str, Any]

IDS: Final = 500
ROWS: Final = 5_000

_TENANT: Any = bindparam("tenant")
_ID: Any = bindparam("resource", type_=Text)
_AFTER: Any = bindparam("after", type_=Text)
_LAST: Any = bindparam("last", type_=Text)
_LIMIT: Any = bindparam("limit")

_FOUND_BY: Final[Mapping[Table, Any]] = {
    resources: resources.c.id,
    unique_values: unique_values.c.resource_id,
    attribute_index: attribute_index.c.resource_id,
    licence_seats: licence_seats.c.holder,
    numbers: numbers.c.holder,
    notes: notes.c.resource_id,
    membership_state: membership_state.c.owner,
}
"""Each table that has something about resources, with the column that says about which one."""

_READ: Final[Mapping[Table, tuple[Any, ...]]] = {
    resources: tuple(
        resources.c[name]
        for name in (
            *("type", "version", "created", "last_modified", "stamp", "document", "hidden"),
            *("comparison", "label", "label_key"),
        )
    ),
    unique_values: (unique_values.c.type, unique_values.c.path, unique_values.c.key),
    attribute_index: (attribute_index.c.type, attribute_index.c.path, attribute_index.c.key),
    licence_seats: (licence_seats.c.pool,),
    numbers: (numbers.c.number,),
    notes: (notes.c.path, notes.c.value),
    membership_state: (),
}


def _ours(table: Table, condition: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    id = _FOUND_BY[table]
    return select(id.label("about"), *_READ[table]).where(table.c.tenant_id == _TENANT, condition(id))


_NEXT: Final = tuple(
    select(id).distinct().where(table.c.tenant_id == _TENANT, id > _AFTER).order_by(id).limit(_LIMIT)
    for table, id in _FOUND_BY.items()
)
_BETWEEN: Final = {table: _ours(table, lambda id: and_(id > _AFTER, id <= _LAST)) for table in _FOUND_BY}
_ONE: Final = {table: _ours(table, lambda id: id == _ID) for table in _FOUND_BY}
_COUNT: Final = select(func.count()).select_from(resources).where(resources.c.tenant_id == _TENANT)

# Stock ---------------------------------------------------------------------------------------------------------------

_permitted = licence_seats.c.number <= licence_pools.c.seats
_is_free = licence_seats.c.holder.is_(None)


def _many(*conditions: Any) -> Any:
    return func.count(case((and_(licence_seats.c.number.is_not(None), *conditions), 1)))


_POOLS: Final = (
    select(
        licence_pools.c.key,
        licence_pools.c.resource_id,
        licence_pools.c.seats,
        _many(_permitted),
        _many(_permitted, _is_free),
        _many(~_permitted, _is_free),
        _many(~_permitted, ~_is_free),
    )
    .select_from(
        licence_pools.outerjoin(
            licence_seats,
            and_(licence_seats.c.tenant_id == licence_pools.c.tenant_id, licence_seats.c.pool == licence_pools.c.key),
        )
    )
    .where(licence_pools.c.tenant_id == _TENANT)
    .group_by(licence_pools.c.key, licence_pools.c.resource_id, licence_pools.c.seats)
    .order_by(licence_pools.c.key)
)
_has_seat = exists().where(
    licence_seats.c.tenant_id == notes.c.tenant_id,
    licence_seats.c.pool == notes.c.value,
    licence_seats.c.holder == notes.c.resource_id,
)
_WAITING: Final = (
    select(notes.c.path, notes.c.value, func.count())
    .join(licence_pools, and_(licence_pools.c.tenant_id == notes.c.tenant_id, licence_pools.c.key == notes.c.value))
    .where(notes.c.tenant_id == _TENANT, ~_has_seat)
    .group_by(notes.c.path, notes.c.value)
)
_no_pool = ~exists().where(
    licence_pools.c.tenant_id == licence_seats.c.tenant_id, licence_pools.c.key == licence_seats.c.pool
)
_lost_seats = and_(licence_seats.c.tenant_id == _TENANT, _no_pool)
_LOST_SEATS: Final = (
    select(licence_seats.c.pool, func.count())
    .where(_lost_seats)
    .group_by(licence_seats.c.pool)
    .order_by(licence_seats.c.pool)
)
_in_range = and_(
    numbers.c.tenant_id == number_ranges.c.tenant_id,
    numbers.c.number.between(number_ranges.c.first, number_ranges.c.last),
    func.length(numbers.c.number) == func.length(number_ranges.c.first),
)
_RANGES: Final = (
    select(number_ranges.c.first, number_ranges.c.last, func.count(numbers.c.number))
    .select_from(number_ranges.outerjoin(numbers, _in_range))
    .where(number_ranges.c.tenant_id == _TENANT)
    .group_by(number_ranges.c.first, number_ranges.c.last)
    .order_by(number_ranges.c.first)
)
_lost_numbers = and_(numbers.c.tenant_id == _TENANT, ~exists().where(_in_range))
_LOST_NUMBERS: Final = select(func.count()).select_from(numbers).where(_lost_numbers)
_DROP_LOST_NUMBERS: Final = delete(numbers).where(_lost_numbers)

_POOL_KEYS: Final = select(licence_pools.c.key).where(licence_pools.c.tenant_id == _TENANT)
_SPANS: Final = (
    select(number_ranges.c.first, number_ranges.c.last)
    .where(number_ranges.c.tenant_id == _TENANT)
    .order_by(number_ranges.c.first)
)

# Rows ----------------------------------------------------------------------------------------------------------------

_KEY: Final = ("kind", "owner", "target")
_ROW = tuple(relations.c[name] for name in _KEY)
_NEXT_ROWS: Final = (
    select(*_ROW, relations.c.element, relations.c.comparison)
    .where(
        relations.c.tenant_id == _TENANT,
        tuple_(*_ROW) > tuple_(*(bindparam(f"after_{name}", type_=Text) for name in _KEY)),
    )
    .order_by(*_ROW)
    .limit(_LIMIT)
)
_THIS_ROW = and_(
    relations.c.tenant_id == _TENANT, *(relations.c[name] == bindparam(f"of_{name}", type_=Text) for name in _KEY)
)
_ONE_ROW: Final = select(relations.c.element).where(_THIS_ROW).with_for_update()
_REFORM: Final = update(relations).where(_THIS_ROW).values(comparison=cast(bindparam("form", type_=Text), json_form()))
_of_resource = exists().where(resources.c.tenant_id == relations.c.tenant_id, resources.c.id == relations.c.owner)
_DROP_LOST_OWNER: Final = delete(relations).where(
    relations.c.tenant_id == _TENANT,
    relations.c.kind == bindparam("of_kind"),
    relations.c.owner == bindparam("of_owner"),
    ~_of_resource,
)

# Repairs -------------------------------------------------------------------------------------------------------------

_REWRITE: Final = (
    update(resources)
    .where(resources.c.tenant_id == _TENANT, resources.c.id == _ID, resources.c.type == bindparam("of_type"))
    .values(
        **{name: bindparam(name) for name in ("stamp", "label", "label_key", "document", "hidden")},
        comparison=cast(bindparam("comparison", type_=Text), json_form()),
    )
)
_FREE_NUMBER: Final = (
    update(numbers)
    .where(numbers.c.tenant_id == _TENANT, numbers.c.number == bindparam("wanted"), numbers.c.holder == _ID)
    .values(holder=None, last_name=None)
)
_GIVE_NUMBER: Final = (
    update(numbers)
    .where(numbers.c.tenant_id == _TENANT, numbers.c.number == bindparam("wanted"), numbers.c.holder.is_(None))
    .values(holder=_ID)
)
_DROP_NOTE: Final = delete(notes).where(
    notes.c.tenant_id == _TENANT,
    notes.c.resource_id == _ID,
    notes.c.path == bindparam("of_path"),
    notes.c.value == bindparam("of_value"),
)
_ADD_STATE: Final = insert(membership_state).values(
    tenant_id=_TENANT, owner=_ID, version=bindparam("first_version"), last_modified=bindparam("now")
)
_DROP_STATE: Final = delete(membership_state).where(
    membership_state.c.tenant_id == _TENANT, membership_state.c.owner == _ID
)
_DROP_LOST_SEATS: Final = delete(licence_seats).where(_lost_seats, licence_seats.c.pool == bindparam("of_pool"))


class SqlExamination:
    """`storage.examination.Examination` over a database's connections."""

    def __init__(
        self, connections: Connections, statements: Statements, searches: Searches, registry: Registry
    ) -> None:
        self._connections = connections
        self._statements = statements
        self._searches = searches
        self._fill_range = _fill_range(spelling_of(connections.dialect_name))
        self._rows = kept_as_rows(registry)

    def count(self, tenant: int) -> int:
        found: int = self._connections.read(
            lambda connection: connection.execute(_COUNT, {"tenant": tenant}).scalar_one()
        )
        return found

    def stock(self, tenant: int) -> Stock:
        return self._connections.snapshot(lambda connection: _stock(connection, tenant))

    def batch(self, tenant: int, after: str) -> Batch:
        def work(connection: Connection) -> Batch:
            whose = {"tenant": tenant, "after": after, "limit": IDS}
            ids = sorted({id for statement in _NEXT for id in connection.execute(statement, whose).scalars()})[:IDS]
            if not ids:
                return Batch((), Offer(), None)
            read = _read(connection, _BETWEEN, {**whose, "last": ids[-1]})
            return Batch([_stand(id, read) for id in ids], _offer(connection, tenant), ids[-1])

        return self._connections.snapshot(work)

    def rows(self, tenant: int, after: RowKey) -> RowsBatch:
        def work(connection: Connection) -> RowsBatch:
            place = {f"after_{name}": getattr(after, name) for name in _KEY}
            found = connection.execute(_NEXT_ROWS, {"tenant": tenant, "limit": ROWS, **place}).all()
            known = [row for row in found if row.kind in self._rows]
            misformed = [_key(row) for row in known if _is_misformed(self._rows[row.kind], row)]
            owners = Counter((row.kind, row.owner) for row in known)
            lost = self._lost(connection, tenant, {owner for _, owner in owners})
            return RowsBatch(
                misformed,
                [(kind, owner, rows) for (kind, owner), rows in owners.items() if owner in lost],
                _key(found[-1]) if found else None,
            )

        return self._connections.snapshot(work)

    def repair(self, tenant: int, work: Callable[[Repairs], T]) -> T:
        def transact(connection: Connection) -> T:
            transaction = SqlTransaction(connection, tenant, self._statements, self._searches)
            return work(_SqlRepairs(connection, tenant, transaction, self._statements, self._fill_range, self._rows))

        return self._connections.write(transact)

    def _lost(self, connection: Connection, tenant: int, owners: Collection[str]) -> frozenset[str]:
        """Those of the ids that are of no resource."""
        if not owners:
            return frozenset()
        listed = {"tenant": tenant, "ids": json_list(sorted(owners))}
        return frozenset(connection.execute(self._statements.missing, listed).scalars())


class _SqlRepairs:
    """`storage.examination.Repairs` on one connection."""

    def __init__(
        self,
        connection: Connection,
        tenant: int,
        transaction: SqlTransaction,
        statements: Statements,
        fill_range: Any,
        rows: Mapping[str, Attribute],
    ) -> None:
        self._connection = connection
        self._tenant = tenant
        self._transaction = transaction
        self._statements = statements
        self._fill_range = fill_range
        self._rows = rows

    @property
    def transaction(self) -> SqlTransaction:
        return self._transaction

    def stand(self, id: str) -> Stand:
        return _stand(id, _read(self._connection, _ONE, {"tenant": self._tenant, "resource": id}))

    def offer(self) -> Offer:
        return _offer(self._connection, self._tenant)

    def stock(self) -> Stock:
        return _stock(self._connection, self._tenant)

    def rewrite(self, resource_type: str, draft: Draft) -> None:
        self._run(_REWRITE, of_type=resource_type, resource=draft.id, **columns(draft))

    def drop_rows(self, id: str, unique: Collection[Row], indexed: Collection[Row]) -> None:
        for rows, statement in ((unique, self._statements.drop_unique), (indexed, self._statements.drop_indexed)):
            for kind, entries in _by_type(rows).items():
                self._run(statement, of_type=kind, resource=id, entries=json_list(pairs(entries)))

    def add_rows(self, id: str, unique: Collection[Row], indexed: Collection[Row]) -> None:
        for kind, entries in _by_type(unique).items():
            self._run(self._statements.unique, of_type=kind, resource=id, entries=json_list(pairs(entries)))
        for kind, entries in _by_type(indexed).items():
            self._run(self._statements.indexed, of_type=kind, resource=id, indexed=json_list(pairs(entries)))

    def drop_notes(self, id: str, notes: Collection[tuple[str, str]]) -> None:
        for path, value in sorted(notes):
            self._run(_DROP_NOTE, resource=id, of_path=path, of_value=value)

    def free_numbers(self, id: str, numbers: Collection[str]) -> None:
        for number in sorted(numbers):
            self._run(_FREE_NUMBER, resource=id, wanted=number)

    def give_numbers(self, id: str, numbers: Collection[str]) -> None:
        for number in sorted(numbers):
            self._run(_GIVE_NUMBER, resource=id, wanted=number)

    def add_state(self, id: str, version: int, now: str) -> None:
        self._run(_ADD_STATE, resource=id, first_version=version, now=now)

    def drop_state(self, id: str) -> None:
        self._run(_DROP_STATE, resource=id)

    def drop_lost_seats(self, keys: Collection[str]) -> None:
        for key in sorted(keys):
            self._run(_DROP_LOST_SEATS, of_pool=key)

    def fill_range(self, span: Span) -> None:
        listed = ({"number": f"{value:0{len(span.first)}}"} for value in range(int(span.first), int(span.last) + 1))
        self._run(self._fill_range, listed=json_list(listed))

    def drop_lost_numbers(self) -> None:
        self._run(_DROP_LOST_NUMBERS)

    def reform(self, rows: Collection[RowKey]) -> None:
        for row in rows:
            place = {f"of_{name}": getattr(row, name) for name in _KEY}
            element = self._run(_ONE_ROW, **place).scalar()
            if element is not None:
                self._run(_REFORM, **place, form=_form(self._rows[row.kind], element))

    def drop_lost_owners(self, owners: Collection[tuple[str, str]]) -> None:
        for kind, owner in owners:
            self._run(_DROP_LOST_OWNER, of_kind=kind, of_owner=owner)

    def _run(self, statement: Any, **parameters: Any) -> Any:
        return self._connection.execute(statement, {"tenant": self._tenant, **parameters})


Read: TypeAlias = Mapping[Table, Mapping[str, list[Any]]]
"""The rows of each table, by the id that they are about."""


def _read(connection: Connection, statements: Mapping[Table, Any], parameters: dict[str, Any]) -> Read:
    found: dict[Table, dict[str, list[Any]]] = {}
    for table, statement in statements.items():
        about = found.setdefault(table, {})
        for row in connection.execute(statement, parameters):
            about.setdefault(row.about, []).append(row)
    return found


def _stand(id: str, read: Read) -> Stand:
    rows = read[resources].get(id)
    return Stand(
        id=id,
        record=_record(id, rows[0]) if rows else None,
        forms=_forms(rows[0]) if rows else None,
        unique=_entries(read[unique_values].get(id, ())),
        indexed=_entries(read[attribute_index].get(id, ())),
        seats=frozenset(row.pool for row in read[licence_seats].get(id, ())),
        numbers=frozenset(row.number for row in read[numbers].get(id, ())),
        notes=frozenset((row.path, row.value) for row in read[notes].get(id, ())),
        has_state=id in read[membership_state],
    )


def _record(id: str, row: Any) -> Record:
    meta = Meta(row.created, row.last_modified, row.version)
    return Record(row.type, id, meta, row.stamp, row.document, row.hidden)


def _forms(row: Any) -> Forms:
    return Forms(_parsed(row.comparison), row.label, row.label_key)


def _parsed(form: Any) -> Any:
    """A form as a value: SQLite has it as text, which may be anything; PostgreSQL's driver has read it already."""
    if not isinstance(form, str):
        return form
    try:
        return json.loads(form)
    except ValueError:
        return form


def _entries(rows: Iterable[Any]) -> frozenset[Row]:
    return frozenset((row.type, Entry(row.path, row.key)) for row in rows)


def _by_type(rows: Iterable[Row]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for kind, entry in rows:
        found.setdefault(kind, []).append(entry)
    return found


def _offer(connection: Connection, tenant: int) -> Offer:
    whose = {"tenant": tenant}
    return Offer(
        frozenset(connection.execute(_POOL_KEYS, whose).scalars()),
        tuple(Span(first, last) for first, last in connection.execute(_SPANS, whose)),
    )


def _stock(connection: Connection, tenant: int) -> Stock:
    whose = {"tenant": tenant}
    waiting: dict[str, dict[str, int]] = {}
    for path, key, count in connection.execute(_WAITING, whose):
        waiting.setdefault(key, {})[path] = count
    return Stock(
        pools=[PoolCount(*row, waiting=waiting.get(row[0], {})) for row in connection.execute(_POOLS, whose)],
        ranges=[RangeCount(Span(first, last), rows) for first, last, rows in connection.execute(_RANGES, whose)],
        lost_seats=[(pool, rows) for pool, rows in connection.execute(_LOST_SEATS, whose)],
        lost_numbers=connection.execute(_LOST_NUMBERS, whose).scalar_one(),
    )


def _key(row: Any) -> RowKey:
    return RowKey(row.kind, row.owner, row.target)


def _is_misformed(attribute: Attribute, row: Any) -> bool:
    form = _form(attribute, row.element)
    return bool((None if form is None else json.loads(form)) != _parsed(row.comparison))


def _form(attribute: Attribute, element: str) -> str | None:
    return comparison_of(attribute, json.loads(element, parse_float=Decimal))


def _fill_range(spelling: Spelling) -> Any:
    given = spelling.records("listed", (numbers.c.number,))
    rows = select(cast(_TENANT, numbers.c.tenant_id.type), given.c.number, literal("", Text))
    filled = rows.where(given.c.number.is_not(None))  # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
    return spelling.insert(numbers).from_select(["tenant_id", "number", "free_from"], filled).on_conflict_do_nothing()
