"""Which request reaches what, and how the others are refused."""

import json
import re

import pytest

from tests.http.server import BASE, USER, Client, Server, assert_error

ID = "00919288221112222"


@pytest.mark.req("R-AUTH-05", "R-ERR-04", "R-SEC-14", "OKTA-40")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Users"),
        ("POST", "/Users"),
        ("DELETE", f"/Users/{ID}"),
        ("PATCH", "/Users"),
        ("GET", "/Schemas"),
        ("GET", "/ResourceTypes"),
        ("POST", "/ServiceProviderConfig"),
        ("GET", "/nothing"),
        ("GET", ""),
        ("GET", "/Me"),
        ("OPTIONS", "/Users"),
    ],
)
def test_the_credential_comes_first(anonymous: Client, method: str, path: str) -> None:
    answer = anonymous.send(method, path, b"x", {"Content-Type": "text/plain"})
    assert_error(answer, 401)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="scim"'


@pytest.mark.req("R-AUTH-06", "OKTA-40")
@pytest.mark.parametrize("authorization", ["non-token", "Bearer", "Bearer nope", "Basic eDp5", "Bearer é", "Token x"])
def test_a_credential_that_is_none_is_refused(anonymous: Client, authorization: str) -> None:
    answer = anonymous.send("GET", "/Users", headers={"Authorization": authorization})
    assert_error(answer, 401)
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="scim"')


@pytest.mark.req("R-AUTH-03", "R-AUTH-04")
def test_a_token_in_the_url_is_refused(client: Client, anonymous: Client) -> None:
    assert_error(anonymous.get(f"/Users?access_token={client.token}"), 401)
    assert_error(client.get("/Users?access_token=x"), 400)
    assert_error(client.get("/Users?acces%73_token=x"), 400)


@pytest.mark.req("R-TEN-01")
def test_a_tenants_own_url_takes_its_credentials_and_no_others(server: Server) -> None:
    mine, other = server.tenant(), server.tenant()
    client = Client(server.app(), server.token(mine))
    created = client.create("ana")
    at_home = client.send_raw("GET", f"/t/{mine.name}{BASE}/Users/{created['id']}")
    assert json.loads(at_home.data)["userName"] == "ana"
    refusals = [client.send_raw("GET", f"/t/{name}{BASE}/Users") for name in (other.name, "nobody", "a%20b")]
    for refusal in refusals:
        assert_error(refusal, 403)
    assert len({refusal.data for refusal in refusals}) == 1


@pytest.mark.req("R-AUTH-07", "R-SRCH-01")
def test_a_read_only_credential_reads_and_searches(server: Server) -> None:
    tenant = server.tenant()
    id = Client(server.app(), server.token(tenant)).create("ana")["id"]
    reader = Client(server.app(), server.token(tenant, read_only=True))
    assert reader.get(f"/Users/{id}").status_code == 200
    assert reader.send("POST", "/Users/.search", {}).status_code == 200
    assert reader.send("POST", "/.search", {}).status_code == 200
    for method, path in [("POST", "/Users"), *((m, f"/Users/{id}") for m in ("PUT", "PATCH", "DELETE"))]:
        refusal = reader.send(method, path, {"schemas": [USER], "userName": "eve"})
        assert_error(refusal, 403)
        assert "insufficient_scope" in refusal.headers["WWW-Authenticate"]


@pytest.mark.req("R-HTTP-13", "R-ERR-07")
@pytest.mark.parametrize(
    "path",
    [
        "/f6a2b9e0-6f5c-4a52-9cbf-4a8f0f1f0c5d",
        "/users",
        "/Users/1/2",
        "/Users/1/.search",
        "/Nothing/1",
        "/Schema",
        "/ServiceProviderConfig/1",
        "/ResourceTypes/User/1",
        "/v2/Users",
        "/%00",
        "/%FF",
    ],
)
def test_an_unknown_path_is_not_found_whatever_the_method(client: Client, path: str) -> None:
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        assert_error(client.send(method, path), 404)


@pytest.mark.req("R-HTTP-13")
@pytest.mark.parametrize("url", ["/", "/Users", "/v9/Users", "/t/acme", "/t/acme/Users", "/favicon.ico", "/scimitar"])
def test_outside_of_the_base_there_is_nothing_and_no_token_is_asked_for(anonymous: Client, url: str) -> None:
    assert_error(anonymous.send_raw("GET", url), 404)


