"""One request from its arrival to its answer: who is calling, in which tenant, in which dialect.

An `Exchange` stands in `flask.g` from the first moment, so that a failure at any point can be answered and logged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from time import perf_counter

from flask import Response, g, request

from scim_server.auth import READING, Authenticator, Client, authorize
from scim_server.connectors import dialect
from scim_server.domain.catalogue import Catalogue
from scim_server.domain.dialect import Leniency
from scim_server.domain.registry import Registry, Variation
from scim_server.domain.schema import ResourceType
from scim_server.errors import Forbidden, ScimError, Unsupported
from scim_server.http import address, switches
from scim_server.http.discovery import Discovery
from scim_server.http.parameters import query_members
from scim_server.observability import RequestFacts, observe, request_id
from scim_server.service.context import Context
from scim_server.service.passwords import Passwords
from scim_server.service.tolerances import ToleranceUses


@dataclass(slots=True)
class Exchange:
    """What is known of the request so far. `started` counts seconds from an arbitrary point."""

    request_id: str
    started: float
    client: Client | None = None
    leniency: Leniency | None = None
    scim_type: str | None = None
    operations: int | None = None
    is_dry_run: bool = False
    """The client asked what the write would do, and nothing is to change."""
    stopped: int = 0
    """How many departures the guard stopped."""
    alias: Mapping[str, str] = field(default_factory=dict)
    """What the path stands for, as the arguments of a route, where it is an alias."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The registry as one tenant sees it, and its discovery documents."""

    registry: Registry
    discovery: Discovery


class Editions:
    """The editions of a catalogue, each made when the first tenant needs it."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._made: dict[tuple[str, Variation], Edition] = {}

    def of(self, client: Client) -> Edition:
        """The edition of the client's tenant. Raises Unavailable where no file defines the tenant's profile."""
        key = (client.tenant.profile, client.tenant.variation)
        edition = self._made.get(key)
        if edition is None:
            profile, variation = key
            registry = self._catalogue.of(profile).variant(variation)
            edition = self._made[key] = Edition(registry, Discovery(registry))
        return edition


@dataclass(frozen=True, slots=True)
class Caller:
    """A request whose credential is good: what a view needs to call a use case."""

    client: Client
    context: Context
    edition: Edition


def begin() -> None:
    """Note the arrival. A request id that came along is kept: a proxy's log and ours can be laid side by side."""
    g.exchange = Exchange(request_id(request.headers.get("X-Request-Id")), perf_counter())


def current() -> Exchange:
    """The exchange of the request that is being answered."""
    exchange: Exchange = g.exchange
    return exchange


def admit(authenticator: Authenticator) -> None:
    """Let the caller in. Raises Unauthorized, Forbidden, BadRequest.

    A credential of one tenant gets the same answer at every other tenant's URL, whether that tenant exists or not
    (R-TEN-01).
    """
    exchange = current()
    query = request.query_string
    has_query_token = (b"access_token" in query or b"%" in query) and "access_token" in query_members(query)
    client = authenticator.authenticate(request.headers.get("Authorization"), has_query_token)
    exchange.client = client
    exchange.leniency = Leniency(dialect(client.dialect))
    if address.tenant_name(request) not in (None, client.tenant.name):
        raise Forbidden("The credential is not one of this tenant's.")
    authorize(client, request.method, request.path)


def note_dry_run(writes: Collection[str]) -> None:
    """Note whether nothing is to change; `writes` are the views that would. On reads the header means nothing.

    Raises InvalidValue for a header that says neither.
    """
    if request.endpoint in writes and request.method not in READING:
        current().is_dry_run = switches.is_on(request, switches.DRY_RUN)


def recognized(authenticator: Authenticator) -> Client | None:
    """Who reads what everybody may read; None without a credential, and with one that is not good here."""
    if "Authorization" not in request.headers:
        return None
    try:
        admit(authenticator)
    except ScimError:
        return None
    return current().client


def caller(editions: Editions, public_url: str | None, passwords: Passwords) -> Caller:
    """Who was admitted. Only for routes that need a credential."""
    exchange = current()
    if exchange.client is None or exchange.leniency is None:
        raise RuntimeError("the route is open to everybody and has no caller")
    edition = editions.of(exchange.client)
    base_url = address.base_url(request, public_url)
    context = Context(
        exchange.client.tenant.id,
        edition.registry,
        exchange.leniency,
        base_url,
        guard=exchange.client.guard,
        grants=exchange.client.grants,
        passwords=passwords.of_dry_run() if exchange.is_dry_run else passwords,
    )
    return Caller(exchange.client, context, edition)


def subject(editions: Editions) -> tuple[ResourceType, str]:
    """The type and the id of what the credential is bound to. Raises Unsupported where it is bound to nothing."""
    client = current().client
    resource_type = editions.of(client).registry.subject if client and client.subject else None
    if client is None or client.subject is None or resource_type is None:
        raise Unsupported("The credential is not bound to a resource, so that /Me is nobody.")
    return resource_type, client.subject


def stand_for(resource_type: ResourceType, id: str) -> None:
    """Log and count the request as one for that resource, whatever its path."""
    current().alias = {"endpoint": resource_type.endpoint, "id": id}


def end(answer: Response, registry: Registry, tolerances: ToleranceUses) -> None:
    """Log and count the request, and what it was forgiven: a dry run changes nothing, not even those counts."""
    exchange = current()
    if exchange.client and exchange.leniency and not exchange.is_dry_run:
        tolerances.note(exchange.client.tenant.id, exchange.client.dialect, exchange.leniency.used)
    arguments = exchange.alias or request.view_args or {}
    resource_type = registry.at(arguments.get("endpoint", ""))
    observe(
        RequestFacts(
            request_id=exchange.request_id,
            method=request.method,
            status=answer.status_code,
            seconds=perf_counter() - exchange.started,
            route=request.url_rule.rule if request.url_rule else None,
            resource_type=resource_type.name if resource_type else None,
            resource_id=arguments.get("id") or _created_id(answer),
            scim_type=exchange.scim_type,
            operations=exchange.operations,
            tenant=exchange.client.tenant.name if exchange.client else None,
            client=exchange.client.credential_id if exchange.client else None,
            dialect=exchange.client.dialect if exchange.client else None,
            tolerances=exchange.leniency.used if exchange.leniency else {},
            is_dry_run=exchange.is_dry_run,
            stopped=exchange.stopped,
        )
    )


def _created_id(answer: Response) -> str | None:
    return answer.headers["Location"].rpartition("/")[2] if answer.status_code == 201 else None
