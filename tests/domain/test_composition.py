"""Composed text, whatever somebody sends."""

import time
import unicodedata

import pytest

from scim_server.domain.compare import exact, fold
from scim_server.domain.composition import composed
from scim_server.domain.secret import secret

ACUTE, DOT_BELOW, DIALYTIKA_TONOS = "\u0301", "\u0323", "\u0344"

TEXTS = [
    "",
    "Zoe",
    "Zoe\u0308",
    "Zo\u00eb",
    f"Zoe, {'a' * 40}, e{ACUTE}{DOT_BELOW}",
    "e" + (ACUTE + DOT_BELOW) * 8,
    "e" + ACUTE * 64,
    "\ud55c\uae00" * 40,
]


@pytest.mark.req("R-I18N-05")
@pytest.mark.parametrize("text", TEXTS)
def test_what_anybody_writes_is_composed_as_unicode_says(text: str) -> None:
    assert composed(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("base", ["", "e", "\u1ea5", "\uac00"])
@pytest.mark.parametrize("marks", [ACUTE + DOT_BELOW, DIALYTIKA_TONOS, DOT_BELOW])
@pytest.mark.parametrize("count", [8, 9, 16, 17, 31, 33, 64, 65, 300])
def test_composing_again_changes_nothing_however_many_marks_there_are(base: str, marks: str, count: int) -> None:
    text = composed(base + marks * count)
    assert composed(text) == text
    assert unicodedata.normalize("NFC", text) == text


@pytest.mark.parametrize("prepared", [composed, exact, fold, secret])
def test_a_text_of_very_many_marks_stops_nobody(prepared: object) -> None:
    """Put in order all at once, these take more than a minute."""
    assert callable(prepared)
    begun = time.process_time()
    prepared("a" + (ACUTE + DOT_BELOW) * 100_000)
    assert time.process_time() - begun < 10
