"""Bound filters as SQL conditions: the second interpreter of what `domain.filter` means, beside `domain.match`.

Conditions may be NULL for no. `not` goes down to the leaves and complements there (`IS NOT TRUE`), so that it is
exact, and what stands beside it can still use an index.

What indexes serve: eq and sw on unique and indexed paths (their tables), eq on the elements of rows (both
directions), and on PostgreSQL eq on everything else in the comparison form, by containment, which also says "in the
same element".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, Protocol, TypeAlias, assert_never

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    alias,
    and_,
    bindparam,
    false,
    literal,
    or_,
    select,
    true,
    union_all,
)

from scim_server.domain import compare
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
from scim_server.domain.schema import VALUE, Attribute, Json, Kept, ResourceType, Returned, Uniqueness
from scim_server.domain.text import is_storable, unstorable_place
from scim_server.storage.sql import nesting
from scim_server.storage.sql.nodes import Condition, Node, Values, any_row, negated
from scim_server.storage.sql.paths import Paths
from scim_server.storage.sql.records import kind_of
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import attribute_index, relations, resources, unique_values

Expression: TypeAlias = ColumnElement[Any]
Leaf: TypeAlias = Test | ElementTest | AnyElement


class Conditions:
    """Makes conditions for one engine."""

    def __init__(self, spelling: Spelling, registry: Registry) -> None:
        self.paths = Paths(spelling, registry)
        self._tests = Tests(spelling)

    def of_resource(self, bound: BoundFilter, resource_type: ResourceType) -> Condition:
        """A condition over a row of `resources` of that type; NULL is no."""
        return holds(bound, _OfResource(self.paths, self._tests, resource_type))

    def of_element(self, bound: BoundFilter) -> Condition:
        """A condition over a row of `relations`, from a filter whose leaves are ElementTests; NULL is no."""
        return holds(bound, _OfElement(self._tests, lambda sub: self.paths.row_member(relations, sub)))

    def driver(self, bound: BoundFilter | None, resource_type: ResourceType) -> Select[Any] | None:
        """A selection of few ids among which all are that the filter finds; None where no look-up promises that."""
        if bound is None:
            return None
        lookups = _OfResource(self.paths, self._tests, resource_type).drivers(bound)
        return selected(lookups).distinct() if lookups else None

    def named_by(self, prepared: Prepared) -> Condition:
        """The condition that a prepared filter is."""
        ids = prepared.ids
        return true() if ids is None else self._tests.spelling.named_by(resources.c.id, ids)

    def each_of(self, few: FromClause, one: Select[Any]) -> FromClause:
        """The rows of `one` for each row of `few`."""
        return self._tests.spelling.each_of(few, one)

    def prepared(self, bound: BoundFilter | None, resource_type: ResourceType, parameter: str) -> Prepared | None:
        """The filters that identity providers send before each create (an eq that a look-up answers), and none at all,
        with the literal as a parameter: the same statement serves every value.
        """
        if bound is None:
            return Prepared("", None, {})
        if not isinstance(bound, Test) or bound.operator is not Operator.EQ or bound.key is None:
            return None
        lookup = lookup_of(self._tests.spelling, bound.path, bound.operator, bound.key, resource_type)
        if lookup is None:
            return None
        return Prepared(f"{lookup.column} {bound.path.key}", lookup, {parameter: lookup.key})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A look-up whose literal is a parameter, None for all resources.

    Those of one signature are the same statement, which is made for the first of them alone.
    """

    signature: str
    lookup: Lookup | None
    parameters: Mapping[str, str]

    @property
    def ids(self) -> Select[Any] | None:
        """The selection of the ids that it finds."""
        if self.lookup is None:
            return None
        (parameter,) = self.parameters
        return self.lookup.ids(bindparam(parameter, type_=Text))


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


# Text that no database can hold --------------------------------------------------------------------------------------

_AFTER: Final[Mapping[bool, str]] = {True: "\x01", False: "\ue000"}
_LAST: Final = "\U0010ffff"


def least_above(text: str) -> str:
    """The least storable text that is not less than an unstorable one: the same bound for every stored value."""
    place = unstorable_place(text)
    return text if place is None else text[:place] + _AFTER[text[place] == "\0"]


