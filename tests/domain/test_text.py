"""Which text can be kept."""

import pytest

from scim_server.domain.schema import Json
from scim_server.domain.text import is_storable


@pytest.mark.req("R-I18N-09")
@pytest.mark.parametrize("value", ["", "é 𝒳 \t\n\x01", 1, None, {}, [], {"a": ["b", {"c": "\ue000"}]}])
def test_text_of_whole_characters_is_kept(value: Json) -> None:
    assert is_storable(value)


@pytest.mark.req("R-I18N-09")
@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "\udfff x"])
@pytest.mark.parametrize("depth", range(3))
def test_nul_and_half_characters_are_not_wherever_they_are(text: str, depth: int) -> None:
    for value in (text, {text: 1}, ["a", text]):
        inner: Json = value
        for _ in range(depth):
            inner = {"a": [inner]}
        assert not is_storable(inner)
