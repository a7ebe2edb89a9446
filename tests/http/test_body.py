"""Request bodies: sizes, media types, JSON."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from scim_server.domain.schema import Json
from scim_server.errors import InvalidSyntax, InvalidValue, PayloadTooLarge, ScimError, UnsupportedMediaType
from scim_server.http.body import MAX_DEPTH, Count, parse_counted_object, parse_object, read_object

LIMIT = 100


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


READ: list[tuple[bytes, Json]] = [
    (b"{}", {}),
    (b' \r\n\t{"a": null} \n', {"a": None}),
    ('{"userName":"zoë 𝒳"}'.encode(), {"userName": "zoë 𝒳"}),
    (rb'{"a":"\ud835\udcb3 \u00e9 \\u0000"}', {"a": "𝒳 é \\u0000"}),
    (b'{"a":0.1,"b":1.10,"c":-2E+3}', {"a": Decimal("0.1"), "b": Decimal("1.10"), "c": Decimal("-2E+3")}),
    (b'{"a":9223372036854775807,"b":-9223372036854775808}', {"a": 2**63 - 1, "b": -(2**63)}),
    (b'{"a":"A","A":"a"}', {"a": "A", "A": "a"}),
    (b'{"a":"' + b"[{" * 100 + b'"}', {"a": "[{" * 100}),
]


@pytest.mark.req("R-HTTP-03", "R-TYPE-05")
@pytest.mark.parametrize(("body", "value"), READ)
def test_json_is_read_to_the_letter(body: bytes, value: Json) -> None:
    read = parse_object(body)
    assert read == value
    assert repr(read) == repr(value)


REFUSED: list[tuple[bytes, type[ScimError]]] = [
    (b"", InvalidSyntax),
    (b" \n", InvalidSyntax),
    (b"{", InvalidSyntax),
    (b"[]", InvalidSyntax),
    (b'"text"', InvalidSyntax),
    (b"null", InvalidSyntax),
    (b"{} {}", InvalidSyntax),
    (b"{}x", InvalidSyntax),
    (b'{"a":1,}', InvalidSyntax),
    (b"{'a':1}", InvalidSyntax),
    (b"{a:1}", InvalidSyntax),
    (b'{"a":01}', InvalidSyntax),
    (b'{"a":.5}', InvalidSyntax),
    (b'{"a":NaN}', InvalidSyntax),
    (b'{"a":Infinity}', InvalidSyntax),
    (b'{"a":-Infinity}', InvalidSyntax),
    (b'{"a":"\x00"}', InvalidSyntax),
    (b'{"a":"line\nbreak"}', InvalidSyntax),
    (b'{"a":"\\x41"}', InvalidSyntax),
    (b'{"a":1,"a":2}', InvalidSyntax),
    (b'{"a":{"b":[{"c":1,"c":1}]}}', InvalidSyntax),
    (b'{"a":"\xff"}', InvalidSyntax),
    (b'{"a":"\xed\xa0\x80"}', InvalidSyntax),
    (b'\xef\xbb\xbf{"a":1}', InvalidSyntax),
    ('{"a":1}'.encode("utf-16"), InvalidSyntax),
    (nested(MAX_DEPTH + 1), InvalidSyntax),
    (nested(500), InvalidSyntax),
    (nested(100_000), InvalidSyntax),
    (b'{"a":9223372036854775808}', InvalidValue),
    (b'{"a":-9223372036854775809}', InvalidValue),
    (b'{"a":' + b"9" * 5000 + b"}", InvalidValue),
    (b'{"a":1e309}', InvalidValue),
    (b'{"a":1e-400}', InvalidValue),
    (b'{"a":1e999999999999999999999999}', InvalidValue),
    (b'{"a":0.' + b"3" * 5000 + b"}", InvalidValue),
    (rb'{"a":"\u0000"}', InvalidValue),
    (rb'{"a":["\ud800"]}', InvalidValue),
    (rb'{"a":{"\udfff":1}}', InvalidValue),
    (rb'{"a":"\udcb3\ud835"}', InvalidValue),
]


@pytest.mark.req("R-HTTP-15", "R-I18N-09", "R-POST-07", "R-SEC-08")
@pytest.mark.parametrize(("body", "error"), REFUSED, ids=lambda value: repr(value)[:40])
def test_what_is_no_json_object_is_refused(body: bytes, error: type[ScimError]) -> None:
    with pytest.raises(error) as raised:
        parse_object(body)
    assert type(raised.value) is error


def test_the_deepest_object_is_read() -> None:
    assert parse_object(nested(MAX_DEPTH))


def request(body: bytes = b"{}", **headers: str) -> Request:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return EnvironBuilder(method="POST", data=body, headers=list(sent.items())).get_request()


ACCEPTED_TYPES = [
    "application/scim+json",
    "application/json",
    "application/scim+json; charset=utf-8",
    "application/json;charset=UTF-8;odd=yes",
    "APPLICATION/JSON",
    "application/vnd.api+json",
    "text/json",
    "",
]


@pytest.mark.req("R-HTTP-07", "OKTA-40", "GOOG-02")
@pytest.mark.parametrize("media_type", ACCEPTED_TYPES)
def test_json_is_taken_under_any_of_its_names(media_type: str) -> None:
    assert read_object(request(Content_Type=media_type), LIMIT) == {}


def test_a_body_without_a_media_type_is_taken_as_json() -> None:
    assert read_object(request(), LIMIT) == {}


@pytest.mark.req("R-HTTP-07")
@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "text/xml", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "json"],
)
def test_other_media_types_are_refused_before_the_body_is_read(media_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_object(request(b"\xff", Content_Type=media_type), LIMIT)


def test_a_compressed_body_is_refused_with_what_is_taken_instead() -> None:
    with pytest.raises(UnsupportedMediaType) as raised:
        read_object(request(Content_Encoding="gzip"), LIMIT)
    assert raised.value.headers == {"Accept-Encoding": "identity"}


def padded(size: int) -> bytes:
    return b"{" + b" " * (size - 2) + b"}"


class Chunked(BytesIO):
    """A body without a length, of which every read gives a few bytes."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, size) if size is not None and size >= 0 else 7)


