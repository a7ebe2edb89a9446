"""Traffic -> a scenario file: what one connector sent, without secrets and personal values, to be played again.

What comes out of an answer and goes into a later request (ids, versions, cursors) is saved there and filled in here.
What a client sent becomes a made-up value of the same form (`Ana-7` becomes `Xxx-5`): the same value the same one
wherever it stands, in paths and filters too. Resources that were there before are made first, from what the server
showed of them. What is expected is the status, and of the body what follows from what was sent.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from conformance.exchange import Exchange, Json, Response
from conformance.masking import SECRET_HEADERS
from conformance.scenario import Capability

KEPT: Final = frozenset({"schemas", "op", "type", "resourceType", "method", "bulkId", "status", "scimType"}) | {
    "sortBy", "sortOrder", "attributes", "excludedAttributes",
}  # fmt: skip
"""Members whose texts are the protocol's, or a type: no person is in them."""

EXPRESSIONS: Final = frozenset({"path", "filter"})
"""Members, and parameters, that hold names of attributes and, in quotes, values."""

COUNTS: Final = frozenset({"startIndex", "count", "itemsPerPage", "totalResults", "failOnErrors"})
NAMED: Final = frozenset({"userName", "displayName", "externalId"})
"""Members that must differ from those of others wherever the scenario is played."""

SECRETS: Final = frozenset({"password", "secret", "token", "client_secret"})
DERIVED: Final = frozenset({"id", "meta", "groups"})
"""Members that a server makes."""

UNSENT: Final = SECRET_HEADERS | {
    "host", "content-length", "connection", "accept-encoding", "transfer-encoding", "te", "via", "forwarded",
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "x-request-id",
    "traceparent", "tracestate",
}  # fmt: skip
"""Headers that belong to a connection, to proxies or to somebody."""

LITERAL: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
BOOLEAN: Final = re.compile(r"true|false", re.IGNORECASE)
LOCALE: Final = re.compile(r"[a-z]{2,3}([-_][A-Z]{2})?|[A-Z]{2}|[A-Z][A-Za-z_]+/[A-Z][A-Za-z_]+")
"""Languages, locales, countries and time zones: few have them, many share them, and servers check them."""


def scenario_file(exchanges: Sequence[Exchange], capability: Capability, id: str) -> dict[str, Json]:
    """The scenario file of that traffic; targets of the requests are below the base URL."""
    answered = [exchange for exchange in exchanges if exchange.response is not None]
    pseudonyms = Pseudonyms(_flows(answered))
    before = list(_resources_before(answered, pseudonyms))
    steps = [*before, *(_step(number, exchange, pseudonyms) for number, exchange in enumerate(answered))]
    scenario = {
        "id": id,
        "title": f"A connector is answered as when it was recorded ({len(answered)} requests)",
        "items": ["RECORDED"],
        "level": "must",
        "breaks": "The connector had other answers when it was recorded; what it does with these is not known.",
        "fix": "Answer as the recorded server did, or record again if the new answer is right.",
        "let": pseudonyms.let,
        "steps": steps,
    }
    return {"capability": capability.value, "scenarios": [scenario]}


# Values ---------------------------------------------------------------------------------------------------------------


