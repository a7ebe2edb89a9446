"""What the server asks of a database, and what a database promises.

Two protocols, each a few verbs: `Storage` keeps resources, `Tenancy` keeps tenants and credentials. The promises
stand in the docstrings; each is a test that every engine passes. Every verb takes the tenant, and nothing of
another tenant can come back.

Values cross this border in finished form: documents and comparison forms are JSON text that the service made with
`domain`; storage parses neither. Keys are comparison keys (`domain.compare`): equal means equal, and text orders by
code point.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

from scim_server.domain.filter import BoundFilter
from scim_server.domain.guard import Guard
from scim_server.domain.query import CursorPage, Position, Query
from scim_server.domain.registry import Variation
from scim_server.domain.resource import Meta
from scim_server.domain.rows import Element, RowsChange
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.errors import Uniqueness
from scim_server.storage.ledgers import Ledgers

T = TypeVar("T")

Expand = frozenset[str]
"""Keys of attributes kept as rows, and of derived ones, to bring along; what is not named costs nothing."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One element of a derived attribute: the resource that names this one, that one's label, and how many steps away
    it is: more than 1 where nesting is followed (`domain.schema.Inverse`).
    """

    id: str
    label: str | None
    level: int = 1


Derived: TypeAlias = Sequence[Reference] | Sequence[str] | int | bool
"""The value of a derived attribute: of an Inverse references by id; of Noted the texts in their order, or a boolean; of
Depth and TakenSeats an integer, and of Absence a boolean (`domain.schema`).
"""


@dataclass(frozen=True, slots=True)
class Record:
    """A resource as the database has it.

    `document` is the JSON object that is sent by default, without meta, rows and derived values; `hidden` the JSON
    object of values that are not sent by default (returned request or never), or None. `stamp` is that of the
    registry that wrote it. `rows` has, for each attribute asked for, a JSON array of the elements as they were
    sent, oldest first; one with more rows than were asked for is not in it. Both are by the keys of attributes.
    """

    resource_type: str
    id: str
    meta: Meta
    stamp: str
    document: str
    hidden: str | None = None
    rows: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, Derived] = field(default_factory=dict)


Pieces = Callable[[Attribute], Iterator[Sequence[str]]]
"""The elements of an attribute kept as rows, as JSON texts, oldest first, a bounded number at a time."""


@dataclass(frozen=True, slots=True)
class FoundElements:
    """One page of the elements of an attribute kept as rows: their JSON texts in the order of their ids.

    `total` is exact over all pages, `last` the id of the last one, None on an empty page.
    """

    total: int
    elements: Sequence[str]
    last: str | None
    has_next: bool


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """A large change of rows, prepared before its transaction: `steps` is what it amounts to for the rows that there
    were at the membership `version`.
    """

    change: RowsChange
    version: int
    steps: Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One row that a resource can be found by: (path, key of the value)."""

    path: str
    key: str


@dataclass(frozen=True, slots=True)
class Entries:
    """All look-up rows of a resource."""

    unique: frozenset[Entry]
    indexed: frozenset[Entry]


@dataclass(frozen=True, slots=True)
class Draft:
    """A resource ready to be written. `comparison` is JSON text: what SQL reads; `unique` and `indexed` its look-up
    rows.

    A unique path holds one entry or several; (type, path, key) belongs to one resource of the tenant.
    """

    id: str
    stamp: str
    document: str
    hidden: str | None
    comparison: str
    label: str | None
    unique: frozenset[Entry]
    indexed: frozenset[Entry]

    @property
    def entries(self) -> Entries:
        return Entries(self.unique, self.indexed)


