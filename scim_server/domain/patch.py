"""PATCH: select targets, then one of three verbs (RFC 7644 section 3.5.2).

    operation --bind--> target                        what the verbs act on
    name, name.sub, URN:name, emails.type             slots: (object that holds the value, attribute)
    emails[type eq "work"].value                      slots in the matching elements; none: made from the filter's eq
    terms
    emails[type eq "work"]                            the matching elements themselves
    members, members[value eq "x"]                    a RowsChange: kept as rows, never loaded
    urn:...:enterprise:2.0:User                       the extension's whole object
    schemas                                           extensions come and go

`apply` works on a copy, in order, and the first error stops it, so a PATCH is all or nothing. What must hold for
the resource as a whole (required, immutable) is checked afterwards by `constraints`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from scim_server.domain import coerce
from scim_server.domain.attrpath import AttrPath, BoundPath, bind, bind_extension
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.elements import Distinct, as_list, identity, merged, primaries, row_id, settle_primary
from scim_server.domain.filter import (
    And,
    BoundAnd,
    BoundFilter,
    BoundNot,
    BoundOr,
    Comparison,
    ElementTest,
    Filter,
    Operator,
    PatchPath,
    ValuePath,
    bind_condition,
)
from scim_server.domain.match import element_matches
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import (
    PRIMARY,
    SCHEMAS,
    TYPE,
    VALUE,
    Attribute,
    Extension,
    Json,
    Kept,
    Mutability,
    ResourceType,
    path_key,
)
from scim_server.errors import InvalidPath, InvalidValue, MutabilityViolation, NoTarget, TooMany


class Verb(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


MISSING: Final = object()
"""The value of an operation that has none; null is a value."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation, its path parsed. `filtering.operations` makes it; a path-less value has become one operation
    for each key.

    `elements` is set for a removal that lists what goes: those elements and no others.
    """

    verb: Verb
    path: PatchPath | None
    value: Json = MISSING
    elements: tuple[Json, ...] | None = None
    from_pathless: bool = False


@dataclass(slots=True)
class Patched:
    """The outcome: new attributes, a change for each attribute kept as rows, and the keys of the attributes that
    were named.
    """

    attributes: Attributes
    rows: dict[str, RowsChange] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)


_TAGS: Final = frozenset({TYPE, PRIMARY})
"""The sub-attributes that say something about a value and are none (RFC 7643 section 2.4)."""

_MOST_TESTS: Final = 256
"""Comparisons in all conditions on elements kept as rows: as many as one filter may have, for they become one."""

_MOST_VISITS: Final = 100_000
"""Elements of lists in the document that one PATCH looks through: a second or so. Plain adds need next to none."""

Slot: TypeAlias = tuple[Attributes, Attribute]
"""Where one value is: the object that holds it, and the attribute."""


def apply(
    resource_type: ResourceType, id: str, attributes: Attributes, operations: Sequence[Operation], leniency: Leniency
) -> Patched:
    """Run the operations on a copy of the attributes. Raises a BadRequest at the first one that is not possible."""
    patch = _Patch(resource_type, id, Patched(copy(attributes)), leniency)
    for operation in operations:
        patch.run(operation)
        patch.drop_empty_extensions()
    return patch.result


@dataclass(slots=True)
class _Patch:
    """One PATCH under way."""

    resource_type: ResourceType
    id: str
    result: Patched
    leniency: Leniency
    distinct: dict[str, Distinct] = field(default_factory=dict)
    """What plain adds have added to so far, by path; good while it is the very list that the resource has."""
    visits: int = 0

    def run(self, operation: Operation) -> None:
        if operation.path is None:
            raise NoTarget("A remove needs a path.")
        if operation.verb is not Verb.REMOVE and operation.value is MISSING:
            raise InvalidValue(f"{operation.verb} needs a value.")
        extension = self._extension(operation.path)
        if extension is not None:
            self._run_on_extension(operation, extension)
            return
        attribute_path = operation.path.path if isinstance(operation.path, ValuePath) else operation.path
        bound = bind(attribute_path, self.resource_type)
        if bound is None:
            self._skip_unknown(attribute_path)
            return
        self.result.named.add(path_key(bound.extension, bound.attribute.name))
        self._run_on(operation, bound)

    def drop_empty_extensions(self) -> None:
        """An extension without data is not there, and its URN leaves `schemas` (R-PATCH-22)."""
        attributes = self.result.attributes
        for extension in self.resource_type.extensions:
            if attributes.get(extension.schema.id) == {}:
                del attributes[extension.schema.id]

    def _extension(self, path: PatchPath) -> Extension | None:
        """The extension whose bare URN the path is; brackets do not apply to one."""
        return bind_extension(path, self.resource_type) if isinstance(path, AttrPath) else None

    def _run_on(self, operation: Operation, bound: BoundPath) -> None:
        attribute = bound.attribute
        if attribute.name == SCHEMAS and bound.extension is None:
            self._run_on_schemas(operation, attribute)
            return
        if self._is_read_only(operation, bound):
            return
        _refuse_removed_value(operation)
        if attribute.kept is Kept.DISCARDED:
            coerce.value(attribute, None if operation.value is MISSING else operation.value, self.leniency)
        elif attribute.kept is Kept.ROWS:
            change = self.result.rows.setdefault(attribute.name, RowsChange())
            _change_rows(operation, bound, change, self.leniency)
        else:
            self._run_on_document(operation, bound)

    def _run_on_document(self, operation: Operation, bound: BoundPath) -> None:
        attributes = self.result.attributes
        container = attributes.setdefault(bound.extension, {}) if bound.extension else attributes
        growing = _growing(operation, bound, container)
        if growing is not None:
            self._add_elements(operation, bound.key, growing)
            return
        held = container.get(bound.attribute.name)
        primary_before = primaries(as_list(held))
        if isinstance(operation.path, ValuePath):
            condition = bind_condition(operation.path.condition, bound.attribute, self.leniency)
            self._visit(held, _tests(condition))
            _run_on_value_path(operation, operation.path, condition, (container, bound.attribute), self.leniency)
        else:
            self._visit(held)
            _run_on_path(operation, bound, container, self.leniency)
        _tidy(container, bound.attribute, primary_before, self.leniency)

    def _add_elements(self, operation: Operation, key: str, slot: Slot) -> None:
        """What verb and tidying come to for a plain add, at the cost of what is added: connectors send many of them
        in one PATCH.
        """
        container, attribute = slot
        new = coerce.value(attribute, _listified(operation, attribute), self.leniency)
        old = container.get(attribute.name)
        distinct = self.distinct.get(key)
        if distinct is None or distinct.elements is not old:
            self._visit(old)
            distinct = self.distinct[key] = Distinct(attribute, [e for e in as_list(old) if e != {}])
        distinct.add(new or ())
        _set(container, attribute, distinct.elements)

    def _visit(self, value: Json, times: int = 1) -> None:
        """Count the elements that an operation looks through, once for each comparison; the last operation may look
        through any number.
        """
        if self.visits > _MOST_VISITS:
            raise TooMany(f"The operations of this PATCH look through more than {_MOST_VISITS} elements.")
        self.visits += _weight(value) * times

    def _is_read_only(self, operation: Operation, bound: BoundPath) -> bool:
        """R-PATCH-13, R-PATCH-14: refuses, or says that the operation is to be skipped."""
        if not (bound.attribute.is_read_only or (bound.sub and bound.sub.is_read_only)):
            return False
        is_id = bound.attribute.kept is Kept.RECORD and isinstance(operation.value, str)
        differs = is_id and operation.value != self.id
        if differs or not operation.from_pathless or not self.leniency.allows(Tolerance.READ_ONLY_IN_PATCH):
            raise MutabilityViolation(f"{bound.key} is read-only.")
        return True

    def _skip_unknown(self, path: AttrPath) -> None:
        if not self.leniency.allows(Tolerance.UNKNOWN_ATTRIBUTE):
            raise InvalidPath(f"There is no attribute {str(path)!r}.")

    def _run_on_extension(self, operation: Operation, extension: Extension) -> None:
        """A bare extension URN: add merges, replace replaces, remove drops what the client may write (R-PATCH-07)."""
        _refuse_removed_value(operation)
        if operation.verb is not Verb.ADD:
            self._drop(extension)
        if operation.verb is Verb.REMOVE or operation.value is None:
            return
        if not isinstance(operation.value, dict):
            raise InvalidValue(f"{extension.schema.id}: expected an object.")
        for name, value in operation.value.items():
            path = member_path(extension, name, self.leniency)
            self.run(Operation(operation.verb, path, value, from_pathless=True))

    def _drop(self, extension: Extension) -> None:
        """Drop the extension's data, save what only the server writes; while that is there its URN stays too."""
        held = self.result.attributes.get(extension.schema.id, {})
        for attribute in extension.schema.attributes:
            if not attribute.is_read_only:
                held.pop(attribute.name, None)

    def _run_on_schemas(self, operation: Operation, attribute: Attribute) -> None:
        """`schemas` follows from the data: naming a URN adds none, removing one drops its data (R-PATCH-21)."""
        if operation.from_pathless and self.leniency.allows(Tolerance.READ_ONLY_IN_PATCH):
            return
        listed = {urn.lower() for urn in self._listed(operation, attribute)}
        if operation.verb is Verb.ADD:
            return
        base_goes = (self.resource_type.schema.id.lower() in listed) is (operation.verb is Verb.REMOVE)
        if base_goes:
            raise MutabilityViolation("The base schema cannot be removed.")
        for extension in self.resource_type.extensions:
            if (extension.schema.id.lower() in listed) is (operation.verb is Verb.REMOVE):
                self._drop(extension)

    def _listed(self, operation: Operation, attribute: Attribute) -> list[str]:
        """The URNs that an operation on `schemas` is about. Raises InvalidValue for one that is not registered."""
        base = self.resource_type.schema.id
        registered = [base, *(e.schema.id for e in self.resource_type.extensions)]
        if isinstance(operation.path, ValuePath):
            condition = bind_condition(operation.path.condition, attribute, self.leniency)
            return [urn for urn in registered if element_matches(condition, urn, attribute)]
        if operation.verb is Verb.REMOVE and operation.elements is None and operation.value in (MISSING, None):
            return registered
        given = operation.elements if operation.elements is not None else as_list(operation.value)
        urns: list[str] = coerce.elements(attribute, list(given), self.leniency) or []
        unknown = {urn.lower() for urn in urns} - {urn.lower() for urn in registered}
        if unknown and operation.verb is not Verb.REMOVE and not self.leniency.allows(Tolerance.MISSING_SCHEMAS):
            raise InvalidValue(f"{min(unknown)} is no schema of {self.resource_type.name}.")
        return urns


