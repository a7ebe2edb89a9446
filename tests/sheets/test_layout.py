"""What the columns of a file mean, together with a mapping file and values for every row."""

from pathlib import Path

import pytest

from scim_server.sheets import SheetError, Wishes, read_mapping
from scim_server.sheets.layout import Layout, Translation, layout
from tests.sheets.test_columns import GROUP, USER

pytestmark = pytest.mark.unmeasured
"""What they run of the server, other tests run too: coverage need not follow."""


def laid_out(*header: str, **wishes: object) -> Layout:
    return layout(header, USER, Wishes(**wishes))  # type: ignore[arg-type]


def wanted(found: Layout, *texts: str) -> dict[str, object]:
    return {cell.column.bound.key.rpartition(":")[2]: cell.value for cell in found.cells(texts)}


def test_an_empty_cell_wants_nothing() -> None:
    assert wanted(laid_out("userName", "title", "active"), "ana", "", "TRUE") == {"userName": "ana", "active": True}


def test_the_apostrophe_before_a_formula_is_taken_away() -> None:
    found = laid_out("userName", "title")
    assert wanted(found, "'+1", "'=x") == {"userName": "+1", "title": "=x"}
    assert found.key(("'+1", "")) == "+1"


def test_a_list_has_its_items() -> None:
    assert wanted(laid_out("userName", "roles"), "ana", 'a,"b,c",,d')["roles.value"] == ["a", "b,c", "d"]


def test_what_the_server_alone_writes_is_left_out_and_named() -> None:
    found = laid_out("id", "userName", "groups.display")
    assert wanted(found, "1", "ana", "Sales") == {"userName": "ana"}
    assert found.ignored == ("id", "groups.display")


def test_remarks_are_left_out() -> None:
    found = laid_out("#line", "userName", "#reason")
    assert wanted(found, "7", "ana", "taken") == {"userName": "ana"}
    assert found.ignored == ()


def test_a_mapping_gives_headers_their_meaning() -> None:
    translation = Translation({"Login": "userName", "Remarks": ""}, {"title": "Agent"})
    found = laid_out("Login", "Remarks", "nickName", translation=translation)
    assert wanted(found, "ana", "x", "An") == {"userName": "ana", "nickName": "An", "title": "Agent"}


def test_a_constant_is_for_rows_that_have_nothing_there() -> None:
    found = laid_out("userName", "title", constants=(("title", "Agent"), ("userType", "x")))
    assert wanted(found, "ana", "") == {"userName": "ana", "title": "Agent", "userType": "x"}
    assert wanted(found, "ana", "Boss") == {"userName": "ana", "title": "Boss", "userType": "x"}


@pytest.mark.parametrize("match", [None, "userName", "USERNAME", "urn:ietf:params:scim:schemas:core:2.0:User:userName"])
def test_rows_are_matched_by_the_unique_attribute(match: str | None) -> None:
    assert laid_out("title", "userName", match=match).key(("Agent", "ana")) == "ana"


@pytest.mark.parametrize("match", ["externalId", "id", 'emails[type eq "work"].value'])
def test_rows_are_matched_by_what_is_named(match: str) -> None:
    assert laid_out("userName", match, match=match).key(("ana", "e1")) == "e1"


FAULTS = [
    (("userName", "Login", "Mail"), {}, r"'Login', 'Mail'\. There are: id, externalId, userName"),
    (("userName", ""), {}, "Column 2 has no header"),
    (("userName", "USERNAME"), {}, "'userName' and 'USERNAME' mean the same"),
    (("title",), {}, "There is no column userName"),
    (("userName",), {"match": "externalId"}, "There is no column externalId"),
    (("userName",), {"match": "Login"}, "'Login'"),
    (("userName", "emails"), {"match": "emails"}, "has one value"),
    (("userName", "password"), {"match": "password"}, "can be read"),
    (("userName", "emails.type"), {}, "name the one that is meant"),
    (("userName", "name"), {}, "name has parts"),
    (("userName",), {"constants": (("Login", "x"),)}, "'Login'"),
    (("userName",), {"constants": (("id", "x"),)}, "written by the server alone"),
    (("userName",), {"constants": (("emails.type", "x"),)}, "name the one that is meant"),
    (("userName",), {"translation": Translation({"userName": "Login"})}, "'userName'"),
    (("userName",), {"role": "agent"}, "no roles for User; give an attribute with --set"),
]


@pytest.mark.parametrize(("header", "wishes", "told"), FAULTS, ids=[told for _, _, told in FAULTS])
def test_a_file_whose_columns_mean_nothing_is_refused(header: tuple[str, ...], wishes: dict, told: str) -> None:
    with pytest.raises(SheetError, match=told):
        laid_out(*header, **wishes)


def test_groups_are_matched_by_their_names() -> None:
    assert layout(["displayName", "members"], GROUP, Wishes()).key(("Sales", "")) == "Sales"


def test_a_mapping_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "map.toml"
    path.write_text('[columns]\n" Login " = "userName"\n"x" = ""\n[constants]\n"active" = true\n"a.b" = 5\n"c" = "d"\n')
    assert read_mapping(path) == Translation({"Login": "userName", "x": ""}, {"active": "true", "a.b": "5", "c": "d"})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("columns", "map.toml: "),
        ("[colums]\n", "there is no table 'colums'"),
        ("columns = 1", "columns is to be a table"),
        ("[columns]\nLogin = 1\n", "columns.'Login': a text in quotes"),
        ("[constants]\nx = [1]\n", "constants.'x': a text in quotes"),
    ],
)
def test_a_mapping_file_that_is_none_is_told_of(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(SheetError, match=told):
        read_mapping(path)