@dataclass(frozen=True, slots=True)
class Creation:
    """A new resource with the elements of its attributes that are kept as rows, by attribute's name and id."""

    resource_type: ResourceType
    draft: Draft
    rows: Mapping[str, Mapping[str, Element]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Edges:
    """Where a page by cursor begins and ends, and whether resources lie before and behind it."""

    first: Position
    last: Position
    has_previous: bool
    has_next: bool


@dataclass(frozen=True, slots=True)
class Found:
    """One page: the exact number of matches over all pages, and the records of this one.

    `edges` is None for a page by index, and for one without records.
    """

    total: int
    records: Sequence[Record]
    edges: Edges | None = None


class Claims(Protocol):
    """Which unique entries are taken: by resources that are there, and by creations that were given theirs."""

    def take(self, creations: Sequence[Creation]) -> Sequence[Uniqueness | None]:
        """Give all of the creations their entries, or none of them where any is refused: for each of them the refusal,
        or None, as if one had been stored after the other.
        """

    def give_back(self, creations: Sequence[Creation]) -> None:
        """The entries that these were given are free again."""


class Transaction(Ledgers, Protocol):
    """One write transaction. What it did is there after the commit, or nothing of it is.

    Order of calls in one transaction, so that no two of them wait for each other: `lock` or `lock_to_delete`, then
    rows, then `touch`; for several resources `lock_all` before all that. Of the ledgers seats come before numbers, and
    departures last.
    """

    def lock(self, resource_type: ResourceType, id: str, expand: Expand) -> Record | None:
        """The resource, held until the end: other writers of it wait.

        None where the tenant has no such resource of that type.
        """

    def lock_membership(self, resource_type: ResourceType, id: str) -> int:
        """The membership version, held until the end; for a write that is conditional on it."""

    def lock_to_delete(self, resource_type: ResourceType, id: str) -> Record | None:
        """As `lock`, without anything to bring along; all those whose rows name the resource are held with it, in the
        order of `lock_all`.
        """

    def lock_all(self, changed: Collection[str], deleted: Collection[str]) -> None:
        """Hold, before anything is written, all resources of these ids that there are, and those whose rows name what
        will be deleted: for a transaction that changes several, a deletion among them, so that two of them, whatever
        the order in which they go through theirs, wait one for the other and not in a circle. One statement, however
        many they are.
        """

    def hold_stock(self) -> None:
        """Before several resources take and give back seats and numbers, in an order of their own: whoever else does so
        is waited for, and nobody where the tenant has no pools and no ranges. After `lock_all`.
        """

    def insert(self, creation: Creation, now: str) -> Meta:
        """Store a new resource with its rows at version 1.

        Raises errors.Uniqueness where a unique entry is taken, naming the attribute.
        """

    def claims(self, creations: Sequence[Creation]) -> Claims:
        """Which of the creations' unique entries are taken, read in one statement."""

    def insert_all(self, creations: Sequence[Creation], now: str) -> Sequence[Meta]:
        """Store new resources with their rows, in a number of statements that does not depend on how many they are.

        `claims` has given each its unique entries. Where another transaction has taken one since, this one is run
        again.
        """

    def attempt(self, work: Callable[[], T]) -> T:
        """Run `work`; where it raises, what it did is undone, what was done before stays, and the exception goes on.

        What was refused for a reason that lies in concurrency alone ends the whole transaction, as outside.
        """

    def update(self, resource_type: ResourceType, before: Entries | None, after: Draft, now: str) -> int:
        """Store new content of a locked resource and move its version, which is returned.

        Entries change by the difference to `before`. None where another registry wrote the resource, so that nobody
        knows which it has: all of them go, and those of `after` come.

        Raises errors.Uniqueness as `insert` does; the resource's own entries are no conflict.
        """

    def change_rows(
        self, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange | PreparedRows
    ) -> bool:
        """Apply the change in a number of statements that does not depend on its size; whether any row came, went or
        changed. What was prepared for another membership version is applied as if it had not been prepared.
        """

    def touch(self, resource_type: ResourceType, id: str, now: str) -> int:
        """Move the membership version and its time; the new version."""

    def count_rows(self, resource_type: ResourceType, id: str, attribute: Attribute, limit: int) -> int:
        """The number of rows, counted no further than `limit`."""

    def missing(self, ids: Sequence[str]) -> Sequence[str]:
        """Those of the ids that no resource of the tenant has, in their order."""

    def delete(self, resource_type: ResourceType, id: str, now: str) -> None:
        """Remove a locked resource, its entries, its rows, its notes, and the rows of others that name it, whose
        owners' membership versions move.
        """

    def read(self, resource_type: ResourceType, id: str, expand: Expand, most_rows: int | None = None) -> Record | None:
        """As `Storage.read`, inside the transaction."""

    def search(self, query: Query, expand: Expand) -> Found:
        """As `Storage.search`, inside the transaction: it finds what that has written. No time limit ends it."""


class Storage(Protocol):
    """Where resources are kept."""

    def read(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, most_rows: int | None = None
    ) -> Record | None:
        """The resource, or None. One statement, no transaction; rows and versions are of one moment.

        Attributes with more than `most_rows` rows are left out, at the cost of as many.
        """

    def stream(
        self, tenant: int, resource_type: ResourceType, id: str, expand: Expand, take: Callable[[Record, Pieces], T]
    ) -> T | None:
        """What `take` makes of the resource and of its rows, which come in pieces; None where there is no such one.

        All of it is of one moment, however many rows there are and whoever writes meanwhile, and no more than a piece
        is in memory at a time. `take` may be called a second time, from the start, where the connection broke.
        """

    def elements(
        self,
        tenant: int,
        resource_type: ResourceType,
        id: str,
        attribute: Attribute,
        condition: BoundFilter | None,
        page: CursorPage,
    ) -> FoundElements | None:
        """A page of the elements that a filter (leaves: ElementTests) holds for, forward from the id of `page.start`;
        None where there is no such resource.

        Pages miss no element that was there from the first page to the last, and repeat none, whatever else comes
        and goes meanwhile. Raises errors.TooMany where the statement time limit ends it.
        """

    def prepare(
        self, tenant: int, resource_type: ResourceType, id: str, attribute: Attribute, change: RowsChange
    ) -> PreparedRows:
        """Find out, and put in the form of the statements, what a change amounts to for the rows that there are now,
        so that a transaction has less to do. For a change that clears, and for one of a resource that is not there
        yet; worth it for a large one.
        """

    def search(self, tenant: int, query: Query, expand: Expand) -> Found:
        """One page, answered by the database alone. Same meaning as `domain.match`, order as `domain.query.Query`
        says, on every engine.

        Pages by cursor miss no resource that was there, with the same sort keys, from the first page to the last, and
        repeat none, whatever else comes and goes meanwhile.

        A page with `count` 0 reads no resource. Raises errors.TooMany where the statement time limit ends it,
        errors.InvalidCursor where the keys of a start are none that this query sorts by.
        """

    def write(self, tenant: int, work: Callable[[Transaction], T]) -> T:
        """Run `work` in one transaction and commit. It is run again, from the start, where the engine refused the
        transaction for a reason that lies in concurrency alone (deadlock, serialization, a locked file), a bounded
        number of times; then errors.Unavailable. An exception of `work` rolls back and is raised. So `work` must
        have no effect outside the transaction.
        """

    def readiness(self, stamp: str) -> str | None:
        """None where the database answers, has the tables of this program, and holds comparison forms of this stamp;
        else a sentence that says what is missing.
        """


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A resource without the unique entry for `path` that it should have: `holder` has the same value."""

    tenant: int
    resource_type: str
    id: str
    path: str
    holder: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild is: resources done, how many there were to do, and what was found since the last one."""

    done: int
    total: int
    duplicates: Sequence[Duplicate]


@dataclass(frozen=True, slots=True)
class Tenant:
    """A customer.

    `settings` is a JSON object. In it, `not_unique` lists attributes that need not be unique in this tenant,
    `indirect_groups` says whether derived attributes follow nesting, and `guard` is what `domain.guard.Guard.of` reads.
    """

    id: int
    name: str
    profile: str
    settings: Mapping[str, Any]
    has_pools: bool = False
    """Whether there are licence pools, when it was read."""

    @property
    def variation(self) -> Variation:
        """What the settings make different in the registry."""
        not_unique = frozenset(self.settings.get("not_unique", ()))
        return Variation(not_unique, self.settings.get("indirect_groups") is True, self.has_pools)

    @property
    def guard(self) -> Guard | None:
        """What holds against mass deprovisioning; None where nothing does."""
        return Guard.of(self.name, self.settings.get("guard", {}))


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential without its secret.

    Times are aware datetimes in UTC; `subject` is the id of the user it is bound to, if any.
    """

    id: str
    tenant: Tenant
    dialect: str
    read_only: bool
    created: datetime
    expires: datetime | None = None
    revoked: datetime | None = None
    last_used: datetime | None = None
    subject: str | None = None
    grants: frozenset[str] | None = None
    """The roles, as they compare, that its requests may give; None for any."""


@dataclass(frozen=True, slots=True, order=True)
class ToleranceUse:
    """A tolerance that a request of a tenant in a dialect needed."""

    tenant: int
    dialect: str
    name: str


@dataclass(frozen=True, slots=True)
class ToleranceCount:
    """How often a tolerance was needed, and when last, to the precision of the batches that are written."""

    dialect: str
    name: str
    count: int
    last_used: datetime


class Tenancy(Protocol):
    """Where tenants and credentials are kept."""

    def tenants(self) -> Sequence[Tenant]:
        """All tenants by name."""

    def tenant(self, name: str) -> Tenant | None:
        """The tenant of exactly that name, or None."""

    def tenant_without(self, profiles: Collection[str]) -> Tenant | None:
        """The first tenant, by name, whose profile is none of these, or None."""

    def add_tenant(self, name: str, profile: str, settings: Mapping[str, Any]) -> Tenant:
        """A new tenant. Raises errors.Uniqueness where the name is taken. Ids are never given out twice."""

    def change_tenant(self, tenant: int, settings: Mapping[str, Any]) -> None:
        """Set these of a tenant's settings, or take away those that are None; the others stay."""

    def remove_tenant(self, tenant: int) -> None:
        """Remove a tenant with everything that it has."""

    def add_credential(self, tenant: int, digest: str, credential: Credential) -> None:
        """Keep a credential under the SHA-256 (hexadecimal) of its secret; the secret itself is never given to
        storage.
        """

    def credential(self, digest: str) -> Credential | None:
        """The credential whose secret has that digest, whatever its state, or None."""

    def credentials(self, tenant: int) -> Sequence[Credential]:
        """A tenant's credentials, oldest first, revoked and expired ones included."""

    def revoke(self, tenant: int, id: str, now: datetime) -> bool:
        """Revoke; whether there was such a credential that was not revoked yet."""

    def key(self, name: str, new: bytes) -> bytes:
        """The server's secret key of that name, the same for every process; `new` where there was none yet.

        Raises RuntimeError rather than return one that is shorter than `new`.
        """

    def record_tolerances(self, uses: Mapping[ToleranceUse, int], now: datetime) -> None:
        """Add to the counts of tolerances, in one statement."""

    def tolerances(self, tenant: int) -> Sequence[ToleranceCount]:
        """What a tenant's clients were forgiven so far, by dialect and name."""

    def record_use(self, uses: Mapping[str, datetime]) -> None:
        """Set the last use of credentials (id -> time), in one statement, never back in time."""