def successor(prefix: str) -> str | None:
    """The least text that is greater than all that begin with the prefix, by code point; None where there is none."""
    stem = prefix.rstrip(_LAST)
    if not stem:
        return None
    following = ord(stem[-1]) + 1
    return stem[:-1] + ("\ue000" if following == 0xD800 else chr(following))


# Operators -----------------------------------------------------------------------------------------------------------


class Tests:
    """The operators on one value, and on all values of a path."""

    __test__ = False  # not a test class for pytest

    def __init__(self, spelling: Spelling) -> None:
        self.spelling = spelling

    def on(self, values: Values, operator: Operator, key: Key | None) -> Condition:
        """Whether the test holds for the values of a path (`domain.filter`); NULL is no."""
        if operator is Operator.PR:
            return values.some(lambda node: node.present())
        assert key is not None
        holds = values.some(lambda node: self._holds(node, operator, key))
        if operator is not Operator.NE:
            return holds
        return or_(negated(values.some(lambda node: node.exists())), holds)

    def _holds(self, node: Node, operator: Operator, key: Key) -> Condition:
        if isinstance(key, str):
            return self._text_holds(node.text(), operator, key)
        value = node.boolean() if isinstance(key, bool) else node.number()
        return _COMPARISONS[operator](value, literal(int(key), BigInteger))

    def _text_holds(self, value: Expression, operator: Operator, key: str) -> Condition:
        if not is_storable(key):
            return _beside(value, operator, key)
        match operator:
            case Operator.CO:
                return self.spelling.place_of(literal(key, Text), value) > 0
            case Operator.SW:
                return begins(value, key)
            case Operator.EW:
                return self.spelling.last(value, len(key)) == key if key else value.is_not(None)
            case _:
                return _COMPARISONS[operator](value, literal(key, Text))


_COMPARISONS: Final[Mapping[Operator, Callable[[Expression, Expression], Condition]]] = {
    Operator.EQ: eq,
    Operator.NE: ne,
    Operator.GT: gt,
    Operator.GE: ge,
    Operator.LT: lt,
    Operator.LE: le,
}


def _beside(value: Expression, operator: Operator, key: str) -> Condition:
    """A test with a text that no value can be, but that lies between values."""
    if operator in (Operator.GT, Operator.GE):
        return value >= least_above(key)
    if operator in (Operator.LT, Operator.LE):
        return value < least_above(key)
    return value.is_not(None) if operator is Operator.NE else false()


def begins(value: Expression, prefix: str) -> Condition:
    """Whether a text begins with the prefix, as a range, which an index can serve."""
    end = successor(prefix)
    return value >= prefix if end is None else and_(value >= prefix, value < end)


# Elements ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OfElement:
    """Leaves inside brackets: `member` gives the values of a sub-attribute of the element at hand."""

    tests: Tests
    member: Callable[[Attribute | None], Values]

    def leaf(self, bound: Leaf) -> Condition:
        if not isinstance(bound, ElementTest):
            raise TypeError("a test of a resource stands inside brackets")
        return self.tests.on(self.member(bound.sub), bound.operator, bound.key)

    def any_leaf(self, leaves: Sequence[Leaf]) -> Condition:
        return or_(false(), *map(self.leaf, leaves))


# Resources -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Lookup:
    """A condition on a narrow table whose rows name resources: `column` has their ids, `compared` the keys."""

    column: ColumnElement[str]
    whose: Condition
    compared: ColumnElement[str]
    operator: Operator
    key: str

    def where(self, key: Expression | None = None) -> Condition:
        """The condition, for another expression than the key's literal where one is given."""
        if self.operator is Operator.SW:
            return and_(self.whose, begins(self.compared, self.key))
        return and_(self.whose, self.compared == (literal(self.key, Text) if key is None else key))

    def ids(self, key: Expression | None = None) -> Select[Any]:
        """The ids that it finds, each once."""
        return select(self.column).where(self.where(key))


@dataclass(frozen=True, slots=True)
class NestedLookup(Lookup):
    """Whom the rows of an owner name, and those of the owners among them, so many `levels` down."""

    spelling: Spelling
    kind: str
    levels: int

    def ids(self, key: Expression | None = None) -> Select[Any]:
        owner = literal(self.key, Text) if key is None else key
        return nesting.owned_in(self.spelling, bindparam("tenant"), owner, self.kind, self.levels)


_HOLDERS = alias(resources, "holders")


