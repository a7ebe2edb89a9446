"""What a request made, seen in its answer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from conformance.exchange import Json, Response
from conformance.templates import percent

NAMES: Final = ("userName", "displayName")
"""By which a resource can be found that was made without a word of its id."""


@dataclass(frozen=True, slots=True)
class Made:
    """A resource that was made: the address below the base URL, or, without an id, where and by what to look for it."""

    address: str | None
    endpoint: str
    name: tuple[str, str] | None


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


def names_of(resource: Json) -> Iterator[str]:
    """The names that a resource bears."""
    if isinstance(resource, dict):
        yield from (resource[name] for name in NAMES if isinstance(resource.get(name), str))
