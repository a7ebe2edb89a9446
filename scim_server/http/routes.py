"""The routes, as a table: path, methods, view. A path is below a SCIM base, and below an endpoint in the first table.

A known path with another method is 405, an unknown one 404; both are decided before the body is looked at.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import Flask
from werkzeug.routing import BaseConverter

from scim_server.domain.registry import Registry
from scim_server.domain.schema import Returned
from scim_server.http.address import BASES, VERSION
from scim_server.http.views import Views


class Route(NamedTuple):
    """`view` is the name of a method of Views; HEAD comes with GET."""

    path: str
    methods: tuple[str, ...]
    view: str


RESOURCES: Final = (
    Route("", ("GET",), "query"),
    Route("", ("POST",), "create"),
    Route("/.search", ("POST",), "search"),
    Route("/<id:id>", ("GET",), "read"),
    Route("/<id:id>", ("PUT",), "replace"),
    Route("/<id:id>", ("PATCH",), "patch"),
    Route("/<id:id>", ("DELETE",), "delete"),
)

_WRITING: Final = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS")

READ_ONLY_RESOURCES: Final = (
    Route("", ("GET",), "query"),
    Route("", _WRITING, "refuse"),
    Route("/.search", ("POST",), "search"),
    Route("/<id:id>", ("GET",), "read"),
    Route("/<id:id>", _WRITING, "refuse"),
)
"""For what clients do not write. They are told so, and a tenant that does not have it is told that it is not there."""

ELEMENTS: Final = Route("/<id:id>/{attribute}", ("GET",), "elements")
"""For each attribute kept as rows that may be seen (docs/large-groups.md)."""

SERVER: Final = (
    Route("", ("GET",), "query_all"),
    Route("/.search", ("POST",), "search_all"),
    Route("/ServiceProviderConfig", ("GET",), "service_provider_config"),
    # The plural that erratum 4978 is about; old clients ask for it (R-DISC-15).
    Route("/ServiceProviderConfigs", ("GET",), "service_provider_config"),
    Route("/ResourceTypes", ("GET",), "resource_types"),
    Route("/ResourceTypes/<id>", ("GET",), "resource_type"),
    Route("/Schemas", ("GET",), "schemas"),
    Route("/Schemas/<path:urn>", ("GET",), "schema"),
    Route("/Me", ("GET", "POST", "PUT", "PATCH", "DELETE"), "me"),
    Route("/Bulk", ("POST",), "bulk"),
)

VERSIONS: Final = (
    Route("/scim/<version:version>", ("GET", "POST", "PUT", "PATCH", "DELETE"), "other_version"),
    Route("/scim/<version:version>/<path:rest>", ("GET", "POST", "PUT", "PATCH", "DELETE"), "other_version"),
)

OPEN: Final = frozenset({"service_provider_config"})
"""Views that everybody may see: how to authenticate must be readable before (R-DISC-11)."""


WRITES: Final = frozenset({"create", "replace", "patch", "delete", "bulk", "me"})
"""Views that change something, unless the method only reads."""


class _Id(BaseConverter):
    """An id of any shape (OKTA-40) but `.search`; NUL is in none, and PostgreSQL could not look for it."""

    regex = r"(?!\.search\Z)[^/\x00]+"


class _OtherVersion(BaseConverter):
    regex = rf"(?!{VERSION}\Z)v[0-9]+"


def register(app: Flask, views: Views, registry: Registry) -> None:
    """Add every route to the application."""
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.url_map.redirect_defaults = False
    app.url_map.converters |= {"id": _Id, "version": _OtherVersion}
    for base in BASES:
        for route in SERVER:
            _add(app, views, base + route.path, route)
        for resource_type in registry.resource_types:
            for route in READ_ONLY_RESOURCES if resource_type.is_read_only else RESOURCES:
                _add(app, views, base + resource_type.endpoint + route.path, route, endpoint=resource_type.endpoint)
            for attribute in resource_type.rows_attributes:
                # The path has no room for the URN of an extension.
                if attribute.holder is None and attribute.returned is not Returned.NEVER:
                    path = base + resource_type.endpoint + ELEMENTS.path.format(attribute=attribute.name)
                    _add(app, views, path, ELEMENTS, endpoint=resource_type.endpoint, attribute=attribute.name)
    for route in VERSIONS:
        _add(app, views, route.path, route)


def _add(app: Flask, views: Views, rule: str, route: Route, **given: str) -> None:
    """`given` are arguments of the view that no path holds."""
    app.add_url_rule(rule, route.view, getattr(views, route.view), methods=route.methods, defaults=given or None)
