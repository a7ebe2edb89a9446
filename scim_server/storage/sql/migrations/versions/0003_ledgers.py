"""Licence pools, numbers, notes, departures and the outbox; the roles that a credential may give."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

CODE_POINTS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FREE = sa.text("holder IS NULL")
HELD = sa.text("holder IS NOT NULL")
FREE_AND_KNOWN = sa.text("holder IS NULL AND last_name IS NOT NULL")


def upgrade() -> None:
    op.add_column("credentials", sa.Column("grants", sa.Text))
    _licences()
    _numbers()
    _notes()
    _departures()
    _outbox()


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, CODE_POINTS, nullable=nullable)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


def _table(name: str, *parts: Any, key: tuple[str, ...]) -> None:
    primary = sa.PrimaryKeyConstraint("tenant_id", *key, name=f"pk_{name}")
    op.create_table(name, _number("tenant_id"), *parts, primary, sqlite_with_rowid=False)


def _index(name: str, table: str, *columns: str, where: Any = None, unique: bool = False) -> None:
    op.create_index(name, table, ["tenant_id", *columns], unique=unique, sqlite_where=where, postgresql_where=where)


def _licences() -> None:
    shown = sa.UniqueConstraint("tenant_id", "resource_id", name="uq_licence_pools_tenant_id_resource_id")
    _table("licence_pools", _text("key"), _text("resource_id"), _number("seats"), shown, key=("key",))
    _table("licence_seats", _text("pool"), _number("number"), _text("holder", nullable=True), key=("pool", "number"))
    _index("ix_licence_seats_free", "licence_seats", "pool", "holder", "number", where=FREE)
    _index("uq_licence_seats_holder", "licence_seats", "holder", "pool", where=HELD, unique=True)


def _numbers() -> None:
    _table("number_ranges", _text("first"), _text("last"), key=("first",))
    _table(
        "numbers",
        _text("number"),
        _text("holder", nullable=True),
        _text("free_from"),
        _text("last_name", nullable=True),
        key=("number",),
    )
    _index("ix_numbers_free", "numbers", "free_from", "number", where=FREE)
    _index("ix_numbers_last_name", "numbers", "last_name", "free_from", "number", where=FREE_AND_KNOWN)
    _index("ix_numbers_holder", "numbers", "holder", where=HELD)


def _notes() -> None:
    key = ("resource_id", "path", "value")
    _table("notes", *map(_text, key), _text("since"), key=key)
    _index("ix_notes_tenant_id_path_value_since_resource_id", "notes", "path", "value", "since", "resource_id")


def _departures() -> None:
    _table("departures", _text("resource_id"), _text("at"), key=("resource_id",))
    _index("ix_departures_tenant_id_at", "departures", "at")
    _table("guards", _text("stopped", nullable=True), _text("released", nullable=True), key=())


def _outbox() -> None:
    sequence = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "outbox",
        sa.Column("sequence", sequence, sa.Identity(always=True), primary_key=True),
        _number("tenant_id"),
        *map(_text, ("resource_type", "resource_id", "kind")),
        sa.Column("content", sa.Text, nullable=False),
        _text("at"),
        sa.PrimaryKeyConstraint("sequence", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    _index("ix_outbox_tenant_id_sequence", "outbox", "sequence")
