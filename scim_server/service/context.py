"""Whose request a use case works for."""

from __future__ import annotations

from dataclasses import dataclass

from scim_server.domain.dialect import Leniency
from scim_server.domain.registry import Registry


@dataclass(frozen=True, slots=True)
class Context:
    """Whose request it is and how it came: the base URL has no slash at its end."""

    tenant: int
    registry: Registry
    leniency: Leniency
    base_url: str
