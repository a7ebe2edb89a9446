"""Counts of the tolerances that clients needed, the keys that all workers share, and times in whole milliseconds."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

CODE_POINTS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "tolerance_uses",
        sa.Column("tenant_id", sa.Integer, nullable=False),
        _text("dialect"),
        _text("name"),
        sa.Column("uses", sa.BigInteger, nullable=False),
        _text("last_used"),
        sa.PrimaryKeyConstraint("tenant_id", "dialect", "name", name="pk_tolerance_uses"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "server_keys",
        _text("name"),
        _text("secret"),
        sa.PrimaryKeyConstraint("name", name="pk_server_keys"),
        sqlite_with_rowid=False,
    )
    _cut_times("resources", "created", "last_modified")
    _cut_times("membership_state", "last_modified")


def _cut_times(table: str, *columns: str) -> None:
    """Times were kept in microseconds and sent in milliseconds, so that no filter found the time that was sent. The
    text is UTC of fixed width: the last of `2026-11-21T21:43:38.123456000Z` that is sent is its 23rd character.
    """
    cut = ", ".join(f"{column} = substr({column}, 1, 23) || '000000Z'" for column in columns)
    longer = " OR ".join(f"substr({column}, 24) <> '000000Z'" for column in columns)
    op.execute(f"UPDATE {table} SET {cut} WHERE {longer}")


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, CODE_POINTS, nullable=False)
