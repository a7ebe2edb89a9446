"""A secret shows itself to nobody, and is the same however it was typed."""

import json

import orjson
import pytest

from scim_server.domain.coerce import value
from scim_server.domain.dialect import STRICT, Leniency
from scim_server.domain.project import known
from scim_server.domain.schema import Attribute, Kept, ResourceType, Returned, Schema
from scim_server.domain.secret import Secret, is_hash, secret
from scim_server.errors import InvalidValue

CODE = Attribute("code", returned=Returned.NEVER, kept=Kept.HASHED)
LOCK = ResourceType("Lock", "Lock", "/Locks", "", Schema("urn:lock", "Lock", "", (CODE,)), Schema("", "", "", ()))
HASH = "$argon2id$v=19$m=19456,t=2,p=1$tHdOfGoLnT9RUM/kI+iN6A$GR9edyqn6TFMbdpY2eCx/1vbcaJJB6Ut+zJFEgGWL8k"


@pytest.mark.req("R-CHAR-10", "R-SEC-05")
def test_a_secret_is_in_no_text() -> None:
    shown = secret("swordfish")
    assert "swordfish" not in f"{shown} {shown!r} {[shown]} {vars(type(shown))}"
    for dumps in (json.dumps, orjson.dumps):
        with pytest.raises(TypeError):
            dumps({"code": shown})


SAME = [
    ("e\u0301t\u00e9", "\u00e9te\u0301"),
    ("a\u00a0b", "a b"),
    ("a\u3000b", "a\u2003b"),
]
DIFFERENT = [("Abc", "abc"), ("abc", "\uff41bc"), ("ab", "a b"), ("\u017f", "s")]


@pytest.mark.req("R-I18N-05", "R-I18N-01")
@pytest.mark.parametrize(("one", "other"), SAME)
def test_secrets_that_are_typed_in_another_way_are_the_same(one: str, other: str) -> None:
    assert secret(one) == secret(other)
    assert hash(secret(one)) == hash(secret(other))


@pytest.mark.req("R-I18N-05")
@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_case_and_width_of_a_secret_count(one: str, other: str) -> None:
    assert secret(one) != secret(other)


def test_a_secret_equals_no_text() -> None:
    assert secret("abc") != "abc"
    assert secret("abc").length == 3


@pytest.mark.parametrize("text", ["a\tb", "a\x00b", "\x7f", "line\n"])
def test_a_secret_has_no_control_characters(text: str) -> None:
    with pytest.raises(InvalidValue, match="code: expected a text without a control character"):
        value(CODE, text, Leniency(STRICT))


def test_what_a_client_sends_is_a_secret_and_never_a_hash() -> None:
    assert isinstance(value(CODE, HASH, Leniency(STRICT)), Secret)
    assert isinstance(value(CODE, "", Leniency(STRICT)), Secret)


def test_a_text_from_before_it_was_to_be_hashed_is_dropped() -> None:
    assert known(LOCK, {"code": HASH}) == {"code": HASH}
    assert known(LOCK, {"code": "7351"}) == {}
    assert [is_hash(text) for text in (HASH, "", "$", "$7351", "7351$1$2")] == [True, False, False, False, False]
