"""Broken and hostile input, at every place that reads a body or a query: a clear refusal, and nothing has changed."""

import json
from urllib.parse import quote

import pytest

from tests.http.bulk import BULK_REQUEST
from tests.http.server import GROUP, PATCH_OP, SEARCH_REQUEST, USER, Client, Server, assert_error

MEGABYTE = 1_000_000
LIMIT = 8 * MEGABYTE


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


@pytest.fixture(scope="module")
def client(server: Server) -> Client:
    return Client(server.app(), server.token(server.tenant()))


@pytest.fixture(scope="module")
def id(client: Client) -> str:
    """A user, who is in a group."""
    user = str(client.create("ana", title="Lead", emails=[{"value": "ana@example.com", "type": "work"}])["id"])
    body = {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": user}]}
    assert client.send("POST", "/Groups", body).status_code == 201
    return user


def state(client: Client) -> list[bytes]:
    """Everything that the tenant has."""
    return [client.get(path).data for path in ("/Users", "/Groups")]


HOLE = "HOLE"
# method, path, a right body with a hole where a value stands
PLACES = {
    "create": ("POST", "/Users", {"schemas": [USER], "userName": "leo", "title": HOLE}),
    "create with a member": ("POST", "/Groups", {"displayName": "Support", "members": [{"value": HOLE}]}),
    "replace": ("PUT", "/Users/{id}", {"schemas": [USER], "userName": "ana", "title": HOLE}),
    "patch": (
        "PATCH",
        "/Users/{id}",
        {
            "schemas": [PATCH_OP],
            "Operations": [
                {"op": "replace", "path": "displayName", "value": "Ana"},
                {"op": "replace", "path": "title", "value": HOLE},
            ],
        },
    ),
    "path of a patch": (
        "PATCH",
        "/Users/{id}",
        {"schemas": [PATCH_OP], "Operations": [{"op": "add", "path": HOLE, "value": "x"}]},
    ),
    "search": ("POST", "/Users/.search", {"schemas": [SEARCH_REQUEST], "filter": HOLE}),
    "search everywhere": ("POST", "/.search", {"schemas": [SEARCH_REQUEST], "attributes": [HOLE]}),
    "bulk": (
        "POST",
        "/Bulk",
        {
            "schemas": [BULK_REQUEST],
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"schemas": [USER], "userName": "leo"}},
                {"method": "POST", "path": "/Users", "bulkId": "2", "data": {"userName": "eve", "title": HOLE}},
            ],
        },
    ),
}
# what stands in the hole, and what is said of it
BROKEN = {
    "deep arrays": (b"[" * 100_000 + b"]" * 100_000, "invalidSyntax"),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "invalidSyntax"),
    "deep and never closed": (b"[" * 1_000_000, "invalidSyntax"),
    "a member twice": (b'{"value":1,"value":2}', "invalidSyntax"),
    "a member twice, once escaped": (rb'{"value":1,"v\u0061lue":2}', "invalidSyntax"),
    "a byte that is no UTF-8": (b'"\xff"', "invalidSyntax"),
    "half a character": (b'"\xc3"', "invalidSyntax"),
    "an overlong character": (b'"\xc0\xaf"', "invalidSyntax"),
    "a surrogate in UTF-8": (b'"\xed\xa0\x80"', "invalidSyntax"),
    "a surrogate": (rb'"\ud800"', "invalidValue"),
    "a surrogate in a name": (rb'{"\udfff":1}', "invalidValue"),
    "NUL": (b'"a\x00b"', "invalidSyntax"),
    "NUL, escaped": (rb'"a\u0000b"', "invalidValue"),
    "NUL, escaped, in a name": (rb'{"a\u0000b":1}', "invalidValue"),
    "more than 64 bits": (b"9223372036854775808", "invalidValue"),
    "less than 64 bits": (b"-9223372036854775809", "invalidValue"),
    "5,000 digits": (b"9" * 5_000, "invalidValue"),
    "a number beyond all": (b"1e400", "invalidValue"),
    "a number beyond all by far": (b"1e999999999999", "invalidValue"),
    "no number": (b"NaN", "invalidSyntax"),
    "no end of numbers": (b"-Infinity", "invalidSyntax"),
    "nothing": (b",", "invalidSyntax"),
    "an open end": (b'"a', "invalidSyntax"),
}


def filled(place: str, hole: bytes, id: str) -> tuple[str, str, bytes]:
    """(method, path, body)"""
    method, path, body = PLACES[place]
    return method, path.format(id=id), json.dumps(body).encode().replace(b'"HOLE"', hole)


@pytest.mark.req("R-HTTP-15", "R-I18N-09", "R-SEC-08", "R-POST-07", "R-PATCH-12", "R-SRCH-04")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_body_is_refused_and_nothing_has_changed(client: Client, id: str, place: str, broken: str) -> None:
    hole, kind = BROKEN[broken]
    before = state(client)
    assert_error(client.send(*filled(place, hole, id)), 400, kind)
    assert state(client) == before


