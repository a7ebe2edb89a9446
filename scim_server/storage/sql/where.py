"""Bound filters as SQL conditions: the second interpreter of what `domain.filter` means, beside `domain.match`.

Conditions may be NULL for no. `not` goes down to the leaves and complements there (`IS NOT TRUE`), so that it is
exact, and what stands beside it can still use an index; what indexes answer stands in `lookups`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias, assert_never

from sqlalchemy import FromClause, Select, and_, false, or_, true

from scim_server.domain.attrpath import BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.filter import (
    Always,
    AnyElement,
    BoundAnd,
    BoundFilter,
    BoundNot,
    BoundOr,
    ElementTest,
    Operator,
    Test,
)
from scim_server.domain.registry import Registry
from scim_server.domain.schema import Attribute, ResourceType
from scim_server.storage.sql.derived import Derivations
from scim_server.storage.sql.lookups import (
    Containment,
    Lookup,
    Prepared,
    among,
    candidates,
    containments,
    contains,
    lookup_of,
    selected,
)
from scim_server.storage.sql.nodes import Condition, Values, any_row, negated
from scim_server.storage.sql.operators import Operators
from scim_server.storage.sql.paths import Paths
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import relations, resources

Leaf: TypeAlias = Test | ElementTest | AnyElement


class Conditions:
    """Makes conditions for one engine."""

    def __init__(self, spelling: Spelling, registry: Registry) -> None:
        self.derivations = Derivations(spelling, self._of_document)
        self.paths = Paths(spelling, registry, self.derivations)
        self._spelling = spelling
        self._operators = Operators(spelling)

    def of_resource(self, bound: BoundFilter, resource_type: ResourceType) -> Condition:
        """A condition over a row of `resources` of that type; NULL is no."""
        return holds(bound, _OfResource(self._spelling, self.paths, self._operators, resource_type))

    def _of_document(self, bound: BoundFilter, resource_type: ResourceType) -> Condition:
        """As `of_resource`, of a filter about the document alone, which is read: one resource is at hand."""
        return holds(bound, _OfDocument(self._spelling, self.paths, self._operators, resource_type))

    def of_element(self, bound: BoundFilter) -> Condition:
        """A condition over a row of `relations`, from a filter whose leaves are ElementTests; NULL is no."""
        return holds(bound, _OfElement(self._operators, lambda sub: self.paths.row_member(relations, sub)))

    def driver(self, bound: BoundFilter | None, resource_type: ResourceType) -> Select[Any] | None:
        """A selection of few ids among which all are that the filter finds; None where no look-up promises that."""
        if bound is None:
            return None
        lookups = _OfResource(self._spelling, self.paths, self._operators, resource_type).drivers(bound)
        return selected(lookups).distinct() if lookups else None

    def named_by(self, prepared: Prepared) -> Condition:
        """The condition that a prepared filter is."""
        ids = prepared.ids
        return true() if ids is None else self._spelling.named_by(resources.c.id, ids)

    def each_of(self, few: FromClause, one: Select[Any]) -> FromClause:
        """The rows of `one` for each row of `few`."""
        return self._spelling.each_of(few, one)

    def prepared(self, bound: BoundFilter | None, resource_type: ResourceType, parameter: str) -> Prepared | None:
        """The filters that identity providers send before each create (an eq that a look-up answers), and none at all,
        with the literal as a parameter: the same statement serves every value.
        """
        if bound is None:
            return Prepared("", None, {})
        if not isinstance(bound, Test) or bound.operator is not Operator.EQ or bound.key is None:
            return None
        lookup = lookup_of(self._spelling, bound.path, bound.operator, bound.key, resource_type)
        if lookup is None:
            return None
        return Prepared(f"{lookup.column} {bound.path.key}", lookup, {parameter: lookup.key})


# The frame: and, or, not ---------------------------------------------------------------------------------------------


class Leaves(Protocol):
    """What the leaves of a filter mean."""

    def leaf(self, bound: Leaf) -> Condition:
        """The condition of one leaf; NULL is no."""

    def any_leaf(self, leaves: Sequence[Leaf]) -> Condition:
        """Whether one of the leaves holds; NULL is no."""


def holds(bound: BoundFilter, leaves: Leaves) -> Condition:
    """The filter as a condition; NULL is no."""
    match bound:
        case BoundAnd(terms):
            return and_(true(), *(holds(term, leaves) for term in terms))
        case BoundOr(terms):
            simple = [term for term in terms if isinstance(term, Leaf)]
            others = [holds(term, leaves) for term in terms if not isinstance(term, Leaf)]
            return or_(false(), leaves.any_leaf(simple), *others)
        case BoundNot(term):
            return fails(term, leaves)
        case Always(value):
            return true() if value else false()
        case Test() | ElementTest() | AnyElement():
            return leaves.leaf(bound)
        case _:
            assert_never(bound)


def fails(bound: BoundFilter, leaves: Leaves) -> Condition:
    """The complement of the filter, taken at its leaves."""
    match bound:
        case BoundAnd(terms):
            return or_(false(), *(fails(term, leaves) for term in terms))
        case BoundOr(terms):
            return and_(true(), *(fails(term, leaves) for term in terms))
        case BoundNot(term):
            return holds(term, leaves)
        case Always(value):
            return false() if value else true()
        case Test() | ElementTest() | AnyElement():
            return negated(leaves.leaf(bound))
        case _:
            assert_never(bound)


# Elements ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfElement:
    """Leaves inside brackets: `member` gives the values of a sub-attribute of the element at hand."""

    operators: Operators
    member: Callable[[Attribute | None], Values]

    def leaf(self, bound: Leaf) -> Condition:
        if not isinstance(bound, ElementTest):
            raise TypeError("a test of a resource stands inside brackets")
        return self.operators.on(self.member(bound.sub), bound.operator, bound.key)

    def any_leaf(self, leaves: Sequence[Leaf]) -> Condition:
        return or_(false(), *map(self.leaf, leaves))


# Resources -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfResource:
    """Leaves of a filter on resources of one type."""

    spelling: Spelling
    paths: Paths
    operators: Operators
    resource_type: ResourceType

    def leaf(self, bound: Leaf) -> Condition:
        return self.any_leaf([bound])

    def any_leaf(self, leaves: Sequence[Leaf]) -> Condition:
        lookups, others = [], []
        for bound in leaves:
            lookup = self._lookup(bound)
            if lookup is None:
                others.append(self._read(bound))
            else:
                lookups.append(lookup)
        return or_(among(self.spelling, lookups), *others)

    def drivers(self, bound: BoundFilter) -> Sequence[Lookup | Containment]:
        """Look-ups of which at least one names each resource that the filter finds; none where that cannot be said."""
        match bound:
            case BoundAnd(terms):
                return min(filter(None, map(self.drivers, terms)), key=_breadth, default=())
            case BoundOr(terms):
                of_terms = [self.drivers(term) for term in terms]
                return [lookup for lookups in of_terms for lookup in lookups] if all(of_terms) else ()
            case AnyElement(path, inner):
                keys = _equalities(inner).keys
                return (
                    self._lookups_inside(path, keys)[:1]
                    or self._candidates(path, keys)
                    or containments(self.spelling, path, keys, self.resource_type)
                )
            case Test(path, operator, key):
                lookup = self._lookup(bound)
                if lookup is not None or operator is not Operator.EQ or key is None:
                    return [lookup] if lookup else ()
                keys = {path.sub: key}
                return self._candidates(path, keys) or containments(self.spelling, path, keys, self.resource_type)
            case _:
                return ()

    def _candidates(self, path: BoundPath, keys: Mapping[Attribute | None, Key]) -> Sequence[Lookup]:
        found = (candidates(replace(path, sub=sub), key, self.resource_type) for sub, key in keys.items())
        return next(filter(None, found), ())

    def _lookups_inside(self, path: BoundPath, keys: Mapping[Attribute | None, Key]) -> list[Lookup]:
        """Look-ups each of which names every resource with such an element."""
        found = (
            lookup_of(self.spelling, replace(path, sub=sub), Operator.EQ, key, self.resource_type)
            for sub, key in keys.items()
        )
        return [lookup for lookup in found if lookup is not None]

    def _lookup(self, bound: Leaf) -> Lookup | None:
        if not isinstance(bound, Test) or bound.key is None:
            return None
        return lookup_of(self.spelling, bound.path, bound.operator, bound.key, self.resource_type)

    def _read(self, bound: Leaf) -> Condition:
        match bound:
            case Test(path, operator, key):
                return self._test(path, operator, key)
            case AnyElement(path, inner):
                return self._any_element(path, inner)
            case ElementTest():
                raise TypeError("a test of an element stands outside of brackets")
            case _:
                assert_never(bound)

    def _test(self, path: BoundPath, operator: Operator, key: Key | None) -> Condition:
        values = self.paths.values(path, self.resource_type)
        if operator is Operator.NE and not values.sources and key is not None:
            return negated(self.leaf(Test(path, Operator.EQ, key)))
        if operator is Operator.EQ and key is not None:
            contained = contains(self.spelling, path, {path.sub: key}, self.resource_type)
            if contained is not None:
                return contained
            return self._among_candidates(path, {path.sub: key}, self.operators.on(values, operator, key))
        return self.operators.on(values, operator, key)

    def _any_element(self, path: BoundPath, inner: BoundFilter) -> Condition:
        """Some element satisfies the filter.

        What its eq terms demand is said once more in a way that an index serves.
        """
        some = self._some_element(path, inner)
        equalities = _equalities(inner)
        lookups = self._lookups_inside(path, equalities.keys)
        if lookups:
            return and_(among(self.spelling, lookups[:1]), some)
        if not equalities.keys:
            return some
        contained = contains(self.spelling, path, equalities.keys, self.resource_type)
        if contained is None:
            return self._among_candidates(path, equalities.keys, some)
        return contained if equalities.are_all else and_(contained, some)

    def _among_candidates(
        self, path: BoundPath, keys: Mapping[Attribute | None, Key], condition: Condition
    ) -> Condition:
        """A condition that holds for candidates alone, so that it is looked at for no other resource."""
        found = self._candidates(path, keys)
        return and_(among(self.spelling, found), condition) if found else condition

    def _some_element(self, path: BoundPath, inner: BoundFilter) -> Condition:
        holder = self.paths.holder(path, self.resource_type)
        if holder is None:
            values = self.paths.values(path, self.resource_type)
            element = _OfElement(self.operators, lambda sub: self.paths.member(path, sub))
            return and_(values.node.exists(), holds(inner, element))
        condition = holds(inner, _OfElement(self.operators, holder.member))
        return any_row(holder.sources, *holder.where, condition)


@dataclass(frozen=True, slots=True)
class _OfDocument(_OfResource):
    """Leaves that are read, and not looked up."""

    def _lookup(self, bound: Leaf) -> Lookup | None:
        return None

    def _lookups_inside(self, path: BoundPath, keys: Mapping[Attribute | None, Key]) -> list[Lookup]:
        return []


def _breadth(drivers: Sequence[Lookup | Containment]) -> tuple[bool, int]:
    """Which of several drivers to take: one without containments, and of those the shortest."""
    return any(isinstance(driver, Containment) for driver in drivers), len(drivers)


@dataclass(frozen=True, slots=True)
class _Equalities:
    """The keys that a conjunction demands of one element, and whether it demands nothing else."""

    keys: Mapping[Attribute | None, Key]
    are_all: bool


def _equalities(inner: BoundFilter) -> _Equalities:
    terms = inner.terms if isinstance(inner, BoundAnd) else (inner,)
    keys: dict[Attribute | None, Key] = {}
    for term in terms:
        if isinstance(term, ElementTest) and term.operator is Operator.EQ and term.key is not None:
            keys.setdefault(term.sub, term.key)
    return _Equalities(keys, len(keys) == len(terms))
