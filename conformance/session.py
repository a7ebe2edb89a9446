"""One server, as a run knows it: where it is, how to sign in there, and what was made in it.

Nothing is written to a resource that this run did not make, whatever a server says: one that ignores filters, or that
answers a POST with the id of somebody else, would have a stranger overwritten and deleted. Before the first PUT, PATCH
or DELETE of a resource it is read; if it bears the name of another, nothing is sent. Where that was in order SURE times
at an endpoint, and never was not, the answer to a POST is believed if it has the name that was sent.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, groupby
from threading import Lock
from typing import Final
from urllib.parse import SplitResult, quote, unquote, urlsplit

from conformance.exchange import Exchange, Json, NoAnswer, Request, Response, Transport
from conformance.masking import Masking
from conformance.templates import percent

CLEANERS: Final = 4
"""Requests at once that remove what a scenario made."""

NAMES: Final = ("userName", "displayName")
"""By which a resource can be found that was made without a word of its id."""

VERBATIM: Final = "/?&=%:@!$'()*+,;[]~"
"""Characters that stand in a request target as they are; others are percent-encoded (RFC 3986)."""


SURE: Final = 3

WRITING: Final = frozenset({"PUT", "PATCH", "DELETE"})
"""Methods that change what is there."""


Parts = tuple[str, ...]
"""A path below the base URL: the endpoint and what follows, decoded."""


class Withheld(Exception):
    """A request that is not sent; the message says why."""


class NotOurs(Withheld):
    """A resource that this run did not make would be changed."""


class Elsewhere(Withheld):
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
    _ours: set[Parts] = field(default_factory=set)
    _answered: set[Parts] = field(default_factory=set)
    _confirmed: Counter[str] = field(default_factory=Counter)
    _doubted: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _lock: Lock = field(default_factory=Lock)

    def unique(self) -> str:
        """A name that nobody else has, for one scenario."""
        with self._lock:
            return f"{self.run}-{next(self._numbers)}"

    def exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Exchange:
        """Send a request to `target`, below the base URL or a whole URL that is. Raises `Withheld`."""
        request = Request(method, self.path_of(target), headers, body)
        for address in self._written(request):
            self._see_that_it_is_ours(address)
        return self._sent(request)

    def _sent(self, request: Request) -> Exchange:
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
            url = _split(target)
            home = f"{base.path.rstrip('/')}/"
            if (url.scheme, url.netloc) != (base.scheme, base.netloc) or not url.path.startswith(home):
                raise Elsewhere(f"{target} is not below {self.base_url}")
            return quote(url._replace(scheme="", netloc="").geturl(), safe=VERBATIM)
        return base.path.rstrip("/") + quote(target, safe=VERBATIM)

    def made(self, method: str, target: str, sent: Json, response: Response | None) -> list[Made]:
        """What a request made (see `made_by`); from then on its name is one of ours."""
        made = made_by(method, target, sent, response)
        with self._lock:
            self._names |= {one.name[1].casefold() for one in made if one.name}
            if response and any(map(self._is_our_name, _names_of(response.json()))):
                self._answered |= {_parts(one.address) for one in made if one.address}
        return made

    def remove(self, made: Iterable[Made]) -> None:
        """Delete what was made, the last first, so that groups go before their members; what stays is a leftover."""
        for _, alike in groupby(reversed(list(made)), lambda one: one.endpoint):
            with ThreadPoolExecutor(CLEANERS) as pool:
                list(pool.map(self._remove, alike))

    def _remove(self, made: Made) -> None:
        if made.address and self._delete(made.address):
            return
        for address in self._addresses(made):
            self._delete(address)

    def _delete(self, address: str) -> bool:
        """Whether it was one of ours: only then is it deleted, or left over."""
        try:
            response = self.exchange("DELETE", address, self._signed, None).response
        except Withheld:
            return False
        if response is None or not (response.is_success or response.status in (404, 410)):
            self.leftovers.append(address)
        return True

    @property
    def _signed(self) -> Mapping[str, str]:
        return {**self.credentials, "Accept": "application/scim+json"}

    def _addresses(self, made: Made) -> list[str]:
        """Where resources are that bear a name of ours. A server may ignore filters: only equal names count."""
        if made.name is None:
            return []
        attribute, name = made.name
        wanted = f'{attribute} eq "{name}"'
        target = f"{made.endpoint}?filter={percent(wanted)}"
        response = self.exchange("GET", target, self._signed, None).response
        body = response and response.json()
        found = body.get("Resources") if isinstance(body, dict) else None
        return [
            f"{made.endpoint}/{percent(str(one['id']))}"
            for one in (found if isinstance(found, list) else ())
            if isinstance(one, dict) and one.get(attribute) == name and one.get("id")
        ]

    # What is ours ---------------------------------------------------------------------------------------------------

    def _written(self, request: Request) -> Iterator[str]:
        """The resources that a request would change, as paths below the base URL."""
        path = request.target.partition("?")[0].removeprefix(self.path_of(""))
        if request.method in WRITING:
            if request.method == "DELETE" and len(_parts(path)) < 2:
                raise NotOurs(f"DELETE {path}: it names no resource; nothing was sent")
            yield path
        if request.method == "POST" and path.endswith("/Bulk"):
            yield from written_in_bulk(request.body)

    def _see_that_it_is_ours(self, path: str) -> None:
        """Raises `NotOurs` where a resource is that bears a name which this run did not give."""
        parts = _parts(path)
        if len(parts) < 2 or parts in self._ours or self._is_believed(parts):
            return
        if {".", ".."} & set(parts):
            raise NotOurs(f"{path} may be the address of something else; nothing was sent")
        address = "/".join(["", *map(percent, parts)])
        response = self._sent(Request("GET", self.path_of(address), self._signed)).response
        if response is None or not response.is_success:
            return
        names = list(_names_of(response.json()))
        is_ours = not names or any(map(self._is_our_name, names))
        with self._lock:
            if not is_ours:
                self._doubted.add(parts[0])
                raise NotOurs(f"{address} was not made by this run, it is {names[0]}; nothing was sent")
            self._ours.add(parts)
            self._confirmed[parts[0]] += 1

    def _is_believed(self, parts: Parts) -> bool:
        """Whether it need not be read: an id with the mark of the run is nobody's, or the answer to a POST said it."""
        endpoint = parts[0]
        if self.run in parts[-1]:
            return True
        return parts in self._answered and self._confirmed[endpoint] >= SURE and endpoint not in self._doubted

    def _is_our_name(self, name: str) -> bool:
        return self.run.casefold() in name.casefold() or name.casefold() in self._names


