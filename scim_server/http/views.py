"""The views: read, call, write. The same ones for every resource type, under both base URLs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import Response, request

from scim_server import filtering
from scim_server.auth import Authenticator, authorize
from scim_server.config import Settings
from scim_server.domain.catalogue import Catalogue
from scim_server.domain.dialect import Leniency
from scim_server.domain.operation import Operation
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import Forbidden, InvalidValue, InvalidVersion, NotFound, TooManyDepartures, Unsupported
from scim_server.filtering import operations
from scim_server.http import address, bulk, dry_run, write
from scim_server.http.body import read_object
from scim_server.http.cursors import Cursors, Walk, binding
from scim_server.http.discovery import ServiceProviderConfig
from scim_server.http.exchange import Caller, Editions, caller, current, recognized, stand_for, subject
from scim_server.http.messages import patch_list, read_patch, read_search
from scim_server.http.parameters import Limits, Parameters, of_query, page_of, query_members, search_request
from scim_server.service.bulk import Bulk, Policy
from scim_server.service.changes import not_writable
from scim_server.service.conditions import NONE, Conditions
from scim_server.service.elements import ElementPages
from scim_server.service.passwords import Passwords
from scim_server.service.representation import location
from scim_server.service.resources import Resources
from scim_server.service.searches import Searches
from scim_server.service.tolerances import ToleranceUses


@dataclass(frozen=True, slots=True)
class Writes:
    """The use cases that write, over one storage."""

    resources: Resources
    bulk: Bulk


@dataclass(frozen=True, slots=True)
class Parts:
    """What the views stand on: `trial` undoes what it writes. `readiness` says what is missing, or None."""

    settings: Settings
    catalogue: Catalogue
    writes: Writes
    trial: Writes
    searches: Searches
    elements: ElementPages
    cursors: Cursors
    authenticator: Authenticator
    passwords: Passwords
    tolerances: ToleranceUses
    readiness: Callable[[], str | None]


class Views:
    """`endpoint` is that of a resource type, `/Users`; the routes give it."""

    def __init__(self, parts: Parts) -> None:
        self._settings = parts.settings
        self._lasting = parts.writes
        self._trial = parts.trial
        self._searches = parts.searches
        self._elements = parts.elements
        self._cursors = parts.cursors
        self._catalogue = parts.catalogue
        self._editions = Editions(parts.catalogue)
        self._authenticator = parts.authenticator
        self._passwords = parts.passwords
        self._service_provider_config = ServiceProviderConfig(parts.settings)
        filter_limits = filtering.Limits(parts.settings.max_filter)
        self._limits = Limits(filter_limits, parts.settings.page_default, parts.settings.page_max)

    # Resources, RFC 7644 sections 3.3 to 3.6.

    def create(self, endpoint: str) -> Response:
        caller = self._caller()
        payload = self._body()
        projection = _parameters().projection
        new = self._writes.resources.create(caller.context, _type(caller, endpoint), payload, projection)
        return _told(caller, write.created(new))

    def read(self, endpoint: str, id: str) -> Response:
        """A filter here is ignored (C-34)."""
        caller = self._caller()
        resource_type = _type(caller, endpoint)
        projection = _parameters().projection
        found = self._lasting.resources.read(caller.context, resource_type, id, projection, _conditions())
        return write.not_modified(found) if found.body is None else write.representation(found)

    def replace(self, endpoint: str, id: str) -> Response:
        caller = self._caller()
        payload = self._body()
        projection = _parameters().projection
        resource_type = _type(caller, endpoint)
        use = self._writes.resources
        replaced = use.replace(caller.context, resource_type, id, payload, projection, _conditions())
        return _told(caller, write.representation(replaced))

    def patch(self, endpoint: str, id: str) -> Response:
        caller = self._caller()
        resource_type = _type(caller, endpoint)
        leniency = caller.context.leniency
        steps = self._steps(self._body(), resource_type, leniency)
        projection = _parameters().projection
        use = self._writes.resources
        patched = use.patch(caller.context, resource_type, id, steps, projection, _conditions())
        return _told(caller, write.representation(patched))

    def delete(self, endpoint: str, id: str) -> Response:
        caller = self._caller()
        self._writes.resources.delete(caller.context, _type(caller, endpoint), id, _conditions())
        return _told(caller, write.deleted())

    def refuse(self, endpoint: str, id: str = "") -> Response:
        """Whatever would write a resource that clients only read: refused before the body is looked at."""
        refusal = not_writable(_type(self._caller(), endpoint))
        if request.method == "OPTIONS":
            return write.Answer(status=204, headers=dict(refusal.headers))
        raise refusal

    # Queries, RFC 7644 sections 3.4.2 and 3.4.3.

    def query(self, endpoint: str) -> Response:
        caller = self._caller()
        return self._found(caller, [_type(caller, endpoint)], _parameters())

    def search(self, endpoint: str) -> Response:
        caller = self._caller()
        return self._found(caller, [_type(caller, endpoint)], self._search_body(caller))

    def query_all(self) -> Response:
        caller = self._caller()
        return self._found(caller, [*caller.edition.registry.resource_types], _parameters())

    def search_all(self) -> Response:
        caller = self._caller()
        return self._found(caller, [*caller.edition.registry.resource_types], self._search_body(caller))

    # Bulk, RFC 7644 section 3.7.

    def bulk(self) -> Response:
        caller = self._caller()
        context = caller.context
        wanted = bulk.read(request, self._settings, context.leniency)
        current().operations = len(wanted.operations)
        policy = Policy(
            partial(authorize, caller.client), lambda data, of_type: self._steps(data, of_type, context.leniency)
        )
        results = self._writes.bulk.run(context, wanted, policy)
        current().stopped = sum(isinstance(result.outcome, TooManyDepartures) for result in results)
        return _told(caller, write.json(bulk.response(results)))

    # Beside the standard (docs/large-groups.md).

    def elements(self, endpoint: str, id: str, attribute: str) -> Response:
        """A page of the elements of an attribute kept as rows: by cursor, in one order, each of them whole."""
        caller = self._caller()
        resource_type = _type(caller, endpoint)
        parameters = _parameters()
        _refuse_all_but_pages(parameters)
        found = search_request(parameters, self._limits, caller.context.leniency).filter
        kept = resource_type.rows_attribute(attribute)
        walk = self._walk(caller, [resource_type.name, attribute, ascii(id)], parameters)
        page = walk.page(parameters, self._limits)
        return write.json(self._elements.page(caller.context, resource_type, id, kept, found, page, walk.cursor))

    # Discovery, RFC 7644 section 4.

    def service_provider_config(self) -> Response:
        """What holds for the tenant of the credential; without one, what holds for all tenants."""
        _refuse_filter()
        client = recognized(self._authenticator)
        base_url = address.base_url(request, self._settings.public_url)
        known = self._catalogue.registries.get(client.tenant.profile) if client else None
        body = self._service_provider_config.document(
            base_url, [known] if known else self._catalogue.registries.values()
        )
        return write.document(body, f"{base_url}/ServiceProviderConfig")

    def schemas(self) -> Response:
        _refuse_filter()
        caller = self._caller()
        return write.json(caller.edition.discovery.schemas(caller.context.base_url))

    def schema(self, urn: str) -> Response:
        _refuse_filter()
        caller = self._caller()
        schema = caller.edition.registry.schema(urn)
        if schema is None:
            raise NotFound
        base_url = caller.context.base_url
        return write.document(caller.edition.discovery.schema(urn, base_url), f"{base_url}/Schemas/{schema.id}")

    def resource_types(self) -> Response:
        _refuse_filter()
        caller = self._caller()
        return write.json(caller.edition.discovery.resource_types(caller.context.base_url))

    def resource_type(self, id: str) -> Response:
        _refuse_filter()
        caller = self._caller()
        base_url = caller.context.base_url
        return write.document(caller.edition.discovery.resource_type(id, base_url), f"{base_url}/ResourceTypes/{id}")

    # The resource that the credential is bound to, RFC 7644 section 3.11.

    def me(self) -> Response:
        """Processed in place, as at the permanent URI, which `Location` tells (R-ME-03, R-ME-04).

        A credential is bound to what exists, so that there is nothing to POST.
        """
        resource_type, id = subject(self._editions)
        stand_for(resource_type, id)
        run = _ON_SUBJECT.get(request.method)
        if run is None:
            raise Unsupported("/Me is there already: a credential is bound to a resource that exists.")
        answer = run(self, resource_type.endpoint, id)
        answer.headers["Location"] = location(self._caller().context.base_url, resource_type, id)
        return answer

    # What is not there.

    def other_version(self, version: str, rest: str = "") -> Response:
        raise InvalidVersion

    @property
    def _writes(self) -> Writes:
        """The use cases for this request: a dry run's undo what they do."""
        return self._trial if current().is_dry_run else self._lasting

    def _caller(self) -> Caller:
        return caller(self._editions, self._settings.public_url, self._passwords)

    def _body(self) -> dict[str, Json]:
        return read_object(request, self._settings.max_body)

    def _steps(self, data: Json, resource_type: ResourceType, leniency: Leniency) -> list[Operation]:
        """The operations of a PATCH: of a PatchOp, or of the bare list that the RFC's bulk example has."""
        most = self._settings.max_patch_operations
        sent = patch_list(data, most) if isinstance(data, list) else read_patch(data, leniency, most)
        return [step for raw in sent for step in operations.read(raw, resource_type, leniency, self._limits.filter)]

    def _search_body(self, caller: Caller) -> Parameters:
        return read_search(self._body(), caller.context.leniency)

    def _found(self, caller: Caller, resource_types: list[ResourceType], parameters: Parameters) -> Response:
        wanted = search_request(parameters, self._limits, caller.context.leniency)
        if parameters.cursor is None:
            page = page_of(parameters, self._limits)
            return write.json(self._searches.search(caller.context, resource_types, wanted, page))
        walk = self._walk(caller, [resource_type.name for resource_type in resource_types], parameters)
        walked = walk.page(parameters, self._limits)
        return write.json(self._searches.walk(caller.context, resource_types, wanted, walked, walk.cursor))

    def _walk(self, caller: Caller, listed: Sequence[str], parameters: Parameters) -> Walk:
        return self._cursors.walk(
            binding(caller.client, caller.context.registry.stamp, listed, parameters, self._limits)
        )