def member_path(extension: Extension, name: str, leniency: Leniency) -> AttrPath:
    """The path that a member of an extension's object names; a sub-attribute where the dialect lets keys be paths."""
    attribute, _, sub = name.partition(".")
    if sub and leniency.allows(Tolerance.PATH_AS_KEY):
        return AttrPath(attribute, sub, extension.schema.id)
    return AttrPath(name, None, extension.schema.id)


def _refuse_removed_value(operation: Operation) -> None:
    """A removal that brings a value means less than its path says, so it is not run as if it brought none (C-06)."""
    if operation.verb is Verb.REMOVE and operation.value not in (MISSING, None):
        raise InvalidValue("A remove has no value; name what goes in the path.")


def _growing(operation: Operation, bound: BoundPath, container: Attributes) -> Slot | None:
    """The list that a plain add adds to: that of the attribute, or of a sub-attribute of a singular one."""
    if operation.verb is not Verb.ADD or isinstance(operation.path, ValuePath):
        return None
    attribute, sub = bound.attribute, bound.sub
    if sub is None:
        return (container, attribute) if attribute.multi_valued else None
    if attribute.multi_valued or not sub.multi_valued or attribute.name not in container:
        return None
    return (container[attribute.name], sub)


def _run_on_path(operation: Operation, bound: BoundPath, container: Attributes, leniency: Leniency) -> None:
    """A path without a filter; the object that will hold a new value is made."""
    attribute, sub = bound.attribute, bound.sub
    if sub is None:
        _run_verb(operation, (container, attribute), leniency)
    elif not attribute.multi_valued:
        _run_verb(operation, (container.setdefault(attribute.name, {}), sub), leniency)
    elif elements := container.get(attribute.name):
        _run_on_parts(operation, sub, (container, attribute), elements, leniency)
    elif operation.verb is not Verb.REMOVE:
        raise NoTarget(f"{attribute.name} has no element whose {sub.name} could be set.")


