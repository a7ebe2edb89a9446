"""docs/dialects.md says what the code does: every point once, every switch that there is, and no other."""

import inspect
import re
from itertools import chain
from pathlib import Path

import pytest

from scim_server.catalog import formats
from scim_server.config import manual
from scim_server.connectors import DIALECTS
from scim_server.storage.base import Tenant
from tests.connectors.test_documentation import counted
from tests.http.dialects import CASES
from tests.registries import registry_of
from tests.requirements import Level, read

PAGE = Path(__file__).parents[1] / "docs" / "dialects.md"
TEXT = PAGE.read_text(encoding="utf-8")
SECTIONS = [
    "Where the RFC leaves a choice",
    "Tolerances of single values and operations",
    "Answers without a switch, or with a setting",
]
COLUMNS = ["id", "question", "tolerant dialects", "strict", "switch", "reason"]
POINTS = [f"C-{number:02}" for number in range(1, 41)]
TOLERANCES = counted(DIALECTS["generic"])
UNCOUNTED = {"any-format", "unknown-member"}
SHOWN_ELSEWHERE = {"C-38", "C-39"}
"""Points that need a schema or several requests of their own."""


def table(title: str) -> list[list[str]]:
    """The cells of the rows of a section's table, its heading first."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if not line.startswith("| ---")]


ROWS = [row for title in SECTIONS for row in table(title)[1:]]


def ids(row: list[str]) -> list[str]:
    return row[0].split(", ")


def switches(row: list[str]) -> list[str]:
    return re.findall(r"`([^`]+)`", row[4])


@pytest.mark.parametrize("title", SECTIONS)
def test_each_table_has_the_same_columns(title: str) -> None:
    assert table(title)[0] == COLUMNS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_is_complete(row: list[str]) -> None:
    assert len(row) == len(COLUMNS)
    assert all(row)
    assert all(re.fullmatch(r"C-\d\d|R-[A-Z0-9]+-\d\d|ENTRA-\d\d", id) for id in ids(row))
    assert row[4] == "fixed" or row[4] == ", ".join(f"`{name}`" for name in switches(row))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_strict_differs_where_a_tolerance_is_the_switch_and_nowhere_else(row: list[str]) -> None:
    assert (row[3] != "the same") is bool(TOLERANCES & set(switches(row)))


def test_every_point_stands_once_and_in_order() -> None:
    found = [id for row in ROWS for id in ids(row)]
    assert [id for id in found if id.startswith("C-")] == POINTS
    assert sorted(id for id in found if found.count(id) > 1) == []


def test_every_requirement_is_one_and_all_that_clients_need_are_here() -> None:
    known = {row.id: row.level for row in read()}
    named = {id for row in ROWS for id in ids(row) if id.startswith("R-")}
    assert named <= set(known)
    assert {id for id, level in known.items() if level is Level.COMPAT} <= named


def test_every_tolerance_repair_and_rewrite_is_a_switch_and_every_switch_exists() -> None:
    named = set(chain.from_iterable(map(switches, ROWS)))
    of_tenant = set(re.findall(r'settings\.get\("(\w+)"', inspect.getsource(Tenant)))
    settings = {entry.variable for entry in manual()}
    assert named >= TOLERANCES
    assert named <= TOLERANCES | of_tenant | settings
    # The guard stops who leaves too many; it is no reading of what was sent.
    assert of_tenant - {"guard"} <= named


def test_the_page_names_no_tolerance_that_does_not_exist() -> None:
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", TEXT))
    assert named <= TOLERANCES | set(formats.known())


def test_every_point_is_shown_over_http() -> None:
    shown = {id for case in CASES for id in case.ids}
    assert set(POINTS) - SHOWN_ELSEWHERE <= shown
    assert {row.id for row in read() if row.level is Level.COMPAT} <= shown


@pytest.mark.parametrize("point", sorted(SHOWN_ELSEWHERE))
def test_a_point_that_is_shown_elsewhere_has_its_marker(point: str) -> None:
    tests = PAGE.parents[1] / "tests"
    marker = re.compile(rf'req\([^)]*"{point}"')
    assert any(marker.search(path.read_text(encoding="utf-8")) for path in sorted(tests.rglob("test_*.py")))


def test_every_tolerance_is_shown_over_http() -> None:
    assert {name for case in CASES for name in case.uses} == TOLERANCES - UNCOUNTED


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_differs_is_shown_to_differ(row: list[str]) -> None:
    cases = [case for case in CASES if case.strict and (set(ids(row)) & set(case.ids))]
    named = TOLERANCES & set(switches(row))
    assert bool(named) is any(named & set(case.uses) or named & UNCOUNTED for case in cases)


def test_the_page_lists_the_formats_and_what_has_them() -> None:
    user = registry_of().named("User")
    assert user
    listed = {path: row[0].strip("`") for row in table("Formats")[1:] for path in re.findall(r"`([^`]+)`", row[1])}
    assert listed == {path: form.name for path, form in user.formats.items()}
    assert set(listed.values()) == set(formats.known())
