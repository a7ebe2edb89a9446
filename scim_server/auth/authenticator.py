"""Who is calling, and may they do that?

A request costs no database read while its credential is in the cache, at most `CACHE_SECONDS`: that is how
long a revocation may take to reach a worker. An expiry needs no news and holds at once. Unknown tokens are not
cached, so a token works from the moment it is issued.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from scim_server.auth import challenges
from scim_server.auth.tokens import digest
from scim_server.auth.uses import LastUses
from scim_server.domain.guard import Guard
from scim_server.storage.base import Credential, Tenancy, Tenant

CACHE_SECONDS: Final = 5
CACHE_SIZE: Final = 10_000

# RFC 6750 section 2.1; the scheme in any case (RFC 7235 section 2.1). The length bounds what is hashed.
_BEARER: Final = re.compile(r"bearer(?: +(?P<token>.*))?", re.IGNORECASE | re.DOTALL)
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,4096}=*")

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""
_WRITES_NOTHING_ITSELF: Final = frozenset({".search", "Bulk"})
"""Where a POST changes nothing by itself."""

Clock = Callable[[], datetime]
"""Gives the time, aware and in UTC."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who is calling: a credential of a tenant. `subject` is the id of the user it is bound to, if any."""

    tenant: Tenant
    credential_id: str
    dialect: str
    read_only: bool
    subject: str | None = None
    guard: Guard | None = None
    """What holds against mass deprovisioning in the tenant."""
    grants: frozenset[str] | None = None
    """The roles, as they compare, that it may give; None for any."""


@dataclass(frozen=True, slots=True)
class _Cached:
    credential: Credential
    client: Client
    loaded: datetime


class Authenticator:
    """Turns Authorization headers into clients. One for each process, for all of its threads."""

    def __init__(self, tenancy: Tenancy, clock: Clock, uses: LastUses | None = None) -> None:
        self._tenancy = tenancy
        self._clock = clock
        self._uses = uses or LastUses(tenancy)
        self._cache: dict[str, _Cached] = {}
        self._lock = Lock()

    def authenticate(self, authorization: str | None, query_token: bool) -> Client:
        """The client behind the header; `query_token` says whether the URL has an `access_token`.

        Raises errors.Unauthorized, or errors.BadRequest where a token came twice, each with its WWW-Authenticate.
        """
        if query_token:
            raise challenges.two_transports() if authorization else challenges.token_in_url()
        if not authorization:
            raise challenges.token_needed()
        now = self._clock()
        cached = self._known(digest(_token(authorization)), now)
        _check(cached.credential, now)
        self._uses.note(cached.credential.id, now)
        return cached.client

    def close(self) -> None:
        """Write what is left of the last uses; the process ends."""
        self._uses.close()

    def _known(self, key: str, now: datetime) -> _Cached:
        cached = self._cache.get(key)
        # A clock that was set back must not keep an entry alive.
        if cached and timedelta(0) <= now - cached.loaded < timedelta(seconds=CACHE_SECONDS):
            return cached
        credential = self._tenancy.credential(key)
        if credential is None:
            self._forget(key)
            raise challenges.bad_token("The token is not known.")
        return self._keep(key, _Cached(credential, _client(credential), now))

    def _keep(self, key: str, cached: _Cached) -> _Cached:
        with self._lock:
            self._cache.pop(key, None)
            while len(self._cache) >= CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
            self._cache[key] = cached
        return cached

    def _forget(self, key: str) -> None:
        with self._lock:
            self._cache.pop(key, None)


def authorize(client: Client, method: str, path: str) -> None:
    """Let a read-only credential send what writes nothing itself: GET, HEAD, OPTIONS, and POST to .search and to Bulk
    (R-AUTH-01, R-AUTH-07).

    Each operation of a bulk request is judged by its own method and path (R-BULK-20).

    Raises errors.Forbidden with an insufficient_scope challenge.
    """
    if not client.read_only or method in READING:
        return
    if method == "POST" and path.rpartition("/")[2] in _WRITES_NOTHING_ITSELF:
        return
    raise challenges.may_not_write()


def _token(authorization: str) -> str:
    bearer = _BEARER.fullmatch(authorization.strip())
    if bearer is None:
        raise challenges.token_needed()
    token = bearer["token"] or ""
    if not _TOKEN.fullmatch(token):
        raise challenges.bad_token("The token is malformed.")
    return token


def _check(credential: Credential, now: datetime) -> None:
    if credential.revoked is not None:
        raise challenges.bad_token("The token has been revoked.")
    if credential.expires is not None and now >= credential.expires:
        raise challenges.bad_token("The token has expired.")


def _client(credential: Credential) -> Client:
    tenant = credential.tenant
    return Client(
        tenant,
        credential.id,
        credential.dialect,
        credential.read_only,
        credential.subject,
        guard=tenant.guard,
        grants=credential.grants,
    )
