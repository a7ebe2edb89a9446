"""Values inside a comparison form, as SQL sees them: read by type, never cast.

A node is a place in a JSON text (SQLite) or a jsonb (PostgreSQL), or a column that holds a value of its own. It reads
as text, as a number or as a boolean, and is NULL where there is nothing or something of another type, so that no
condition can fail on data. Booleans are 0 and 1 on both engines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Numeric,
    Text,
    and_,
    bindparam,
    case,
    cast,
    collate,
    column,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy import exists as exists_
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

Expression: TypeAlias = ColumnElement[Any]
Condition: TypeAlias = ColumnElement[bool]


class Node(Protocol):
    """One value, or its absence."""

    def text(self) -> Expression:
        """The value where it is text, else NULL."""

    def number(self) -> Expression:
        """The value where it is a number, else NULL."""

    def boolean(self) -> Expression:
        """1 or 0 where it is a boolean, else NULL."""

    def exists(self) -> Condition:
        """Whether there is anything."""

    def present(self) -> Condition:
        """Whether it is, or holds, a value other than the empty string."""


class JsonNode(Node, Protocol):
    """A node whose value may be an object or an array."""

    def at(self, name: str) -> JsonNode:
        """The member of that name."""

    def each(self) -> Elements:
        """The elements of an array; none where it is no array."""


@dataclass(frozen=True, slots=True)
class Elements:
    """An array as rows: one for each element, `place` counting up."""

    source: FromClause
    node: JsonNode
    place: Expression


@dataclass(frozen=True, slots=True)
class ColumnNode:
    """A text column, or an expression of text."""

    column: Expression

    def text(self) -> Expression:
        return self.column

    def number(self) -> Expression:
        return null()

    def boolean(self) -> Expression:
        return null()

    def exists(self) -> Condition:
        return self.column.is_not(None)

    def present(self) -> Condition:
        return and_(self.column.is_not(None), self.column != "")


@dataclass(frozen=True, slots=True)
class NumberNode:
    """A computed number, or 1 and 0 of a boolean: it is always there."""

    value: Expression

    def text(self) -> Expression:
        return null()

    def number(self) -> Expression:
        return self.value

    def boolean(self) -> Expression:
        return self.value

    def exists(self) -> Condition:
        return true()

    def present(self) -> Condition:
        return true()


@dataclass(frozen=True, slots=True)
class Values:
    """All values of a path.

    Without sources there is at most one, `node`; else one for each row of the sources that `where` leaves.
    """

    node: Node
    sources: tuple[FromClause, ...] = ()
    where: tuple[Condition, ...] = ()

    def some(self, test: Callable[[Node], Condition]) -> Condition:
        """Whether a value satisfies the test; may be NULL for no."""
        if not self.sources:
            return test(self.node)
        return any_row(self.sources, *self.where, test(self.node))


def any_row(sources: Sequence[FromClause], *where: Condition) -> Condition:
    """Whether the sources, which depend on the row at hand, have a row for which all conditions hold.

    OFFSET 0 keeps it a look-up for each row at hand. Without fresh statistics PostgreSQL would join, and compare
    each row with all others.
    """
    return exists_(select(literal(1)).select_from(*sources).where(*where).offset(literal_column("0")))


def negated(condition: Condition) -> Condition:
    """The exact complement: true where the condition is false or NULL."""
    return condition.is_not(true())


# SQLite --------------------------------------------------------------------------------------------------------------


def _step(name: str) -> str:
    """A step of a SQLite JSON path. SQLite knows no escape inside the quotes, and no schema has such a name."""
    if '"' in name or "\\" in name:
        raise ValueError(f"{name!r} cannot be the name of an attribute")
    return f'."{name}"'


@dataclass(frozen=True, slots=True)
class SqliteNode:
    """A place in a JSON text; `root` is NULL or valid JSON."""

    root: Expression
    path: str = "$"

    def text(self) -> Expression:
        return case((self._type() == "text", self._value(Text)))

    def number(self) -> Expression:
        return case((self._type() == "integer", self._value(Integer)))

    def boolean(self) -> Expression:
        return case((self._type() == "true", literal_column("1")), (self._type() == "false", literal_column("0")))

    def exists(self) -> Condition:
        return self._type().is_not(None)

    def present(self) -> Condition:
        tree = func.json_tree(self.root, self.path).table_valued("atom", joins_implicitly=True)
        return exists_(select(literal(1)).select_from(tree).where(tree.c.atom.is_not(None), tree.c.atom != ""))

    def at(self, name: str) -> SqliteNode:
        return SqliteNode(self.root, self.path + _step(name))

    def each(self) -> Elements:
        rows = func.json_each(self.root, self.path).table_valued("key", "value", "type", "atom", joins_implicitly=True)
        return Elements(rows, SqliteElement(rows), rows.c.key)

    def _type(self) -> Expression:
        return func.json_type(self.root, self.path)

    def _value(self, kind: Any) -> Expression:
        return func.json_extract(self.root, self.path, type_=kind)


@dataclass(frozen=True, slots=True)
class SqliteElement:
    """A row of json_each: an element of an array."""

    row: FromClause

    def text(self) -> Expression:
        return case((self.row.c.type == "text", self.row.c.atom))

    def number(self) -> Expression:
        return case((self.row.c.type == "integer", self.row.c.atom))

    def boolean(self) -> Expression:
        return case((self.row.c.type == "true", literal_column("1")), (self.row.c.type == "false", literal_column("0")))

    def exists(self) -> Condition:
        return self.row.c.type.is_not(None)

    def present(self) -> Condition:
        simple = and_(self.row.c.atom.is_not(None), self.row.c.atom != "")
        return or_(simple, SqliteNode(self._container()).present())

    def at(self, name: str) -> SqliteNode:
        return SqliteNode(self._container()).at(name)

    def each(self) -> Elements:
        return SqliteNode(self._container()).each()

    def _container(self) -> Expression:
        """The element where it is JSON text; the bare text of a string would be malformed JSON."""
        return case((self.row.c.type.in_(["object", "array"]), self.row.c.value))


# PostgreSQL ----------------------------------------------------------------------------------------------------------

_PRESENT = 'strict $.** ? (@.type() == "string" && @ != "" || @.type() == "number" || @.type() == "boolean")'


@dataclass(frozen=True, slots=True)
class PostgresqlNode:
    """A jsonb value."""

    value: Expression

    def text(self) -> Expression:
        bare = self.value.op("#>>", return_type=Text())(literal_column("'{}'"))
        return collate(case((self._type() == "string", bare)), "C")

    def number(self) -> Expression:
        # Any jsonb number is a numeric, so this cannot fail.
        return case((self._type() == "number", cast(self.value, Numeric)))

    def boolean(self) -> Expression:
        return case(
            (self.value == literal_column("'true'::jsonb"), literal_column("1")),
            (self.value == literal_column("'false'::jsonb"), literal_column("0")),
        )

    def exists(self) -> Condition:
        return self.value.is_not(None)

    def present(self) -> Condition:
        return func.jsonb_path_exists(self.value, cast(literal(_PRESENT), JSONPATH))

    def at(self, name: str) -> PostgresqlNode:
        return PostgresqlNode(self.value.op("->", return_type=JSONB())(bindparam(None, name, type_=Text)))

    def each(self) -> Elements:
        array = case((self._type() == "array", self.value))
        rows = (
            func.jsonb_array_elements(array)
            .table_valued(column("value", JSONB), with_ordinality="key", joins_implicitly=True)
            .render_derived()
        )
        return Elements(rows, PostgresqlNode(rows.c.value), rows.c.key)

    def _type(self) -> Expression:
        return func.jsonb_typeof(self.value)
