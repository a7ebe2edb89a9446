"""docs/connectors.md says what the code does: a row for each quirk of each dialect, and none that does not exist."""

import re
from pathlib import Path

import pytest

from scim_server.connectors import DIALECTS
from scim_server.domain.dialect import Dialect

PAGE = Path(__file__).parents[2] / "docs" / "connectors.md"
CONNECTORS = ["entra", "okta", "google"]
COLUMNS = 5


def counted(dialect: Dialect) -> set[str]:
    """The names under which the uses of a dialect are counted."""
    functions = (*dialect.repairs, *dialect.rewrites, *dialect.body_rewrites)
    return {*dialect.tolerances, *(f.__name__.replace("_", "-") for f in functions)}


def section(title: str) -> str:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {title}\n")
    return rest.partition("\n## ")[0]


def rows(title: str) -> list[list[str]]:
    """The cells of the rows of a section's first table."""
    table = section(title).partition("| --- |")[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(title: str) -> list[str]:
    return [row[0].strip("`") for row in rows(title)]


@pytest.mark.parametrize("title", CONNECTORS)
def test_a_connectors_table_has_each_of_its_quirks_once(title: str) -> None:
    assert sorted(names(title)) == sorted(counted(DIALECTS[title]))


def test_the_generic_table_has_what_is_in_no_other() -> None:
    others = set().union(*(counted(DIALECTS[title]) for title in CONNECTORS))
    assert set(names("generic")) == counted(DIALECTS["generic"]) - others


@pytest.mark.parametrize("title", [*CONNECTORS, "generic"])
def test_every_row_is_complete_and_gives_evidence(title: str) -> None:
    for row in rows(title):
        assert len(row) == COLUMNS, row
        assert all(row), row
        assert re.search(r"\b(ENTRA|OKTA|GOOG|X|R-[A-Z]+)-\d\d\b", row[-1]), row


def test_the_page_names_no_quirk_that_does_not_exist() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", text))
    assert named == counted(DIALECTS["generic"])


def test_the_page_lists_the_dialects() -> None:
    introduction = PAGE.read_text(encoding="utf-8").partition("\n## ")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", introduction, re.MULTILINE)) == sorted(DIALECTS)
