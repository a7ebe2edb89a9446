"""Counts of the tolerances that clients needed, and the keys that all workers share."""

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


def _text(name: str) -> sa.Column[Any]:
    return sa.Column(name, CODE_POINTS, nullable=False)
