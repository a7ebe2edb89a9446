"""What the query string and the body of a search ask for."""

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from scim_server import filtering
from scim_server.connectors import dialect
from scim_server.domain.attrpath import AttrPath
from scim_server.domain.dialect import Leniency
from scim_server.domain.project import DEFAULT
from scim_server.domain.query import Order, Page
from scim_server.errors import InvalidCount, InvalidFilter, InvalidSyntax, InvalidValue, ScimError
from scim_server.http.messages import read_search
from scim_server.http.parameters import Limits, Parameters, of_query, page_of, query_members, search_request
from scim_server.service.searches import SearchRequest

LIMITS = Limits(filtering.Limits(length=200), page=20, page_max=50)
MESSAGE = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}


def generic() -> Leniency:
    return Leniency(dialect("generic"))


def searched(query: str) -> SearchRequest:
    return search_request(of_query(query.encode()), LIMITS, generic())


def searched_by_body(**members: Any) -> SearchRequest:
    return search_request(read_search({**MESSAGE, **members}, generic()), LIMITS, generic())


PAGES = [
    ("", Page(1, 20)),
    ("startIndex=1&count=10", Page(1, 10)),
    ("startIndex=0", Page(1, 20)),
    ("startIndex=-5", Page(1, 20)),
    ("startIndex=999", Page(999, 20)),
    ("startIndex=%201%20", Page(1, 20)),
    ("startIndex=-0", Page(1, 20)),
    ("count=0", Page(1, 0)),
    ("count=-1", Page(1, 0)),
    ("count=50", Page(1, 50)),
    ("count=51", Page(1, 50)),
    ("count=100000", Page(1, 50)),
    ("count=007", Page(1, 7)),
    ("STARTINDEX=2&COUNT=3", Page(2, 3)),
]


@pytest.mark.req("R-PAGE-01", "R-PAGE-02", "R-PAGE-03", "R-PAGE-04")
@pytest.mark.parametrize(("query", "page"), PAGES)
def test_a_page_is_brought_into_range(query: str, page: Page) -> None:
    assert page_of(of_query(query.encode()), LIMITS) == page


@pytest.mark.req("R-PAGE-08")
@pytest.mark.parametrize("name", ["startIndex", "count"])
@pytest.mark.parametrize(
    "value",
    ["", "abc", "1.0", "1e3", "1_000", "0x10", "--1", "-", "٣", "%00", "1" + "0" * 30, "-1" + "0" * 30, "true", "1,2"],
)
def test_a_number_that_is_none_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidValue, match=name):
        of_query(f"{name}={value}".encode())


CURSORS: list[tuple[str, dict[str, Any], str | None]] = [
    ("", {}, None),
    ("count=1", {"cursor": None}, None),
    ("cursor", {"cursor": ""}, ""),
    ("cursor=", {"Cursor": ""}, ""),
    ("CURSOR=a-_~.", {"CURSOR": "a-_~."}, "a-_~."),
]


@pytest.mark.req("R-CUR-01", "R-CUR-12")
@pytest.mark.parametrize(("query", "members", "cursor"), CURSORS)
def test_an_empty_cursor_is_not_an_absent_one(query: str, members: dict[str, Any], cursor: str | None) -> None:
    assert of_query(query.encode()).cursor == cursor
    assert read_search({**MESSAGE, **members}, generic()).cursor == cursor


@pytest.mark.req("R-SORT-02", "R-SORT-08")
def test_the_sort_is_read() -> None:
    wanted = searched("sortBy=name.familyName&sortOrder=Descending")
    assert (wanted.sort_by, wanted.order) == (AttrPath("name", "familyName"), Order.DESCENDING)
    assert searched("sortBy=userName").order is None


@pytest.mark.req("R-SORT-08")
@pytest.mark.parametrize("query", ["sortBy=", "sortBy=a b", "sortBy=emails[", "sortOrder=down", "sortOrder="])
def test_a_sort_that_is_none_is_an_invalid_value(query: str) -> None:
    with pytest.raises(InvalidValue):
        searched(query)


