"""A bulk request: its operations, what they refer to, and in which order they can run (RFC 7644 section 3.7).

    {"method": "POST", "bulkId": "ana", "path": "/Users", "data": {...}}
    {"method": "POST", "bulkId": "all", "path": "/Groups", "data": {"members": [{"value": "bulkId:ana"}]}}

A create names itself by its bulkId, and other operations refer to it by `bulkId:` and that name, wherever the id will
stand: as a whole text, as the last step of a URI (`../Users/bulkId:ana`), within the path or a filter of a PATCH, and
in the operation's own path (R-BULK-12, -13). Ids are given out before anything runs, so every reference can be resolved
at once, forward and circular ones too, and an order is needed only so that what is referred to is there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from scim_server.domain.schema import Json
from scim_server.errors import InvalidSyntax, ScimError


class Method(StrEnum):
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as it was sent, whatever it lacks: an empty text, or None.

    `method` is in upper case; `fault` says what is wrong with its shape (R-BULK-05).
    """

    method: str = ""
    path: str = ""
    bulk_id: str | None = None
    version: str | None = None
    data: Json = None
    fault: ScimError | None = None


def read(raw: Mapping[str, Json]) -> Operation:
    """The operation behind one element of `Operations`; names count in any case, null is absent, unknown members are
    ignored.
    """
    found = [(key, value) for name, value in raw.items() if (key := name.lower()) in _MEMBERS and value is not None]
    members = dict(found)
    texts = {key: value for key in _TEXTS if isinstance(value := members.get(key), str)}
    operation = Operation(
        method=texts.get("method", "").upper(),
        path=texts.get("path", ""),
        bulk_id=texts.get("bulkid"),
        version=texts.get("version"),
        data=members.get("data"),
    )
    if len(members) < len(found):
        return replace(operation, fault=InvalidSyntax("An operation has a member twice, in different case."))
    wrong = [_TEXTS[key] for key in _TEXTS if key in members and key not in texts]
    return replace(operation, fault=_misshapen(operation, wrong))


def creates(operations: Sequence[Operation]) -> dict[str, int]:
    """The place of each create by its bulkId. Raises InvalidSyntax where a bulkId stands at two operations
    (R-BULK-17).
    """
    seen: set[str] = set()
    for bulk_id in (o.bulk_id for o in operations if o.bulk_id):
        if bulk_id in seen:
            raise InvalidSyntax(f"The bulkId {bulk_id[:64]!r} is given twice.")
        seen.add(bulk_id)
    return {o.bulk_id: place for place, o in enumerate(operations) if o.bulk_id and o.method == Method.POST}


def references(operation: Operation) -> tuple[str, ...]:
    """The bulkIds that the operation refers to, each once. In a path they stand as they are, without a slash and not
    percent-encoded.
    """
    found: dict[str, None] = {}

    def note(bulk_id: str) -> str | None:
        found[bulk_id] = None
        return None

    _resolved(operation, note)
    return tuple(found)


def resolved(operation: Operation, ids: Mapping[str, str]) -> Operation:
    """The operation with these ids in place of the references to them."""
    return _resolved(operation, ids.get)


def execution_order(needs: Sequence[Iterable[int]]) -> list[tuple[int, ...]]:
    """Places in an order in which each comes after those that it needs, else in their own.

    Those that need each other in a circle come together, in their own order. `needs` has for each place the places it
    needs. As deep as it is long, so without recursion (Tarjan's strongly connected components).
    """
    return list(_Components(needs).found())


