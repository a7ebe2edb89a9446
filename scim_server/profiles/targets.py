"""The attribute that a rule is about, and its values in a resource.

name, URN:name                    the value, or the elements
name.sub                          the sub-attribute, of each element where there are several
name[type eq "work"].sub          the sub-attribute of the elements that match; without .sub the elements
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scim_server.domain import compare
from scim_server.domain.attrpath import BoundPath
from scim_server.domain.compare import Key
from scim_server.domain.elements import as_list, primaries
from scim_server.domain.filter import BoundFilter
from scim_server.domain.match import element_matches
from scim_server.domain.resource import Attributes, copy
from scim_server.domain.rules import Write
from scim_server.domain.schema import PRIMARY, Attribute, Json, path_key


@dataclass(frozen=True, slots=True)
class Target:
    """A bound path; `condition` is the filter in its brackets. `text` is the path as a person writes it."""

    text: str
    path: BoundPath
    condition: BoundFilter | None = None

    @property
    def leaf(self) -> Attribute:
        return self.path.leaf

    @property
    def name(self) -> str:
        """The key under which a body names the attribute."""
        return path_key(self.path.extension, self.path.attribute.name)

    def values(self, attributes: Mapping[str, Json]) -> list[Json]:
        """The values that are there; an empty string is none."""
        held = self._held(attributes)
        if held is None:
            return []
        found = (value for element in as_list(held) for value in self._of_element(element))
        return [value for value in found if value is not None and value != ""]

    def keys(self, attributes: Mapping[str, Json]) -> list[Json]:
        """The values as they compare: those that mean the same are equal. Complex ones are as they are."""
        values = self.values(attributes)
        return values if not values or self.leaf.is_complex else [compare.key(self.leaf, value) for value in values]

    def is_as_before(self, write: Write) -> bool:
        """Whether the write leaves the whole attribute as it was."""
        return bool(self._held(write.before) == self._held(write.after))

    def elements(self, attributes: Mapping[str, Json]) -> list[tuple[Key, Json]]:
        """(a value as it compares, the element that has it), of an attribute that has several."""
        if not self.path.attribute.multi_valued:
            return []
        single = [(element, self._of_element(element)) for element in as_list(self._held(attributes))]
        return [
            (compare.key(self.leaf, v), element) for element, values in single for v in values if v not in (None, "")
        ]

    def add(self, elements: Sequence[Json], after: Attributes) -> None:
        """Append elements that were there before; where another one is primary by now, none of them is."""
        if not elements:
            return
        held = as_list(self._held(after))
        added = [{**e, PRIMARY: False} if primaries(held) and primaries([e]) else e for e in copy([*elements])]
        self._put(after, [*held, *added])

    def put(self, value: Json, after: Attributes) -> None:
        """Make this the only value. The path has no brackets."""
        inner = {self.path.sub.name: value} if self.path.sub else value
        self._put(after, [inner] if self.path.attribute.multi_valued else inner)

    def restore(self, before: Mapping[str, Json], after: Attributes) -> bool:
        """Make the attribute in `after` what it was before; whether that changed anything.

        Elements have no places of their own, so an attribute with several becomes what it was as a whole.
        """
        sub = self.path.sub
        if sub is None or self.path.attribute.multi_valued:
            return self._restore_whole(before, after)
        held = self._held(before)
        old = held.get(sub.name) if isinstance(held, dict) else None
        new = dict(self._held(after) or {})
        if new.get(sub.name) == old:
            return False
        _set(new, sub.name, old)
        self._put(after, new or None)
        return True

    def _of_element(self, element: Json) -> Iterable[Json]:
        sub = self.path.sub
        if self.condition is not None and not element_matches(self.condition, element, self.path.attribute):
            return ()
        return as_list(element.get(sub.name)) if sub else (element,)

    def _restore_whole(self, before: Mapping[str, Json], after: Attributes) -> bool:
        old = self._held(before)
        if self._held(after) == old:
            return False
        self._put(after, old)
        return True

    def _held(self, attributes: Mapping[str, Json]) -> Json:
        urn = self.path.extension
        container = attributes.get(urn) if urn else attributes
        return container.get(self.path.attribute.name) if container else None

    def _put(self, attributes: Attributes, value: Json) -> None:
        urn = self.path.extension
        container = dict(attributes.get(urn, {})) if urn else attributes
        _set(container, self.path.attribute.name, copy(value))
        if urn:
            _set(attributes, urn, container or None)


def _set(container: Attributes, name: str, value: Json) -> None:
    """Nothing unassigned is kept."""
    if value is None:
        container.pop(name, None)
    else:
        container[name] = value
