"""Where the values of a request stand, and under which name: whoever reads or replaces them goes through here.

What is taken for the protocol's, and stays, is what reads like it: names of attributes, operators, URNs of schemas,
types, media types, counts. Everything else is a value; a text that should be an expression and is none is one too.

A value stands under the name of its attribute after that of the attribute it is part of, in small letters:
`username`, `emails.value`, `manager.value`, whether it stands in a body, after a path, or in a filter.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from conformance.exchange import Json, Request

NAME: Final = r"(?:\$ref|[A-Za-z_][A-Za-z0-9_-]*)"
ATTRIBUTE: Final = re.compile(rf"(?:urn:[A-Za-z0-9._:-]+:)?{NAME}(?:\.{NAME})*")
TAIL: Final = re.compile(rf"\.({NAME})")
WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
URN: Final = re.compile(r"urn:[A-Za-z0-9._:-]+")
SCHEMA: Final = re.compile(r":\d+\.\d+:\w+$")
"""How the URN of a schema ends, and that of an attribute of it does not."""
ENDPOINT: Final = re.compile(r"\.?[A-Za-z]+")
NUMBER: Final = re.compile(r"-?(0|[1-9]\d{0,99})(\.\d{1,99})?", re.ASCII)
COUNT: Final = re.compile(r"-?\d{1,9}")
BOOLEAN: Final = re.compile(r"true|false|null", re.IGNORECASE)
LOCALE: Final = re.compile(r"[a-z]{2,3}([-_][A-Z]{2})?|[A-Z]{2}|[A-Z][A-Za-z_]+/[A-Z][A-Za-z_]+")
MEDIA_TYPES: Final = re.compile(r"[\w.+*-]+/[\w.+*-]+(\s*;\s*(charset|q|version)=[\w.\"-]+)*", re.ASCII)
PREFERENCE: Final = re.compile(r"[\w.*;= -]+", re.ASCII)
PRODUCTS: Final = re.compile(r"[\w./+ -]+", re.ASCII)

COMPARISONS: Final = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
WIDENING: Final = frozenset({"not", "or"})
"""Words with which a filter finds more than it names."""

KINDS: Final[Mapping[str, re.Pattern[str]]] = {
    "type": WORD,
    "resourcetype": WORD,
    "schemas": URN,
    "locale": LOCALE,
    "preferredlanguage": LOCALE,
    "timezone": LOCALE,
    "country": LOCALE,
}
"""Members whose texts stay where they are of that kind: many share them, and servers check them."""

TRANSPARENT: Final = frozenset({"", "resources", "operations", "data"})
"""Members that hold resources, or parts of one: what is in these does not stand under them."""

SEARCH: Final = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
SEARCHED: Final = frozenset({"filter", "sortby", "sortorder", "attributes", "excludedattributes"})
COUNTED: Final = frozenset({"startindex", "count", "failonerrors"})
FLAGS: Final = frozenset({"aadOptscim062020"})
"""Parameters without a value that a connector is known to send."""

DISCOVERY: Final = frozenset({"Schemas", "ResourceTypes", "ServiceProviderConfig"})
PLACEHOLDERS: Final = re.compile(r"(\{\{\w+(?:\|\w+)?\}\})")
TOKEN: Final = re.compile(
    r"""(?P<blank>\s+)|(?P<mark>[()\[\]])|(?P<text>"(?:[^"\\]|\\.)*"|'[^']*')|(?P<word>[^\s()\[\]"']+)|(?P<other>.)"""
)

Keys = str
"""The name that a value stands under."""


def last(key: Keys) -> str:
    """The name of the attribute itself."""
    return key.rpartition(".")[2]


def inner(key: Keys, name: str) -> Keys:
    """The name under which a member of what stands under `key` stands."""
    outer = "" if key.startswith("urn:") or last(key) in TRANSPARENT else f"{last(key)}."
    own = name.casefold()
    if own.startswith("urn:"):
        return own if SCHEMA.search(own) else own.rpartition(":")[2]
    return own if "." in own else f"{outer}{own}"


