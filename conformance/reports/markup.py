"""HTML, built so that nothing gets into it unescaped: text is escaped unless it was built here."""

from collections.abc import Mapping
from html import escape

from conformance.reports.characters import visible


class Markup(str):
    """HTML. Any other text is text."""

    __slots__ = ()


EMPTY = Markup()


def element(name: str, attributes: Mapping[str, str | None], *children: str) -> Markup:
    """An element. An attribute that is None is left out, one that is empty stands alone."""
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value is not None)
    return Markup(f"<{name}{said}>{joined(*children)}</{name}>")


def joined(*children: str) -> Markup:
    """One after the other."""
    return Markup("".join(child if isinstance(child, Markup) else escape(visible(child)) for child in children))


def _attribute(name: str, value: str) -> str:
    return f' {name}="{escape(visible(value))}"' if value else f" {name}"
