"""What is sent and expected: JSON in which `{{name}}` stands for a value, and a few objects for what is made of them.

A name is a path of members and positions: `ana.id`, `users.0.userName`; the name of a member may have dots of its own,
as URNs have: `facts.by_schema.urn:ietf:params:scim:schemas:core:2.0:User.endpoint`. A text that is nothing but a
placeholder becomes the value itself, of whatever type; elsewhere the value becomes text. `{{name|upper}}` goes through
a filter: `upper`, `lower`, `swapcase`, `quoted` (as JSON), `percent` and `plus` (encoded for a query), `raw` (not
encoded in an address), `last` (the last part of an address), `next` (the number after), `hour_earlier`, `hour_later`.

    {"$each": "users", "make": {"value": "{{each.id}}"}}    an element for each of a saved list
    {"$range": 101, "make": {"value": "m-{{each}}"}}        an element for each number from 1
    {"$merge": ["{{read}}", {"title": "Lead"}]}             the second laid over the first (RFC 7396: null removes)
    {"$json": {"value": "Admin"}}                           a text that holds JSON
    {"$repeat": "x", "times": 6000}                         a text, many times; how many may be a placeholder
    {"$if": "{{answered}}", "is": [200, 204], "then": {}, "else": {}}   one of two, as the value is among these or not

A range has at most MOST elements, a text that is repeated at most LONGEST characters.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from urllib.parse import quote
from uuid import uuid4

from conformance.exchange import Json

Scope = Mapping[str, Json]
"""Name -> value."""

PLACEHOLDER: Final = re.compile(r"\{\{\s*([^{}|]+?)\s*(?:\|\s*(\w+)\s*)?\}\}")


MOST: Final = 100_000
"""Elements of a range, or times that something is repeated."""

LONGEST: Final = 16 * 1024 * 1024
"""Characters of a text that is made by repeating: more than what most servers take."""


class Unknown(Exception):
    """A placeholder names what was not saved."""


class TooMuch(Exception):
    """More is to be made than a request could bear; the message says how much."""


def percent(value: str) -> str:
    """Every character encoded that is not unreserved (RFC 3986 section 2.3)."""
    return quote(value, safe="")


def swap_case(value: str) -> str:
    """Upper case for lower case and the other way round: never the text itself where it has a letter."""
    return value.swapcase()


def hour_earlier(value: str) -> str:
    """A dateTime an hour before, at +14:00: as an instant it is before, as a text it stands after."""
    return _moved(value, timedelta(hours=-1), timedelta(hours=14))


def hour_later(value: str) -> str:
    """A dateTime an hour after, at -12:00: as an instant it is after, as a text it stands before."""
    return _moved(value, timedelta(hours=1), timedelta(hours=-12))


def _moved(value: str, by: timedelta, zone: timedelta) -> str:
    """What is no dateTime stays as it is."""
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        return value
    at = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (at + by).astimezone(timezone(zone)).isoformat(timespec="seconds")


FILTERS: Final[Mapping[str, Callable[[str], str]]] = {
    "upper": str.upper,
    "lower": str.lower,
    "swapcase": swap_case,
    "percent": percent,
    "raw": str,
    "quoted": lambda value: json.dumps(value, ensure_ascii=False),
    "plus": lambda value: percent(value).replace("%20", "+"),
    "last": lambda value: value.rpartition("/")[2],
    "next": lambda value: str(int(value) + 1),
    "hour_earlier": hour_earlier,
    "hour_later": hour_later,
}


def look_up(path: str, scope: Scope) -> Json:
    """The value behind a dotted path. Raises `Unknown`."""
    if path == "uuid":
        return str(uuid4())
    value: Json = scope
    parts: Sequence[str] = path.split(".")
    while parts:
        try:
            value, parts = _first(value, parts)
        except (KeyError, IndexError, TypeError, ValueError):
            raise Unknown(f"nothing was saved under {path}") from None
    return value


def _first(value: Json, parts: Sequence[str]) -> tuple[Json, Sequence[str]]:
    """The element or member that the first of the parts name, as few as there is one for; and the other parts."""
    if isinstance(value, list):
        return value[int(parts[0])], parts[1:]
    names = (".".join(parts[:taken]) for taken in range(1, len(parts) + 1))
    taken, name = next(((taken, name) for taken, name in enumerate(names, 1) if name in value), (1, parts[0]))
    return value[name], parts[taken:]


def as_text(value: Json) -> str:
    """A value within a text: as it is, or as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def render_text(text: str, scope: Scope, encode: Callable[[str], str] = str) -> str:
    """`text` with its placeholders filled. Values pass `encode` unless they name a filter of their own."""

    def fill(match: re.Match[str]) -> str:
        chosen = FILTERS[match[2]] if match[2] else encode
        return chosen(as_text(look_up(match[1], scope)))

    return PLACEHOLDER.sub(fill, text)


