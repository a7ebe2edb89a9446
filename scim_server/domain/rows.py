"""A change to an attribute that is kept as rows, without its rows.

A group may have 100,000 members, so no operation loads them. The operations of a PATCH, or the list of a PUT, are
folded in order into one `RowsChange`, which means, for the rows B that are there:

    after = (B without the removed) + additions        additions whose id is still in B leave B's element as it is
    replacements: like additions, but an element that is still in B takes the new content

That is what the operations do one after the other, with one exception: an addition outlives a later condition that does
not hold for it, though the row that B has under its id may satisfy the condition.

Ids (`value`) are comparison keys: text of 1 to 255 characters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scim_server.domain.filter import BoundFilter
from scim_server.domain.schema import Json

Element = Mapping[str, Json]
"""A canonical element: its sub-attributes as they were sent; `value` is always there."""


@dataclass(slots=True)
class RowsChange:
    """What happens to the rows of one attribute of one resource; see the module.

    Ids in `add` and `put` are disjoint.
    """

    clear: bool = False
    """Remove every row that is neither in `add` nor in `put`."""
    remove: set[str] = field(default_factory=set)
    """Ids to remove; disjoint from `add` and `put`."""
    remove_where: list[BoundFilter] = field(default_factory=list)
    """Conditions on an element; a row that satisfies one and is not in `put` goes, before the additions come."""
    add: dict[str, Element] = field(default_factory=dict)
    """Insert where there is no such row."""
    put: dict[str, Element] = field(default_factory=dict)
    """Insert, or give the row this content where it differs."""

    @property
    def is_empty(self) -> bool:
        return not (self.clear or self.remove or self.remove_where or self.add or self.put)

    def added(self, elements: Iterable[tuple[str, Element]]) -> None:
        """add: rows that are there stay as they are; one that an earlier operation removed comes back anew."""
        for id, element in elements:
            if id in self.add or id in self.put:
                continue
            gone = self.clear or id in self.remove
            self.remove.discard(id)
            (self.put if gone else self.add)[id] = element

    def removed(self, ids: Iterable[str]) -> None:
        """remove: these ids and no others."""
        for id in ids:
            self.add.pop(id, None)
            self.put.pop(id, None)
            if not self.clear:
                self.remove.add(id)

    def removed_where(self, condition: BoundFilter, chosen: Iterable[str]) -> None:
        """remove with a filter: the rows that satisfy it; `chosen` has the ids in `add` and `put` whose elements do."""
        for id in chosen:
            # A row that an addition found in its place is judged by the condition; one that was replaced is known.
            if self.add.pop(id, None) is None:
                self.removed([id])
        if not self.clear:
            self.remove_where.append(condition)

    def cleared(self) -> None:
        """remove without a filter: every row goes."""
        self.clear = True
        self.remove.clear()
        self.remove_where.clear()
        self.add.clear()
        self.put.clear()

    def replaced(self, elements: Iterable[tuple[str, Element]]) -> None:
        """replace, or PUT: the list is the new membership."""
        self.cleared()
        self.put.update(elements)