_TEXTS: Final = {"method": "method", "path": "path", "bulkid": "bulkId", "version": "version"}
_MEMBERS: Final = _TEXTS.keys() | {"data"}
_BULK_ID: Final = "bulkId:"
_BLANK: Final = re.compile(r"\s")
_IN_PATH: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|(?<!\S)bulkId:[^\s"()\[\]]+', re.DOTALL)
"""A literal in a path or filter, or a reference without quotes, as careless clients write it (ENTRA-04).

It gives nothing back and starts nowhere twice: a text may have megabytes, and is looked at before it is refused.
"""

Resolve: TypeAlias = Callable[[str], str | None]
"""bulkId -> id, or None to leave the reference as it stands."""


def _misshapen(operation: Operation, wrong: Sequence[str]) -> ScimError | None:
    if wrong:
        return InvalidSyntax(f"The {wrong[0]} of an operation is a string.")
    if operation.method not in Method.__members__:
        return InvalidSyntax("The method of an operation is one of POST, PUT, PATCH, DELETE.")
    if not operation.path:
        return InvalidSyntax("An operation needs a path.")
    if operation.method == Method.POST and not operation.bulk_id:
        return InvalidSyntax("A POST needs a bulkId.")
    return _misshapen_data(operation)


def _misshapen_data(operation: Operation) -> ScimError | None:
    """An object, save that a PATCH may have the list of its operations (RFC 7644 section 3.7, R-BULK-05)."""
    if operation.method == Method.DELETE or isinstance(operation.data, dict):
        return None
    if operation.method == Method.PATCH and isinstance(operation.data, list):
        return None
    if operation.data is None:
        return InvalidSyntax(f"A {operation.method} needs data.")
    return InvalidSyntax(f"The data of a {operation.method} is an object.")


# References ----------------------------------------------------------------------------------------------------------


def _resolved(operation: Operation, resolve: Resolve) -> Operation:
    path = _in_text(operation.path.rstrip("/"), resolve)
    if operation.method == Method.DELETE:
        return replace(operation, path=path)  # data means nothing to it
    in_data = _in_patch if operation.method == Method.PATCH else _in_value
    return replace(operation, path=path, data=in_data(operation.data, resolve))


def _in_text(text: str, resolve: Resolve) -> str:
    if _BULK_ID not in text:
        return text
    steps, last = _split(text)
    bulk_id = last.removeprefix(_BULK_ID)
    id = resolve(bulk_id) if bulk_id and bulk_id != last else None
    return text if id is None else steps + id


def _split(text: str) -> tuple[str, str]:
    """The last step of a URI and what is before it; the whole where the text is a reference, or no URI."""
    above, slash, last = text.rpartition("/")
    if text.startswith(_BULK_ID) or _BLANK.search(above):
        return "", text
    return above + slash, last


def _in_value(value: Json, resolve: Resolve) -> Json:
    if isinstance(value, str):
        return _in_text(value, resolve)
    if isinstance(value, dict):
        return {name: _in_value(member, resolve) for name, member in value.items()}
    if isinstance(value, list):
        return [_in_value(element, resolve) for element in value]
    return value


def _in_patch(data: Json, resolve: Resolve) -> Json:
    """The data of a PATCH: a list of operations, or a message that has one."""
    if isinstance(data, list):
        return [_in_patch_operation(raw, resolve) for raw in data]
    if isinstance(data, dict):
        return {
            name: _in_patch(member, resolve) if isinstance(member, list) else _in_value(member, resolve)
            for name, member in data.items()
        }
    return data


def _in_patch_operation(raw: Json, resolve: Resolve) -> Json:
    if not isinstance(raw, dict):
        return _in_value(raw, resolve)
    return {name: _in_patch_member(name.lower(), member, resolve) for name, member in raw.items()}


def _in_patch_member(name: str, member: Json, resolve: Resolve) -> Json:
    if name == "path" and isinstance(member, str):
        return _in_path(member, resolve)
    if name == "value" and isinstance(member, dict):
        # Without a path its keys may be paths (ENTRA-41).
        return {_in_path(key, resolve): _in_value(inner, resolve) for key, inner in member.items()}
    return _in_value(member, resolve)


def _in_path(path: str, resolve: Resolve) -> str:
    """A path in which the literals of its filter are resolved."""
    if _BULK_ID not in path:
        return path
    return _IN_PATH.sub(lambda found: _in_literal(found[0], resolve), path)


def _in_literal(text: str, resolve: Resolve) -> str:
    if _BULK_ID not in text or not text.startswith('"'):
        return _in_text(text, resolve)
    try:
        literal = json.loads(text)
    except ValueError:
        return text
    found = _in_text(literal, resolve)
    return text if found == literal else json.dumps(found, ensure_ascii=False)


# Order ---------------------------------------------------------------------------------------------------------------


class _Components:
    """Tarjan's algorithm with a stack of its own."""

    def __init__(self, needs: Sequence[Iterable[int]]) -> None:
        self._needs = needs
        self._index: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._open: dict[int, None] = {}
        """Places whose component is not complete yet, in the order of their discovery."""

    def found(self) -> Iterator[tuple[int, ...]]:
        for place in range(len(self._needs)):
            if place not in self._index:
                yield from self._from(place)

    def _from(self, start: int) -> Iterator[tuple[int, ...]]:
        path = [(start, self._discover(start))]
        while path:
            place, rest = path[-1]
            needed = next(rest, None)
            if needed is None:
                path.pop()
                yield from self._leave(place, path[-1][0] if path else None)
            elif needed not in self._index:
                path.append((needed, self._discover(needed)))
            elif needed in self._open:
                self._low[place] = min(self._low[place], self._index[needed])

    def _discover(self, place: int) -> Iterator[int]:
        self._index[place] = self._low[place] = len(self._index)
        self._open[place] = None
        return iter(self._needs[place])

    def _leave(self, place: int, parent: int | None) -> Iterator[tuple[int, ...]]:
        if parent is not None:
            self._low[parent] = min(self._low[parent], self._low[place])
        if self._low[place] == self._index[place]:
            component: list[int] = []
            while not component or component[-1] != place:
                component.append(self._open.popitem()[0])
            yield tuple(sorted(component))
