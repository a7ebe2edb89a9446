"""One cell: what a spreadsheet could run is guarded, and every text comes back as it went."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scim_server.domain.schema import Attribute, AttributeType
from scim_server.errors import InvalidValue
from scim_server.sheets import cells

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
RISKY = st.text("'=+-@\t\r\n＝a1,;\" ", max_size=6)


@given(TEXTS | RISKY)
@example("'=1")
@example("''@")
@example("'")
def test_what_is_guarded_comes_back_as_it_was(text: str) -> None:
    assert cells.unguarded(cells.guarded(text)) == text


@given(TEXTS | RISKY)
def test_no_guarded_text_begins_as_a_formula_does(text: str) -> None:
    assert not cells.guarded(text).startswith(tuple("=+-@\t\r\n＝＋－＠"))


@pytest.mark.parametrize("text", ["=1+1", "+12015550123", "-1", "@sum", "\tx", "\rx", "\n=x", "＝1", "'=1", "''+1"])
def test_what_a_spreadsheet_could_run_has_an_apostrophe_before_it(text: str) -> None:
    assert cells.guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Ana", "'", "'Ana'", "O'Neil", "a=b", " =1", "1-2"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert cells.guarded(text) == cells.unguarded(text) == text


@given(st.lists(TEXTS | RISKY))
def test_a_list_comes_back_from_its_cell(texts: list[str]) -> None:
    assert cells.items(cells.joined(texts)) == texts


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("a", ["a"]),
        ("a, b,c", ["a", "b", "c"]),
        ('"Sales, West",b', ["Sales, West", "b"]),
        ('"say ""hi"""', ['say "hi"']),
        ("a,,b", ["a", "", "b"]),
    ],
)
def test_items_are_separated_by_commas(text: str, items: list[str]) -> None:
    assert cells.items(text) == items


@pytest.mark.parametrize("text", ['"a', '"a"b', "a\nb"])
def test_a_list_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        cells.items(text)


@given(TEXTS | RISKY)
def test_a_quoted_text_is_one_cell_of_a_csv_file(text: str) -> None:
    assert list(csv.reader(io.StringIO(cells.quoted(text), newline=""), strict=True)) == [[text]]


VALUES: list[tuple[AttributeType, str, Any]] = [
    (AttributeType.BOOLEAN, "TRUE", True),
    (AttributeType.BOOLEAN, " false ", False),
    (AttributeType.BOOLEAN, "yes", "yes"),
    (AttributeType.INTEGER, "5", 5),
    (AttributeType.INTEGER, " -7 ", -7),
    (AttributeType.INTEGER, "007", "007"),
    (AttributeType.INTEGER, "five", "five"),
    (AttributeType.DECIMAL, "1.50", Decimal("1.50")),
    (AttributeType.STRING, " 5 ", " 5 "),
    (AttributeType.STRING, "true", "true"),
    (AttributeType.DATE_TIME, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("kind", "text", "value"), VALUES)
def test_a_text_is_the_value_that_it_means_for_the_type(kind: AttributeType, text: str, value: Any) -> None:
    found = cells.value_of(Attribute("x", kind), text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (12, "12"), (Decimal("1E+3"), "1000"), ("x", "x")]
)
def test_a_value_is_shown_as_it_is_read(value: Any, text: str) -> None:
    assert cells.text_of(value) == text