@dataclass(frozen=True, slots=True)
class Disguise:
    """What becomes of each value. All are told the name that the value stands under.

    `replace` gives the text in place of a value, `number` the number, `address` the address of a resource (None where
    nothing is known of it), `quoted` a replaced text in the quotes of a filter. `kept` is told what stays, `compared`
    the text that a filter asks for and the operator; of what widens a filter no text and a word.
    """

    replace: Callable[[str, Keys], str]
    number: Callable[[float, Keys], float]
    address: Callable[[str, str], str | None]
    quoted: Callable[[str], str]
    kept: Callable[[str | bool, Keys], None]
    compared: Callable[[str, str], None]

    # Targets and headers ----------------------------------------------------------------------------------------------

    def target(self, target: str) -> str:
        """A path and query. What is not replaced stays as it was written."""
        path, mark, query = target.partition("?")
        return self.path(path) + mark + "&".join(map(self._pair, query.split("&")))

    def path(self, path: str) -> str:
        """A path below the base URL: names of endpoints and of schemas stay."""
        parts = path.split("/")
        named = [position for position, part in enumerate(parts) if part]
        for number, position in enumerate(named):
            part = unquote(parts[position])
            before = parts[named[number - 1]] if number else None
            if not self._is_endpoint(part, before):
                parts[position] = self.replace(part, "id")
        return "/".join(parts)

    def _is_endpoint(self, part: str, before: str | None) -> bool:
        if before is None:
            return ENDPOINT.fullmatch(part) is not None
        if before in DISCOVERY:
            return (URN if part.startswith("urn:") else WORD).fullmatch(part) is not None
        return part == ".search"

    def _pair(self, pair: str) -> str:
        name, equals, value = pair.partition("=")
        if not equals:
            return pair if pair in FLAGS or not pair else self.replace(unquote_plus(pair), "")
        shown = name if WORD.fullmatch(name) else self.replace(unquote_plus(name), "")
        decoded = unquote_plus(value)
        masked = self._parameter(decoded, name.casefold())
        return f"{shown}={value if masked == decoded else _encoded(masked, value)}"

    def _parameter(self, value: str, name: str) -> str:
        if not value or (name in COUNTED and COUNT.fullmatch(value)) or BOOLEAN.fullmatch(value):
            return value
        return self._searched(value, name) if name in SEARCHED else self.replace(value, name)

    def _searched(self, value: str, name: str) -> str:
        """What a search says of itself: in the query, or in the body of one."""
        if name == "filter":
            return self.expression(value, Grammar.FILTER, "")
        grammar = WORD if name == "sortorder" else ATTRIBUTE
        are_names = all(grammar.fullmatch(each.strip()) for each in value.split(","))
        return value if are_names else self.replace(value, name)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that are SCIM's, or HTTP's for it; others belong to connections, to proxies or to somebody."""
        shown = {name: self._header(name.lower(), value) for name, value in headers.items()}
        return {name: value for name, value in shown.items() if value is not None}

    def _header(self, name: str, value: str) -> str | None:
        if name in ("if-match", "if-none-match"):
            return self._versions(value)
        if name == "user-agent":
            product = value.partition("(")[0].strip()
            return product if PRODUCTS.fullmatch(product) else None
        grammar = {"accept": MEDIA_TYPES, "content-type": MEDIA_TYPES, "accept-language": PREFERENCE}.get(name)
        if grammar is None:
            return None
        is_kept = all(grammar.fullmatch(each.strip()) for each in value.split(",")) or not value
        return value if is_kept else self.replace(value, name)

    def _versions(self, value: str) -> str:
        if value == "*" or not value:
            return value
        if '"' not in value:
            return self.replace(value, "version")
        return ", ".join(self.replace(each.strip(), "version") for each in value.split(",") if each.strip())

    # Bodies -----------------------------------------------------------------------------------------------------------

    def json(self, value: Json, key: Keys = "") -> Json:
        """A body, or a part of one that stands under `key`."""
        if isinstance(value, dict):
            return self._object(value, key)
        if isinstance(value, list):
            return [self.json(element, key) for element in value]
        if isinstance(value, bool):
            self.kept(value, key)
            return value
        if isinstance(value, (int, float)):
            return self.number(value, key)
        return self.string(value, key) if isinstance(value, str) else value

    def _object(self, value: Mapping[str, Json], key: Keys) -> dict[str, Json]:
        special = _special(value)
        shown: dict[str, Json] = {}
        for name, member in value.items():
            rewrite = special.get(name.casefold())
            if rewrite is not None:
                shown[name] = rewrite(self, member)
                continue
            is_name = ATTRIBUTE.fullmatch(name) is not None
            label = name if is_name else self.expression(name, Grammar.PATH, "")
            shown[label] = self.json(member, inner(key, _attribute(name)))
        return shown

    def string(self, value: str, key: Keys) -> Json:
        """A text of a body."""
        name = last(key)
        if name in ("$ref", "location"):
            return self._address(value)
        kind = KINDS.get(name)
        if kind is not None and kind.fullmatch(value):
            self.kept(value, key)
            return value
        if value.startswith("bulkId:"):
            return f"bulkId:{self.replace(value.removeprefix('bulkId:'), 'bulkid')}"
        within = structured(value)
        return self.plain(value, key) if within is None else {"$json": self.json(within, key)}

    def plain(self, value: str, key: Keys) -> str:
        """A text that holds nothing but itself. Without letters and digits it says nothing of anybody."""
        if BOOLEAN.fullmatch(value):
            self.kept(value.casefold() == "true", key)
            return value
        if value.isascii() and not any(map(str.isalnum, value)):
            return value
        return self.replace(value, key)

    def _address(self, value: str) -> str | None:
        """Where a resource is: the last two parts, below the base URL. Of others nothing is known."""
        *_, endpoint, id = ["", "", *value.split("/")]
        return self.address(endpoint, unquote(id)) if id and ENDPOINT.fullmatch(endpoint) else None

    # Expressions ------------------------------------------------------------------------------------------------------

    def expression(self, text: str, grammar: "Grammar", key: Keys) -> str:
        """A filter or a path: its values are replaced; the whole, where it is none."""
        pieces = grammar.read(text)
        if pieces is None:
            return self.replace(text, key)
        for word in WIDENING & {piece.text.casefold() for piece in pieces}:
            self.compared("", word)
        return "".join(piece.text if piece.key is None else self._operand(piece) for piece in pieces)

    def _operand(self, piece: "Piece") -> str:
        key, text = piece.key or "", piece.text
        kind = KINDS.get(last(key))
        value = _unquoted(text)
        is_kept = BOOLEAN.fullmatch(value) or (kind is not None and kind.fullmatch(value))
        if is_kept:
            return text
        if NUMBER.fullmatch(text):
            self.compared("", "number")
            return str(self.number(json.loads(text), key))
        self.compared(value, piece.operator)
        shown = self.plain(value, key)
        if shown == value:
            return text
        if text[0] not in "\"'":
            return shown
        if text[0] == "'":
            return f"'{shown}'"
        return f'"{shown}"' if json.dumps(value, ensure_ascii=False) == text == f'"{value}"' else self.quoted(shown)


def _encoded(masked: str, original: str) -> str:
    """A value of the query, encoded as the original was; placeholders are encoded when they are filled."""
    safe = "".join(character for character in original if character not in "%+{}")
    has_plus = "+" in original
    encode = quote_plus if has_plus else quote
    texts = PLACEHOLDERS.split(masked)
    for position, text in enumerate(texts):
        if position % 2 == 0:
            texts[position] = encode(text, safe=safe)
        elif has_plus and "|" not in text:
            texts[position] = f"{text[:-2]}|plus}}}}"
    return "".join(texts)


Rewrite = Callable[[Disguise, Json], Json]


def _special(value: Mapping[str, Json]) -> Mapping[str, Rewrite]:
    """The members of an object that are the protocol's, in small letters, and how each is read."""
    names = {name.casefold(): member for name, member in value.items()}
    if "op" in names:
        path = names.get("path")
        key = inner("", _attribute(path)) if isinstance(path, str) else ""
        return {
            "op": _word,
            "path": lambda disguise, text: _texts(text, lambda one: disguise.expression(one, Grammar.PATH, "")),
            "value": lambda disguise, member: disguise.json(member, key),
        }
    if "method" in names and names.keys() & {"path", "data", "bulkid"}:
        return {
            "method": _word,
            "path": lambda disguise, text: _texts(text, lambda one: _bulk_path(disguise, one)),
            "bulkid": lambda disguise, text: _texts(text, lambda one: disguise.replace(one, "bulkid")),
            "version": lambda disguise, text: _texts(text, lambda one: disguise.replace(one, "version")),
        }
    schemas = names.get("schemas")
    if isinstance(schemas, list) and SEARCH in schemas:
        searched: dict[str, Rewrite] = {name: _search_member(name) for name in SEARCHED}
        return searched | dict.fromkeys(COUNTED, _count)
    return {"failonerrors": _count} if "operations" in names else {}


