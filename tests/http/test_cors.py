"""Pages of other sites may call the server where the operator says so (ENTRA-95), and nobody notices where not."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from scim_server.config import Settings
from tests.databases import free_port
from tests.http.server import BASE, USER, Client, Server, assert_error

PAGE = "https://scimvalidator.example.com"
OTHER = "https://elsewhere.example.com"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
MONITORING = ["/healthz", "/readyz", "/metrics"]

SAFELISTED = {"Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires", "Last-Modified"}
"""Headers that a page may read without being told (Fetch Standard, "CORS-safelisted response-header name")."""

pytestmark = pytest.mark.req("ENTRA-95")


def cors_headers(answer: TestResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


def words(value: str) -> set[str]:
    return set(value.split(", "))


def uncorrelated(answer: TestResponse) -> tuple[int, dict[str, str], bytes]:
    """The answer without what no two requests share."""
    headers = {name: value for name, value in answer.headers if name not in ("X-Request-Id", "Vary")}
    return answer.status_code, headers, answer.data


@pytest.fixture
def app(server: Server) -> Flask:
    """The application that lets the pages of one other site in, beside this one."""
    return server.app(cors_origins=("https://portal.example.com", PAGE))


@pytest.fixture
def page(server: Server, app: Flask) -> Client:
    """A client with a token of a new tenant."""
    return Client(app, server.token(server.tenant()))


@pytest.fixture
def stranger(app: Flask) -> Client:
    return Client(app, None)


PATHS = [
    f"{BASE}/Users",
    f"{BASE}/Users/42",
    f"{BASE}/Groups/42/members",
    f"{BASE}/Bulk",
    f"{BASE}/ServiceProviderConfig",
    BASE,
    "/scim/Users",
    f"/t/contoso{BASE}/Users",
    f"{BASE}/nothing/there",
    "/scim/v9/Users",
    "/Users",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_needs_no_credential_and_tells_nothing_of_the_path(stranger: Client, path: str) -> None:
    answer = stranger.send_raw("OPTIONS", path, headers=PREFLIGHT)
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Access-Control-Max-Age"] == "600"
    assert answer.headers["Vary"] == "Origin"
    assert cors_headers(answer) == cors_headers(stranger.send("OPTIONS", "/Groups", headers=PREFLIGHT))


def test_a_preflight_allows_every_method_that_there_is(stranger: Client, app: Flask) -> None:
    answer = stranger.send("OPTIONS", "/Users", headers=PREFLIGHT)
    there_are = {method for rule in app.url_map.iter_rules() for method in rule.methods or ()}
    assert words(answer.headers["Access-Control-Allow-Methods"]) == there_are | {"OPTIONS"}


def test_a_preflight_allows_the_headers_that_the_server_reads_and_those_that_it_ignores(stranger: Client) -> None:
    allowed = words(stranger.send("OPTIONS", "/Users", headers=PREFLIGHT).headers["Access-Control-Allow-Headers"])
    assert allowed >= {"Authorization", "Content-Type", "Accept", "If-Match", "If-None-Match", "SCIM-Bulk-Atomic"}
    assert "*" in allowed


@pytest.mark.parametrize("headers", [{"Origin": PAGE}, {"Access-Control-Request-Method": "GET"}])
def test_another_options_is_no_preflight_and_needs_a_credential(
    stranger: Client, page: Client, headers: dict[str, str]
) -> None:
    assert_error(stranger.send("OPTIONS", "/Users", headers=headers), 401)
    assert page.send("OPTIONS", "/Users", headers=headers).headers["Allow"] == "GET, HEAD, OPTIONS, POST"


def test_another_method_is_no_preflight_whatever_its_headers(stranger: Client) -> None:
    assert_error(stranger.send("GET", "/Users", headers=PREFLIGHT), 401)


ANSWERS = [
    ("GET", "/Users", 200),
    ("GET", "/Users/42", 404),
    ("DELETE", "/Users/42", 404),
    ("GET", "/nothing", 404),
    ("GET", "?cursor=x", 400),
    ("DELETE", "/Users", 405),
    ("PATCH", "/Me", 501),
]


@pytest.mark.parametrize(("method", "path", "status"), ANSWERS)
def test_a_page_can_read_every_answer_and_all_of_its_headers(page: Client, method: str, path: str, status: int) -> None:
    answer = page.send(method, path, headers={"Origin": PAGE})
    assert answer.status_code == status
    assert_readable(answer)


def assert_readable(answer: TestResponse) -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert answer.headers["Vary"] == "Origin"
    shown = words(answer.headers["Access-Control-Expose-Headers"])
    sent = {name for name, _ in answer.headers if not name.startswith("Access-Control-")}
    assert sent - {"Vary"} <= shown | SAFELISTED


def test_a_page_can_read_what_was_created_where_it_is_and_its_version(page: Client) -> None:
    body = {"schemas": [USER], "userName": "ana"}
    created = page.send("POST", "/Users", body, {"Origin": PAGE})
    assert created.status_code == 201
    assert_readable(created)
    assert {"ETag", "Location"} <= words(created.headers["Access-Control-Expose-Headers"])
    duplicate = page.send("POST", "/Users", body, {"Origin": PAGE})
    assert_error(duplicate, 409, "uniqueness")
    assert_readable(duplicate)


@pytest.mark.parametrize("path", [f"{BASE}/Users", f"{BASE}/nothing", f"/t/contoso{BASE}/Users"])
def test_a_page_can_read_that_its_credential_is_none(stranger: Client, path: str) -> None:
    answer = stranger.send_raw("GET", path, headers={"Origin": PAGE})
    assert_error(answer, 401)
    assert_readable(answer)


def test_a_page_can_read_that_its_base_url_is_wrong(page: Client) -> None:
    answer = page.send_raw("GET", "/Users", headers={"Origin": PAGE})
    assert_error(answer, 404)
    assert_readable(answer)


def test_a_page_can_read_that_the_server_failed(app: Flask, page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setitem(app.view_functions, "read", fail)
    answer = page.send("GET", "/Users/42", headers={"Origin": PAGE})
    assert_error(answer, 500)
    assert_readable(answer)


FOREIGN = [
    OTHER,
    "null",
    "",
    "http://scimvalidator.example.com",
    f"{PAGE}:8443",
    f"{PAGE}.elsewhere.example.com",
    f"{PAGE}/",
    PAGE.upper(),
    "*",
]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_is_told_nothing(stranger: Client, page: Client, origin: str) -> None:
    for client in (stranger, page):
        for method in ("GET", "OPTIONS"):
            without = client.send(method, "/Users", headers={"Access-Control-Request-Method": "GET"})
            foreign = client.send(method, "/Users", headers={**PREFLIGHT, "Origin": origin})
            assert cors_headers(foreign) == {}
            assert uncorrelated(foreign) == uncorrelated(without)
            assert foreign.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", [PAGE, OTHER, "null"])
def test_every_origin_may_be_allowed(server: Server, origin: str) -> None:
    client = Client(server.app(cors_origins=("*",)), server.token(server.tenant()))
    preflight = client.send("OPTIONS", "/Users", headers={**PREFLIGHT, "Origin": origin})
    answer = client.send("GET", "/Users", headers={"Origin": origin})
    assert (preflight.status_code, answer.status_code) == (204, 200)
    for found in (preflight, answer):
        assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert cors_headers(client.get("/Users")) == {}


@pytest.mark.parametrize("origins", [(PAGE,), ("*",)])
def test_credentials_of_the_browser_are_never_asked_for(server: Server, origins: tuple[str, ...]) -> None:
    client = Client(server.app(cors_origins=origins), server.token(server.tenant()))
    for method in ("OPTIONS", "GET"):
        found = cors_headers(client.send(method, "/Users", headers=PREFLIGHT))
        assert "Access-Control-Allow-Origin" in found
        assert "Access-Control-Allow-Credentials" not in found


@pytest.mark.parametrize("path", MONITORING)
def test_what_asks_for_no_token_is_for_no_page(server: Server, path: str) -> None:
    client = Client(server.app(cors_origins=("*",)), None)
    assert cors_headers(client.send_raw("GET", path, headers={"Origin": PAGE})) == {}
    preflight = client.send_raw("OPTIONS", path, headers=PREFLIGHT)
    assert (preflight.headers["Allow"], cors_headers(preflight)) == ("GET, HEAD, OPTIONS", {})


@pytest.mark.parametrize("path", [f"{BASE}/Users", f"{BASE}/ServiceProviderConfig", f"{BASE}/nothing", "/healthz"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_off_no_header_of_a_browser_changes_an_answer(
    client: Client, anonymous: Client, method: str, path: str
) -> None:
    for caller in (client, anonymous):
        without = caller.send_raw(method, path)
        with_them = caller.send_raw(method, path, headers=PREFLIGHT)
        assert uncorrelated(with_them) == uncorrelated(without)
        assert "Vary" not in with_them.headers


def test_the_variable_turns_it_on(server: Server) -> None:
    origins = Settings.load({"SCIM_CORS_ORIGINS": f"{PAGE}/"}).cors_origins
    client = Client(server.app(cors_origins=origins), server.token(server.tenant()))
    assert client.send("GET", "/Users", headers={"Origin": PAGE}).headers["Access-Control-Allow-Origin"] == PAGE


VALIDATION = """async ([users, token]) => {
    const call = (url, method, secret, more, body) => fetch(url, {
        method, body, headers: {"Authorization": "Bearer " + secret, "Content-Type": "application/scim+json", ...more},
    });
    const answer = async (...sent) => {
        try {
            const found = await call(...sent);
            return [found.status, Boolean(found.headers.get("ETag") && found.headers.get("X-Request-Id"))];
        } catch (failure) {
            return failure.message;
        }
    };
    const url = await call(users, "POST", token, {}, JSON.stringify({userName: "ana"})).then(
        (created) => created.headers.get("Location"), () => users + "/42");
    return [
        await answer(url, "PATCH", token, {"If-Match": "*", "x-correlation": "1"}, JSON.stringify({
            schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            Operations: [{op: "replace", path: "active", value: false}],
        })),
        await answer(url, "GET", "wrong"),
        await answer(url, "DELETE", token),
        await answer(url, "GET", token),
    ];
}"""
"""What a page does in a browser: the status of each answer, and whether it could read its version and id."""


@contextmanager
def listening(app: Flask, port: int) -> Iterator[None]:
    wsgi = make_server("127.0.0.1", port, app, threaded=True)
    thread = Thread(target=wsgi.serve_forever)
    thread.start()
    try:
        yield
    finally:
        wsgi.shutdown()
        thread.join()
        wsgi.server_close()


def validated(browser: Browser, server: Server, port: int, *origins: str) -> Any:
    """What a page of http://127.0.0.1 can do with the server, which to it is another one: http://localhost."""
    token = server.token(server.tenant())
    with listening(server.app(cors_origins=origins), port), browser.new_page() as page:
        page.goto(f"http://127.0.0.1:{port}/healthz")
        return page.evaluate(VALIDATION, [f"http://localhost:{port}{BASE}/Users", token])


def test_a_browser_lets_a_page_of_an_allowed_origin_do_all(browser: Browser, server: Server) -> None:
    port = free_port()
    done = [[200, True], [401, False], [204, False], [404, False]]
    assert validated(browser, server, port, f"http://127.0.0.1:{port}") == done
    assert validated(browser, server, free_port(), "*") == done


@pytest.mark.parametrize("origins", [(), (PAGE,)])
def test_a_browser_lets_no_other_page_do_anything(browser: Browser, server: Server, origins: tuple[str, ...]) -> None:
    assert validated(browser, server, free_port(), *origins) == ["Failed to fetch"] * 4
