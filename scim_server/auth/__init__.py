"""Who is calling: opaque bearer tokens, and what their credential allows."""

from scim_server.auth.authenticator import READING, Authenticator, Client, authorize
from scim_server.auth.credentials import Terms, grant
from scim_server.auth.tokens import PREFIX, Secret, digest, issue

__all__ = ["PREFIX", "READING", "Authenticator", "Client", "Secret", "Terms", "authorize", "digest", "grant", "issue"]
