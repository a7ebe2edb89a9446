"""Messages to /Bulk that are too long, too many, or none: refused as a whole, on both engines."""

import json
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.http.bulk import BULK_REQUEST, delete, names, patch, send, statuses, user
from tests.http.server import Client, Server, assert_error


@pytest.fixture(scope="module")
def server(on_both: Server) -> Server:
    return on_both


# Limits


def bulk_body(*operations: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"schemas": [BULK_REQUEST], "Operations": operations, **more}).encode()


@pytest.mark.req("R-BULK-02", "R-BULK-03")
def test_as_many_operations_as_are_published_are_taken_and_no_more(server: Server) -> None:
    client = Client(server.app(bulk_max_operations=3), server.token(server.tenant()))
    assert client.get("/ServiceProviderConfig").get_json(force=True)["bulk"]["maxOperations"] == 3
    assert statuses(send(client, *(user(str(n)) for n in range(3)))) == ["201"] * 3
    refused = client.send("POST", "/Bulk", bulk_body(*(user(f"{n}+") for n in range(4))))
    assert_error(refused, 413)
    assert "maxOperations" in refused.get_json(force=True)["detail"]
    assert len(names(client)) == 3


@pytest.mark.req("R-BULK-03")
def test_operations_are_counted_before_the_rest_is_parsed(server: Server) -> None:
    client = Client(server.app(bulk_max_operations=3), server.token(server.tenant()))
    assert_error(client.send("POST", "/Bulk", b'{"Operations": [1, 2, {}, {"x": 1}, ]]] no JSON'), 413)
    assert_error(client.send("POST", "/Bulk", b'{"Operations": [1, 2, {}, ]]] no JSON'), 400, "invalidSyntax")


@pytest.mark.req("R-BULK-02", "R-BULK-03")
@pytest.mark.parametrize("chunked", [False, True])
def test_as_many_bytes_as_are_published_are_taken_and_no_more(server: Server, chunked: bool) -> None:
    client = Client(server.app(bulk_max_payload=4096, max_body=1024), server.token(server.tenant()))
    assert client.get("/ServiceProviderConfig").get_json(force=True)["bulk"]["maxPayloadSize"] == 4096
    body = bulk_body(user("a"))
    fits, too_large = body + b" " * (4096 - len(body)), body + b" " * (4097 - len(body))

    def post(body: bytes) -> TestResponse:
        if not chunked:
            return client.send("POST", "/Bulk", body)
        headers = {"Transfer-Encoding": "chunked"}
        return client.send_raw(
            "POST",
            "/scim/v2/Bulk",
            body,
            headers,
            content_length=None,
            environ_overrides={"wsgi.input_terminated": True},
        )

    refused = post(too_large)
    assert_error(refused, 413)
    assert "maxPayloadSize" in refused.get_json(force=True)["detail"]
    assert names(client) == []
    assert post(fits).status_code == 200


# Bad input

DEEP = b'{"a":' * 40 + b"1" + b"}" * 40
DEEPER = b"[" * 200_000
LOOP = b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[%s]}'
POST_A = b'{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"a"%s}}'

