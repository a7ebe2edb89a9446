"""Secrets out of what is shown: credentials in headers and bodies, and every known secret wherever it stands."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from html import escape
from typing import Final
from urllib.parse import quote, quote_plus

from conformance.exchange import Exchange, Json, Request

MASK: Final = "********"
START: Final = 12
"""Characters of a secret that are too many to show."""

SECRET_HEADERS: Final = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
SECRETS: Final = frozenset(
    {"password", "secret", "token", "access_token", "refresh_token", "id_token", "client_secret", "client_assertion"}
)
"""Members of bodies and fields of forms whose values nobody may see."""

_NAMES: Final = "|".join(sorted(SECRETS))
SECRET_MEMBERS: Final = re.compile(rf'("(?:{_NAMES})"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
SECRET_FIELDS: Final = re.compile(rf"\b({_NAMES})=[^&\s]*")


class Masking:
    """Masks what looks like a secret, and those it was told of. A header keeps its scheme: `Bearer ********`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Mask this from now on, wherever it stands and however it is written."""
        if secret:
            self._secrets = sorted({*self._secrets, *spellings(secret)}, key=len, reverse=True)

    def text(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
            if len(secret) > START:
                text = _begun(secret).sub(MASK, text)
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


def spellings(secret: str) -> set[str]:
    """A secret as an answer may give it back: as it is, in a URL, in JSON, in HTML, anywhere in Base64."""
    quoted = {quote(secret, safe=""), quote_plus(secret), quote(secret)}
    texts = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], escape(secret)}
    slashed = {text.replace("/", "\\/") for text in texts}
    encoded = set(_in_base64(secret.encode())) if len(secret) >= START else set()
    return {secret, *quoted, *(re.sub("%..", lambda found: found[0].lower(), one) for one in quoted)} | (
        texts | slashed | encoded
    )


def _in_base64(secret: bytes) -> Iterator[str]:
    """What of it does not depend on what stands before and after: three bytes are four characters."""
    for before in range(3):
        text = b64encode(bytes(before) + secret).rstrip(b"=").decode()
        kept = text[(before * 8 + 5) // 6 : len(text) - ((before + len(secret)) % 3 > 0)]
        yield kept
        yield kept.replace("+", "-").replace("/", "_")


@cache
def _begun(secret: str) -> re.Pattern[str]:
    """The start of a secret, where a long text was cut off within it."""
    return re.compile(re.escape(secret[:START]) + r"[\w.~+/=%\\-]*")
