"""Who owns an owner: nested rows, followed in either direction by a recursive statement.

    owners_of    up: the owners of a resource, and theirs
    owners_in    down: an owner, and the owners among those that it names

A walk is one row for each level: `fresh` is the set of those that the level found, `seen` of those that were found
before. So every row of `relations` is looked at once whatever the shape of the nesting, a cycle ends the walk, and so
does the last level.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Integer, Select, and_, except_, literal_column, select

from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import membership_state, relations


def owners_of(spelling: Spelling, source: FromClause, kind: str, levels: int) -> FromClause:
    """The owners of the resource at hand, at most so many steps away: rows of tenant_id, owner and level, the least.

    `source` is `resources`, or a subquery that has its columns; the rows depend on it.
    """
    rows = relations.alias("named_by")
    whose = and_(rows.c.tenant_id == source.c.tenant_id, rows.c.kind == kind)

    def above(ids: FromClause) -> Select[Any]:
        return select(rows.c.owner).join_from(ids, rows, and_(whose, rows.c.target == ids.c.key))

    direct = select(rows.c.owner).where(whose, rows.c.target == source.c.id)
    walk = _walk(spelling, direct, above, levels, source)
    found = spelling.members_of(walk.c.fresh)
    owner = spelling.by_code_point(found.c.key).label("owner")
    return select(source.c.tenant_id, owner, walk.c.level).select_from(walk, found).correlate(source).subquery()


def owners_in(
    spelling: Spelling, tenant: ColumnElement[Any], owner: ColumnElement[Any], kind: str, levels: int
) -> Select[Any]:
    """The ids of the owner and of the owners nested in it, such that who is named there is at most so many steps away.

    What owns rows has a membership version: by that the walk leaves out the many that own nothing.
    """
    rows, owners = relations.alias("names"), membership_state.alias("owns")
    whose = and_(rows.c.tenant_id == tenant, rows.c.kind == kind)

    def below(ids: FromClause) -> Select[Any]:
        named = select(owners.c.owner).join_from(ids, rows, and_(whose, rows.c.owner == ids.c.key))
        return named.join(owners, and_(owners.c.tenant_id == tenant, owners.c.owner == rows.c.target))

    outermost = select(owners.c.owner).where(owners.c.tenant_id == tenant, owners.c.owner == owner)
    walk = _walk(spelling, outermost, below, levels)
    found = spelling.members_of(walk.c.fresh)
    return select(spelling.by_code_point(found.c.key)).select_from(walk, found)


def _walk(
    spelling: Spelling, first: Select[Any], after: Callable[[FromClause], Select[Any]], levels: int, *source: FromClause
) -> CTE:
    """Rows of level, seen and fresh; `after` selects those next to what is in its argument."""
    walk = (
        select(
            literal_column("1", Integer).label("level"),
            spelling.no_members().label("seen"),
            spelling.set_of(first.correlate(*source)).label("fresh"),
        )
        .correlate(*source)
        .cte("walk", recursive=True, nesting=True)
    )
    seen, fresh = spelling.members_of(walk.c.seen), spelling.members_of(walk.c.fresh)
    new = except_(
        after(spelling.members_of(walk.c.fresh)).correlate(walk, *source),
        select(seen.c.key).correlate(walk),
        select(fresh.c.key).correlate(walk),
    )
    step = select(
        walk.c.level + 1, spelling.united(walk.c.seen, walk.c.fresh), spelling.set_of(select(new.subquery("new")))
    )
    goes_on = and_(walk.c.level < levels, walk.c.fresh != spelling.no_members())
    return walk.union_all(step.where(goes_on).correlate(*source))
