"""Lists of elements of multi-valued attributes: what counts as the same element, and which one is primary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from scim_server.domain import compare
from scim_server.domain.compare import Key
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.schema import PRIMARY, TYPE, VALUE, Attribute, Json
from scim_server.errors import InvalidValue

MAXIMUM_ID = 255
"""Characters in the id of an element that is kept as a row."""

Identity: TypeAlias = tuple[tuple[str, Key], ...]


def as_list(value: Json) -> list[Json]:
    """The elements of a value, whether its attribute has several or one; none where it is unassigned."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def identity(attribute: Attribute, element: Json) -> Identity:
    """What makes two elements one: (type, value) where there is a value, else everything that it has but the primary
    flag (R-MV-03, R-PATCH-30).
    """
    if not attribute.is_complex:
        return ((VALUE, compare.key(attribute, element)),)
    names = (TYPE, VALUE) if VALUE in element else sorted(element.keys() - {PRIMARY})
    return tuple((name, _key(attribute, name, element[name])) for name in names if name in element)


def merged(attribute: Attribute, elements: Iterable[Json]) -> list[Json]:
    """The elements in order, each once.

    One that is the same as an earlier one is merged into that one's place; a simple value that is there stays as it is
    spelt (R-PATCH-27).
    """
    return Distinct(attribute, elements).elements


class Distinct:
    """The elements of one attribute in order, each once. Adding to them costs what is added, however many there are.

    `elements` is one and the same list as it grows; it is for reading.
    """

    def __init__(self, attribute: Attribute, elements: Iterable[Json]) -> None:
        self.elements: list[Json] = []
        self._attribute = attribute
        self._places: dict[Identity, int] = {}
        self._primaries: set[int] = set()
        for element in elements:
            self._merge(element)

    def add(self, elements: Sequence[Json]) -> None:
        """Take in canonical elements, of which at most one is primary: then no other one stays so (R-PATCH-18)."""
        if primaries(elements):
            for place in self._primaries:
                self.elements[place][PRIMARY] = False
            self._primaries.clear()
        for element in elements:
            self._merge(element)

    def _merge(self, element: Json) -> None:
        """Merging leaves the identity as it is, so the places stay right."""
        place = self._places.setdefault(identity(self._attribute, element), len(self.elements))
        if place == len(self.elements):
            self.elements.append(element)
        elif isinstance(self.elements[place], dict):
            self.elements[place] = {**self.elements[place], **element}
        self._primaries.discard(place)
        if primaries([self.elements[place]]):
            self._primaries.add(place)


def settle_primary(attribute: Attribute, before: Sequence[Json], elements: list[Json], leniency: Leniency) -> None:
    """Leave at most one primary element: the one that was just made primary (RFC 7643 section 2.4, RFC 7644 section
    3.5.2).

    `before` has the elements that were primary already, by identity of the objects. Two new ones at once are an
    InvalidValue, or where the dialect says so the last of them stays.
    """
    found = primaries(elements)
    old = {id(e) for e in before}
    new = [e for e in found if id(e) not in old]
    if len(new) > 1 and not leniency.allows(Tolerance.LAST_PRIMARY_WINS):
        raise InvalidValue(f"{attribute.name}: more than one element is primary.")
    winner = new[-1] if new else None
    for element in found:
        if winner is not None and element is not winner:
            element[PRIMARY] = False


def primaries(elements: Iterable[Json]) -> list[Json]:
    """The elements that are primary."""
    return [e for e in elements if isinstance(e, dict) and e.get(PRIMARY) is True]


def row_id(attribute: Attribute, element: Json) -> str:
    """The id under which an element is kept as a row: the key of its `value`, 1 to 255 characters."""
    value = attribute.sub(VALUE)
    if value is None or VALUE not in element:
        raise InvalidValue(f"{attribute.name}: an element needs a value.")
    id = str(compare.key(value, element[VALUE]))
    if not 1 <= len(id) <= MAXIMUM_ID:
        raise InvalidValue(f"{attribute.name}: a value has 1 to {MAXIMUM_ID} characters.")
    return id


def _key(attribute: Attribute, name: str, value: Json) -> Key:
    sub = attribute.sub(name)
    if sub is None or sub.multi_valued:
        return repr(value)
    return compare.key(sub, value)
