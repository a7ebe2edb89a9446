"""The layout of a file to import: what each of its columns means, and what holds for rows that do not say it.

A mapping file (TOML) gives a customer's own headers their meaning:

    [columns]
    "Login" = "userName"
    "Remarks" = ""                    # is left out

    [constants]
    "userType" = "agent"              # for each row that has nothing there
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from scim_server.domain.schema import Json, ResourceType
from scim_server.profiles.decisions import TypeRules
from scim_server.sheets import cells
from scim_server.sheets.columns import Column, Kind, column, defaults, matching
from scim_server.sheets.faults import SheetError

COMMENT: Final = "#"
"""A header that begins with it is a remark: a file of refused rows has such columns."""


@dataclass(frozen=True, slots=True)
class Translation:
    """What a mapping file says: headers to paths, the empty one for what is left out, and paths to texts."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is wanted of an import besides the file. `match` is the header that says which resource a row is about;
    `role` goes where the profile keeps roles.
    """

    translation: Translation = field(default_factory=Translation)
    match: str | None = None
    constants: tuple[tuple[str, str], ...] = ()
    role: str | None = None

    def translated(self, translation: Translation) -> Wishes:
        """The same with what a mapping file says."""
        return replace(self, translation=translation)


@dataclass(frozen=True, slots=True)
class Cell:
    """A value that a row wants a resource to have; never empty."""

    column: Column
    text: str

    @property
    def value(self) -> Json:
        """As JSON; of a LIST its items. Raises InvalidValue."""
        if self.column.kind is not Kind.LIST:
            return cells.value_of(self.column.leaf, self.text)
        return [cells.value_of(self.column.leaf, item) for item in cells.items(self.text) if item]


@dataclass(frozen=True, slots=True)
class Constant:
    """A value for each row that has none in any column with one of the keys `unless`."""

    cell: Cell
    unless: frozenset[object]


@dataclass(frozen=True, slots=True)
class Layout:
    """`columns` are those to write, None where a column is not to be; `ignored` has the headers of those that the
    server alone writes. `place` is that of the column `match`.
    """

    resource_type: ResourceType
    header: tuple[str, ...]
    columns: tuple[Column | None, ...]
    ignored: tuple[str, ...]
    match: Column
    place: int
    constants: tuple[Constant, ...] = ()

    def key(self, texts: Sequence[str]) -> str:
        """What the row with these cells is known by."""
        return cells.unguarded(texts[self.place])

    def cells(self, texts: Sequence[str]) -> list[Cell]:
        """What the row with these cells wants; an empty cell wants nothing."""
        pairs = zip(self.columns, map(cells.unguarded, texts), strict=True)
        own = [Cell(column, text) for column, text in pairs if column is not None and text]
        given = {cell.column.key for cell in own}
        return own + [constant.cell for constant in self.constants if given.isdisjoint(constant.unless)]

    @property
    def written(self) -> tuple[Column, ...]:
        """All columns that some row may write."""
        own = (column for column in self.columns if column is not None)
        return (*own, *(constant.cell.column for constant in self.constants))


def layout(header: Sequence[str], resource_type: ResourceType, wishes: Wishes) -> Layout:
    """The layout of a file with that header. Raises SheetError, which names all headers that mean nothing."""
    bound = _bound(header, resource_type, wishes.translation)
    place, match = _match(bound, resource_type, wishes.match)
    columns = tuple(None if column is None or column.is_read_only else column for column in bound)
    for each in columns:
        _check_writable(each)
    ignored = tuple(c.header for c in bound if c is not None and c.is_read_only and c is not match)
    constants = tuple(_constants(resource_type, wishes))
    return Layout(resource_type, tuple(header), columns, ignored, match, place, constants)


def read_mapping(path: Path) -> Translation:
    """The mapping file. Raises SheetError, which names the file and the key."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SheetError(f"{path}: {error}") from None
    unknown = content.keys() - {"columns", "constants"}
    if unknown:
        raise SheetError(f"{path}: there is no table {min(unknown)!r}; [columns] and [constants] are expected.")
    columns = {name.strip(): text for name, text in _texts(path, "columns", content)}
    return Translation(columns, dict(_texts(path, "constants", content)))


