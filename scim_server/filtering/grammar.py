"""Tokens to a filter, by the library's grammar.

Two things of scim2-filter-parser 0.7.0 are put right here: `and` binds tighter than `or` (R-FILT-05), and a parser
lives for one text, since it keeps state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

from scim2_filter_parser import ast
from scim2_filter_parser.parser import SCIMParser

from scim_server.domain.attrpath import AttrPath
from scim_server.domain.filter import And, Comparison, Elements, Filter, Not, Operator, Or, Presence
from scim_server.errors import InvalidFilter
from scim_server.filtering.lexer import Token


class _Parser(SCIMParser):  # type: ignore[misc]  # the library has no types
    """The library's rules with other precedences. A rule counts only where it stands in the class itself."""

    precedence = (("left", "OR"), ("left", "AND"), ("right", "NOT"))
    track_positions = False

    filter = SCIMParser.filter
    value_path = SCIMParser.value_path
    attr_exp = SCIMParser.attr_exp
    log_exp = SCIMParser.log_exp
    comp_value = SCIMParser.comp_value
    attr_path = SCIMParser.attr_path
    sub_attr = SCIMParser.sub_attr

    def error(self, token: Token | None) -> NoReturn:
        if token is None:
            raise InvalidFilter("The filter ends too early.")
        raise InvalidFilter(f"At character {token.index + 1} of the filter {token.value!r} does not belong there.")


def parse(tokens: Iterator[Token]) -> Filter:
    """The filter that the tokens are. Raises InvalidFilter."""
    return _filter(_Parser().parse(tokens))


def _filter(node: ast.AST) -> Filter:
    node = _bare(node)
    match node:
        case ast.LogExpr():
            return _chain(node)
        case ast.AttrExpr():
            return _attribute_expression(node)
        case ast.Filter(namespace=None):
            return Not(_filter(node.expr))
        case _:
            return Elements(_path(node.namespace), _filter(node.expr))


def _bare(node: ast.AST) -> ast.AST:
    """The node inside of wrappings and parentheses that mean nothing."""
    while isinstance(node, ast.Filter) and not node.negated and node.namespace is None:
        node = node.expr
    return node


def _chain(node: ast.LogExpr) -> And | Or:
    """All terms of one `and` or `or`, however associated. The left side may be long: it is walked, not recursed."""
    kind = And if node.op == "and" else Or
    backwards: list[Filter] = []
    rest: ast.AST = node
    while isinstance(rest, ast.LogExpr) and rest.op == node.op:
        right = _filter(rest.expr2)
        backwards.extend(reversed(right.terms) if isinstance(right, kind) else (right,))
        rest = _bare(rest.expr1)
    backwards.append(_filter(rest))
    return kind(tuple(reversed(backwards)))


def _attribute_expression(node: ast.AttrExpr) -> Filter:
    if isinstance(node.attr_path.attr_name, ast.Filter):
        return _element_expression(node, node.attr_path.attr_name)
    return _leaf(_path(node.attr_path), node)


def _element_expression(node: ast.AttrExpr, elements: ast.Filter) -> Elements:
    """`emails[type eq "work"].value eq "x"`: what comes after the brackets holds for the same element (ENTRA-05).

    The library hands the sub-attribute over to the path before the brackets.
    """
    path = elements.namespace
    condition = _filter(elements.expr)
    leaf = _leaf(AttrPath(path.sub_attr.value), node)
    terms = condition.terms if isinstance(condition, And) else (condition,)
    return Elements(AttrPath(path.attr_name, None, path.uri), And((*terms, leaf)))


def _leaf(path: AttrPath, node: ast.AttrExpr) -> Comparison | Presence:
    operator = Operator(node.value)
    return Presence(path) if operator is Operator.PR else Comparison(path, operator, node.comp_value.value)


def _path(node: ast.AttrPath) -> AttrPath:
    return AttrPath(node.attr_name, node.sub_attr.value if node.sub_attr else None, node.uri)
