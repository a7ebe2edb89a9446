"""Answers: one media type, the headers of a representation, one shape of error (RFC 7644 sections 3.1, 3.12, 3.14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from wsgiref.types import WSGIEnvironment

import orjson
from flask import Response
from werkzeug.datastructures import Headers

from scim_server.domain.schema import Json
from scim_server.errors import ScimError
from scim_server.service.representation import Representation
from scim_server.service.spool import Spool

MEDIA_TYPE: Final = "application/scim+json"
"""Exactly this, without parameters: a Microsoft validator stops at anything else."""

_ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class Answer(Response):
    """A response that has no media type unless it has a body, and whose headers are finished when it is made."""

    default_mimetype = None

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers as they stand. The framework would copy them and parse every URL among them."""
        return self.headers


def json(body: bytes, status: int = 200) -> Answer:
    """A message, or resources that have no version of their own."""
    return Answer(body, status, content_type=MEDIA_TYPE)


def document(body: bytes, location: str) -> Answer:
    """One resource without a version (RFC 7643 section 3.1: Content-Location equals meta.location)."""
    return Answer(body, 200, {"Content-Location": location}, content_type=MEDIA_TYPE)


def representation(found: Representation) -> Answer:
    """200 with the resource, or 204 where the use case says that it is not sent."""
    if found.body is None:
        return Answer(status=204, headers={"ETag": found.etag, "Location": found.location})
    headers = {"ETag": found.etag, "Content-Location": found.location}
    return _shown(found.body, 200, headers)


def created(new: Representation) -> Answer:
    """201; `Location` is where the resource is from now on (R-POST-02)."""
    headers = {"ETag": new.etag, "Location": new.location, "Content-Location": new.location}
    return _shown(new.body, 201, headers)


def _shown(body: bytes | Spool | None, status: int, headers: dict[str, str]) -> Answer:
    """What is spooled is sent in chunks, of a length that is known."""
    if isinstance(body, Spool):
        headers["Content-Length"] = str(len(body))
    return Answer(body, status, headers, content_type=MEDIA_TYPE)


def not_modified(found: Representation) -> Answer:
    """304: the client has this version (R-ETAG-05)."""
    return Answer(status=304, headers={"ETag": found.etag, "Content-Location": found.location})


def deleted() -> Answer:
    """204 without a body (R-DEL-01)."""
    return Answer(status=204)


def failure(error: ScimError) -> Answer:
    """The Error message of a failure."""
    return error_message(error.status, error.detail, error.scim_type, error.headers)


def error_message(
    status: int, detail: str, scim_type: str | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """The answer that is an Error message."""
    message = error_body(status, detail, scim_type)
    return Answer(orjson.dumps(message), status, dict(headers or {}), content_type=MEDIA_TYPE)


def error_body(status: int, detail: str, scim_type: str | None = None) -> dict[str, Json]:
    """An Error message; `status` is a string in it (R-ERR-01)."""
    message: dict[str, Json] = {"schemas": [_ERROR], "status": str(status), "detail": detail}
    if scim_type is not None:
        message["scimType"] = scim_type
    return message
