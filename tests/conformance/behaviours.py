"""What servers get wrong, a layer for each behaviour that takes more than a line.

Layers that keep something in mind do so by ids and addresses, which no two tenants share.
"""

import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote, unquote_plus, urlsplit

from conformance.exchange import Json, Request, Response
from tests.conformance.in_process import Layer, Send
from tests.conformance.layers import (
    NOTHING,
    TYPED,
    Operation,
    answer,
    answering,
    body_of,
    current,
    filter_of,
    instead,
    is_list,
    is_to,
    is_write,
    mapped,
    member_ids,
    operations_of,
    parts_of,
    path,
    query_of,
    refusal,
    refusing,
    saying,
    verb,
    where,
    with_body,
    with_header,
    with_json,
    with_operations,
    with_query,
    without,
    without_header,
)

ENTERPRISE: Final = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
KNOWN: Final = "urn:ietf:params:scim:"
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# The wire -------------------------------------------------------------------------------------------------------------


def typed(media_type: str) -> Layer:
    return answering(lambda said: with_header(said, "content-type", media_type) if said.body else said)


def as_page_of_a_framework(said: Response) -> Response:
    if said.status < 400:
        return said
    page = replace(said, body=f"<html><body><h1>Error {said.status}</h1></body></html>".encode())
    return with_header(page, "content-type", "text/html; charset=utf-8")


def without_body(said: Response) -> Response:
    return replace(with_header(said, "content-type", None), body=b"")


def with_status_as_number(body: Json) -> Json:
    return {**body, "status": int(body["status"])} if "detail" in body and "status" in body else body


def unreadable(request: Request) -> bool:
    return bool(request.body) and body_of(request) is None


def _path_of(address: str) -> str:
    return urlsplit(address).path


def with_relative_location(said: Response) -> Response:
    location = said.headers.get("location")
    return with_header(said, "location", _path_of(location)) if location else said


def with_relative_meta(resource: Json) -> Json:
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "location": _path_of(meta["location"])}} if "location" in meta else resource


class AnyToken:
    """Whoever comes is let in, with the credentials of somebody who was let in before."""

    def __init__(self) -> None:
        self._known = ""

    def __call__(self, request: Request, send: Send) -> Response:
        said = send(request)
        if said.status != 401:
            self._known = request.headers.get("authorization", self._known)
            return said
        return send(replace(request, headers={**request.headers, "authorization": self._known}))


# Lists ----------------------------------------------------------------------------------------------------------------

COMPARISON: Final = re.compile(r'(userName|displayName)\s+eq\s+"([^"]*)"', re.IGNORECASE)


def _kept(body: Json, resources: list[Json]) -> Json:
    """A list of some of its resources only."""
    left_out = len(body["Resources"]) - len(resources)
    total = body["totalResults"] - left_out
    return {**body, "Resources": resources, "totalResults": total, "itemsPerPage": len(resources)}


def case_sensitive(request: Request, send: Send) -> Response:
    """A name matches in the case in which it is kept, and in no other."""
    said = send(request)
    comparison = COMPARISON.search(filter_of(request))
    if not comparison or not is_list(request) or not said.is_success:
        return said
    body = said.json()
    name = {"username": "userName", "displayname": "displayName"}[comparison[1].lower()]
    return with_json(said, _kept(body, [one for one in body["Resources"] if one.get(name) == comparison[2]]))


def nobody_is_404(request: Request, send: Send) -> Response:
    said = send(request)
    if filter_of(request) and said.is_success and said.json().get("totalResults") == 0:
        return refusal(404, "No resource matches the filter.")
    return said


def inactive_hidden(request: Request, send: Send) -> Response:
    """Lists of users hold those alone who are active."""
    if not is_list(request) or parts_of(request) != ["Users"]:
        return send(request)
    asked = filter_of(request)
    return send(with_query(request, filter=f"({asked}) and active eq true" if asked else "active eq true"))


def inactive_gone(request: Request, send: Send) -> Response:
    """An inactive user cannot be read by its id."""
    said = send(request)
    if is_to("GET", "Users", parts=2)(request) and said.is_success and said.json().get("active") is False:
        return refusal(404, "There is no such user.")
    return said


def paged(edit: dict[str, Json]) -> Layer:
    return saying(lambda body: {**body, **edit} if "Resources" in body else body)


