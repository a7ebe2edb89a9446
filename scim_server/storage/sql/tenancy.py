"""Tenants and credentials in SQL: the `Tenancy` protocol on either engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, RowMapping, Text, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from scim_server import errors
from scim_server.storage.base import Credential, Tenant, ToleranceCount, ToleranceUse
from scim_server.storage.sql.connections import Connections
from scim_server.storage.sql.spelling import json_list, spelling_of
from scim_server.storage.sql.tables import (
    attribute_index,
    credentials,
    departures,
    guards,
    licence_pools,
    licence_seats,
    membership_state,
    notes,
    number_ranges,
    numbers,
    outbox,
    relations,
    resources,
    server_keys,
    tenants,
    tolerance_uses,
    unique_values,
)

_HAS_POOLS = exists().where(licence_pools.c.tenant_id == tenants.c.id).label("has_pools")
_TENANTS = select(tenants.c.id, tenants.c.name, tenants.c.profile, tenants.c.settings, _HAS_POOLS)
_TENANT = _TENANTS.where(tenants.c.name == bindparam("name"))
_WITHOUT = (
    _TENANTS.where(tenants.c.profile.not_in(bindparam("profiles", expanding=True))).order_by(tenants.c.name).limit(1)
)
_SETTINGS = select(tenants.c.settings).where(tenants.c.id == bindparam("tenant")).with_for_update()
_SET = update(tenants).where(tenants.c.id == bindparam("tenant")).values(settings=bindparam("changed"))
_CREDENTIALS = select(
    credentials,
    tenants.c.name,
    tenants.c.profile,
    tenants.c.settings,
    _HAS_POOLS,
).join_from(credentials, tenants, credentials.c.tenant_id == tenants.c.id)
_BY_DIGEST = _CREDENTIALS.where(credentials.c.digest == bindparam("digest"))
_OF_TENANT = _CREDENTIALS.where(credentials.c.tenant_id == bindparam("tenant")).order_by(
    credentials.c.created, credentials.c.id
)
_REVOKE = (
    update(credentials)
    .where(
        credentials.c.tenant_id == bindparam("tenant"),
        credentials.c.id == bindparam("credential"),
        credentials.c.revoked.is_(None),
    )
    .values(revoked=bindparam("now"))
)
# What refers to a tenant goes before it.
_EVERYTHING = (
    *(relations, membership_state, unique_values, attribute_index, resources, credentials, tolerance_uses),
    *(licence_seats, licence_pools, numbers, number_ranges, notes, departures, guards, outbox),
)


class SqlTenancy:
    """`storage.base.Tenancy` over a database's connections. Times are kept as UTC text of fixed width."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._record_use = _record_use(connections.dialect_name)
        self._keep_key = _keep_key(connections.dialect_name)
        self._add_tolerances = _add_tolerances(connections.dialect_name)

    def tenants(self) -> Sequence[Tenant]:
        statement = _TENANTS.order_by(tenants.c.name)
        return [_tenant(row) for row in self._connections.read(lambda c: c.execute(statement).mappings().all())]

    def tenant(self, name: str) -> Tenant | None:
        row = self._connections.read(lambda c: c.execute(_TENANT, {"name": name}).mappings().first())
        return None if row is None else _tenant(row)

    def tenant_without(self, profiles: Collection[str]) -> Tenant | None:
        given = {"profiles": [*profiles]}
        row = self._connections.read(lambda c: c.execute(_WITHOUT, given).mappings().first())
        return None if row is None else _tenant(row)

    def add_tenant(self, name: str, profile: str, settings: Mapping[str, Any]) -> Tenant:
        values = {"name": name, "profile": profile, "settings": orjson.dumps(dict(settings)).decode()}

        def work(connection: Connection) -> int:
            id: int = connection.execute(insert(tenants).values(values).returning(tenants.c.id)).scalar_one()
            return id

        try:
            return Tenant(self._connections.write(work), name, profile, dict(settings))
        except IntegrityError as error:
            raise errors.Uniqueness(f"There is a tenant named {name} already.") from error

    def change_tenant(self, tenant: int, settings: Mapping[str, Any]) -> None:
        def work(connection: Connection) -> None:
            kept = connection.execute(_SETTINGS, {"tenant": tenant}).scalar()
            if kept is not None:
                merged = {**orjson.loads(kept), **settings}
                text = orjson.dumps({name: value for name, value in merged.items() if value is not None}).decode()
                connection.execute(_SET, {"tenant": tenant, "changed": text})

        self._connections.write(work)

    def remove_tenant(self, tenant: int) -> None:
        def work(connection: Connection) -> None:
            for table in _EVERYTHING:
                connection.execute(delete(table).where(table.c.tenant_id == tenant))
            connection.execute(delete(tenants).where(tenants.c.id == tenant))

        self._connections.write(work)

    def add_credential(self, tenant: int, digest: str, credential: Credential) -> None:
        values = {
            "tenant_id": tenant,
            "id": credential.id,
            "digest": digest,
            "dialect": credential.dialect,
            "read_only": credential.read_only,
            "created": _text(credential.created),
            "expires": _text(credential.expires),
            "revoked": _text(credential.revoked),
            "last_used": _text(credential.last_used),
            "subject": credential.subject,
            "grants": None if credential.grants is None else json_list(sorted(credential.grants)),
        }
        try:
            self._connections.write(lambda connection: connection.execute(insert(credentials), values))
        except IntegrityError as error:
            raise errors.Uniqueness("There is such a credential already, or no such tenant.") from error

    def credential(self, digest: str) -> Credential | None:
        row = self._connections.read(lambda c: c.execute(_BY_DIGEST, {"digest": digest}).mappings().first())
        return None if row is None else _credential(row)

    def credentials(self, tenant: int) -> Sequence[Credential]:
        rows = self._connections.read(lambda c: c.execute(_OF_TENANT, {"tenant": tenant}).mappings().all())
        return [_credential(row) for row in rows]

    def revoke(self, tenant: int, id: str, now: datetime) -> bool:
        values = {"tenant": tenant, "credential": id, "now": _text(now)}
        return self._connections.write(lambda connection: connection.execute(_REVOKE, values).rowcount) > 0

    def record_use(self, uses: Mapping[str, datetime]) -> None:
        if not uses:
            return
        listed = json_list(sorted((id, _text(moment)) for id, moment in uses.items()))
        self._connections.write(lambda connection: connection.execute(self._record_use, {"uses": listed}))

    def key(self, name: str, new: bytes) -> bytes:
        def kept(connection: Connection) -> str | None:
            secret: str | None = connection.execute(_KEY, {"name": name}).scalar()
            return secret

        def keep(connection: Connection) -> str | None:
            connection.execute(self._keep_key, {"name": name, "secret": new.hex()})
            return kept(connection)

        return _secret(name, self._connections.read(kept) or self._connections.write(keep), len(new))

    def record_tolerances(self, uses: Mapping[ToleranceUse, int], now: datetime) -> None:
        if not uses:
            return
        listed = json_list([use.tenant, use.dialect, use.name, count] for use, count in sorted(uses.items()))
        values = {"uses": listed, "now": _text(now)}
        self._connections.write(lambda connection: connection.execute(self._add_tolerances, values))

    def tolerances(self, tenant: int) -> Sequence[ToleranceCount]:
        rows = self._connections.read(lambda c: c.execute(_TOLERANCES, {"tenant": tenant}).all())
        return [ToleranceCount(dialect, name, uses, _required(last)) for dialect, name, uses, last in rows]


