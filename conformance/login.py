"""How the tool signs in: a bearer token, Basic, or a token fetched with client credentials (RFC 6749 section 4.4)."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final
from urllib.parse import quote_plus, unquote, urlencode, urlsplit

from conformance.exchange import NoAnswer, Request, Response, Transport
from conformance.masking import Masking

USED: Final = 0.9
"""The share of its lifetime after which a token is no longer sent: clocks differ, and requests take time."""


class LoginFailed(Exception):
    """No token was given out; the message says why and holds no secret."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and for how many seconds it is valid, if that was said."""

    value: str
    lifetime: float | None = None


def bearer(token: str) -> Mapping[str, str]:
    """The headers that sign a request in with a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> Mapping[str, str]:
    """The headers that sign a request in with a name and a password (RFC 7617)."""
    text = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {text}"}


def to_proxy(url: str) -> Mapping[str, str]:
    """The headers that sign in at a proxy with what its URL holds (RFC 9110 section 11.7.2); none where it has none."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    signed = basic(unquote(parts.username), unquote(parts.password or ""))
    return {"Proxy-Authorization": signed["Authorization"]}


def client_credentials(
    token_url: str, client_id: str, client_secret: str, scope: str | None, transport: Transport
) -> Token:
    """The access token that `token_url` gives for a client; `transport` sends there.

    The secret goes by Basic first, as servers must support (RFC 6749 section 2.3.1), then, if that is refused, in the
    form. Raises `LoginFailed`.
    """
    form = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
    signed = basic(quote_plus(client_id), quote_plus(client_secret))
    response = _ask(transport, token_url, form, signed)
    if response.status in (400, 401):
        response = _ask(transport, token_url, form | {"client_id": client_id, "client_secret": client_secret}, {})
    answer = response.json()
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not (response.is_success and isinstance(token, str) and token):
        raise LoginFailed(f"The token URL answered {response.status}{_reason(answer, client_secret)}.")
    return Token(token, _lifetime(answer.get("expires_in")))


def _lifetime(said: object) -> float | None:
    """Seconds; some servers write the number as a text."""
    text = str(said)
    return float(text) or None if text.isdecimal() else None


def _ask(transport: Transport, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> Response:
    address = urlsplit(url)
    target = address.path or "/"
    sent = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **headers}
    body = urlencode(form).encode()
    try:
        return transport.send(Request("POST", f"{target}?{address.query}" if address.query else target, sent, body))
    except NoAnswer as error:
        raise LoginFailed(f"The token URL gave {error}.") from error


def _reason(answer: object, secret: str) -> str:
    """What an OAuth error says of itself (RFC 6749 section 5.2)."""
    if not isinstance(answer, dict) or "error" not in answer:
        return " without an access_token"
    said = {key: answer[key] for key in ("error", "error_description") if key in answer}
    return f": {Masking([secret]).text(json.dumps(said, ensure_ascii=False))}"


class Renewing:
    """Sends with a token that is valid: one that expires during a run is fetched anew.

    Requests are signed in with the `first` token; the latest goes in its place. A new one is fetched before the old one
    expires, and where a request that bears it is answered 401, which is then sent once more: it was not carried out.
    """

    def __init__(
        self,
        transport: Transport,
        first: Token,
        fetch: Callable[[], Token],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._first = bearer(first.value)["Authorization"]
        self._fetch = fetch
        self._clock = clock
        self._lock = Lock()
        self._take(first)

    def send(self, request: Request) -> Response:
        """The answer. Raises `NoAnswer`, also where no token is given out any more."""
        if request.headers.get("Authorization") != self._first:
            return self._transport.send(request)
        token = self._valid()
        response = self._transport.send(_signed(request, token))
        if response.status != 401:
            return response
        return self._transport.send(_signed(request, self._instead_of(token)))

    def _valid(self) -> Token:
        with self._lock:
            if self._clock() >= self._ends:
                self._renew()
            return self._latest

    def _instead_of(self, refused: Token) -> Token:
        """A token that is not the refused one: another thread may have fetched it."""
        with self._lock:
            if self._latest is refused:
                self._renew()
            return self._latest

    def _renew(self) -> None:
        try:
            self._take(self._fetch())
        except LoginFailed as error:
            raise NoAnswer(f"no token any more: {error}") from error

    def _take(self, token: Token) -> None:
        self._latest = token
        self._ends = self._clock() + (float("inf") if token.lifetime is None else token.lifetime * USED)


def _signed(request: Request, token: Token) -> Request:
    return replace(request, headers={**request.headers, **bearer(token.value)})
