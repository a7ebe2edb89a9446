"""Traffic -> a scenario file: what one connector sent, without secrets and personal values, to be played again.

What comes out of an answer and goes into a later request (ids, versions, cursors) is saved there and filled in here.
What a client sent becomes a made-up value of the same form (`Ana-7` becomes `Xxx-5`): the same value the same one
wherever it stands, in paths and filters too. Resources that were there before are made first, from what the server
showed of them. What is expected is the status, and of the body what follows from what was sent.
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from conformance.disguise import (
    BOOLEAN,
    DISCOVERY,
    Disguise,
    endpoint_of,
    inner,
    last,
    leaves,
    owner_of,
    parsed,
)
from conformance.exchange import Exchange, Json, Response
from conformance.masking import SECRETS
from conformance.pseudonyms import Pseudonyms
from conformance.scenario import Capability

NAMED: Final = frozenset({"username", "displayname", "externalid"})
"""Members that must differ from those of others wherever the scenario is played."""

DERIVED: Final = frozenset({"id", "meta", "groups"})
"""Members that a server makes."""

REFERENCES: Final = frozenset({"members", "manager"})
"""Members that hold ids of resources."""

LEAST: Final[Mapping[str, Mapping[str, Json]]] = {
    "Users": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "user"},
    "Groups": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "group"},
}
"""What is made for a resource that requests went to and that no answer showed."""

METHOD: Final = re.compile("[A-Z]+")
PASSING: Final = frozenset({408, 425, 429})
"""Answers that say something of the moment alone, as all of 500 and above do."""


def scenario_file(exchanges: Sequence[Exchange], capability: Capability, id: str) -> dict[str, Json]:
    """The scenario file of that traffic; targets of the requests are below the base URL."""
    notes = [note for exchange in exchanges if (note := noted(exchange))]
    return file_of(notes, capability, id)


def file_of(notes: Sequence["Note"], capability: Capability, id: str) -> dict[str, Json]:
    """The scenario file of exchanges that were looked through before."""
    scenario = {
        "id": id,
        "title": f"A connector is answered as when it was recorded ({len(notes)} requests)",
        "items": ["RECORDED"],
        "level": "must",
        "breaks": "The connector had other answers when it was recorded; what it does with these is not known.",
        "fix": "Answer as the recorded server did, or record again if the new answer is right.",
        **_Writer(notes).written(),
    }
    return {"capability": capability.value, "scenarios": [scenario]}


# Looking through ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Sent:
    """What a request, or a resource, holds: values and what was kept, with the names that they stand under."""

    values: dict[tuple[str, str], None] = field(default_factory=dict)
    numbers: set[tuple[str, float]] = field(default_factory=set)
    kept: set[tuple[str, str | bool]] = field(default_factory=set)
    compared: list[tuple[str, str]] = field(default_factory=list)

    @property
    def texts(self) -> set[str]:
        return {value for _, value in self.values}

    def reader(self) -> Disguise:
        """Goes through a request and changes nothing."""

        def replace(value: str, key: str) -> str:
            self.values[(key, value)] = None
            return value

        def number(value: float, key: str) -> float:
            self.numbers.add((key, value))
            return value

        def address(endpoint: str, id: str) -> str:
            return replace(id, "$ref")

        def kept(value: str | bool, key: str) -> None:
            self.kept.add((key, value))

        def compared(value: str, operator: str) -> None:
            self.compared.append((value, operator))

        return Disguise(replace, number, address, str, kept, compared)


@dataclass(frozen=True, slots=True)
class Given:
    """A value of an answer: where it stands, and whose version it is if it is one."""

    value: str
    source: str
    owner: str | None = None
    is_address: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """An exchange with what is in it. `resources` are those that the answer shows."""

    exchange: Exchange
    response: Response
    body: Json
    answer: Json
    sent: Sent
    given: tuple[Given, ...]
    resources: tuple[Mapping[str, Json], ...]

    @property
    def endpoint(self) -> str:
        return endpoint_of(self.exchange.request)

    @property
    def owner(self) -> str:
        return owner_of(self.exchange.request)

    @property
    def is_list(self) -> bool:
        """A list that is empty may have no `Resources` (RFC 7644 section 3.4.2)."""
        answer = self.answer if isinstance(self.answer, dict) else {}
        return isinstance(answer.get("Resources"), list) or isinstance(answer.get("totalResults"), int)

    @property
    def is_narrow(self) -> bool:
        """Whether a filter asks for values alone that are replaced: it then finds nothing but what the scenario has."""
        return bool(self.sent.compared) and all(operator == "eq" for _, operator in self.sent.compared)

    @property
    def is_projected(self) -> bool:
        """Whether parts of the resources alone were asked for."""
        query = self.exchange.request.target.partition("?")[2].casefold()
        names = self.body if isinstance(self.body, dict) else ()
        return "attributes=" in query or any(name.casefold() in ("attributes", "excludedattributes") for name in names)


def noted(exchange: Exchange) -> Note | None:
    """What there is to know of an exchange; None of one that would be answered in another way at another time."""
    response = exchange.response
    if response is None or response.status in PASSING or response.status >= 500:
        return None
    sent, request = Sent(), exchange.request
    if not METHOD.fullmatch(request.method):
        return None
    reader = sent.reader()
    reader.target(request.target)
    reader.headers(request.headers)
    body = parsed(request.body)
    if body is not None:
        reader.json(body)
    elif request.body:
        reader.plain(request.body.decode("utf-8", "replace"), "")
    answer = parsed(response.body) if response.is_success else None
    return Note(exchange, response, body, answer, sent, tuple(_given(exchange, response, answer)), _shown(answer))


def _shown(answer: Json) -> tuple[Mapping[str, Json], ...]:
    if not isinstance(answer, dict):
        return ()
    resources = answer.get("Resources")
    every = resources if isinstance(resources, list) else [answer]
    return tuple(one for one in every if isinstance(one, dict) and isinstance(one.get("id"), (str, int)))


def _given(exchange: Exchange, response: Response, answer: Json) -> Iterator[Given]:
    """What a later request may have from this answer."""
    if not response.is_success or endpoint_of(exchange.request) in DISCOVERY:
        return
    resources = answer.get("Resources") if isinstance(answer, dict) else None
    if isinstance(resources, list):
        for position, resource in enumerate(resources):
            yield from _given_by(resource, f"/Resources/{position}")
        answer = {name: member for name, member in answer.items() if name != "Resources"}
    yield from _given_in_bulk(answer)
    yield from _given_by(answer, "")
    if "etag" in response.headers:
        id = answer.get("id") if isinstance(answer, dict) else None
        yield Given(response.headers["etag"], "header:ETag", str(id or owner_of(exchange.request)))


def _given_by(resource: Json, place: str) -> Iterator[Given]:
    id = str(resource.get("id", "")) if isinstance(resource, dict) else ""
    for pointer, value in leaves(resource):
        if pointer == "/meta/version":
            yield Given(str(value), place + pointer, id)
        elif pointer == "/id" or (isinstance(value, str) and len(value) > 1):
            yield Given(str(value), place + pointer)


def _given_in_bulk(answer: Json) -> Iterator[Given]:
    operations = answer.get("Operations") if isinstance(answer, dict) else None
    for position, operation in enumerate(operations if isinstance(operations, list) else ()):
        location = operation.get("location") if isinstance(operation, dict) else None
        if isinstance(location, str) and "/" in location:
            yield Given(location.rpartition("/")[2], f"/Operations/{position}/location", is_address=True)


# Writing --------------------------------------------------------------------------------------------------------------


class _Writer:
    """Writes the steps of a scenario, in order: what stands for what is settled on the way."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = notes
        self._writable = {*LEAST, *(note.endpoint for note in notes if _is_write(note))} - DISCOVERY
        self._made = _made(notes)
        self._before = self._resources_before()
        self._pseudonyms = Pseudonyms(*self._originals())
        self._last_use = {value: at for at, note in enumerate(notes) for value in note.sent.texts}
        self._first_use = {value: at for at in reversed(range(len(notes))) for value in notes[at].sent.texts}
        self._sent = Sent()
        self._versions: dict[tuple[str, str], str] = {}
        self._had: dict[str, set[str]] = {}
        self._owner = ""

    def written(self) -> dict[str, Json]:
        """The members `let` and `steps`."""
        steps = [*self._steps_before(), *(self._step(at, note) for at, note in enumerate(self._notes))]
        return {"let": self._pseudonyms.let, "steps": steps}

    def _originals(self) -> tuple[list[str], list[str]]:
        """Every text, in order, and those that must be nobody else's."""
        before = Sent()
        for endpoint, resource in self._before.values():
            if resource is not LEAST.get(endpoint):
                before.reader().json(resource)
        every = [before, *(note.sent for note in self._notes)]
        texts = [value for sent in every for _, value in sent.values]
        numbers = [str(abs(value)) for sent in every for _, value in sent.numbers]
        names = [value for sent in every for key, value in sent.values if last(key) in NAMED]
        asked = [value for sent in every for value, operator in sent.compared if operator == "eq"]
        return texts + numbers, names + [value for value in asked if any(map(str.isalpha, value))]

    # What was there before --------------------------------------------------------------------------------------------

    def _resources_before(self) -> dict[str, tuple[str, Mapping[str, Json]]]:
        """Id -> endpoint and attributes of the resources that requests mean, or find, and that no request made."""
        meant = {value for note in self._notes for value in note.sent.texts}
        paged = {value for note in self._notes for key, value in note.sent.values if key == "cursor"}
        before: dict[str, tuple[str, Mapping[str, Json]]] = {}
        for note in self._notes:
            is_found = note.is_list and (note.is_narrow or _is_page(note, paged))
            for resource in note.resources if note.endpoint in self._writable else ():
                id = str(resource["id"])
                if id not in self._made and id not in before and (is_found or id in meant):
                    before[id] = note.endpoint, {k: v for k, v in resource.items() if k not in DERIVED}
        unseen = {id: endpoint for note in self._notes for id, endpoint in _addressed(note)}
        least = {id: (endpoint, LEAST[endpoint]) for id, endpoint in unseen.items() if id not in self._made}
        return least | before

    def _steps_before(self) -> Iterator[dict[str, Json]]:
        """A step for each, those first that others refer to."""
        waiting = dict(self._before)
        while waiting:
            ready = [id for id in waiting if not (_references(waiting[id][1]) - {id}) & waiting.keys()]
            for id in ready or list(waiting):
                endpoint, resource = waiting.pop(id)
                yield self._step_before(id, endpoint, resource)

    def _step_before(self, id: str, endpoint: str, resource: Mapping[str, Json]) -> dict[str, Json]:
        name = f"before{list(self._before).index(id) + 1}"
        body = self._body_before(resource) if resource is not LEAST.get(endpoint) else _named(resource, name)
        self._sent.values["id", id] = None
        self._pseudonyms.save(id, f"{{{{{name}}}}}")
        return {
            "title": "what was there before",
            "send": f"POST /{endpoint}",
            "headers": {"Accept": "application/scim+json", "Content-Type": "application/scim+json"},
            "body": body,
            "expect": {"status": [200, 201]},
            "save": {name: "/id"},
        }

    def _body_before(self, resource: Mapping[str, Json]) -> Json:
        known = {name: self._with_known(name, member) for name, member in resource.items()}
        sent = {name: member for name, member in known.items() if member is not None}
        self._sent.reader().json(sent)
        return self._disguise().json(sent)

    def _with_known(self, name: str, member: Json) -> Json:
        """References to resources that the scenario does not have are left out."""
        if name not in REFERENCES and not name.startswith("urn:"):
            return member
        if isinstance(member, list):
            return [one for one in member if self._is_known(one)] or None
        if name.startswith("urn:") and isinstance(member, dict):
            parts = {part: self._with_known(part, one) for part, one in member.items()}
            return {part: one for part, one in parts.items() if one is not None}
        return member if name not in REFERENCES or self._is_known(member) else None

    def _is_known(self, reference: Json) -> bool:
        id = reference.get("value") if isinstance(reference, dict) else reference
        return isinstance(id, str) and self._pseudonyms.saved(id) is not None

    # Steps ------------------------------------------------------------------------------------------------------------

    def _disguise(self) -> Disguise:
        pseudonyms = self._pseudonyms
        return Disguise(
            replace=self._replaced,
            number=lambda value, key: pseudonyms.number(value),
            address=self._address,
            quoted=pseudonyms.quoted,
            kept=lambda value, key: None,
            compared=lambda value, operator: None,
        )

    def _replaced(self, value: str, key: str) -> str:
        version = self._versions.get((self._owner, value)) if last(key) == "version" else None
        return version or (self._pseudonyms.of(value, key) if value else value)

    def _address(self, endpoint: str, id: str) -> str | None:
        saved = self._pseudonyms.saved(id)
        return f"{{{{base_url}}}}/{endpoint}/{saved}" if saved else None

    def _step(self, at: int, note: Note) -> dict[str, Json]:
        request, disguise = note.exchange.request, self._disguise()
        self._owner = note.owner
        step: dict[str, Json] = {
            "send": f"{request.method} {disguise.target(request.target)}",
            "headers": {**disguise.headers(request.headers), **_login(note)},
        }
        if note.body is not None:
            step["body"] = disguise.json(note.body)
        elif request.body:
            step["text"] = disguise.plain(request.body.decode("utf-8", "replace"), "")
        self._remember(note.sent)
        saves = self._saves(at, note)
        expected = self._expected(note)
        step["expect"] = {"status": _statuses(note), **({"body": expected} if expected else {})}
        if saves:
            step["save"] = saves
        return step

    def _remember(self, sent: Sent) -> None:
        self._sent.values |= sent.values
        self._sent.numbers |= sent.numbers
        self._sent.kept |= sent.kept

    def _saves(self, at: int, note: Note) -> dict[str, str]:
        """What later requests have from this answer: name -> source."""
        saves: dict[str, str] = {}
        for given in note.given:
            if self._last_use.get(given.value, -1) <= at or not _is_placed(given, note, self._writable):
                continue
            if given.owner is not None:
                known = (given.owner, given.value)
                name = self._versions.setdefault(known, f"{{{{version{len(self._versions) + 1}}}}}")[2:-2]
                if name not in saves:
                    saves[name] = given.source
            elif self._is_new(at, given):
                name = f"given{at + 1}_{len(saves) + 1}"
                saves[name] = given.source
                self._pseudonyms.save(given.value, f"{{{{{name}{'|last' if given.is_address else ''}}}}}")
        return saves

    def _is_new(self, at: int, given: Given) -> bool:
        """Whether nothing stands for it yet, and no request had it before the answer."""
        return self._first_use.get(given.value, at + 1) > at and not self._pseudonyms.knows(given.value)

    # What is expected -------------------------------------------------------------------------------------------------

    def _expected(self, note: Note) -> Json:
        """What of the answer follows from what was sent; None where nothing does."""
        if not note.response.is_success:
            error = parsed(note.response.body)
            schemas = error.get("schemas") if isinstance(error, dict) else None
            known = "urn:ietf:params:scim:api:messages:2.0:Error"
            return {"schemas": {"$has": [known]}} if isinstance(schemas, list) and known in schemas else None
        if not isinstance(note.answer, dict) or note.endpoint in DISCOVERY or note.endpoint not in self._writable:
            return None
        if not note.is_list:
            return self._resource(note, note.answer)
        return self._list(note, note.answer) if note.is_narrow else None

    def _list(self, note: Note, answer: Mapping[str, Json]) -> Json:
        """A filter asks for what the scenario has made: that is found, and nothing else."""
        resources = answer.get("Resources") or []
        expected: dict[str, Json] = {}
        if answer.get("totalResults") == len(resources):
            expected["totalResults"] = len(resources)
        shown = [each for one in resources if isinstance(one, dict) and (each := self._resource(note, one))]
        return {**expected, "Resources": {"$has": shown}} if shown else expected or None

    def _resource(self, note: Note, resource: Mapping[str, Json]) -> Json:
        members = {
            name: expected
            for name, member in resource.items()
            if name != "meta" and (expected := self._following(member, inner("", name))) is not None
        }
        had = self._had.setdefault(str(resource.get("id")), set())
        if not note.is_projected and "id" in resource:
            gone = sorted(name for name in had if resource.get(name) in (None, "", [], {}))
            members |= {name: {"$unassigned": True} for name in gone}
        had |= members.keys() - {"id", "schemas"}
        return members or None

    def _following(self, value: Json, key: str) -> Json:
        """The part of a value that follows from what was sent; None where none does."""
        if isinstance(value, dict):
            members = {name: self._following(member, inner(key, name)) for name, member in value.items()}
            return {name: member for name, member in members.items() if member is not None} or None
        if isinstance(value, list):
            return self._elements([self._following(element, key) for element in value], key)
        if isinstance(value, bool):
            return value if {(key, True), (key, False)} & self._sent.kept else None
        if isinstance(value, str):
            return self._text(value, key)
        return self._pseudonyms.number(value) if value is not None and (key, value) in self._sent.numbers else None

    def _elements(self, elements: Sequence[Json], key: str) -> Json:
        """All of them and no others, where all follow."""
        known = [element for element in elements if element is not None]
        if not known:
            return None
        return {"$has" if len(known) < len(elements) or key == "schemas" else "$set": known}

    def _text(self, value: str, key: str) -> Json:
        if (key, value) in self._sent.kept:
            return value
        if (key, value) in self._sent.values and last(key) not in SECRETS and not BOOLEAN.fullmatch(value):
            return self._pseudonyms.of(value, key)
        return None


