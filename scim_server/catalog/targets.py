"""The attribute that a rule names, as a target: what is no path, or is none of the attributes, is a fault."""

from __future__ import annotations

from scim_server.catalog.faults import Fault, Place, shown
from scim_server.domain.attrpath import AttrPath, BoundPath, bind
from scim_server.domain.binding import bind_condition
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.filter import BoundFilter, PatchPath, ValuePath
from scim_server.domain.schema import Kept, ResourceType
from scim_server.errors import BadRequest
from scim_server.filtering import parse_path
from scim_server.profiles.targets import Target

_PATHS = 'a path such as name.givenName or emails[type eq "work"].value'


class Targets:
    """Binds what rules name; what is wrong is added to `faults`."""

    def __init__(self, faults: list[Fault]) -> None:
        self._faults = faults

    def writable(self, text: str, resource_type: ResourceType, at: Place) -> Target | None:
        """The attribute, if clients can write it and the document keeps it."""
        target = self.known(text, resource_type, at)
        unwritable = _unwritable(target.path) if target else None
        if unwritable:
            self._faults.append(at.fault(unwritable, "an attribute that clients can write and that the document keeps"))
            return None
        return target

    def named(self, text: str, resource_type: ResourceType, at: Place) -> Target | None:
        """The attribute, if clients can write it, whether it is kept or not."""
        target = self.known(text, resource_type, at)
        if target and (target.path.attribute.is_read_only or target.path.attribute.kept is Kept.ROWS):
            problem = f"{target.path.key} is {target.path.attribute.mutability}"
            problem = problem if target.path.attribute.is_read_only else f"{target.path.key} is kept as rows"
            self._faults.append(at.fault(problem, "an attribute that clients can write"))
            return None
        return target

    def known(self, text: str, resource_type: ResourceType, at: Place) -> Target | None:
        """The attribute, if there is such a one."""
        try:
            target = bound(text, resource_type)
        except BadRequest as error:
            self._faults.append(at.fault(f"{shown(text)} is no path ({error.detail})", _PATHS))
            return None
        if target is None:
            problem = f"{resource_type.name} has no attribute {shown(text)}"
            self._faults.append(at.fault(problem, "an attribute of its schemas"))
        return target


def bound(text: str, resource_type: ResourceType) -> Target | None:
    """The target that a text names, or None where there is none. Raises a BadRequest for what is no path."""
    parsed: PatchPath = parse_path(text, Leniency(STRICT))
    if not isinstance(parsed, ValuePath):
        path = bind(parsed, resource_type)
        return Target(text, path) if path else None
    path = bind(AttrPath(parsed.path.name, parsed.sub, parsed.path.urn), resource_type)
    if path is None:
        return None
    condition: BoundFilter = bind_condition(parsed.condition, path.attribute, Leniency(STRICT))
    return Target(text, path, condition)


def _unwritable(path: BoundPath) -> str | None:
    for attribute in (path.attribute, path.leaf):
        if attribute.is_read_only:
            return f"{path.key} is {attribute.mutability}"
    if path.attribute.kept is not Kept.DOCUMENT:
        return f"{path.key} is not in the document ({path.attribute.kept})"
    return None
