"""Sealed tokens: whoever has not the key can neither read nor change nor move one."""

import re
from itertools import count
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.auth.seal import KEY_BYTES, LONGEST, Seal

KEY: Final = bytes(range(KEY_BYTES))
BOUND: Final = b"tenant 1, client a, all users"
PLAIN: Final = b'["Jensen"]'
SEAL: Final = Seal(lambda: KEY, random=lambda size: bytes(range(size)))
TOKEN: Final = SEAL.close(PLAIN, BOUND)
URL_TEXT: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def opened(token: str, bound: bytes = BOUND, key: bytes = KEY) -> bytes | None:
    return Seal(lambda: key).open(token, bound)


@pytest.mark.req("R-CUR-02")
@given(plain=st.binary(max_size=200), bound=st.binary(max_size=200))
def test_what_is_closed_opens_again_and_consists_of_unreserved_characters(plain: bytes, bound: bytes) -> None:
    token = Seal(lambda: KEY).close(plain, bound)
    assert re.fullmatch(r"[A-Za-z0-9._~-]+", token)
    assert opened(token, bound) == plain


@pytest.mark.req("R-CUR-16")
def test_a_token_shows_nothing_of_what_is_in_it_and_is_never_the_same_twice() -> None:
    seal = Seal(lambda: KEY)
    tokens = {seal.close(b"Jensen" * 10, BOUND) for _ in range(50)}
    assert len(tokens) == 50
    # Beyond the version, no two have even their beginning in common.
    assert len({token[2:10] for token in tokens}) == 50


@pytest.mark.req("R-CUR-16")
@pytest.mark.parametrize(("more", "over"), [(b"", 0), (b" ", 2), (b"  ", 3)])
def test_a_token_with_another_character_at_any_place_does_not_open(more: bytes, over: int) -> None:
    """At the last one too, whose spare bits, where a token is no whole number of fours, a lenient decoder overlooks."""
    token = SEAL.close(PLAIN + more, BOUND)
    assert len(token) % 4 == over
    assert opened(token) == PLAIN + more
    others = {token[:place] + other + token[place + 1 :] for place in range(len(token)) for other in URL_TEXT}
    assert [other for other in others - {token} if opened(other) is not None] == []


@pytest.mark.req("R-CUR-16")
def test_a_part_of_a_token_does_not_open() -> None:
    size = len(TOKEN)
    parts = {TOKEN[begin:end] for begin in range(size) for end in range(begin, size + 1)} - {TOKEN}
    assert [part for part in parts if opened(part) is not None] == []


@pytest.mark.req("R-CUR-16")
@given(more=st.text(min_size=1, max_size=50))
def test_a_token_with_something_around_it_does_not_open(more: str) -> None:
    assert opened(TOKEN + more) is None
    assert opened(more + TOKEN) is None


@pytest.mark.req("R-CUR-16")
@given(st.one_of(st.text(max_size=200), st.text(URL_TEXT, max_size=200)))
def test_what_nobody_closed_does_not_open(token: str) -> None:
    assert opened(token) is None


@pytest.mark.parametrize("spelling", ["{}=", "{}\n", " {}", "{}==", "%s{}", "{}."])
def test_only_the_text_that_was_given_out_opens(spelling: str) -> None:
    assert opened(spelling.format(TOKEN)) is None
    assert opened(TOKEN.replace("A", "Ａ", 1)) is None


@pytest.mark.req("R-CUR-14")
@given(bound=st.binary(max_size=100))
def test_a_token_opens_for_what_it_is_bound_to_alone(bound: bytes) -> None:
    assert (opened(TOKEN, bound) is not None) == (bound == BOUND)


def test_a_token_of_another_key_does_not_open() -> None:
    assert opened(TOKEN, key=bytes(KEY_BYTES)) is None


def test_a_token_of_another_version_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scim_server.auth.seal._VERSION", b"\x02")
    later = Seal(lambda: KEY).close(b"[]", BOUND)
    assert opened(later) == b"[]"
    assert opened(TOKEN) is None
    monkeypatch.undo()
    assert opened(later) is None


def test_a_token_that_is_too_long_is_not_looked_at() -> None:
    whole = Seal(lambda: KEY).close(bytes(LONGEST), BOUND)
    assert len(whole) > LONGEST
    assert opened(whole) is None


def test_the_key_is_read_once_and_not_before_it_is_needed() -> None:
    reads = count()
    seal = Seal(lambda: bytes([next(reads)]) * KEY_BYTES)
    assert next(reads) == 0
    token = seal.close(b"x", BOUND)
    assert seal.open(token, BOUND) == b"x"
    assert next(reads) == 2


def test_the_nonce_comes_from_the_source_of_randomness_that_is_given() -> None:
    seal = Seal(lambda: KEY, random=lambda size: bytes(size))
    assert seal.close(b"x", BOUND) == seal.close(b"x", BOUND)
    assert seal.close(b"x", BOUND) != seal.close(b"x", b"")