def _is_write(note: Note) -> bool:
    return note.exchange.request.method in ("POST", "PUT", "PATCH") and note.response.is_success and not note.is_list


def _is_placed(given: Given, note: Note, writable: Set[str]) -> bool:
    """Whether the answer has the value at the same place wherever it is played: lists have resources of others too."""
    if not given.source.startswith("/Resources/") or note.endpoint not in writable:
        return True
    return note.is_narrow and len(note.resources) == 1


def _made(notes: Sequence[Note]) -> set[str]:
    """The ids of what requests made."""
    made: set[str] = set()
    for note in notes:
        if note.exchange.request.method == "POST" and not note.is_list:
            made |= {str(resource["id"]) for resource in note.resources}
            made |= {given.value for given in note.given if given.is_address}
    return made


def _is_page(note: Note, cursors: set[str]) -> bool:
    """Whether a list is a page of one that was gone through by cursor."""
    answer = note.answer if isinstance(note.answer, dict) else {}
    asked = {value for key, value in note.sent.values if key == "cursor"}
    return bool(asked & cursors) or answer.get("nextCursor") in cursors


def _addressed(note: Note) -> Iterator[tuple[str, str]]:
    """The ids that a request which succeeded was about, with their endpoints."""
    if note.response.is_success and note.endpoint in LEAST:
        if note.owner not in ("", ".search"):
            yield note.owner, note.endpoint
        yield from ((value, "Users") for key, value in note.sent.values if key == "members.value")


def _named(least: Mapping[str, Json], name: str) -> Json:
    """The least that a resource must have, with a name of its own."""
    return {key: f"{{{{unique}}}}-{name}" if isinstance(member, str) else member for key, member in least.items()}


def _references(resource: Mapping[str, Json]) -> set[str]:
    return {str(value) for _, value in leaves(resource)}


def _login(note: Note) -> dict[str, str | None]:
    """How the request is signed in otherwise than the run is: not at all, or as nobody."""
    if not any(name.lower() == "authorization" for name in note.exchange.request.headers):
        return {"Authorization": None}
    return {"Authorization": "Bearer {{run}}"} if note.response.status == 401 else {}


def _statuses(note: Note) -> int | list[int]:
    """The status; of a PATCH without an answer also that of one with it (RFC 7644 section 3.5.2)."""
    status = note.response.status
    return [204, 200] if note.exchange.request.method == "PATCH" and status == 204 else status
