"""A CSV file: how it is encoded, separated and quoted, and on which line its rows stand."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.sheets import Row, Sheet, SheetError
from scim_server.sheets.files import line_of, ragged

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
RISKY = st.text("\"',;\t\r\n =a", max_size=5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.csv"


def sheet(path: Path, content: bytes | str, delimiter: str | None = None) -> Sheet:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Sheet(path, delimiter)


def cells(sheet: Sheet) -> list[tuple[str, ...]]:
    return [row.cells for row in sheet.rows()]


ALIKE = [
    b"a,b\n1,2\n",
    b"a,b\r\n1,2\r\n",
    b"a,b\n1,2",
    b"\xef\xbb\xbfa,b\n1,2\n",
    b'\xef\xbb\xbf"a",b\n"1","2"\n',
    b"a;b\n1;2\n",
    b"a\tb\n1\t2\n",
    b" a , b\n1,2\n",
    b"a,b\n\n1,2\n\r\n",
]


@pytest.mark.req("CC-42")
@pytest.mark.parametrize("content", ALIKE)
def test_files_that_mean_the_same_are_read_alike(path: Path, content: bytes) -> None:
    read = sheet(path, content)
    assert read.header() == ("a", "b")
    assert cells(read) == [("1", "2")]


def test_a_row_knows_its_line_quoted_line_ends_counted(path: Path) -> None:
    read = sheet(path, 'a,b\n1,"x\r\ny\n"\n\n2,z\n3,w')
    assert [(row.line, row.cells) for row in read.rows()] == [(2, ("1", "x\r\ny\n")), (6, ("2", "z")), (7, ("3", "w"))]


def test_a_row_knows_how_much_of_the_file_is_read(path: Path) -> None:
    read = sheet(path, "\ufeffa,b\n1,2\n3,4\n")
    assert [row.end for row in read.rows()] == [11, 15]
    assert read.size == 15


@pytest.mark.parametrize(
    ("header", "separator"),
    [("a", ","), ("a,b", ","), ("a;b", ";"), ("a\tb", "\t"), ('"x,y,z";b', ";"), ('a,"b;c;d;e"', ",")],
)
def test_the_header_tells_what_separates(path: Path, header: str, separator: str) -> None:
    assert sheet(path, f"{header}\n").separator() == separator


def test_what_separates_can_be_told(path: Path) -> None:
    assert cells(sheet(path, "a,b;c\n1,2;3\n", ";")) == [("1,2", "3")]


@pytest.mark.parametrize(("content", "has"), [(b"\xef\xbb\xbfa\n", True), (b"a\n", False), (b"", False)])
def test_a_byte_order_mark_is_seen(path: Path, content: bytes, has: bool) -> None:
    assert sheet(path, content).has_mark is has


FAULTS = [
    (b"", "the file is empty"),
    (b"a\n1\n\xe9\n", "line 3: byte 0xE9 is not UTF-8"),
    (b"\xff\xfea\x00", "is UTF-16"),
    (b"\xfe\xff\x00a", "is UTF-16"),
    (b"a\n1\n\x00\n", "line 3: there is a NUL"),
    (b'a,b\n1,"x\n2,y\n', "line 2: a quote is opened and never closed"),
    (b'a,b\n1,2\n"x"y,3\n', "line 3: a quote inside of a cell"),
    (b"a,b\n1\r2,3\n", "line 2: a carriage return stands alone"),
    (b'a\n"' + b"x" * (5 * 1024 * 1024) + b"\n", "line 2: the line has more than"),
    (b'a\n"' + b"x\n" * (3 * 1024 * 1024), "line 2: a cell has more than"),
]


@pytest.mark.parametrize(("content", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_file_that_cannot_be_read_is_told_of_with_its_line(path: Path, content: bytes, told: str) -> None:
    read = sheet(path, content)
    with pytest.raises(SheetError, match=told):
        read.header(), cells(read)


def test_rows_before_a_fault_are_read(path: Path) -> None:
    rows = sheet(path, b"a\n1\n\xe9\n").rows()
    assert next(rows).cells == ("1",)
    with pytest.raises(SheetError):
        next(rows)


@given(st.lists(st.lists(CELLS | RISKY, min_size=2, max_size=2)), st.sampled_from(",;\t"))
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], by: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.csv"
    written = sheet(path, "".join(line_of(row, by) for row in [["a", "b"], *rows]))
    assert cells(written) == [tuple(row) for row in rows]


def test_a_line_with_one_empty_cell_is_no_empty_line(path: Path) -> None:
    assert cells(sheet(path, line_of(["a"], ",") + line_of([""], ","))) == [("",)]


@pytest.mark.parametrize(("count", "is_ragged"), [(1, True), (2, False), (3, True)])
def test_a_row_with_other_cells_than_the_header_is_ragged(count: int, is_ragged: bool) -> None:
    assert bool(ragged(Row(2, ("x",) * count, 0), ("a", "b"))) is is_ragged
