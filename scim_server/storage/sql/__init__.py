"""The storage protocol on SQLite and PostgreSQL, with SQLAlchemy Core."""

from scim_server.storage.sql.database import Database as Database
from scim_server.storage.sql.database import open_database as open_database
from scim_server.storage.sql.engine import Limits as Limits
from scim_server.storage.sql.engine import Synchronous as Synchronous
