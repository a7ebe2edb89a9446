"""The guard against mass deprovisioning: how many resources of one type may leave a tenant within a window of time.

To leave is to be switched off or deleted. A mapping that was changed by mistake, or a directory that answers with an
empty list, makes an identity provider take everybody's access; beyond the limit somebody is to look first.

Resources that were made within the window count neither as leaving nor among those that there are: what a trial run
makes and removes is no directory that disappears.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scim_server.domain.compare import from_datetime
from scim_server.domain.schema import Json

FEWEST: Final = 20
"""A tenant with fewer resources has no percentage, unless it was asked for: of ten, two who leave are an ordinary day.
"""


@dataclass(frozen=True, slots=True)
class Guard:
    """Within `hours` no more than `users` of a tenant leave, nor more than `percent` of those that there were, where
    there were at least `fewest`. `tenant` is the name that the operator knows.
    """

    tenant: str
    users: int = 500
    percent: int = 20
    hours: int = 24
    fewest: int = FEWEST

    @staticmethod
    def of(tenant: str, settings: Mapping[str, Json]) -> Guard | None:
        """The guard that these settings of a tenant ask for; None where it is off.

        Members: `on`, which is true unless it says otherwise, `users`, `percent`, `hours`. Who says that it is on, or
        gives a percentage, means a tenant of any size.
        """
        if settings.get("on") is False:
            return None
        limits = {name: settings[name] for name in ("users", "percent", "hours") if name in settings}
        is_asked_for = "on" in settings or "percent" in settings
        return Guard(tenant, fewest=0 if is_asked_for else FEWEST, **limits)

    def since(self, now: str) -> str:
        """When the window begins that ends now; both as texts of `resource.Meta`."""
        return from_datetime(datetime.fromisoformat(now) - timedelta(hours=self.hours))

    def most(self, there_were: int) -> int:
        """How many of so many may leave: one always may."""
        if there_were < self.fewest:
            return self.users
        return min(self.users, max(1, there_were * self.percent // 100))

    def enough(self, leaving: int) -> int:
        """Where there were so many, it does not matter for these who leave how many more: nobody counts further."""
        return max(self.fewest, -(-leaving * 100 // self.percent))
