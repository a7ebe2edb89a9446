"""Rewrites of one PATCH operation: (operation, resource type) -> the operation to run instead, or the same object.

They run on each operation of every PATCH, so each first looks for its quirk in the cheapest way. They run in the
order of the table in `dialects`: names and verbs first, since the others read those. What is not an operation at all
passes through; the core refuses it.
"""

from __future__ import annotations

from typing import Final

from scim_server.connectors.paths import has_filter, target
from scim_server.domain.dialect import ELEMENTS
from scim_server.domain.operation import Verb
from scim_server.domain.schema import Json, ResourceType
from scim_server.errors import InvalidSyntax

_OP, _PATH, _VALUE = "op", "path", "value"
_MEMBERS: Final = frozenset({_OP, _PATH, _VALUE})
_VERBS: Final = frozenset(verb.value for verb in Verb)


def lower_member_names(operation: Json, resource_type: ResourceType) -> Json:
    """`Op`, `Path` and `Value` in any case are op, path and value; two spellings of one are an InvalidSyntax.

    ENTRA-20 and R-PATCH-04: the guidelines of its tutorial ask servers for no case-sensitive match on structural
    elements (quoted in scim-patch#6 and scim-for-keycloak#5). Names are case-insensitive anyway (RFC 7643 section 2.1,
    R-HTTP-16), and a removal whose `Value` was overlooked would empty the group: so for every connector.
    """
    if not isinstance(operation, dict) or _MEMBERS.issuperset(operation):
        return operation
    lowered = {_lowered(name): member for name, member in operation.items()}
    if len(lowered) < len(operation):
        raise InvalidSyntax("An operation has a member twice, in different case.")
    return operation if lowered.keys() == operation.keys() else lowered


def lower_verb(operation: Json, resource_type: ResourceType) -> Json:
    """`Add`, `Replace` and `Remove` in any case are the verbs.

    ENTRA-20 and R-PATCH-04: the connector capitalises them unless its tenant URL has a flag. scim-patch#6,
    scim-for-keycloak#5, go-scim#54, ssoready#159, langwatch#6972.
    """
    if not isinstance(operation, dict):
        return operation
    verb = operation.get(_OP)
    if not isinstance(verb, str) or verb in _VERBS or verb.lower() not in _VERBS:
        return operation
    return {**operation, _OP: verb.lower()}


def remove_listed(operation: Json, resource_type: ResourceType) -> Json:
    """A removal from a multi-valued attribute that carries a value takes away what the value lists, and nothing else.

    The RFC's reading would empty the group. ENTRA-55 in its default form, JC-03; R-PATCH-38, R-PATCH-40: an empty
    list removes nothing. directory-scimple#436, SCIM-SDK#149 and #167, SimpleIdServer#164 and #244, ssoready#182,
    scimitar#43, azure-docs#30826.
    """
    path = _path_of_removal_with_value(operation)
    if path is None or operation[_VALUE] is None:
        return operation
    named = target(path, resource_type)
    if named is None or named.sub is not None or not named.attribute.multi_valued:
        return operation
    value = operation[_VALUE]
    return {**_without_value(operation), ELEMENTS: value if isinstance(value, list) else [value]}


def ignore_removed_value(operation: Json, resource_type: ResourceType) -> Json:
    """A removal by value path, or of a singular attribute, takes no notice of a value; null is no value anywhere.

    ENTRA-33: `remove emails[type eq "work"].value` comes with the old address, which one server then wrote
    (SCIMReferenceCode#87). R-PATCH-40 for null. Where the value could list what goes, `remove_listed` has read it;
    what is still unclear the core refuses.
    """
    path = _path_of_removal_with_value(operation)
    if path is None:
        return operation
    if operation[_VALUE] is None or _names_one_value(path, resource_type):
        return _without_value(operation)
    return operation


def _lowered(name: str) -> str:
    lowered = name.lower()
    return lowered if lowered in _MEMBERS else name


def _path_of_removal_with_value(operation: Json) -> str | None:
    if not isinstance(operation, dict) or _VALUE not in operation or operation.get(_OP) != Verb.REMOVE:
        return None
    path = operation.get(_PATH)
    return path if isinstance(path, str) else None


def _names_one_value(path: str, resource_type: ResourceType) -> bool:
    if has_filter(path):
        return True
    named = target(path, resource_type)
    return named is not None and not named.attribute.multi_valued and not named.leaf.multi_valued


def _without_value(operation: dict[str, Json]) -> dict[str, Json]:
    return {name: member for name, member in operation.items() if name != _VALUE}
