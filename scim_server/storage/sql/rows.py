"""Attributes kept as rows: a change of any size in at most three statements, without reading a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, TypeAlias

import orjson
from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, and_, bindparam, cast, delete, func, or_, select

from scim_server.domain import compare
from scim_server.domain.filter import BoundFilter
from scim_server.domain.rows import Element, RowsChange
from scim_server.domain.schema import Attribute, Json, ResourceType
from scim_server.storage.sql.derived import kind_of
from scim_server.storage.sql.spelling import Spelling, json_list
from scim_server.storage.sql.tables import json_form, membership_state, relations

Condition: TypeAlias = ColumnElement[bool]

OWNED = and_(
    relations.c.tenant_id == bindparam("tenant"),
    relations.c.kind == bindparam("kind"),
    relations.c.owner == bindparam("owner"),
)
"""The rows of one attribute of one resource."""


def whose_rows(tenant: int, resource_type: ResourceType, id: str, attribute: Attribute) -> dict[str, Any]:
    """Whose rows `OWNED` means, as its parameters."""
    return {"tenant": tenant, "kind": kind_of(resource_type.name, attribute.key), "owner": id}


@dataclass(frozen=True, slots=True)
class Steps:
    """A change as parameters of the statements: JSON texts of ids to delete and of rows to put; None for none.

    `first` is the place of the first row from where rows come now.
    """

    remove: str | None
    put: str | None
    first: int = 0


_ORDINALS = 2**20
"""Positions are the membership version times this, plus the place in the change: later changes come later."""

_FEW = 100
"""As many removals as cost next to nothing by the primary key; more of them go through all rows of the attribute."""


class RowsWriter:
    """Changes rows. `condition` makes SQL over `relations` of a filter whose leaves are ElementTests."""

    def __init__(self, spelling: Spelling, condition: Callable[[BoundFilter], Condition]) -> None:
        self._spelling = spelling
        self._condition = condition
        self._add = self._insert().on_conflict_do_nothing()
        self._put = self._upsert()
        removed = select(spelling.texts("remove").value)
        self._few = spelling.named_by(relations.c.target, removed)
        self._many = spelling.named_by_many(relations.c.target, removed)
        self._unlisted = relations.c.target.not_in(select(spelling.texts("keep").value))
        self._remove_few = delete(relations).where(OWNED, self._few)
        self._remove_many = delete(relations).where(OWNED, self._many)
        self._clear = delete(relations).where(OWNED, self._unlisted)

    def apply(self, connection: Connection, whose: Mapping[str, Any], attribute: Attribute, change: RowsChange) -> bool:
        """Apply a change to the rows of `whose`, which has tenant, kind and owner; whether a row came, went or changed.

        What comes, comes behind what is there.
        """
        changed = self._delete(connection, whose, change)
        for statement, elements, first in ((self._add, change.add, 0), (self._put, change.put, len(change.add))):
            if elements:
                parameters = {**whose, "rows": _listed(attribute, elements), "first": first}
                changed += connection.execute(statement, parameters).rowcount
        return changed > 0

    def run(self, connection: Connection, whose: Mapping[str, Any], steps: Steps) -> bool:
        """As `apply`, for a change of which is known already what it does."""
        changed = 0
        if steps.remove is not None:
            changed += connection.execute(self._remove_many, {**whose, "remove": steps.remove}).rowcount
        if steps.put is not None:
            changed += connection.execute(self._put, {**whose, "rows": steps.put, "first": steps.first}).rowcount
        return changed > 0

    def _delete(self, connection: Connection, whose: Mapping[str, Any], change: RowsChange) -> int:
        if change.clear:
            keep = json_list([*change.add, *change.put])
            return connection.execute(self._clear, {**whose, "keep": keep}).rowcount
        remove = json_list(change.remove)
        are_few = len(change.remove) <= _FEW
        if change.remove_where:
            keep = json_list(change.put)
            conditions = or_(self._few if are_few else self._many, *map(self._condition, change.remove_where))
            statement = delete(relations).where(OWNED, conditions, self._unlisted)
            return connection.execute(statement, {**whose, "remove": remove, "keep": keep}).rowcount
        if change.remove:
            statement = self._remove_few if are_few else self._remove_many
            return connection.execute(statement, {**whose, "remove": remove}).rowcount
        return 0

    def _insert(self) -> Any:
        given = self._spelling.lists("rows")
        version = select(membership_state.c.version).where(
            membership_state.c.tenant_id == bindparam("tenant"), membership_state.c.owner == bindparam("owner")
        )
        first = bindparam("first", type_=Integer)
        position = (func.coalesce(version.scalar_subquery(), 0) + 1) * _ORDINALS + first
        place = given.source.c.key
        target = given.field(0)
        rows = (
            select(
                cast(bindparam("tenant"), relations.c.tenant_id.type),
                cast(bindparam("kind"), relations.c.kind.type),
                cast(bindparam("owner"), relations.c.owner.type),
                target,
                cast(position + place, BigInteger),
                given.field(1),
                cast(given.field(2), json_form()),
            )
            .select_from(given.source)
            .where(place.is_not(None))  # SQLite needs a WHERE to tell ON CONFLICT from a join's ON
            .order_by(target)  # one order of locks, so that two writers of the same rows do not deadlock
        )
        names = ["tenant_id", "kind", "owner", "target", "position", "element", "comparison"]
        insert = self._spelling.insert(relations).from_select(names, rows)
        return insert.execution_options(preserve_rowcount=True)

    def _upsert(self) -> Any:
        insert = self._insert()
        return insert.on_conflict_do_update(
            index_elements=[relations.c.tenant_id, relations.c.kind, relations.c.owner, relations.c.target],
            set_={"element": insert.excluded.element, "comparison": insert.excluded.comparison},
            where=relations.c.element != insert.excluded.element,
        )


def first_rows(
    kind: str, owner: str, attribute: Attribute, elements: Mapping[str, Element]
) -> Iterator[dict[str, Any]]:
    """The rows that a resource is made with, as columns of `relations`: those of its first version."""
    for ordinal, (id, element) in enumerate(elements.items()):
        yield {
            "kind": kind,
            "owner": owner,
            "target": id,
            "position": _ORDINALS + ordinal,
            "element": _text(element),
            "comparison": comparison_of(attribute, element),
        }


def first_steps(attribute: Attribute, change: RowsChange) -> Steps:
    """What a change amounts to for a resource that is made meanwhile: its rows stand where `first_rows` puts them."""
    return replace(difference(attribute, change, ()), first=-_ORDINALS)


def difference(attribute: Attribute, change: RowsChange, rows: Iterable[tuple[str, str]]) -> Steps:
    """What a change that clears, or one of no rows, amounts to where these rows, (id, JSON text), are there."""
    wanted = {id: _text(element) for id, element in (*change.add.items(), *change.put.items())}
    remove = []
    for id, text in rows:
        if id not in wanted:
            remove.append(id)
        elif wanted[id] == text or id in change.add:
            del wanted[id]
    elements = change.add | change.put
    put = [(id, text, comparison_of(attribute, elements[id])) for id, text in wanted.items()]
    return Steps(json_list(remove) if remove else None, orjson.dumps(put).decode() if put else None)


def _listed(attribute: Attribute, elements: Mapping[str, Element]) -> str:
    rows = [(id, _text(element), comparison_of(attribute, element)) for id, element in elements.items()]
    return orjson.dumps(rows).decode()


def comparison_of(attribute: Attribute, element: Element) -> str | None:
    """The comparison form of an element as JSON text."""
    form = compare.row_form(attribute, element)
    return None if form is None else _text(form)


def _text(value: Json) -> str:
    return orjson.dumps(dict(value), default=_number).decode()


def _number(value: object) -> orjson.Fragment:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is not JSON")
    return orjson.Fragment(str(value))
