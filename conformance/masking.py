"""Secrets out of what is shown: credentials in headers and bodies, and every known secret wherever it stands."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from conformance.exchange import Exchange, Json, Request

MASK: Final = "********"
SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
SECRET_MEMBERS: Final = re.compile(
    r'("(?:password|access_token|refresh_token|id_token|client_secret|client_assertion|secret|token)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*"',
    re.IGNORECASE,
)
SECRET_FIELDS: Final = re.compile(r"\b(client_secret|client_assertion|password|access_token|refresh_token)=[^&\s]*")


class Masking:
    """Masks what looks like a secret, and those it was told of. A header keeps its scheme: `Bearer ********`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Mask this from now on, wherever it stands."""
        if secret:
            self._secrets = sorted({*self._secrets, secret}, key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        text = SECRET_MEMBERS.sub(rf'\1"{MASK}"', text)
        return SECRET_FIELDS.sub(rf"\1={MASK}", text)

    def json(self, value: Json) -> Json:
        """The value with every text in it masked, names of members too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.json(one) for one in value]
        if isinstance(value, dict):
            return {self.text(name): self.json(one) for name, one in value.items()}
        return value

    def exchange(self, exchange: Exchange) -> Exchange:
        """The exchange as it may be shown."""
        request, response = exchange.request, exchange.response
        shown = Request(
            request.method,
            self.text(request.target),
            self._headers(request.headers),
            None if request.body is None else self._body(request.body),
        )
        answer = response and replace(response, headers=self._headers(response.headers), body=self._body(response.body))
        fault = exchange.fault and self.text(exchange.fault)
        return Exchange(shown, answer, fault)

    def _headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: self._header(name, value) for name, value in headers.items()}

    def _header(self, name: str, value: str) -> str:
        if name.lower() not in SECRET_HEADERS:
            return self.text(value)
        scheme, blank, _ = value.partition(" ")
        return f"{scheme} {MASK}" if blank else MASK

    def _body(self, body: bytes) -> bytes:
        return self.text(body.decode("utf-8", "replace")).encode()