@pytest.mark.req("R-HTTP-02", "OL-01", "OKTA-10")
@pytest.mark.parametrize(
    "query",
    [
        'filter=userName eq "a+b"'.replace(" ", "%20").replace("+", "%2B"),
        "filter=userName+eq+%22a%2Bb%22",
        "filter=userName+eq+%22a%2Bb%22&",
        "&&filter=userName+eq+%22a%2Bb%22&&",
        "FILTER=userName+eq+%22a%2Bb%22",
    ],
)
def test_a_filter_is_decoded_once(query: str) -> None:
    assert of_query(query.encode()).filter == 'userName eq "a+b"'


def test_a_decoded_percent_sign_stays() -> None:
    assert of_query(b"filter=%2541").filter == "%41"


def test_text_beyond_ascii_may_be_escaped_or_not() -> None:
    text = 'userName eq "zoë 𝒳"'
    assert of_query(f"filter={quote(text)}".encode()).filter == text
    assert of_query(f"filter={text}".encode()).filter == text


@pytest.mark.req("R-I18N-09")
@pytest.mark.parametrize("query", [b"filter=%FF", b"filter=\xff", b"foo=%ED%A0%80", b"%FF=1"])
def test_what_is_not_utf_8_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidValue, match="UTF-8"):
        of_query(query)


@pytest.mark.req("R-HTTP-10", "ENTRA-50")
@pytest.mark.parametrize("query", ["foo=bar", "aadOptscim062020", "aadOptscim062020=true", "=", "&", "a=b&a=c", "_=1"])
def test_unknown_parameters_are_ignored(query: str) -> None:
    assert searched(query) == searched("")


@pytest.mark.parametrize("name", ["filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"])
def test_a_parameter_that_is_given_twice_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="twice"):
        of_query(f"{name}=1&{name}=1".encode())


def test_the_number_of_parameters_is_bounded() -> None:
    with pytest.raises(InvalidValue):
        query_members(b"a=1&" * 101)


@pytest.mark.req("R-FILT-34", "R-FILT-41", "R-FILT-43")
@pytest.mark.parametrize("text", ["", "   ", "userName", "userName eq", 'userName regex "x"', "a eq 1 " * 100])
def test_a_filter_that_is_none_is_never_passed_over(text: str) -> None:
    with pytest.raises(InvalidFilter):
        searched(f"filter={quote(text)}")


NAMES = [
    ("userName", ["userName"]),
    ("userName,name.givenName", ["userName", "name.givenName"]),
    (" userName , nope ", ["userName", "nope"]),
    ("userName,,", ["userName"]),
    (
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"],
    ),
    ("", []),
    (",", []),
]


@pytest.mark.req("R-ATTR-01", "R-ATTR-04", "R-ATTR-09")
@pytest.mark.parametrize(("text", "names"), NAMES)
def test_the_attributes_are_read(text: str, names: list[str]) -> None:
    included = of_query(f"attributes={quote(text)}".encode()).projection
    excluded = of_query(f"excludedAttributes={quote(text)}".encode()).projection
    assert [str(path) for path in included.attributes] == names
    assert [str(path) for path in excluded.excluded] == names


def test_several_lists_of_attributes_are_one() -> None:
    parameters = of_query(b"attributes=userName,title&attributes=emails")
    assert [str(path) for path in parameters.projection.attributes] == ["userName", "title", "emails"]


def test_without_attributes_the_projection_is_the_default_one() -> None:
    assert of_query(b"count=1").projection is DEFAULT
    assert Parameters().projection is DEFAULT


@pytest.mark.req("R-ATTR-08")
def test_both_kinds_of_attributes_at_once_are_refused() -> None:
    with pytest.raises(InvalidValue):
        searched("attributes=userName&excludedAttributes=title")


@pytest.mark.parametrize("text", ["a b", "emails[", "name.given.more", "9lives"])
def test_a_name_that_cannot_be_one_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        searched(f"attributes={quote(text)}")


SAME: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("startIndex=-3&count=-4", {"startIndex": -3, "count": -4}),
    ("count=9000", {"count": 9000}),
    ("filter=userName%20pr&sortBy=title", {"filter": "userName pr", "sortBy": "title"}),
    ("sortBy=title&sortOrder=DESCENDING", {"SORTBY": "title", "sortorder": "DESCENDING"}),
    ("attributes=userName,title", {"attributes": ["userName", "title"]}),
    ("excludedAttributes=members", {"excludedAttributes": ["members"]}),
    ("foo=bar", {"foo": "bar", "filter": None}),
]


