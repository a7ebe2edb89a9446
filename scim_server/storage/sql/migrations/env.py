"""Alembic's entry: `migrate` gives the connection, whose transaction holds all steps."""

from alembic import context

from scim_server.storage.sql.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, transaction_per_migration=False
)
context.run_migrations()
