"""The queue of writers: across processes, with a limit of time, and over a fork."""

import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from scim_server.errors import Unavailable
from scim_server.storage.sql.queue import WriterQueue


def test_a_writer_gives_up_where_another_process_holds_the_queue(tmp_path: Path) -> None:
    # Locks of flock belong to an open file, so a second one here is as good as another process.
    path = tmp_path / "queue"
    queue = WriterQueue(path, 0.1)
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        began = time.monotonic()
        with pytest.raises(Unavailable) as refused, queue.turn():
            pass
        assert time.monotonic() - began >= 0.1
        assert refused.value.headers == {"Retry-After": "1"}
    with queue.turn():
        pass


def test_a_writer_waits_for_another_process(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    queue = WriterQueue(path, 10)
    freed = threading.Event()
    with path.open("w") as other:

        def free() -> None:
            freed.set()
            fcntl.flock(other, fcntl.LOCK_UN)

        fcntl.flock(other, fcntl.LOCK_EX)
        threading.Timer(0.1, free).start()
        with queue.turn():
            assert freed.is_set()


def test_a_child_opens_a_queue_of_its_own_and_leaves_the_parent_its_turn(tmp_path: Path) -> None:
    queue = WriterQueue(tmp_path / "queue", 0.1)
    with queue.turn():
        child = os.fork()
        if not child:
            os._exit(_files_of(tmp_path) + 2 * _gets_a_turn(queue))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pytest.raises(Unavailable), WriterQueue(tmp_path / "queue", 0.05).turn():
            pass


def _files_of(folder: Path) -> int:
    """How many open files of this process are in the folder."""
    return sum(path.is_relative_to(folder) for path in map(Path.resolve, Path("/proc/self/fd").iterdir()))


def _gets_a_turn(queue: WriterQueue) -> bool:
    try:
        with queue.turn():
            return True
    except Unavailable:
        return False
