"""What layers are made of: requests and answers taken apart, changed, and put together again."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from conformance.exchange import Json, Request, Response
from tests.conformance.in_process import Layer, Send

BASE: Final = "/scim/v2"
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
MEDIA_TYPE: Final = "application/scim+json"

Which = Callable[[Request], bool]
"""A question about a request."""

Operation = Mapping[str, Json]

# Requests -------------------------------------------------------------------------------------------------------------


def parts_of(request: Request) -> list[str]:
    """The segments of the path below the base: `["Users", "1"]`."""
    path = request.target.partition("?")[0].removeprefix(BASE)
    return [part for part in path.split("/") if part]


def query_of(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))


def filter_of(request: Request) -> str:
    return query_of(request).get("filter", "")


def is_list(request: Request) -> bool:
    """Whether resources of one endpoint are asked for."""
    return request.method == "GET" and len(parts_of(request)) == 1


def is_to(method: str, endpoint: str, *, parts: int | None = None) -> Which:
    """Requests of that method to that endpoint: to itself if `parts` is 1, to a resource of it if that is 2."""

    def asks(request: Request) -> bool:
        found = parts_of(request)
        there = found[:1] == [endpoint] and (parts is None or len(found) == parts)
        return request.method == method and there

    return asks


def is_write(request: Request) -> bool:
    return request.method in ("POST", "PUT", "PATCH") and isinstance(body_of(request), dict)


def body_of(request: Request) -> Json:
    """The parsed body; None where there is none, or no JSON."""
    try:
        return json.loads(request.body or b"")
    except ValueError:
        return None


def operations_of(request: Request) -> list[Operation]:
    """The operations of a PATCH; none where it is no proper one."""
    body = body_of(request) if request.method == "PATCH" else None
    operations = body.get("Operations") if isinstance(body, dict) else None
    return [one for one in operations or () if isinstance(one, dict)]


def verb(operation: Operation) -> str:
    return str(operation.get("op")).lower()


def path(operation: Operation) -> str:
    """The path of an operation, "" where it has none."""
    return str(operation.get("path") or "")


def with_query(request: Request, **changes: str | None) -> Request:
    """The request with these parameters; None takes one away."""
    query = {**query_of(request), **changes}
    text = urlencode({name: value for name, value in query.items() if value is not None}, quote_via=quote)
    return replace(request, target=request.target.partition("?")[0] + (f"?{text}" if text else ""))


def with_body(request: Request, body: Json) -> Request:
    return replace(request, body=json.dumps(body).encode())


def with_operations(request: Request, operations: list[Operation]) -> Request:
    return with_body(request, {**body_of(request), "Operations": operations})


def without_header(request: Request, name: str) -> Request:
    return replace(request, headers={known: value for known, value in request.headers.items() if known != name})


def instead(request: Request, method: str, target: str | None = None, body: Json = None) -> Request:
    """Another request of the same client: no condition and, unless `target` says another address, the same one."""
    plain = without_header(without_header(request, "if-match"), "if-none-match")
    address = request.target.partition("?")[0] if target is None else BASE + target
    return replace(plain, method=method, target=address, body=None if body is None else json.dumps(body).encode())


def current(request: Request, send: Send) -> Json:
    """The resource that a request is about, as it is now; {} where there is none."""
    response = send(instead(request, "GET"))
    return response.json() if response.is_success else {}


# Answers --------------------------------------------------------------------------------------------------------------


NOTHING: Final = Response(204, {}, b"", 0.0)
"""A success with no body."""


def answer(status: int, body: Json) -> Response:
    return Response(status, {"content-type": MEDIA_TYPE}, json.dumps(body).encode(), 0.0)


def refusal(status: int, detail: str, scim_type: str | None = None) -> Response:
    """A proper error."""
    body = {"schemas": [ERROR], "status": str(status), "detail": detail}
    return answer(status, body if scim_type is None else {**body, "scimType": scim_type})


def with_header(response: Response, name: str, value: str | None) -> Response:
    """The answer with that header; None takes it away."""
    headers = {**response.headers, name: value}
    return replace(response, headers={known: said for known, said in headers.items() if said is not None})


def with_json(response: Response, body: Json) -> Response:
    return replace(response, body=json.dumps(body).encode())


def member_ids(group: Json) -> list[str]:
    return [member["value"] for member in group.get("members") or ()]


# Layers ---------------------------------------------------------------------------------------------------------------


def asking(rewrite: Callable[[Request], Request]) -> Layer:
    """Requests are rewritten."""
    return lambda request, send: send(rewrite(request))


def answering(spoil: Callable[[Response], Response]) -> Layer:
    """Answers are rewritten."""
    return lambda request, send: spoil(send(request))


def saying(edit: Callable[[Json], Json]) -> Layer:
    """Bodies that are JSON objects are rewritten, of whatever status."""

    def spoil(response: Response) -> Response:
        body = response.json() if response.body else None
        return with_json(response, edit(body)) if isinstance(body, dict) else response

    return answering(spoil)


def showing(edit: Callable[[Json], Json]) -> Layer:
    """Resources are rewritten wherever one is shown: alone or in a list."""

    def spoil(response: Response) -> Response:
        body = response.json() if response.body and response.is_success else None
        if not isinstance(body, dict):
            return response
        if "Resources" in body:
            return with_json(response, {**body, "Resources": [edit(one) for one in body["Resources"]]})
        return with_json(response, edit(body) if "id" in body else body)

    return answering(spoil)


def where(concerned: Which, layer: Layer) -> Layer:
    """A layer for some requests."""
    return lambda request, send: layer(request, send) if concerned(request) else send(request)


def refusing(concerned: Which, status: int, detail: str, scim_type: str | None = None) -> Layer:
    """Some requests are refused, whatever they say."""
    return where(concerned, lambda request, send: refusal(status, detail, scim_type))


def translating(status: int, to: int, detail: str, scim_type: str | None = None) -> Layer:
    """Refusals of one status get another one."""

    def spoil(response: Response) -> Response:
        return refusal(to, detail, scim_type) if response.status == status else response

    return answering(spoil)


def reading(rewrite: Callable[[Operation], list[Operation]]) -> Layer:
    """Operations of a PATCH are rewritten, each into any number; where none is left nothing is changed."""

    def layer(request: Request, send: Send) -> Response:
        operations = operations_of(request)
        if not operations:
            return send(request)
        rewritten = [one for operation in operations for one in rewrite(operation)]
        return send(with_operations(request, rewritten) if rewritten else instead(request, "GET"))

    return layer


def writing(rewrite: Callable[[Json], Json]) -> Layer:
    """Bodies of POST, PUT and PATCH are rewritten."""
    return where(is_write, asking(lambda request: with_body(request, rewrite(body_of(request)))))


def then(*layers: Layer) -> Layer:
    """Layers behind one another, the client's side first."""
    first, *others = layers
    if not others:
        return first
    return lambda request, send: first(request, lambda inner: then(*others)(inner, send))


# Values ---------------------------------------------------------------------------------------------------------------

TYPED: Final = re.compile(r'^(\w+)\[type eq "(\w+)"\](?:\.(\w+))?$')
"""A value path as connectors send it: attribute, type, sub-attribute."""


def mapped(value: Json, change: Callable[[str, Json], Json], key: str = "") -> Json:
    """`value` with each leaf changed; `change` is told the name of the member that it stands in."""
    if isinstance(value, dict):
        return {name: mapped(member, change, name) for name, member in value.items()}
    if isinstance(value, list):
        return [mapped(element, change, key) for element in value]
    return change(key, value)


def without(value: Mapping[str, Json], *names: str) -> dict[str, Json]:
    return {name: member for name, member in value.items() if name not in names}
