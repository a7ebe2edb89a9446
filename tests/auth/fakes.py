"""An in-memory Tenancy and a clock that stands still until it is moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from scim_server.errors import Uniqueness
from scim_server.storage.base import Credential, Tenant, ToleranceCount, ToleranceUse


class FakeClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **time: float) -> None:
        self.now += timedelta(**time)


class FakeTenancy:
    """Keeps the promises of storage.base.Tenancy in dictionaries, and counts the reads of credentials."""

    def __init__(self) -> None:
        self.by_name: dict[str, Tenant] = {}
        self.by_digest: dict[str, Credential] = {}
        self.uses: dict[str, datetime] = {}
        self.reads: Counter[str] = Counter()
        self.keys: dict[str, bytes] = {}
        self.tolerated: Counter[ToleranceUse] = Counter()

    def tenants(self) -> Sequence[Tenant]:
        return [self.by_name[name] for name in sorted(self.by_name)]

    def tenant(self, name: str) -> Tenant | None:
        return self.by_name.get(name)

    def tenant_without(self, profiles: Collection[str]) -> Tenant | None:
        return next((tenant for tenant in self.tenants() if tenant.profile not in profiles), None)

    def add_tenant(self, name: str, profile: str, settings: Mapping[str, Any]) -> Tenant:
        if name in self.by_name:
            raise Uniqueness
        self.by_name[name] = Tenant(len(self.by_name) + 1, name, profile, settings)
        return self.by_name[name]

    def change_tenant(self, tenant: int, settings: Mapping[str, Any]) -> None:
        for name, kept in self.by_name.items():
            if kept.id == tenant:
                merged = {key: value for key, value in {**kept.settings, **settings}.items() if value is not None}
                self.by_name[name] = replace(kept, settings=merged)

    def remove_tenant(self, tenant: int) -> None:
        self.by_name = {name: kept for name, kept in self.by_name.items() if kept.id != tenant}
        self.by_digest = {key: kept for key, kept in self.by_digest.items() if kept.tenant.id != tenant}

    def add_credential(self, tenant: int, digest: str, credential: Credential) -> None:
        self.by_digest[digest] = credential

    def credential(self, digest: str) -> Credential | None:
        self.reads[digest] += 1
        return self.by_digest.get(digest)

    def credentials(self, tenant: int) -> Sequence[Credential]:
        return [kept for kept in self.by_digest.values() if kept.tenant.id == tenant]

    def revoke(self, tenant: int, id: str, now: datetime) -> bool:
        for digest, kept in self.by_digest.items():
            if (kept.tenant.id, kept.id, kept.revoked) == (tenant, id, None):
                self.by_digest[digest] = replace(kept, revoked=now)
                return True
        return False

    def key(self, name: str, new: bytes) -> bytes:
        return self.keys.setdefault(name, new)

    def record_tolerances(self, uses: Mapping[ToleranceUse, int], now: datetime) -> None:
        self.tolerated.update(uses)
        self.tolerated_at = now

    def tolerances(self, tenant: int) -> Sequence[ToleranceCount]:
        return [
            ToleranceCount(use.dialect, use.name, count, self.tolerated_at)
            for use, count in sorted(self.tolerated.items())
            if use.tenant == tenant
        ]

    def record_use(self, uses: Mapping[str, datetime]) -> None:
        self.uses.update(uses)
