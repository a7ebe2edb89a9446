"""The operator's side of licences: pools are made, changed, listed and removed, each in one transaction.

A pool is a row with its seats, and the resource that shows it to clients. The id of that resource is the pool's key as
it compares, so that a client may write the id of what it has read as the key that a user holds (OKTA-53).

The first pool of a key counts who holds it already, exactly, whoever writes meanwhile (`storage.ledgers.Seats.hold`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from scim_server.domain import compare
from scim_server.domain.filter import BoundOr, Operator, Test
from scim_server.domain.registry import Registry
from scim_server.domain.resource import Attributes
from scim_server.domain.rules import Verb, Write
from scim_server.domain.schema import PoolForm, ResourceType
from scim_server.errors import Conflict, InvalidValue, NotFound, Uniqueness, Unsupported
from scim_server.profiles.decisions import TypeRules
from scim_server.profiles.licences import Licences
from scim_server.service.drafts import attributes_of, draft, entries
from scim_server.service.holders import holders
from scim_server.storage.base import Creation, Record, Storage, Transaction
from scim_server.storage.ledgers import Pool

MOST_SEATS: Final = 1_000_000

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,254}")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pool stands. `key` is as the operator wrote it; `waiting` are those who hold it without a seat."""

    key: str
    display: str
    seats: int
    used: int
    waiting: int

    @property
    def free(self) -> int:
        return max(self.seats - self.used, 0)


