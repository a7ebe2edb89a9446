"""How the tool signs in: a bearer token, Basic, or a token fetched with client credentials (RFC 6749 section 4.4)."""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote_plus, urlencode, urlsplit

from conformance.exchange import NoAnswer, Request, Response, Transport
from conformance.masking import Masking


class LoginFailed(Exception):
    """No token was given out; the message says why and holds no secret."""


def bearer(token: str) -> Mapping[str, str]:
    """The headers that sign a request in with a token."""
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> Mapping[str, str]:
    """The headers that sign a request in with a name and a password (RFC 7617)."""
    text = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {text}"}


def client_credentials(
    token_url: str, client_id: str, client_secret: str, scope: str | None, transport: Transport
) -> str:
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
    return token


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
