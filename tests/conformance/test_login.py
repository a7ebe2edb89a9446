"""Signing in, and no secret in anything that is shown."""

import base64
import html
import json
from urllib.parse import parse_qs, quote, quote_plus

import pytest

from conformance.exchange import Exchange, NoAnswer, Request, Response
from conformance.login import LoginFailed, Renewing, Token, basic, bearer, client_credentials, to_proxy
from conformance.masking import MASK, Masking
from tests.conformance.fakes import answer


class TokenServer:
    """Gives a token to those who send the secret as it likes it."""

    def __init__(self, takes: str, response: Response | None = None) -> None:
        self.takes = takes
        self.sent: list[Request] = []
        self._response = response

    def send(self, request: Request) -> Response:
        self.sent.append(request)
        if self._response:
            return self._response
        form = parse_qs((request.body or b"").decode())
        by = "basic" if "Authorization" in request.headers else "form" if "client_secret" in form else "nothing"
        if by != self.takes:
            return answer(401, {"error": "invalid_client"})
        return answer(200, {"access_token": "acc3ss", "token_type": "Bearer", "expires_in": 3600})


@pytest.mark.req("ENTRA-82", "PING-02")
@pytest.mark.parametrize(("takes", "requests"), [("basic", 1), ("form", 2)])
def test_a_token_is_fetched_with_the_secret_by_basic_or_in_the_form(takes: str, requests: int) -> None:
    server = TokenServer(takes)
    token = client_credentials("https://login.example/oauth/token?x=1", "me:1", "s3 cret", "scim", server)
    assert token == Token("acc3ss", 3600)
    assert len(server.sent) == requests
    last = server.sent[-1]
    assert (last.method, last.target) == ("POST", "/oauth/token?x=1")
    assert last.headers["Content-Type"] == "application/x-www-form-urlencoded"
    form = parse_qs((last.body or b"").decode())
    assert (form["grant_type"], form["scope"]) == (["client_credentials"], ["scim"])
    if takes == "basic":
        text = base64.b64decode(last.headers["Authorization"].removeprefix("Basic ")).decode()
        assert text == "me%3A1:s3+cret"
    else:
        assert (form["client_id"], form["client_secret"]) == (["me:1"], ["s3 cret"])


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            answer(400, {"error": "invalid_client", "error_description": "s3cret is wrong"}),
            '400: {"error": "invalid_cl',
        ),
        (answer(200, {"token": "x"}), "answered 200 without an access_token"),
        (answer(502, b"<html>"), "answered 502 without an access_token"),
        (answer(200, {"access_token": ""}), "answered 200 without an access_token"),
    ],
)
def test_where_no_token_is_given_the_reason_is_said_without_the_secret(response: Response, message: str) -> None:
    with pytest.raises(LoginFailed) as failed:
        client_credentials("https://login.example/t", "me", "s3cret", None, TokenServer("", response))
    assert message in str(failed.value)
    assert "s3cret" not in str(failed.value)


def test_a_token_server_that_cannot_be_reached_is_named() -> None:
    class Dead:
        def send(self, request: Request) -> Response:
            raise NoAnswer("no answer within 1 seconds")

    with pytest.raises(LoginFailed, match="The token URL gave no answer within 1 seconds"):
        client_credentials("https://login.example/t", "me", "s3cret", None, Dead())


def test_the_headers_that_sign_in() -> None:
    assert bearer("t") == {"Authorization": "Bearer t"}
    assert basic("ana", "pässword") == {"Authorization": "Basic YW5hOnDDpHNzd29yZA=="}


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://proxy:3128", {}),
        ("http://ana:p%C3%A4ssword@proxy:3128", {"Proxy-Authorization": "Basic YW5hOnDDpHNzd29yZA=="}),
    ],
)
def test_the_headers_that_sign_in_at_a_proxy(url: str, headers: dict[str, str]) -> None:
    assert to_proxy(url) == headers


@pytest.mark.parametrize(("said", "lifetime"), [(60, 60.0), ("60", 60.0), (0, None), (None, None), ("soon", None)])
def test_how_long_a_token_is_valid(said: object, lifetime: float | None) -> None:
    server = TokenServer("", answer(200, {"access_token": "a", "expires_in": said}))
    assert client_credentials("https://login.example/t", "me", "s", None, server) == Token("a", lifetime)