@pytest.mark.req("R-HTTP-08")
@pytest.mark.parametrize("version", ["v1", "v3", "v9", "v20", "v0"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_another_version_is_refused(client: Client, version: str, method: str) -> None:
    for rest in ("", "/Users", "/Users/1", "/Nothing"):
        assert_error(client.send_raw(method, f"/scim/{version}{rest}"), 400, "invalidVers")


@pytest.mark.req("R-HTTP-09")
def test_without_a_version_the_newest_one_answers(client: Client) -> None:
    client.create("ana")
    listed = json.loads(client.send_raw("GET", "/scim/Users").data)
    assert listed["totalResults"] == 1
    assert listed["Resources"][0]["meta"]["location"].startswith("http://localhost/scim/Users/")


WRONG_METHODS = [
    ("PUT", "/Users", "GET, HEAD, OPTIONS, POST"),
    ("PATCH", "/Users", "GET, HEAD, OPTIONS, POST"),
    ("DELETE", "/Groups", "GET, HEAD, OPTIONS, POST"),
    ("POST", f"/Users/{ID}", "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"),
    ("GET", "/Users/.search", "OPTIONS, POST"),
    ("DELETE", "/Users/.search", "OPTIONS, POST"),
    ("GET", "/.search", "OPTIONS, POST"),
    ("POST", "", "GET, HEAD, OPTIONS"),
    ("GET", "/Bulk", "OPTIONS, POST"),
    ("TRACE", "/Users", "GET, HEAD, OPTIONS, POST"),
    ("BREW", "/Users", "GET, HEAD, OPTIONS, POST"),
]


@pytest.mark.req("R-HTTP-12")
@pytest.mark.parametrize(("method", "path", "allowed"), WRONG_METHODS)
def test_a_wrong_method_is_refused_before_the_body_is_looked_at(
    client: Client, method: str, path: str, allowed: str
) -> None:
    answer = client.send(method, path, b"\xff" * 100_000, {"Content-Type": "text/xml"})
    assert_error(answer, 405)
    assert answer.headers["Allow"] == allowed


def test_options_tells_the_methods(client: Client) -> None:
    answer = client.send("OPTIONS", "/Users")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert "Content-Type" not in answer.headers


@pytest.mark.req("R-ME-02", "R-HTTP-14")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/Me"), ("POST", "/Me"), ("PUT", "/Me"), ("PATCH", "/Me"), ("DELETE", "/Me")],
)
def test_what_is_not_supported_says_so(client: Client, method: str, path: str) -> None:
    assert_error(client.send(method, path, {}), 501)


@pytest.mark.req("OL-01", "CL-03")
@pytest.mark.parametrize("form", ["{}/", "{}?", "{}?&", "//{}", "{}//", "{}/?&"])
def test_connectors_may_write_slashes_and_marks_too_many(client: Client, form: str) -> None:
    id = client.create("ana")["id"]
    for path in ("/Users", f"/Users/{id}", "/ServiceProviderConfig", ""):
        assert client.send_raw("GET", f"{BASE}{form.format(path)}").status_code == 200


@pytest.mark.req("OKTA-40", "R-GET-02")
@pytest.mark.parametrize(
    "id",
    [
        *(ID, "nope", "a b", "%25", "ü", "%FF", "'", "%22", "..", "*", "0", "x" * 5000, "urn:x:y", "{id}"),
        *("%00", "a%00b", "a%2Fb", "%2E%2E", "%F0%9D%92%B3", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_an_id_of_any_shape_is_just_not_found(client: Client, id: str) -> None:
    change = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [REMOVE]}
    assert_error(client.send("GET", f"/Users/{id}"), 404)
    assert_error(client.send("PUT", f"/Users/{id}", {"schemas": [USER], "userName": "ana"}), 404)
    assert_error(client.send("PATCH", f"/Users/{id}", change), 404)
    assert_error(client.send("DELETE", f"/Users/{id}"), 404)


REMOVE = {"op": "remove", "path": "title"}


@pytest.mark.parametrize("url", [f"{BASE}/Users/.search/", f"{BASE}//.search"])
def test_a_search_is_found_behind_slashes_too(client: Client, url: str) -> None:
    assert client.send_raw("POST", url, {}).status_code == 200


def test_head_is_get_without_the_body(client: Client) -> None:
    id = client.create("ana")["id"]
    for path in ("/Users", f"/Users/{id}", "/Schemas", "/ServiceProviderConfig"):
        head, get = client.send("HEAD", path), client.send("GET", path)
        assert (head.status_code, head.data) == (200, b"")
        assert {**head.headers, "X-Request-Id": ""} == {**get.headers, "X-Request-Id": ""}
    assert client.send("HEAD", "/Users/nope").status_code == 404


@pytest.mark.req("R-HTTP-04", "R-HTTP-05", "R-HTTP-06")
@pytest.mark.parametrize(
    "accept",
    [None, "*/*", "application/scim+json", "application/json", "application/scim+json; charset=utf-8", "text/html"],
)
def test_the_media_type_of_an_answer_is_always_the_same(client: Client, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept, "Accept-Charset": "utf-8"}
    for path in ("/Users", "/Schemas", "/ServiceProviderConfig", "/nothing"):
        assert client.send("GET", path, headers=headers).headers["Content-Type"] == "application/scim+json"


@pytest.mark.req("R-HTTP-01", "R-META-08")
def test_the_application_works_below_any_prefix(client: Client) -> None:
    answer = client.send_raw("POST", f"{BASE}/Users", {"userName": "ana"}, base_url="https://h.example.com/a/b")
    location = f"https://h.example.com/a/b{BASE}/Users/{json.loads(answer.data)['id']}"
    assert answer.headers["Location"] == location
    assert json.loads(answer.data)["meta"]["location"] == location


@pytest.mark.req("R-META-08")
def test_a_trusted_proxy_names_the_host_and_others_do_not(server: Server, client: Client) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "scim.example.com"}
    token = server.token(server.tenant())
    direct = Client(server.app(), token).send("GET", "/ServiceProviderConfig", headers=forwarded)
    proxied = Client(server.app(trusted_proxies=1), token).send("GET", "/ServiceProviderConfig", headers=forwarded)
    assert direct.headers["Content-Location"] == "http://localhost/scim/v2/ServiceProviderConfig"
    assert proxied.headers["Content-Location"] == "https://scim.example.com/scim/v2/ServiceProviderConfig"


@pytest.mark.req("R-META-08")
def test_the_public_url_wins(server: Server) -> None:
    client = Client(server.app(public_url="https://scim.example.com/x"), server.token(server.tenant()))
    assert client.create("ana")["meta"]["location"].startswith("https://scim.example.com/x/scim/v2/Users/")


def test_a_host_that_is_none_is_a_bad_request(client: Client) -> None:
    assert_error(client.send("GET", "/Users", headers={"Host": 'a"b'}), 400)


def test_health_needs_no_token(anonymous: Client) -> None:
    assert anonymous.send_raw("GET", "/healthz").get_json() == {"status": "up"}
    assert anonymous.send_raw("GET", "/readyz").get_json() == {"status": "ready"}


def test_a_server_without_its_tables_is_up_but_not_ready(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(server.database.storage), "readiness", lambda *_: "The database is not migrated.")
    client = Client(server.app(), None)
    assert client.send_raw("GET", "/healthz").status_code == 200
    answer = client.send_raw("GET", "/readyz")
    assert (answer.status_code, answer.get_json()["detail"]) == (503, "The database is not migrated.")
    assert answer.headers["Retry-After"]


def test_requests_are_counted(client: Client, anonymous: Client) -> None:
    pattern = re.compile(rb'^scim_requests_total\{method="GET",status="404",type="User"\} ([0-9.]+)', re.MULTILINE)

    def counted() -> float:
        found = pattern.search(anonymous.send_raw("GET", "/metrics").data)
        return float(found[1]) if found else 0

    before = counted()
    client.get("/Users/nope")
    assert counted() == before + 1


@pytest.mark.req("R-HTTP-02", "R-GET-02")
@pytest.mark.parametrize("rest", ["%2F", "{id}%2F", "%2f{id}", "..%2FUsers%2F{id}"])
def test_an_encoded_slash_separates_nothing(client: Client, rest: str) -> None:
    id = client.create("someone")["id"]
    url = f"{BASE}/Users/{rest.format(id=id)}"
    for method in ("GET", "DELETE"):
        assert_error(client.send_raw(method, url, environ_overrides={"RAW_URI": url}), 404)
    assert client.get(f"/Users/{id}").status_code == 200
