"""The storage protocol on SQLite and PostgreSQL, with SQLAlchemy Core."""

from scim_server.storage.sql.access import Synchronous as Synchronous
from scim_server.storage.sql.database import Database as Database
from scim_server.storage.sql.database import open_database as open_database