class Expiring:
    """A server that takes those of the tokens `t1`, `t2` ... that are `valid`, and gives them out."""

    def __init__(self, *valid: str) -> None:
        self.valid = set(valid)
        self.given = 1
        self.now = 0.0
        self.bearers: list[str] = []

    def fetch(self) -> Token:
        self.given += 1
        return Token(f"t{self.given}", 100)

    def send(self, request: Request) -> Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.bearers.append(token)
        return answer(200 if token in self.valid else 401)

    def renewing(self) -> Renewing:
        return Renewing(self, Token("t1", 100), self.fetch, lambda: self.now)


SIGNED = Request("POST", "/v2/Users", {"Authorization": "Bearer t1", "Accept": "a"}, b"{}")


def test_a_token_is_fetched_anew_before_it_expires() -> None:
    server = Expiring("t1", "t2")
    transport = server.renewing()
    for server.now in (0, 89, 91, 92):
        assert transport.send(SIGNED).status == 200
    assert server.bearers == ["t1", "t1", "t2", "t2"]


def test_a_token_that_is_refused_is_fetched_anew_once() -> None:
    server = Expiring("t2")
    transport = server.renewing()
    assert [transport.send(SIGNED).status for _ in range(2)] == [200, 200]
    assert server.bearers == ["t1", "t2", "t2"]
    server.valid.clear()
    assert transport.send(SIGNED).status == 401
    assert server.bearers[3:] == ["t2", "t3"]


def test_other_credentials_are_sent_as_they_are() -> None:
    server = Expiring()
    wrong = Request("GET", "/v2/Users", {"Authorization": "Bearer wrong"})
    assert server.renewing().send(wrong).status == 401
    assert (server.bearers, server.given) == (["wrong"], 1)


def test_where_no_token_is_given_any_more_there_is_no_answer() -> None:
    def fetch() -> Token:
        raise LoginFailed("The token URL answered 400.")

    transport = Renewing(Expiring(), Token("t1"), fetch)
    with pytest.raises(NoAnswer, match="no token any more: The token URL answered 400"):
        transport.send(SIGNED)


MASKED = [
    ('{"password": "a\\"b", "userName": "x"}', '{"password": "********", "userName": "x"}'),
    ('{"Access_Token" : "abc"}', '{"Access_Token" : "********"}'),
    ("grant_type=x&client_secret=abc&scope=y", "grant_type=x&client_secret=********&scope=y"),
    ("Bearer t0ken and t0ken", "Bearer ******** and ********"),
    ('{"detail": "t0ken-long is no token"}', '{"detail": "******** is no token"}'),
    ('{"title": "password"}', '{"title": "password"}'),
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_a_text_is_shown_without_secrets(text: str, masked: str) -> None:
    assert Masking(["t0ken", "t0ken-long", ""]).text(text) == masked


def test_an_exchange_is_shown_without_secrets() -> None:
    request = Request(
        "POST",
        "/Users?access_token=abc",
        {"Authorization": "Basic dTpw", "X-Api-Key": "k3y", "Accept": "t0ken"},
        json.dumps({"password": "p"}).encode(),
    )
    response = Response(200, {"set-cookie": "a=b", "etag": "1"}, b'{"echo": "t0ken", "secret": "x"}', 0.1)
    shown = Masking(["t0ken"]).exchange(Exchange(request, response, "t0ken failed"))
    assert shown.request.target == "/Users?access_token=********"
    assert dict(shown.request.headers) == {
        "Authorization": "Basic ********",
        "X-Api-Key": "********",
        "Accept": "********",
    }
    assert shown.request.body == b'{"password": "********"}'
    assert shown.response is not None
    assert shown.response.headers == {"set-cookie": "********", "etag": "1"}
    assert shown.response.body == b'{"echo": "********", "secret": "********"}'
    assert shown.fault == "******** failed"


SECRET = "aB3+/=é&c0de-of-the-server"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("ab3", "aB3"),
        quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        html.escape(SECRET),
        *(base64.b64encode(f"{before}{SECRET} and more".encode()).decode() for before in ("", "x", "xy", "Bearer ")),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        SECRET[:15],
    ],
)
def test_a_secret_is_masked_however_an_answer_gives_it_back(written: str) -> None:
    shown = Masking([SECRET]).text(f"You sent {written}")
    assert MASK in shown
    assert written not in shown
    assert not any(written[at : at + 12] in shown for at in range(9, len(written) - 24))