def total_of_the_page(body: Json) -> Json:
    return {**body, "totalResults": len(body["Resources"])} if "Resources" in body else body


def items_per_page_as_asked(request: Request, send: Send) -> Response:
    said = send(request)
    if not is_list(request) or not said.is_success or "Resources" not in said.json():
        return said
    return with_json(said, {**said.json(), "itemsPerPage": int(query_of(request).get("count") or 100)})


def unstable_order(request: Request, send: Send) -> Response:
    """Every page but the first is cut from another order."""
    start = query_of(request).get("startIndex", "1")
    if not is_list(request) or start in ("", "0", "1"):
        return send(request)
    return send(with_query(request, sortBy="meta.created", sortOrder="descending"))


def cursor_repeated(request: Request, send: Send) -> Response:
    """From the second page on a page leads to itself."""
    said = send(request)
    cursor = query_of(request).get("cursor")
    if not cursor or not said.is_success or "nextCursor" not in said.json():
        return said
    return with_json(said, {**said.json(), "nextCursor": cursor})


def numbers_as_text(body: Json) -> Json:
    return {key: str(value) if type(value) is int and "Resources" in body else value for key, value in body.items()}


def decoded_twice(request: Request, send: Send) -> Response:
    """What was encoded in a filter is decoded, and once more."""
    asked = filter_of(request)
    return send(with_query(request, filter=unquote_plus(asked)) if asked else request)


def plus_taken_literally(request: Request, send: Send) -> Response:
    address, mark, query = request.target.partition("?")
    return send(replace(request, target=address + mark + query.replace("+", "%2B")))


def one_further(request: Request) -> Request:
    """What is asked for from the first on is shown from the second on."""
    start = query_of(request).get("startIndex", "")
    return with_query(request, startIndex=str(int(start) + 1)) if start.isdecimal() else request


def count_of(request: Request) -> str:
    return query_of(request).get("count", "")


def grouped_from_the_left(request: Request) -> Request:
    """`a or b and c` is read as `(a or b) and c`."""
    chain = re.fullmatch(r"([^()\[\]]+ or [^()\[\]]+) (and [^()\[\]]+)", filter_of(request))
    return with_query(request, filter=f"({chain[1]}) {chain[2]}") if chain else request


def brackets_taken_apart(request: Request) -> Request:
    """`emails[type eq "x" and value eq "y"]` is read as `emails.type eq "x" and emails.value eq "y"`."""

    def apart(match: re.Match[str]) -> str:
        return f"({match[1]}.{match[2]} and {match[1]}.{match[3]})"

    asked = filter_of(request)
    read = re.sub(r"(\w+)\[([^\[\]]+?) and ([^\[\]]+?)\]", apart, asked)
    return with_query(request, filter=read) if read != asked else request


def slowly(request: Request, send: Send) -> Response:
    time.sleep(0.65)
    return send(request)


def filters(word: str) -> Layer:
    """Filters in which that expression is found are refused."""
    found = re.compile(word, re.IGNORECASE)
    return refusing(
        lambda request: found.search(filter_of(request)) is not None, 400, "Not supported.", "invalidFilter"
    )


# Users ----------------------------------------------------------------------------------------------------------------


def duplicate_accepted(request: Request, send: Send) -> Response:
    """A second user of a name is answered as if it had been created; it is the first one."""
    said = send(request)
    if request.method != "POST" or said.status != 409:
        return said
    body = body_of(request)
    name = "userName" if "userName" in body else "displayName"
    asked = quote(f'{name} eq "{body[name]}"')
    found = send(instead(request, "GET", f"/{parts_of(request)[0]}?filter={asked}")).json()
    return answer(201, found["Resources"][0])


def put_keeps_what_is_left_out(request: Request, send: Send) -> Response:
    if request.method != "PUT":
        return send(request)
    return send(with_body(request, {**current(request, send), **body_of(request)}))


def put_creates(request: Request, send: Send) -> Response:
    """A PUT to an id that nobody has creates a resource."""
    said = send(request)
    if request.method != "PUT" or said.status != 404:
        return said
    return send(replace(instead(request, "POST", f"/{parts_of(request)[0]}"), body=request.body))


def inactive_without_active(body: Json) -> Json:
    return {"active": False, **body} if "userName" in body else body


