"""Rows to resources: each row creates the resource that it is about, changes what differs, or changes nothing.

A few rows at a time are one transaction, in which each of them fails alone; what they are matched with is looked up
before it. So a file may be as long as it likes, and whoever ends an import in the middle runs it again: what is done
is found to be so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol

from scim_server.domain import compare
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.bulk import Operation
from scim_server.domain.filter import And, Comparison, Elements, Filter, Operator, Or
from scim_server.domain.project import Projection
from scim_server.domain.schema import ID, META, REF, VALUE, Attribute, Kept, ResourceType
from scim_server.errors import ScimError
from scim_server.filtering import parse_attribute
from scim_server.service.bulk import Result as Written
from scim_server.service.context import Effect
from scim_server.service.execution import Success
from scim_server.sheets import rows
from scim_server.sheets.cells import value_of
from scim_server.sheets.columns import Column
from scim_server.sheets.directory import Directory, Done, Resource, change, creation
from scim_server.sheets.earlier import Earlier
from scim_server.sheets.faults import SheetError
from scim_server.sheets.files import Row, Sheet, ragged
from scim_server.sheets.layout import Cell, Layout, Wishes, layout

_BATCH: Final = 100
"""Rows that are one transaction: on SQLite others wait for it, for a tenth of a second or so."""


class Outcome(StrEnum):
    """What a row came to."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a row. `key` is what it was matched by, `reason` why it was refused; `earlier` is the line, if
    there is one, that stands above and has the same key. `changed` has the paths of what differed.
    """

    row: Row
    key: str
    outcome: Outcome
    id: str | None = None
    reason: str = ""
    changed: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()
    earlier: int | None = None


class Watcher(Protocol):
    """Whoever follows an import."""

    def begin(self) -> None:
        """The first row is next: all that was told before is undone and counts no more."""

    def tell(self, result: Result) -> None:
        """A row is done with."""

    @property
    def has_enough(self) -> bool:
        """Whether to end here. It is asked between transactions."""


@dataclass(frozen=True, slots=True)
class Team:
    """What the resources of accepted rows become elements of."""

    resource_type: ResourceType
    attribute: Attribute
    id: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """A row and the write that it needs, if any; `before` is the resource that it is about, where that is there."""

    result: Result
    write: Operation | None = None
    before: Resource | None = None


class Import:
    """One import of one file."""

    def __init__(self, directory: Directory, layout: Layout, sheet: Sheet, team: Team | None) -> None:
        self._directory = directory
        self._layout = layout
        self._sheet = sheet
        self._team = team
        roots = (*rows.named(layout.written), *rows.named([layout.match]))
        self._shown = Projection.of((AttrPath(ID), AttrPath(META, "version"), *roots), ())

    @classmethod
    def of(
        cls, directory: Directory, resource_type: ResourceType, sheet: Sheet, wishes: Wishes, team: str | None
    ) -> Import:
        """The import of a file as it is wanted. Raises SheetError."""
        found = None if team is None else team_named(directory, resource_type, team)
        return cls(directory, layout(sheet.header(), resource_type, wishes), sheet, found)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The headers of columns that the server alone writes."""
        return self._layout.ignored

    def run(self, watcher: Watcher) -> None:
        """Import all rows. Raises SheetError where the file cannot be read any further, Unavailable."""
        watcher.begin()
        with closing(Earlier()) as earlier:
            for batch in self._batches(earlier):
                for result in self._carried_out(batch):
                    watcher.tell(result)
                if watcher.has_enough:
                    return

    def _batches(self, earlier: Earlier) -> Iterator[list[Result]]:
        """The rows, as nothing has become of them yet. No two of a batch are about the same resource: the later one
        has to find what the earlier one made.
        """
        batch: dict[str, Result] = {}
        for row in self._sheet.rows():
            identity, result = self._read(row, earlier)
            if len(batch) == _BATCH or identity in batch:
                yield [*batch.values()]
                batch = {}
            batch[identity] = result
        yield [*batch.values()]

    def _read(self, row: Row, earlier: Earlier) -> tuple[str, Result]:
        """The row, and what is the same for rows that are about the same resource."""
        fault = ragged(row, self._layout.header)
        key = "" if fault else self._layout.key(row.cells)
        if key:
            identity = self._identity(key)
            return identity, Result(row, key, Outcome.UNCHANGED, earlier=earlier.line_of(identity, row.line))
        reason = fault or f"{self._layout.header[self._layout.place]} is empty."
        # No key begins with NUL.
        return f"\0{row.line}", Result(row, key, Outcome.REFUSED, reason=reason)

    def _identity(self, key: str) -> str:
        """The same for keys that find the same resource."""
        leaf = self._layout.match.leaf
        try:
            return str(compare.key(leaf, value_of(leaf, key)))
        except (TypeError, ValueError):
            return key

    def _carried_out(self, batch: Sequence[Result]) -> Sequence[Result]:
        plans = [self._plan(result) for result in batch]
        writes = [plan.write for plan in plans if plan.write is not None]
        done = self._directory.write(writes) if writes else Done((), ())
        written = iter(done.results)
        results = [plan.result if plan.write is None else _written(plan, next(written), done.effects) for plan in plans]
        return results if self._team is None else self._joined(self._team, results)

    def _plan(self, result: Result) -> _Plan:
        """What the row needs, found out without writing."""
        if result.outcome is Outcome.REFUSED:
            return _Plan(result)
        try:
            return self._needed(result)
        except ScimError as error:
            if error.status >= 500:
                raise
            return _Plan(_refused(result, error.detail))

    def _needed(self, result: Result) -> _Plan:
        """Raises a BadRequest for a row that cannot be what a request would say."""
        resource_type = self._layout.resource_type
        cells = self._layout.cells(result.row.cells)
        found = self._directory.find(resource_type, _condition(self._layout.match, result.key), self._shown)
        if len(found) > 1:
            return _Plan(_refused(result, f"Several have this {self._layout.match.header}."))
        if found:
            return _change(result, resource_type, cells, found[0])
        if self._layout.match.is_read_only:
            return _Plan(_refused(result, f"There is no {resource_type.name} with this {self._layout.match.header}."))
        body = rows.body(cells, resource_type, self._directory.leniency)
        return _Plan(replace(result, outcome=Outcome.CREATED), creation(resource_type, body))

    def _joined(self, team: Team, results: Sequence[Result]) -> list[Result]:
        """Make those that are stored members, at once; where that is refused, one by one, to find out who cannot."""
        ids = [result.id for result in results if result.id is not None and result.outcome is not Outcome.REFUSED]
        if not ids:
            return [*results]
        together = self._directory.write([_addition(team, ids)])
        if isinstance(together.results[0].outcome, Success):
            return [replace(result, effects=(*result.effects, *_of(together.effects, result.id))) for result in results]
        return [self._joined_alone(team, result) if result.id in ids else result for result in results]

    def _joined_alone(self, team: Team, result: Result) -> Result:
        done = self._directory.write([_addition(team, [result.id or ""])])
        outcome = done.results[0].outcome
        if isinstance(outcome, Success):
            return replace(result, effects=(*result.effects, *done.effects))
        return _refused(result, f"It is {result.outcome}, but no member of the team: {outcome.detail}")