_ON_SUBJECT: Final[Mapping[str, Callable[[Views, str, str], Response]]] = {
    "GET": Views.read,
    "HEAD": Views.read,
    "PUT": Views.replace,
    "PATCH": Views.patch,
    "DELETE": Views.delete,
}


def _told(caller: Caller, answer: Response) -> Response:
    """The answer to a write; of a dry run what it would have been."""
    return dry_run.answer(answer, caller.context.effects) if current().is_dry_run else answer


def _type(caller: Caller, endpoint: str) -> ResourceType:
    resource_type = caller.edition.registry.at(endpoint)
    if resource_type is None:
        raise NotFound
    return resource_type


def _parameters() -> Parameters:
    return of_query(request.query_string)


def _conditions() -> Conditions:
    if_match, if_none_match = request.headers.get("If-Match"), request.headers.get("If-None-Match")
    return NONE if if_match is if_none_match is None else Conditions.parse(if_match, if_none_match)


def _refuse_all_but_pages(parameters: Parameters) -> None:
    """A client that pages by an index that nobody looks at would never come to an end."""
    others = {
        "startIndex": parameters.start_index,
        "sortBy": parameters.sort_by,
        "sortOrder": parameters.sort_order,
        "attributes": parameters.attributes or None,
        "excludedAttributes": parameters.excluded_attributes or None,
    }
    for name, value in others.items():
        if value is not None:
            raise InvalidValue(f"{name} means nothing here: elements are paged with filter, count and cursor.")


def _refuse_filter() -> None:
    """Other parameters are ignored there (RFC 7644 section 4, R-DISC-06, -07)."""
    if "filter" in query_members(request.query_string):
        raise Forbidden("The discovery endpoints take no filter.")
