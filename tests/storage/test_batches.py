"""Batches: what requests note is written now and then, in one call, by a thread that outlives every fault."""

import logging
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from operator import add
from queue import Queue
from threading import Event, Lock
from typing import Any

import pytest

from scim_server.storage.batches import SECONDS, Batches


class Minutes(Event):
    """An event that is waited for in vain as often as `pass_one` is called, without any time passing."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Queue[float | None] = Queue()
        self._ticks: Queue[bool] = Queue()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.put(timeout)
        return self._ticks.get(timeout=10)

    def pass_one(self) -> None:
        self._ticks.put(False)

    def set(self) -> None:
        super().set()
        self._ticks.put(True)


class Book:
    """Keeps every batch; refuses the first `faults` of them."""

    def __init__(self, faults: int = 0) -> None:
        self.batches: list[dict[str, int]] = []
        self._faults = faults

    def write(self, notes: Mapping[str, int]) -> None:
        if self._faults:
            self._faults -= 1
            raise OSError("the database at db.example.com is away")
        self.batches.append(dict(notes))


def batches(book: Book, **more: Any) -> Batches[str, int]:
    return Batches("some notes", book.write, add, **more)


def test_notes_of_one_key_are_joined_and_written_at_the_end() -> None:
    book = Book()
    noted = batches(book)
    noted.note([("a", 1), ("b", 2)])
    noted.note([("a", 3)])
    assert book.batches == []
    noted.close()
    assert book.batches == [{"a": 4, "b": 2}]


def test_there_is_one_write_a_minute_however_many_notes_and_none_where_nothing_was_noted() -> None:
    book, minutes = Book(), Minutes()
    noted = batches(book, stop=minutes)
    for _ in range(100):
        noted.note([("a", 1)])
    assert minutes.waits.get(timeout=10) == SECONDS == 60
    assert book.batches == []
    minutes.pass_one()
    minutes.waits.get(timeout=10)
    assert book.batches == [{"a": 100}]
    minutes.pass_one()
    minutes.waits.get(timeout=10)
    assert book.batches == [{"a": 100}]
    noted.note([("a", 1)])
    minutes.pass_one()
    minutes.waits.get(timeout=10)
    assert book.batches == [{"a": 100}, {"a": 1}]
    noted.close()
    assert len(book.batches) == 2


def test_without_a_note_there_is_neither_a_thread_nor_a_write() -> None:
    book = Book()
    noted = batches(book, seconds=0.01)
    noted.note([])
    noted.flush()
    noted.close()
    assert book.batches == []
    assert noted._thread is None


def test_what_was_refused_is_joined_with_what_came_meanwhile(caplog: pytest.LogCaptureFixture) -> None:
    book = Book(faults=2)
    noted = batches(book)
    noted.note([("a", 1), ("b", 1)])
    with caplog.at_level(logging.WARNING):
        noted.flush()
        noted.note([("a", 10), ("c", 1)])
        noted.flush()
    noted.close()
    assert book.batches == [{"a": 11, "b": 1, "c": 1}]
    assert caplog.messages == ["some notes not written: OSError"] * 2


def test_the_thread_goes_on_after_a_fault() -> None:
    book, minutes = Book(faults=1), Minutes()
    noted = batches(book, stop=minutes)
    noted.note([("a", 1)])
    for _ in range(2):
        minutes.waits.get(timeout=10)
        minutes.pass_one()
    minutes.waits.get(timeout=10)
    assert book.batches == [{"a": 1}]
    noted.close()


def test_a_note_does_not_wait_for_a_write_that_hangs() -> None:
    writing, done, over = Event(), Event(), Event()

    def write(_: Mapping[str, int]) -> None:
        writing.set()
        done.wait(timeout=10)
        over.set()

    noted: Batches[str, int] = Batches("some notes", write, add)
    noted.note([("a", 1)])
    with ThreadPoolExecutor(1) as pool:
        flushing = pool.submit(noted.flush)
        assert writing.wait(timeout=10)
        noted.note([("b", 1)])
        was_over = over.is_set()
        done.set()
        flushing.result(timeout=10)
    noted.close()
    assert not was_over


def test_notes_of_many_threads_are_all_counted() -> None:
    book = Book()
    noted = batches(book)
    together = Lock()

    def work(_: int) -> None:
        for _ in range(200):
            noted.note([("a", 1)])
        with together:
            noted.flush()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    noted.close()
    assert sum(batch["a"] for batch in book.batches) == 1600


def test_what_is_noted_after_the_end_starts_no_thread_and_is_written_by_the_next_end() -> None:
    book = Book()
    noted = batches(book)
    noted.close()
    noted.note([("a", 1)])
    assert noted._thread is None
    noted.close()
    noted.close()
    assert book.batches == [{"a": 1}]


PROGRAM = """
from operator import add
from scim_server.storage.batches import Batches

noted = Batches("some notes", lambda notes: print(dict(notes), flush=True), add)
noted.note([("a", 1)])
noted.note([("a", 2), ("b", 1)])
"""


def test_what_is_left_when_a_process_ends_is_written_then() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    assert (ended.stdout, ended.stderr) == ("{'a': 3, 'b': 1}\n", "")
