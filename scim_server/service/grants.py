"""Which roles a credential may give, as a profile's rules compare them."""

from __future__ import annotations

from collections.abc import Iterable

from scim_server.domain import compare
from scim_server.domain.registry import Registry
from scim_server.errors import InvalidValue, Unsupported
from scim_server.profiles.decisions import TypeRules
from scim_server.profiles.roles import Roles
from scim_server.profiles.rules import Constraint, Rule


def role_keys(registry: Registry, roles: Iterable[str]) -> frozenset[str]:
    """The roles as they compare. Raises Unsupported where the profile has none, InvalidValue for one that it does not
    accept.
    """
    for resource_type in registry.resource_types:
        rules = resource_type.rules
        if isinstance(rules, TypeRules) and rules.roles is not None:
            return frozenset(_key(rules.roles, rules.rules, role) for role in roles)
    raise Unsupported("The tenant's profile has no roles that a credential could be limited to.")


def _key(roles: Roles, rules: Iterable[Rule], role: str) -> str:
    paths = {target.path.key for target in roles.held.targets}
    for rule in rules:
        for test in rule.tests if isinstance(rule, Constraint) and rule.target.path.key in paths else ():
            if not test.fits(role):
                raise InvalidValue(f"{role!r} is no role of the tenant's profile: expected {test.expected}.")
    return str(compare.key(roles.held.targets[0].leaf, role))
