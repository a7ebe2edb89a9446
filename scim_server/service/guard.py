"""The guard against mass deprovisioning: who leaves is counted, and whoever is too many is refused.

Looking and noting happen in the transaction of the write, which holds the tenant's watch to its end: of many who leave
at the same moment as many do as there is room for. Only who leaves waits for it.

A refusal undoes its transaction, so that the guard stopped somebody is noted in another one, once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from scim_server.domain import compare
from scim_server.domain.guard import Guard
from scim_server.domain.schema import ResourceType
from scim_server.errors import ScimError, TooManyDepartures
from scim_server.service.context import Context
from scim_server.storage.base import Storage, Transaction
from scim_server.storage.ledgers import Departures, Watch

_log = logging.getLogger(__name__)

RETRY_AFTER: Final = "300"
"""Seconds. Somebody has to look at it first; a client that comes back then finds it released."""


@dataclass(frozen=True, slots=True)
class GuardState:
    """How many departed within the window and how many may; when somebody was stopped first since it was released
    last, and until when it is, if so.
    """

    departed: int
    most: int
    stopped: datetime | None
    released: datetime | None


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
    """Remember since when the guard stops somebody, after what it stopped was undone.

    That stays refused, and the rest of a bulk request stored, where this cannot be written.
    """
    if stop.since is not None:
        return
    try:
        storage.write(tenant, lambda transaction: transaction.departures.stop(now))
    except ScimError:
        _log.exception("The guard stopped somebody; since when could not be noted.")


def state(storage: Storage, tenant: int, guard: Guard, kind: str, moment: datetime) -> GuardState:
    """What the guard of a tenant has seen, and what it holds the resources of the type `kind` to."""
    now = compare.from_datetime(moment)
    since = guard.since(now)

    def work(transaction: Transaction) -> GuardState:
        departures = transaction.departures
        most = guard.most(_there_were(departures, kind, since, guard.enough(guard.users)))
        watch = departures.watch()
        released = watch.released if _is_released(watch, now) else None
        return GuardState(departures.count(since), most, _moment(watch.stopped), _moment(released))

    return storage.write(tenant, work)


def release(storage: Storage, tenant: int, until: datetime) -> None:
    """Let everybody leave until then; who left before does not count any more."""
    storage.write(tenant, lambda transaction: transaction.departures.release(compare.from_datetime(until)))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _is_released(watch: Watch, now: str) -> bool:
    return watch.released is not None and watch.released > now


def _check(departures: Departures, guard: Guard, watch: Watch, kind: str, since: str) -> None:
    """Raises TooManyDepartures where those who have departed since then are too many."""
    departed = departures.count(since)
    most = guard.most(_there_were(departures, kind, since, guard.enough(departed)))
    if departed > most:
        detail = _detail(guard, kind, departed - 1, most)
        raise TooManyDepartures(detail, since=watch.stopped, headers={"Retry-After": RETRY_AFTER})


def _there_were(departures: Departures, kind: str, since: str, enough: int) -> int:
    """How many there were when the window began, counted until it is enough: those that are older, and those of them
    who are gone.
    """
    older = departures.count_resources(kind, since, enough)
    return older if older >= enough else older + departures.gone(since)


def _detail(guard: Guard, kind: str, departed: int, most: int) -> str:
    return (
        f"Stopped by the guard against mass deprovisioning: within {guard.hours} hours {departed} resources of type "
        f"{kind} have been switched off or deleted, and no more than {most} may be. If this is meant to be, the "
        f"operator of the server runs: scim-server guard release {guard.tenant}"
    )