def id_changes(request: Request, send: Send) -> Response:
    """An update makes a new resource of the old one, with another id."""
    said = send(request)
    if not is_to("PUT", "Users")(request) or not said.is_success:
        return said
    send(instead(request, "DELETE"))
    return replace(send(instead(request, "POST", "/Users", said.json())), status=200)


def delete_deactivates(request: Request, send: Send) -> Response:
    if not is_to("DELETE", "Users")(request):
        return send(request)
    said = send(instead(request, "PATCH", body=_patch({"op": "replace", "path": "active", "value": False})))
    return NOTHING if said.is_success else said


def _patch(*operations: Operation) -> Json:
    return {"schemas": [PATCH_OP], "Operations": list(operations)}


class GoneTwice:
    """A resource that was deleted can be deleted again."""

    def __init__(self) -> None:
        self._gone: set[str] = set()

    def __call__(self, request: Request, send: Send) -> Response:
        if request.method != "DELETE":
            return send(request)
        if request.target in self._gone:
            return NOTHING
        self._gone.add(request.target)
        return send(request)


def password_returned(request: Request, send: Send) -> Response:
    """The answer to a write shows the password that was sent."""
    said = send(request)
    sent = body_of(request) if is_write(request) else {}
    for one in (sent, *(operation.get("value") for operation in operations_of(request))):
        if isinstance(one, dict) and "password" in one and said.is_success and said.body:
            return with_json(said, {**said.json(), "password": one["password"]})
    return said


def _digits(key: str, value: Json) -> Json:
    digits = re.sub(r"\D", "", value) if isinstance(value, str) else ""
    is_number = len(digits) >= 7 and re.fullmatch(r"(tel:)?[-+ ()\d]+", value)
    return f"+{digits}" if key == "value" and is_number else value


def numbers_formatted(resource: Json) -> Json:
    phones = resource.get("phoneNumbers")
    return {**resource, "phoneNumbers": mapped(phones, _digits)} if phones else resource


def in_small_letters(key: str, value: Json) -> Json:
    return value.lower() if key == "userName" and isinstance(value, str) else value


TEXTS: Final = frozenset({"title", "nickName", "displayName", "userType", "locale", "preferredLanguage", "department"})


def null_as_text(body: Json) -> Json:
    if "Operations" in body:
        return {**body, "Operations": [_null_operation(operation) for operation in body["Operations"]]}
    return mapped(body, lambda key, value: "null" if value is None and key in TEXTS else value)


def _null_operation(operation: Json) -> Json:
    if path(operation) in TEXTS and "value" in operation and operation["value"] is None:
        return {**operation, "value": "null"}
    return mapped(operation, lambda key, value: "null" if value is None and key in TEXTS else value)


def has_empty_text(request: Request) -> bool:
    return is_write(request) and has_leaf(request, "")


def has_leaf(request: Request, leaf: Json) -> bool:
    """Whether a write says that somewhere."""
    found: list[str] = []
    mapped(body_of(request), lambda key, value: found.append(key) if value is leaf or value == leaf else None)
    return bool(found)


def single_emails_bare(resource: Json) -> Json:
    emails = resource.get("emails") or []
    return {**resource, "emails": emails[0]} if len(emails) == 1 else resource


def never_changing_version(request: Request, send: Send) -> Response:
    """Every version of everything is called W/"1"."""
    if 'W/"1"' in request.headers.get("if-none-match", ""):
        return Response(304, {"etag": 'W/"1"'}, b"", 0.0)
    conditional = 'W/"1"' in request.headers.get("if-match", "")
    said = send(without_header(request, "if-match") if conditional else request)
    return with_header(said, "etag", 'W/"1"') if "etag" in said.headers else said


def version_one(resource: Json) -> Json:
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "version": 'W/"1"'}} if "version" in meta else resource


def never_modified(resource: Json) -> Json:
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "lastModified": meta["created"]}} if "created" in meta else resource


def without_enterprise(resource: Json) -> Json:
    schemas = [uri for uri in resource.get("schemas", ()) if uri != ENTERPRISE]
    return {**without(resource, ENTERPRISE), "schemas": schemas}


# PATCH ----------------------------------------------------------------------------------------------------------------


def patch_without_effect(request: Request, send: Send) -> Response:
    """Every PATCH is a success that changes nothing."""
    return send(instead(request, "GET") if request.method == "PATCH" else request)


