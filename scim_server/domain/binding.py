"""Binding a filter: names become attributes, and literals the keys that values are compared by.

A name is looked up, an operator is checked against the attribute's type (RFC 7644 section 3.4.2.2) and a literal is
folded with `compare`, once. What a bound filter means stands in `filter`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Final, Protocol, TypeAlias

from scim_server.domain import attrpath, compare
from scim_server.domain.attrpath import AttrPath, BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.filter import (
    Always,
    And,
    AnyElement,
    BoundAnd,
    BoundFilter,
    BoundNot,
    BoundOr,
    Comparison,
    Elements,
    ElementTest,
    Filter,
    Literal,
    Not,
    Operator,
    Or,
    Presence,
    Test,
    number,
)
from scim_server.domain.schema import VALUE, Attribute, AttributeType, Kept, ResourceType, Returned
from scim_server.errors import InvalidFilter


def bind(condition: Filter, resource_type: ResourceType, leniency: Leniency) -> BoundFilter:
    """The filter on resources of one type.

    Raises InvalidFilter for an attribute that the type lacks (R-FILT-35) or that is never shown (R-FILT-38), for an
    operator that the attribute's type does not have and for a literal of another type (RFC 7644 section 3.4.2.2).
    """
    return bind_all(condition, (resource_type,), leniency)[0]


def bind_all(condition: Filter, resource_types: Iterable[ResourceType], leniency: Leniency) -> tuple[BoundFilter, ...]:
    """The filter on resources of each of the types, in their order; `bind` says what raises InvalidFilter.

    An attribute that only some of the types have is one without a value in the others (R-GET-09).
    """
    names = _Names()
    bound = tuple(_bind(condition, _Resources(resource_type, names), leniency) for resource_type in resource_types)
    names.check()
    return bound


def bind_condition(condition: Filter, attribute: Attribute, leniency: Leniency) -> BoundFilter:
    """The filter in the brackets of a PATCH path; its leaves are ElementTests. Raises InvalidFilter as `bind` does."""
    names = _Names()
    bound = _bind(condition, _element_scope(attribute, names), leniency)
    names.check()
    return bound


_EQUALITY: Final = frozenset({Operator.EQ, Operator.NE})
_SUBSTRING: Final = frozenset({Operator.CO, Operator.SW, Operator.EW})
_ORDERING: Final = frozenset({Operator.GT, Operator.GE, Operator.LT, Operator.LE})

_OPERATORS: Final[Mapping[AttributeType, frozenset[Operator]]] = {
    AttributeType.STRING: _EQUALITY | _SUBSTRING | _ORDERING,
    AttributeType.REFERENCE: _EQUALITY | _SUBSTRING | _ORDERING,
    AttributeType.INTEGER: _EQUALITY | _ORDERING,
    AttributeType.DECIMAL: _EQUALITY | _ORDERING,
    AttributeType.DATE_TIME: _EQUALITY | _ORDERING,
    AttributeType.BOOLEAN: _EQUALITY,
    AttributeType.BINARY: _EQUALITY,
}
"""What each type can be compared with (RFC 7644 section 3.4.2.2); `pr` and null go with every type."""


@dataclass(slots=True)
class _Names:
    """Which names of a filter a resource type has, and which ones one lacks, without regard to case."""

    known: set[str] = field(default_factory=set)
    unknown: dict[str, str] = field(default_factory=dict)

    def note(self, name: str, found: object) -> None:
        if found is None:
            self.unknown[name.lower()] = name
        else:
            self.known.add(name.lower())

    def check(self) -> None:
        """Raises InvalidFilter for a name that no resource type has."""
        for folded, name in self.unknown.items():
            if folded not in self.known:
                raise InvalidFilter(f"There is no attribute {name!r} to filter on.")


@dataclass(frozen=True, slots=True)
class _Target:
    """The attribute that a path means, and how a test of its values is made."""

    attribute: Attribute
    test: Callable[[Operator, Key | None], BoundFilter]


class _Scope(Protocol):
    """What the names in a filter, or in its brackets, refer to. None stands for an attribute that is not there."""

    def named(self, path: AttrPath) -> _Target | None:
        """The very attribute: what presence is asked of."""

    def compared(self, path: AttrPath) -> _Target | None:
        """The attribute whose values a comparison means."""

    def elements(self, node: Elements, leniency: Leniency) -> BoundFilter:
        """A filter in brackets, bound."""


@dataclass(frozen=True, slots=True)
class _Resources:
    """Names of the attributes of a resource type."""

    resource_type: ResourceType
    names: _Names

    def named(self, path: AttrPath) -> _Target | None:
        bound = self._bound(path)
        return _Target(bound.leaf, partial(Test, bound)) if bound else None

    def compared(self, path: AttrPath) -> _Target | None:
        bound = self._bound(path)
        if bound is None:
            return None
        meant = attrpath.comparable(bound)
        _check_searchable(meant.leaf)
        return _Target(meant.leaf, partial(Test, meant))

    def elements(self, node: Elements, leniency: Leniency) -> BoundFilter:
        bound = self._bound(node.path)
        if bound is None:
            return Always(False)
        if bound.sub is not None:
            raise InvalidFilter(f"{node.path}: brackets follow an attribute, not a sub-attribute.")
        return AnyElement(bound, _bind(node.condition, _element_scope(bound.attribute, self.names), leniency))

    def _bound(self, path: AttrPath) -> BoundPath | None:
        bound = attrpath.bind(path, self.resource_type)
        self.names.note(str(path), bound)
        if bound is not None:
            _check_searchable(bound.attribute)
            _check_searchable(bound.leaf)
        return bound


@dataclass(frozen=True, slots=True)
class _Elements:
    """Names inside the brackets of one attribute: of its sub-attributes alone (R-FILT-17)."""

    attribute: Attribute
    names: _Names

    def named(self, path: AttrPath) -> _Target | None:
        if path.urn is not None or path.sub is not None:
            raise InvalidFilter(
                f"The brackets of {self.attribute.name} hold names of its sub-attributes, not {str(path)!r}."
            )
        if not self.attribute.is_complex:
            return self._simple(path.name)
        sub = self.attribute.sub(path.name)
        self._note(path.name, sub)
        if sub is None:
            return None
        _check_searchable(sub)
        return _Target(sub, partial(ElementTest, sub))

    def compared(self, path: AttrPath) -> _Target | None:
        return self.named(path)

    def elements(self, node: Elements, leniency: Leniency) -> BoundFilter:
        raise InvalidFilter(f"{self.attribute.name}[{node.path}[...]]: brackets inside brackets are not supported.")

    def _simple(self, name: str) -> _Target | None:
        """Simple values have no sub-attributes: `value` stands for them, or the attribute's own name (erratum 7122)."""
        if name.lower() not in (VALUE, self.attribute.name.lower()):
            self._note(name, None)
            return None
        return _Target(self.attribute, partial(ElementTest, None))

    def _note(self, name: str, found: object) -> None:
        self.names.note(f"{self.attribute.name}.{name}", found)


