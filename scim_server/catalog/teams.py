"""The `[teams]` of a profile, bound to the attributes of the resource types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.domain.attrpath import AttrPath, BoundPath, bind
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.schema import AttributeType, Json, Kept, ResourceType, path_key
from scim_server.errors import BadRequest
from scim_server.filtering import parse_path
from scim_server.profiles.targets import Target
from scim_server.profiles.teams import Review, Teams

_PATH: Final = "the path of an attribute"


class TeamBook:
    """`teams` and `reviews` by the name of the resource type whose writes they are about; `faults` is what is not
    right.
    """

    def __init__(self, types: Mapping[str, ResourceType], profiles: Iterable[Document]) -> None:
        self.faults: list[Fault] = []
        self.teams: dict[str, Teams] = {}
        self.reviews: dict[str, Review] = {}
        self._types = types
        for profile in profiles:
            if "teams" in profile.content:
                self._take(profile.content["teams"], profile.place.member("teams"))

    def _take(self, item: Mapping[str, Json], place: Place) -> None:
        resource_type = self._types.get(item["resource_type"])
        if resource_type is None:
            problem = f"there is no resource type {shown(item['resource_type'])}"
            self._fault(place.member("resource_type"), problem, one_of(self._types))
        elif self.teams:
            self._fault(place, "there are [teams] already", "one such table in a profile and those that it extends")
        else:
            members = self._rows(item, "members", resource_type, place)
            self.teams[resource_type.name] = Teams(
                members=members or "",
                supervisors=self._rows(item, "supervisors", resource_type, place),
                one_each=item.get("one_each", False),
                moved=self._moved(item, place),
                parent=self._parent(item, resource_type, place),
                levels=self._levels(item, place),
            )

    def _rows(self, item: Mapping[str, Json], key: str, resource_type: ResourceType, place: Place) -> str | None:
        """The key of the attribute, if it is kept as rows."""
        path = self._path(item, key, resource_type, place)
        if path is None or path.leaf.kept is Kept.ROWS:
            return path_key(path.extension, path.attribute.name) if path else None
        self._fault(place.member(key), f"{path.key} is not kept as rows", "an attribute that is")
        return None

    def _parent(self, item: Mapping[str, Json], resource_type: ResourceType, place: Place) -> Target | None:
        path = self._path(item, "parent", resource_type, place)
        if path is None:
            return None
        at = place.member("parent")
        if path.sub or path.leaf.multi_valued or path.leaf.type is not AttributeType.STRING:
            self._fault(at, f"{path.key} holds no id", "a string with one value")
        elif not path.leaf.case_exact:
            self._fault(at, f"{path.key} is compared in any case", "an attribute that is caseExact, as ids are")
        elif path.key not in resource_type.indexed:
            self._fault(at, f"{path.key} is not indexed", "an attribute that a binding lists under indexed")
        else:
            return Target(item["parent"], path)
        return None

    def _levels(self, item: Mapping[str, Json], place: Place) -> int | None:
        levels: int | None = item.get("levels")
        if levels is not None and "parent" not in item:
            self._fault(place.member("levels"), "means nothing without a parent", "parent beside it")
        return levels

    def _moved(self, item: Mapping[str, Json], place: Place) -> str | None:
        """The path of the note about who moves. What ends it are attributes of the same resource type."""
        if "moved" not in item:
            if "reviewed_by" in item:
                self._fault(place.member("reviewed_by"), "means nothing without moved", "moved beside it")
            return None
        found = [(t, p) for t in self._types.values() if (p := self._bound(item["moved"], t)) is not None]
        if not found:
            self._fault(place.member("moved"), f"no resource type has {shown(item['moved'])}", "a noted attribute")
            return None
        resource_type, path = found[0]
        if path.leaf.kept is not Kept.DERIVED:
            self._fault(place.member("moved"), f"{path.key} is not derived", "an attribute that is noted")
        self._review(item, resource_type, path.key, place)
        return path.key

    def _review(self, item: Mapping[str, Json], resource_type: ResourceType, moved: str, place: Place) -> None:
        named = set()
        for index, text in enumerate(item.get("reviewed_by", ())):
            path = self._bound(text, resource_type)
            if path is None:
                at = place.member("reviewed_by").element(index)
                self._fault(at, f"{resource_type.name} has no attribute {shown(text)}", "an attribute of its schemas")
            else:
                named.add(path_key(path.extension, path.attribute.name))
        self.reviews[resource_type.name] = Review(moved, frozenset(named))

    def _path(self, item: Mapping[str, Json], key: str, resource_type: ResourceType, place: Place) -> BoundPath | None:
        if key not in item:
            return None
        path = self._bound(item[key], resource_type)
        if path is None:
            self._fault(place.member(key), f"{resource_type.name} has no attribute {shown(item[key])}", _PATH)
        return path

    def _bound(self, text: str, resource_type: ResourceType) -> BoundPath | None:
        try:
            parsed = parse_path(text, Leniency(STRICT))
        except BadRequest:
            return None
        return bind(parsed, resource_type) if isinstance(parsed, AttrPath) else None

    def _fault(self, place: Place, problem: str, expected: str) -> None:
        self.faults.append(place.fault(problem, expected))
