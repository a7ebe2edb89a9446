"""The rows of several resources beside each other: `storage.ledgers.Memberships` on one connection."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, exists, select

from scim_server.domain import compare
from scim_server.storage.sql.derived import kind_of
from scim_server.storage.sql.ledger import Ledger
from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import attribute_index, relations

_TENANT: Any = bindparam("tenant")
_KIND: Any = bindparam("kind")
_OWNER: Any = bindparam("owner")


class MembershipStatements:
    """The statements of one engine, built once. `move_owners` moves the membership versions of the listed owners."""

    def __init__(self, spelling: Spelling, move_owners: Any) -> None:
        self.move_owners = move_owners
        keys = select(spelling.texts("keys").value)
        found_by = attribute_index.alias("found_by")
        self.below = select(found_by.c.resource_id).where(
            found_by.c.tenant_id == _TENANT,
            found_by.c.type == bindparam("of_type"),
            found_by.c.path == bindparam("path"),
            found_by.c.key.in_(keys),
        )
        mine = and_(relations.c.tenant_id == _TENANT, relations.c.kind == _KIND, relations.c.owner == _OWNER)
        listed = relations.c.target.in_(select(spelling.texts("targets").value))
        self.all_named = select(relations.c.target).where(mine)
        self.named = self.all_named.where(listed)
        others = relations.alias("others")
        inside = exists().where(
            others.c.tenant_id == _TENANT,
            others.c.kind == bindparam("within"),
            others.c.owner == _OWNER,
            others.c.target == relations.c.target,
        )
        self.outside = self.all_named.where(~inside)
        elsewhere = and_(relations.c.tenant_id == _TENANT, relations.c.kind == _KIND, relations.c.owner != _OWNER)
        self.leave = delete(relations).where(elsewhere, listed).returning(relations.c.owner, relations.c.target)


class SqlMemberships(Ledger[MembershipStatements]):
    """`storage.ledgers.Memberships` on one connection."""

    def below(self, resource_type: str, path: str, ids: Collection[str]) -> Sequence[str]:
        keys = json_list([compare.entry_text(compare.exact(id)) for id in ids])
        return self._texts(self._statements.below, of_type=resource_type, path=path, keys=keys)

    def named(self, resource_type: str, owner: str, attribute: str, among: Collection[str] | None) -> Sequence[str]:
        kind = kind_of(resource_type, attribute)
        if among is None:
            return self._texts(self._statements.all_named, kind=kind, owner=owner)
        return self._texts(self._statements.named, kind=kind, owner=owner, targets=json_list(among))

    def outside(self, resource_type: str, owner: str, attribute: str, within: str) -> Sequence[str]:
        kinds = {"kind": kind_of(resource_type, attribute), "within": kind_of(resource_type, within)}
        return self._texts(self._statements.outside, owner=owner, **kinds)

    def leave_others(
        self, resource_type: str, owner: str, attributes: Collection[str], targets: Collection[str], now: str
    ) -> Sequence[str]:
        owners: set[str] = set()
        left: list[set[str]] = []
        for attribute in attributes:
            kind, listed = kind_of(resource_type, attribute), json_list(targets)
            gone = self._run(self._statements.leave, kind=kind, owner=owner, targets=listed).all()
            owners |= {other for other, _ in gone}
            left.append({target for _, target in gone})
        if owners:
            self._run(self._statements.move_owners, owners=json_list(owners), now=now)
        return sorted(left[0]) if left else ()

    def _texts(self, statement: Any, **parameters: Any) -> Sequence[str]:
        found: Sequence[str] = self._run(statement, **parameters).scalars().all()
        return sorted(found)
