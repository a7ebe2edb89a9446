"""What profiles ask of resources: the rules of profile.toml, bound to the attributes of the resource types.

A rule about an attribute that is not there, that clients cannot write, or whose type it does not fit, is a fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from scim_server.catalog.binding import Problem
from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.catalog.passwords import length_rules
from scim_server.catalog.shapes import TESTS
from scim_server.catalog.stock import StockBook
from scim_server.catalog.targets import Targets
from scim_server.catalog.teams import TeamBook
from scim_server.domain import coerce, compare
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import Attribute, AttributeType, Json, ResourceType
from scim_server.errors import BadRequest
from scim_server.profiles import tests
from scim_server.profiles.decisions import NO_RULES, TypeRules
from scim_server.profiles.rules import Condition, Constraint, Fixed, Required, Rule, Where
from scim_server.profiles.targets import Target
from scim_server.profiles.teams import Teams
from scim_server.profiles.tests import ValueTest

Item: TypeAlias = Mapping[str, Json]

TEXTS: Final = (AttributeType.STRING, AttributeType.REFERENCE)
NUMBERS: Final = (AttributeType.INTEGER, AttributeType.DECIMAL)
SIMPLE: Final = tuple(kind for kind in AttributeType if kind is not AttributeType.COMPLEX)

FITTING: Final[Mapping[str, tuple[AttributeType, ...]]] = {
    "pattern": TEXTS,
    "minimum": NUMBERS,
    "maximum": NUMBERS,
    "length": TEXTS,
    "one_of": SIMPLE,
    "each_one_of": TEXTS,
    "telephone": TEXTS,
}
"""The types of attributes that each test of a constraint is for."""


class RuleBook:
    """`resource_types` are those that were given, with the rules that are right; `faults` is what is not."""

    def __init__(self, resource_types: Iterable[ResourceType], profiles: Sequence[Document]) -> None:
        self.faults: list[Fault] = []
        self._targets = Targets(self.faults)
        self._types = {t.name: t for t in resource_types}
        self._rules: dict[str, list[Rule]] = {}
        self._flags: dict[str, Target] = {}
        makers: Mapping[str, Callable[[ResourceType, Item, Place], Rule | None]] = {
            "constraints": self._constraint,
            "required": self._required,
            "fixed": self._fixed,
            "conditions": self._condition,
        }
        for profile in profiles:
            for table, make in makers.items():
                for resource_type, item, place in self._items(profile, table):
                    rule = make(resource_type, item, place)
                    self._rules.setdefault(resource_type.name, []).extend([rule] if rule else [])
            for resource_type, item, place in self._items(profile, "lifecycle"):
                self._take_flag(resource_type, item, place)
        for resource_type in self._types.values():
            self._rules.setdefault(resource_type.name, []).extend(length_rules(resource_type))
        self._teams = TeamBook(self._types, profiles)
        self.faults += self._teams.faults
        self._stock = StockBook(self._types, profiles, self._flags, self._rules, self._teams.teams)
        self.faults += self._stock.faults
        self.resource_types = tuple(map(self._ruled, self._types.values()))

    def _ruled(self, resource_type: ResourceType) -> ResourceType:
        name = resource_type.name
        rules = TypeRules(
            rules=tuple(self._rules.get(name, ())),
            flag=self._flags.get(name),
            teams=self._told_teams(name),
            review=self._teams.reviews.get(name),
            licences=self._stock.licences.get(name),
            numbers=self._stock.numbers.get(name),
            roles=self._stock.roles.get(name),
            announcements=tuple(self._stock.announcements.get(name, ())),
        )
        return resource_type if rules == NO_RULES else replace(resource_type, rules=rules)

    def _told_teams(self, name: str) -> Teams | None:
        """The teams, with what is told where members join."""
        teams = self._teams.teams.get(name)
        return replace(teams, joined=self._stock.joins.get(name)) if teams else None

    def _items(self, profile: Document, table: str) -> Iterator[tuple[ResourceType, Item, Place]]:
        """The items of one table whose resource type there is."""
        for index, item in enumerate(profile.content.get(table, ())):
            place = profile.place.member(table).element(index)
            resource_type = self._types.get(item["resource_type"])
            if resource_type is not None:
                yield resource_type, item, place
                continue
            problem = f"there is no resource type {shown(item['resource_type'])}"
            self.faults.append(place.member("resource_type").fault(problem, one_of(self._types)))

    def _constraint(self, resource_type: ResourceType, item: Item, place: Place) -> Rule | None:
        target = self._target(resource_type, item, "attribute", place)
        if target is None:
            return None
        asked = [name for name in TESTS if item.get(name, False) is not False]
        if not asked:
            self.faults.append(place.fault("asks nothing", one_of(TESTS)))
        found = [self._test(name, target, item, place) for name in asked]
        self.faults += _range_faults(item, place)
        return Constraint(target, tuple(test for test in found if test), item.get("message", ""))

    def _test(self, name: str, target: Target, item: Item, place: Place) -> ValueTest | None:
        at = place.member(name)
        leaf = target.leaf
        if leaf.type not in FITTING[name]:
            problem = f"{target.text} is of type {leaf.type}, which has no {name}"
            self.faults.append(at.fault(problem, f"an attribute of type {' or '.join(FITTING[name])}"))
            return None
        listed = [*enumerate(item[name])] if name in ("one_of", "each_one_of") else []
        unfit = [at.element(index).fault(*misfit) for index, value in listed if (misfit := _unfit(leaf, value))]
        self.faults += unfit
        try:
            return None if unfit else _MAKERS[name](leaf, item[name])
        except re.error as error:
            self.faults.append(at.fault(f"{shown(item[name])} is no regular expression ({error})", "one of Python's"))
            return None

    def _required(self, resource_type: ResourceType, item: Item, place: Place) -> Rule | None:
        target = self._target(resource_type, item, "attribute", place)
        return Required(target) if target else None

    def _fixed(self, resource_type: ResourceType, item: Item, place: Place) -> Rule | None:
        target = self._target(resource_type, item, "attribute", place)
        named = [key for key in ("when", "equals") if key in item]
        if len(named) == 1:
            self.faults.append(place.fault(f"has {named[0]} alone", "both of when and equals, or neither"))
            return None
        where = self._where(resource_type, item, place) if named else None
        return Fixed(target, where) if target else None

    def _condition(self, resource_type: ResourceType, item: Item, place: Place) -> Rule | None:
        where = self._where(resource_type, item, place)
        required = self._target(resource_type, item, "required", place)
        return Condition(where.target, where.value, where.key, required) if where and required else None

    def _where(self, resource_type: ResourceType, item: Item, place: Place) -> Where | None:
        when = self._target(resource_type, item, "when", place)
        if when is None:
            return None
        problem = _unfit(when.leaf, item["equals"])
        if problem:
            self.faults.append(place.member("equals").fault(*problem))
            return None
        return Where(when, item["equals"], compare.key(when.leaf, item["equals"]))

    def _take_flag(self, resource_type: ResourceType, item: Item, place: Place) -> None:
        target = self._target(resource_type, item, "flag", place)
        if target is None:
            return
        at = place.member("flag")
        if target.leaf.type is not AttributeType.BOOLEAN or target.leaf.multi_valued or target.path.sub:
            self.faults.append(at.fault(f"{target.text} cannot switch anything off", "a boolean with one value"))
        elif resource_type.name in self._flags:
            problem = f"{resource_type.name} is switched off by {self._flags[resource_type.name].text} already"
            self.faults.append(at.fault(problem, "one for each resource type"))
        else:
            self._flags[resource_type.name] = target

    def _target(self, resource_type: ResourceType, item: Item, key: str, place: Place) -> Target | None:
        """The attribute that the item names, if clients can write it."""
        return self._targets.writable(item[key], resource_type, place.member(key))


_MAKERS: Final[Mapping[str, Callable[[Attribute, Json], ValueTest]]] = {
    "pattern": lambda _, expression: tests.pattern(expression),
    "minimum": lambda _, least: tests.minimum(least),
    "maximum": lambda _, most: tests.maximum(most),
    "length": lambda _, limits: tests.length(limits.get("minimum", 0), limits.get("maximum")),
    "one_of": tests.one_of,
    "each_one_of": tests.each_one_of,
    "telephone": lambda _, __: tests.TELEPHONE,
}


def _unfit(attribute: Attribute, value: Json) -> Problem | None:
    """Why a value is none of the attribute."""
    if attribute.is_complex:
        return f"{attribute.name} is complex", "a sub-attribute of it"
    if value in ("", None):
        return f"{shown(value)} is no value", f"a value of type {attribute.type}"
    try:
        coerce.single(attribute, value, Leniency(STRICT))
    except BadRequest:
        return f"{shown(value)} does not fit", f"a value of type {attribute.type}"
    return None


def _range_faults(item: Item, place: Place) -> Iterator[Fault]:
    for ends, at in ((item, place), (item.get("length", {}), place.member("length"))):
        least, most = ends.get("minimum"), ends.get("maximum")
        if least is not None and most is not None and least > most:
            yield at.member("minimum").fault(f"{least} is more than the maximum", f"at most {most}")
