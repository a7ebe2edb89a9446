"""What the path of an operation means in the document, and the verb on each of it (RFC 7644 section 3.5.2).

name, name.sub, URN:name, emails.type     slots: (object that holds the value, attribute)
emails[type eq "work"].value              slots in the matching elements; none: made from the filter's eq terms
emails[type eq "work"]                    the matching elements themselves
"""

from __future__ import annotations

from typing import Final

from scim_server.domain import coerce, verbs
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.elements import as_list
from scim_server.domain.filter import And, BoundFilter, Comparison, Filter, Operator, ValuePath
from scim_server.domain.match import element_matches
from scim_server.domain.operation import Operation, Verb
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.schema import PRIMARY, TYPE, Attribute, Json, Mutability
from scim_server.domain.verbs import Slot
from scim_server.errors import InvalidPath, MutabilityViolation, NoTarget

_TAGS: Final = frozenset({TYPE, PRIMARY})
"""The sub-attributes that say something about a value and are none (RFC 7643 section 2.4)."""


def growing(operation: Operation, bound: BoundPath, container: Attributes) -> Slot | None:
    """The list that a plain add adds to: that of the attribute, or of a sub-attribute of a singular one."""
    if operation.verb is not Verb.ADD or isinstance(operation.path, ValuePath):
        return None
    attribute, sub = bound.attribute, bound.sub
    if sub is None:
        return (container, attribute) if attribute.multi_valued else None
    if attribute.multi_valued or not sub.multi_valued or attribute.name not in container:
        return None
    return (container[attribute.name], sub)


def run_on_path(operation: Operation, bound: BoundPath, container: Attributes, leniency: Leniency) -> None:
    """The verb on what a path without a filter means; the object that will hold a new value is made."""
    attribute, sub = bound.attribute, bound.sub
    if sub is None:
        verbs.run(operation, (container, attribute), leniency)
    elif not attribute.multi_valued:
        verbs.run(operation, (container.setdefault(attribute.name, {}), sub), leniency)
    elif elements := container.get(attribute.name):
        _run_on_parts(operation, sub, (container, attribute), elements, leniency)
    elif operation.verb is not Verb.REMOVE:
        raise NoTarget(f"{attribute.name} has no element whose {sub.name} could be set.")


def run_on_value_path(
    operation: Operation, path: ValuePath, condition: BoundFilter, slot: Slot, leniency: Leniency
) -> None:
    """The verb on what a path with a filter means; `condition` is that filter, bound."""
    container, attribute = slot
    sub = _sub(path, attribute, leniency)
    if path.sub is not None and sub is None:
        return
    matching = [e for e in as_list(container.get(attribute.name)) if element_matches(condition, e, attribute)]
    if not matching:
        _run_without_match(operation, path, sub, slot, leniency)
    elif sub is not None:
        _run_on_parts(operation, sub, slot, matching, leniency)
    else:
        _run_on_elements(operation, slot, matching, leniency)


def _sub(path: ValuePath, attribute: Attribute, leniency: Leniency) -> Attribute | None:
    if path.sub is None:
        return None
    sub = attribute.sub(path.sub)
    if sub is None and not leniency.allows(Tolerance.UNKNOWN_ATTRIBUTE):
        raise InvalidPath(f"{attribute.name} has no sub-attribute {path.sub!r}.")
    if sub is not None and sub.is_read_only:
        raise MutabilityViolation(f"{attribute.name}.{sub.name} is read-only.")
    return sub


def _run_without_match(
    operation: Operation, path: ValuePath, sub: Attribute | None, slot: Slot, leniency: Leniency
) -> None:
    """remove has nothing to do (C-01); add and replace make the element where the dialect says so (R-PATCH-32, -49,
    -50).
    """
    container, attribute = slot
    if operation.verb is Verb.REMOVE:
        return
    seed = seed_of(path.condition, attribute, leniency) if attribute.is_complex else {}
    if not seed or not leniency.allows(Tolerance.VALUE_PATH_CREATES):
        raise NoTarget(f"No element of {attribute.name} matches the filter.")
    element = grown(seed, operation, sub, attribute, leniency)
    if element is None:
        return
    if attribute.multi_valued:
        container[attribute.name] = [*container.get(attribute.name, []), element]
    else:
        container[attribute.name] = {**container.get(attribute.name, {}), **element}


