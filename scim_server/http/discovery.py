"""What the server says about itself: ServiceProviderConfig, ResourceTypes, Schemas (RFC 7644 section 4).

The documents of a registry are written once. Only the base URL is not known then; it is put in for each request, which
costs less than a cache that every Host header could fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import orjson

from scim_server.config import Settings
from scim_server.domain.publish import published, published_resource_type
from scim_server.domain.registry import Registry
from scim_server.domain.schema import Json
from scim_server.errors import NotFound
from scim_server.service.representation import LIST_RESPONSE

SERVICE_PROVIDER_CONFIG: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"

_BASE: Final = "\x1f"
_BASE_JSON: Final = orjson.dumps(_BASE)[1:-1]


class Discovery:
    """The documents of one registry; every answer is JSON for the base URL that is given."""

    def __init__(self, registry: Registry) -> None:
        schemas = [_located(published(s), "Schema", f"/Schemas/{s.id}") for s in registry.schemas]
        types = [
            _located(published_resource_type(t), "ResourceType", f"/ResourceTypes/{t.id}")
            for t in registry.resource_types
        ]
        self._schemas = {schema["id"].lower(): _dump(schema) for schema in schemas}
        self._resource_types = {resource_type["id"]: _dump(resource_type) for resource_type in types}
        self._all_schemas = _list(schemas)
        self._all_resource_types = _list(types)

    def schemas(self, base_url: str) -> bytes:
        """Every schema, in a ListResponse."""
        return _at(base_url, self._all_schemas)

    def schema(self, urn: str, base_url: str) -> bytes:
        """The schema of that URN in any case (RFC 7644 section 3.10). Raises NotFound."""
        return _at(base_url, _one(self._schemas, urn.lower()))

    def resource_types(self, base_url: str) -> bytes:
        """Every resource type, in a ListResponse."""
        return _at(base_url, self._all_resource_types)

    def resource_type(self, id: str, base_url: str) -> bytes:
        """The resource type of exactly that id (erratum 8366). Raises NotFound."""
        return _at(base_url, _one(self._resource_types, id))


class ServiceProviderConfig:
    """The one document that is about the server and not about schemas (R-SPC-01 to -03, -06)."""

    def __init__(self, settings: Settings) -> None:
        self._documents = {
            keeps: _dump(_located(_config(settings, keeps), "ServiceProviderConfig", "/ServiceProviderConfig"))
            for keeps in (False, True)
        }

    def document(self, base_url: str, registries: Iterable[Registry]) -> bytes:
        """What holds for all tenants of these."""
        keeps = all(any(t.passwords for t in registry.resource_types) for registry in registries)
        return _at(base_url, self._documents[keeps])


def _config(settings: Settings, keeps_passwords: bool) -> dict[str, Json]:
    document: dict[str, Json] = {
        "schemas": [SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": settings.bulk_max_operations,
            "maxPayloadSize": settings.bulk_max_payload,
        },
        "filter": {"supported": True, "maxResults": settings.page_max},
        "changePassword": {"supported": keeps_passwords},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [_BEARER],
        # RFC 9865 section 4.
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": settings.page_default,
            "maxPageSize": settings.page_max,
            "cursorTimeout": settings.cursor_timeout,
        },
    }
    if settings.documentation_url:
        document["documentationUri"] = settings.documentation_url
    return document


_BEARER: Final = {
    "type": "oauthbearertoken",
    "name": "Bearer token",
    "description": "A token that the operator issues for a tenant, in the Authorization header.",
    "specUri": "https://www.rfc-editor.org/info/rfc6750",
    "primary": True,
}


def _located(document: dict[str, Json], resource_type: str, path: str) -> dict[str, Json]:
    """The document with its meta (R-DISC-14)."""
    return document | {"meta": {"resourceType": resource_type, "location": _BASE + path}}


def _list(resources: Sequence[Json]) -> bytes:
    """The whole list on one page: paging parameters do not count here (R-DISC-06)."""
    return _dump(
        {
            "schemas": [LIST_RESPONSE],
            "totalResults": len(resources),
            "startIndex": 1,
            "itemsPerPage": len(resources),
            "Resources": resources,
        }
    )


def _one(documents: dict[str, bytes], id: str) -> bytes:
    if id not in documents:
        raise NotFound
    return documents[id]


def _dump(document: Json) -> bytes:
    return orjson.dumps(document, default=str)


def _at(base_url: str, document: bytes) -> bytes:
    return document.replace(_BASE_JSON, orjson.dumps(base_url)[1:-1])
