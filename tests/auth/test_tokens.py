"""Tokens and their digests."""

import re

import pytest

from scim_server.auth.tokens import digest, issue


@pytest.mark.req("R-AUTH-09")
def test_a_token_carries_256_random_bits_and_says_where_it_belongs() -> None:
    secret = issue(lambda count: f"<{8 * count} bits>")
    assert secret.value == "scim_<256 bits>"


@pytest.mark.req("R-AUTH-09")
def test_no_two_tokens_are_alike_and_each_fits_an_authorization_header() -> None:
    tokens = {issue().value for _ in range(100)}
    assert len(tokens) == 100
    assert [token for token in tokens if not re.fullmatch(r"scim_[A-Za-z0-9_-]{43}", token)] == []


@pytest.mark.req("R-SEC-03")
def test_a_secret_does_not_show_itself() -> None:
    secret = issue()
    assert secret.value not in f"{secret} {secret!r} {[secret]}"


def test_a_digest_is_the_sha_256_in_hexadecimal() -> None:
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
