"""What bindings say about derived attributes: how each follows from what is stored.

It is said in the words of the file: `inverseOf` in the JSON of a resource type is `inverse_of` in profile.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.domain import binding
from scim_server.domain.attrpath import BoundPath, bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.filter import AnyElement, BoundAnd, BoundFilter, BoundNot, BoundOr, Test
from scim_server.domain.schema import (
    VALUE,
    Absence,
    Attribute,
    AttributeType,
    Depth,
    Derivation,
    Inverse,
    Json,
    Kept,
    Noted,
    ResourceType,
    Returned,
    Source,
    TakenSeats,
    path_key,
)
from scim_server.errors import BadRequest
from scim_server.filtering import parse_attribute, parse_filter

WAYS: Final = ("inverseOf", "depthOf", "absenceOf", "noted", "seatsOf")
"""Each derived attribute is derived in one of these ways."""

SNAKE: Final[Mapping[str, str]] = {
    "inverseOf": "inverse_of",
    "depthOf": "depth_of",
    "absenceOf": "absence_of",
    "seatsOf": "seats_of",
    "resourceType": "resource_type",
}
"""How profile.toml spells the words that it spells in another way."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a file says about one derived attribute of a resource type, and how it spells its words."""

    resource_type: str
    attribute: Attribute
    extension: str | None
    content: Mapping[str, Json]
    place: Place
    words: Mapping[str, str]

    @property
    def key(self) -> str:
        return path_key(self.extension, self.attribute.name)

    def word(self, name: str) -> str:
        """A word as the file spells it."""
        return self.words.get(name, name)

    def at(self, name: str) -> Place:
        return self.place.member(self.word(name))

    def ways(self) -> list[str]:
        """The ways in which the attribute is derived: there should be one."""
        return [way for way in WAYS if self.content.get(self.word(way)) not in (None, False)]

    def sources(self) -> Sequence[tuple[Mapping[str, Json], Place]]:
        """What it is the inverse of, one or several, with the place of each."""
        listed, place = self.content[self.word("inverseOf")], self.at("inverseOf")
        if isinstance(listed, list):
            return [(source, place.element(index)) for index, source in enumerate(listed)]
        return [(listed, place)]


class DerivationBook:
    """`resource_types` are those that were given, with their derivations; `faults` is what is not right."""

    def __init__(self, resource_types: Iterable[ResourceType], wanted: Iterable[Wanted]) -> None:
        self.faults: list[Fault] = []
        self._types = {t.name: t for t in resource_types}
        self._wanted = [*wanted]
        made: dict[str, dict[str, Derivation]] = {name: {} for name in self._types}
        for each in self._wanted:
            derivation = self._derivation(each)
            if derivation is not None:
                made[each.resource_type][each.key] = derivation
        self.resource_types = tuple(replace(t, derivations=made[t.name]) for t in self._types.values())

    def _derivation(self, wanted: Wanted) -> Derivation | None:
        ways = wanted.ways()
        if len(ways) != 1:
            problem = "does not say how it is derived" if not ways else "is derived in more ways than one"
            self.faults.append(wanted.place.fault(problem, one_of(map(wanted.word, WAYS))))
            return None
        fits, expected, make = _MAKERS[ways[0]]
        if not fits(wanted.attribute):
            self.faults.append(wanted.at(ways[0]).fault(f"{wanted.attribute.name} cannot be derived so", expected))
            return None
        return make(self, wanted)

    # Inverses

    def _inverse(self, wanted: Wanted) -> Derivation | None:
        found = [self._source(wanted, source, place) for source, place in wanted.sources()]
        owners = {owner: None for owner, _ in found}
        if len(owners) > 1:
            problem = f"the sources are of {' and '.join(owners)}"
            self.faults.append(wanted.at("inverseOf").fault(problem, "one resource type in all of them"))
        sources = tuple(source for _, source in found if source)
        if not sources:
            return None
        inverse = Inverse(next(iter(owners)), sources)
        return replace(inverse, kind=wanted.content.get("kind", inverse.kind))

    def _source(self, wanted: Wanted, content: Mapping[str, Json], place: Place) -> tuple[str, Source | None]:
        name, text = content[wanted.word("resourceType")], content["attribute"]
        owner = self._types.get(name)
        path = _bound(text, owner) if owner else None
        if path is None or path.sub or path.attribute.kept is not Kept.ROWS:
            self.faults.append(place.fault(f"{text} of {name} is not kept as rows", self._rows_expected()))
            return name, None
        where = content.get("where")
        if where is None:
            return name, Source(path.key)
        condition = self._condition(wanted, where, place.member("where"))
        return name, Source(path.key, condition) if condition else None

    def _rows_expected(self) -> str:
        return (
            one_of(f"{a.key} of {t.name}" for t in self._types.values() for a in t.rows_attributes)
            or "an attribute kept as rows"
        )

    def _condition(self, wanted: Wanted, text: str, place: Place) -> BoundFilter | None:
        """The filter on the resource itself, about nothing but its document."""
        leniency = Leniency(STRICT)
        try:
            condition = binding.bind(parse_filter(text, leniency), self._types[wanted.resource_type], leniency)
        except BadRequest as error:
            self.faults.append(
                place.fault(f"{shown(text)} is no filter of {wanted.resource_type} ({error.detail})", _FILTER)
            )
            return None
        for path in _paths(condition):
            if path.attribute.kept is not Kept.DOCUMENT:
                problem = f"{path.key} is not in the document ({path.attribute.kept})"
                self.faults.append(place.fault(problem, "attributes kept in the document"))
                return None
        return condition

    # The others

    def _depth(self, wanted: Wanted) -> Derivation | None:
        path = self._path(wanted, "depthOf")
        if path is None:
            return None
        leaf = path.leaf
        is_id = leaf.type is AttributeType.STRING and leaf.case_exact and not _is_multiple(path)
        if not is_id or path.attribute.kept is not Kept.DOCUMENT or _is_unseen(path):
            problem = f"{path.key} does not say what lies above"
            expected = "a string with one value, caseExact, kept in the document and returned"
            self.faults.append(wanted.at("depthOf").fault(problem, expected))
            return None
        return Depth(path)

    def _absence(self, wanted: Wanted) -> Derivation | None:
        path = self._path(wanted, "absenceOf")
        if path is None:
            return None
        inverses = [
            w.key for w in self._wanted if w.resource_type == wanted.resource_type and w.ways() == ["inverseOf"]
        ]
        if path.key not in inverses:
            expected = one_of(inverses) or f"a derived attribute with {wanted.word('inverseOf')}"
            self.faults.append(wanted.at("absenceOf").fault(f"{path.key} follows from no rows", expected))
            return None
        return Absence(path.key)

    def _path(self, wanted: Wanted, way: str) -> BoundPath | None:
        """The attribute of the same resource type that the way names."""
        text = wanted.content[wanted.word(way)]
        path = _bound(text, self._types[wanted.resource_type])
        if path is None:
            problem = f"{wanted.resource_type} has no attribute {shown(text)}"
            self.faults.append(wanted.at(way).fault(problem, "an attribute of its schemas"))
        return path


