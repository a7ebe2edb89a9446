"""The envelopes of SCIM messages: fixed shapes with a message URN.

Resources are not read here: their names are case-insensitive and their types come from schema data, which is
`domain.coerce`'s. The schemas are built once, on import; building one costs more than a whole request may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load
from marshmallow.validate import Range

from scim_server.domain.bulk import read as read_operation
from scim_server.domain.dialect import Leniency, Tolerance
from scim_server.domain.schema import Json
from scim_server.errors import InvalidCount, InvalidCursor, InvalidSyntax, InvalidValue, PayloadTooLarge, ScimError
from scim_server.http.parameters import Parameters
from scim_server.service import bulk

MESSAGES: Final = "urn:ietf:params:scim:api:messages:2.0:"


def read_patch(payload: Mapping[str, Json], leniency: Leniency, most: int) -> list[Json]:
    """The operations of a PatchOp as they were sent, at least one and at most `most`.

    Raises InvalidSyntax for another shape or message (R-PATCH-02, X-06), PayloadTooLarge for too many operations.
    """
    return patch_list(_load(_PATCH_OP, payload, leniency)["operations"], most)


def patch_list(operations: list[Json], most: int) -> list[Json]:
    """The operations of a PATCH, at least one and at most `most`. Raises InvalidSyntax, PayloadTooLarge."""
    if not operations:
        raise InvalidSyntax("Operations must not be empty.")
    if len(operations) > most:
        raise PayloadTooLarge(f"A PATCH may have at most {most} operations.")
    return operations


def read_bulk(payload: Mapping[str, Json], leniency: Leniency) -> bulk.Request:
    """The operations of a BulkRequest (RFC 7644 section 3.7), at least one. Raises InvalidSyntax (R-BULK-04)."""
    members = _load(_BULK_REQUEST, payload, leniency)
    if not members["operations"]:
        raise InvalidSyntax("Operations must not be empty.")
    operations = [read_operation(raw) for raw in members["operations"]]
    return bulk.Request(operations, members.get("fail_on_errors"))


def read_search(payload: Mapping[str, Json], leniency: Leniency) -> Parameters:
    """The parameters of a SearchRequest (RFC 7644 section 3.4.3, RFC 9865 section 3).

    Raises InvalidSyntax, InvalidValue, InvalidCursor, InvalidCount.
    """
    parameters: Parameters = _load(_SEARCH_REQUEST, payload, leniency)
    return parameters


class _Integer(fields.Integer):
    """A JSON integer and nothing that looks like one."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class _Message(Schema):
    """A message: members in any case (R-HTTP-16), unknown ones ignored, null the same as absent."""

    name: ClassVar[str]
    error: ClassVar[type[InvalidSyntax | InvalidValue]] = InvalidSyntax
    """What a member of the wrong type is."""

    class Meta:
        unknown = EXCLUDE

    schemas = fields.List(fields.String())

    def __init__(self) -> None:
        super().__init__()
        keys = [field.data_key or name for name, field in self.fields.items()]
        self._canonical = {key.lower(): key for key in keys}

    def fault(self, found: ValidationError) -> ScimError:
        """What the client is told of members of the wrong type."""
        return self.error(f"{self.name}: {_sentence(found.messages)}")

    @pre_load
    def _fold(self, payload: Mapping[str, Json], **_: Any) -> dict[str, Json]:
        members: dict[str, Json] = {}
        for key, value in payload.items():
            name = self._canonical.get(key.lower(), key)
            if name in members:
                raise InvalidSyntax(f"The message has two members {name}.")
            if value is not None:
                members[name] = value
        return members


class _PatchOp(_Message):
    name = "PatchOp"
    # Each operation is read where its path is: ten thousand nested schemas would cost a second.
    operations = fields.List(fields.Raw(), data_key="Operations", required=True)


class _BulkRequest(_Message):
    name = "BulkRequest"
    fail_on_errors = _Integer(data_key="failOnErrors", validate=Range(min=1))
    # What is wrong with one of them is said where its result is; what is no object could have none.
    operations = fields.List(fields.Dict(), data_key="Operations", required=True)


class _SearchRequest(_Message):
    name = "SearchRequest"
    error = InvalidValue

    attributes = fields.List(fields.String())
    excluded_attributes = fields.List(fields.String(), data_key="excludedAttributes")
    filter = fields.String()
    sort_by = fields.String(data_key="sortBy")
    sort_order = fields.String(data_key="sortOrder")
    start_index = _Integer(data_key="startIndex")
    count = _Integer()
    cursor = fields.String()

    def fault(self, found: ValidationError) -> ScimError:
        """A cursor, and a count beside one, have errors of their own (RFC 9865 section 2.1)."""
        if "cursor" in found.messages_dict:
            return InvalidCursor()
        if "count" in found.messages_dict and "cursor" in (found.valid_data or ()):
            return InvalidCount()
        return super().fault(found)

    @post_load
    def _parameters(self, members: dict[str, Any], **_: Any) -> Parameters:
        members.pop("schemas", None)
        for name in ("attributes", "excluded_attributes"):
            members[name] = tuple(members.get(name, ()))
        return Parameters(**members)


_PATCH_OP: Final = _PatchOp()
_SEARCH_REQUEST: Final = _SearchRequest()
_BULK_REQUEST: Final = _BulkRequest()


def _load(schema: _Message, payload: Mapping[str, Json], leniency: Leniency) -> Any:
    _check_name(schema, payload, leniency)
    try:
        return schema.load(payload)
    except ValidationError as error:
        raise schema.fault(error) from None


def _check_name(schema: _Message, payload: Mapping[str, Json], leniency: Leniency) -> None:
    """A wrong message URN is an error; a missing one a tolerance (R-SCH-11)."""
    given = next((value for key, value in payload.items() if key.lower() == "schemas"), None)
    if not given:
        if not leniency.allows(Tolerance.MISSING_SCHEMAS):
            raise InvalidSyntax(f"schemas must hold {MESSAGES}{schema.name}.")
        return
    wanted = f"{MESSAGES}{schema.name}".lower()
    if not isinstance(given, list) or not any(isinstance(urn, str) and urn.lower() == wanted for urn in given):
        raise InvalidSyntax(f"schemas must hold {MESSAGES}{schema.name}.")


def _sentence(messages: Any) -> str:
    """The first complaint of marshmallow: `{"count": ["Not a valid integer."]}`."""
    name, found = next(iter(messages.items()))
    while not isinstance(found, str):
        found = next(iter(found.values() if isinstance(found, dict) else found))
    return f"{name}: {found}"
