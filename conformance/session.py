"""One server, as a run knows it: where it is, how to sign in there, and what was sent to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from threading import Lock
from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

from conformance.exchange import Exchange, Json, NoAnswer, Request, Response, Transport, Withheld
from conformance.made import Made, made_by
from conformance.masking import Masking
from conformance.ownership import Ownership
from conformance.patience import Patience
from conformance.span import Span
from conformance.stop import Stop

VERBATIM: Final = "/?&=%:@!$'()*+,;[]~"
"""Characters that stand in a request target as they are; others are percent-encoded (RFC 3986)."""


class Elsewhere(Withheld):
    """An address that is not below the base URL; the credentials are for that server alone, so it is not followed."""


@dataclass
class Session:
    """`credentials` are the headers that sign a request in. `run` marks the names of all that this run makes."""

    base_url: str
    transport: Transport
    credentials: Mapping[str, str]
    run: str
    masking: Masking
    domain: str = "example.com"
    facts: Mapping[str, Json] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    stop: Stop = field(default_factory=Stop)
    requests: int = 0
    leftovers: list[str] = field(default_factory=list)
    _ownership: Ownership = field(init=False)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._ownership = Ownership(self.run)

    def unique(self) -> str:
        """A name that nobody else has, for one scenario."""
        with self._lock:
            return f"{self.run}-{next(self._numbers)}"

    @property
    def signed(self) -> Mapping[str, str]:
        """The headers of a request that the tool sends on its own account."""
        return {**self.credentials, "Accept": "application/scim+json"}

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, span: Span
    ) -> Exchange:
        """Send a request to `target`, below the base URL or a whole URL that is. Raises `Withheld`.

        After `span` nobody waits any longer for a server that has too much to do.
        """
        request = Request(method, self.path_of(target), headers, body)
        self._ownership.check(method, self.below_base(request.target), body, partial(self._read, span))
        return self._sent(request, span)

    def _read(self, span: Span, address: str) -> Response | None:
        return self._sent(Request("GET", self.path_of(address), self.signed), span).response

    def _sent(self, request: Request, span: Span) -> Exchange:
        with self._lock:
            self.requests += 1
        try:
            return Exchange(request, self.patience.send(self.transport, request, span))
        except NoAnswer as error:
            return Exchange(request, None, str(error))

    def path_of(self, target: str) -> str:
        """The path and query to ask for. Raises `Elsewhere`."""
        base = urlsplit(self.base_url)
        if target.startswith(("http://", "https://")):
            url = _split(target)
            home = f"{base.path.rstrip('/')}/"
            if (url.scheme, url.netloc) != (base.scheme, base.netloc) or not url.path.startswith(home):
                raise Elsewhere(f"{target} is not below {self.base_url}")
            return quote(url._replace(scheme="", netloc="").geturl(), safe=VERBATIM)
        return base.path.rstrip("/") + quote(target, safe=VERBATIM)

    def below_base(self, path: str) -> str:
        """What `path_of` gave, without the path of the base URL."""
        return path.removeprefix(self.path_of(""))

    def made(self, sent: Json, exchange: Exchange) -> list[Made]:
        """What a request made whose body was `sent` (see `made_by`); from then on its name is one of ours."""
        target = self.below_base(exchange.request.target)
        made = made_by(exchange.request.method, target, sent, exchange.response)
        self._ownership.learn(made, exchange.response)
        return made

    def leave(self, place: str) -> None:
        """Note what could not be removed."""
        with self._lock:
            self.leftovers.append(place)


def _split(target: str) -> SplitResult:
    try:
        return urlsplit(target)
    except ValueError as error:
        raise Elsewhere(f"{target} is no URL: {error}") from error
