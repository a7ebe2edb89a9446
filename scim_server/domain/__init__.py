"""What SCIM means. Standard library only; no I/O, no globals, no clock."""
