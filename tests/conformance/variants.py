"""What another sound server does, layer by layer: the RFCs leave the choice, and no run may make much of it.

`suites` are those whose connectors can do with this choice as well as with the other one.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from conformance.exchange import Json, Request, Response
from conformance.scenario import Capability
from tests.conformance.in_process import Layer, Send
from tests.conformance.layers import (
    NOTHING,
    answering,
    asking,
    is_to,
    query_of,
    refusing,
    saying,
    showing,
    then,
    where,
    with_header,
    with_query,
    without,
    without_header,
)

OWN_ID: Final = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""An id of this server: a UUID of version 7, which nobody else sends."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A layer, what it changes in a sentence, and where a client would see it."""

    name: str
    sentence: str
    layer: Layer
    suites: tuple[str, ...]
    capabilities: frozenset[Capability]


def variant(name: str, sentence: str, layer: Layer, suites: str, capabilities: str) -> Variant:
    """A variant; suites and capabilities are separated by blanks."""
    return Variant(name, sentence, layer, tuple(suites.split()), frozenset(map(Capability, capabilities.split())))


def patch_answered_204(request: Request, send: Send) -> Response:
    """RFC 7644 section 3.5.2: 200 or 204, unless attributes are asked for."""
    said = send(request)
    is_patch = request.method == "PATCH" and not {"attributes", "excludedAttributes"} & query_of(request).keys()
    return replace(NOTHING, headers=without(said.headers, "content-type")) if is_patch and said.is_success else said


def _says(**edits: Json) -> Layer:
    """What ServiceProviderConfig says of itself."""
    return where(is_to("GET", "ServiceProviderConfig"), saying(lambda body: {**body, **edits}))


def _version_unsaid(resource: Json) -> Json:
    return {**resource, "meta": without(resource["meta"], "version")} if "meta" in resource else resource


def _total_alone(body: Json) -> Json:
    """RFC 7644 section 3.4.2: Resources is required where totalResults is not 0."""
    return without(body, "Resources") if body.get("totalResults") == 0 else body


def _nulls(resource: Json) -> Json:
    """RFC 7643 section 2.5: unassigned and null are the same."""
    nothing = {"nickName": None, "profileUrl": None, "x509Certificates": None} if "userName" in resource else {}
    return {**nothing, **resource}


def _more(resource: Json) -> Json:
    """An extension of the server's own, and sub-attributes that nobody asked about."""
    urn = "urn:example:params:scim:schemas:extension:desk:2.0:User"
    if "userName" not in resource:
        return resource
    return {**resource, "schemas": [*resource["schemas"], urn], urn: {"desk": "4-17"}}


def _nameless_members(resource: Json) -> Json:
    members = resource.get("members") or ()
    return {**resource, "members": [{"display": None, **member} for member in members]} if members else resource


def other_ids(request: Request, send: Send) -> Response:
    """Ids are opaque: here they have a prefix and no hyphens."""

    def outward(body: bytes) -> bytes:
        return OWN_ID.sub(lambda match: b"usr_" + match[0].replace(b"-", b""), body)

    def inward(body: bytes) -> bytes:
        parts = rb"usr_(.{8})(.{4})(.{4})(.{4})(.{12})"
        return re.sub(parts, lambda match: b"-".join(match.groups()), body)

    target = inward(request.target.encode()).decode()
    body = inward(request.body) if request.body else None
    said = send(replace(request, target=target, body=body))
    headers = {name: outward(value.encode()).decode() for name, value in said.headers.items()}
    return replace(said, body=outward(said.body), headers=headers)


def small_pages(request: Request, send: Send) -> Response:
    """RFC 7644 section 3.4.2.4: fewer than count may be returned."""
    count = query_of(request).get("count", "5")
    few = count if count.lstrip("-").isdecimal() and int(count) < 5 else "5"
    return send(with_query(request, count=few) if "cursor" not in query_of(request) else request)


VARIANTS: Final = (
    variant(
        "patch-204",
        "A PATCH is answered 204.",
        patch_answered_204,
        "entra okta rfc",
        "update membership",
    ),
    variant(
        "charset",
        "The media type has a charset.",
        answering(
            lambda said: with_header(said, "content-type", "application/scim+json;charset=UTF-8") if said.body else said
        ),
        "okta google onelogin jumpcloud ping sailpoint rippling clients rfc",
        "connection create errors",
    ),
    variant(
        "no-versions",
        "There are no versions, and the server says so.",
        then(
            _says(etag={"supported": False}),
            showing(_version_unsaid),
            answering(lambda said: with_header(said, "etag", None)),
            asking(lambda request: without_header(without_header(request, "if-match"), "if-none-match")),
        ),
        "sailpoint clients rfc",
        "versions discovery create bulk",
    ),
    variant(
        "no-bulk",
        "There are no bulk requests, and the server says so.",
        then(
            _says(bulk={"supported": False, "maxOperations": 0, "maxPayloadSize": 0}),
            refusing(is_to("POST", "Bulk"), 501, "There are no bulk requests."),
        ),
        "sailpoint clients rfc",
        "bulk discovery errors",
    ),
    variant(
        "no-sorting",
        "Lists are not sorted, and the server says so.",
        then(
            _says(sort={"supported": False}),
            asking(lambda request: with_query(request, sortBy=None, sortOrder=None)),
        ),
        "sailpoint clients rfc",
        "sorting paging discovery",
    ),
    variant(
        "total-alone",
        "An empty list has no Resources.",
        saying(_total_alone),
        "okta ping clients rfc",
        "connection deletion paging",
    ),
    variant(
        "nulls",
        "What has no value is shown as null.",
        showing(_nulls),
        "entra okta ping rippling clients rfc",
        "create read deactivation",
    ),
    variant(
        "own-extension",
        "Users have an extension of the server's own.",
        showing(_more),
        "entra okta google rippling clients rfc",
        "create read deactivation",
    ),
    variant(
        "nameless-members",
        "Members have a name that is null.",
        showing(_nameless_members),
        "entra okta jumpcloud clients rfc",
        "groups membership",
    ),
    variant(
        "other-ids",
        "Ids are no UUIDs.",
        other_ids,
        "entra okta ping clients rfc",
        "create groups deletion bulk",
    ),
    variant("small-pages", "No page has more than five.", small_pages, "clients rfc", "paging sorting"),
)
