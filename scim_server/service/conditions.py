"""Conditional requests: If-Match and If-None-Match (RFC 7644 section 3.14, RFC 9110 section 13.1).

Entity tags are compared weakly everywhere: SCIM's own examples send `W/` tags in If-Match, which the strong
comparison of HTTP would never match (R-ETAG-07).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from scim_server.errors import PreconditionFailed

ANY = "*"
_TAG = re.compile(r'(?:W/)?(?:"([^"]*)"|([^\s,"]+))')


@dataclass(frozen=True, slots=True)
class Conditions:
    """The opaque tags of both headers, `*` among them; None for a header that is not there."""

    if_match: frozenset[str] | None = None
    if_none_match: frozenset[str] | None = None

    @staticmethod
    def parse(if_match: str | None, if_none_match: str | None) -> Conditions:
        """Read the headers; a tag without quotes is taken as it stands, since clients send meta.version in many
        forms.
        """
        return Conditions(_tags(if_match), _tags(if_none_match))

    @property
    def guards(self) -> bool:
        """Whether a write depends on the version of the resource."""
        return self.if_match is not None or self.if_none_match is not None

    def is_not_modified(self, etag: str) -> bool:
        """Whether a GET is answered with 304."""
        return self.if_none_match is not None and _is_among(etag, self.if_none_match)

    def check(self, etag: str) -> None:
        """Raises PreconditionFailed where a write must not happen on the version that is there."""
        if self.if_match is not None and not _is_among(etag, self.if_match):
            raise PreconditionFailed()
        if self.is_not_modified(etag):
            raise PreconditionFailed()


NONE = Conditions()


def _tags(header: str | None) -> frozenset[str] | None:
    if header is None:
        return None
    return frozenset(quoted or bare for quoted, bare in _TAG.findall(header))


def _is_among(etag: str, tags: frozenset[str]) -> bool:
    own = _tags(etag) or frozenset()
    return ANY in tags or not own.isdisjoint(tags)