class Pools:
    """The pools of one tenant. `registry` is that of a tenant that has some; `forms` are all resource types that show
    pools in any profile.
    """

    def __init__(
        self,
        storage: Storage,
        tenant: int,
        registry: Registry,
        forms: Sequence[ResourceType],
        clock: Callable[[], datetime],
    ) -> None:
        self._storage = storage
        self._tenant = tenant
        self._registry = registry
        self._forms = forms
        self._clock = clock

    def set(self, key: str, seats: int, display: str | None = None, kind: str | None = None) -> Standing:
        """Make a pool, or change it. Without a display or a kind it keeps the one that it has; a new one is called as
        its key, and its kind is the name of the resource type that shows it.

        Raises InvalidValue, and Unsupported where the profile has nobody take seats.
        """
        stock = _Stock.of(self._registry)
        wanted = _Wanted(key, seats, display, kind)
        _check(wanted)
        id = stock.id_of(key)
        now = self._now()

        def work(transaction: Transaction) -> Standing:
            held = self._held(transaction, stock, id)
            pool = transaction.seats.set_pool(Pool(id, id, wanted.seats, 0), held, stock.licences.pending, now)
            self._remove_other_forms(transaction, stock.form, id, now)
            self._show(transaction, stock, id, wanted, now)
            return self._standing(transaction, stock, pool)

        return self._storage.write(self._tenant, work)

    def all(self) -> Sequence[Standing]:
        """All pools, by key. Raises Unsupported."""
        stock = _Stock.of(self._registry)

        def work(transaction: Transaction) -> Sequence[Standing]:
            return [self._standing(transaction, stock, pool) for pool in transaction.seats.pools()]

        return self._storage.write(self._tenant, work)

    def remove_unused(self, key: str) -> None:
        """Remove a pool that nobody has a seat of. Raises NotFound, Conflict, Unsupported."""

        def check(used: int) -> None:
            if used:
                raise Conflict(f"The pool {key} is in use: {used} of its seats are taken.")

        self._remove(key, check)

    def remove(self, key: str) -> None:
        """Remove a pool. Who had a seat keeps the key as a plain value. Raises NotFound, Unsupported."""
        self._remove(key, lambda used: None)

    def _remove(self, key: str, check: Callable[[int], None]) -> None:
        stock = _Stock.of(self._registry)
        id = stock.id_of(key)
        now = self._now()

        def work(transaction: Transaction) -> None:
            # Whoever changes the pool at this moment, and counts nobody since it is there, is waited for.
            transaction.seats.hold()
            if transaction.seats.pool(id) is None:
                raise NotFound(f"There is no pool {key}; `scim-server licence list` shows those that there are.")
            check(transaction.seats.remove_pool(id, stock.licences.pending))
            self._remove_other_forms(transaction, None, id, now)

        self._storage.write(self._tenant, work)

    def _held(self, transaction: Transaction, stock: _Stock, id: str) -> Sequence[str]:
        """Who holds the key of a pool that is new; nobody where it is there, since they were counted then."""
        transaction.seats.hold()
        if transaction.seats.pool(id) is not None:
            return ()
        condition = BoundOr(tuple(Test(target.path, Operator.EQ, id) for target in stock.licences.held.targets))
        found = holders(transaction, self._registry, stock.owner, condition)
        return [holder for holder, attributes in found if stock.takes_seat(attributes, id)]

    def _remove_other_forms(self, transaction: Transaction, form: ResourceType | None, id: str, now: str) -> None:
        """Take away what showed the pool while the profile said something else."""
        for other in self._forms:
            if form is not None and other.name == form.name:
                continue
            if transaction.lock_to_delete(other, id) is not None:
                transaction.delete(other, id, now)

    def _show(self, transaction: Transaction, stock: _Stock, id: str, wanted: _Wanted, now: str) -> None:
        record = transaction.lock(stock.form, id, frozenset())
        before = self._attributes(record, stock.form)
        after = stock.shown(wanted, before)
        new = draft(self._registry, stock.form, id, after)
        if record is None:
            if id not in transaction.missing([id]):
                raise Uniqueness(f"Another resource has the id {id!r}; choose another key.")
            transaction.insert(Creation(stock.form, new), now)
        elif before != after:
            old = entries(stock.form, before) if record.stamp == self._registry.stamp else None
            transaction.update(stock.form, old, new, now)

    def _standing(self, transaction: Transaction, stock: _Stock, pool: Pool) -> Standing:
        shown = self._attributes(transaction.read(stock.form, pool.resource, frozenset()), stock.form)
        waiting = transaction.notes.count(stock.licences.pending, pool.key) if stock.licences.pending else 0
        key, display = (shown.get(name or "") for name in (stock.parts.key, stock.parts.display))
        return Standing(key or pool.key, display or pool.key, pool.seats, pool.used, waiting)

    def _attributes(self, record: Record | None, form: ResourceType) -> Attributes:
        return {} if record is None else attributes_of(record, self._registry, form)

    def _now(self) -> str:
        return compare.from_datetime(self._clock())


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the operator says of a pool."""

    key: str
    seats: int
    display: str | None
    kind: str | None


@dataclass(frozen=True, slots=True)
class _Stock:
    """What a profile says of licences: whose resources hold keys, and as what the pools are shown."""

    owner: ResourceType
    licences: Licences
    form: ResourceType
    parts: PoolForm

    @staticmethod
    def of(registry: Registry) -> _Stock:
        """Raises Unsupported where the profile says nothing of one of them."""
        owned = next(_licensed(registry), None)
        if owned is None:
            raise Unsupported("The tenant's profile has no licences: nobody would take a seat.")
        for form in registry.resource_types:
            if form.pools is not None:
                return _Stock(*owned, form, form.pools)
        raise Unsupported("No extension has a resource type that shows licence pools.")

    def id_of(self, key: str) -> str:
        """The key as it compares."""
        return str(compare.key(self.licences.held.targets[0].leaf, key))

    def takes_seat(self, attributes: Attributes, id: str) -> bool:
        change = self.licences.change(Write(Verb.CREATE, {}, attributes, ()))
        return change is not None and any(wish.key == id for wish in change.take)

    def shown(self, wanted: _Wanted, before: Attributes) -> Attributes:
        """The attributes of the resource that shows the pool."""
        parts = self.parts
        values = {
            parts.key: wanted.key,
            parts.display: wanted.display or before.get(parts.display or "") or wanted.key,
            parts.type: wanted.kind or before.get(parts.type or "") or self.form.name,
            parts.seats: wanted.seats,
        }
        return {**before, **{name: value for name, value in values.items() if name is not None}}


def _licensed(registry: Registry) -> Iterator[tuple[ResourceType, Licences]]:
    for resource_type in registry.resource_types:
        rules = resource_type.rules
        if isinstance(rules, TypeRules) and rules.licences is not None:
            yield resource_type, rules.licences


def _check(wanted: _Wanted) -> None:
    if not _KEY.fullmatch(wanted.key):
        rule = "up to 255 letters, digits, dots, hyphens, _ and ~, the first a letter or digit"
        raise InvalidValue(f"{wanted.key!r} is no key for a pool: {rule}.")
    if not 0 <= wanted.seats <= MOST_SEATS:
        raise InvalidValue(f"A pool has 0 to {MOST_SEATS} seats, not {wanted.seats}.")