def _truth_of_text(value: Json) -> Json:
    return bool(value) if isinstance(value, str) and value.lower() in ("true", "false") else value


def false_as_true(operation: Operation) -> list[Operation]:
    """`bool("False")` is True."""
    if path(operation) == "active":
        return [{**operation, "value": _truth_of_text(operation.get("value"))}]
    value = operation.get("value")
    if isinstance(value, dict) and "active" in value:
        return [{**operation, "value": {**value, "active": _truth_of_text(value["active"])}}]
    return [operation]


def typed_path_without_match(request: Request, send: Send) -> Response:
    """A value path that selects nothing is refused, whatever the operation would do there."""
    paths = [TYPED.match(path(operation)) for operation in operations_of(request)]
    resource = current(request, send) if any(paths) else {}
    for selected in filter(None, paths):
        if not any(one.get("type") == selected[2] for one in resource.get(selected[1]) or ()):
            return refusal(400, f"{selected[0]} selects nothing.", "noTarget")
    return send(request)


def list_rewritten(operation: Operation) -> list[Operation]:
    """A value path with a sub-attribute: the list becomes that one element."""
    selected = TYPED.match(path(operation))
    if verb(operation) == "remove" or not selected or not selected[3]:
        return [operation]
    element = {"type": selected[2], selected[3]: operation.get("value")}
    return [{"op": "replace", "path": selected[1], "value": [element]}]


def name_replaced_whole(operation: Operation) -> list[Operation]:
    """What a replaced name does not say is gone."""
    value = operation.get("value")
    replaces = path(operation) == "name" or (not path(operation) and isinstance(value, dict) and "name" in value)
    gone = {"op": "remove", "path": "name"}
    return [gone, operation] if replaces and verb(operation) == "replace" else [operation]


def whole_element_removed(operation: Operation) -> list[Operation]:
    """A remove of `emails[type eq "work"].display` removes the e-mail."""
    selected = re.fullmatch(r"(\w+\[.*\])\.\w+", path(operation))
    return [{**operation, "path": selected[1]}] if selected and verb(operation) == "remove" else [operation]


def flat_keys_forgotten(operation: Operation) -> list[Operation]:
    """Keys of a value without a path are names; one with a dot or a URN is the name of nothing."""
    value = operation.get("value")
    if path(operation) or not isinstance(value, dict):
        return [operation]
    known = {key: member for key, member in value.items() if "." not in key or isinstance(member, dict)}
    return [{**operation, "value": known}] if known else []


def one_by_one(request: Request, send: Send) -> Response:
    """Each operation is done for itself; those before one that is refused stay done."""
    operations = operations_of(request)
    said = send(request) if len(operations) < 2 else None
    for operation in operations if said is None else ():
        said = send(without_header(with_operations(request, [operation]), "if-match"))
        if not said.is_success:
            return said
    return said or send(request)


def no_change_refused(request: Request, send: Send) -> Response:
    """A PATCH after which everything is as before is answered 400."""
    if request.method != "PATCH":
        return send(request)
    before = current(request, send)
    said = send(request)
    return refusal(400, "No valid fields to update.") if said.is_success and current(request, send) == before else said


def previous_state_answered(request: Request, send: Send) -> Response:
    """A PATCH answers with the resource as it was before."""
    if request.method != "PATCH":
        return send(request)
    before = current(request, send)
    said = send(request)
    return with_json(said, before) if said.is_success and said.body else said


def unknown_refused(request: Request) -> bool:
    """A strict server: attributes that it does not know are an error."""
    body = body_of(request) if is_write(request) else {}
    return any(not uri.startswith(KNOWN) for uri in body.get("schemas") or () if isinstance(uri, str))


# Groups ---------------------------------------------------------------------------------------------------------------


def is_about_members(operation: Operation) -> bool:
    return path(operation).startswith("members")


def selects_members(operation: Operation) -> bool:
    return verb(operation) == "remove" and path(operation).startswith("members[")


def lists_members_to_remove(operation: Operation) -> bool:
    return verb(operation) == "remove" and path(operation) == "members" and bool(operation.get("value"))


EVERYBODY: Final[Operation] = {"op": "remove", "path": "members"}