@dataclass(frozen=True, slots=True)
class Containment:
    """A condition on the comparison forms that an index over them serves."""

    condition: Condition
    column: ColumnElement[str] = _HOLDERS.c.id

    def where(self) -> Condition:
        return self.condition


def among(spelling: Spelling, lookups: Sequence[Lookup]) -> Condition:
    """Whether a resource is named by one of the look-ups."""
    return spelling.named_by(resources.c.id, selected(lookups)) if lookups else false()


def selected(lookups: Sequence[Lookup | Containment]) -> Select[Any]:
    """The ids that at least one look-up names: one selection for each table."""
    by_column: dict[ColumnElement[str], list[Condition]] = {}
    found: list[Select[Any]] = []
    for lookup in lookups:
        if isinstance(lookup, NestedLookup):
            found.append(lookup.ids())
        else:
            by_column.setdefault(lookup.column, []).append(lookup.where())
    found += [select(column.label("id")).where(or_(*conditions)) for column, conditions in by_column.items()]
    return found[0] if len(found) == 1 else select(union_all(*found).subquery("named"))


@dataclass(frozen=True, slots=True)
class _OfResource:
    """Leaves of a filter on resources of one type."""

    paths: Paths
    tests: Tests
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
        return or_(among(self.tests.spelling, lookups), *others)

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
                return self._lookups_inside(path, keys)[:1] or self._containments(path, keys)
            case Test(path, operator, key):
                lookup = self._lookup(bound)
                if lookup is not None or operator is not Operator.EQ or key is None:
                    return [lookup] if lookup else ()
                return self._containments(path, {path.sub: key})
            case _:
                return ()

    def _containments(self, path: BoundPath, keys: Mapping[Attribute | None, Key]) -> Sequence[Containment]:
        """None for booleans alone: half of all resources have one, and a walk that ends with the page is better."""
        if all(isinstance(key, bool) for key in keys.values()):
            return ()
        contained = self._contained(path, keys, _HOLDERS)
        if contained is None:
            return ()
        whose = and_(_HOLDERS.c.tenant_id == bindparam("tenant"), _HOLDERS.c.type == self.resource_type.name)
        return [Containment(and_(whose, contained))]

    def _lookups_inside(self, path: BoundPath, keys: Mapping[Attribute | None, Key]) -> list[Lookup]:
        """Look-ups each of which names every resource with such an element."""
        found = (
            lookup_of(self.tests.spelling, replace(path, sub=sub), Operator.EQ, key, self.resource_type)
            for sub, key in keys.items()
        )
        return [lookup for lookup in found if lookup is not None]

    def _lookup(self, bound: Leaf) -> Lookup | None:
        if not isinstance(bound, Test) or bound.key is None:
            return None
        return lookup_of(self.tests.spelling, bound.path, bound.operator, bound.key, self.resource_type)

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
            contained = self._contained(path, {path.sub: key})
            if contained is not None:
                return contained
        return self.tests.on(values, operator, key)

    def _any_element(self, path: BoundPath, inner: BoundFilter) -> Condition:
        """Some element satisfies the filter.

        What its eq terms demand is said once more in a way that an index serves.
        """
        some = self._some_element(path, inner)
        equalities = _equalities(inner)
        lookups = self._lookups_inside(path, equalities.keys)
        if lookups:
            return and_(among(self.tests.spelling, lookups[:1]), some)
        contained = self._contained(path, equalities.keys) if equalities.keys else None
        if contained is None:
            return some
        return contained if equalities.are_all else and_(contained, some)

    def _some_element(self, path: BoundPath, inner: BoundFilter) -> Condition:
        holder = self.paths.holder(path, self.resource_type)
        if holder is None:
            values = self.paths.values(path, self.resource_type)
            element = _OfElement(self.tests, lambda sub: self.paths.member(path, sub))
            return and_(values.node.exists(), holds(inner, element))
        condition = holds(inner, _OfElement(self.tests, holder.member))
        return any_row(holder.sources, *holder.where, condition)

    def _contained(
        self, path: BoundPath, keys: Mapping[Attribute | None, Key], table: FromClause = resources
    ) -> Condition | None:
        """Whether one element has all these keys, by containment; None where that cannot be said."""
        if not in_form(path.attribute, self.resource_type) or not all(map(_is_kept, keys.values())):
            return None
        return self.tests.spelling.contains(table.c.comparison, _form(path, keys))