def team_named(directory: Directory, resource_type: ResourceType, name: str) -> Team:
    """The team of that id or label, whose elements resources of the type can be. Raises SheetError."""
    for owner in directory.registry.resource_types:
        for attribute in owner.schema.attributes:
            if attribute.kept is Kept.ROWS and _refers_to(attribute, resource_type):
                return Team(owner, attribute, _id_of(directory, owner, name))
    raise SheetError(f"Nothing has {resource_type.name} resources as members.")


def _id_of(directory: Directory, owner: ResourceType, name: str) -> str:
    paths = [AttrPath(ID), *([parse_attribute(owner.label)] if owner.label else [])]
    condition = Or(tuple(Comparison(path, Operator.EQ, name) for path in paths))
    found = directory.find(owner, condition, Projection.of((AttrPath(ID),), ()))
    if len(found) != 1:
        more = "are several; name one by its id" if found else "is none"
        raise SheetError(f"{owner.name} {name!r}: there {more}.")
    id: str = found[0][ID]
    return id


def _refers_to(attribute: Attribute, resource_type: ResourceType) -> bool:
    reference = attribute.sub(REF)
    return reference is not None and resource_type.name in reference.reference_types


def _addition(team: Team, ids: Sequence[str]) -> Operation:
    elements = [{VALUE: id} for id in ids]
    return change(team.resource_type, team.id, [{"op": "add", "path": team.attribute.name, "value": elements}])


def _condition(match: Column, key: str) -> Filter:
    """The filter that finds the resource of a row."""
    value = value_of(match.leaf, key)
    bound = match.bound
    if match.brackets is None:
        sub = bound.sub.name if bound.sub else None
        return Comparison(AttrPath(bound.attribute.name, sub, bound.extension), Operator.EQ, value)
    inside = And((match.brackets.condition, Comparison(AttrPath(match.leaf.name), Operator.EQ, value)))
    return Elements(match.root, inside)


def _change(result: Result, resource_type: ResourceType, cells: Sequence[Cell], resource: Resource) -> _Plan:
    """The change that a row makes of the resource, or none."""
    id = resource[ID]
    steps = rows.operations(cells, resource)
    if not steps:
        return _Plan(replace(result, id=id))
    changed = tuple(step["path"] for step in steps)
    planned = replace(result, outcome=Outcome.CHANGED, id=id, changed=changed)
    return _Plan(planned, change(resource_type, id, steps), resource)


def _written(plan: _Plan, written: Written, effects: Sequence[Effect]) -> Result:
    """What a row came to whose write has been carried out."""
    outcome = written.outcome
    if isinstance(outcome, ScimError):
        return _refused(plan.result, outcome.detail)
    if plan.before is None:
        id = (written.location or "").rpartition("/")[2]
        return replace(plan.result, id=id, effects=_of(effects, id))
    if outcome.version == plan.before[META]["version"]:
        return replace(plan.result, outcome=Outcome.UNCHANGED, changed=())
    return replace(plan.result, effects=_of(effects, plan.result.id))


def _of(effects: Sequence[Effect], id: str | None) -> tuple[Effect, ...]:
    return tuple(effect for effect in effects if effect.resource == id)


def _refused(result: Result, reason: str) -> Result:
    return replace(result, outcome=Outcome.REFUSED, reason=reason, changed=())
