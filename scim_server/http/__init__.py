"""SCIM over HTTP; the only room that names Flask. A view is: read, call, write."""
