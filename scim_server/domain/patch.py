"""PATCH: the operations of a request, one after the other (RFC 7644 section 3.5.2).

    the path of an operation                          what its verb acts on
    name, name.sub, URN:name, emails.type             slots: (object that holds the value, attribute)
    emails[type eq "work"].value                      slots in the matching elements; none: made from the filter's eq
    terms
    emails[type eq "work"]                            the matching elements themselves
    members, members[value eq "x"]                    a RowsChange: kept as rows, never loaded (`folding`)
    urn:...:enterprise:2.0:User                       the extension's whole object
    schemas                                           extensions come and go

`apply` works on a copy, in order, and the first error stops it, so a PATCH is all or nothing. `targets` selects the
slots and `verbs` changes them. What must hold for the resource as a whole (required, immutable) is checked afterwards
by `constraints`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from scim_server.domain import coerce, folding, targets, verbs
from scim_server.domain.attrpath import AttrPath, BoundPath, bind, bind_extension
from scim_server.domain.binding import bind_condition
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.elements import Distinct, as_list, primaries
from scim_server.domain.filter import PatchPath, ValuePath, count_tests
from scim_server.domain.match import element_matches
from scim_server.domain.operation import MISSING, Operation, Verb, member_path
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.rows import RowsChange
from scim_server.domain.schema import SCHEMAS, Attribute, Extension, Json, Kept, ResourceType, path_key
from scim_server.domain.verbs import Slot
from scim_server.errors import InvalidPath, InvalidValue, MutabilityViolation, NoTarget, TooMany


@dataclass(slots=True)
class Patched:
    """The outcome: new attributes, a change for each attribute kept as rows, the keys of the attributes that were
    named, and the values of those among them that are accepted and not kept.
    """

    attributes: Attributes
    rows: dict[str, RowsChange] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    passing: dict[str, Json] = field(default_factory=dict)


_UNSEEN: Final = frozenset({Kept.HASHED})
"""What a client that gives the whole of something cannot know."""

_MOST_VISITS: Final = 100_000
"""Elements of lists in the document that one PATCH looks through: a second or so. Plain adds need next to none."""


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
        if coerce.is_no_secret(attribute, operation.value, self.leniency):
            return
        if attribute.kept is Kept.DISCARDED:
            given = None if operation.value is MISSING else operation.value
            self.result.passing[path_key(bound.extension, attribute.name)] = coerce.value(
                attribute, given, self.leniency
            )
        elif attribute.kept is Kept.ROWS:
            change = self.result.rows.setdefault(attribute.key, RowsChange())
            folding.fold(operation, bound, change, self.leniency)
        else:
            self._run_on_document(operation, bound)

    def _run_on_document(self, operation: Operation, bound: BoundPath) -> None:
        attributes = self.result.attributes
        container = attributes.setdefault(bound.extension, {}) if bound.extension else attributes
        growing = targets.growing(operation, bound, container)
        if growing is not None:
            self._add_elements(operation, bound.key, growing)
            return
        held = container.get(bound.attribute.name)
        primary_before = primaries(as_list(held))
        if isinstance(operation.path, ValuePath):
            condition = bind_condition(operation.path.condition, bound.attribute, self.leniency)
            self._visit(held, count_tests(condition))
            targets.run_on_value_path(operation, operation.path, condition, (container, bound.attribute), self.leniency)
        else:
            self._visit(held)
            targets.run_on_path(operation, bound, container, self.leniency)
        verbs.tidy(container, bound.attribute, primary_before, self.leniency)

    def _add_elements(self, operation: Operation, key: str, slot: Slot) -> None:
        """What verb and tidying come to for a plain add, at the cost of what is added: connectors send many of them
        in one PATCH.
        """
        container, attribute = slot
        new = coerce.value(attribute, operation.listed(attribute), self.leniency)
        old = container.get(attribute.name)
        distinct = self.distinct.get(key)
        if distinct is None or distinct.elements is not old:
            self._visit(old)
            distinct = self.distinct[key] = Distinct(attribute, [e for e in as_list(old) if e != {}])
        distinct.add(new or ())
        verbs.assign(container, attribute, distinct.elements)

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
        if operation.verb is Verb.REPLACE:
            self._drop(extension, _UNSEEN)  # as a PUT leaves it (R-CHAR-09)
        elif operation.verb is Verb.REMOVE:
            self._drop(extension)
        if operation.verb is Verb.REMOVE or operation.value is None:
            return
        if not isinstance(operation.value, dict):
            raise InvalidValue(f"{extension.schema.id}: expected an object.")
        for name, value in operation.value.items():
            path = member_path(extension, name, self.leniency)
            self.run(Operation(operation.verb, path, value, from_pathless=True))

    def _drop(self, extension: Extension, spared: frozenset[Kept] = frozenset()) -> None:
        """Drop the extension's data, save what only the server writes, and what is kept so; while that is there its URN
        stays too.
        """
        held = self.result.attributes.get(extension.schema.id, {})
        for attribute in extension.schema.attributes:
            if attribute.is_read_only or attribute.kept in spared:
                continue
            held.pop(attribute.name, None)
            if attribute.kept is Kept.ROWS:
                self.result.rows.setdefault(attribute.key, RowsChange()).cleared()

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


def _refuse_removed_value(operation: Operation) -> None:
    """A removal that brings a value means less than its path says, so it is not run as if it brought none (C-06)."""
    if operation.verb is Verb.REMOVE and operation.value not in (MISSING, None):
        raise InvalidValue("A remove has no value; name what goes in the path.")


def _weight(value: Json) -> int:
    """The number of elements in the value of an attribute, those inside of elements too."""
    elements = as_list(value)
    inner = (m for e in elements if isinstance(e, dict) for m in e.values() if isinstance(m, list))
    return len(elements) + sum(map(len, inner))
