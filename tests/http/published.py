"""What a server publishes about its attributes, read over HTTP, and bodies made from nothing else.

A probe that is driven by this takes in whatever a new schema claims.
"""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.http.server import Client


@dataclass(frozen=True)
class Claim:
    """An attribute, or a part of a complex one, as /Schemas has it; `urn` is that of an extension."""

    published: Mapping[str, Any]
    urn: str | None = None
    parent: Mapping[str, Any] | None = None

    @property
    def path(self) -> str:
        """As a client names it: `userName`, `emails.value`, `urn:...:manager.value`."""
        names = [self.parent["name"]] if self.parent else []
        return (f"{self.urn}:" if self.urn else "") + ".".join([*names, self.published["name"]])

    @property
    def top(self) -> Mapping[str, Any]:
        """The attribute that it is a part of, or itself."""
        return self.parent or self.published

    @property
    def mutability(self) -> str:
        """What holds for it, the attribute that it is a part of included."""
        above = str(self.top["mutability"])
        return str(self.published["mutability"]) if above == "readWrite" else above

    @property
    def returned(self) -> str:
        """What holds for it, the attribute that it is a part of included."""
        mine, above = str(self.published["returned"]), str(self.top["returned"])
        if "never" in (mine, above):
            return "never"
        if mine == "always":
            return mine
        return "request" if "request" in (mine, above) else above

    @property
    def is_writable(self) -> bool:
        return self.mutability != "readOnly"

    @property
    def is_complex(self) -> bool:
        return bool(self.published["type"] == "complex")

    @property
    def has_fixed_parts(self) -> bool:
        """Whether it is one value that clients write, in which a part is set once: then it does not go as a whole."""
        fixed = any(part.published["mutability"] == "immutable" for part in self.parts())
        return fixed and not self.published["multiValued"]

    def parts(self) -> Iterator["Claim"]:
        """Its sub-attributes."""
        for part in self.published.get("subAttributes", ()):
            yield Claim(part, self.urn, self.published)

    def values(self, resource: Mapping[str, Any]) -> list[Any]:
        """All its values in a representation, none where it is absent."""
        place = resource.get(self.urn, {}) if self.urn else resource
        found = _listed(place.get(self.top["name"]))
        if self.parent is None:
            return found
        return [value for element in found for value in _listed(element.get(self.published["name"]))]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


@dataclass(frozen=True)
class Kind:
    """A resource type as /ResourceTypes has it, with the attributes of its schemas."""

    published: Mapping[str, Any]
    attributes: tuple[Claim, ...]

    @property
    def name(self) -> str:
        return str(self.published["name"])

    @property
    def endpoint(self) -> str:
        return str(self.published["endpoint"])

    def claims(self) -> Iterator[Claim]:
        """Every attribute, each followed by its parts."""
        for attribute in self.attributes:
            yield attribute
            yield from attribute.parts()

    def leaves(self) -> Iterator[Claim]:
        """What has values of its own: simple attributes, and the parts of complex ones."""
        return (claim for claim in self.claims() if not claim.is_complex)

    def body(self, *assignments: Iterable[tuple[Claim, Any]]) -> dict[str, Any]:
        """A request body with these values; the later ones win."""
        made: dict[str, Any] = {"schemas": [self.published["schema"]]}
        for claim, value in (pair for pairs in assignments for pair in pairs):
            place = made.setdefault(claim.urn, {}) if claim.urn else made
            place[claim.published["name"]] = value
        made["schemas"] += [name for name in made if name.startswith("urn:")]
        return made

    def required(self, number: int) -> list[tuple[Claim, Any]]:
        """What has to be there, with the values of that number; a required extension has at least one attribute."""
        wanted = [a for a in self.attributes if a.published["required"] and a.is_writable]
        for extension in self.published.get("schemaExtensions", ()):
            if extension["required"] and not any(a.urn == extension["schema"] for a in wanted):
                wanted.append(next(a for a in self.attributes if a.urn == extension["schema"] and _is_plain(a)))
        return [(claim, value(claim, number)) for claim in wanted]

    def full(self, number: int, choose: Callable[[Claim], bool] = lambda _: True) -> list[tuple[Claim, Any]]:
        """A value for every attribute that is chosen, those of that number."""
        return [(claim, value(claim, number)) for claim in self.attributes if choose(claim)]


def _is_plain(claim: Claim) -> bool:
    return (claim.mutability, claim.returned, claim.is_complex) == ("readWrite", "default", False)


def kinds(client: Client) -> list[Kind]:
    """Every resource type of the server."""
    schemas = {s["id"]: s for s in client.get("/Schemas").get_json(force=True)["Resources"]}
    found = []
    for resource_type in client.get("/ResourceTypes").get_json(force=True)["Resources"]:
        core = [Claim(a) for a in schemas[resource_type["schema"]]["attributes"]]
        extensions = [e["schema"] for e in resource_type.get("schemaExtensions", ())]
        more = [Claim(a, urn) for urn in extensions for a in schemas[urn]["attributes"]]
        found.append(Kind(resource_type, (*core, *more)))
    return found


ONCE = 9
"""The number of the values of parts that are set once."""


def value(claim: Claim, number: int) -> Any:
    """A right value; another number gives another one, save that there are two booleans alone."""
    made = _complex(claim, number) if claim.is_complex else VALUES[claim.published["type"]](number)
    return [made] if claim.published["multiValued"] else made


def _complex(claim: Claim, number: int) -> dict[str, Any]:
    """What is immutable in a value that is not has the same value for every number, so that it can be replaced."""
    fixed = [p.path for p in claim.parts() if p.mutability == "immutable" != claim.mutability]
    return {p.published["name"]: value(p, ONCE if p.path in fixed else number) for p in claim.parts()}


VALUES: Mapping[str, Callable[[int], Any]] = {
    "string": lambda n: f"Text {n}",
    "boolean": lambda n: bool(n % 2),
    "decimal": lambda n: n + 0.25,
    "integer": lambda n: n,
    "dateTime": lambda n: f"2026-01-01T00:{n // 60:02}:{n % 60:02}Z",
    "reference": lambda n: f"https://example.com/{n}",
    "binary": lambda n: base64.b64encode(b"%d" % n).decode(),
}
MISFITS: Mapping[str, Any] = {
    "string": 5,
    "boolean": "yes",
    "decimal": "many",
    "integer": 1.5,
    "dateTime": "2026-01-01",
    "reference": 5,
    "binary": "not base64!",
    "complex": "text",
}
"""A value that is none of each type."""