def filter_removes_everybody(operation: Operation) -> list[Operation]:
    return [EVERYBODY] if selects_members(operation) else [operation]


def list_removes_everybody(operation: Operation) -> list[Operation]:
    return [EVERYBODY] if lists_members_to_remove(operation) else [operation]


def filter_removes_nobody(operation: Operation) -> list[Operation]:
    return [] if selects_members(operation) else [operation]


def list_removes_nobody(operation: Operation) -> list[Operation]:
    return [] if lists_members_to_remove(operation) else [operation]


def named_members(operation: Operation) -> list[str]:
    """Whom an operation adds, sets or removes by name, with or without a path."""
    value = operation.get("value")
    if not path(operation) and isinstance(value, dict):
        value = value.get("members")
    elif path(operation) != "members":
        return re.findall(r'^members\[value eq "([^"]*)"\]', path(operation), re.IGNORECASE)
    elements = value if isinstance(value, list) else [value]
    return [str(one["value"]) for one in elements if isinstance(one, dict) and "value" in one]


def displays_a_member(request: Request) -> bool:
    """Whether a write gives a member a display name."""
    body = request.body or b""
    return is_write(request) and b'"members"' in body and b'"display"' in body


def displays_nobody(request: Request) -> bool:
    """Whether a write gives a member a display name that is null."""
    return displays_a_member(request) and re.search(rb'"display": ?null', request.body or b"") is not None


def last_member_lost(operation: Operation) -> list[Operation]:
    """Of several members that are added or set at once the last is forgotten."""
    value = operation.get("value")
    if verb(operation) != "remove" and path(operation) == "members" and isinstance(value, list) and len(value) > 1:
        return [{**operation, "value": value[:-1]}]
    return [operation]


def read_then_written(request: Request, send: Send) -> Response:
    """The members are read, changed in memory and written whole, without a lock: what came between is lost."""
    operations = operations_of(request)
    if parts_of(request)[:1] != ["Groups"] or not operations or not all(map(is_about_members, operations)):
        return send(request)
    group = current(request, send)
    members = dict.fromkeys(member_ids(group)) if group else {}
    for operation in operations:
        members = _changed(members, operation)
    time.sleep(0.02)
    body = {**without(group, "meta"), "members": [{"value": id} for id in members]}
    return send(instead(request, "PUT", body=body))


def _changed(members: dict[str, None], operation: Operation) -> dict[str, None]:
    named = named_members(operation)
    if verb(operation) == "remove":
        return {id: None for id in members if named and id not in named}
    return dict.fromkeys([*(members if verb(operation) == "add" else ()), *named])


def hundred_members(resource: Json) -> Json:
    members = resource.get("members")
    return {**resource, "members": members[:100]} if members else resource


class Doubled:
    """Who is added to a group again is in it twice."""

    def __init__(self) -> None:
        self._again: dict[str, list[str]] = defaultdict(list)

    def __call__(self, request: Request, send: Send) -> Response:
        parts = parts_of(request)
        if len(parts) != 2 or parts[0] != "Groups":
            return send(request)
        adds = [operation for operation in operations_of(request) if verb(operation) == "add"]
        known = member_ids(current(request, send)) if adds else []
        self._again[parts[1]] += [id for operation in adds for id in named_members(operation) if id in known]
        said = send(request)
        body = said.json() if said.is_success and said.body else {}
        again = [member for member in body.get("members") or () if member["value"] in self._again[parts[1]]]
        return with_json(said, {**body, "members": body["members"] + again}) if again else said


def member_known(request: Request, send: Send) -> Response:
    """Adding somebody who is in the group is a conflict."""
    adds = [operation for operation in operations_of(request) if verb(operation) == "add"]
    known = member_ids(current(request, send)) if any(map(named_members, adds)) else []
    if any(id in known for operation in adds for id in named_members(operation)):
        return refusal(409, "The user is a member already.", "uniqueness")
    return send(request)


def member_unknown(request: Request, send: Send) -> Response:
    """Removing somebody who is not in the group is an error."""
    removals = [operation for operation in operations_of(request) if verb(operation) == "remove"]
    named = [id for operation in removals for id in named_members(operation)]
    if named and not set(named) <= set(member_ids(current(request, send))):
        return refusal(404, "The user is no member.")
    return send(request)


