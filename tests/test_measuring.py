"""What coverage follows, and what it leaves out."""

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.measuring import FOLLOW_THE_STARTED, unmeasured


def follow(_frame: Any, _event: str, _argument: Any) -> None:
    """Stands in for what follows a process: coverage, or a debugger."""


def followers() -> tuple[Any, Any, str | None]:
    return sys.gettrace(), threading.gettrace(), os.environ.get(FOLLOW_THE_STARTED)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(FOLLOW_THE_STARTED, raising=False)
    here, in_threads, _ = followers()
    threading.settrace(follow)
    sys.settrace(follow)
    yield
    threading.settrace(in_threads)
    sys.settrace(here)


def test_where_coverage_runs_nothing_is_followed_inside_and_all_is_afterwards(
    followed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLLOW_THE_STARTED, "settings")
    with unmeasured():
        inside = followers()
    assert (inside, followers()) == ((None, None, None), (follow, follow, "settings"))


def test_a_debugger_without_coverage_goes_on_inside(followed: None) -> None:
    with unmeasured():
        inside = followers()
    assert inside == followers() == (follow, follow, None)
