"""The shape of each kind of file: its keys, and the JSON type and the vocabulary of each.

Messages are texts of the form `problem; expected what`, in which `<value>` stands for the value that was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

from marshmallow import Schema, fields, validate

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document, Kind
from scim_server.domain.schema import (
    AbsentInPut,
    AttributeType,
    Json,
    Kept,
    Mutability,
    Returned,
    Uniqueness,
)

Shapes: TypeAlias = dict[str, fields.Field[Any]]

VALUE: Final = "<value>"
# Steps of marshmallow's error trees that are no keys of the document.
OWN_STEPS: Final = frozenset({"_schema", "value", "key"})


class Shape(Schema):
    """An object whose keys are all known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["type"] = f"{VALUE} does not fit; expected an object"
        self.error_messages["unknown"] = f"is not a known key; expected {one_of(self.fields)}"


class Flag(fields.Field[bool]):
    """true or false, and nothing that looks like it."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid")
        return value


def _messages(expected: str) -> dict[str, str | list[Any] | dict[Any, Any]]:
    wrong = f"{VALUE} does not fit; expected {expected}"
    return {"required": f"is missing; expected {expected}", "null": wrong, "invalid": wrong}


class Number(fields.Field[Any]):
    """An integer or a decimal."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
            raise self.make_error("invalid")
        return value