def _element_scope(attribute: Attribute, names: _Names) -> _Elements:
    if not attribute.is_complex and not attribute.multi_valued:
        raise InvalidFilter(f"{attribute.name} has one simple value: brackets do not apply to it.")
    return _Elements(attribute, names)


def _check_searchable(attribute: Attribute) -> None:
    if attribute.returned is Returned.NEVER or attribute.kept is Kept.DISCARDED:
        raise InvalidFilter(f"{attribute.name} cannot be filtered on.")


def _bind(condition: Filter, scope: _Scope, leniency: Leniency) -> BoundFilter:
    match condition:
        case And(terms):
            return BoundAnd(tuple(_bind(term, scope, leniency) for term in terms))
        case Or(terms):
            return BoundOr(tuple(_bind(term, scope, leniency) for term in terms))
        case Not(term):
            return BoundNot(_bind(term, scope, leniency))
        case Elements():
            return scope.elements(condition, leniency)
        case Presence(path):
            return _presence(scope.named(path))
        case Comparison(path, operator, None):
            return _null_test(path, operator, scope.named(path))
        case Comparison():
            return _comparison(condition, scope.compared(condition.path), leniency)


def _presence(target: _Target | None) -> BoundFilter:
    return target.test(Operator.PR, None) if target else Always(False)


def _null_test(path: AttrPath, operator: Operator, target: _Target | None) -> BoundFilter:
    """null is the state of having no value (RFC 7643 section 2.5, R-FILT-29)."""
    if operator not in _EQUALITY:
        raise InvalidFilter(f"{path} {operator} null: null is compared with eq and ne alone.")
    if operator is Operator.NE:
        return _presence(target)
    return BoundNot(_presence(target)) if target else Always(True)


def _comparison(node: Comparison, target: _Target | None, leniency: Leniency) -> BoundFilter:
    if target is None:
        return Always(node.operator is Operator.NE)
    attribute = target.attribute
    if attribute.is_complex:
        raise InvalidFilter(f"{node.path} is complex: name the sub-attribute that is to be compared.")
    if node.operator not in _OPERATORS[attribute.type]:
        raise InvalidFilter(f"{node.path} is of type {attribute.type}, which {node.operator} does not compare.")
    literal = _fit(node, attribute, leniency)
    try:
        return target.test(node.operator, _key(attribute, node.operator, literal))
    except ValueError as error:
        raise InvalidFilter(f"{node.path} {node.operator}: {error}.") from None


def _key(attribute: Attribute, operator: Operator, literal: _Value) -> Key:
    if isinstance(literal, str) and operator in _SUBSTRING and attribute.type is AttributeType.REFERENCE:
        return compare.exact(literal)  # a piece of a URI has no last two segments
    return compare.key(attribute, literal)


_Value: TypeAlias = str | bool | int | Decimal

_LITERALS: Final[Mapping[AttributeType, tuple[type, ...]]] = {
    AttributeType.BOOLEAN: (bool,),
    AttributeType.INTEGER: (int,),
    AttributeType.DECIMAL: (int, Decimal),
}
"""What stands for a value of each type in a filter; a string does for all others."""

_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def _fit(node: Comparison, attribute: Attribute, leniency: Leniency) -> _Value:
    """The literal as one of the attribute's type. Raises InvalidFilter where it is of another."""
    literal = node.literal
    if literal is not None and _fits(attribute, literal):
        return literal
    tolerance, mended = _mended(literal)
    if mended is not None and _fits(attribute, mended) and leniency.allows(tolerance):
        return mended
    raise InvalidFilter(f"{node.path} is of type {attribute.type}: the value of {node.operator} does not fit.")


def _fits(attribute: Attribute, literal: _Value) -> bool:
    if isinstance(literal, bool):
        return attribute.type is AttributeType.BOOLEAN
    return isinstance(literal, _LITERALS.get(attribute.type, (str,)))


def _mended(literal: Literal) -> tuple[Tolerance, _Value | None]:
    """What a literal of the wrong type may have meant: quotes too many, or missing (ENTRA-04, ENTRA-25)."""
    if isinstance(literal, str):
        return Tolerance.STRING_LITERAL, _BOOLEANS.get(literal.lower(), number(literal))
    if isinstance(literal, int) and not isinstance(literal, bool):
        return Tolerance.BARE_WORD, str(literal)
    return Tolerance.BARE_WORD, None
