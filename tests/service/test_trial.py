"""A storage whose writes are undone, over one that only notes what it is asked."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from scim_server.errors import NotFound
from scim_server.service.trial import Trial
from scim_server.storage.base import Storage, Transaction


class Asked:
    """Answers whatever it is asked with the question; keeps a write whose work ends, drops one whose work raises."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *arguments: (name, *arguments)

    def write(self, tenant: int, work: Callable[[Transaction], Any]) -> Any:
        written: list[str] = []
        result = work(cast("Transaction", written))
        self.kept += written
        return result


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def trial(asked: Asked) -> Trial:
    return Trial(cast("Storage", asked))


def writing(transaction: Transaction) -> str:
    cast("list[str]", transaction).append("row")
    return "done"


def test_a_write_comes_to_what_it_would_and_nothing_is_kept(trial: Trial, asked: Asked) -> None:
    assert trial.write(1, writing) == "done"
    assert asked.kept == []
    asked.write(1, writing)
    assert asked.kept == ["row"]


def test_a_write_that_fails_fails_as_it_would(trial: Trial) -> None:
    def fail(transaction: Transaction) -> None:
        raise NotFound

    with pytest.raises(NotFound):
        trial.write(1, fail)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("read", (1, "User", "id", frozenset(), None)),
        ("elements", (1, "Group", "id", "members", None, "page")),
        ("prepare", (1, "Group", "id", "members", "change")),
        ("search", (1, "query", frozenset())),
        ("readiness", ("stamp",)),
    ],
)
def test_what_only_looks_is_passed_on(trial: Trial, name: str, arguments: tuple[Any, ...]) -> None:
    assert getattr(trial, name)(*arguments) == (name, *arguments)


def test_what_was_undone_is_streamed_to_nobody(trial: Trial) -> None:
    assert getattr(trial, "stream")(1, "Group", "id", frozenset(), None) is None  # noqa: B009 of any types