class Count(Number):
    """An integer from 0."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        found = super()._deserialize(value, attr, data, **options)
        if not isinstance(found, int) or found < 0:
            raise self.make_error("invalid")
        return found


def _text(**options: Any) -> fields.String:
    return fields.String(error_messages=_messages("a string"), **options)


def _name(**options: Any) -> fields.String:
    """A string that says something; it has to be there, unless the options say otherwise."""
    nothing = validate.Length(min=1, error=f"{VALUE} is empty; expected a string")
    return _text(**{"required": True, "validate": nothing, **options})


def _flag() -> Flag:
    return Flag(error_messages=_messages("true or false"))


def _number() -> Number:
    return Number(error_messages=_messages("a number"))


def _count() -> Count:
    return Count(error_messages=_messages("an integer from 0"))


def _value(**options: Any) -> fields.Raw:
    return fields.Raw(allow_none=False, error_messages=_messages("a value"), **options)


def _word(what: str, vocabulary: Iterator[str] | list[str], **options: Any) -> fields.String:
    words = list(vocabulary)
    expected = one_of(words)
    wrong = validate.OneOf(words, error=f"{VALUE} is not a {what}; expected {expected}")
    return fields.String(error_messages=_messages(expected), validate=wrong, **options)


def _list(element: fields.Field[Any], **options: Any) -> fields.List[Any]:
    return fields.List(element, error_messages=_messages("a list"), **options)


def _map(value: fields.Field[Any]) -> fields.Dict:
    return fields.Dict(keys=_text(), values=value, error_messages=_messages("an object"))


def _object(shape: type[Schema], **options: Any) -> fields.Nested:
    return fields.Nested(shape, error_messages=_messages("an object"), **options)


class OneOrMore(fields.Field[Any]):
    """An object, or a list of at least one."""

    def __init__(self, shape: type[Schema]) -> None:
        super().__init__(error_messages=_messages("an object, or a list of objects"))
        self._one = _object(shape)
        self._more = _list(self._one, validate=_filled("at least one object"))

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **options: Any) -> Any:
        if not isinstance(value, dict | list):
            raise self.make_error("invalid")
        return (self._more if isinstance(value, list) else self._one).deserialize(value, attr, data)


def _filled(what: str) -> validate.Length:
    return validate.Length(min=1, error=f"{VALUE} is empty; expected {what}")


# Texts that other servers publish about their resources; a copied file may hold them, and they say nothing here.
PUBLISHED: Final[Shapes] = {"schemas": _list(_text()), "meta": _map(fields.Raw())}

ATTRIBUTE: Final[Shapes] = {
    "name": _name(),
    "type": _word("type", [kind.value for kind in AttributeType]),
    "multiValued": _flag(),
    "description": _text(),
    "required": _flag(),
    "canonicalValues": _list(_text()),
    "caseExact": _flag(),
    "mutability": _word("mutability", [word.value for word in Mutability]),
    "returned": _word("value of returned", [word.value for word in Returned]),
    "uniqueness": _word("uniqueness", [word.value for word in Uniqueness]),
    "referenceTypes": _list(_text()),
    "subAttributes": _list(fields.Nested(lambda: AttributeShape())),
}
AttributeShape: Final[type[Schema]] = Shape.from_dict(ATTRIBUTE, name="AttributeShape")
ATTRIBUTES: Final = _list(_object(AttributeShape), required=True, validate=_filled("at least one attribute"))

SchemaShape: Final = Shape.from_dict(
    {**PUBLISHED, "id": _name(), "name": _name(), "description": _text(), "attributes": ATTRIBUTES}
)

COMMON_KEPT: Final = [Kept.DOCUMENT.value, Kept.DERIVED.value, Kept.RECORD.value]
CommonBinding: Final = Shape.from_dict({"kept": _map(_word("place to keep values", COMMON_KEPT))})
CommonShape: Final = Shape.from_dict(
    {
        "name": _name(),
        "description": _text(),
        "attributes": ATTRIBUTES,
        "binding": _object(CommonBinding, required=True),
    }
)

TYPE_KEPT: Final = [kept.value for kept in Kept if kept not in (Kept.RECORD, Kept.HASHED)]
InverseShape: Final = Shape.from_dict({"resourceType": _name(), "attribute": _name(), "where": _name(required=False)})
DerivedShape: Final = Shape.from_dict(
    {
        "inverseOf": OneOrMore(InverseShape),
        "depthOf": _name(required=False),
        "absenceOf": _name(required=False),
        "noted": _flag(),
        "seatsOf": _flag(),
        "kind": _text(),
    }
)
ABSENT_IN_PUT: Final = [word.value for word in AbsentInPut]
PoolFormShape: Final = Shape.from_dict({"key": _text(), "display": _text(), "type": _text(), "seats": _text()})
BindingShape: Final = Shape.from_dict(
    {
        "kept": _map(_word("place to keep values", TYPE_KEPT)),
        "derived": _map(_object(DerivedShape)),
        "indexed": _list(_text()),
        "defaults": _map(_value()),
        "label": _text(),
        "formats": _map(_text()),
        "subject": _flag(),
        "pools": _object(PoolFormShape),
        "absentInPut": _map(_word("rule for PUT", ABSENT_IN_PUT)),
    }
)
ExtensionShape: Final = Shape.from_dict({"schema": _name(), "required": _flag()})
ResourceTypeShape: Final = Shape.from_dict(
    {
        **PUBLISHED,
        "id": _text(),
        "name": _name(),
        "endpoint": _name(),
        "description": _text(),
        "schema": _name(),
        "schemaExtensions": _list(_object(ExtensionShape)),
        "binding": _object(BindingShape),
    }
)

AboutShape: Final = Shape.from_dict(
    {"name": _name(), "description": _text(), "extends": _name(required=False), "default": _flag()}
)
ProfileInverseShape: Final = Shape.from_dict(
    {"resource_type": _name(), "attribute": _name(), "where": _name(required=False)}
)
ProfileDerivedShape: Final = Shape.from_dict(
    {
        "inverse_of": OneOrMore(ProfileInverseShape),
        "depth_of": _name(required=False),
        "absence_of": _name(required=False),
        "noted": _flag(),
        "seats_of": _flag(),
        "kind": _text(),
    }
)
EXTENSION_KEPT: Final = [kept.value for kept in (Kept.DOCUMENT, Kept.ROWS, Kept.DISCARDED)]
ProfileBindingShape: Final = Shape.from_dict(
    {
        "resource_type": _name(),
        "extension": _name(),
        "required": _flag(),
        "absent_in_put": _word("rule for PUT", ABSENT_IN_PUT),
        "indexed": _list(_text()),
        "defaults": _map(_value()),
        "kept": _map(_word("place to keep values", EXTENSION_KEPT)),
        "derived": _map(_object(ProfileDerivedShape)),
    }
)
LengthShape: Final = Shape.from_dict({"minimum": _count(), "maximum": _count()})
TESTS: Final[Shapes] = {
    "pattern": _text(),
    "minimum": _number(),
    "maximum": _number(),
    "length": _object(LengthShape),
    "one_of": _list(_value(), validate=_filled("at least one value")),
    "each_one_of": _list(_text(), validate=_filled("at least one string")),
    "telephone": _flag(),
}
RULE: Final[Shapes] = {"resource_type": _name(), "attribute": _name()}
ConstraintShape: Final = Shape.from_dict({**RULE, **TESTS, "message": _text()})
RuleShape: Final = Shape.from_dict(RULE)
FixedShape: Final = Shape.from_dict({**RULE, "when": _name(required=False), "equals": _value()})
ConditionShape: Final = Shape.from_dict(
    {"resource_type": _name(), "when": _name(), "equals": _value(required=True), "required": _name()}
)
LifecycleShape: Final = Shape.from_dict({"resource_type": _name(), "flag": _name()})
TeamsShape: Final = Shape.from_dict(
    {
        "resource_type": _name(),
        "members": _name(),
        "supervisors": _name(required=False),
        "one_each": _flag(),
        "parent": _name(required=False),
        "levels": _count(),
        "moved": _name(required=False),
        "reviewed_by": _list(_text()),
    }
)
LAST_REMOVED: Final = ["keep", "deactivate", "delete"]
_LISTED: Final = validate.Length(min=1, error=f"{VALUE} is empty; expected at least one attribute")
LicencesShape: Final = Shape.from_dict(
    {
        "resource_type": _name(),
        "attributes": _list(_text(), required=True, validate=_LISTED),
        "exhausted": _word("way with an exhausted pool", ["reject", "pending"]),
        "pending": _name(required=False),
        "freed_when_inactive": _flag(),
        "last_removed": _word("way with who gives the last one away", LAST_REMOVED),
        "kept_in_put": _list(_name()),
        "optional": _flag(),
    }
)
NumbersShape: Final = Shape.from_dict(
    {**RULE, "allocate": _flag(), "quarantine_days": _count(), "name": _name(), "optional": _flag()}
)
RolesShape: Final = Shape.from_dict(
    {
        "resource_type": _name(),
        "attributes": _list(_text(), required=True, validate=_LISTED),
        "default": _name(required=False),
        "last_removed": _word("way with who loses the last one", LAST_REMOVED[:2]),
    }
)
EventShape: Final = Shape.from_dict(
    {
        "resource_type": _name(),
        "on": _word("moment of an event", ["create", "join"], required=True),
        "kind": _name(),
        "attribute": _name(required=False),
        "unless": _name(required=False),
        "carries": _list(_text()),
    }
)
RULES: Final[Shapes] = {
    "constraints": _list(_object(ConstraintShape)),
    "required": _list(_object(RuleShape)),
    "fixed": _list(_object(FixedShape)),
    "conditions": _list(_object(ConditionShape)),
    "lifecycle": _list(_object(LifecycleShape)),
    "teams": _object(TeamsShape),
    "licences": _object(LicencesShape),
    "numbers": _object(NumbersShape),
    "roles": _object(RolesShape),
    "events": _list(_object(EventShape)),
}
PasswordShape: Final = Shape.from_dict(
    {
        **RULE,
        "minimum": _count(),
        "change_required": _name(required=False),
        "changed": _name(required=False),
    }
)
UniqueWithinShape: Final = Shape.from_dict({**RULE, "within": _name()})
PoolsShape: Final = Shape.from_dict({"shown_as": _name(), "attributes": _list(_text())})
ProfileShape: Final = Shape.from_dict(
    {
        "profile": _object(AboutShape),
        "bindings": _list(_object(ProfileBindingShape)),
        "passwords": _list(_object(PasswordShape)),
        "unique_within": _list(_object(UniqueWithinShape)),
        "pools": _object(PoolsShape),
        **RULES,
    }
)

SHAPES: Final[Mapping[Kind, Schema]] = {
    Kind.COMMON: CommonShape(),
    Kind.SCHEMA: SchemaShape(),
    Kind.RESOURCE_TYPE: ResourceTypeShape(),
    Kind.PROFILE: ProfileShape(),
}


def faults(document: Document) -> list[Fault]:
    """What in the document has a wrong key, a wrong JSON type, or a word that is not in the vocabulary."""
    errors = SHAPES[document.source.kind].validate(document.content)
    return sorted(_flat(errors, document.place, document.content), key=lambda fault: fault.key)


def _flat(errors: Json, place: Place, value: Json) -> Iterator[Fault]:
    if isinstance(errors, list):
        yield from (_fault(message, place, value) for message in errors)
        return
    for step, below in errors.items():
        if step in OWN_STEPS and not (isinstance(value, dict) and step in value):
            yield from _flat(below, place, value)
        elif isinstance(step, int):
            yield from _flat(below, place.element(step), value[step])
        else:
            yield from _flat(below, place.member(step), value.get(step))


def _fault(message: str, place: Place, value: Json) -> Fault:
    problem, _, expected = message.partition("; expected ")
    return place.fault(problem.replace(VALUE, shown(value)), expected)
