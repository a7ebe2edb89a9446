"""Operations on an attribute that is kept as rows, folded into its change without loading a row (`rows`)."""

from __future__ import annotations

from typing import Final

from scim_server.domain import coerce
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.binding import bind_condition
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.elements import row_id
from scim_server.domain.filter import (
    BoundFilter,
    BoundOr,
    ElementTest,
    Operator,
    ValuePath,
    count_tests,
)
from scim_server.domain.match import element_matches
from scim_server.domain.operation import Operation, Verb
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import VALUE, Attribute
from scim_server.domain.targets import grown, seed_of
from scim_server.errors import MutabilityViolation, NoTarget, TooMany

_MOST_TESTS: Final = 256
"""Comparisons in all conditions on elements kept as rows: as many as one filter may have, for they become one."""


def fold(operation: Operation, bound: BoundPath, change: RowsChange, leniency: Leniency) -> None:
    """Fold one operation into the change; elements that are rows come and go as wholes (R-GRP-04)."""
    attribute = bound.attribute
    if bound.sub is not None or (isinstance(operation.path, ValuePath) and operation.path.sub is not None):
        raise MutabilityViolation(f"The elements of {attribute.name} are added and removed as wholes.")
    if isinstance(operation.path, ValuePath):
        _fold_by_filter(operation, operation.path, attribute, change, leniency)
    elif operation.verb is Verb.ADD:
        change.added(coerce.row_elements(attribute, operation.listed(attribute), leniency))
    elif operation.verb is Verb.REPLACE:
        change.replaced(coerce.row_elements(attribute, operation.value, leniency))
    elif operation.elements is not None:
        change.removed(id for id, _ in coerce.row_elements(attribute, list(operation.elements), leniency))
    else:
        change.cleared()


def _fold_by_filter(
    operation: Operation, path: ValuePath, attribute: Attribute, change: RowsChange, leniency: Leniency
) -> None:
    condition = bind_condition(path.condition, attribute, leniency)
    ids = _ids(condition)
    if operation.verb is Verb.REMOVE:
        if ids is not None:
            change.removed(ids)
        else:
            _remove_where(change, condition, attribute)
        return
    seed = seed_of(path.condition, attribute, leniency)
    if VALUE not in seed or not leniency.allows(Tolerance.VALUE_PATH_CREATES):
        raise NoTarget(f"The elements of {attribute.name} are added and removed as wholes.")
    element = grown(seed, operation, None, attribute, leniency)
    if operation.verb is Verb.REPLACE:
        change.removed([row_id(attribute, seed)])
    if element is not None:
        change.added([(row_id(attribute, element), element)])


def _remove_where(change: RowsChange, condition: BoundFilter, attribute: Attribute) -> None:
    if sum(map(count_tests, (condition, *change.remove_where))) > _MOST_TESTS:
        raise TooMany(f"A PATCH removes elements of {attribute.name} by at most {_MOST_TESTS} comparisons.")
    pending = {**change.add, **change.put}
    chosen = [id for id, element in pending.items() if element_matches(condition, element, attribute)]
    change.removed_where(condition, chosen)


def _ids(condition: BoundFilter) -> list[str] | None:
    """The ids that `value eq "a" or value eq "b"` names, or None for any other condition."""
    if isinstance(condition, ElementTest):
        is_id = condition.operator is Operator.EQ and condition.sub is not None and condition.sub.name == VALUE
        return [str(condition.key)] if is_id else None
    if not isinstance(condition, BoundOr):
        return None
    parts = [_ids(term) for term in condition.terms]
    return None if None in parts else [id for part in parts if part for id in part]