@pytest.mark.parametrize("place", PLACES)
def test_a_body_that_is_not_broken_is_understood(server: Server, place: str) -> None:
    """Else the refusals above would say nothing."""
    client = Client(server.app(), server.token(server.tenant()))
    id = str(client.create("ana")["id"])
    hole = b'"title pr"' if place == "search" else b'"title"'
    assert client.send(*filled(place, hole, id)).status_code in (200, 201)


@pytest.mark.parametrize("place", PLACES)
def test_another_encoding_is_refused(client: Client, id: str, place: str) -> None:
    before = state(client)
    for encoding in ("utf-16", "utf-32", "utf-8-sig"):
        method, path, body = filled(place, b'"x"', id)
        assert_error(client.send(method, path, body.decode().encode(encoding)), 400, "invalidSyntax")
    assert state(client) == before


LARGE = {
    "one text": b'"' + b"x" * 10 * MEGABYTE + b'"',
    "many elements": b"[" + b"1," * (5 * MEGABYTE) + b"1]",
    "nothing but space": b'"x"' + b" " * 10 * MEGABYTE,
    "deep": b"[" * 10 * MEGABYTE,
    "no JSON": b"\xff" * 10 * MEGABYTE,
}


@pytest.mark.req("R-SEC-08", "R-ERR-07", "R-BULK-03")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("large", LARGE)
def test_ten_megabytes_are_too_much_where_the_limit_is_less(
    server: Server, client: Client, id: str, place: str, large: str
) -> None:
    limited = Client(server.app(max_body=LIMIT, bulk_max_payload=LIMIT), client.token)
    before = state(client)
    answer = limited.send(*filled(place, LARGE[large], id))
    assert_error(answer, 413)
    assert answer.headers["Connection"] == "close"
    assert state(client) == before


@pytest.mark.req("R-SEC-08")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("large", ["deep", "no JSON"])
def test_ten_megabytes_within_the_limit_that_are_no_value_are_refused(
    client: Client, id: str, place: str, large: str
) -> None:
    before = state(client)
    assert_error(client.send(*filled(place, LARGE[large], id)), 400, "invalidSyntax")
    assert state(client) == before


@pytest.mark.unmeasured
@pytest.mark.req("R-SEC-08")
def test_a_list_of_five_million_is_no_title(client: Client, id: str) -> None:
    before = state(client)
    assert_error(client.send(*filled("replace", LARGE["many elements"], id)), 400, "invalidValue")
    assert state(client) == before


# a filter that is never answered
FILTERS = {
    "NUL": 'title eq "\x00"',
    "NUL, escaped": r'title eq "\u0000"',
    "a surrogate": r'title eq "\ud800"',
    "a number beyond 64 bits": f"urn:ietf:params:scim:schemas:extension:agentsettings:2.0:User:chatsPerUser eq {2**63}",
    "2,000 parentheses": "(" * 2000 + "title pr" + ")" * 2000,
    "5,000 terms": " or ".join(["title pr"] * 5000),
    "an open end": 'title eq "a',
}
NUMBER = 2**64
# what comes after the base URL, the status, and the scimType
QUERIES = {
    **{f"{name} in a filter": (f"/Users?filter={quote(text)}", 400, "invalidFilter") for name, text in FILTERS.items()},
    "no UTF-8": ("/Users?filter=title%20eq%20%22%FF%22", 400, "invalidValue"),
    "NUL in the name to sort by": ("/Users?sortBy=title%00", 400, None),
    "a page beyond 64 bits": (f"/Users?startIndex={NUMBER}", 400, "invalidValue"),
    "a count beyond 64 bits": (f"/Users?count={NUMBER}", 400, "invalidValue"),
    "a count of 5,000 digits": (f"/Users?count={'9' * 5000}", 400, "invalidValue"),
    "a count that is none": ("/Users?count=%00", 400, "invalidValue"),
    "a cursor that is none": ("/Users?cursor=%00", 400, "invalidCursor"),
    "an id with NUL": ("/Users/%00", 404, None),
    "an id that is no UTF-8": ("/Users/%FF", 404, None),
    "an id of 60,000 characters": (f"/Users/{'x' * 60_000}", 404, None),
    "a schema with NUL": ("/Schemas/%00", 404, None),
}


@pytest.mark.req("R-FILT-34", "R-FILT-41", "R-PAGE-08", "R-SEC-08", "R-I18N-09")
@pytest.mark.parametrize("query", QUERIES)
def test_a_broken_query_is_refused(client: Client, id: str, query: str) -> None:
    path, status, kind = QUERIES[query]
    before = state(client)
    assert_error(client.get(path), status, kind)
    for method in ("PUT", "PATCH", "DELETE") if "/Users/" in path else ():
        body = PLACES["replace" if method == "PUT" else "patch"][2] if method != "DELETE" else None
        assert_error(client.send(method, path, body), 404)
    assert state(client) == before
