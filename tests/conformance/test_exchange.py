"""What an answer holds, whatever came."""

import json

import pytest

from tests.conformance.fakes import answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<p>",
        b"\xff\xfe",
        b'{"a": NaN}',
        b"[Infinity]",
        b"9" * 5000,
        b"[" * 101 + b"]" * 101,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
)
def test_what_is_no_json_or_could_not_be_shown_is_none(body: bytes) -> None:
    response = answer(200, body)
    assert response.json() is None
    assert not response.is_json


def test_half_a_surrogate_pair_is_replaced() -> None:
    body = answer(200, b'{"id": "\\ud800x", "whole": "\\ud83d\\ude00", "n": 1e5}').json()
    assert body == {"id": "?x", "whole": "\U0001f600", "n": 1e5}
    json.dumps(body, ensure_ascii=False).encode()


def test_null_is_json() -> None:
    response = answer(200, b"null")
    assert response.json() is None
    assert response.is_json
