"""SCIM over HTTP: the only room that names Flask. A view reads, calls a use case and writes."""
