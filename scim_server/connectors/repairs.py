"""Repairs of single values: (attribute, a value of the wrong JSON type for it) -> a value to try instead.

None unassigns, UNFIT says that this is not the quirk. The core asks only after a value failed to fit, so nothing here
runs on a clean request. Where a multi-valued attribute got no list the value is the whole, else it is one element.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from scim_server.domain.dialect import UNFIT
from scim_server.domain.schema import PRIMARY, VALUE, Attribute, AttributeType, Json

_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}

# As JSON writes them, without an exponent: "007" and "+5" are text that somebody wants kept. Longer ones fit no
# attribute.
_NUMBERS: Final[Mapping[AttributeType, re.Pattern[str]]] = {
    AttributeType.INTEGER: re.compile(r"-?(?:0|[1-9][0-9]{0,18})"),
    AttributeType.DECIMAL: re.compile(r"-?(?:0|[1-9][0-9]{0,49})(?:\.[0-9]{1,50})?"),
}


def unassign_empty_text(attribute: Attribute, value: Json) -> Json:
    """`""` where no text can stand, say for `manager` or a number, leaves the attribute unassigned.

    ENTRA-30: the gallery's manager test removes with replace and `""`. ENTRA-34: its null update test does so with
    any optional attribute. An empty string where text can stand is the tolerance `empty-string`.
    """
    return None if value == "" else UNFIT


def read_boolean_text(attribute: Attribute, value: Json) -> Json:
    """`"True"` and `"False"` in any case are booleans.

    ENTRA-13 and ENTRA-21: without a flag in its tenant URL the connector sends `active` so, and documents it as not
    fixed; R-TYPE-03. SCIMReferenceCode#21, bytebase#19073, scim-for-keycloak#87 and #119, SCIM-SDK#664, scimmy#51 and
    #86, rancher#52996.
    """
    if attribute.type is not AttributeType.BOOLEAN or not isinstance(value, str):
        return UNFIT
    return _BOOLEANS.get(value.lower(), UNFIT)


def drop_unreadable_primary(attribute: Attribute, value: Json) -> Json:
    """Text in `primary` that is no boolean leaves it unassigned.

    ENTRA-42: the validator writes even a telephone number into `.primary` and wants success (sourcegraph#49119,
    scim-for-keycloak#87). Any other boolean refuses such text: nobody must stay active by a misread word.
    """
    if attribute.type is not AttributeType.BOOLEAN or attribute.name != PRIMARY:
        return UNFIT
    return None if isinstance(value, str) else UNFIT


def read_number_text(attribute: Attribute, value: Json) -> Json:
    """`"12"` is an integer and `"1.5"` a decimal where the attribute is one.

    ENTRA-96: the gallery test PATCHes every integer attribute and reads it back; elimity-com/scim#165: the connector
    writes numbers as strings. The JSON number 1.0 is still no integer (R-TYPE-04).
    """
    grammar = _NUMBERS.get(attribute.type)
    if grammar is None or not isinstance(value, str) or not grammar.fullmatch(value):
        return UNFIT
    return json.loads(value, parse_float=Decimal)


def wrap_value(attribute: Attribute, value: Json) -> Json:
    """A plain string for a complex attribute is its `value`, in lists too.

    ENTRA-11 and ENTRA-28: `manager` as `"u-1002"` in bodies and operations, read back as `manager.value`; R-ENT-04.
    SCIM-SDK#541 and #686, go-scim#75, scimitar#48.
    """
    if not isinstance(value, str) or not value or attribute.sub(VALUE) is None:
        return UNFIT
    return {VALUE: value}


def unwrap_list(attribute: Attribute, value: Json) -> Json:
    """A list of one for a singular attribute is that one value.

    ENTRA-29: the tutorial adds `manager` as `[{"$ref": ..., "value": ...}]`. Longer lists stay refused: which one is
    meant?
    """
    if attribute.multi_valued or not isinstance(value, list) or len(value) != 1:
        return UNFIT
    return UNFIT if isinstance(value[0], list) else value[0]