def chunked(body: bytes) -> tuple[Request, Chunked]:
    stream = Chunked(body)
    environ: dict[str, Any] = EnvironBuilder(method="POST").get_environ()
    environ.pop("CONTENT_LENGTH", None)
    return Request({**environ, "wsgi.input": stream, "wsgi.input_terminated": True}), stream


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert read_object(request(padded(LIMIT)), LIMIT) == {}
    assert read_object(chunked(padded(LIMIT))[0], LIMIT) == {}


@pytest.mark.parametrize("size", [LIMIT + 1, 50 * LIMIT])
@pytest.mark.parametrize("made", [request, lambda body: chunked(body)[0]], ids=["with length", "chunked"])
def test_a_larger_body_is_refused_and_the_connection_closed(made: Callable[[bytes], Request], size: int) -> None:
    with pytest.raises(PayloadTooLarge, match=str(LIMIT)) as raised:
        read_object(made(padded(size)), LIMIT)
    assert raised.value.headers == {"Connection": "close"}


def test_what_a_client_still_sends_is_taken_so_that_it_can_read_the_answer() -> None:
    sent, stream = chunked(padded(50 * LIMIT))
    with pytest.raises(PayloadTooLarge):
        read_object(sent, LIMIT)
    assert stream.tell() == 50 * LIMIT


def test_only_a_bounded_amount_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scim_server.http.body._DRAINED", 2 * LIMIT)
    sent, stream = chunked(padded(50 * LIMIT))
    with pytest.raises(PayloadTooLarge):
        read_object(sent, LIMIT)
    assert stream.tell() <= 3 * LIMIT + 1


def test_where_json_ends_is_told() -> None:
    with pytest.raises(InvalidSyntax, match="line 2, column 7"):
        parse_object(b'{"a": 1,\n "b": x}')


def test_a_large_body_is_read() -> None:
    members = [{"value": f"{number:032x}", "type": "User"} for number in range(5000)]
    assert parse_object(json.dumps({"members": members}).encode()) == {"members": members}


# Counted members

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(["Operations", "operations", "schemas", "a", ""]), JSON, max_size=5)
SPACES = st.sampled_from([None, 1, "\t"])


def outcome(parse: Callable[[bytes], Json], body: bytes) -> Any:
    """What comes of a body: its value, or the class of the error."""
    try:
        return parse(body)
    except ScimError as error:
        return type(error)


def counted(most: int) -> Callable[[bytes], Json]:
    return lambda body: parse_counted_object(body, Count("Operations", most, "maxOperations"))


@given(OBJECTS, SPACES)
def test_counting_changes_nothing_about_what_is_read(value: dict[str, Json], indent: int | str | None) -> None:
    body = json.dumps(value, indent=indent).encode()
    assert outcome(counted(100), body) == outcome(parse_object, body)


@pytest.mark.req("R-HTTP-15", "R-SEC-08")
@given(OBJECTS, SPACES, st.data())
def test_counting_changes_nothing_about_what_is_refused(
    value: dict[str, Json], indent: int | str | None, data: st.DataObject
) -> None:
    text = json.dumps(value, indent=indent)
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, min(at + 2, len(text))))
    instead = data.draw(st.sampled_from(["", ",", ":", "[", "]", "{", "}", '"', "1", " ", "x", "\\", '"Operations":']))
    body = (text[:at] + instead + text[until:]).encode()
    assert outcome(counted(100), body) == outcome(parse_object, body)


@pytest.mark.parametrize("body", [case[0] for case in READ])
def test_what_is_read_to_the_letter_is_so_when_counted(body: bytes) -> None:
    assert parse_counted_object(body, Count("a", 10, "maxOperations")) == parse_object(body)


@pytest.mark.req("R-BULK-03")
@pytest.mark.parametrize("name", ["Operations", "operations", "OPERATIONS", r"Oper\u0061tions"])
def test_as_many_elements_as_may_be_are_read_and_no_more(name: str) -> None:
    def body(elements: int) -> bytes:
        return f'{{"x": [1, 2, 3, 4], "{name}": [{",".join("0" * elements)}]}}'.encode()

    for elements in range(4):
        assert outcome(counted(3), body(elements)) == outcome(parse_object, body(elements))
    with pytest.raises(PayloadTooLarge, match="Operations has more than 3 elements, the maxOperations"):
        counted(3)(body(4))


@pytest.mark.req("R-BULK-03")
def test_nothing_behind_the_element_that_is_one_too_many_is_parsed() -> None:
    with pytest.raises(PayloadTooLarge):
        counted(2)(b'{"Operations": [{}, {}, {}' + b"[" * 1_000_000)
