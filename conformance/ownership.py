"""Which resources of a server are of this run.

Nothing is written to a resource that this run did not make, whatever a server says: one that ignores filters, or that
answers a POST with the id of somebody else, would have a stranger overwritten and deleted. Before the first PUT, PATCH
or DELETE of a resource it is read; if it bears the name of another, nothing is sent. Where that was in order SURE times
at an endpoint, and never was not, the answer to a POST is believed if it has the name that was sent.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Final
from urllib.parse import unquote

from conformance.exchange import Response, Withheld
from conformance.made import Made, names_of
from conformance.templates import percent

SURE: Final = 3
"""Resources of an endpoint that were read and found to be ours, until the answer to a POST is believed there."""

WRITING: Final = frozenset({"PUT", "PATCH", "DELETE"})
"""Methods that change what is there."""

Parts = tuple[str, ...]
"""A path below the base URL: the endpoint and what follows, decoded."""

Read = Callable[[str], Response | None]
"""Reads the resource at an address below the base URL; None where there is no answer."""


class NotOurs(Withheld):
    """A resource that this run did not make would be changed."""


class Ownership:
    """What is known of what is ours, from any thread. `run` marks the names of all that the run makes."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._ours: set[Parts] = set()
        self._answered: set[Parts] = set()
        self._confirmed: Counter[str] = Counter()
        self._doubted: set[str] = set()
        self._names: set[str] = set()
        self._lock = Lock()

    def learn(self, made: Iterable[Made], response: Response | None) -> None:
        """From now on the names of what was made are ours, and its addresses if the answer bears such a name."""
        made = list(made)
        with self._lock:
            self._names |= {one.name[1].casefold() for one in made if one.name}
            if response and any(map(self._is_our_name, names_of(response.json()))):
                self._answered |= {_parts(one.address) for one in made if one.address}

    def check(self, method: str, path: str, body: bytes | None, read: Read) -> None:
        """Raises `NotOurs` where a request to `path`, below the base URL, would change what is not ours."""
        for address in _written(method, path, body):
            self._check(address, read)

    def _check(self, path: str, read: Read) -> None:
        """Raises `NotOurs` where a resource is that bears a name which this run did not give."""
        parts = _parts(path)
        if len(parts) < 2 or parts in self._ours or self._is_believed(parts):
            return
        if {".", ".."} & set(parts):
            raise NotOurs(f"{path} may be the address of something else; nothing was sent")
        address = "/".join(["", *map(percent, parts)])
        response = read(address)
        if response is None or not response.is_success:
            return
        names = list(names_of(response.json()))
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
        if self._run in parts[-1]:
            return True
        return parts in self._answered and self._confirmed[endpoint] >= SURE and endpoint not in self._doubted

    def _is_our_name(self, name: str) -> bool:
        return self._run.casefold() in name.casefold() or name.casefold() in self._names


def _written(method: str, path: str, body: bytes | None) -> Iterator[str]:
    """The resources that a request would change, as paths below the base URL."""
    path = path.partition("?")[0]
    if method in WRITING:
        if method == "DELETE" and len(_parts(path)) < 2:
            raise NotOurs(f"DELETE {path}: it names no resource; nothing was sent")
        yield path
    if method == "POST" and path.endswith("/Bulk"):
        yield from written_in_bulk(body)


def _parts(path: str) -> Parts:
    return tuple(unquote(part) for part in path.partition("?")[0].split("/") if part)


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
