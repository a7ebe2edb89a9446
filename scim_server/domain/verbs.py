"""The three verbs on one value (RFC 7644 sections 3.5.2.1 to 3.5.2.3).

A value is named by its slot; which slots an operation means, `targets` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from scim_server.domain import coerce
from scim_server.domain.dialect import Leniency
from scim_server.domain.elements import identity, merged, settle_primary
from scim_server.domain.operation import Operation, Verb
from scim_server.domain.resource import Attributes
from scim_server.domain.schema import PRIMARY, VALUE, Attribute, Json, Mutability

Slot: TypeAlias = tuple[Attributes, Attribute]
"""Where one value is: the object that holds it, and the attribute."""


def run(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    """One verb on one slot (RFC 7644 sections 3.5.2.1 to 3.5.2.3)."""
    container, attribute = slot
    if operation.verb is Verb.REMOVE:
        _remove(operation, slot, leniency)
    elif attribute.multi_valued:
        new = coerce.value(attribute, operation.listed(attribute), leniency)
        old = container.get(attribute.name, []) if operation.verb is Verb.ADD else []
        both = [*old, *(new or [])]
        assign(container, attribute, both if attribute.is_complex else merged(attribute, both))
    elif attribute.is_complex:
        _merge(operation, slot, leniency)
    else:
        new = coerce.value(attribute, operation.value, leniency)
        if new is not None or operation.verb is Verb.REPLACE or operation.value == "":
            assign(container, attribute, new)


def _remove(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    container, attribute = slot
    if operation.elements is not None:
        listed = [coerce.single(attribute, e, leniency) for e in operation.elements]
        going = {_loose_identity(attribute, e) for e in listed if e is not None}
        old = container.get(attribute.name, [])
        assign(container, attribute, [e for e in old if _loose_identity(attribute, e) not in going])
        return
    container.pop(attribute.name, None)


def _loose_identity(attribute: Attribute, element: Json) -> tuple[object, ...]:
    """For removal by listing: an element is named by its value, whatever else was sent with it."""
    if isinstance(element, dict) and VALUE in element:
        return identity(attribute, {VALUE: element[VALUE]})
    return identity(attribute, element)


def _merge(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    """A singular complex value: the sub-attributes given are set, the others stay; a null unassigns (R-PATCH-25,
    -45).
    """
    container, attribute = slot
    new = coerce.value(attribute, operation.value, leniency)
    if new is None and not isinstance(operation.value, Mapping):
        if operation.verb is Verb.REPLACE:
            container.pop(attribute.name, None)
        return
    held = container.get(attribute.name, {})
    emptied = _emptied(operation.value, attribute, held, new or {})
    assign(container, attribute, {**{n: v for n, v in held.items() if n not in emptied}, **(new or {})})


def _emptied(given: Json, attribute: Attribute, held: Attributes, new: Attributes) -> set[str]:
    """The sub-attributes that a merge leaves without a value: those given as null, and where a text named the whole
    value (R-ENT-04), what was said of another one: a manager's `$ref` must not stay with the next manager.
    """
    if isinstance(given, Mapping):
        return {s.name for name in given if (s := attribute.sub(name)) and not s.is_read_only} - new.keys()
    if not isinstance(given, str) or new.items() <= held.items():
        return set()
    return {s.name for s in attribute.sub_attributes if s.mutability is Mutability.READ_WRITE} - new.keys()


def tidy(container: Attributes, attribute: Attribute, primary_before: list[Json], leniency: Leniency) -> None:
    """After an operation: equal elements are one, one element is primary, nothing empty stays."""
    value = container.get(attribute.name)
    if isinstance(value, list) and attribute.is_complex:
        if attribute.sub(PRIMARY):
            settle_primary(attribute, primary_before, value, leniency)
        value = merged(attribute, [e for e in value if e])
        assign(container, attribute, value)
    elif isinstance(value, list):
        assign(container, attribute, merged(attribute, value))
    elif value == {}:
        del container[attribute.name]


def assign(container: Attributes, attribute: Attribute, value: Json) -> None:
    """Assign, or unassign where there is nothing (RFC 7643 section 2.5)."""
    if value is None or value in ([], {}):
        container.pop(attribute.name, None)
    else:
        container[attribute.name] = value
