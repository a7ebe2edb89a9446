"""What the two engines spell differently, said once for each.

A list of any length travels as one bind parameter, a JSON text, and becomes rows in the statement, so that one
element and 100,000 are the same prepared statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    FromClause,
    Integer,
    Select,
    SelectBase,
    Table,
    Text,
    any_,
    bindparam,
    case,
    cast,
    collate,
    column,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSON, JSONB, aggregate_order_by

from scim_server.storage.sql.nodes import JsonNode, PostgresqlNode, SqliteNode

Expression = ColumnElement[Any]
Together: TypeAlias = Callable[[Connection, dict[str, Any]], Sequence[Any]]


def json_list(values: Iterable[Any]) -> str:
    """The JSON text of a list parameter."""
    return json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A list parameter as rows: `value` is an element that is text; `field` reads a member of one that is a list."""

    source: FromClause
    value: Expression
    spelling: Spelling

    def field(self, index: int) -> Expression:
        """Member `index` of an element as text, NULL where it is null."""
        return self.spelling.member(self.source.c.value, index)

    def number(self, index: int) -> Expression:
        return cast(self.field(index), BigInteger)


class Spelling(Protocol):
    """One engine's SQL for what differs."""

    has_many_writers: bool
    """Whether transactions write at the same time and wait for each other's rows; else each has the database alone."""

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT."""

    def together(self, first: Any, *others: Any) -> Together:
        """Writes that need not see one another, in the fewest round trips; what comes back is the rows of the first."""

    def named_by(self, id: Expression, ids: Any) -> ColumnElement[bool]:
        """Whether a selection of few ids has the id. The selection drives: it is never probed for each of many rows."""

    def named_by_many(self, id: Expression, ids: Any) -> ColumnElement[bool]:
        """Whether a selection of any number of ids has the id: each row at hand is looked up among them once."""

    def each_of(self, few: FromClause, one: Select[Any]) -> FromClause:
        """The rows of `one`, which depends on a row of `few`, for each of them: a loop over `few` on the outside."""

    def looked_up(self, rows: Select[Any], column: Expression, ids: FromClause) -> Select[Any]:
        """Those of the rows whose column is one of the ids, a look-up for each id in the index that the column ends."""

    def texts(self, parameter: str) -> Listed:
        """A parameter that is a JSON array of strings, as rows."""

    def lists(self, parameter: str) -> Listed:
        """A parameter that is a JSON array of arrays, as rows."""

    def records(self, parameter: str, columns: Sequence[ColumnElement[Any]]) -> FromClause:
        """A parameter that is a JSON array of objects, as rows with these columns. Read in one pass, unlike `lists`."""

    def member(self, element: Expression, index: int) -> Expression:
        """Member `index` of a JSON array as text."""

    def joined(self, rows: Select[Any]) -> Expression:
        """The JSON texts of a selection of (text, position, tie) in their order, as the text of a JSON array."""

    def few_joined(self, rows: Select[Any], most: Expression) -> Expression:
        """As `joined`; NULL where there are more than `most` rows, of which no more are read."""

    def listed(self, rows: Select[Any]) -> Expression:
        """The rows of a selection in the order of their first column: a JSON array of arrays as text."""

    def set_of(self, rows: SelectBase) -> Expression:
        """The texts of a selection, each there once, as a set."""

    def no_members(self) -> Expression:
        """The set of nothing."""

    def united(self, one: Expression, other: Expression) -> Expression:
        """The set of what is in either."""

    def members_of(self, members: Expression) -> FromClause:
        """A set as rows of `key`."""

    def later(self, one: Expression, other: Expression) -> Expression:
        """The greater of two texts, neither of them NULL."""

    def by_code_point(self, text: Expression) -> Expression:
        """A computed text that compares by code point, as the columns do."""

    def node(self, form: Expression) -> JsonNode:
        """A comparison form, to be read."""

    def contains(self, form: Expression, part: Any) -> ColumnElement[bool] | None:
        """Whether a comparison form contains a JSON value, by its index; None where the engine has no such thing."""

    def place_of(self, part: Expression, text: Expression) -> Expression:
        """Where a text has the part: from 1, or 0 for nowhere."""

    def last(self, text: Expression, count: int) -> Expression:
        """The last characters of a text, at least one."""


class SqliteSpelling:
    has_many_writers = False

    def insert(self, table: Table) -> Any:
        return sqlite.insert(table)

    def together(self, first: Any, *others: Any) -> Together:
        def run(connection: Connection, parameters: dict[str, Any]) -> Sequence[Any]:
            rows = connection.execute(first, parameters).all()
            for statement in others:
                connection.execute(statement, parameters)
            return rows

        return run

    def named_by(self, id: Expression, ids: Any) -> ColumnElement[bool]:
        return id.in_(ids)

    def named_by_many(self, id: Expression, ids: Any) -> ColumnElement[bool]:
        return id.in_(ids)

    def each_of(self, few: FromClause, one: Select[Any]) -> FromClause:
        return one.select_from(few).subquery("found")

    def looked_up(self, rows: Select[Any], column: Expression, ids: FromClause) -> Select[Any]:
        return rows.where(column.in_(select(ids.c.key)))

    def texts(self, parameter: str) -> Listed:
        return self.lists(parameter)

    def lists(self, parameter: str) -> Listed:
        rows = func.json_each(bindparam(parameter, type_=Text)).table_valued("key", "value", name="listed")
        return Listed(rows, rows.c.value, self)

    def records(self, parameter: str, columns: Sequence[ColumnElement[Any]]) -> FromClause:
        rows = func.json_each(bindparam(parameter, type_=Text)).table_valued("value", name="listed")
        members = [func.json_extract(rows.c.value, f"$.{c.name}", type_=c.type).label(c.name) for c in columns]
        return select(*members).select_from(rows).subquery(parameter)

    def member(self, element: Expression, index: int) -> Expression:
        return func.json_extract(element, f"$[{index}]", type_=Text)

    def joined(self, rows: Select[Any]) -> Expression:
        _text, position, tie = rows.selected_columns
        ordered = rows.order_by(position, tie).subquery("ordered")
        joined = func.group_concat(ordered.columns[0], ",")
        return select("[" + func.coalesce(joined, "") + "]").select_from(ordered).scalar_subquery()

    def few_joined(self, rows: Select[Any], most: Expression) -> Expression:
        few = rows.limit(most + 1).subquery("few")
        text, position, tie = few.columns
        ordered = select(text).order_by(position, tie).subquery("ordered")
        joined = "[" + func.coalesce(func.group_concat(ordered.columns[0], ","), "") + "]"
        return select(case((func.count() <= most, joined))).select_from(ordered).scalar_subquery()

    def listed(self, rows: Select[Any]) -> Expression:
        ordered = rows.order_by(rows.selected_columns[0]).subquery("ordered")
        row = func.json_array(*ordered.columns)
        return select(func.json_group_array(row, type_=Text)).select_from(ordered).scalar_subquery()

    def set_of(self, rows: SelectBase) -> Expression:
        texts = rows.subquery("texts")
        return select(func.json_group_object(texts.columns[0], 1, type_=Text)).select_from(texts).scalar_subquery()

    def no_members(self) -> Expression:
        return literal_column("'{}'", Text)

    def united(self, one: Expression, other: Expression) -> Expression:
        return func.json_patch(one, other, type_=Text)

    def members_of(self, members: Expression) -> FromClause:
        return func.json_each(members).table_valued("key", joins_implicitly=True)

    def later(self, one: Expression, other: Expression) -> Expression:
        return func.max(one, other, type_=Text)

    def by_code_point(self, text: Expression) -> Expression:
        return text

    def node(self, form: Expression) -> JsonNode:
        return SqliteNode(form)

    def contains(self, form: Expression, part: Any) -> ColumnElement[bool] | None:
        return None

    def place_of(self, part: Expression, text: Expression) -> Expression:
        return func.instr(text, part, type_=Integer)

    def last(self, text: Expression, count: int) -> Expression:
        return func.substr(text, -count, type_=Text)


class PostgresqlSpelling:
    has_many_writers = True

    def insert(self, table: Table) -> Any:
        return postgresql.insert(table)

    def together(self, first: Any, *others: Any) -> Together:
        rows = first.cte("first")
        also = [statement.cte(f"also_{number}") for number, statement in enumerate(others)]
        statement = select(rows).add_cte(*also)

        def run(connection: Connection, parameters: dict[str, Any]) -> Sequence[Any]:
            return connection.execute(statement, parameters).all()

        return run

    def named_by(self, id: Expression, ids: Any) -> ColumnElement[bool]:
        # An array is made before the plan begins, so that no plan can walk all resources and probe for each; without
        # fresh statistics the planner does that with IN.
        condition: ColumnElement[bool] = id == any_(func.array(ids.scalar_subquery()))
        return condition

    def named_by_many(self, id: Expression, ids: Any) -> ColumnElement[bool]:
        # IS TRUE keeps it a hashed look-up. An array is gone through for each row, which took 23 s for 5,000 among
        # 100,000; and without fresh statistics the planner makes a nested loop, which is the same, of a join.
        return id.in_(ids).is_(true())

    def each_of(self, few: FromClause, one: Select[Any]) -> FromClause:
        rows = one.correlate(few).offset(literal_column("0")).lateral("one")
        return select(rows).select_from(few.join(rows, true())).subquery("found")

    def looked_up(self, rows: Select[Any], column: Expression, ids: FromClause) -> Select[Any]:
        # Without fresh statistics an equality looks as cheap in any index that has the column, however far behind, and
        # all that is before it would be read. A range that is ordered leaves the one that has the order.
        one = rows.where(column >= ids.c.key, column <= ids.c.key).order_by(column)
        return select(self.each_of(ids, one))

    def texts(self, parameter: str) -> Listed:
        return self._listed(func.json_array_elements_text, parameter, Text)

    def lists(self, parameter: str) -> Listed:
        return self._listed(func.json_array_elements, parameter, JSON)

    def _listed(self, function: Any, parameter: str, kind: Any) -> Listed:
        array = cast(bindparam(parameter, type_=Text), JSON)
        rows = (
            function(array).table_valued(column("value", kind), with_ordinality="key", name="listed").render_derived()
        )
        return Listed(rows, rows.c.value, self)

    def records(self, parameter: str, columns: Sequence[ColumnElement[Any]]) -> FromClause:
        array = cast(bindparam(parameter, type_=Text), JSON)
        rows = func.json_to_recordset(array).table_valued(*(column(c.name, c.type) for c in columns), name=parameter)
        return rows.render_derived(with_types=True)

    def member(self, element: Expression, index: int) -> Expression:
        return element.op("->>", return_type=Text())(literal_column(str(index)))

    def joined(self, rows: Select[Any]) -> Expression:
        text, position, tie = rows.selected_columns
        joined = func.string_agg(text, aggregate_order_by(literal_column("','"), position, tie))
        return rows.with_only_columns("[" + func.coalesce(joined, "") + "]").scalar_subquery()

    def few_joined(self, rows: Select[Any], most: Expression) -> Expression:
        few = rows.limit(most + 1).subquery("few")
        text, position, tie = few.columns
        joined = func.string_agg(text, aggregate_order_by(literal_column("','"), position, tie))
        found = case((func.count() <= most, "[" + func.coalesce(joined, "") + "]"))
        return select(found).select_from(few).scalar_subquery()

    def listed(self, rows: Select[Any]) -> Expression:
        row = func.json_build_array(*rows.selected_columns)
        array = cast(func.json_agg(aggregate_order_by(row, rows.selected_columns[0])), Text)
        return rows.with_only_columns(func.coalesce(array, "[]")).scalar_subquery()

    def set_of(self, rows: SelectBase) -> Expression:
        texts = rows.subquery("texts")
        members = func.coalesce(func.jsonb_object_agg(texts.columns[0], 1, type_=JSONB), self.no_members())
        return select(members).select_from(texts).scalar_subquery()

    def no_members(self) -> Expression:
        return literal_column("'{}'::jsonb", JSONB)

    def united(self, one: Expression, other: Expression) -> Expression:
        return one.op("||", return_type=JSONB())(other)

    def members_of(self, members: Expression) -> FromClause:
        return func.jsonb_object_keys(members).table_valued(column("key", Text), joins_implicitly=True).render_derived()

    def later(self, one: Expression, other: Expression) -> Expression:
        return func.greatest(one, other, type_=Text)

    def by_code_point(self, text: Expression) -> Expression:
        return collate(text, "C")

    def node(self, form: Expression) -> JsonNode:
        return PostgresqlNode(form)

    def contains(self, form: Expression, part: Any) -> ColumnElement[bool] | None:
        text = json.dumps(part, ensure_ascii=False)
        return form.op("@>", return_type=Boolean())(cast(literal(text, Text), JSONB))

    def place_of(self, part: Expression, text: Expression) -> Expression:
        return func.strpos(text, part, type_=Integer)

    def last(self, text: Expression, count: int) -> Expression:
        return func.right(text, count, type_=Text)


def spelling_of(dialect: str) -> Spelling:
    return SqliteSpelling() if dialect == "sqlite" else PostgresqlSpelling()
