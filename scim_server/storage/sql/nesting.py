"""Who owns an owner: nested rows, followed in either direction by a recursive statement.

    owners_of    up: the owners of a resource, and theirs
    owned_in     down: whom an owner names, and whom the owners among those name

A walk is one row for each level: `fresh` is the set of those that the level found, `seen` of those that were found
before. So every row of `relations` is looked at once whatever the shape of the nesting, a cycle ends the walk, and so
does the last level. Each step is a look-up for each id, on any statistics (`Spelling.looked_up`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, FromClause, Integer, Select, and_, except_, literal_column, select

from scim_server.storage.sql.nodes import any_row
from scim_server.storage.sql.spelling import Spelling
from scim_server.storage.sql.tables import membership_state, relations


def owners_of(spelling: Spelling, source: FromClause, kind: str, levels: int) -> FromClause:
    """The owners of the resource at hand, at most so many steps away: rows of tenant_id, owner and level, the least.

    `source` is `resources`, or a subquery that has its columns; the rows depend on it.
    """
    rows = relations.alias("named_by")
    owner_of = select(rows.c.owner).where(rows.c.tenant_id == source.c.tenant_id, rows.c.kind == kind)

    def above(ids: FromClause) -> Select[Any]:
        return spelling.looked_up(owner_of.correlate(source), rows.c.target, ids)

    walk = _walk(spelling, owner_of.where(rows.c.target == source.c.id), above, levels, [source])
    found = spelling.members_of(walk.c.fresh)
    owner = spelling.by_code_point(found.c.key).label("owner")
    return select(source.c.tenant_id, owner, walk.c.level).select_from(walk, found).correlate(source).subquery()


def owned_in(
    spelling: Spelling, tenant: ColumnElement[Any], owner: ColumnElement[Any], kind: str, levels: int
) -> Select[Any]:
    """The ids of what is named at most so many steps below an owner, each once."""
    rows, owners = relations.alias("names"), membership_state.alias("owns")
    named = select(rows.c.target).where(rows.c.tenant_id == tenant, rows.c.kind == kind)
    # What owns rows has a membership version: by that the walk leaves out the many that own nothing.
    owns = any_row((owners,), owners.c.tenant_id == rows.c.tenant_id, owners.c.owner == rows.c.target)

    def below(ids: FromClause) -> Select[Any]:
        return spelling.looked_up(named.where(owns), rows.c.owner, ids)

    outermost = select(owners.c.owner).where(owners.c.tenant_id == tenant, owners.c.owner == owner)
    walk = _walk(spelling, outermost, below, levels)
    members = spelling.members_of(walk.c.fresh)
    inside = select(members.c.key).select_from(walk, members).subquery("inside")
    return spelling.looked_up(named, rows.c.owner, inside).distinct()


def _walk(
    spelling: Spelling,
    first: Select[Any],
    after: Callable[[FromClause], Select[Any]],
    levels: int,
    source: Sequence[FromClause] = (),
) -> CTE:
    """Rows of level, seen and fresh; `after` selects those next to what is in its argument.

    A walk from a `source` stands where the source is; any other one once at the head of the statement, so that many
    of them make no statement that is too deep for SQLite's parser.
    """
    start = select(
        literal_column("1", Integer).label("level"),
        spelling.no_members().label("seen"),
        spelling.set_of(first.correlate(*source)).label("fresh"),
    ).correlate(*source)
    walk = start.cte("walk", recursive=True, nesting=True) if source else start.cte(recursive=True)

    def ids(members: ColumnElement[Any]) -> Select[Any]:
        return select(spelling.members_of(members).c.key).correlate(walk)

    following = after(spelling.members_of(walk.c.fresh)).correlate(walk, *source)
    new = except_(following, ids(walk.c.seen), ids(walk.c.fresh))
    step = select(walk.c.level + 1, spelling.united(walk.c.seen, walk.c.fresh), spelling.set_of(new))
    goes_on = and_(walk.c.level < levels, walk.c.fresh != spelling.no_members())
    return walk.union_all(step.where(goes_on).correlate(*source))
