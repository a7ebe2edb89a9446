"""New resources, one or many at once, in one statement for each table, however many resources there are.

Of many, which unique entries are taken is read first; then the caller decides who gets what, and what is stored after
that does not fail. Should another transaction take an entry between the two, an entry is missing among those that were
inserted, and the whole transaction runs again. One is stored without such a look, which is taken when an entry is
missing, to tell which.

Each table's rows are one JSON parameter. Measured for 1,000 users with 7 entries each and 20,000 rows of groups, beside
a statement that the driver repeats for each row: on SQLite 410 ms and 610, on PostgreSQL 530 and 980.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Table,
    Text,
    bindparam,
    cast,
    column,
    literal_column,
    select,
)

from scim_server.domain.resource import Meta
from scim_server.errors import Uniqueness
from scim_server.storage.base import Creation, Entry
from scim_server.storage.sql.connections import Retry
from scim_server.storage.sql.derived import kind_of
from scim_server.storage.sql.entries import holder_of, refusal
from scim_server.storage.sql.records import columns
from scim_server.storage.sql.rows import first_rows
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import (
    attribute_index,
    membership_state,
    relations,
    resources,
    unique_values,
)

Claim: TypeAlias = tuple[str, str, str]
"""(type, path, key): what belongs to one resource of a tenant."""
Row: TypeAlias = Mapping[str, Any]
"""Values by columns, without the tenant."""

_TENANT: Any = bindparam("tenant")
_CLAIM = ("type", "path", "key")


class Inserts:
    """The statements of one engine, built once."""

    def __init__(self, spelling: Spelling) -> None:
        self._taken = _taken(spelling)
        found_by = (
            _insert(spelling, unique_values).on_conflict_do_nothing().returning(unique_values.c.path),
            _insert(spelling, resources),
            _insert(spelling, attribute_index).on_conflict_do_nothing(),
        )
        state, rows = _insert(spelling, membership_state), _insert(spelling, relations).on_conflict_do_nothing()
        self._store = spelling.together(*found_by)
        self._store_with_state = spelling.together(*found_by, state)
        self._store_with_rows = spelling.together(*found_by, state, rows)

    def claims(self, connection: Connection, tenant: int, creations: Sequence[Creation]) -> TakenClaims:
        """As `storage.base.Transaction.claims`."""
        claims = [claim for creation in creations for claim in _claims(creation)]
        if not claims:
            return TakenClaims({})
        found = connection.execute(self._taken, {"tenant": tenant, "claims": _json(map(_claimed, claims))})
        own = {creation.draft.id for creation in creations}
        return TakenClaims({(type_, path, key): holder for type_, path, key, holder in found if holder not in own})

    def one(self, connection: Connection, tenant: int, creation: Creation, now: str) -> Meta:
        """As `storage.base.Transaction.insert`. Raises Retry where another transaction was in the way."""
        if not self._are_stored(connection, tenant, [creation], now):
            (refusal,) = self.claims(connection, tenant, [creation]).take([creation])
            raise refusal or Retry  # the other resource went away in the meantime
        return _meta(creation, now)

    def all(self, connection: Connection, tenant: int, creations: Sequence[Creation], now: str) -> Sequence[Meta]:
        """As `storage.base.Transaction.insert_all`. Raises Retry where another transaction was in the way."""
        if creations and not self._are_stored(connection, tenant, creations, now):
            raise Retry
        return [_meta(creation, now) for creation in creations]

    def _are_stored(self, connection: Connection, tenant: int, creations: Sequence[Creation], now: str) -> bool:
        """Store them; whether all their unique entries were free."""
        unique = [row for creation in creations for row in _entries(creation, creation.draft.unique)]
        states = [_state(creation, now) for creation in creations if _has_rows(creation)]
        rows = [row for creation in creations for row in _rows(creation)]
        parameters = {
            "tenant": tenant,
            unique_values.name: _json(unique),
            resources.name: _json(_resource(creation, now) for creation in creations),
            attribute_index.name: _json(row for c in creations for row in _entries(c, c.draft.indexed)),
            membership_state.name: _json(states),
            relations.name: _json(rows),
        }
        store = self._store_with_rows if rows else self._store_with_state if states else self._store
        return len(store(connection, parameters)) == len(unique)


class TakenClaims:
    """`storage.base.Claims`: who has what, by claim."""

    def __init__(self, taken: Mapping[Claim, str]) -> None:
        self._taken = dict(taken)

    def take(self, creations: Sequence[Creation]) -> Sequence[Uniqueness | None]:
        given: dict[Claim, str] = {}
        refusals = [self._refusal(creation, given) for creation in creations]
        if not any(refusals):
            self._taken |= given
        return refusals

    def give_back(self, creations: Sequence[Creation]) -> None:
        for creation in creations:
            for claim in _claims(creation):
                del self._taken[claim]

    def _refusal(self, creation: Creation, given: dict[Claim, str]) -> Uniqueness | None:
        """None where the creation could be given its claims, which are then among those that are."""
        claims = _claims(creation)
        conflicts = [claim for claim in claims if claim in self._taken or claim in given]
        if conflicts:
            first = min(conflicts, key=lambda claim: claim[1])
            return refusal(first[1], self._taken.get(first) or given[first])
        given |= dict.fromkeys(claims, creation.draft.id)
        return None


def _claims(creation: Creation) -> set[Claim]:
    return {(creation.resource_type.name, entry.path, entry.key) for entry in creation.draft.unique}


def _meta(creation: Creation, now: str) -> Meta:
    return Meta(now, now, 1, 1 if _has_rows(creation) else None)


def _has_rows(creation: Creation) -> bool:
    return bool(creation.resource_type.rows_attributes)


# Rows of the tables ---------------------------------------------------------------------------------------------------


def _json(rows: Iterable[Row]) -> str:
    return orjson.dumps(list(rows)).decode()


def _claimed(claim: Claim) -> Row:
    type_, path, key = claim
    return {"type": type_, "path": path, "key": key}


def _entries(creation: Creation, entries: Collection[Entry]) -> Iterator[Row]:
    type_, id = creation.resource_type.name, creation.draft.id
    return ({"type": type_, "path": entry.path, "key": entry.key, "resource_id": id} for entry in entries)


def _resource(creation: Creation, now: str) -> Row:
    draft = creation.draft
    made = {"id": draft.id, "type": creation.resource_type.name, "version": 1, "created": now, "last_modified": now}
    return {**made, **columns(draft)}


def _state(creation: Creation, now: str) -> Row:
    return {"owner": creation.draft.id, "version": 1, "last_modified": now}


def _rows(creation: Creation) -> Iterator[Row]:
    for attribute in creation.resource_type.rows_attributes:
        kind = kind_of(creation.resource_type.name, attribute.key)
        elements = creation.rows.get(attribute.key, {})
        yield from first_rows(kind, creation.draft.id, attribute, elements)


# Statements -----------------------------------------------------------------------------------------------------------


def _taken(spelling: Spelling) -> Any:
    """Those of the given claims that a resource has, and which."""
    given = spelling.records("claims", [column(name, Text) for name in _CLAIM])
    holder = holder_of(given.c.type, given.c.path, given.c.key)
    return select(*(given.c[name] for name in _CLAIM), holder).where(holder.is_not(None))


def _insert(spelling: Spelling, table: Table) -> Any:
    """Insert the given rows; by their keys' order where two writers of the same values could deadlock."""
    names = [each.name for each in table.columns if each.name != "tenant_id"]
    given = spelling.records(table.name, [_plain(table.c[name]) for name in names])
    rows = select(cast(_TENANT, Integer), *(cast(given.c[name], table.c[name].type) for name in names))
    rows = rows.where(literal_column("true"))  # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
    if spelling.has_many_writers:
        keys = [given.c[each.name] for each in table.primary_key if each.name != "tenant_id"]
        rows = rows.order_by(*map(spelling.by_code_point, keys))
    return spelling.insert(table).from_select(["tenant_id", *names], rows)


def _plain(given: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column as JSON has it: a number or a text."""
    return column(given.name, BigInteger if isinstance(given.type, BigInteger) else Text)