@dataclass
class Pseudonyms:
    """Which placeholder stands for which value. `flows` are the values that come from answers: (number, pointer)."""

    flows: Mapping[str, tuple[int, str]]
    let: dict[str, str] = field(default_factory=dict)
    _names: dict[str, tuple[str, str]] = field(default_factory=dict)
    _saved: dict[str, str] = field(default_factory=dict)

    def save(self, value: str, name: str) -> None:
        """From now on `name` stands for what a server gave out."""
        self._saved.setdefault(value, name)

    def knows(self, value: str) -> bool:
        return value in self._saved or value.casefold() in self._names

    def saved(self, value: str) -> str | None:
        """The placeholder of what a server gave out."""
        return f"{{{{{self._saved[value]}}}}}" if value in self._saved else None

    def of(self, value: str, key: str = "") -> str:
        """What is sent in place of a value that stands under `key`: itself, or a text with placeholders."""
        if not value or BOOLEAN.fullmatch(value) or LOCALE.fullmatch(value):
            return value
        known = self.saved(value)
        if known:
            return known
        whole = value.casefold()
        if whole not in self._names:
            name = f"value{len(self._names) + 1}"
            self._names[whole] = name, value
            self.let[name] = self._form(value, key)
        name, first = self._names[whole]
        return f"{{{{{name}{_case(first, value)}}}}}"

    def _form(self, value: str, key: str) -> str:
        """A made-up text of the same form; of a secret not even the form."""
        if key in SECRETS:
            return "Xx5-{{uuid}}"
        if EMAIL.fullmatch(value):
            return f"{{{{unique}}}}-{len(self._names)}@{{{{domain}}}}"
        if re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
            return "{{uuid}}"
        masked = re.sub(r"\d", "5", "".join(map(_letter, value)))
        if key in NAMED:
            return f"{masked} {{{{unique}}}}-{len(self._names)}"
        return f"{masked}{len(self._names)}" if masked in self.let.values() else masked

    def text(self, expression: str) -> str:
        """A filter or a path: the values in quotes are replaced."""
        return LITERAL.sub(self._literal, expression)

    def _literal(self, match: re.Match[str]) -> str:
        try:
            value = json.loads(match[0])
        except ValueError:
            return match[0]
        masked = self.of(value)
        return f'"{masked}"' if json.dumps(value, ensure_ascii=False) == f'"{value}"' else _quoted(masked)

    def json(self, value: Json, key: str = "") -> Json:
        """A body, or a part of one that stands under `key`."""
        if isinstance(value, dict):
            return {self.text(name): self.json(member, name) for name, member in value.items()}
        if isinstance(value, list):
            return [self.json(element, key) for element in value]
        if isinstance(value, str):
            return self._string(value, key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and key not in COUNTS:
            return int(re.sub(r"\d", "5", str(abs(int(value)))))
        return value

    def _string(self, value: str, key: str) -> Json:
        if key in KEPT:
            return value
        if key in EXPRESSIONS:
            return self.text(value)
        if key in ("$ref", "location"):
            return self._address(value)
        inner = _parsed_object(value)
        return self.of(value, key) if inner is None else {"$json": self.json(inner)}

    def _address(self, value: str) -> str | None:
        """Where a resource is: the last two parts, below the base URL. Of others nothing is known."""
        *_, endpoint, id = ["", "", *value.split("/")]
        saved = self.saved(unquote(id))
        return f"{{{{base_url}}}}/{endpoint}/{saved[:-2]}|percent}}}}" if saved else None


def _letter(character: str) -> str:
    """A letter of the same kind: case, and whether it is ASCII, stay."""
    if not character.isalpha():
        return character
    upper, lower = ("X", "x") if character.isascii() else ("É", "é")
    return upper if character.isupper() else lower


def _case(first: str, value: str) -> str:
    """The filter that makes the case of `value` where the value was first seen as `first`."""
    if value == first:
        return ""
    return "|upper" if value.isupper() else "|lower" if value.islower() else "|swapcase"


def _quoted(masked: str) -> str:
    return f"{masked[:-2]}|quoted}}}}" if masked.startswith("{{") and masked.endswith("}}") else json.dumps(masked)


def _parsed_object(value: str) -> Json:
    """The object within a text, as Entra writes roles; None where there is none."""
    if not value.startswith("{"):
        return None
    try:
        found = json.loads(value)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


# What flows from answers into requests --------------------------------------------------------------------------------


def _flows(exchanges: Sequence[Exchange]) -> dict[str, tuple[int, str]]:
    """Value -> the answer and the pointer (or `header:ETag`) that it came from, where a later request has it."""
    last_use: dict[str, int] = {}
    first_use: dict[str, int] = {}
    for number, exchange in enumerate(exchanges):
        for value in _sent_values(exchange):
            last_use[value] = number
            first_use.setdefault(value, number)
    flows: dict[str, tuple[int, str]] = {}
    for number, exchange in enumerate(exchanges):
        for pointer, value in _given_values(exchange.response):
            is_new = first_use.get(value, number + 1) > number
            if is_new and last_use.get(value, -1) > number and value not in flows:
                flows[value] = number, pointer
    return flows


def _sent_values(exchange: Exchange) -> Iterator[str]:
    """Every value that a request has in its path, its query, its conditions or its body."""
    path, _, query = exchange.request.target.partition("?")
    yield from (unquote(part) for part in path.split("/") if part)
    for pair in query.split("&"):
        value = unquote_plus(pair.partition("=")[2])
        yield value
        yield from _literals(value)
    yield from (value for name, value in exchange.request.headers.items() if name.lower().startswith("if-"))
    yield from _strings(_body(exchange.request.body))


def _given_values(response: Response | None) -> Iterator[tuple[str, str]]:
    if response is None or not response.is_success:
        return
    yield from _pointed(response.json(), "")
    if "etag" in response.headers:
        yield "header:ETag", response.headers["etag"]


def _pointed(value: Json, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            escaped = name.replace("~", "~0").replace("/", "~1")
            yield from _pointed(member, f"{pointer}/{escaped}")
    elif isinstance(value, list):
        for position, element in enumerate(value):
            yield from _pointed(element, f"{pointer}/{position}")
    elif isinstance(value, str) and len(value) > 1:
        yield pointer, value


def _strings(value: Json) -> Iterator[str]:
    for _, text in _pointed(value, ""):
        yield text
        yield from _literals(text)


def _literals(text: str) -> Iterator[str]:
    for match in LITERAL.finditer(text):
        try:
            yield json.loads(match[0])
        except ValueError:
            continue


def _body(body: bytes | None) -> Json:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


# Steps ----------------------------------------------------------------------------------------------------------------


def _resources_before(exchanges: Sequence[Exchange], pseudonyms: Pseudonyms) -> Iterator[dict[str, Json]]:
    """A step for each resource that a request means and that no request made, from what was shown of it first."""
    made: set[str] = set()
    meant = {value for exchange in exchanges for value in _sent_values(exchange)}
    for exchange in exchanges:
        answer = exchange.response.json() if exchange.response and exchange.response.is_success else None
        if exchange.request.method == "POST" and isinstance(answer, dict):
            made.add(str(answer.get("id")))
        for endpoint, resource in _shown(exchange, answer):
            id = str(resource["id"])
            if id in made or id not in meant:
                continue
            made.add(id)
            name = f"before{len(made)}"
            sent = {key: member for key, member in resource.items() if key not in DERIVED}
            yield {
                "title": "what was there before",
                "send": f"POST {endpoint}",
                "headers": {"Content-Type": "application/scim+json"},
                "body": pseudonyms.json(sent),
                "expect": {"status": [200, 201]},
                "save": {name: "/id"},
            }
            pseudonyms.save(id, name)


def _shown(exchange: Exchange, answer: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    """The resources of an answer with the endpoint where they are."""
    if not isinstance(answer, dict):
        return
    first = exchange.request.target.partition("?")[0].split("/")[1:2]
    endpoint = f"/{first[0]}" if first else ""
    resources = answer.get("Resources")
    for resource in resources if isinstance(resources, list) else [answer]:
        if isinstance(resource, dict) and "id" in resource and endpoint not in ("", "/.search"):
            yield endpoint, resource


def _step(number: int, exchange: Exchange, pseudonyms: Pseudonyms) -> dict[str, Json]:
    request, response = exchange.request, exchange.response
    assert response is not None
    step: dict[str, Json] = {"send": f"{request.method} {_target(request.target, pseudonyms)}"}
    step["headers"] = _headers(request.headers, pseudonyms)
    body = _body(request.body)
    if body is not None:
        step["body"] = pseudonyms.json(body)
    elif request.body:
        step["text"] = pseudonyms.of(request.body.decode("utf-8", "replace"))
    saves = {
        f"given{number + 1}_{position}": (pointer, value)
        for position, (value, (at, pointer)) in enumerate(pseudonyms.flows.items(), 1)
        if at == number and pseudonyms.saved(value) is None
    }
    for name, (_, value) in saves.items():
        pseudonyms.save(value, name)
    expected = _expected(response, pseudonyms, {value for _, value in saves.values()})
    step["expect"] = {"status": response.status, **({} if expected is None else {"body": expected})}
    if saves:
        step["save"] = {name: pointer for name, (pointer, _) in saves.items()}
    return step


def _target(target: str, pseudonyms: Pseudonyms) -> str:
    """The target with placeholders. What is not replaced stays as it was written."""
    path, mark, query = target.partition("?")
    parts = [pseudonyms.saved(unquote(part)) or part for part in path.split("/")]
    pairs = [_pair(pair, pseudonyms) for pair in query.split("&")]
    return "/".join(parts) + mark + "&".join(pairs)


def _pair(pair: str, pseudonyms: Pseudonyms) -> str:
    name, equals, value = pair.partition("=")
    decoded = unquote_plus(value)
    masked = pseudonyms.saved(decoded) or pseudonyms.text(decoded)
    if masked == decoded:
        return pair
    texts = re.split(r"(\{\{[^}]*\}\})", masked)
    encoded = _with_plus if "+" in value else _with_percent
    return f"{name}{equals}{''.join(map(encoded, texts))}"


def _with_percent(text: str) -> str:
    """A part of a parameter in which a blank is %20; placeholders are encoded when they are filled."""
    return text if text.startswith("{{") else quote(text, safe="")


def _with_plus(text: str) -> str:
    """A part of a parameter in which a blank is a plus sign."""
    if not text.startswith("{{"):
        return quote_plus(text)
    return text if "|" in text else f"{text[:-2]}|plus}}}}"


def _headers(headers: Mapping[str, str], pseudonyms: Pseudonyms) -> dict[str, str | None]:
    kept: dict[str, str | None] = {
        name: pseudonyms.saved(value) or value for name, value in headers.items() if name.lower() not in UNSENT
    }
    if not any(name.lower() == "authorization" for name in headers):
        kept["Authorization"] = None
    return kept


def _expected(response: Response, pseudonyms: Pseudonyms, new: set[str]) -> Json:
    """What of the answer follows from what was sent; None where nothing does."""
    body = response.json()
    if not isinstance(body, dict):
        return None
    if not response.is_success:
        return {"schemas": {"$has": body["schemas"]}} if isinstance(body.get("schemas"), list) else None
    return _following(body, pseudonyms, new)


def _following(value: Json, pseudonyms: Pseudonyms, new: set[str], key: str = "") -> Json:
    """The part of a value that follows from what was sent; None where none does."""
    if isinstance(value, dict):
        members = {name: _following(member, pseudonyms, new, name) for name, member in value.items() if name != "meta"}
        return {name: member for name, member in members.items() if member is not None} or None
    if isinstance(value, list):
        elements = [_following(element, pseudonyms, new, key) for element in value]
        known = [element for element in elements if element is not None]
        return {"$has": known} if known else None
    if isinstance(value, bool) or (isinstance(value, int) and key in ("totalResults",)):
        return value
    if isinstance(value, str):
        return _following_text(value, pseudonyms, new, key)
    return None


def _following_text(value: str, pseudonyms: Pseudonyms, new: set[str], key: str) -> Json:
    if key == "schemas" or (key == "type" and value):
        return value
    return pseudonyms.of(value, key) if value not in new and pseudonyms.knows(value) else None
