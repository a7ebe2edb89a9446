"""Making credentials: the secret goes to the one who asks, its digest into the database."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from scim_server.auth.tokens import Secret, digest, issue
from scim_server.storage.base import Credential, Tenancy, Tenant


@dataclass(frozen=True, slots=True)
class Terms:
    """What a credential is made for.

    `expires` is aware and in UTC; None never expires, which R-AUTH-10 advises against. `grants` has the roles, as they
    compare, that may be given with it; None for any.
    """

    dialect: str
    expires: datetime | None
    read_only: bool = False
    subject: str | None = None
    grants: frozenset[str] | None = None


def grant(
    tenancy: Tenancy, tenant: Tenant, terms: Terms, now: datetime, new_id: Callable[[int], str] = secrets.token_hex
) -> Secret:
    """A new token of the tenant on these terms. Nobody can ever show it again."""
    secret = issue()
    credential = Credential(
        id=new_id(8),
        tenant=tenant,
        dialect=terms.dialect,
        read_only=terms.read_only,
        created=now,
        expires=terms.expires,
        subject=terms.subject,
        grants=terms.grants,
    )
    tenancy.add_credential(tenant.id, digest(secret.value), credential)
    return secret