@pytest.mark.req("R-SRCH-02", "R-SRCH-04", "R-ATTR-10", "R-HTTP-16")
@pytest.mark.parametrize(("query", "members"), SAME)
def test_a_search_by_body_means_the_same(query: str, members: dict[str, Any]) -> None:
    assert searched_by_body(**members) == searched(query)


SAME_FAILURE: list[tuple[str, dict[str, Any], type[ScimError]]] = [
    ("count=abc", {"count": "abc"}, InvalidValue),
    ("startIndex=1.5", {"startIndex": "1.5"}, InvalidValue),
    ("startIndex=true", {"startIndex": True}, InvalidValue),
    ("sortOrder=up", {"sortOrder": "up"}, InvalidValue),
    ("sortBy=a%20b", {"sortBy": "a b"}, InvalidValue),
    ("filter=", {"filter": ""}, InvalidFilter),
    ("cursor&startIndex=1", {"cursor": "", "startIndex": 1}, InvalidValue),
    ("cursor=x&startIndex=0", {"cursor": "x", "startIndex": 0}, InvalidValue),
    ("cursor&count=abc", {"cursor": "", "count": "abc"}, InvalidCount),
    ("CURSOR=x&count=1.5", {"CURSOR": "x", "count": True}, InvalidCount),
    ("cursor&startIndex=abc", {"cursor": "", "startIndex": "abc"}, InvalidValue),
    ("attributes=a%20b", {"attributes": ["a b"]}, InvalidValue),
    ("attributes=a&excludedAttributes=b", {"attributes": ["a"], "excludedAttributes": ["b"]}, InvalidValue),
]


@pytest.mark.req("R-SRCH-04", "R-CUR-08", "R-CUR-11")
@pytest.mark.parametrize(("query", "members", "error"), SAME_FAILURE)
def test_a_search_by_body_fails_the_same(query: str, members: dict[str, Any], error: type[ScimError]) -> None:
    for attempt in (lambda: searched(query), lambda: searched_by_body(**members)):
        with pytest.raises(error) as raised:
            attempt()
        assert type(raised.value) is error


WRONG_TYPES: list[dict[str, Any]] = [
    {"attributes": "userName"},
    {"attributes": [1]},
    {"excludedAttributes": {"a": 1}},
    {"filter": 1},
    {"filter": ["userName pr"]},
    {"sortBy": {}},
    {"count": "10"},
    {"count": [1]},
    {"startIndex": False},
]


@pytest.mark.req("R-SRCH-02")
@pytest.mark.parametrize("members", WRONG_TYPES)
def test_a_member_of_the_wrong_type_is_refused_by_name(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue, match=next(iter(members))):
        searched_by_body(**members)


def test_a_member_in_two_spellings_is_refused() -> None:
    with pytest.raises(InvalidSyntax, match="startIndex"):
        searched_by_body(startIndex=1, STARTINDEX=2)


def test_the_limits_are_those_that_are_given() -> None:
    assert page_of(Parameters(), replace(LIMITS, page=7)).count == 7


@pytest.mark.parametrize("name", ["attributes", "excludedAttributes"])
def test_more_names_than_anybody_needs_are_refused(name: str) -> None:
    names = ",".join(f"a{number}" for number in range(200))
    searched(f"{name}={names}")
    with pytest.raises(InvalidValue, match="More than 200"):
        searched(f"{name}={names},a200")


@pytest.mark.parametrize("names", [[f"a{number}" for number in range(21)], ["a" * 1001]])
def test_a_long_list_of_names_is_not_kept(names: list[str]) -> None:
    parameters = Parameters(attributes=tuple(names))
    assert [str(path) for path in parameters.projection.attributes] == names
    assert parameters.projection is not parameters.projection


def test_a_short_list_of_names_is_kept() -> None:
    parameters = Parameters(attributes=tuple(f"a{number}" for number in range(20)))
    assert parameters.projection is parameters.projection