def grown(
    seed: Attributes, operation: Operation, sub: Attribute | None, attribute: Attribute, leniency: Leniency
) -> Attributes | None:
    """The seed with the value of the operation; None where that is unassigned, as a filter alone makes nothing."""
    if sub is None:
        given = coerce.single(attribute, operation.value, leniency)
        return None if given is None else {**seed, **given}
    given = coerce.value(sub, operation.listed(sub), leniency)
    return None if given is None else {**seed, sub.name: given}


def seed_of(condition: Filter, attribute: Attribute, leniency: Leniency) -> Attributes:
    """The values that the eq terms of a filter demand, joined by and: what a new element starts with."""
    if isinstance(condition, And):
        seeds = [seed_of(term, attribute, leniency) for term in condition.terms]
        return {name: value for seed in seeds for name, value in seed.items()}
    if not isinstance(condition, Comparison) or condition.operator is not Operator.EQ:
        return {}
    sub = attribute.sub(condition.path.name)
    if sub is None or sub.multi_valued or sub.is_read_only:
        return {}
    value = coerce.value(sub, condition.literal, leniency)
    return {} if value is None else {sub.name: value}


def _run_on_parts(operation: Operation, sub: Attribute, slot: Slot, matching: list[Json], leniency: Leniency) -> None:
    """One sub-attribute of each matching element; an element that lost all that it was there for goes (ENTRA-33)."""
    container, attribute = slot
    held = [e for e in matching if sub.name in e and sub.name not in _TAGS]
    for element in matching:
        _refuse_immutable_part(operation, (element, sub), leniency)
        verbs.run(operation, (element, sub), leniency)
    husks = {id(e) for e in held if e and e.keys() <= _TAGS}
    if attribute.multi_valued and husks and leniency.allows(Tolerance.EMPTY_ELEMENT):
        verbs.assign(container, attribute, [e for e in container[attribute.name] if id(e) not in husks])


def _refuse_immutable_part(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    """A sub-attribute that is immutable keeps the value that it has inside its element (R-CHAR-07, R-GRP-04)."""
    container, attribute = slot
    if attribute.mutability is not Mutability.IMMUTABLE or attribute.name not in container:
        return
    if operation.verb is Verb.REMOVE or (
        coerce.value(attribute, operation.listed(attribute), leniency) != container[attribute.name]
    ):
        raise MutabilityViolation(f"{attribute.name} is immutable and has a value.")


def _run_on_elements(operation: Operation, slot: Slot, matching: list[Json], leniency: Leniency) -> None:
    """Whole elements: remove drops them, add merges into each, replace puts the value in the place of each
    (R-PATCH-46, -47).
    """
    container, attribute = slot
    elements = as_list(container[attribute.name])
    chosen = {id(e) for e in matching}
    if operation.verb is Verb.REMOVE:
        kept = [e for e in elements if id(e) not in chosen]
    else:
        new = coerce.single(attribute, operation.value, leniency)
        kept = [_renewed(operation.verb, attribute, e, new) if id(e) in chosen else e for e in elements]
        kept = [e for e in kept if e is not None]
    verbs.assign(container, attribute, kept if attribute.multi_valued else (kept[0] if kept else None))


def _renewed(verb: Verb, attribute: Attribute, element: Json, new: Json) -> Json:
    if verb is Verb.REPLACE:
        return copy(new)
    if new is None:
        return element
    if not isinstance(element, dict):
        return new
    merged_element = {**element, **copy(new)}
    for sub in attribute.sub_attributes:
        if sub.mutability is Mutability.IMMUTABLE and element.get(sub.name) not in (None, merged_element.get(sub.name)):
            raise MutabilityViolation(f"{attribute.name}.{sub.name} is immutable and has a value.")
    return merged_element
