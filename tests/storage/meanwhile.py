"""What one transaction does while another one is under way."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from scim_server.storage.base import Transaction

Work = Callable[[Transaction], Any]
Write = Callable[[Work], Any]
"""Runs work in a transaction of one tenant."""


def meanwhile(write: Write, first: Work, then: Callable[[], Any]) -> tuple[bool, Any]:
    """Do `then` after `first` and before its commit, or its end by LookupError: whether it waited for that, and what
    it came to.
    """
    begun: list[Future[Any]] = []
    waited: list[bool] = []

    def work(transaction: Transaction) -> None:
        try:
            first(transaction)
        finally:
            begun.append(pool.submit(then))
            waited.append(not _is_done(begun[0]))

    with ThreadPoolExecutor(1) as pool:
        with suppress(LookupError):
            write(work)
        return waited[0], begun[0].result(10)


def _is_done(future: Future[Any]) -> bool:
    try:
        future.result(0.2)
    except TimeoutError:
        return False
    return True


def doing(work: Work) -> Work:
    """The same; so that a short one may have a name."""
    return work


def and_gives_up(work: Work) -> Work:
    def gives_up(transaction: Transaction) -> None:
        work(transaction)
        raise LookupError

    return gives_up
