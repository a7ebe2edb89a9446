"""Every way a request can fail, as one tree.

    ScimError                       status, scimType, detail (RFC 7644 section 3.12)
    ├── BadRequest            400
    │   ├── InvalidFilter           invalidFilter
    │   ├── TooMany                 tooMany
    │   ├── InvalidSyntax           invalidSyntax
    │   ├── InvalidPath             invalidPath
    │   ├── NoTarget                noTarget
    │   ├── InvalidValue            invalidValue
    │   ├── InvalidVersion          invalidVers
    │   ├── InvalidCursor           invalidCursor (RFC 9865 section 2.1, as the next two)
    │   ├── ExpiredCursor           expiredCursor
    │   ├── InvalidCount            invalidCount
    │   └── MutabilityViolation     mutability
    ├── Unauthorized          401   carries a WWW-Authenticate challenge
    ├── Forbidden             403
    ├── NotFound              404
    ├── MethodNotAllowed      405   carries the allowed methods
    ├── Conflict              409   a circle of creates of a bulk request that could not be stored as a whole
    ├── Uniqueness            409   uniqueness; carries the attribute and who has the value, where that is known
    ├── Exhausted             409   nothing is left of what the tenant gives out: seats of a pool, numbers
    ├── Resting               409   a number that was given back and is not given out again yet
    ├── PreconditionFailed    412
    ├── PayloadTooLarge       413
    ├── UnsupportedMediaType  415
    ├── FailedDependency      424   an operation of a bulk request that another one's failure took along
    ├── TooManyRequests       429   carries seconds to wait
    │   └── TooManyDepartures       the guard against mass deprovisioning stopped it
    ├── InternalError         500   opaque: an id that stands in the log too
    ├── Unsupported           501
    └── Unavailable           503   carries seconds to wait

A class is a status, a scimType and a default sentence. The core raises, `http` renders once.
The detail is shown to administrators: it never holds a secret, SQL or a traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class ScimError(Exception):
    """A failure that a client is told about; `detail` is a plain sentence."""

    status: ClassVar[int] = 500
    scim_type: ClassVar[str | None] = None
    default: ClassVar[str] = "The request failed."

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        self.detail = detail or self.default
        self.headers: Mapping[str, str] = headers or {}
        super().__init__(self.detail)


class BadRequest(ScimError):
    status = 400
    default = "The request is not valid."


class InvalidFilter(BadRequest):
    scim_type = "invalidFilter"
    default = "The filter is not valid."


class TooMany(BadRequest):
    scim_type = "tooMany"
    default = "The filter yields many more results than the server is willing to calculate."


class InvalidSyntax(BadRequest):
    scim_type = "invalidSyntax"
    default = "The request body is not valid."


class InvalidPath(BadRequest):
    scim_type = "invalidPath"
    default = "The path is not valid."


class NoTarget(BadRequest):
    scim_type = "noTarget"
    default = "The path names nothing that could be changed."


class InvalidValue(BadRequest):
    scim_type = "invalidValue"
    default = "A value is missing or not valid."


class InvalidVersion(BadRequest):
    scim_type = "invalidVers"
    default = "That protocol version is not supported; this server speaks v2."


class InvalidCursor(BadRequest):
    """One sentence for every cursor that does not work, so that it tells nobody why (R-CUR-17)."""

    scim_type = "invalidCursor"
    default = "The cursor is not valid for this request; start again with an empty one."


class ExpiredCursor(BadRequest):
    scim_type = "expiredCursor"
    default = "The cursor has expired; start again with an empty one."


class InvalidCount(BadRequest):
    scim_type = "invalidCount"
    default = "The count is not valid, or not the one that the walk began with."


class MutabilityViolation(BadRequest):
    scim_type = "mutability"
    default = "The attribute cannot be changed."


class Unauthorized(ScimError):
    status = 401
    default = "A valid bearer token is needed."


class Forbidden(ScimError):
    status = 403
    default = "The credential does not allow this."


class NotFound(ScimError):
    status = 404
    default = "There is nothing at this address."


class MethodNotAllowed(ScimError):
    status = 405
    default = "The method is not allowed here."


class Conflict(ScimError):
    status = 409
    default = "An operation that refers to this one, and this one to it, failed."


class Uniqueness(ScimError):
    """`path` is the attribute, `holder` the id of the resource that has the value; None where that is not known."""

    status = 409
    scim_type = "uniqueness"
    default = "Another resource has that value."

    def __init__(self, detail: str | None = None, *, path: str | None = None, holder: str | None = None) -> None:
        super().__init__(detail)
        self.path = path
        self.holder = holder


class Exhausted(ScimError):
    status = 409
    default = "Nothing of it is left."


class Resting(ScimError):
    status = 409
    default = "It is not given out again yet."


class PreconditionFailed(ScimError):
    status = 412
    default = "The resource has changed since the version that was given."


class PayloadTooLarge(ScimError):
    status = 413
    default = "The request body is too large."


class UnsupportedMediaType(ScimError):
    status = 415
    default = "Send application/scim+json or application/json."


class FailedDependency(ScimError):
    status = 424
    default = "The operation was not carried out, since another one failed."


class TooManyRequests(ScimError):
    status = 429
    default = "The server takes no more of these requests now; try again later."


class TooManyDepartures(TooManyRequests):
    """`since` is when the guard stopped somebody first, None where it had not yet."""

    def __init__(self, detail: str, *, since: str | None, headers: Mapping[str, str]) -> None:
        super().__init__(detail, headers=headers)
        self.since = since


class InternalError(ScimError):
    status = 500
    default = "The server failed on this request."


class Unsupported(ScimError):
    status = 501
    default = "The server does not support this."


class Unavailable(ScimError):
    status = 503
    default = "The server is not ready; try again later."
