"""One server, as a run knows it: where it is, how to sign in there, and what was made in it."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, groupby
from threading import Lock
from typing import Final
from urllib.parse import quote, urlsplit

from conformance.exchange import Exchange, Json, NoAnswer, Request, Response, Transport
from conformance.masking import Masking
from conformance.templates import percent

CLEANERS: Final = 4
"""Requests at once that remove what a scenario made."""

NAMES: Final = ("userName", "displayName")
"""By which a resource can be found that was made without a word of its id."""

VERBATIM: Final = "/?&=%:@!$'()*+,;[]~"
"""Characters that stand in a request target as they are; others are percent-encoded (RFC 3986)."""


class Elsewhere(Exception):
    """An address that is not below the base URL; the credentials are for that server alone, so it is not followed."""


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that was made: the address below the base URL, or, without an id, where and by what to look for it."""

    address: str | None
    endpoint: str
    name: tuple[str, str] | None


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
    requests: int = 0
    leftovers: list[str] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def unique(self) -> str:
        """A name that nobody else has, for one scenario."""
        with self._lock:
            return f"{self.run}-{next(self._numbers)}"

    def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Exchange:
        """Send a request to `target`, below the base URL or a whole URL that is. Raises `Elsewhere`."""
        request = Request(method, self.path_of(target), headers, body)
        with self._lock:
            self.requests += 1
        try:
            return Exchange(request, self.transport.send(request))
        except NoAnswer as error:
            return Exchange(request, None, str(error))

    def path_of(self, target: str) -> str:
        """The path and query to ask for. Raises `Elsewhere`."""
        base = urlsplit(self.base_url)
        if target.startswith(("http://", "https://")):
            url = urlsplit(target)
            home = f"{base.path.rstrip('/')}/"
            if (url.scheme, url.netloc) != (base.scheme, base.netloc) or not url.path.startswith(home):
                raise Elsewhere(f"{target} is not below {self.base_url}")
            return quote(url._replace(scheme="", netloc="").geturl(), safe=VERBATIM)
        return base.path.rstrip("/") + quote(target, safe=VERBATIM)

    def remove(self, made: Iterable[Made]) -> None:
        """Delete what was made, the last first, so that groups go before their members; what stays is a leftover."""
        for _, alike in groupby(reversed(list(made)), lambda one: one.endpoint):
            with ThreadPoolExecutor(CLEANERS) as pool:
                list(pool.map(self._remove, alike))

    def _remove(self, made: Made) -> None:
        for address in [made.address] if made.address else self._addresses(made):
            self._delete(address)

    def _delete(self, address: str) -> None:
        exchange = self.exchange("DELETE", address, {**self.credentials, "Accept": "application/scim+json"}, None)
        response = exchange.response
        if response is None or not (response.is_success or response.status in (404, 410)):
            self.leftovers.append(address)

    def _addresses(self, made: Made) -> list[str]:
        """Where resources are that bear a name of ours. A server may ignore filters: only equal names count."""
        if made.name is None:
            return []
        attribute, name = made.name
        wanted = f'{attribute} eq "{name}"'
        target = f"{made.endpoint}?filter={percent(wanted)}"
        response = self.exchange("GET", target, {**self.credentials, "Accept": "application/scim+json"}, None).response
        body = response and response.json()
        found = body.get("Resources") if isinstance(body, dict) else None
        return [
            f"{made.endpoint}/{percent(str(one['id']))}"
            for one in found or ()
            if isinstance(one, dict) and one.get(attribute) == name and one.get("id")
        ]


def made_by(method: str, target: str, sent: Json, response: Response | None) -> list[Made]:
    """What a request made, seen in its answer; where the answer leaves it open, what to look for."""
    if method != "POST":
        return []
    endpoint = target.partition("?")[0].rstrip("/")
    if endpoint.endswith("/.search"):
        return []
    answer = response.json() if response else None
    if endpoint.endswith("/Bulk"):
        return _made_in_bulk(endpoint.removesuffix("/Bulk"), sent, answer)
    if response and 300 <= response.status < 500:
        return []
    id = answer.get("id") if isinstance(answer, dict) and response and response.is_success else None
    return [Made(f"{endpoint}/{percent(str(id))}" if id else None, endpoint, name_of(sent))]


def _made_in_bulk(base: str, sent: Json, answer: Json) -> list[Made]:
    made = []
    operations = answer.get("Operations") if isinstance(answer, dict) else None
    for operation in operations if isinstance(operations, list) else ():
        location = operation.get("location") if isinstance(operation, dict) else None
        if location and str(operation.get("method")).upper() == "POST" and str(operation.get("status"))[:1] == "2":
            made.append(Made(str(location), base, None))
    return made or _sent_in_bulk(base, sent)


def _sent_in_bulk(base: str, sent: Json) -> list[Made]:
    """What to look for where a bulk request was not answered as one."""
    operations = sent.get("Operations") if isinstance(sent, dict) else None
    posts = [one for one in operations or () if isinstance(one, dict) and str(one.get("method")).upper() == "POST"]
    return [Made(None, f"{base}{one.get('path')}", name_of(one.get("data"))) for one in posts]


def name_of(sent: Json) -> tuple[str, str] | None:
    """The attribute by which a resource that was sent can be found, and its value."""
    if not isinstance(sent, dict):
        return None
    return next(((name, sent[name]) for name in NAMES if isinstance(sent.get(name), str)), None)