def _bound(text: str, resource_type: ResourceType) -> BoundPath | None:
    """The attribute that a text names; None where there is none, or where it is no path."""
    try:
        return bind(parse_attribute(text), resource_type)
    except BadRequest:
        return None


_FILTER: Final = 'a filter such as title eq "x"'


def _paths(condition: BoundFilter) -> Iterator[BoundPath]:
    match condition:
        case Test(path) | AnyElement(path):
            yield path
        case BoundAnd(terms) | BoundOr(terms):
            for term in terms:
                yield from _paths(term)
        case BoundNot(term):
            yield from _paths(term)


def _is_multiple(path: BoundPath) -> bool:
    return path.attribute.multi_valued or path.leaf.multi_valued


def _is_unseen(path: BoundPath) -> bool:
    return Returned.NEVER in (path.attribute.returned, path.leaf.returned)


def _is_one(attribute: Attribute, kind: AttributeType) -> bool:
    return attribute.type is kind and not attribute.multi_valued


def _is_noted(attribute: Attribute) -> bool:
    return attribute.type is (AttributeType.STRING if attribute.multi_valued else AttributeType.BOOLEAN)


def _holds_references(attribute: Attribute) -> bool:
    return attribute.multi_valued and attribute.is_complex and attribute.sub(VALUE) is not None


Maker = Callable[[DerivationBook, Wanted], Derivation | None]

_MAKERS: Final[Mapping[str, tuple[Callable[[Attribute], bool], str, Maker]]] = {
    "inverseOf": (
        _holds_references,
        "a multi-valued complex attribute with the sub-attribute value",
        DerivationBook._inverse,
    ),
    "depthOf": (lambda a: _is_one(a, AttributeType.INTEGER), "an integer with one value", DerivationBook._depth),
    "absenceOf": (lambda a: _is_one(a, AttributeType.BOOLEAN), "a boolean with one value", DerivationBook._absence),
    "noted": (_is_noted, "a boolean with one value, or a multi-valued string", lambda book, wanted: Noted()),
    "seatsOf": (
        lambda a: _is_one(a, AttributeType.INTEGER),
        "an integer with one value",
        lambda book, wanted: TakenSeats(),
    ),
}
"""For which attributes each way is, what is expected instead of another one, and what makes the derivation."""