def _strangers(request: Request, send: Send, operation: Operation) -> list[str]:
    return [id for id in named_members(operation) if not send(instead(request, "GET", f"/Users/{id}")).is_success]


def strangers_ignored(request: Request, send: Send) -> Response:
    """Ids that nobody has are left out of what is added, and the answer is a success."""
    if not any(map(is_about_members, operations_of(request))):
        return send(request)
    operations = []
    for operation in operations_of(request):
        strangers = _strangers(request, send, operation) if verb(operation) != "remove" else []
        members = [{"value": id} for id in named_members(operation) if id not in strangers]
        operations.append({**operation, "value": members} if strangers else operation)
    return send(with_operations(request, operations))


def strangers_empty_the_group(request: Request, send: Send) -> Response:
    """Members are deleted first; then the new ones are found to be wrong, and the answer is 400."""
    for operation in operations_of(request):
        if verb(operation) == "replace" and _strangers(request, send, operation):
            send(instead(request, "PATCH", body=_patch(EVERYBODY)))
            return refusal(400, "There is no such user.", "invalidValue")
    return send(request)


def put_adds_members(request: Request, send: Send) -> Response:
    """A PUT of a group adds the members that it names, and removes nobody."""
    body = body_of(request)
    if not is_to("PUT", "Groups")(request) or not isinstance(body, dict):
        return send(request)
    before = [{"value": id} for id in member_ids(current(request, send))]
    return send(with_body(request, {**body, "members": [*(body.get("members") or ()), *before]}))


def memberships_of_inactive_dropped(request: Request, send: Send) -> Response:
    """Who is made inactive leaves all groups."""
    said = send(request)
    body = said.json() if said.is_success and said.body and request.method in ("PATCH", "PUT") else {}
    if parts_of(request)[:1] == ["Users"] and body.get("active") is False:
        _leave_all(request, send, body)
    return said


def empty_groups_taken_as_written(request: Request, send: Send) -> Response:
    """A PUT with an empty `groups` takes the user out of all groups."""
    said = send(request)
    body = body_of(request)
    if is_to("PUT", "Users")(request) and isinstance(body, dict) and body.get("groups") == [] and said.is_success:
        _leave_all(request, send, said.json())
    return said


def _leave_all(request: Request, send: Send, user: Json) -> None:
    removal = {"op": "remove", "path": f'members[value eq "{user["id"]}"]'}
    for group in user.get("groups") or ():
        send(instead(request, "PATCH", f"/Groups/{group['value']}", _patch(removal)))


# Discovery, bulk ------------------------------------------------------------------------------------------------------


def schemas_changed(change: Callable[[Json], Json]) -> Layer:
    """`change` is made to each schema of the list."""
    return where(
        is_to("GET", "Schemas", parts=1),
        saying(lambda body: {**body, "Resources": [change(schema) for schema in body["Resources"]]}),
    )


def without_group_schema(body: Json) -> Json:
    return _kept(body, [schema for schema in body["Resources"] if schema["id"] != GROUP])


def without_canonical_types(schema: Json) -> Json:
    """No `type` says which values it may have."""

    def plain(attribute: Json) -> Json:
        inner = [without(one, "canonicalValues") for one in attribute.get("subAttributes") or ()]
        return {**attribute, "subAttributes": inner} if inner else attribute

    return {**schema, "attributes": [plain(attribute) for attribute in schema["attributes"]]}


def with_nulls(schema: Json) -> Json:
    """What an attribute does not say is null."""
    nothing = {"canonicalValues": None, "referenceTypes": None, "subAttributes": None}
    return {**schema, "attributes": [{**nothing, **attribute} for attribute in schema["attributes"]]}


def without_bulk_limits(body: Json) -> Json:
    return {**body, "bulk": {"supported": body["bulk"]["supported"]}}


def bulk_cut(request: Request) -> Request:
    """Operations after the second are not done."""
    body = body_of(request)
    return with_body(request, {**body, "Operations": body["Operations"][:2]})


def bulk_references_unresolved(request: Request) -> Request:
    """`bulkId:x` is kept as the text that it is."""
    return replace(request, body=(request.body or b"").replace(b'"bulkId:', b'"unresolved:'))


def without_locations(body: Json) -> Json:
    operations = body.get("Operations")
    return {**body, "Operations": [without(one, "location") for one in operations]} if operations else body
