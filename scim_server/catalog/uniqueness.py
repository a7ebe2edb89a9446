"""What is unique among some resources only: the `[[unique_within]]` of a profile, bound to attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from scim_server.catalog.binding import Problem, parse
from scim_server.catalog.faults import Fault, Place, one_of, shown
from scim_server.catalog.files import Document
from scim_server.domain.attrpath import BoundPath, bind
from scim_server.domain.publish import HAS_UNIQUENESS
from scim_server.domain.registry import relaxed
from scim_server.domain.schema import AttributeType, Json, Kept, ResourceType, Returned

Item: TypeAlias = Mapping[str, Json]

_COMPARED: Final = frozenset(AttributeType) - {AttributeType.COMPLEX}


class UniquenessBook:
    """`resource_types` are those that were given, with the scopes that are right; `faults` is what is not.

    An attribute that is unique within a scope is unique no more by itself, and found by an index.
    """

    def __init__(self, resource_types: Iterable[ResourceType], profiles: Sequence[Document]) -> None:
        self.faults: list[Fault] = []
        self._types = {t.name: t for t in resource_types}
        for profile in profiles:
            for index, item in enumerate(profile.content.get("unique_within", ())):
                self._take(item, profile.place.member("unique_within").element(index))
        self.resource_types = tuple(self._types.values())

    def _take(self, item: Item, place: Place) -> None:
        resource_type = self._types.get(item["resource_type"])
        if resource_type is None:
            problem = f"there is no resource type {shown(item['resource_type'])}"
            self.faults.append(place.member("resource_type").fault(problem, one_of(self._types)))
            return
        attribute = self._path(resource_type, item, "attribute", place, HAS_UNIQUENESS)
        within = self._path(resource_type, item, "within", place, _COMPARED)
        if attribute is None or within is None:
            return
        if attribute.key in resource_type.unique_within:
            problem = f"{attribute.key} is unique within {resource_type.unique_within[attribute.key].key} already"
            self.faults.append(place.member("attribute").fault(problem, "one such table for it"))
            return
        urn = attribute.extension or resource_type.schema.id
        found = relaxed(resource_type, {f"{urn}:{attribute.attribute.name}".lower()})
        self._types[resource_type.name] = replace(
            found,
            unique_within={**resource_type.unique_within, attribute.key: within},
            indexed=found.indexed | {attribute.key},
        )

    def _path(
        self, resource_type: ResourceType, item: Item, key: str, place: Place, kinds: Iterable[AttributeType]
    ) -> BoundPath | None:
        """The attribute that the item names, if one resource has one value of it that is compared."""
        text, at = item[key], place.member(key)
        path = bind(parse(text), resource_type)
        if path is None:
            problem = f"{resource_type.name} has no attribute {shown(text)}"
            self.faults.append(at.fault(problem, "an attribute of its schemas"))
        elif reason := next(filter(None, (check(path) for check in _CHECKS)), None):
            self.faults.append(at.fault(*reason))
        elif path.leaf.type not in kinds:
            expected = f"an attribute of type {' or '.join(sorted(kinds))}"
            self.faults.append(at.fault(f"{path.key} is of type {path.leaf.type}", expected))
        else:
            return path
        return None


def _not_single(path: BoundPath) -> Problem | None:
    if path.sub is None and not path.attribute.multi_valued:
        return None
    return f"{path.key} may have several values, or is part of another", "an attribute with one value"


def _not_in_document(path: BoundPath) -> Problem | None:
    if path.attribute.kept is Kept.DOCUMENT:
        return None
    return f"{path.key} is not in the document ({path.attribute.kept})", "an attribute kept in the document"


def _unseen(path: BoundPath) -> Problem | None:
    if path.attribute.returned is not Returned.NEVER:
        return None
    return f"{path.key} is never returned: a refusal would reveal it", "an attribute that is"


_CHECKS: Final[tuple[Callable[[BoundPath], Problem | None], ...]] = (_not_single, _not_in_document, _unseen)
