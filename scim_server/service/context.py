"""Whose request a use case works for, and what the write did beside the resource that it named."""

from __future__ import annotations

from dataclasses import dataclass, field

from scim_server.domain.dialect import Leniency
from scim_server.domain.guard import Guard
from scim_server.domain.registry import Registry
from scim_server.service.passwords import NO_PASSWORDS, Passwords


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a write did beside storing a resource: "seat taken" for the pool `value`, "number allocated"."""

    kind: str
    resource: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """Whose request it is and how it came: the base URL has no slash at its end.

    `guard` holds against mass deprovisioning; None where it is off. `grants` has the roles, as they compare, that the
    credential may give; None for any. `effects` are those of the write, as far as it has come; each run of its
    transaction begins anew.
    """

    tenant: int
    registry: Registry
    leniency: Leniency
    base_url: str
    guard: Guard | None = None
    grants: frozenset[str] | None = None
    passwords: Passwords = NO_PASSWORDS
    effects: list[Effect] = field(default_factory=list)