def _run_on_value_path(
    operation: Operation, path: ValuePath, condition: BoundFilter, slot: Slot, leniency: Leniency
) -> None:
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
    seed = _seed(path.condition, attribute, leniency) if attribute.is_complex else {}
    if not seed or not leniency.allows(Tolerance.VALUE_PATH_CREATES):
        raise NoTarget(f"No element of {attribute.name} matches the filter.")
    element = _grown(seed, operation, sub, attribute, leniency)
    if element is None:
        return
    if attribute.multi_valued:
        container[attribute.name] = [*container.get(attribute.name, []), element]
    else:
        container[attribute.name] = {**container.get(attribute.name, {}), **element}


def _grown(
    seed: Attributes, operation: Operation, sub: Attribute | None, attribute: Attribute, leniency: Leniency
) -> Attributes | None:
    """The seed with the value of the operation; None where that is unassigned, as a filter alone makes nothing."""
    if sub is None:
        given = coerce.single(attribute, operation.value, leniency)
        return None if given is None else {**seed, **given}
    given = coerce.value(sub, _listified(operation, sub), leniency)
    return None if given is None else {**seed, sub.name: given}


def _seed(condition: Filter, attribute: Attribute, leniency: Leniency) -> Attributes:
    """The values that the eq terms of a filter demand, joined by and: what a new element starts with."""
    if isinstance(condition, And):
        seeds = [_seed(term, attribute, leniency) for term in condition.terms]
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
        _run_verb(operation, (element, sub), leniency)
    husks = {id(e) for e in held if e and e.keys() <= _TAGS}
    if attribute.multi_valued and husks and leniency.allows(Tolerance.EMPTY_ELEMENT):
        _set(container, attribute, [e for e in container[attribute.name] if id(e) not in husks])


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
    _set(container, attribute, kept if attribute.multi_valued else (kept[0] if kept else None))


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