def _split(target: str) -> SplitResult:
    try:
        return urlsplit(target)
    except ValueError as error:
        raise Elsewhere(f"{target} is no URL: {error}") from error


def _parts(path: str) -> Parts:
    return tuple(unquote(part) for part in path.partition("?")[0].split("/") if part)


def _names_of(resource: Json) -> Iterator[str]:
    if isinstance(resource, dict):
        yield from (resource[name] for name in NAMES if isinstance(resource.get(name), str))


def written_in_bulk(body: bytes | None) -> list[str]:
    """The paths of what the operations of a bulk request would change; references within the request are new."""
    try:
        sent = json.loads(body or b"")
    except ValueError:
        return []
    operations = sent.get("Operations") if isinstance(sent, dict) else None
    paths = [
        str(one.get("path"))
        for one in (operations if isinstance(operations, list) else ())
        if isinstance(one, dict) and str(one.get("method")).upper() in WRITING
    ]
    return [path for path in paths if "bulkId:" not in path]


def made_by(method: str, target: str, sent: Json, response: Response | None) -> list[Made]:
    """What a request made, seen in its answer; where the answer leaves it open, what to look for."""
    endpoint = target.partition("?")[0].rstrip("/")
    if method == "PUT" and response and response.status == 201:
        return [Made(endpoint, endpoint.rpartition("/")[0], name_of(sent))]
    if method != "POST":
        return []
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
            made.append(Made(_below(str(location)), base, None))
    return made or _sent_in_bulk(base, sent)


def _below(location: str) -> str:
    """Endpoint and id of a location: a server behind a proxy may know itself by another name, or by none."""
    return "/" + "/".join(location.partition("?")[0].rstrip("/").split("/")[-2:])


def _sent_in_bulk(base: str, sent: Json) -> list[Made]:
    """What to look for where a bulk request was not answered as one."""
    operations = sent.get("Operations") if isinstance(sent, dict) else None
    listed = operations if isinstance(operations, list) else ()
    posts = [one for one in listed if isinstance(one, dict) and str(one.get("method")).upper() == "POST"]
    return [Made(None, f"{base}{one.get('path')}", name_of(one.get("data"))) for one in posts]


def name_of(sent: Json) -> tuple[str, str] | None:
    """The attribute by which a resource that was sent can be found, and its value."""
    if not isinstance(sent, dict):
        return None
    return next(((name, sent[name]) for name in NAMES if isinstance(sent.get(name), str)), None)
