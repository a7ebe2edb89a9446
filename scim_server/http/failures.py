"""Every failure is a SCIM Error (R-ERR-07): those of the core, of the framework, and those that nobody expected."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WrongMethod

from scim_server import errors
from scim_server.errors import InternalError, MethodNotAllowed, ScimError, TooManyDepartures
from scim_server.http import write
from scim_server.http.exchange import current
from scim_server.observability import describe, logger, report

# What a client must find on an answer of that status, where the failure itself does not say it.
_HEADERS: Final = {
    401: ("WWW-Authenticate", 'Bearer realm="scim"'),
    429: ("Retry-After", "1"),
    503: ("Retry-After", "5"),
}
_DETAILS: Final = {
    kind.status: kind.default
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ScimError) and kind.scim_type is None
}


def register(app: Flask) -> None:
    """Answer for whatever is raised."""
    app.register_error_handler(ScimError, _on_scim_error)
    app.register_error_handler(HTTPException, _on_http_exception)
    app.register_error_handler(Exception, _on_unexpected)


def _on_scim_error(error: ScimError) -> Response:
    current().scim_type = error.scim_type
    current().stopped += isinstance(error, TooManyDepartures)
    if error.__cause__ is not None and error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger().error("failed", request_id=current().request_id, **describe(error))
    answer = write.failure(error)
    if header := _HEADERS.get(error.status):
        answer.headers.setdefault(*header)
    return answer


def _on_http_exception(error: HTTPException) -> Response:
    """The framework's text is for browsers; ours says the same in a sentence."""
    if isinstance(error, WrongMethod):
        return _on_wrong_method(error)
    status = error.code or 500
    return write.error_message(status, _DETAILS.get(status) or HTTPStatus(status).phrase)


def _on_wrong_method(error: WrongMethod) -> Response:
    """405 with the methods that are allowed; to OPTIONS they are the answer."""
    allowed = ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))
    if request.method == "OPTIONS":
        return write.Answer(status=204, headers={"Allow": allowed})
    return _on_scim_error(MethodNotAllowed(headers={"Allow": allowed}))


def _on_unexpected(error: Exception) -> Response:
    """An opaque 500: what went wrong stands in the log, under the id that the client is shown (R-ERR-05)."""
    error_id = report(error, current().request_id)
    return write.failure(InternalError(f"The server failed on this request; its log has more under {error_id}."))