def _run_verb(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    """One verb on one slot (RFC 7644 sections 3.5.2.1 to 3.5.2.3)."""
    container, attribute = slot
    if operation.verb is Verb.REMOVE:
        _remove(operation, slot, leniency)
    elif attribute.multi_valued:
        new = coerce.value(attribute, _listified(operation, attribute), leniency)
        old = container.get(attribute.name, []) if operation.verb is Verb.ADD else []
        both = [*old, *(new or [])]
        _set(container, attribute, both if attribute.is_complex else merged(attribute, both))
    elif attribute.is_complex:
        _merge(operation, slot, leniency)
    else:
        new = coerce.value(attribute, operation.value, leniency)
        if new is not None or operation.verb is Verb.REPLACE or operation.value == "":
            _set(container, attribute, new)


def _remove(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    container, attribute = slot
    if operation.elements is not None:
        listed = [coerce.single(attribute, e, leniency) for e in operation.elements]
        going = {_loose_identity(attribute, e) for e in listed if e is not None}
        old = container.get(attribute.name, [])
        _set(container, attribute, [e for e in old if _loose_identity(attribute, e) not in going])
        return
    container.pop(attribute.name, None)


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
    _set(container, attribute, {**{n: v for n, v in held.items() if n not in emptied}, **(new or {})})


def _emptied(given: Json, attribute: Attribute, held: Attributes, new: Attributes) -> set[str]:
    """The sub-attributes that a merge leaves without a value: those given as null, and where a text named the whole
    value (R-ENT-04), what was said of another one: a manager's `$ref` must not stay with the next manager.
    """
    if isinstance(given, Mapping):
        return {s.name for name in given if (s := attribute.sub(name)) and not s.is_read_only} - new.keys()
    if not isinstance(given, str) or new.items() <= held.items():
        return set()
    return {s.name for s in attribute.sub_attributes if s.mutability is Mutability.READ_WRITE} - new.keys()


def _refuse_immutable_part(operation: Operation, slot: Slot, leniency: Leniency) -> None:
    """A sub-attribute that is immutable keeps the value that it has inside its element (R-CHAR-07, R-GRP-04)."""
    container, attribute = slot
    if attribute.mutability is not Mutability.IMMUTABLE or attribute.name not in container:
        return
    if operation.verb is Verb.REMOVE or (
        coerce.value(attribute, _listified(operation, attribute), leniency) != container[attribute.name]
    ):
        raise MutabilityViolation(f"{attribute.name} is immutable and has a value.")


def _tidy(container: Attributes, attribute: Attribute, primary_before: list[Json], leniency: Leniency) -> None:
    """After an operation: equal elements are one, one element is primary, nothing empty stays."""
    value = container.get(attribute.name)
    if isinstance(value, list) and attribute.is_complex:
        if attribute.sub(PRIMARY):
            settle_primary(attribute, primary_before, value, leniency)
        value = merged(attribute, [e for e in value if e])
        _set(container, attribute, value)
    elif isinstance(value, list):
        _set(container, attribute, merged(attribute, value))
    elif value == {}:
        del container[attribute.name]


def _change_rows(operation: Operation, bound: BoundPath, change: RowsChange, leniency: Leniency) -> None:
    """Operations on an attribute kept as rows; its elements come and go as wholes (R-GRP-04)."""
    attribute = bound.attribute
    if bound.sub is not None or (isinstance(operation.path, ValuePath) and operation.path.sub is not None):
        raise MutabilityViolation(f"The elements of {attribute.name} are added and removed as wholes.")
    if isinstance(operation.path, ValuePath):
        _change_rows_by_filter(operation, operation.path, attribute, change, leniency)
    elif operation.verb is Verb.ADD:
        change.added(coerce.row_elements(attribute, _listified(operation, attribute), leniency))
    elif operation.verb is Verb.REPLACE:
        change.replaced(coerce.row_elements(attribute, operation.value, leniency))
    elif operation.elements is not None:
        change.removed(id for id, _ in coerce.row_elements(attribute, list(operation.elements), leniency))
    else:
        change.cleared()


def _change_rows_by_filter(
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
    seed = _seed(path.condition, attribute, leniency)
    if VALUE not in seed or not leniency.allows(Tolerance.VALUE_PATH_CREATES):
        raise NoTarget(f"The elements of {attribute.name} are added and removed as wholes.")
    element = _grown(seed, operation, None, attribute, leniency)
    if operation.verb is Verb.REPLACE:
        change.removed([row_id(attribute, seed)])
    if element is not None:
        change.added([(row_id(attribute, element), element)])


def _remove_where(change: RowsChange, condition: BoundFilter, attribute: Attribute) -> None:
    if sum(map(_tests, (condition, *change.remove_where))) > _MOST_TESTS:
        raise TooMany(f"A PATCH removes elements of {attribute.name} by at most {_MOST_TESTS} comparisons.")
    pending = {**change.add, **change.put}
    chosen = [id for id, element in pending.items() if element_matches(condition, element, attribute)]
    change.removed_where(condition, chosen)


def _tests(condition: BoundFilter) -> int:
    """The number of comparisons in a condition."""
    match condition:
        case BoundAnd(terms) | BoundOr(terms):
            return sum(map(_tests, terms))
        case BoundNot(term):
            return _tests(term)
        case _:
            return 1


def _ids(condition: BoundFilter) -> list[str] | None:
    """The ids that `value eq "a" or value eq "b"` names, or None for any other condition."""
    if isinstance(condition, ElementTest):
        is_id = condition.operator is Operator.EQ and condition.sub is not None and condition.sub.name == VALUE
        return [str(condition.key)] if is_id else None
    if not isinstance(condition, BoundOr):
        return None
    parts = [_ids(term) for term in condition.terms]
    return None if None in parts else [id for part in parts if part for id in part]


def _listified(operation: Operation, attribute: Attribute) -> Json:
    """R-MV-06: an add may give a single object where a list is meant."""
    value = operation.value
    is_one = operation.verb is Verb.ADD and attribute.multi_valued and not isinstance(value, list)
    return [value] if is_one and value is not None else value


def _loose_identity(attribute: Attribute, element: Json) -> tuple[object, ...]:
    """For removal by listing: an element is named by its value, whatever else was sent with it."""
    if isinstance(element, dict) and VALUE in element:
        return identity(attribute, {VALUE: element[VALUE]})
    return identity(attribute, element)


def _weight(value: Json) -> int:
    """The number of elements in the value of an attribute, those inside of elements too."""
    elements = as_list(value)
    inner = (m for e in elements if isinstance(e, dict) for m in e.values() if isinstance(m, list))
    return len(elements) + sum(map(len, inner))


def _set(container: Attributes, attribute: Attribute, value: Json) -> None:
    """Assign, or unassign where there is nothing (RFC 7643 section 2.5)."""
    if value is None or value in ([], {}):
        container.pop(attribute.name, None)
    else:
        container[attribute.name] = value
