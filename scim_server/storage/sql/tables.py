"""The tables, once for both engines.

`tenant_id` leads every key, so that the tables can be distributed by tenant. Text that is compared or ordered
compares by code point on both engines: BINARY is SQLite's own rule, PostgreSQL is told `COLLATE "C"`. `document`,
`hidden` and `element` are JSON text that is sent as it stands; `comparison` is the form that conditions read, `jsonb`
on PostgreSQL.

    resources         one row for each resource
    unique_values     what belongs to one resource of a type; its primary key is the promise
    attribute_index   what resources are looked up by, without that promise
    relations         the elements of attributes kept as rows; `kind` is "<resource type>.<attribute>"
    membership_state  version and time of what a resource keeps as rows, apart from its document's
    tolerance_uses    how often a tenant's clients needed a tolerance
    server_keys       secret keys that every worker of every host shares
    licence_pools     how many seats a pool has; its row is held where the pool is exhausted or changed
    licence_seats     a row for each seat, made in advance; those beyond the pool's number go when they come free
    number_ranges     what the operator added, for listing
    numbers           a row for each number, made in advance; `free_from` is empty before it is given out first
    notes             texts about resources that derived attributes show
    departures        who was switched off or deleted, and when
    guards            whom the guard against mass deprovisioning stopped, and until when it lets all pass
    outbox            events that the product's own side is to be told of, in the order in which they were written

On PostgreSQL the migration adds `ix_resources_comparison`, a GIN index over the comparison forms: which columns stand
before them there depends on what the database may install, so that it has no place among these definitions.

Foreign keys stand only where their check costs nothing on the way of a request: one on each row of `relations` would
make 100,000 look-ups of one insert, and members may name resources that do not exist.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

metadata = MetaData(naming_convention=NAMES)


def code_points() -> TypeEngine[str]:
    """Text that compares and sorts by code point on both engines."""
    return Text().with_variant(Text(collation="C"), "postgresql")


def json_form() -> TypeEngine[str]:
    """A comparison form: written and read as JSON text, kept as jsonb on PostgreSQL."""
    return Text().with_variant(JSONB(), "postgresql")


tenants = Table(
    "tenants",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", code_points(), nullable=False),
    Column("profile", Text, nullable=False),
    Column("settings", Text, nullable=False),
    UniqueConstraint("name"),
    sqlite_autoincrement=True,
)

credentials = Table(
    "credentials",
    metadata,
    Column("tenant_id", Integer, ForeignKey("tenants.id"), nullable=False),
    Column("id", code_points(), nullable=False),
    Column("digest", code_points(), nullable=False),
    Column("dialect", Text, nullable=False),
    Column("read_only", Boolean, nullable=False),
    Column("created", code_points(), nullable=False),
    Column("expires", code_points()),
    Column("revoked", code_points()),
    Column("last_used", code_points()),
    Column("subject", code_points()),
    Column("grants", Text),
    PrimaryKeyConstraint("tenant_id", "id"),
    UniqueConstraint("digest"),
    Index(None, "id"),
)

resources = Table(
    "resources",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("id", code_points(), nullable=False),
    Column("type", code_points(), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("created", code_points(), nullable=False),
    Column("last_modified", code_points(), nullable=False),
    Column("stamp", code_points(), nullable=False),
    Column("label", code_points()),
    Column("label_key", code_points()),
    Column("document", Text, nullable=False),
    Column("hidden", Text),
    Column("comparison", json_form(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "id"),
    ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    Index(None, "tenant_id", "type", "id"),
)

unique_values = Table(
    "unique_values",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("type", code_points(), nullable=False),
    Column("path", code_points(), nullable=False),
    Column("key", code_points(), nullable=False),
    Column("resource_id", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "type", "path", "key"),
    Index(None, "tenant_id", "resource_id"),
    sqlite_with_rowid=False,
)

attribute_index = Table(
    "attribute_index",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("type", code_points(), nullable=False),
    Column("path", code_points(), nullable=False),
    Column("key", code_points(), nullable=False),
    Column("resource_id", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "type", "path", "key", "resource_id"),
    Index(None, "tenant_id", "resource_id"),
    sqlite_with_rowid=False,
)

relations = Table(
    "relations",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("kind", code_points(), nullable=False),
    Column("owner", code_points(), nullable=False),
    Column("target", code_points(), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("element", Text, nullable=False),
    Column("comparison", json_form()),
    PrimaryKeyConstraint("tenant_id", "kind", "owner", "target"),
    Index(None, "tenant_id", "kind", "target", "owner"),
    sqlite_with_rowid=False,
)

membership_state = Table(
    "membership_state",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("owner", code_points(), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("last_modified", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "owner"),
    sqlite_with_rowid=False,
)

schema_state = Table(
    "schema_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("stamp", code_points(), nullable=False),
)

tolerance_uses = Table(
    "tolerance_uses",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("dialect", code_points(), nullable=False),
    Column("name", code_points(), nullable=False),
    Column("uses", BigInteger, nullable=False),
    Column("last_used", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "dialect", "name"),
    sqlite_with_rowid=False,
)

server_keys = Table(
    "server_keys",
    metadata,
    Column("name", code_points(), nullable=False),
    Column("secret", code_points(), nullable=False),
    PrimaryKeyConstraint("name"),
    sqlite_with_rowid=False,
)

licence_pools = Table(
    "licence_pools",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("key", code_points(), nullable=False),
    Column("resource_id", code_points(), nullable=False),
    Column("seats", Integer, nullable=False),
    PrimaryKeyConstraint("tenant_id", "key"),
    UniqueConstraint("tenant_id", "resource_id"),
    sqlite_with_rowid=False,
)

_FREE = text("holder IS NULL")
_HELD = text("holder IS NOT NULL")
_FREE_AND_KNOWN = text("holder IS NULL AND last_name IS NOT NULL")

licence_seats = Table(
    "licence_seats",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("pool", code_points(), nullable=False),
    Column("number", Integer, nullable=False),
    Column("holder", code_points()),
    PrimaryKeyConstraint("tenant_id", "pool", "number"),
    Index(
        "ix_licence_seats_free",
        *("tenant_id", "pool", "holder", "number"),
        sqlite_where=_FREE,
        postgresql_where=_FREE,
    ),
    Index(
        "uq_licence_seats_holder",
        *("tenant_id", "holder", "pool"),
        unique=True,
        sqlite_where=_HELD,
        postgresql_where=_HELD,
    ),
    sqlite_with_rowid=False,
)

number_ranges = Table(
    "number_ranges",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("first", code_points(), nullable=False),
    Column("last", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "first"),
    sqlite_with_rowid=False,
)

numbers = Table(
    "numbers",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("number", code_points(), nullable=False),
    Column("holder", code_points()),
    Column("free_from", code_points(), nullable=False),
    Column("last_name", code_points()),
    PrimaryKeyConstraint("tenant_id", "number"),
    Index("ix_numbers_free", *("tenant_id", "free_from", "number"), sqlite_where=_FREE, postgresql_where=_FREE),
    Index(
        "ix_numbers_last_name",
        *("tenant_id", "last_name", "free_from", "number"),
        sqlite_where=_FREE_AND_KNOWN,
        postgresql_where=_FREE_AND_KNOWN,
    ),
    Index("ix_numbers_holder", "tenant_id", "holder", sqlite_where=_HELD, postgresql_where=_HELD),
    sqlite_with_rowid=False,
)

notes = Table(
    "notes",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("resource_id", code_points(), nullable=False),
    Column("path", code_points(), nullable=False),
    Column("value", code_points(), nullable=False),
    Column("since", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "resource_id", "path", "value"),
    Index(None, "tenant_id", "path", "value", "since", "resource_id"),
    sqlite_with_rowid=False,
)

departures = Table(
    "departures",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("resource_id", code_points(), nullable=False),
    Column("at", code_points(), nullable=False),
    PrimaryKeyConstraint("tenant_id", "resource_id"),
    Index(None, "tenant_id", "at"),
    sqlite_with_rowid=False,
)

guards = Table(
    "guards",
    metadata,
    Column("tenant_id", Integer, nullable=False),
    Column("stopped", code_points()),
    Column("released", code_points()),
    PrimaryKeyConstraint("tenant_id"),
    sqlite_with_rowid=False,
)

outbox = Table(
    "outbox",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True),
    Column("tenant_id", Integer, nullable=False),
    Column("resource_type", code_points(), nullable=False),
    Column("resource_id", code_points(), nullable=False),
    Column("kind", code_points(), nullable=False),
    Column("content", Text, nullable=False),
    Column("at", code_points(), nullable=False),
    Index(None, "tenant_id", "sequence"),
    sqlite_autoincrement=True,
)