def _texts(path: Path, table: str, content: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    entries = content.get(table, {})
    if not isinstance(entries, dict):
        raise SheetError(f"{path}: {table} is to be a table, [{table}].")
    for name, value in entries.items():
        if isinstance(value, str):
            yield name, value
        elif table == "constants" and isinstance(value, bool | int):
            yield name, cells.text_of(value)
        else:
            raise SheetError(f"{path}: {table}.{name!r}: a text in quotes is expected.")


def _bound(header: Sequence[str], resource_type: ResourceType, translation: Translation) -> list[Column | None]:
    """A column for each header; None for what is left out."""
    if "" in header:
        raise SheetError(f"Column {header.index('') + 1} has no header.")
    meant = [translation.columns.get(name, "" if name.startswith(COMMENT) else name) for name in header]
    bound = [column(text, resource_type) if text else None for text in meant]
    unknown = [name for name, text, found in zip(header, meant, bound, strict=True) if text and found is None]
    if unknown:
        raise unknown_headers(unknown, resource_type)
    seen: dict[object, str] = {}
    for name, found in zip(header, bound, strict=True):
        if found is not None and seen.setdefault(found.key, name) is not name:
            raise SheetError(f"The columns {seen[found.key]!r} and {name!r} mean the same.")
    return bound


def unknown_headers(names: Sequence[str], resource_type: ResourceType) -> SheetError:
    """The refusal of names that mean nothing, with those that do."""
    listed = ", ".join(map(repr, names))
    there = ", ".join(each.header for each in defaults(resource_type))
    return SheetError(
        f"These columns are no attributes of {resource_type.name}: {listed}. There are: {there}; and any other path "
        "as a filter has it. A mapping file can name them, or leave them out."
    )


def _match(bound: Sequence[Column | None], resource_type: ResourceType, text: str | None) -> tuple[int, Column]:
    name = text or matching(resource_type)
    if name is None:
        raise SheetError(f"No attribute of {resource_type.name} is unique; say with --match which one to match by.")
    wanted = column(name, resource_type)
    if wanted is None:
        raise unknown_headers([name], resource_type)
    if wanted.kind is Kind.LIST or wanted.is_secret:
        raise SheetError(f"{name}: what a row is matched by has one value, which can be read.")
    for place, found in enumerate(bound):
        if found is not None and found.key == wanted.key:
            return place, found
    raise SheetError(f"There is no column {name}, by which rows are matched; --match names another one.")


def _constants(resource_type: ResourceType, wishes: Wishes) -> Iterator[Constant]:
    for name, text in (*wishes.translation.constants.items(), *wishes.constants):
        found = _constant_column(name, resource_type)
        yield Constant(Cell(found, text), frozenset({found.key}))
    if wishes.role is not None:
        found, *others = (_constant_column(name, resource_type) for name in _role_headers(resource_type))
        yield Constant(Cell(found, wishes.role), frozenset({found.key, *(other.key for other in others)}))


def _role_headers(resource_type: ResourceType) -> Sequence[str]:
    """Where the profile keeps roles; the first is where one is given."""
    rules = resource_type.rules
    if isinstance(rules, TypeRules) and rules.roles is not None:
        return [target.text for target in rules.roles.held.targets]
    raise SheetError(f"The tenant's profile has no roles for {resource_type.name}; give an attribute with --set.")


def _constant_column(name: str, resource_type: ResourceType) -> Column:
    found = column(name, resource_type)
    if found is None:
        raise unknown_headers([name], resource_type)
    if found.is_read_only:
        raise SheetError(f"{name} is written by the server alone.")
    _check_writable(found)
    return found


def _check_writable(found: Column | None) -> None:
    if found is not None and found.is_listed_part:
        raise SheetError(
            f"{found.header} is a part of several values and cannot be imported; name the one that is meant, as in "
            'emails[type eq "work"].value.'
        )
