"""A row becomes what a request would say: the body of a POST, or the operations of a PATCH for what differs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from scim_server.domain import compare, patch
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Leniency
from scim_server.domain.operation import Operation, Verb
from scim_server.domain.schema import VALUE, Attribute, Json, ResourceType
from scim_server.errors import InvalidValue
from scim_server.sheets.cells import text_of
from scim_server.sheets.columns import Column, Kind
from scim_server.sheets.layout import Cell


def body(cells: Sequence[Cell], resource_type: ResourceType, leniency: Leniency) -> dict[str, Json]:
    """The body that creates a resource with these values. Raises a BadRequest."""
    made: dict[str, Json] = {}
    for cell in cells:
        if cell.column.kind is not Kind.ELEMENT:
            _put(made, cell)
    parts = [cell for cell in cells if cell.column.kind is Kind.ELEMENT]
    return _with_elements(made, parts, resource_type, leniency) if parts else made


def operations(cells: Sequence[Cell], resource: Mapping[str, Json]) -> list[dict[str, Json]]:
    """The operations, as JSON, that give the resource those of the values that it has not. What is returned never is
    given at creation alone: nobody can see whether it differs.

    Raises InvalidValue where a cell does not tell which of several elements it means.
    """
    return [o for cell in cells if not cell.column.is_secret for o in _differences(cell, resource)]


def _put(made: dict[str, Json], cell: Cell) -> None:
    bound = cell.column.bound
    holder = made.setdefault(bound.extension, {}) if bound.extension else made
    if cell.column.kind is Kind.LIST:
        holder[bound.attribute.name] = _elements(cell.column, cell.value)
    elif bound.sub is None:
        holder[bound.attribute.name] = cell.value
    else:
        holder.setdefault(bound.attribute.name, {})[bound.sub.name] = cell.value


def _with_elements(
    made: dict[str, Json], parts: Sequence[Cell], resource_type: ResourceType, leniency: Leniency
) -> dict[str, Json]:
    """The body with the elements that value paths make, as a PATCH of a resource without them would make them."""
    paths = [(cell, cell.column.brackets) for cell in parts]
    wanted = [Operation(Verb.REPLACE, path, cell.value) for cell, path in paths if path is not None]
    bounds = {(cell.column.bound.extension, cell.column.bound.attribute.name) for cell in parts}
    grown = patch.apply(resource_type, "", _only(made, bounds), wanted, leniency).attributes
    for extension, name in bounds:
        holder = made.setdefault(extension, {}) if extension else made
        holder[name] = (grown.get(extension, {}) if extension else grown).get(name, [])
    return made


def _only(made: Mapping[str, Json], bounds: set[tuple[str | None, str]]) -> dict[str, Json]:
    """What the body has in these attributes already."""
    kept: dict[str, Json] = {}
    for extension, name in bounds:
        source = made.get(extension, {}) if extension else made
        target = kept.setdefault(extension, {}) if extension else kept
        if name in source:
            target[name] = source[name]
    return kept


def _elements(column: Column, values: Sequence[Json]) -> list[Json]:
    return [*values] if column.bound.sub is None else [{VALUE: value} for value in values]


def _differences(cell: Cell, resource: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    column = cell.column
    if column.kind is Kind.LIST:
        yield from _list_differences(column, cell.value, column.values(resource))
        return
    held = column.values(resource)
    if held[:1] == [cell.value]:
        return
    if len(column.elements(resource)) > 1:
        raise InvalidValue(f"{column.header}: several elements are meant by it; change them one by one.")
    yield {"op": "replace", "path": column.path, "value": cell.value}


def _list_differences(column: Column, wanted: Sequence[Json], held: Sequence[Json]) -> Iterator[dict[str, Json]]:
    """What is listed and not there is added, what is there and not listed goes; the rest stays as it is."""
    leaf = column.leaf
    old, new = _keyed(leaf, held), _keyed(leaf, wanted)
    for key, value in old.items():
        if key not in new:
            yield {"op": "remove", "path": f"{column.path}[{VALUE} eq {_literal(value)}]"}
    added = [value for key, value in new.items() if key not in old]
    if added:
        yield {"op": "add", "path": column.path, "value": _elements(column, added)}


def _keyed(attribute: Attribute, values: Sequence[Json]) -> dict[object, Json]:
    keyed: dict[object, Json] = {}
    for value in values:
        try:
            keyed.setdefault(compare.key(attribute, value), value)
        except (TypeError, ValueError):
            keyed.setdefault(repr(value), value)
    return keyed


def _literal(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else text_of(value)


def named(columns: Sequence[Column]) -> tuple[AttrPath, ...]:
    """The attributes that the columns are about, each once: what to ask for to fill them."""
    return tuple(dict.fromkeys(column.root for column in columns))