def _breadth(drivers: Sequence[Lookup | Containment]) -> tuple[bool, int]:
    """Which of several drivers to take: one without containments, and of those the shortest."""
    return any(isinstance(driver, Containment) for driver in drivers), len(drivers)


@dataclass(frozen=True, slots=True)
class Equalities:
    """The keys that a conjunction demands of one element, and whether it demands nothing else."""

    keys: Mapping[Attribute | None, Key]
    are_all: bool


def _equalities(inner: BoundFilter) -> Equalities:
    terms = inner.terms if isinstance(inner, BoundAnd) else (inner,)
    keys: dict[Attribute | None, Key] = {}
    for term in terms:
        if isinstance(term, ElementTest) and term.operator is Operator.EQ and term.key is not None:
            keys.setdefault(term.sub, term.key)
    return Equalities(keys, len(keys) == len(terms))


def _is_kept(key: Key) -> bool:
    return not isinstance(key, str) or is_storable(key)


def in_form(attribute: Attribute, resource_type: ResourceType) -> bool:
    """Whether the values of a core, common or extension attribute are in the comparison form."""
    if attribute.kept is Kept.DERIVED:
        return attribute.name not in resource_type.inverses  # `schemas`: it follows from the form itself
    return attribute.kept is Kept.DOCUMENT


def _form(path: BoundPath, keys: Mapping[Attribute | None, Key]) -> Json:
    """The smallest comparison form in which one element of the path's attribute has all these keys."""
    value: Json = keys.get(None)
    if value is None:
        value = {sub.name: [key] if sub.multi_valued else key for sub, key in keys.items() if sub}
    value = {path.attribute.name: [value] if path.attribute.multi_valued else value}
    return {path.extension: value} if path.extension else value


# Look-ups ------------------------------------------------------------------------------------------------------------

_LONGEST_PREFIX: Final = 400
"""Bytes. Long keys stand in the tables as a prefix of 512 bytes and a hash (`compare.entry_text`)."""


def lookup_of(
    spelling: Spelling, path: BoundPath, operator: Operator, key: Key, resource_type: ResourceType
) -> Lookup | None:
    """The look-up that answers the test exactly, or None where there is none."""
    if operator not in (Operator.EQ, Operator.SW) or key == "" or not _is_kept(key):
        return None  # an empty string makes no unique entry: it is nobody's
    table = _table(path, resource_type)
    if table is None:
        if operator is not Operator.EQ or not isinstance(key, str):
            return None
        return _relation(spelling, path, key, resource_type)
    if operator is Operator.SW and (not isinstance(key, str) or len(key.encode()) > _LONGEST_PREFIX):
        return None
    whose = and_(
        table.c.tenant_id == bindparam("tenant"),
        table.c.type == resource_type.name,
        table.c.path == path.key,
    )
    return Lookup(table.c.resource_id, whose, table.c.key, operator, compare.entry_text(key))


def _relation(spelling: Spelling, path: BoundPath, key: str, resource_type: ResourceType) -> Lookup | None:
    """Who owns a row with that target; or, the other way round, whom the rows of that owner name."""
    if path.sub is None or path.sub.name != VALUE:
        return None
    inverse = resource_type.inverses.get(path.attribute.name)
    if inverse is not None:
        kind, column, compared = (
            kind_of(inverse.resource_type, inverse.attribute),
            relations.c.target,
            relations.c.owner,
        )
    elif path.attribute.kept is Kept.ROWS:
        kind, column, compared = kind_of(resource_type.name, path.attribute.name), relations.c.owner, relations.c.target
    else:
        return None
    whose = and_(relations.c.tenant_id == bindparam("tenant"), relations.c.kind == kind)
    if inverse is not None and inverse.levels > 1:
        return NestedLookup(column, whose, compared, Operator.EQ, key, spelling, kind, inverse.levels)
    return Lookup(column, whose, compared, Operator.EQ, key)


def _table(path: BoundPath, resource_type: ResourceType) -> Table | None:
    if path.attribute.kept is not Kept.DOCUMENT or path.leaf.returned is Returned.NEVER or path.leaf.is_complex:
        return None
    if path.leaf.uniqueness is not Uniqueness.NONE:
        return unique_values
    return attribute_index if path.key in resource_type.indexed else None
