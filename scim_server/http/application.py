"""The Flask application: routes, failures, and what happens before and after every request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from scim_server.http import address, cors, exchange, failures, health, routes, switches
from scim_server.http.views import Parts, Views
from scim_server.http.write import Answer


class Application(Flask):
    """Flask for plain functions."""

    response_class = Answer

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: none here is a coroutine, and Flask would look at each for every request."""
        return func


def build(parts: Parts) -> Flask:
    """The application over these parts; nothing of it is global."""
    app = Application("scim_server", static_folder=None, template_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False  # `failures` answers OPTIONS, with SCIM's manners
    routes.register(app, Views(parts), parts.catalogue.whole)
    health.register(app, parts.readiness)
    failures.register(app)
    _surround(app, parts)
    app.wsgi_app = _wrapped(app, parts.settings.trusted_proxies)  # type: ignore[method-assign]
    return app


def _surround(app: Flask, parts: Parts) -> None:
    @app.before_request
    def arrive() -> None:
        exchange.begin()

    cors.register(app, parts.settings.cors_origins)  # in between: a browser asks without a credential (ENTRA-95)

    @app.before_request
    def admit() -> None:
        """The credential comes first: without one nobody learns which paths there are."""
        if address.is_scim(request) and request.endpoint not in routes.OPEN:
            exchange.admit(parts.authenticator)
            exchange.note_dry_run(routes.WRITES)

    @app.after_request
    def leave(answer: Response) -> Response:
        answer.headers["Cache-Control"] = "no-store"  # personal data (R-SEC-13)
        answer.headers["X-Request-Id"] = exchange.current().request_id
        if exchange.current().is_dry_run:
            answer.headers[switches.DRY_RUN] = "true"
        exchange.end(answer, parts.catalogue.whole, parts.tolerances)
        return answer


def _wrapped(app: Flask, trusted_proxies: int) -> address.Entrance | ProxyFix:
    entrance = address.Entrance(app.wsgi_app)
    if not trusted_proxies:
        return entrance
    return ProxyFix(entrance, x_for=trusted_proxies, x_proto=trusted_proxies, x_host=trusted_proxies)
