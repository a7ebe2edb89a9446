"""Dialects: which deviations from the RFC a client is allowed, and which of them a request used.

A dialect hangs on the credential. It is data for the core: a set of switches (`Tolerance`), the repairs that are
tried on a value that does not fit its attribute, and the rewrites of PATCH operations. The functions live in
`connectors`, each with its evidence. `strict` has none of them. One `Leniency` accompanies one request and counts
what it used, so that an operator can see what a connector really sends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from scim_server.domain.schema import Attribute, Json, ResourceType


class Tolerance(StrEnum):
    """A switch of the core; its value is the name under which its use is counted."""

    UNKNOWN_ATTRIBUTE = "unknown-attribute"
    """An attribute or extension that the schemas do not have is ignored [400 invalidSyntax]; an unknown PATCH path
    skipped [400 invalidPath].
    """
    MISSING_SCHEMAS = "missing-schemas"
    """`schemas` is missing, lacks the base URN or names unknown ones [400 invalidSyntax]."""
    VALUE_PATH_CREATES = "value-path-creates"
    """add and replace on a value path without a match create the element from the filter's eq terms [400 noTarget].
    """
    LAST_PRIMARY_WINS = "last-primary-wins"
    """Two primaries in one payload: the last one stays primary [400 invalidValue]."""
    EMPTY_STRING = "empty-string"
    """An empty string unassigns an optional singular attribute [it is a value]."""
    EMPTY_ELEMENT = "empty-element"
    """null, {} or an element without any known value in a list is dropped [400 invalidValue]."""
    READ_ONLY_IN_PATCH = "read-only-in-patch"
    """Read-only members of a path-less PATCH value are skipped, save an `id` that differs [400 mutability]."""
    PATH_AS_KEY = "path-as-key"
    """Keys of a path-less PATCH value may be any path: `name.givenName`, URN-qualified, with a filter [400
    invalidPath].
    """
    STRING_LITERAL = "string-literal"
    """`"True"` in a filter on a boolean, a quoted number on a number [400 invalidFilter]."""
    BARE_WORD = "bare-word"
    """An unquoted word in a filter is a string [400 invalidFilter] (ENTRA-04)."""
    COMPARED_VALUE_PATH = "compared-value-path"
    """`emails[type eq "work"].value eq "x"` in a filter, which RFC 7644 figure 1 does not have [400 invalidFilter]
    (ENTRA-05).
    """
    KEEP_IN_PUT = "keep-in-put"
    """A PUT keeps absent attributes that have a default or whose extension's binding says keep [they are cleared].
    """
    ANY_FORMAT = "any-format"
    """A value need not have the format that its binding names, say a country's code in `addresses.country` [400
    invalidValue] (C-26). It is not looked at, and so not counted.
    """
    UNKNOWN_MEMBER = "unknown-member"
    """An element kept as rows may name a resource that does not exist [400 invalidValue]. It is not looked for, and so
    not counted.
    """


class _Unfit:
    """The answer of a repair that has nothing to say about a value."""

    def __repr__(self) -> str:
        return "UNFIT"


UNFIT: Final = _Unfit()

Repair: TypeAlias = Callable[[Attribute, Json], Json]
"""(attribute, value that does not fit it) -> a value to try instead, or UNFIT. For a multi-valued attribute that
got no list the value is the whole; inside a list it is the element. Returning None unassigns.
"""

Rewrite: TypeAlias = Callable[[Json, ResourceType], Json]
"""(one operation of a PatchOp as JSON with the members op, path, value, resource type) -> the operation or
operations to run instead (a dict or a list of dicts), or the same object where the quirk is not there. Never
changes its argument. A removal may carry the member ELEMENTS: a list of the elements to remove and no others.
"""

ELEMENTS: Final = "\0elements"
"""A member that rewrites alone can write: no body with a NUL is read."""

BodyRewrite: TypeAlias = Callable[[Json, ResourceType], Json]
"""(body of a POST or PUT, resource type) -> the body to read instead, or the same object.

Never changes its argument.
"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`name` is what `token issue --dialect` takes; repairs and rewrites run in their order."""

    name: str
    tolerances: frozenset[Tolerance] = frozenset()
    repairs: tuple[Repair, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    body_rewrites: tuple[BodyRewrite, ...] = ()


@dataclass(slots=True)
class Leniency:
    """One request's dialect, and the count of each tolerance, repair and rewrite that it needed."""

    dialect: Dialect
    used: Counter[str] = field(default_factory=Counter)

    def allows(self, tolerance: Tolerance) -> bool:
        """Whether the dialect has it; a yes is counted as a use."""
        if tolerance not in self.dialect.tolerances:
            return False
        self.used[tolerance.value] += 1
        return True

    def repair(self, attribute: Attribute, value: Json) -> Json:
        """What the first repair that knows the misfit makes of it, or UNFIT."""
        for repair in self.dialect.repairs:
            mended = repair(attribute, value)
            if mended is not UNFIT:
                self.used[_name(repair)] += 1
                return mended
        return UNFIT

    def rewrite(self, operation: Json, resource_type: ResourceType) -> list[Json]:
        """The operations to run in place of one that a client sent."""
        operations = [operation]
        for rewrite in self.dialect.rewrites:
            operations = [new for old in operations for new in self._rewritten(rewrite, old, resource_type)]
        return operations

    def rewrite_body(self, body: Json, resource_type: ResourceType) -> Json:
        """The body to read in place of the one that a client sent."""
        for rewrite in self.dialect.body_rewrites:
            rewritten = rewrite(body, resource_type)
            if rewritten is not body:
                self.used[_name(rewrite)] += 1
                body = rewritten
        return body

    def _rewritten(self, rewrite: Rewrite, operation: Json, resource_type: ResourceType) -> list[Json]:
        result = rewrite(operation, resource_type)
        if result is operation:
            return [operation]
        self.used[_name(rewrite)] += 1
        return result if isinstance(result, list) else [result]


STRICT = Dialect("strict")
"""The RFC to the letter."""


def _name(function: Repair | Rewrite) -> str:
    return getattr(function, "__name__", "unnamed").replace("_", "-")
