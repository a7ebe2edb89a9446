"""What is known of a request once it is answered; the log and the metrics read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of a request once it is answered.

    `route` is the template (`/scim/v2/Users/<id:id>`), never the path; `resource_type` a name from the registry;
    `client` a credential's id; `tolerances` what `Leniency.used` counted; `operations` how many a bulk request had;
    `stopped` how many departures the guard against mass deprovisioning stopped.
    What is not known stays None: a refused caller has no tenant.
    """

    request_id: str
    method: str
    status: int
    seconds: float
    route: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    scim_type: str | None = None
    tenant: str | None = None
    client: str | None = None
    dialect: str | None = None
    operations: int | None = None
    tolerances: Mapping[str, int] = field(default_factory=dict)
    is_dry_run: bool = False
    stopped: int = 0

    @property
    def known_method(self) -> str:
        """The method, or `other` for one that a client invented."""
        return self.method if self.method in _METHODS else "other"
