"""The storage protocol on SQLite and PostgreSQL, with SQLAlchemy Core."""
