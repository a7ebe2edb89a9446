"""The composition root: settings become a catalogue, a database, use cases and a Flask application.

Nothing is made on import. Time and ids come in as parameters, so that tests can say what they are.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock
from typing import Final, TypeVar
from uuid import UUID

from flask import Flask

from scim_server import catalog, filtering
from scim_server.auth import Authenticator
from scim_server.auth.passwords import Argon2
from scim_server.auth.seal import KEY_BYTES, Seal
from scim_server.config import Settings
from scim_server.connectors import dialect
from scim_server.domain.catalogue import Catalogue, undefined
from scim_server.domain.compare import to_wire
from scim_server.domain.dialect import Leniency
from scim_server.domain.registry import Registry
from scim_server.http.application import build
from scim_server.http.cursors import Cursors
from scim_server.http.views import Parts, Writes
from scim_server.service import events, grants, guard
from scim_server.service.bulk import Bulk
from scim_server.service.context import Context
from scim_server.service.doctor import Doctor
from scim_server.service.elements import ElementPages
from scim_server.service.guard import GuardState
from scim_server.service.passwords import Passwords
from scim_server.service.pools import Pools
from scim_server.service.ranges import Ranges
from scim_server.service.rehearsal import rehearse as rehearsed
from scim_server.service.resources import Resources
from scim_server.service.searches import Searches
from scim_server.service.subjects import find_subject
from scim_server.service.tolerances import ToleranceUses
from scim_server.service.trial import Trial
from scim_server.service.upkeep import Redraft
from scim_server.sheets import Directory
from scim_server.storage import sql
from scim_server.storage.base import Storage, Tenancy, Tenant
from scim_server.storage.examination import Examination
from scim_server.storage.ledgers import Posted

Clock = Callable[[], datetime]
NewId = Callable[[], str]

T = TypeVar("T")

_CLOSERS: Final = "scim_server.closers"

_ROWS: Final = "generic"
"""The dialect that rows of a file are read in: that of a token without one."""


def now() -> datetime:
    """The time, aware, in UTC and of whole milliseconds: what is stored is what is sent, so a filter finds it again."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Ids:
    """Time-ordered UUIDs (RFC 9562 version 7, method 3) as lower-case text: each greater than the one before.

    Text order is the order of creation, which the primary key and the pages follow. `clock` gives nanoseconds since
    1970.
    """

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._last = 0
        self._lock = Lock()

    def __call__(self) -> str:
        tick = self._tick()
        return str(UUID(int=tick >> 12 << 80 | 7 << 76 | (tick & 0xFFF) << 64 | 2 << 62 | secrets.randbits(62)))

    def _tick(self) -> int:
        """Milliseconds in 48 bits and a fraction of one in 12; one more than the last where the clock stood still."""
        milliseconds, rest = divmod(self._clock(), 1_000_000)
        with self._lock:
            self._last = max(self._last + 1, milliseconds << 12 | (rest << 12) // 1_000_000)
            return self._last


new_id: Final = Ids()


def load_catalogue(settings: Settings) -> Catalogue:
    """The schemas that are built in, and those of the extensions folder, which may be missing where nobody chose it.

    Raises catalog.CatalogError.
    """
    chosen = settings.extensions != Settings().extensions
    return catalog.load(settings.extensions if chosen or settings.extensions.exists() else None)


def open_database(settings: Settings) -> sql.Database:
    """The database of the settings; whoever opens it closes it."""
    return _open(settings, load_catalogue(settings))


def redraft(settings: Settings, tenancy: Tenancy) -> Redraft:
    """What a database needs to rebuild what other schemas than those of the settings wrote."""
    return Redraft(load_catalogue(settings), tenancy)


def subject(settings: Settings, storage: Storage, tenant: Tenant, name: str) -> str:
    """The id of the resource that a credential of the tenant is to be bound to.

    Raises Unsupported, InvalidValue, Unavailable.
    """
    return find_subject(storage, tenant, load_catalogue(settings).of(tenant.profile), name)


def role_keys(settings: Settings, tenant: Tenant, roles: Iterable[str]) -> frozenset[str]:
    """The roles that a credential of the tenant is to give, as they compare.

    Raises Unsupported, InvalidValue, Unavailable.
    """
    return grants.role_keys(load_catalogue(settings).of(tenant.profile), roles)


def directory(settings: Settings, storage: Storage, tenant: Tenant) -> Directory:
    """The tenant's resources, for commands that read and write many of them. Raises Unavailable."""
    return _directory(settings, storage, tenant, Passwords(Argon2(), now))


def rehearse(settings: Settings, storage: Storage, tenant: Tenant, work: Callable[[Directory], T]) -> T:
    """What `work` on the tenant's resources comes to; nothing of it stays (`service.rehearsal`). Raises Unavailable."""
    passwords = Passwords(Argon2(), now).of_dry_run()
    return rehearsed(storage, tenant.id, lambda within: work(_directory(settings, within, tenant, passwords)))


def oldest_events(storage: Storage, tenant: Tenant, limit: int) -> Sequence[Posted]:
    """The oldest events of the tenant's outbox, as many at most."""
    return [replace(event, at=to_wire(event.at)) for event in events.oldest(storage, tenant.id, limit)]


def forget_events(storage: Storage, tenant: Tenant, sequences: Collection[int]) -> None:
    """Take these events out of the tenant's outbox."""
    events.forget(storage, tenant.id, sequences)


def guard_state(settings: Settings, storage: Storage, tenant: Tenant, now: datetime) -> GuardState | None:
    """What the guard of the tenant has seen of its users; None where it is off, and where there can be none."""
    users = load_catalogue(settings).of(tenant.profile).subject
    if tenant.guard is None or users is None:
        return None
    return guard.state(storage, tenant.id, tenant.guard, users.name, now)


def release_guard(storage: Storage, tenant: Tenant, until: datetime) -> None:
    """Let everybody of the tenant leave until then."""
    guard.release(storage, tenant.id, until)


def doctor(settings: Settings, examination: Examination) -> Doctor:
    """What compares the tables with the documents, and puts them right."""
    return Doctor(examination, load_catalogue(settings), now)


def pools(settings: Settings, storage: Storage, tenant: Tenant) -> Pools:
    """The tenant's licence pools, for the operator. Raises Unavailable where no file defines the tenant's profile."""
    catalogue = load_catalogue(settings)
    forms = [resource_type for resource_type in catalogue.whole.resource_types if resource_type.pools]
    return Pools(storage, tenant.id, _registry(catalogue, tenant), forms, now)


def ranges(settings: Settings, storage: Storage, tenant: Tenant) -> Ranges:
    """The tenant's ranges of numbers, for the operator. Raises as `pools`."""
    return Ranges(storage, tenant.id, _registry(load_catalogue(settings), tenant), now)


def _registry(catalogue: Catalogue, tenant: Tenant) -> Registry:
    """What the operator sees of a tenant: what shows pools too, before there are any."""
    return catalogue.of(tenant.profile).variant(replace(tenant.variation, has_pools=True))


def readiness(catalogue: Catalogue, storage: Storage, tenancy: Tenancy) -> str | None:
    """None where every tenant can be served; else a sentence that says what is missing."""
    return storage.readiness(catalogue.stamp) or unserved(catalogue, tenancy)


def unserved(catalogue: Catalogue, tenancy: Tenancy) -> str | None:
    """None where the profile of every tenant is defined; else a sentence that names the first of the others."""
    tenant = tenancy.tenant_without(catalogue.registries)
    return None if tenant is None else f"Tenant {tenant.name}: {undefined(tenant.profile)}"


def create_app(settings: Settings, clock: Clock = now, new_id: NewId = new_id) -> Flask:
    """The application over a database of its own; it migrates nothing. `close` ends both."""
    catalogue = load_catalogue(settings)
    database = _open(settings, catalogue)
    app = assemble(settings, catalogue, database, clock, new_id)
    app.extensions[_CLOSERS].append(database.close)
    return app


def close(app: Flask) -> None:
    """Write what is still in memory, and close the database that `create_app` opened. The process may end without."""
    for closer in app.extensions[_CLOSERS]:
        closer()


def assemble(settings: Settings, catalogue: Catalogue, database: sql.Database, clock: Clock, new_id: NewId) -> Flask:
    """The application over these parts. Whoever opened the database closes it, after the application."""
    authenticator = Authenticator(database.tenancy, clock)
    seal = Seal(lambda: database.tenancy.key("cursor", secrets.token_bytes(KEY_BYTES)))
    tolerances = ToleranceUses(database.tenancy, clock)
    parts = Parts(
        settings=settings,
        catalogue=catalogue,
        writes=_writes(settings, database.storage, clock, new_id),
        trial=_writes(settings, Trial(database.storage), clock, new_id),
        searches=Searches(database.storage),
        elements=ElementPages(database.storage),
        cursors=Cursors(seal, clock, settings.cursor_timeout),
        authenticator=authenticator,
        passwords=Passwords(Argon2(), clock),
        tolerances=tolerances,
        readiness=lambda: readiness(catalogue, database.storage, database.tenancy),
    )
    app = build(parts)
    app.extensions[_CLOSERS] = [authenticator.close, tolerances.close]
    return app


def _directory(settings: Settings, storage: Storage, tenant: Tenant, passwords: Passwords) -> Directory:
    registry = load_catalogue(settings).of(tenant.profile).variant(tenant.variation)

    def new_context(leniency: Leniency) -> Context:
        return Context(tenant.id, registry, leniency, base_url="", guard=tenant.guard, passwords=passwords)

    limits = filtering.Limits(settings.max_filter)
    return Directory(new_context, dialect(_ROWS), Searches(storage), Bulk(storage, now, new_id), limits)


def _writes(settings: Settings, storage: Storage, clock: Clock, new_id: NewId) -> Writes:
    resources = Resources(storage, clock, new_id, settings.group_answer_members)
    return Writes(resources, Bulk(storage, clock, new_id))


def _open(settings: Settings, catalogue: Catalogue) -> sql.Database:
    return sql.open_database(
        settings.database_url,
        catalogue.whole,
        pool_size=settings.pool_size,
        read_timeout=settings.read_timeout,
        synchronous=sql.Synchronous(settings.sqlite_synchronous),
    )
