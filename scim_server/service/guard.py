"""The guard against mass deprovisioning: who leaves is counted, and whoever is too many is refused.

Looking and noting happen in the transaction of the write, which holds the tenant's watch to its end: of many who leave
at the same moment as many do as there is room for. Only who leaves waits for it.

A refusal undoes its transaction, so that the guard stopped somebody is noted in another one, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from scim_server.domain.guard import Guard
from scim_server.domain.schema import ResourceType
from scim_server.errors import TooManyDepartures
from scim_server.service.context import Context
from scim_server.storage.base import Storage, Transaction
from scim_server.storage.ledgers import Departures, Watch

RETRY_AFTER: Final = "300"
"""Seconds. Somebody has to look at it first; a client that comes back then finds it released."""


@dataclass(frozen=True, slots=True)
class GuardState:
    """How many departed within the window, and since when somebody is stopped and until when nobody is, if so."""

    departed: int
    stopped: str | None
    released: str | None


def check_departure(
    transaction: Transaction, context: Context, resource_type: ResourceType, id: str, created: str, now: str
) -> None:
    """Count a resource that is about to be switched off or deleted; it is still there.

    `created` is when it was made, a time of `resource.Meta`, as `now` is. Raises TooManyDepartures.
    """
    guard = context.guard
    if guard is None or created >= guard.since(now):
        return
    watch = transaction.departures.watch()
    if _is_released(watch, now):
        return
    transaction.departures.forget(guard.since(now))
    transaction.departures.note(id, now)
    _check(transaction.departures, guard, watch, resource_type.name, guard.since(now))


def note_stop(storage: Storage, tenant: int, stop: TooManyDepartures, now: str) -> None:
    """Remember since when the guard stops somebody, after the transaction that it stopped was undone."""
    if stop.since is None:
        storage.write(tenant, lambda transaction: transaction.departures.stop(now))


def state(storage: Storage, tenant: int, guard: Guard, now: str) -> GuardState:
    """What the guard of a tenant has seen."""

    def work(transaction: Transaction) -> GuardState:
        watch = transaction.departures.watch()
        released = watch.released if _is_released(watch, now) else None
        return GuardState(transaction.departures.count(guard.since(now)), watch.stopped, released)

    return storage.write(tenant, work)


def release(storage: Storage, tenant: int, until: str) -> None:
    """Let everybody leave until then; who left before does not count any more."""
    storage.write(tenant, lambda transaction: transaction.departures.release(until))


def _is_released(watch: Watch, now: str) -> bool:
    return watch.released is not None and watch.released > now


def _check(departures: Departures, guard: Guard, watch: Watch, kind: str, since: str) -> None:
    """Raises TooManyDepartures where those who have departed since then are too many."""
    departed = departures.count(since)
    enough = guard.enough(departed)
    there_were = departures.count_resources(kind, since, enough)
    if there_were < enough:
        there_were += departures.gone(since)
    most = guard.most(there_were)
    if departed > most:
        detail = _detail(guard, kind, departed - 1, most)
        raise TooManyDepartures(detail, since=watch.stopped, headers={"Retry-After": RETRY_AFTER})


def _detail(guard: Guard, kind: str, departed: int, most: int) -> str:
    return (
        f"Stopped by the guard against mass deprovisioning: within {guard.hours} hours {departed} resources of type "
        f"{kind} have been switched off or deleted, and no more than {most} may be. If this is meant to be, the "
        f"operator of the server runs: scim-server guard release {guard.tenant}"
    )