def render_target(text: str, scope: Scope) -> str:
    """A path and query: what is written is sent as it is written, what is filled in is percent-encoded."""
    return render_text(text, scope, percent)


def render(value: Json, scope: Scope) -> Json:
    """`value` with placeholders filled and directives carried out. Raises `Unknown`."""
    if isinstance(value, str):
        return _render_string(value, scope)
    if isinstance(value, list):
        return [render(element, scope) for element in value]
    if not isinstance(value, dict):
        return value
    for key, carry_out in DIRECTIVES.items():
        if key in value:
            return carry_out(value, scope)
    return {render_text(key, scope): render(member, scope) for key, member in value.items()}


def _render_string(text: str, scope: Scope) -> Json:
    whole = PLACEHOLDER.fullmatch(text)
    if whole and not whole[2]:
        return look_up(whole[1], scope)
    return render_text(text, scope)


def _each(directive: Mapping[str, Json], scope: Scope) -> Json:
    return _made(look_up(directive["$each"], scope), directive["make"], scope)


def _range(directive: Mapping[str, Json], scope: Scope) -> Json:
    return _made(range(1, counted(directive["$range"], scope) + 1), directive["make"], scope)


def counted(number: Json, scope: Scope) -> int:
    """How many there are to be; a number or a placeholder of one. Raises `TooMuch`."""
    count = int(render(number, scope))
    if count > MOST:
        raise TooMuch(f"{count} times is more than {MOST}")
    return count


def _made(elements: Sequence[Json], made: Json, scope: Scope) -> list[Json]:
    return [render(made, {**scope, "each": element}) for element in elements]


def _merge(directive: Mapping[str, Json], scope: Scope) -> Json:
    first, *others = render(directive["$merge"], scope)
    for other in others:
        first = merged(first, other)
    return first


def merged(below: Json, above: Json) -> Json:
    """`above` laid over `below` as RFC 7396 says."""
    if not isinstance(above, dict):
        return above
    result = dict(below) if isinstance(below, dict) else {}
    for key, member in above.items():
        if member is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), member)
    return result


def _json(directive: Mapping[str, Json], scope: Scope) -> Json:
    return json.dumps(render(directive["$json"], scope), ensure_ascii=False)


def _repeat(directive: Mapping[str, Json], scope: Scope) -> Json:
    text, times = render_text(directive["$repeat"], scope), int(render(directive["times"], scope))
    if len(text) * times > LONGEST:
        raise TooMuch(f"{len(text) * times} characters are more than {LONGEST}")
    return text * times


def _if(directive: Mapping[str, Json], scope: Scope) -> Json:
    is_one = render(directive["$if"], scope) in render(directive["is"], scope)
    return render(directive["then" if is_one else "else"], scope)


DIRECTIVES: Final[Mapping[str, Callable[[Mapping[str, Json], Scope], Json]]] = {
    "$each": _each,
    "$range": _range,
    "$merge": _merge,
    "$json": _json,
    "$repeat": _repeat,
    "$if": _if,
}


def fault_of(directive: Mapping[str, Json]) -> str | None:
    """What is wrong with how much a directive makes, where that can be seen before its placeholders are filled."""
    try:
        if "$range" in directive:
            counted(directive["$range"], {})
        if "$repeat" in directive:
            _repeat(directive, {})
    except Unknown:
        return None
    except TooMuch as error:
        return str(error)
    except (KeyError, TypeError, ValueError) as error:
        return f"it must say how many: {error}"
    return None