_KEY = select(server_keys.c.secret).where(server_keys.c.name == bindparam("name"))
_TOLERANCES = (
    select(tolerance_uses.c.dialect, tolerance_uses.c.name, tolerance_uses.c.uses, tolerance_uses.c.last_used)
    .where(tolerance_uses.c.tenant_id == bindparam("tenant"))
    .order_by(tolerance_uses.c.dialect, tolerance_uses.c.name)
)


def _keep_key(dialect: str) -> Any:
    insert = spelling_of(dialect).insert(server_keys)
    return insert.values(name=bindparam("name"), secret=bindparam("secret")).on_conflict_do_nothing()


def _add_tolerances(dialect: str) -> Any:
    """Counts of a tenant that is gone meanwhile are dropped."""
    spelling = spelling_of(dialect)
    given = spelling.lists("uses")
    rows = (
        select(given.number(0), given.field(1), given.field(2), given.number(3), bindparam("now", type_=Text))
        .select_from(given.source)
        .where(exists().where(tenants.c.id == given.number(0)))
    )
    insert = spelling.insert(tolerance_uses).from_select([column.name for column in tolerance_uses.c], rows)
    later = spelling.later(tolerance_uses.c.last_used, insert.excluded.last_used)
    return insert.on_conflict_do_update(
        index_elements=[*tolerance_uses.primary_key],
        set_={"uses": tolerance_uses.c.uses + insert.excluded.uses, "last_used": later},
    )


def _record_use(dialect: str) -> Any:
    given = spelling_of(dialect).lists("uses")
    id, moment = given.field(0), given.field(1)
    return (
        update(credentials)
        .where(
            credentials.c.id == id,
            or_(credentials.c.last_used.is_(None), credentials.c.last_used < moment),
        )
        .values(last_used=moment)
    )


def _tenant(values: RowMapping) -> Tenant:
    return Tenant(
        values["id"], values["name"], values["profile"], orjson.loads(values["settings"]), bool(values["has_pools"])
    )


def _credential(values: RowMapping) -> Credential:
    settings = orjson.loads(values["settings"])
    return Credential(
        values["id"],
        Tenant(values["tenant_id"], values["name"], values["profile"], settings, bool(values["has_pools"])),
        values["dialect"],
        values["read_only"],
        _required(values["created"]),
        _moment(values["expires"]),
        _moment(values["revoked"]),
        _moment(values["last_used"]),
        values["subject"],
        None if values["grants"] is None else frozenset(orjson.loads(values["grants"])),
    )


def _secret(name: str, text: str | None, size: int) -> bytes:
    """The key that was kept, whole or not at all: an empty one would be anybody's."""
    try:
        secret = bytes.fromhex(text or "")
    except ValueError:
        secret = b""
    if len(secret) < size:
        raise RuntimeError(f"server_keys has no whole key named {name}")
    return secret


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def _required(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else _required(text)