BAD_BODIES = [
    ("nothing", b"", "invalidSyntax"),
    ("white space", b" \n", "invalidSyntax"),
    ("no JSON", b"{", "invalidSyntax"),
    ("an array", b"[1]", "invalidSyntax"),
    ("a string", b'"Operations"', "invalidSyntax"),
    ("null", b"null", "invalidSyntax"),
    ("no members", b"{}", "invalidSyntax"),
    ("two objects", LOOP % POST_A % b"" + b"{}", "invalidSyntax"),
    ("a comma too many", LOOP % (POST_A % b"" + b","), "invalidSyntax"),
    ("a comma too many at the end", (LOOP % (POST_A % b""))[:-1] + b",}", "invalidSyntax"),
    ("a comma too few", LOOP % (POST_A % b"" + b" {}"), "invalidSyntax"),
    ("no colon", b'{"Operations" []}', "invalidSyntax"),
    ("a name that is no string", b"{1: []}", "invalidSyntax"),
    ("single quotes", b"{'Operations': []}", "invalidSyntax"),
    ("NaN", LOOP % (POST_A % b',"x":NaN'), "invalidSyntax"),
    ("a control character", LOOP % (POST_A % b',"x":"\x01"'), "invalidSyntax"),
    ("an array that does not end", b'{"Operations": [', "invalidSyntax"),
    ("an object that does not end", b'{"Operations": [{"a": 1}', "invalidSyntax"),
    ("Operations twice", b'{"Operations": [], "Operations": []}', "invalidSyntax"),
    ("Operations twice in other case", b'{"Operations": [{}], "operations": [{}]}', "invalidSyntax"),
    ("a member twice", LOOP % (POST_A % b',"x":1,"x":2'), "invalidSyntax"),
    ("a member twice beside", b'{"a": 1, "a": 2, "Operations": [{}]}', "invalidSyntax"),
    ("no UTF-8", LOOP % (POST_A % b',"x":"\xff"'), "invalidSyntax"),
    ("UTF-16", (LOOP % (POST_A % b"")).decode().encode("utf-16"), "invalidSyntax"),
    ("a byte order mark", b"\xef\xbb\xbf" + LOOP % (POST_A % b""), "invalidSyntax"),
    ("NUL", LOOP % (POST_A % b',"title":"\\u0000"'), "invalidValue"),
    ("half of a pair", LOOP % (POST_A % b',"title":"\\ud800"'), "invalidValue"),
    ("an integer of 65 bits", LOOP % (POST_A % b',"x":9223372036854775808'), "invalidValue"),
    ("a decimal too large", LOOP % (POST_A % b',"x":1e999'), "invalidValue"),
    ("a number of many digits", LOOP % (POST_A % b',"x":' + b"1" * 5000 + b"}"), None),
    ("deep data", LOOP % (POST_A % (b',"x":' + DEEP)), "invalidSyntax"),
    ("deep operations", LOOP % DEEPER, "invalidSyntax"),
    ("a deep member", b'{"x":' + DEEPER, "invalidSyntax"),
    ("no Operations", b'{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"]}', "invalidSyntax"),
    ("null Operations", b'{"Operations": null}', "invalidSyntax"),
    ("no list of Operations", b'{"Operations": {"0": {}}}', "invalidSyntax"),
    ("empty Operations", LOOP % b"", "invalidSyntax"),
    ("operations that are none", LOOP % b"1", "invalidSyntax"),
    ("an operation that is null", LOOP % b"{}, null", "invalidSyntax"),
    ("a bulkId twice", LOOP % (POST_A % b"" + b"," + POST_A % b""), "invalidSyntax"),
    *(
        (f"failOnErrors {value}", b'{"failOnErrors": %s, "Operations": [{}]}' % value.encode(), "invalidSyntax")
        for value in ("0", "-1", '"1"', "1.0", "true", "[]")
    ),
]


@pytest.mark.req("R-BULK-17", "R-HTTP-15", "R-SEC-08", "R-I18N-09")
@pytest.mark.parametrize(("body", "scim_type"), [case[1:] for case in BAD_BODIES], ids=[case[0] for case in BAD_BODIES])
def test_a_bad_message_is_refused_as_a_whole(client: Client, body: bytes, scim_type: str | None) -> None:
    assert_error(client.send("POST", "/Bulk", body), 400, scim_type)
    assert names(client) == []


@pytest.mark.req("R-SEC-08")
def test_ten_megabytes_are_taken_or_refused_but_never_a_fault(client: Client) -> None:
    large = 10 * 2**20
    assert_error(client.send("POST", "/Bulk", bulk_body(user("a", title="x" * large))), 413)
    filled = bulk_body(user("a", title="x" * (large - 1_000)))
    assert client.send("POST", "/Bulk", filled).status_code == 200


def test_other_media_types_are_refused(client: Client) -> None:
    answer = client.send_raw("POST", "/scim/v2/Bulk", bulk_body(user("a")), {"Content-Type": "text/plain"})
    assert_error(answer, 415)


@pytest.mark.req("R-BULK-16", "R-BULK-05")
@pytest.mark.parametrize(
    ("odd", "made", "patched", "deleted"),
    [
        ("bulkId:", "201", "200", "404"),
        ("bulkId:a", "201", "200", "204"),
        ("BULKID:a", "201", "200", "404"),
        *(
            (odd, "400", "400", "400")
            for odd in ("bulkId:bulkId:a", "bulkId: a", "bulkId:%61", "bulkId:" + "x" * 10_000, "/bulkId:x", 'bulkId:"')
        ),
        ("bulkId:\u2028", "400", "400", "400"),
    ],
)
def test_odd_references_are_no_fault(client: Client, odd: str, made: str, patched: str, deleted: str) -> None:
    entries = send(
        client,
        user("a"),
        user("b", title=odd),
        patch("/Users/bulkId:a", {"op": "remove", "path": f'emails[value eq "{odd}"]'}, bulkId=odd),
        delete(f"/Users/{odd}"),
    )
    assert statuses(entries) == ["201", made, patched, deleted]
