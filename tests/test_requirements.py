"""The requirement matrix: what it counts, and when it fails."""

from pathlib import Path

import pytest

from tests import requirements
from tests.requirements import Level, Matrix, Requirement, State

BUILT = Requirement("R-PATCH-01", Level.MUST, "PATCH is there")
OPTIONAL = Requirement("R-PATCH-02", Level.SHOULD, "PATCH is quick")
ELSEWHERE = Requirement("R-EVT-01", Level.MUST, "Events are sent", "No events are sent.")
ROWS = (BUILT, OPTIONAL, ELSEWHERE)
ALL = {"R-PATCH-01": 2, "R-PATCH-02": 1, "ENTRA-20": 1}


def test_a_matrix_without_a_gap_has_no_fault_and_no_warning() -> None:
    matrix = Matrix(ROWS, ALL)
    assert requirements.faults(matrix) == requirements.warnings(matrix) == []
    assert [matrix.state(row) for row in ROWS] == [State.COVERED, State.COVERED, State.NOT_APPLICABLE]


FAULTS = [
    (ROWS, {"R-PATCH-02": 1}, "R-PATCH-01 (MUST) is proved by no test and has no reason: PATCH is there"),
    (ROWS, {**ALL, "R-PATCH-99": 1}, "a test names R-PATCH-99, which has no row"),
    (ROWS, {**ALL, "R-EVT-01": 1}, "R-EVT-01 is proved by a test and has a reason why it need not be: No events are"),
    ((*ROWS, BUILT), ALL, "R-PATCH-01 has 2 rows"),
]


@pytest.mark.parametrize(("rows", "tests", "fault"), FAULTS)
def test_what_does_not_fit_is_a_fault(rows: tuple[Requirement, ...], tests: dict[str, int], fault: str) -> None:
    (found,) = requirements.faults(Matrix(rows, tests))
    assert found.startswith(fault)


def test_a_row_that_is_not_a_must_is_warned_of() -> None:
    matrix = Matrix(ROWS, {"R-PATCH-01": 1})
    assert requirements.faults(matrix) == []
    assert requirements.warnings(matrix) == [
        "R-PATCH-02 (SHOULD) is proved by no test and has no reason: PATCH is quick"
    ]


def test_the_report_tells_each_row_and_counts_them() -> None:
    matrix = Matrix(ROWS, {"R-PATCH-01": 2, "ENTRA-20": 3, "ENTRA-21": 1})
    lines = [*requirements.report(matrix), *requirements.counts(matrix)]
    assert "  R-PATCH-01   MUST   PATCH is there [2 tests]" in lines
    assert "  R-EVT-01     MUST   Events are sent [No events are sent.]" in lines
    assert "  R-PATCH-02   SHOULD PATCH is quick" in lines
    counts = {line.split()[0]: line.split()[1:] for line in lines if line and line.split()[-1].isdigit()}
    assert counts["MUST"] == ["1", "0", "1", "2"]
    assert counts["PATCH"] == ["1", "1", "0", "2"]
    assert counts["all"] == ["1", "1", "1", "3"]
    assert lines[-1].endswith("ENTRA 2.")


def test_the_rows_are_those_of_the_standard_and_what_it_leaves_open() -> None:
    rows = requirements.read()
    assert len(rows) == len({row.id for row in rows}) == 493
    counts = [sum(row.level is level for row in rows) for level in Level]
    assert counts == [279, 60, 26, 112, 16]
    assert all(not row.reason or row.reason.endswith(".") for row in rows)


NAMING = """
import pytest

@pytest.mark.req("R-A-01")
@pytest.mark.parametrize("case", [1, pytest.param(2, marks=pytest.mark.req("R-A-01", "R-A-02"))])
def test_something(case):
    raise AssertionError("nothing runs")
"""


def test_markers_of_a_test_and_of_its_cases_count_once_for_each_case(tmp_path: Path) -> None:
    (tmp_path / "test_names.py").write_text(NAMING)
    assert requirements.collect(tmp_path) == {"R-A-01": 2, "R-A-02": 1}


def test_tests_that_cannot_be_collected_count_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_names.py").write_text(NAMING + "import nothing_of_that_name\n")
    with pytest.raises(RuntimeError, match="nothing_of_that_name"):
        requirements.collect(tmp_path)