def _texts(value: Json, rewrite: Callable[[str], str]) -> Json:
    """A text, or those of a list, rewritten; what else stands there says nothing."""
    if isinstance(value, list):
        return [_texts(one, rewrite) for one in value]
    if isinstance(value, str):
        return rewrite(value) if value else value
    return value if isinstance(value, bool) else None


def _word(disguise: Disguise, value: Json) -> Json:
    return _texts(value, lambda one: one if WORD.fullmatch(one) else disguise.replace(one, ""))


def _count(disguise: Disguise, value: Json) -> Json:
    return value if isinstance(value, int) else disguise.json(value, "")


def _search_member(name: str) -> Rewrite:
    return lambda disguise, value: _texts(value, lambda one: disguise._searched(one, name))


def _bulk_path(disguise: Disguise, path: str) -> str:
    """`/Users`, `/Users/id`, `/Users/bulkId:one`."""
    front, mark, reference = path.partition("bulkId:")
    return f"{front}{mark}{disguise.replace(reference, 'bulkid')}" if mark else disguise.path(path)


def structured(text: str) -> Json:
    """The object or list within a text, as Entra writes roles; None where there is none."""
    if not text.startswith(("{", "[")):
        return None
    return parsed(text)


def parsed(text: str | bytes | None) -> Json:
    """What JSON says; None where it is none, or nests too deep, or has numbers that JSON does not know."""
    try:
        return json.loads(text, parse_constant=_refused) if text else None
    except (ValueError, RecursionError):
        return None


