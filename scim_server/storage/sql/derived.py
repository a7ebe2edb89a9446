"""How the values of derived attributes come about in SQL: what reads them, and what asks for them, starts here.

Everything here depends on a row at hand: of `resources`, or of a subquery that has the columns `tenant_id`, `id` and
`type` of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    distinct,
    exists,
    func,
    literal_column,
    select,
    union,
)

from scim_server.domain.attrpath import BoundPath
from scim_server.domain.filter import BoundFilter
from scim_server.domain.schema import MOST_LEVELS, Absence, Depth, Inverse, Noted, ResourceType, Source, TakenSeats
from scim_server.storage.sql import nesting
from scim_server.storage.sql.nodes import Condition, any_row
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import licence_pools, licence_seats, notes, relations, resources

Expression: TypeAlias = ColumnElement[Any]
Simple: TypeAlias = Depth | Absence | Noted | TakenSeats
"""The derivations that give one simple value, where Noted is of a boolean."""


def kind_of(resource_type: str, attribute: str) -> str:
    """The `kind` of the relations that are the elements of an attribute, which is named by its key."""
    return f"{resource_type}.{attribute}"


class Derivations:
    """Derived values on one engine. `of_document` makes a condition over `resources` of a filter about documents."""

    def __init__(self, spelling: Spelling, of_document: Callable[[BoundFilter, ResourceType], Condition]) -> None:
        self._spelling = spelling
        self._of_document = of_document

    def owners(
        self, source: FromClause, resource_type: ResourceType, inverse: Inverse
    ) -> tuple[FromClause, tuple[Condition, ...]]:
        """Rows of tenant_id and owner, and what holds for those of the resource at hand; of several levels, `level`."""
        if inverse.attribute is None:
            return self._united(source, resource_type, inverse), ()
        kind = kind_of(inverse.resource_type, inverse.attribute)
        if inverse.levels > 1:
            return nesting.owners_of(self._spelling, source, kind, inverse.levels), ()
        rows = relations.alias()
        return rows, _naming(rows, source, kind)

    def _united(self, source: FromClause, resource_type: ResourceType, inverse: Inverse) -> FromClause:
        """The owners of all sources, each once."""
        each = (self._owners_in(source, resource_type, inverse, part) for part in inverse.sources)
        return union(*each).subquery()

    def _owners_in(
        self, source: FromClause, resource_type: ResourceType, inverse: Inverse, part: Source
    ) -> Select[Any]:
        rows = relations.alias()
        found = select(rows.c.tenant_id, rows.c.owner).where(
            *_naming(rows, source, kind_of(inverse.resource_type, part.attribute))
        )
        if part.where is not None:
            found = found.where(self._holds(source, resource_type, part.where))
        return found.correlate(source)

    def _holds(self, source: FromClause, resource_type: ResourceType, condition: BoundFilter) -> Condition:
        """A filter on the resource at hand; a subquery of resources has no comparison form."""
        holds = self._of_document(condition, resource_type)
        if source is resources:
            return holds
        same = and_(resources.c.tenant_id == source.c.tenant_id, resources.c.id == source.c.id)
        # What stands in a FROM is correlated with nothing that is not named.
        return exists(select(literal_column("1")).select_from(resources).where(same, holds).correlate(source))

    def references(self, source: FromClause, resource_type: ResourceType, inverse: Inverse) -> Select[Any]:
        """(owner's id, label) of each owner; of several levels (owner's id, label, level)."""
        found, where = self.owners(source, resource_type, inverse)
        owners = resources.alias("owners")
        same = and_(owners.c.tenant_id == found.c.tenant_id, owners.c.id == found.c.owner)
        if inverse.attribute is not None and inverse.levels == 1:
            joined = select(found.c.owner, owners.c.label).join_from(found, owners, same)
            return joined.where(*where).correlate(source)
        label = select(owners.c.label).where(same).correlate(found).scalar_subquery().label("label")
        level = [found.c.level] if inverse.levels > 1 else []
        return select(found.c.owner, label, *level).where(*where).correlate(source)

    def notes(self, source: FromClause, key: str) -> tuple[FromClause, tuple[Condition, ...]]:
        """The notes under a key, with their `value`, and what holds for those about the resource at hand."""
        rows = notes.alias()
        return rows, (
            rows.c.tenant_id == source.c.tenant_id,
            rows.c.resource_id == source.c.id,
            rows.c.path == key,
        )

    def simple(self, source: FromClause, resource_type: ResourceType, key: str, derivation: Simple) -> Expression:
        """The value of a derived attribute that has a simple one: a number, or 1 and 0 of a boolean; never NULL."""
        match derivation:
            case Depth(above):
                return self._depth(source, resource_type, above)
            case Absence(of):
                return self._absence(source, resource_type, resource_type.inverses[of])
            case Noted():
                rows, about = self.notes(source, key)
                return _flag(any_row((rows,), *about))
            case TakenSeats():
                return _taken_seats(source)

    def _absence(self, source: FromClause, resource_type: ResourceType, inverse: Inverse) -> Expression:
        rows, where = self.owners(source, resource_type, inverse)
        return 1 - _flag(any_row((rows,), *where))

    def _depth(self, source: FromClause, resource_type: ResourceType, above: BoundPath) -> Expression:
        """How many resources there are on the way up, each counted once: a circle ends where it began.

        Each step is a scalar subquery, which is a look-up by the primary key whatever the statistics are; a join could
        go through all resources of the type.
        """
        start = select(
            literal_column("1", Integer).label("level"), self._spelling.by_code_point(source.c.id).label("id")
        ).correlate(source)
        way = start.cte("way", recursive=True, nesting=True)
        step = resources.alias()
        node = self._spelling.node(step.c.comparison)
        for name in above.steps:
            node = node.at(name)

        def looked_up(value: Expression, way: CTE) -> Expression:
            """The value of the resource that a row of the way is at; NULL where it is at none."""
            same = and_(step.c.tenant_id == source.c.tenant_id, step.c.id == way.c.id)
            one = select(value).where(same, step.c.type == resource_type.name)
            return one.correlate(way, source).scalar_subquery()

        following = select(way.c.level + 1, looked_up(node.text(), way)).correlate(source)
        whole = way.union_all(following.where(way.c.level < MOST_LEVELS, way.c.id.is_not(None)))
        met = func.count(distinct(looked_up(step.c.id, whole)), type_=BigInteger)
        return select(met).select_from(whole).correlate(source).scalar_subquery()


def _naming(rows: FromClause, source: FromClause, kind: str) -> tuple[Condition, ...]:
    """Whether rows of that kind name the resource at hand."""
    return rows.c.tenant_id == source.c.tenant_id, rows.c.kind == kind, rows.c.target == source.c.id


def _flag(condition: Condition) -> Expression:
    return case((condition, literal_column("1", Integer)), else_=literal_column("0", Integer))


def _taken_seats(source: FromClause) -> Expression:
    pool, seats = licence_pools.alias(), licence_seats.alias()
    of_pool = and_(seats.c.tenant_id == pool.c.tenant_id, seats.c.pool == pool.c.key, seats.c.holder.is_not(None))
    taken = select(func.count(seats.c.holder, type_=BigInteger)).select_from(pool.join(seats, of_pool))
    shown = (pool.c.tenant_id == source.c.tenant_id, pool.c.resource_id == source.c.id)
    return taken.where(*shown).correlate(source).scalar_subquery()
