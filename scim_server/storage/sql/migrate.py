"""Bringing the tables up to date, safe when several processes start at once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from scim_server.storage.sql.connections import Connections

SCRIPTS = Path(__file__).parent / "migrations"

_LOCK = 0x5C1_4D16_7A7E
"""PostgreSQL advisory lock: any number that other programs on the same database do not use."""


def migrate(connections: Connections) -> None:
    """Run the steps that the database has not seen, in one transaction: all of them or none.

    A second process waits for the first and finds nothing left to do.
    """
    if connections.dialect_name == "sqlite":
        # The mode stays with the file; it cannot be changed inside a transaction.
        connections.read(lambda connection: connection.exec_driver_sql("PRAGMA journal_mode = WAL").scalar())
    connections.write(_upgrade)


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    command.upgrade(configuration(connection), "head")


def configuration(connection: Connection) -> Config:
    """Alembic's configuration, without a file."""
    config = _scripts()
    config.attributes["connection"] = connection
    return config


def revision(connection: Connection) -> str | None:
    """The last step that the database has seen; None where it has seen none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(_REVISION).scalar()
    return found


@cache
def head() -> str | None:
    """The last step that there is."""
    return ScriptDirectory.from_config(_scripts()).get_current_head()


_REVISION = text("SELECT version_num FROM alembic_version")


def _scripts() -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    return config
