"""What a known client sends, rewritten into what the RFC says; JSON in, JSON out.

One function for each quirk, in three rooms by the shape of what it takes, and one table of who needs it:

    repairs     a value that does not fit its attribute -> a value to try instead
    operations  one operation of a PATCH -> what to run instead
    bodies      the body of a POST or PUT -> what to read instead
    dialects    function or tolerance -> the dialects that have it

To drop a quirk, delete its function, its row in `dialects` and its row in docs/connectors.md.
"""

from scim_server.connectors.dialects import DIALECTS, dialect

__all__ = ["DIALECTS", "dialect"]