def _refused(name: str) -> float:
    raise ValueError(name)


# Filters and paths ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an expression; a value has the name that it stands under and how it is compared."""

    text: str
    key: Keys | None = None
    operator: str = ""


class Grammar:
    """Tells expressions from other texts, with no more of the grammar of RFC 7644 figure 1 than that takes."""

    FILTER: "Grammar"
    PATH: "Grammar"

    def __init__(self, ends: frozenset[str]) -> None:
        self._ends = ends

    def read(self, text: str) -> list[Piece] | None:
        """The pieces of an expression; None where the text is none."""
        pieces: list[Piece] = []
        state = _State()
        for match in TOKEN.finditer(text):
            piece = Piece(match[0]) if match.lastgroup == "blank" else state.take(match.lastgroup or "", match[0])
            if piece is None:
                return None
            pieces.append(piece)
        return pieces if state.expected in self._ends and not state.is_within else None


Grammar.FILTER = Grammar(frozenset({"tail", "joint"}))
Grammar.PATH = Grammar(frozenset({"operator", "tail", "joint"}))


class _State:
    """What may come next: `name`, `operator`, `value`, `joint` (and, or, or an end), `tail` (after a bracket)."""

    def __init__(self) -> None:
        self.expected = "name"
        self.is_within = False
        self._outer = ""
        self._key = ""
        self._operator = ""

    def take(self, kind: str, text: str) -> Piece | None:
        """The piece that a token is; None where it may not come here."""
        moves: Mapping[str, Callable[[str, str], Piece | None]] = {
            "name": self._name,
            "operator": self._compare,
            "value": self._value,
            "joint": self._join,
            "tail": self._tail,
        }
        return moves[self.expected](kind, text)

    def _name(self, kind: str, text: str) -> Piece | None:
        if text == "(" or text.casefold() == "not":
            return Piece(text)
        if kind != "word" or not ATTRIBUTE.fullmatch(text):
            return None
        self._key = inner(self._outer, text)
        self.expected = "operator"
        return Piece(text)

    def _compare(self, kind: str, text: str) -> Piece | None:
        self._operator = text.casefold()
        if text == "[" and not self.is_within:
            self.is_within, self._outer, self.expected = True, self._key, "name"
        elif self._operator == "pr":
            self.expected = "joint"
        elif self._operator in COMPARISONS:
            self.expected = "value"
        else:
            return None
        return Piece(text)

    def _value(self, kind: str, text: str) -> Piece | None:
        if kind not in ("word", "text"):
            return None
        self.expected = "joint"
        return Piece(text, self._key, self._operator)

    def _join(self, kind: str, text: str) -> Piece | None:
        if text.casefold() in ("and", "or"):
            self.expected = "name"
        elif text == "]" and self.is_within:
            self.is_within, self.expected = False, "tail"
        elif text != ")":
            return None
        return Piece(text)

    def _tail(self, kind: str, text: str) -> Piece | None:
        """What follows a value path: a sub-attribute, or what follows a comparison."""
        self._key, self._outer = self._outer, ""
        tail = TAIL.fullmatch(text)
        if not tail:
            return self._join(kind, text)
        self._key = inner(self._key, tail[1])
        self.expected = "operator"
        return Piece(text)


def _attribute(path: str) -> str:
    """The name of what a path points to, without what is in brackets: `emails.value` of `emails[...].value`."""
    return re.sub(r"\[.*\]", "", path)


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1]
    if text[0] != '"':
        return text
    try:
        value: str = json.loads(text)
    except ValueError:
        return text[1:-1]
    return value


def owner_of(request: Request) -> str:
    """The id of the resource that a request is about, or nothing."""
    parts = [part for part in request.target.partition("?")[0].split("/") if part]
    return unquote(parts[1]) if len(parts) > 1 else ""


def endpoint_of(request: Request) -> str:
    """The first part of the path: `Users`."""
    parts = [part for part in request.target.partition("?")[0].split("/") if part]
    return parts[0] if parts else ""


def leaves(value: Json, pointer: str = "") -> Iterator[tuple[str, Json]]:
    """Every text and number with the JSON pointer to it."""
    if isinstance(value, dict):
        for name, member in value.items():
            escaped = name.replace("~", "~0").replace("/", "~1")
            yield from leaves(member, f"{pointer}/{escaped}")
    elif isinstance(value, list):
        for position, element in enumerate(value):
            yield from leaves(element, f"{pointer}/{position}")
    elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
        yield pointer, value
